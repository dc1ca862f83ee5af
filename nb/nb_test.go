package nb

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/janpfeifer/gonb/gonbui/protocol"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/internal/project"
	"github.com/gocollapse/collapse/record"
)

func TestFigureBundleSurvivesSanitising(t *testing.T) {
	f := &figures.Figure{Number: "1", Title: "Error & collapse",
		Caption: "Drawn from 2 runs, a < b.", Alt: `curves "down"`,
		SVG: []byte("<svg/>"), PNG: []byte("png bytes")}
	b := FigureBundle(f)
	forms := b.forms()
	if got := forms[protocol.MIMEImagePNG]; !bytes.Equal(got.([]byte), f.PNG) {
		t.Errorf("PNG form is %q, want the figure's PNG, which an untrusted notebook shows", got)
	}
	want := "Figure 1. Error & collapse.\ncurves \"down\"\nDrawn from 2 runs, a < b."
	if forms[protocol.MIMETextPlain] != want {
		t.Errorf("text form is %q, want %q", forms[protocol.MIMETextPlain], want)
	}
	html := forms[protocol.MIMETextHTML].(string)
	// Scripts and inline SVG are stripped from an untrusted notebook.
	for _, bad := range []string{"<svg", "<script"} {
		if strings.Contains(html, bad) {
			t.Errorf("HTML form holds %s, which an untrusted notebook strips:\n%s", bad, html)
		}
	}
	for _, want := range []string{`src="data:image/svg+xml;base64,PHN2Zy8+"`, `alt="curves &#34;down&#34;"`,
		"<b>Figure 1. Error &amp; collapse.</b> Drawn from 2 runs, a &lt; b."} {
		if !strings.Contains(html, want) {
			t.Errorf("HTML form lacks %s:\n%s", want, html)
		}
	}
	if b := FigureBundle(&figures.Figure{PNG: []byte("x")}); !strings.Contains(b.HTML, "data:image/png;base64,eA==") {
		t.Errorf("a figure without SVG must show its PNG, got %s", b.HTML)
	}
}

// The PNG of a saved notebook has the figure's own alternative text, where nbconvert looks for it.
func TestAlternativeTextOfPNG(t *testing.T) {
	b := FigureBundle(&figures.Figure{PNG: []byte("x"), Alt: "CE decreases"})
	of, ok := b.metadata()["image/png"].(map[string]string)
	if !ok || of["alt"] != "CE decreases" {
		t.Errorf("metadata %v", b.metadata())
	}
	if m := (Bundle{Text: "x"}).metadata(); m != nil {
		t.Errorf("a bundle without a picture has metadata %v", m)
	}
}

func TestOutsideANotebookTextIsPrinted(t *testing.T) {
	var out bytes.Buffer
	display(&out, "", Bundle{HTML: "<b>x</b>", Text: "what it shows\n"})
	if out.String() != "what it shows\n" {
		t.Errorf("printed %q", out.String())
	}
}

func TestFormatTakesTextWithoutOperandsAsItIs(t *testing.T) {
	if got := fill("7 % of outputs", nil); got != "7 % of outputs" {
		t.Errorf("got %q", got)
	}
	if got := fill("error %.1f %%", []any{2.5}); got != "error 2.5 %" {
		t.Errorf("got %q", got)
	}
}

