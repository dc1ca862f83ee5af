package nb

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/imports"

	"github.com/gocollapse/collapse/internal/lesson"
)

// TestLessonsCompile notices a change of a package that a lesson's cell does not follow, without a
// kernel: each lesson as one program, with the imports that the kernel adds.
func TestLessonsCompile(t *testing.T) {
	files, err := filepath.Glob("../notebooks/*.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	solutions, err := filepath.Glob("../notebooks/solutions/*.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i, file := range append(files, solutions...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		book, err := lesson.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		name := filepath.Join(t.TempDir(), fmt.Sprintf("lesson%d.go", i))
		source, err := imports.Process(name, []byte(program(book)), nil)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		write(t, name, string(source))
		names = append(names, name)
		if out, err := exec.Command("go", "vet", name).CombinedOutput(); err != nil {
			t.Errorf("%s does not compile: %v\n%s", file, err, out)
		}
	}
	if len(names) == 0 {
		t.Error("no lesson was looked at")
	}
}

// program is a lesson as one program: what its cells declare, and each one's statements as a
// function.
func program(book *lesson.Book) string {
	var top, calls strings.Builder
	top.WriteString("package main\n\n")
	for i, c := range book.Cells {
		if c.Type != "code" {
			continue
		}
		declarations, body, _ := strings.Cut("\n"+strings.Join(c.Source, ""), "\n%%\n")
		fmt.Fprintf(&top, "%s\n\nfunc cell%d() {\n%s\n}\n", declarations, i, body)
		fmt.Fprintf(&calls, "\tcell%d()\n", i)
	}
	return top.String() + "\nfunc main() {\n" + calls.String() + "}\n"
}
