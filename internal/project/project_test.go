package project

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestRoot(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.mod"), "module "+Module+" // ours\n\ngo 1.26.5\n")
	write(t, filepath.Join(dir, "other/go.mod"), "module "+Module+"/v2\n")
	deep := filepath.Join(dir, "other/a/b")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv(EnvRoot, "")
	t.Chdir(deep)
	if root, err := Root(); err != nil || root != dir {
		t.Errorf("from %s: want %s, found %s, %v", deep, dir, root, err)
	}
	t.Setenv(EnvRoot, filepath.Join(dir, "other"))
	if root, err := Root(); err == nil || !strings.Contains(err.Error(), "make setup") {
		t.Errorf("%s names another module, found %s, %v; want what to do", EnvRoot, root, err)
	}
	t.Chdir("/")
	t.Setenv(EnvRoot, dir)
	if root, err := Root(); err != nil || root != dir {
		t.Errorf("%s=%s: found %s, %v", EnvRoot, dir, root, err)
	}
}

// A module that is not the project does not count.
func TestOutside(t *testing.T) {
	other := t.TempDir()
	write(t, filepath.Join(other, "go.mod"), "module example.com/other\n")
	t.Setenv(EnvRoot, "")
	t.Chdir(other)
	if root, err := Root(); err == nil || !strings.Contains(err.Error(), EnvRoot) {
		t.Errorf("outside a project Root gave %s, %v; want what to do", root, err)
	}
}