// newProject makes a project's folder with the given records and makes it the one
// that the kernel names.
func newProject(t *testing.T, records ...string) string {
	t.Helper()
	root := t.TempDir()
	write(t, filepath.Join(root, "go.mod"), "module "+project.Module+"\n\ngo 1.26\n")
	for _, p := range records {
		rec := record.Record{Format: record.Format, Version: record.Version,
			Spec: record.DefaultSpec(), Status: record.Finished}
		rec.Spec.Name = p
		full := filepath.Join(root, p)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := rec.WriteFile(full); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("COLLAPSE_ROOT", root)
	return root
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestLoadRunLooksInOrder(t *testing.T) {
	root := newProject(t, "build/runs/a/record.json", "runs/a/record.json", "runs/b/record.json",
		"records/a.json", "records/c.json")
	for name, want := range map[string]string{
		"a":                                      "build/runs/a/record.json",
		"b":                                      "runs/b/record.json",
		"c":                                      "records/c.json",
		"c.json":                                 "records/c.json",
		"records/a.json":                         "records/a.json",
		"runs/a":                                 "runs/a/record.json",
		filepath.Join(root, "records", "c.json"): "records/c.json",
	} {
		rec, err := LoadRun(name)
		if err != nil {
			t.Errorf("LoadRun(%q): %v", name, err)
		} else if rec.Spec.Name != want {
			t.Errorf("LoadRun(%q) read %s, want %s", name, rec.Spec.Name, want)
		}
	}
	_, err := LoadRun("d")
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "make report") ||
		!strings.Contains(err.Error(), filepath.Join("records", "d.json")) {
		t.Errorf("an absent run must be fs.ErrNotExist, name the places and say what to do; got %v", err)
	}
	if _, err := LoadRun("aa"); err == nil || !strings.Contains(err.Error(), "did you mean a?") {
		t.Errorf("a mistyped name gave %v, want the nearest", err)
	}
	// A broken record is reported, not passed over for another of the same name.
	write(t, filepath.Join(root, "build", "runs", "c", "record.json"), "{")
	if _, err := LoadRun("c"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a broken record gave %v", err)
	}
	if _, err := LoadRun(""); err == nil {
		t.Error("an empty name gave no error")
	}
}

func TestRoot(t *testing.T) {
	root := newProject(t)
	sub := filepath.Join(root, "notebooks", "solutions")
	if err := os.MkdirAll(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("COLLAPSE_ROOT", "")
	t.Chdir(sub)
	got, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := filepath.EvalSymlinks(root); got != root && got != want {
		t.Errorf("from %s the project is %s, want %s", sub, got, root)
	}
	// A module that is not the project does not count.
	other := t.TempDir()
	write(t, filepath.Join(other, "go.mod"), "module example.com/other\n")
	t.Chdir(other)
	if r, err := Root(); err == nil {
		t.Errorf("outside a project Root gave %s", r)
	}
	t.Setenv("COLLAPSE_ROOT", other)
	if _, err := Root(); err == nil || !strings.Contains(err.Error(), "make setup") {
		t.Errorf("COLLAPSE_ROOT of a project that moved gave %v, want what to do", err)
	}
}

func TestReadSpec(t *testing.T) {
	root := newProject(t)
	write(t, filepath.Join(root, "experiments", "x.json"), `{"name": "x", "epochs": 7}`)
	for _, name := range []string{"x", "x.json", "experiments/x.json"} {
		s, err := ReadSpec(name)
		if err != nil {
			t.Errorf("ReadSpec(%q): %v", name, err)
		} else if s.Epochs != 7 {
			t.Errorf("ReadSpec(%q) has %d epochs, want 7", name, s.Epochs)
		}
	}
	write(t, filepath.Join(root, "experiments", "y.json"), `{"epochs": -1}`)
	if _, err := ReadSpec("y"); err == nil || !strings.Contains(err.Error(), "y.json") {
		t.Errorf("a faulty specification gave %v, want an error that names its file", err)
	}
}

// TestTryFailsTheCell runs a program as a cell does and looks at its end.
func TestTryFailsTheCell(t *testing.T) {
	if os.Getenv("COLLAPSE_TEST_TRY") != "" {
		Must(LoadRun(filepath.Join(t.TempDir(), "absent")))
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestTryFailsTheCell$")
	cmd.Env = append(os.Environ(), "COLLAPSE_TEST_TRY=1")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.HasPrefix(string(out), "error: run ") {
		t.Errorf("got %v and output %q, want exit status 1 and the error in words", err, out)
	}
}

// TestExperiments holds every committed specification valid and named as its file.
func TestExperiments(t *testing.T) {
	files, err := filepath.Glob("../experiments/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no specifications found: %v", err)
	}
	for _, p := range files {
		f, err := os.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		s, err := record.ReadSpec(f)
		f.Close()
		if err != nil {
			t.Errorf("%s: %v", p, err)
		} else if s.Name+".json" != filepath.Base(p) {
			t.Errorf("%s is named %q", p, s.Name)
		}
	}
}
