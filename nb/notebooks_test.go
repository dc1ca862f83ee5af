package nb

import (
	"encoding/json"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNotebooksAreCommittedClean holds what every committed notebook must be:
// without outputs, for this project's kernel, its cells named, its Go formatted.
func TestNotebooksAreCommittedClean(t *testing.T) {
	var files []string
	for _, pattern := range []string{"../notebooks/*.ipynb", "../notebooks/solutions/*.ipynb"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no notebooks match %s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		text, err := committed(file)
		if err != nil {
			t.Fatal(err)
		}
		var book struct {
			Cells []struct {
				ID        string            `json:"id"`
				Type      string            `json:"cell_type"`
				Source    []string          `json:"source"`
				Outputs   []json.RawMessage `json:"outputs"`
				Execution *int              `json:"execution_count"`
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
		for _, c := range book.Cells {
			if c.ID == "" || seen[c.ID] {
				t.Errorf("%s: cell id %q is empty or used twice", file, c.ID)
			}
			seen[c.ID] = true
			if len(c.Outputs) > 0 || c.Execution != nil {
				t.Errorf("%s: cell %s was committed with outputs; clear them", file, c.ID)
			}
			if c.Type == "code" {
				checkFormat(t, file, c.ID, strings.Join(c.Source, ""))
			}
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
