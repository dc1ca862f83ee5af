// Package projecttest makes folders that look like the project's, for tests.
package projecttest

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/gocollapse/collapse/internal/project"
)

// Tools are the programs that Make puts into .tools/bin.
var Tools = []string{"gonb", "goimports", "gopls"}

// Make returns a new folder that looks as if make setup had run in it. Its name holds a space and
// a $.
func Make(t *testing.T) (root string) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	root = filepath.Join(dir, "a clone $HOME")
	Write(t, filepath.Join(root, "go.mod"), "module "+project.Module+"\n\ngo 1.26.5\n", 0o644)
	for _, tool := range Tools {
		Write(t, filepath.Join(root, ".tools/bin", tool), "#!/bin/sh\n", 0o755)
	}
	Write(t, filepath.Join(root, ".venv/pyvenv.cfg"), "", 0o644)
	Write(t, filepath.Join(root, ".venv/collapse-setup"), root+"\npython3 3.12\n", 0o644)
	return root
}

// Write writes a file and the folders above it.
func Write(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
