package nb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gocollapse/collapse/record"
)

// module is the first line of the project's go.mod, by which Root knows it.
const module = "module github.com/gocollapse/collapse"

// Root returns the project's folder: COLLAPSE_ROOT, which the kernel sets, else
// the nearest folder upward from the working directory that holds the project's
// go.mod. The error says what to do where there is none.
func Root() (string, error) {
	if r := os.Getenv("COLLAPSE_ROOT"); r != "" {
		if !isRoot(r) {
			return "", fmt.Errorf("COLLAPSE_ROOT is %s, which is not a Collapse project (no go.mod of it there); if the project has moved, run make setup in it", r)
		}
		return r, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("project folder: %w", err)
	}
	for d := dir; ; d = filepath.Dir(d) {
		if isRoot(d) {
			return d, nil
		}
		if d == filepath.Dir(d) {
			return "", fmt.Errorf("no Collapse project at or above %s; start the notebook with make lab, or set COLLAPSE_ROOT to the project's folder", dir)
		}
	}
}

func isRoot(dir string) bool {
	b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return false
	}
	first, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(first) == module
}

// Path joins elements to the project's folder; an absolute first element stays
// as it is.
func Path(elem ...string) (string, error) {
	p := filepath.Join(elem...)
	if filepath.IsAbs(p) {
		return p, nil
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	return filepath.Join(root, p), nil
}

// LoadRun reads a run's record by name, for instance "fashion-resnet18-ce", or by
// a path to a record or a run's folder, absolute or relative to the project. A
// name is looked for in build/runs (what make report trained), runs (your own)
// and records (committed with the project), in this order. Where nothing is
// found, the error wraps fs.ErrNotExist and lists the places.
func LoadRun(name string) (*record.Record, error) {
	if name == "" {
		return nil, errors.New("run: no name given; give for instance fashion-resnet18-ce, or the path of a record")
	}
	candidates := []string{name}
	if !filepath.IsAbs(name) {
		root, err := Root()
		if err != nil {
			return nil, err
		}
		candidates = []string{filepath.Join(root, name)}
		if filepath.Base(name) == name {
			candidates = []string{
				filepath.Join(root, "build", "runs", name, "record.json"),
				filepath.Join(root, "runs", name, "record.json"),
				filepath.Join(root, "records", strings.TrimSuffix(name, ".json")+".json"),
			}
		}
	}
	for _, p := range candidates {
		rec, err := record.ReadFile(p)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return rec, err
	}
	return nil, fmt.Errorf("run %q: %w at %s; make report trains the runs that the notebooks show, and collapse train your own",
		name, fs.ErrNotExist, strings.Join(candidates, ", "))
}

// ReadSpec reads a specification by name from the experiments folder, for
// instance "fashion-resnet18-ce", or by a path as LoadRun takes it.
func ReadSpec(name string) (record.Spec, error) {
	p := name
	if filepath.Base(name) == name {
		p = filepath.Join("experiments", strings.TrimSuffix(name, ".json")+".json")
	}
	p, err := Path(p)
	if err != nil {
		return record.Spec{}, err
	}
	f, err := os.Open(p)
	if err != nil {
		return record.Spec{}, fmt.Errorf("specification: %w", err)
	}
	defer f.Close()
	s, err := record.ReadSpec(f)
	if err != nil {
		return record.Spec{}, fmt.Errorf("%s: %w", p, err)
	}
	return s, nil
}
