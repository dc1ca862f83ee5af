// Package measure measures collapse in .npz files, as collapse measure does:
// what NumPy and PyTorch users save with numpy.savez goes through package nc in
// two streamed passes.
//
// A file holds
//
//	features       N×d  float32 or float64
//	labels         N    whole numbers 0…K−1
//	weight         K×d  optional: the classifier, as PyTorch stores it
//	bias           K    optional
//	test_features  M×d  optional, with test_labels M: test samples
//
// Several files are taken as parts of one data set; weight and bias may then
// stand in any one of them. Other arrays are ignored. Memory is that of
// nc.Accumulator and of two batches, whatever N is.
package measure

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/npz"
)

// Options are what a caller may choose; the zero value is the paper's.
type Options struct {
	// K is the number of classes; 0 takes it from weight or, without one, the
	// largest label + 1. It must agree with weight.
	K int
	// Global chooses h_G for unbalanced classes.
	Global nc.GlobalMean
	// Progress is told, from the calling goroutine, how many of the rows that all
	// passes read together are done.
	Progress func(done, total int64)
}

// Files measures the data set in the files at paths. An error names the file,
// what was expected and what was found. Summary.MarshalJSON gives the object that
// collapse measure --json prints.
func Files(ctx context.Context, paths []string, o Options) (*nc.Summary, error) {
	if len(paths) == 0 {
		return nil, errors.New("measure: no file was named")
	}
	m := &measurer{ctx: ctx, options: o}
	defer m.close()
	for _, path := range paths {
		if err := m.open(path); err != nil {
			return nil, err
		}
	}
	if err := m.classes(); err != nil {
		return nil, err
	}
	return m.run()
}

// measurer holds the open files.
type measurer struct {
	ctx     context.Context
	options Options
	files   []*npz.File
	train   []part
	test    []part
	d, k    int
	clf     *nc.Classifier
	from    string // file of the classifier
	done    int64
	total   int64
}

// part is a file's features with their labels.
type part struct {
	path             string
	features, labels *npz.Array
}

func (m *measurer) close() {
	for _, f := range m.files {
		f.Close()
	}
}

// open takes what one file has.
func (m *measurer) open(path string) error {
	f, err := npz.Open(path)
	if err != nil {
		return err
	}
	m.files = append(m.files, f)
	fault := func(err error) error { return fmt.Errorf("%s: %w", path, err) }
	if !f.Has("features") && !f.Has("weight") && !f.Has("test_features") {
		return fault(fmt.Errorf("no array \"features\"; there are %q", f.Names()))
	}
	for _, s := range []struct {
		features, labels string
		parts            *[]part
	}{{"features", "labels", &m.train}, {"test_features", "test_labels", &m.test}} {
		p, err := m.pair(f, s.features, s.labels)
		if err != nil {
			return fault(err)
		}
		if p != nil {
			p.path = path
			*s.parts = append(*s.parts, *p)
		}
	}
	if !f.Has("weight") {
		if f.Has("bias") {
			return fault(errors.New("there is a bias but no weight"))
		}
		return nil
	}
	if m.clf != nil {
		return fault(fmt.Errorf("there is a weight in %s too; one file must have it", m.from))
	}
	if m.clf, err = classifier(f); err != nil {
		return fault(err)
	}
	m.from = path
	return nil
}

// pair returns the arrays of features and labels, or nil where there are none.
func (m *measurer) pair(f *npz.File, features, labels string) (*part, error) {
	switch {
	case !f.Has(features) && !f.Has(labels):
		return nil, nil
	case !f.Has(features):
		return nil, fmt.Errorf("there is %q but no %q", labels, features)
	case !f.Has(labels):
		return nil, fmt.Errorf("there is %q but no %q", features, labels)
	}
	x, err := f.Array(features)
	if err != nil {
		return nil, err
	}
	y, err := f.Array(labels)
	if err != nil {
		return nil, err
	}
	if len(x.Shape) != 2 || x.Shape[1] == 0 {
		return nil, fmt.Errorf("%s have shape %v, want N×d; flatten with x.reshape(len(x), -1)", features, x.Shape)
	}
	if len(y.Shape) != 1 || y.Shape[0] != x.Shape[0] {
		return nil, fmt.Errorf("%s have shape %v, want one for each of the %d %s", labels, y.Shape, x.Shape[0], features)
	}
	if y.IsFloat() {
		return nil, fmt.Errorf("%s are of type %q, want whole numbers; write y.astype('int64')", labels, y.DType)
	}
	if m.d == 0 {
		m.d = x.Shape[1]
	}
	if x.Shape[1] != m.d {
		return nil, fmt.Errorf("%s have d = %d dimensions, others have %d", features, x.Shape[1], m.d)
	}
	return &part{features: x, labels: y}, nil
}

