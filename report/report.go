// Package report makes the static site that shows what was claimed, what was run and what came out:
// an index with the verdict on every claim, a page for each figure and table, for each executed
// notebook and for each record, and one that lists the runs.
//
// The site is a folder of HTML files that need no network, no font and no style sheet from
// elsewhere. Figures are inline SVG, formulas MathML, pictures data: addresses. The page of runs has
// a script that filters its table, and a lesson with sliders the one that moves them (package
// internal/player). Scripts in notebooks' outputs are left out. Without scripts a reader sees all
// runs, and some positions of a slider next to each other.
//
// The package does not import GoMLX.
package report

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/internal/atomic"
	"github.com/gocollapse/collapse/record"
)

// Options says what goes into the site.
type Options struct {
	Root      string    // the project's folder, against which paths are shown; "" is the working directory
	Out       string    // the folder to write; an earlier report there is replaced
	Notebooks []string  // executed notebooks (.ipynb), in the order of the navigation
	Records   []string  // record files, or folders of runs that hold record.json
	Date      time.Time // that the pages show; the zero time is today. All else depends on the files alone
}

// mark is in every page, so that Build replaces only what it wrote.
const mark = `<meta name="generator" content="Collapse report">`

// Build writes the site and returns the path of its index.html. It is written to
// a folder next to Out and renamed, so that Out never holds half a site; where
// anything fails an earlier report stays as it was.
//
// Without records the site shows the claims that closed forms decide, and names the runs that the
// others lack.
//
// Errors: a file that is missing, is no notebook or no record (the error names it); an Out that
// exists and is not a report.
func Build(o Options) (index string, err error) {
	if o.Out == "" {
		return "", errors.New("report: Options.Out is empty; want the folder to write, such as build/report")
	}
	if o.Root == "" {
		o.Root = "."
	}
	out, err := filepath.Abs(o.Out)
	if err != nil {
		return "", fmt.Errorf("report: %w", err)
	}
	if err := replaceable(out); err != nil {
		return "", err
	}
	s, err := load(o)
	if err != nil {
		return "", err
	}
	files, err := s.files()
	if err != nil {
		return "", err
	}
	return replace(out, files)
}

// replace writes files, by their names, to a folder next to out, which it then takes the place of.
func replace(out string, files map[string][]byte) (index string, err error) {
	parent := filepath.Dir(out)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", fmt.Errorf("report: %w", err)
	}
	tmp, err := os.MkdirTemp(parent, ".report-*")
	if err != nil {
		return "", fmt.Errorf("report: %w", err)
	}
	defer func() {
		if rerr := os.RemoveAll(tmp); rerr != nil && err == nil {
			err = fmt.Errorf("report: the site is written, an older one could not be removed: %w", rerr)
		}
	}()
	fresh := filepath.Join(tmp, "new")
	if err := os.MkdirAll(filepath.Join(fresh, downloads), 0o755); err != nil {
		return "", fmt.Errorf("report: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := atomic.WriteFile(filepath.Join(fresh, filepath.FromSlash(name)), files[name]); err != nil {
			return "", fmt.Errorf("report: %w", err)
		}
	}
	old := filepath.Join(tmp, "old")
	had := false
	switch err := os.Rename(out, old); {
	case err == nil:
		had = true
	case !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("report: %w", err)
	}
	if err := os.Rename(fresh, out); err != nil {
		if had {
			err = errors.Join(err, os.Rename(old, out))
		}
		return "", fmt.Errorf("report: %w", err)
	}
	return filepath.Join(out, "index.html"), nil
}

// replaceable reports an error where dir holds something other than a report.
func replaceable(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("report: %w", err)
	case len(entries) == 0:
		return nil
	}
	b, err := os.ReadFile(filepath.Join(dir, "index.html"))
	if err == nil && strings.Contains(string(b[:min(len(b), 4096)]), mark) {
		return nil
	}
	return fmt.Errorf("report: %s is not empty and holds no earlier report; choose another folder, or remove it", dir)
}

func load(o Options) (*site, error) {
	s := &site{root: o.Root, date: cmp.Or(o.Date, time.Now())}
	used := map[string]bool{"index.html": true, "runs.html": true}
	for _, e := range figures.All() {
		used[e.ID+".html"] = true
	}
	unique := func(base string) string {
		base = slug(base)
		name := base + ".html"
		for i := 2; used[name]; i++ {
			name = fmt.Sprintf("%s-%d.html", base, i)
		}
		used[name] = true
		return name
	}
	for _, path := range o.Notebooks {
		nb, err := readNotebookFile(path)
		if err != nil {
			return nil, err
		}
		base := strings.TrimSuffix(filepath.Base(path), ".ipynb")
		nb.name, nb.dir, nb.file = base, filepath.Dir(path), unique(base)
		s.notebooks = append(s.notebooks, nb)
	}
	for _, path := range o.Records {
		if st, err := os.Stat(path); err == nil && st.IsDir() {
			path = filepath.Join(path, "record.json")
		}
		rec, err := record.ReadFile(path)
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				err = fmt.Errorf("%w; train it first, as make report does", err)
			}
			return nil, fmt.Errorf("report: %w", err)
		}
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		if name == "record" {
			name = filepath.Base(filepath.Dir(path))
		}
		s.runs = append(s.runs, &run{Record: rec, path: shown(o.Root, path), name: name, file: unique("run-" + name)})
	}
	return s, nil
}

// shown returns path relative to root with forward slashes where it lies inside,
// else its last element: pages carry no folder names of the machine.
func shown(root, path string) string {
	a, errA := filepath.Abs(root)
	b, errB := filepath.Abs(path)
	if errA == nil && errB == nil {
		if rel, err := filepath.Rel(a, b); err == nil && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel)
		}
	}
	return filepath.Base(path)
}

// slug makes a file name of letters, digits, - and _.
func slug(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '-'
	}, s)
	if s = strings.Trim(s, "-"); s == "" {
		return "page"
	}
	return s
}
