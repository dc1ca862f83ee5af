package collapse_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	maxColumns  = 120
	maxFunction = 80
	maxFile     = 500
)

// TestForm holds the limits of CONTRIBUTING.md on lines, functions and files. A file may be
// longer if a comment at its head that begins with "Long:" says why.
func TestForm(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "build" || d.Name() == "runs") {
			return fs.SkipDir
		}
		if filepath.Ext(path) == ".go" {
			checkForm(t, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkForm(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	for i, line := range lines {
		if n := utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    ")); n > maxColumns {
			t.Errorf("%s:%d has %d columns, want at most %d", path, i+1, n, maxColumns)
		}
	}
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, path, b, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) > maxFile && !saysWhy(f) {
		t.Errorf("%s has %d lines, want at most %d, or a comment \"Long: …\" at its head that says why", path,
			len(lines), maxFile)
	}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			n := files.Position(fn.End()).Line - files.Position(fn.Pos()).Line + 1
			if n > maxFunction {
				t.Errorf("%s: function %s has %d lines, want at most %d", path, fn.Name.Name, n, maxFunction)
			}
		}
	}
}

// saysWhy says whether a comment before the first declaration tells why a file is long.
func saysWhy(f *ast.File) bool {
	for _, c := range f.Comments {
		if len(f.Decls) > 0 && c.Pos() > f.Decls[0].Pos() {
			return false
		}
		if strings.HasPrefix(c.Text(), "Long: ") {
			return true
		}
	}
	return false
}
