package files

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gocollapse/collapse/internal/linear"
	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/npz"
)

// IsRegression says whether a file holds targets in place of labels.
func IsRegression(path string) (bool, error) {
	f, err := npz.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	return f.Has("targets") && !f.Has("labels"), nil
}

// pairs are the features and targets of a data set in several files.
type pairs struct {
	parts  []pairOf
	d, t   int
	weight []float64 // t×d, or nil
	from   string    // file of the weight
	rows   int64
}

// pairOf is a file's features with their targets.
type pairOf struct {
	path              string
	features, targets *npz.Array
}

// Regression measures neural regression collapse, NRC1 to NRC3, in files that hold
// features N×d, targets N×t (or N) and optionally weight t×d, the last layer. Several
// files are parts of one data set. It needs O(d²) memory, and Options.Memory bounds
// it; of the other options it reads Progress.
func Regression(ctx context.Context, paths []string, o Options) (*nc.RegressionSummary, error) {
	if len(paths) == 0 {
		return nil, errors.New("measure: no file was named")
	}
	var p pairs
	for _, path := range paths {
		f, err := npz.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if err := p.open(f, path); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if need := nc.RegressionBytes(p.d, p.t); need > o.memory() {
		return nil, fmt.Errorf("measure: d = %d features and t = %d targets need %s, more than the memory bound "+
			"of %s; %s", p.d, p.t, size(need), size(o.memory()), allow(need))
	}
	first, err := nc.NewRegression(p.d, p.t)
	if err != nil {
		return nil, err
	}
	var done int64
	progress := func(rows int) {
		if done += int64(rows); o.Progress != nil {
			o.Progress(done, 2*p.rows)
		}
	}
	err = p.each(ctx, progress, func(x, y []float64) error { return first.Add(nc.BatchOf(x, nil), nc.BatchOf(y, nil)) })
	if err != nil {
		return nil, err
	}
	second, err := first.Project(p.weight)
	if err != nil {
		return nil, err
	}
	if err := p.each(ctx, progress, func(x, _ []float64) error { return second.Add(nc.BatchOf(x, nil)) }); err != nil {
		return nil, err
	}
	return second.Summary()
}

// open takes what one file has.
func (p *pairs) open(f *npz.File, path string) error {
	part := pairOf{path: path}
	var err error
	if part.features, err = matrix(f, "features"); err != nil {
		return err
	}
	if part.targets, err = f.Array("targets"); err != nil {
		return err
	}
	shape := part.targets.Shape
	if len(shape) == 1 {
		shape = []int{shape[0], 1}
	}
	if len(shape) != 2 || shape[1] == 0 || shape[0] != part.features.Shape[0] {
		remedy := "flatten with targets.reshape(len(targets), -1)"
		switch n := part.features.Shape[0]; {
		case len(shape) == 2 && shape[1] == n:
			remedy = "they seem to be t×N: save targets.T"
		case len(shape) <= 2:
			remedy = "save both from one pass over the data in one order, and cut neither"
		}
		return fmt.Errorf("targets have shape %v, want N×t for the %d features; %s", part.targets.Shape,
			part.features.Shape[0], remedy)
	}
	if p.d == 0 {
		p.d, p.t = part.features.Shape[1], shape[1]
	}
	if part.features.Shape[1] != p.d || shape[1] != p.t {
		return fmt.Errorf("d = %d and t = %d, in other files %d and %d", part.features.Shape[1], shape[1], p.d, p.t)
	}
	p.rows += int64(shape[0])
	p.parts = append(p.parts, part)
	if !f.Has("weight") {
		return nil
	}
	c, err := linear.Read(f)
	switch {
	case err != nil:
		return err
	case p.weight != nil:
		return fmt.Errorf("there is a weight in %s too; one file must have it", p.from)
	case c.K != p.t || c.D != p.d:
		remedy := "save the layer that gives the targets from the features"
		if c.K == p.d && c.D == p.t {
			remedy = "it seems to be d×t: save weight.T"
		}
		return fmt.Errorf("weight is %d×%d, want t×d = %d×%d as PyTorch's Linear.weight; %s", c.K, c.D, p.t, p.d,
			remedy)
	}
	p.weight, p.from = c.W, path
	return nil
}

// each gives f the rows of features and targets of all parts in batches, after it has told
// progress their number.
func (p *pairs) each(ctx context.Context, progress func(rows int), f func(x, y []float64) error) error {
	for _, part := range p.parts {
		err := part.read(p.d, p.t, func(x, y []float64) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			progress(len(x) / p.d)
			return f(x, y)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", part.path, err)
		}
	}
	return nil
}

// read gives f the rows of features and targets in batches.
func (p pairOf) read(d, t int, f func(x, y []float64) error) (err error) {
	features, err := p.features.Reader()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, features.Close()) }()
	targets, err := p.targets.Reader()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, targets.Close()) }()
	rows := min(nc.BatchRows(max(d, t)), max(1, p.features.Shape[0]))
	x, y := make([]float64, rows*d), make([]float64, rows*t)
	for {
		n, err := features.Float64(x)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := targets.Float64(y[:n/d*t]); err != nil {
			return err
		}
		if err := f(x[:n], y[:n/d*t]); err != nil {
			return err
		}
	}
}
