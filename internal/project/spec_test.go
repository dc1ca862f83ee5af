package project

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A specification is found from a folder in the project and from one outside of it, by its name
// and by its path, and one here comes before the project's.
func TestReadSpec(t *testing.T) {
	root, here := t.TempDir(), t.TempDir()
	write(t, filepath.Join(root, "go.mod"), "module "+Module+"\n")
	write(t, filepath.Join(root, "experiments/both.json"), "{}")
	write(t, filepath.Join(root, "experiments/far.json"), "{}")
	write(t, filepath.Join(here, "experiments/both.json"), "{}")
	write(t, filepath.Join(here, "own.json"), "{}")
	if err := os.Mkdir(filepath.Join(here, "far"), 0o755); err != nil { // a folder is no specification
		t.Fatal(err)
	}
	t.Setenv(EnvRoot, root)
	t.Chdir(here)
	for name, want := range map[string]string{
		"own.json":             "own.json",
		"both":                 "experiments/both.json",
		"experiments/far.json": filepath.Join(root, "experiments/far.json"),
		"far":                  filepath.Join(root, "experiments/far.json"),
		"far.json":             filepath.Join(root, "experiments/far.json"),
		filepath.Join(root, "experiments/both.json"): filepath.Join(root, "experiments/both.json"),
	} {
		if _, got, err := ReadSpec(name); err != nil || got != want {
			t.Errorf("ReadSpec(%q): %q, %v; want %q", name, got, err, want)
		}
	}
	for _, name := range []string{"cifar10-twin-ls0.1-2021", "cifar10-twin-ls0.1-2021.json"} {
		text, from, err := ReadSpec(name)
		if err != nil || from != "run cifar10-twin-ls0.1-2021" || !strings.Contains(string(text), `"delta":0.1`) {
			t.Errorf("ReadSpec(%q): %s from %q, %v; want the run of package experiments", name, text, from, err)
		}
	}
	for name, want := range map[string]string{
		"fra":            "did you mean far?",
		"fra.json":       "did you mean far?",
		"sub/absent":     "sub/absent",
		"/none/far.json": "/none/far.json",
	} {
		if _, _, err := ReadSpec(name); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), want) {
			t.Errorf("ReadSpec(%q): %v; want fs.ErrNotExist with %q", name, err, want)
		}
	}
}
