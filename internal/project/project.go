// Package project finds the project's folder.
package project

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// Module is the module path of this project.
const Module = "github.com/gocollapse/collapse"

// EnvRoot is the environment variable that names the project's folder. The Jupyter kernel sets it.
const EnvRoot = "COLLAPSE_ROOT"

// Root returns the absolute path of the project's folder: the one that EnvRoot names, else the
// first folder from the current one upwards whose go.mod has this module's path, else the same
// from the program's own folder (for .tools/bin/collapse called from elsewhere). The error says
// what to do.
func Root() (string, error) {
	if root := os.Getenv(EnvRoot); root != "" {
		abs, err := filepath.Abs(root)
		if err != nil {
			return "", fmt.Errorf("project folder: %w", err)
		}
		if !is(abs) {
			return "", fmt.Errorf("%s is %s, which is not a Collapse project (its go.mod is not there); "+
				"if the project has moved, run make setup in it", EnvRoot, root)
		}
		return abs, nil
	}
	here, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("project folder: %w", err)
	}
	if root, ok := upward(here); ok {
		return root, nil
	}
	if program, err := os.Executable(); err == nil {
		if root, ok := upward(filepath.Dir(program)); ok {
			return root, nil
		}
	}
	return "", fmt.Errorf("no Collapse project in or above %s; run in the clone of Collapse, "+
		"where make lab starts the notebooks, or set %s to its folder", here, EnvRoot)
}

// upward returns the nearest project's folder, from dir upwards.
func upward(dir string) (string, bool) {
	for !is(dir) {
		up := filepath.Dir(dir)
		if up == dir {
			return "", false
		}
		dir = up
	}
	return dir, true
}

var moduleLine = regexp.MustCompile(`(?m)^module\s+"?` + regexp.QuoteMeta(Module) + `"?\s*(//.*)?$`)

// is reports whether dir is a project's folder.
func is(dir string) bool {
	b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && moduleLine.Match(b)
}

var goLine = regexp.MustCompile(`(?m)^go\s+(\S+)`)

// GoVersion returns the version of Go that the go.mod in root asks for, such as "1.26.5".
func GoVersion(root string) (string, error) {
	path := filepath.Join(root, "go.mod")
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("project folder: %w", err)
	}
	m := goLine.FindSubmatch(b)
	if m == nil {
		return "", fmt.Errorf("%s has no line that begins with go", path)
	}
	return string(m[1]), nil
}
