// Command lessons makes the committed lessons and their solutions from their sources, and puts the
// outputs of executed copies into them:
//
//	go run ./scripts/lessons generate
//	go run ./scripts/lessons build/notebooks
//	go run ./scripts/lessons build/notebooks 09_global_minimiser
//
// The folder holds the copies under the names of notebooks/, as make lessons makes them. With names,
// only these lessons and their solutions are saved. All run in the project's folder.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gocollapse/collapse/internal/atomic"
	"github.com/gocollapse/collapse/internal/lesson"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "lessons:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("want \"generate\" or a folder of executed copies, such as build/notebooks")
	}
	if args[0] == "generate" {
		return generate()
	}
	patterns := []string{"*.ipynb", "solutions/*.ipynb"}
	if names := args[1:]; len(names) > 0 {
		patterns = nil
		for _, name := range names {
			patterns = append(patterns, name+".ipynb", "solutions/"+name+".ipynb")
		}
	}
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join("notebooks", pattern))
		if err != nil {
			return err
		}
		if len(files) == 0 {
			return fmt.Errorf("there is no notebooks/%s", pattern)
		}
		for _, file := range files {
			name, err := filepath.Rel("notebooks", file)
			if err != nil {
				return err
			}
			if err := save(file, filepath.Join(args[0], name)); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	return nil
}

// generate writes the lesson and the solutions of every source. A file that would stay as it is is
// not touched, so that make has nothing to do.
func generate() error {
	sources, err := filepath.Glob("notebooks/sources/*.ipynb")
	if err != nil {
		return err
	}
	if len(sources) == 0 {
		return fmt.Errorf("no notebooks/sources/*.ipynb here; run it in the project's folder")
	}
	for _, source := range sources {
		book, err := read(source)
		if err != nil {
			return fmt.Errorf("%s: %w", source, err)
		}
		if faults := book.SourceFaults(); len(faults) > 0 {
			return fmt.Errorf("%s: %s", source, strings.Join(faults, "; "))
		}
		name := filepath.Base(source)
		for file, made := range map[string]*lesson.Book{
			filepath.Join("notebooks", name):              book.Student(),
			filepath.Join("notebooks", "solutions", name): book.Solutions(),
		} {
			if err := replace(file, made); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	return nil
}

// replace writes a lesson in place of an older one and keeps the outputs that are still right.
func replace(file string, made *lesson.Book) error {
	old, err := os.ReadFile(file)
	switch {
	case err == nil:
		book, err := lesson.Parse(old)
		if err != nil {
			return err
		}
		made.KeepOutputs(book)
	case !os.IsNotExist(err):
		return err
	}
	b, err := made.Bytes()
	if err != nil || bytes.Equal(b, old) {
		return err
	}
	fmt.Println(file)
	return atomic.WriteFile(file, b)
}

// save writes the outputs of an executed copy into a lesson.
func save(file, copied string) error {
	book, err := read(file)
	if err != nil {
		return err
	}
	executed, err := read(copied)
	if err != nil {
		return err
	}
	if err := book.Save(executed, os.DirFS(".")); err != nil {
		return err
	}
	b, err := book.Bytes()
	if err != nil {
		return err
	}
	fmt.Printf("%-45s %4d kB\n", file, len(b)/1000)
	return atomic.WriteFile(file, b)
}

func read(file string) (*lesson.Book, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return lesson.Parse(b)
}
