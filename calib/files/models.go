package files

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/calib"
)

// Options of Measure.
type Options struct {
	Test  bool     // read the arrays of OpenTest
	Kind  Kind     // what the numbers are; with Probabilities, calib's option of that name is set
	Names []string // of the models, one for each file; nil are the names of ModelNames
	calib.Options
}

// Measure measures the calibration of the model whose logits each file holds. With o.Bootstrap, the
// ECE of every model is compared with that of the first: it is then an error if the files differ in
// their labels. What was seen in a file and done with it is in the report's note "logits".
func Measure(ctx context.Context, paths []string, o Options) ([]calib.Model, error) {
	names := o.Names
	if names == nil {
		names = ModelNames(paths)
	}
	if err := CheckNames(names, len(paths)); err != nil {
		return nil, err
	}
	if o.Kind == Guess && o.Probabilities {
		o.Kind = Probabilities
	}
	o.Probabilities = o.Kind == Probabilities
	open := Open
	if o.Test {
		open = OpenTest
	}
	var models []calib.Model
	for i, path := range paths {
		f, err := open(ctx, path, o.Kind)
		if err != nil {
			return nil, err
		}
		r, err := calib.Measure(f, o.Options)
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if note := f.Note(); note != "" {
			r.Summary.Notes["logits"] = note
		}
		models = append(models, calib.Model{Name: names[i], Report: r})
	}
	if o.Bootstrap > 0 {
		if err := calib.CompareModels(models, o.Bootstrap, o.Seed); err != nil {
			return nil, err
		}
	}
	return models, nil
}

// CheckNames reports names of models that do not fit the number of files, are empty or not distinct.
func CheckNames(names []string, files int) error {
	if len(names) != files {
		return fmt.Errorf("%d names for %d files, want one for each", len(names), files)
	}
	seen := map[string]bool{}
	for _, n := range names {
		if n == "" || seen[n] {
			return fmt.Errorf("the name %q is empty or given twice; the names of models must differ", n)
		}
		seen[n] = true
	}
	return nil
}

// ModelNames returns a name for each file: its name without folder and ending. Files that share it
// get the folders in which their paths differ instead, as a and b of a/test.npz and b/test.npz.
func ModelNames(paths []string) []string {
	parts := make([][]string, len(paths))
	groups := map[string][]int{}
	for i, path := range paths {
		clean := filepath.ToSlash(filepath.Clean(path))
		parts[i] = strings.Split(strings.TrimSuffix(clean, filepath.Ext(clean)), "/")
		base := parts[i][len(parts[i])-1]
		groups[base] = append(groups[base], i)
	}
	names := make([]string, len(paths))
	for base, group := range groups {
		if len(group) == 1 {
			names[group[0]] = base
			continue
		}
		for n, differing := range differences(parts, group) {
			names[group[n]] = differing
		}
	}
	// What is still the same, such as a file given twice, gets a number.
	counts := map[string]int{}
	for i, name := range names {
		counts[name]++
		for n := counts[name]; n > 1; n++ {
			if numbered := fmt.Sprintf("%s (%d)", name, n); !slices.Contains(names, numbered) {
				names[i] = numbered
				break
			}
		}
	}
	return names
}

// differences returns what is left of each path of a group without the parts that all share at
// their start and at their end, or the whole path where nothing is left.
func differences(parts [][]string, group []int) []string {
	first, shortest := parts[group[0]], len(parts[group[0]])
	for _, i := range group {
		shortest = min(shortest, len(parts[i]))
	}
	all := func(at func(p []string) string) bool {
		return !slices.ContainsFunc(group, func(i int) bool { return at(parts[i]) != at(first) })
	}
	head, tail := 0, 0
	for head < shortest && all(func(p []string) string { return p[head] }) {
		head++
	}
	for head+tail < shortest && all(func(p []string) string { return p[len(p)-1-tail] }) {
		tail++
	}
	var out []string
	for _, i := range group {
		p := parts[i]
		if rest := p[head : len(p)-tail]; len(rest) > 0 {
			p = rest
		}
		out = append(out, strings.Join(p, "/"))
	}
	return out
}
