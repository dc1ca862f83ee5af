package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/internal/edit"
)

// experiments is the folder of the specifications that come with the project.
const experiments = "experiments"

// FindSpec returns the path of a specification: a file of that name here or in the project, else
// one in the folder experiments, here or in the project, where .json may be left out. The error
// wraps fs.ErrNotExist and has the nearest name.
func FindSpec(name string) (string, error) {
	folders := []string{""}
	if root, err := Root(); err == nil && !filepath.IsAbs(name) {
		folders = append(folders, root)
	}
	var places, known []string
	for _, dir := range folders {
		if path := filepath.Join(dir, name); isFile(path) {
			return path, nil
		}
	}
	if filepath.Base(name) != name {
		return "", fmt.Errorf("specification: %w: no file %s here or in the project", fs.ErrNotExist, name)
	}
	for _, dir := range folders {
		dir = filepath.Join(dir, experiments)
		if path := filepath.Join(dir, strings.TrimSuffix(name, ".json")+".json"); isFile(path) {
			return path, nil
		}
		files, err := fs.Glob(os.DirFS(dir), "*.json")
		if err != nil {
			return "", err
		}
		for _, f := range files {
			known = append(known, strings.TrimSuffix(f, ".json"))
		}
		places = append(places, dir)
	}
	slices.Sort(known)
	hint := ""
	if near := edit.Nearest(strings.TrimSuffix(name, ".json"), known); near != "" {
		hint = fmt.Sprintf("; did you mean %s?", near)
	}
	return "", fmt.Errorf("specification: %w: %s is neither a file here nor the name of one in %s%s",
		fs.ErrNotExist, name, strings.Join(places, " or "), hint)
}

// isFile reports whether opening path is worth a try: a file that cannot be read counts, since
// its error says more.
func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && !st.IsDir() || err != nil && !errors.Is(err, fs.ErrNotExist)
}
