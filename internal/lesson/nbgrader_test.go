package lesson

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/internal/program"
	"github.com/gocollapse/collapse/internal/project"
	"github.com/gocollapse/collapse/internal/project/projecttest"
	"github.com/gocollapse/collapse/kernels"
)

// gradedLesson is the lesson that nbgrader hands out and grades here. Its exercises are numbers and a text.
const gradedLesson = "09_global_minimiser"

// TestNbgrader goes a teacher's way through docs/teaching.md with nbgrader itself.
func TestNbgrader(t *testing.T) {
	root, err := project.Root()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(root, "build/nbgrader/bin")
	if !program.Executable(filepath.Join(bin, "nbgrader")) {
		t.Skip("no nbgrader in build/nbgrader: make nbgrader installs it")
	}
	if c := kernels.Status(kernels.Options{Root: root}); c.Status != kernels.OK {
		t.Skip("the kernel is not installed (" + c.Found + "): make setup installs it")
	}
	course := t.TempDir()
	call := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.Dir = course
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "GOPROXY=off",
			"JUPYTER_CONFIG_DIR="+course, "JUPYTER_DATA_DIR="+course, "JUPYTER_RUNTIME_DIR="+course,
			"IPYTHONDIR="+course)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	read := func(file string) *Book {
		t.Helper()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return parsed(t, string(text))
	}
	write := func(file string, b *Book) {
		t.Helper()
		text, err := b.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		projecttest.Write(t, filepath.Join(course, file), string(text), 0o644)
	}

	config, err := os.ReadFile(filepath.Join(root, "notebooks/nbgrader_config.py"))
	if err != nil {
		t.Fatal(err)
	}
	projecttest.Write(t, filepath.Join(course, "nbgrader_config.py"), string(config), 0o644)
	source := read(filepath.Join(root, "notebooks/sources", gradedLesson+".ipynb"))
	file := gradedLesson + ".ipynb"
	write("source/lesson/"+file, source)
	call("nbgrader", "generate_assignment", "lesson")
	released := read(filepath.Join(course, "release/lesson", file))
	checkReleased(t, released, source)

	answered := source.Solutions()
	for student, change := range map[string]map[string]string{
		"right": {},
		"none":  nil,
		"mixed": {
			"exercise-2": "func factor() float64 { return 0.25 }",
			"exercise-3": "func surer() string { not Go }",
		},
	} {
		write("submitted/"+student+"/lesson/"+file, submission(released, answered, change))
	}
	call("nbgrader", "autograde", "lesson")
	want := []string{
		"mixed exercise-1-check 1.0 of 1.0", "mixed exercise-2-check 0.0 of 1.0", "mixed exercise-3-check 0.0 of 1.0",
		"none exercise-1-check 0.0 of 1.0", "none exercise-2-check 0.0 of 1.0", "none exercise-3-check 0.0 of 1.0",
		"right exercise-1-check 1.0 of 1.0", "right exercise-2-check 1.0 of 1.0", "right exercise-3-check 1.0 of 1.0",
	}
	got := strings.Split(strings.TrimSpace(call("python", "-c", points)), "\n")
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("points\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// points prints what nbgrader noted: student, cell, points.
const points = `
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db") as book:
    for s in book.assignment_submissions("lesson"):
        for n in s.notebooks:
            for g in n.grades:
                print(s.student.id, g.name, g.auto_score, "of", g.max_score)
`

// checkReleased compares what nbgrader hands out with the student's lesson.
func checkReleased(t *testing.T, released, source *Book) {
	t.Helper()
	student := source.Student()
	if got, want := ids(released), ids(student); !slices.Equal(got, want) {
		t.Errorf("handed out are the cells %q, want those of the lesson, %q", got, want)
	}
	for _, c := range student.Cells {
		got := strings.Replace(sourceOf(released, c.ID), "\t// YOUR CODE HERE\n", "", 1)
		if want := sourceOf(student, c.ID); got != want {
			t.Errorf("cell %s is handed out as\n%s\nwant\n%s", c.ID, got, want)
		}
	}
}

// submission is a lesson as a student hands it in, here without the main line, which takes long: the
// answers, with some changed; nothing answered where change is nil.
func submission(released, answered *Book, change map[string]string) *Book {
	b := *released
	b.Cells = slices.Clone(released.Cells)
	b.Cells = slices.DeleteFunc(b.Cells, func(c Cell) bool { return c.ID != "imports" && !exercise.MatchString(c.ID) })
	for i := range b.Cells {
		c := &b.Cells[i]
		if text, has := change[c.ID]; has {
			c.Source = linesOf(text)
		} else if change != nil && c.tagged("exercise") {
			c.Source = linesOf(sourceOf(answered, c.ID))
		}
	}
	return &b
}
