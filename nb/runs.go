package nb

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/gocollapse/collapse/internal/edit"
	"github.com/gocollapse/collapse/internal/project"
	"github.com/gocollapse/collapse/record"
)

// Root returns the absolute path of the project's folder: COLLAPSE_ROOT, which the kernel sets,
// else the nearest one upward from the working directory. The error says what to do where there
// is none.
func Root() (string, error) { return project.Root() }

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

// LoadRun reads a run's record by name, such as "fashion-resnet18-ce", or by a path to a record or a
// run's folder, absolute or relative to the project. It looks for a name in build/runs (what make
// report trained), runs (your own) and records (committed with the project), in this order. If
// nothing is found, the error wraps fs.ErrNotExist, lists the places and has the nearest name.
func LoadRun(name string) (*record.Record, error) {
	rec, _, err := findRun(name)
	return rec, err
}

// findRun is LoadRun and returns the path as well, of a record's file or of a run's folder.
func findRun(name string) (*record.Record, string, error) {
	if name == "" {
		return nil, "", errors.New(
			"run: no name given; give for instance fashion-resnet18-ce, or the path of a record")
	}
	candidates, hint := []string{name}, ""
	if !filepath.IsAbs(name) {
		root, err := Root()
		if err != nil {
			return nil, "", err
		}
		candidates = []string{filepath.Join(root, name)}
		if filepath.Base(name) == name {
			candidates = recordsOf(root, strings.TrimSuffix(name, ".json"))
			hint = nearestRun(root, name)
		}
	}
	for _, p := range candidates {
		rec, err := record.ReadFile(p)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return rec, p, err
	}
	return nil, "", fmt.Errorf("run %q: %w at %s%s; make report trains the runs that the notebooks show, "+
		"and collapse train your own", name, fs.ErrNotExist, strings.Join(candidates, ", "), hint)
}

// recordsOf returns where the record of a run of that name may be. name may be a pattern of
// filepath.Glob.
func recordsOf(root, name string) []string {
	return []string{
		filepath.Join(root, "build", "runs", name, "record.json"),
		filepath.Join(root, "runs", name, "record.json"),
		filepath.Join(root, "records", name+".json"),
	}
}

// nearestRun returns a question after the run that name may mean, "" if there is none.
func nearestRun(root, name string) string {
	var known []string
	for _, pattern := range recordsOf(".", "*") {
		files, err := fs.Glob(os.DirFS(root), filepath.ToSlash(pattern))
		if err != nil {
			return ""
		}
		for _, f := range files {
			if dir, file := path.Split(f); file == "record.json" {
				known = append(known, path.Base(dir))
			} else {
				known = append(known, strings.TrimSuffix(file, ".json"))
			}
		}
	}
	if near := edit.Nearest(strings.TrimSuffix(name, ".json"), known); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// ReadSpec reads a specification by its name in the folder experiments or in the list of runs, such
// as "fashion-resnet18-ce" or "cifar10-twin-ls0.1-2021", or by a path, absolute or relative to the
// project.
func ReadSpec(name string) (record.Spec, error) {
	text, p, err := project.ReadSpec(name)
	if err != nil {
		return record.Spec{}, err
	}
	s, err := record.ReadSpec(bytes.NewReader(text))
	if err != nil {
		return record.Spec{}, fmt.Errorf("%s: %w", p, err)
	}
	return s, nil
}

// Run returns the record of a run by its name, as LoadRun finds it, or stops the cell. A notebook
// names its runs once, at package level, and has them in every later cell:
//
//	var ce = nb.Run("cifar10-resnet18-w16-500-ce")
//
// Every cell reads the file again, which takes some milliseconds.
func Run(name string) *record.Record { return Must(LoadRun(name)) }

// Runs returns the committed records whose names match the patterns of filepath.Match, in the order
// of the patterns and then of the names, or stops the cell: nb.Runs("cifar10-*-ce*") are all seeds
// under cross entropy. Without a pattern it returns all. A pattern that matches none is an error.
func Runs(patterns ...string) []*record.Record { return Must(loadRuns(patterns)) }

func loadRuns(patterns []string) ([]*record.Record, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	if len(patterns) == 0 {
		patterns = []string{"*"}
	}
	var runs []*record.Record
	have := map[string]bool{}
	for _, pattern := range patterns {
		files, err := fs.Glob(os.DirFS(filepath.Join(root, "records")), pattern+".json")
		if err != nil {
			return nil, fmt.Errorf("runs %q: %w", pattern, err)
		}
		if len(files) == 0 {
			return nil, fmt.Errorf("runs %q: %w in %s%s", pattern, fs.ErrNotExist, filepath.Join(root, "records"),
				nearestRun(root, pattern))
		}
		for _, f := range files {
			if have[f] {
				continue
			}
			have[f] = true
			rec, err := record.ReadFile(filepath.Join(root, "records", f))
			if err != nil {
				return nil, err
			}
			runs = append(runs, rec)
		}
	}
	return runs, nil
}
