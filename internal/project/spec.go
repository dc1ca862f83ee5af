package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/experiments"
	"github.com/gocollapse/collapse/internal/bounded"
	"github.com/gocollapse/collapse/internal/edit"
)

// folder holds the specifications that come with the project.
const folder = "experiments"

// ReadSpec returns the text of a specification and where it is from: a file of that name here or in
// the project, else one in the folder experiments, here or in the project, else one that package
// experiments lists; for the last two .json may be left out. The error of an unknown name wraps
// fs.ErrNotExist and has the nearest one.
func ReadSpec(name string) (text []byte, from string, err error) {
	folders := []string{""}
	if root, err := Root(); err == nil && !filepath.IsAbs(name) {
		folders = append(folders, root)
	}
	for _, dir := range folders {
		if path := filepath.Join(dir, name); isFile(path) {
			return readFile(path)
		}
	}
	if filepath.Base(name) != name {
		return nil, "", fmt.Errorf("specification: %w: no file %s here or in the project", fs.ErrNotExist, name)
	}
	name = strings.TrimSuffix(name, ".json")
	known := experiments.Names()
	for _, dir := range folders {
		dir = filepath.Join(dir, folder)
		if path := filepath.Join(dir, name+".json"); isFile(path) {
			return readFile(path)
		}
		files, err := fs.Glob(os.DirFS(dir), "*.json")
		if err != nil {
			return nil, "", err
		}
		for _, f := range files {
			known = append(known, strings.TrimSuffix(f, ".json"))
		}
	}
	if text, err := experiments.JSON(name); err == nil {
		return text, "run " + name, nil
	}
	slices.Sort(known)
	return nil, "", fmt.Errorf("specification: %w: %s is neither a file here, nor the name of one in %s/, "+
		"nor of a run; did you mean %s?", fs.ErrNotExist, name, folder, edit.Nearest(name, known))
}

func readFile(path string) (text []byte, from string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, path, fmt.Errorf("specification: %w", err)
	}
	defer f.Close()
	text, err = bounded.ReadAll(f, path, maxBytes)
	return text, path, err
}

// maxBytes bounds what ReadSpec takes in: specifications have about 1 kB.
const maxBytes = 1 << 20

// isFile reports whether opening path is worth a try: a file that cannot be read counts, since
// its error says more.
func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && !st.IsDir() || err != nil && !errors.Is(err, fs.ErrNotExist)
}
