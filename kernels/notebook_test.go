package kernels

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/internal/program"
	"github.com/gocollapse/collapse/internal/project"
	"github.com/gocollapse/collapse/internal/project/projecttest"
)

// execute runs a notebook of one cell with the installed kernel, as `make
// report` does, and returns the executed notebook's text.
func execute(t *testing.T, cell string) (executed string, log []byte, err error) {
	t.Helper()
	root, err := project.Root()
	if err != nil {
		t.Fatal(err)
	}
	python := filepath.Join(root, ".venv/bin/python")
	if !program.Executable(python) {
		t.Skip("no .venv in the project: make setup makes it")
	}
	if c := Status(Options{Root: root}); c.Status != OK {
		t.Skip("the kernel is not installed (" + c.Found + "): make setup installs it")
	}
	dir := t.TempDir()
	notebook := map[string]any{
		"nbformat": 4, "nbformat_minor": 5,
		"metadata": map[string]any{
			"kernelspec": map[string]string{"name": Name, "display_name": DisplayName, "language": "go"},
		},
		"cells": []any{map[string]any{
			"cell_type": "code", "id": "one", "source": cell,
			"metadata": struct{}{}, "outputs": []any{}, "execution_count": nil,
		}},
	}
	b, err := json.Marshal(notebook)
	if err != nil {
		t.Fatal(err)
	}
	projecttest.Write(t, filepath.Join(dir, "in.ipynb"), string(b), 0o644)
	cmd := exec.Command(python, filepath.Join(root, "scripts/execute.py"), "in.ipynb", "out.ipynb")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(),
		// Nothing of the user's is read or written, nothing is asked of a network.
		"JUPYTER_CONFIG_DIR="+dir, "JUPYTER_DATA_DIR="+dir, "JUPYTER_RUNTIME_DIR="+dir, "IPYTHONDIR="+dir,
		"GOPROXY=off",
		// What a user may have set for other work, and the kernel must not mind.
		"GOFLAGS=-mod=vendor", "GOWORK=/nonexistent/go.work",
	)
	log, err = cmd.CombinedOutput()
	out, readErr := os.ReadFile(filepath.Join(dir, "out.ipynb"))
	if (err == nil) != (readErr == nil) {
		t.Errorf("executing gave %v, but the executed notebook: %v", err, readErr)
	}
	return string(out), log, err
}

// TestCell imports a package of the project with no set-up cell. The classifier
// and the means of two classes are the two points of a simplex ETF, so NC2 and
// NC3 (Eq 5 and 6) are 0.
func TestCell(t *testing.T) {
	out, log, err := execute(t, `import "github.com/gocollapse/collapse/nc"

%%
h, y := []float32{1, 1, -1, -1}, []int32{0, 0, 1, 1}
s, err := nc.Measure(nc.Slices(h, y), nc.Classifier{K: 2, D: 1, W: []float64{1, -1}}, nc.Options{})
if err != nil { panic(err) }
fmt.Printf("NC2 %.3f NC3 %.3f\n", s.NC2, s.NC3)
`)
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	if !strings.Contains(out, `NC2 0.000 NC3 0.000\n`) {
		t.Errorf("the executed notebook lacks the cell's output:\n%s\n%s", out, log)
	}
}

// TestFailingCell: a panic, a status and a cell that does not compile each fail
// the notebook.
func TestFailingCell(t *testing.T) {
	for name, cell := range map[string]string{
		"panic":  "%%\npanic(\"on purpose\")",
		"status": "%%\nos.Exit(3)",
		"not Go": "%%\nno such thing",
	} {
		if _, log, err := execute(t, cell); err == nil {
			t.Errorf("%s: the notebook passed\n%s", name, log)
		} else if !strings.Contains(string(log), "cell 0 failed") {
			t.Errorf("%s: the message does not name the cell:\n%s", name, log)
		}
	}
}
