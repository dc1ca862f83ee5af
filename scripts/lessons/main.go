// Command lessons puts the outputs of executed copies into the committed lessons:
//
//	go run ./scripts/lessons build/notebooks
//
// The folder holds the copies under the names of notebooks/, as make lessons makes them. It runs in
// the project's folder.
package main

import (
	"fmt"
	"os"
	"path/filepath"

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
	if len(args) != 1 {
		return fmt.Errorf("want one folder of executed copies, such as build/notebooks")
	}
	for _, pattern := range []string{"*.ipynb", "solutions/*.ipynb"} {
		files, err := filepath.Glob(filepath.Join("notebooks", pattern))
		if err != nil {
			return err
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
