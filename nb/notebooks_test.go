package nb

import (
	"encoding/json"
	"fmt"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/internal/lesson"
)

// TestNotebooksAreCommittedClean holds what every committed notebook must be: for this project's
// kernel, its cells named and within the rules of a lesson, its Go formatted, its outputs pictures
// and words alone, as make lessons saves them, small, and made from what the notebook is now.
func TestNotebooksAreCommittedClean(t *testing.T) {
	var files []string
	for _, pattern := range []string{"../notebooks/*.ipynb", "../notebooks/solutions/*.ipynb"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no notebooks match %s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	total := 0
	for _, file := range files {
		text, err := committed(file)
		if err != nil {
			t.Fatal(err)
		}
		checkOutputs(t, file, text)
		if total += len(text); len(text) > maxLesson {
			t.Errorf("%s has %d kB, want at most %d", file, len(text)/1000, maxLesson/1000)
		}
		var book struct {
			Cells []struct {
				ID     string   `json:"id"`
				Type   string   `json:"cell_type"`
				Source []string `json:"source"`
			} `json:"cells"`
			Metadata struct {
				Kernelspec struct{ Name, Language string }
			} `json:"metadata"`
			Major int `json:"nbformat"`
			Minor int `json:"nbformat_minor"`
		}
		if err := json.Unmarshal(text, &book); err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if book.Major != 4 || book.Minor != 5 {
			t.Errorf("%s is of format %d.%d, want 4.5", file, book.Major, book.Minor)
		}
		if k := book.Metadata.Kernelspec; k.Name != "collapse" || k.Language != "go" {
			t.Errorf("%s is for kernel %q (%s), want collapse (go)", file, k.Name, k.Language)
		}
		seen := map[string]bool{}
		var code [][2]string // id and source of each code cell
		for _, c := range book.Cells {
			if c.ID == "" || seen[c.ID] {
				t.Errorf("%s: cell id %q is empty or used twice", file, c.ID)
			}
			seen[c.ID] = true
			if c.Type == "code" {
				source := strings.Join(c.Source, "")
				checkFormat(t, file, c.ID, source)
				code = append(code, [2]string{c.ID, source})
			}
		}
		for _, fault := range cellFaults(code) {
			t.Errorf("%s: %s", file, fault)
		}
	}
	if total > maxLessons {
		t.Errorf("the lessons have %d kB, want at most %d", total/1000, maxLessons/1000)
	}
}

// A clone stays small.
const maxLesson, maxLessons = 500_000, 6_000_000

// checkOutputs looks at what make lessons saved.
func checkOutputs(t *testing.T, file string, text []byte) {
	t.Helper()
	book, err := lesson.Parse(text)
	if err != nil {
		t.Errorf("%s: %v", file, err)
		return
	}
	sum, err := book.MadeFrom(os.DirFS(".."))
	if err != nil {
		t.Errorf("%s: %v", file, err)
	} else if book.Saved() != sum {
		t.Errorf("%s: its outputs are older than its code, a record or a verdict in them; run make lessons", file)
	}
	for _, c := range book.Cells {
		for _, o := range c.Outputs {
			if o.Type == "error" || o.Name == "stderr" {
				t.Errorf("%s: cell %s was committed with an error", file, c.ID)
			}
			for form := range o.Data {
				if form != "image/png" && form != "text/plain" && form != "text/markdown" {
					t.Errorf("%s: cell %s was committed with %s; run make lessons", file, c.ID, form)
				}
			}
		}
	}
}

// maxCellLines is how long a cell may be: what needs more is a tested function of a package.
const maxCellLines = 12

// cellFaults says what code cells (id and source) do against the rules of a lesson: the first cell
// imports and does nothing else, no later cell imports, and none has more than maxCellLines lines.
func cellFaults(cells [][2]string) (faults []string) {
	if len(cells) > maxCodeCells {
		faults = append(faults, fmt.Sprintf("%d code cells, want at most %d", len(cells), maxCodeCells))
	}
	for i, c := range cells {
		declarations, body, _ := strings.Cut("\n"+c[1], "\n%%\n")
		f, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+declarations, parser.ImportsOnly)
		imports := err == nil && len(f.Imports) > 0
		switch whole, _ := parser.ParseFile(token.NewFileSet(), "", "package p\n"+declarations, 0); {
		case i > 0 && imports:
			faults = append(faults, fmt.Sprintf("cell %s imports; only the first code cell does", c[0]))
		case i == 0 && (!imports || strings.TrimSpace(body) != "" || whole == nil || len(whole.Decls) > 1):
			faults = append(faults, fmt.Sprintf("cell %s is the first and must hold one import block alone", c[0]))
		}
		if n := strings.Count(strings.TrimSpace(c[1]), "\n") + 1; i > 0 && n > maxCellLines {
			faults = append(faults, fmt.Sprintf("cell %s has %d lines, want at most %d: make a function of a package",
				c[0], n, maxCellLines))
		}
	}
	return faults
}

// maxCodeCells keeps a lesson within a sitting.
const maxCodeCells = 25

func TestCellFaults(t *testing.T) {
	first := [2]string{"a", "import (\n\t\"fmt\"\n)"}
	short := [][2]string{{"b", "f()"}}
	long := strings.Repeat("f()\n", maxCellLines)
	for name, c := range map[string]struct {
		cells  [][2]string
		faults int
	}{
		"kept":                       {[][2]string{first, {"b", "var x = 1\n\n%%\nf()"}, {"c", long}}, 0},
		"too long":                   {[][2]string{first, {"b", "%%\n" + long}}, 1},
		"a later import":             {[][2]string{first, {"b", "import \"fmt\"\n\n%%\nf()"}}, 1},
		"a first cell that works":    {[][2]string{{"a", "import \"fmt\"\n\n%%\nf()"}}, 1},
		"a first cell that declares": {[][2]string{{"a", "import \"fmt\"\n\nvar x = 1"}}, 1},
		"no import":                  {[][2]string{{"a", "%%\nf()"}}, 1},
		"too many":                   {append([][2]string{first}, slices.Repeat(short, maxCodeCells)...), 1},
	} {
		if got := cellFaults(c.cells); len(got) != c.faults {
			t.Errorf("%s: %q, want %d faults", name, got, c.faults)
		}
	}
}

// committed returns a file as it will be committed (git's index): a reader who
// runs a lesson and saves it has done nothing wrong. Where git does not know it,
// as in an unpacked archive, it is the file itself.
func committed(file string) ([]byte, error) {
	cmd := exec.Command("git", "show", ":./"+filepath.Base(file))
	cmd.Dir = filepath.Dir(file)
	if text, err := cmd.Output(); err == nil {
		return text, nil
	}
	return os.ReadFile(file)
}

// checkFormat runs gofmt over a cell: declarations before %%, statements after.
func checkFormat(t *testing.T, file, id, source string) {
	t.Helper()
	declarations, body, _ := strings.Cut("\n"+source, "\n%%\n")
	for _, part := range []string{strings.TrimSpace(declarations), strings.TrimSpace(body)} {
		want, err := format.Source([]byte(part))
		if err != nil {
			t.Errorf("%s, cell %s: %v", file, id, err)
		} else if string(want) != part {
			t.Errorf("%s, cell %s is not formatted; gofmt gives\n%s", file, id, want)
		}
	}
}
