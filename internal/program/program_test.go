package program

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOutput(t *testing.T) {
	out, err := Output(context.Background(), "/", "sh", "-c", "pwd; echo")
	if err != nil || out != "/" {
		t.Errorf("%q, %v; want the folder, trimmed", out, err)
	}
	out, err = Output(context.Background(), "", "sh", "-c", "echo why >&2; exit 3")
	if err == nil || !strings.Contains(err.Error(), "why") {
		t.Errorf("%q, %v; want the program's own words", out, err)
	}
}

func TestExecutable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if Executable(path) || Executable(filepath.Dir(path)) {
		t.Error("what is not there, or a folder, is no program")
	}
	for mode, want := range map[os.FileMode]bool{0o644: false, 0o755: true} {
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
		if got := Executable(path); got != want {
			t.Errorf("mode %v: %t, want %t", mode, got, want)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}
