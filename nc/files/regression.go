package measure

import (
	"context"
	"errors"
	"fmt"
	"io"

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

// pairOf is a file's features with their targets.
type pairOf struct {
	path              string
	features, targets *npz.Array
}

// Regression measures neural regression collapse, NRC1 to NRC3, in files that hold
// features N×d, targets N×t (or N) and optionally weight t×d, the last layer. Several
// files are parts of one data set. It needs O(d²) memory, and Options.Memory bounds
// it; of the other options it heeds Progress.
func Regression(ctx context.Context, paths []string, o Options) (*nc.RegressionSummary, error) {
	if len(paths) == 0 {
		return nil, errors.New("measure: no file was named")
	}
	var parts []pairOf
	var weight []float64
	var from string
	var total int64
	d, t := 0, 0
	for _, path := range paths {
		f, err := npz.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		p := pairOf{path: path}
		if p.features, err = matrix(f, "features"); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if p.targets, err = f.Array("targets"); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		shape := p.targets.Shape
		if len(shape) == 1 {
			shape = []int{shape[0], 1}
		}
		if len(shape) != 2 || shape[1] == 0 || shape[0] != p.features.Shape[0] {
			return nil, fmt.Errorf("%s: targets have shape %v, want N×t for the %d features", path, p.targets.Shape, p.features.Shape[0])
		}
		if d == 0 {
			d, t = p.features.Shape[1], shape[1]
		}
		if p.features.Shape[1] != d || shape[1] != t {
			return nil, fmt.Errorf("%s: d = %d and t = %d, in other files %d and %d", path, p.features.Shape[1], shape[1], d, t)
		}
		total += 2 * int64(shape[0])
		parts = append(parts, p)
		if f.Has("weight") {
			c, err := classifier(f)
			switch {
			case err != nil:
				return nil, fmt.Errorf("%s: %w", path, err)
			case weight != nil:
				return nil, fmt.Errorf("%s: there is a weight in %s too; one file must have it", path, from)
			case c.K != t || c.D != d:
				return nil, fmt.Errorf("%s: weight is %d×%d, want t×d = %d×%d as PyTorch's Linear.weight", path, c.K, c.D, t, d)
			}
			weight, from = c.W, path
		}
	}
	if need := nc.RegressionBytes(d, t); need > o.memory() {
		return nil, fmt.Errorf("measure: d = %d features and t = %d targets need %s, more than the memory bound of %s", d, t, size(need), size(o.memory()))
	}
	r, err := nc.NewRegression(d, t)
	if err != nil {
		return nil, err
	}
	var done int64
	pass := func(f func(x, y []float64) error) error {
		for _, p := range parts {
			err := p.read(d, t, func(x, y []float64) error {
				if err := ctx.Err(); err != nil {
					return err
				}
				done += int64(len(x) / d)
				if o.Progress != nil {
					o.Progress(done, total)
				}
				return f(x, y)
			})
			if err != nil {
				return fmt.Errorf("%s: %w", p.path, err)
			}
		}
		return nil
	}
	if err := pass(r.Add64); err != nil {
		return nil, err
	}
	if err := r.BeginSecond(weight); err != nil {
		return nil, err
	}
	if err := pass(func(x, _ []float64) error { return r.AddSecond64(x) }); err != nil {
		return nil, err
	}
	return r.Summary()
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
	rows := min(max(1, batchElements/max(d, t)), max(1, p.features.Shape[0]))
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