// classifier reads weight and bias.
func classifier(f *npz.File) (*nc.Classifier, error) {
	w, err := f.Array("weight")
	if err != nil {
		return nil, err
	}
	if len(w.Shape) != 2 {
		return nil, fmt.Errorf("weight has shape %v, want K×d as PyTorch's Linear.weight", w.Shape)
	}
	c := &nc.Classifier{K: w.Shape[0], D: w.Shape[1]}
	if c.W, err = w.Float64s(); err != nil {
		return nil, err
	}
	if !f.Has("bias") {
		return c, nil
	}
	b, err := f.Array("bias")
	if err != nil {
		return nil, err
	}
	if len(b.Shape) != 1 || b.Shape[0] != c.K {
		return nil, fmt.Errorf("bias has shape %v, want K = %d numbers", b.Shape, c.K)
	}
	c.B, err = b.Float64s()
	return c, err
}

// classes finds K and checks that the classifier fits.
func (m *measurer) classes() error {
	if len(m.train) == 0 {
		return errors.New("measure: no file has features and labels")
	}
	m.k = m.options.K
	if m.k < 0 {
		return fmt.Errorf("measure: K = %d, want at least 1, or 0 to take it from the file", m.k)
	}
	if c := m.clf; c != nil {
		if c.D != m.d {
			return fmt.Errorf("%s: weight is %d×%d, the features have d = %d; want K×d as PyTorch's Linear.weight", m.from, c.K, c.D, m.d)
		}
		if m.k != 0 && m.k != c.K {
			return fmt.Errorf("%s: weight has %d rows, K = %d was asked for", m.from, c.K, m.k)
		}
		m.k = c.K
	}
	for _, p := range m.train {
		m.total += 2 * int64(p.features.Shape[0])
	}
	for _, p := range m.test {
		m.total += 2 * int64(p.features.Shape[0])
	}
	if m.k == 0 {
		largest := int32(-1)
		for _, p := range m.train {
			err := labelsOf(p, func(y []int32) {
				for _, c := range y {
					largest = max(largest, c)
				}
			})
			if err != nil {
				return fmt.Errorf("%s: %w", p.path, err)
			}
		}
		m.k = int(largest) + 1
		if m.k < 1 {
			return errors.New("measure: no sample has a label of 0 or more")
		}
	}
	return nil
}

// labelsOf gives f all labels of a part, in pieces.
func labelsOf(p part, f func([]int32)) error {
	r, err := p.labels.Reader()
	if err != nil {
		return err
	}
	defer r.Close()
	y := make([]int32, 1<<16)
	for {
		n, err := r.Int32(y)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		f(y[:n])
	}
}

func (m *measurer) run() (*nc.Summary, error) {
	acc, err := m.accumulate(m.train, m.clf, nil)
	if err != nil {
		return nil, err
	}
	sum, err := acc.Summary(m.clf)
	if err != nil || len(m.test) == 0 {
		return sum, err
	}
	// Test samples: their nearest training means, and the figures around their
	// own means where every class has one.
	var wrong, samples int64
	var near []int32
	test, err := m.accumulate(m.test, m.clf, func(b batch) error {
		near = append(near[:0], b.labels...)
		var err error
		if b.wide != nil {
			err = acc.NearestMean64(b.wide, near)
		} else {
			err = acc.NearestMean(b.narrow, near)
		}
		for i, y := range b.labels {
			samples++
			if near[i] != y {
				wrong++
			}
		}
		return err
	})
	var empty *nc.EmptyClassError
	if errors.As(err, &empty) {
		test = nil
		sum.Notes["test"] = empty.Error()
	} else if err != nil {
		return nil, fmt.Errorf("test samples: %w", err)
	}
	if samples > 0 && sum.Notes["ncc_error"] == "" {
		sum.NCCTestError = float64(wrong) / float64(samples)
	} else if samples > 0 {
		sum.Notes["ncc_test_error"] = sum.Notes["ncc_error"]
	}
	if test != nil {
		if sum.Test, err = test.Summary(m.clf); err != nil {
			return nil, fmt.Errorf("test samples: %w", err)
		}
		sum.Test.NCCTestError = sum.NCCTestError
	}
	return sum, nil
}
