// Package measure measures collapse in .npz files, as collapse measure does:
// what NumPy and PyTorch users save with numpy.savez goes through package nc in
// streamed passes.
//
// A file holds
//
//	features        N×d  float32 or float64
//	labels          N    whole numbers 0…K−1
//	weight          K×d  optional: the classifier, as PyTorch stores it
//	bias            K    optional
//	test_features   M×d  optional, with test_labels M: test samples
//	ood_features    M×d  optional: out-of-distribution samples, for NC5
//	features_NAME   N×d_NAME  optional: another layer's features of the same samples
//	targets         N×t  in place of labels: a regression, see Regression
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
	"math"
	"slices"
	"strings"
	"time"

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
	// Full adds what needs the d×d covariance: the spectrum of Σ_W and VCI, and with
	// a classifier the decomposition of its MSE loss under weight decay Decay ≥ 0.
	Full  bool
	Decay float64
	// Outcomes adds the figures of the correctly and of the wrongly classified
	// samples apart. It needs a classifier.
	Outcomes bool
	// Margins, if not "", is the .npz file to write the margin of every training
	// sample to: an array "margins" of N float64 in the order of the files.
	Margins string
	// Bootstrap is the number of replicates for intervals, 0 for none; Seed draws
	// them.
	Bootstrap int
	Seed      int64
	// Memory bounds, in bytes, what Full and Bootstrap may hold; 0 is 4 GiB. More is
	// an error that says how much they need.
	Memory int64
	// Progress is told, from the calling goroutine, how many of the rows that all
	// passes read together are done.
	Progress func(done, total int64)
	// Log is given sentences for the user: what a costly figure will cost.
	Log func(string)
}

// Check reports options that make no sense.
func (o Options) Check() error {
	switch {
	case o.K < 0:
		return fmt.Errorf("measure: K = %d, want at least 1, or 0 to take it from the file", o.K)
	case o.Bootstrap < 0 || o.Bootstrap == 1:
		return fmt.Errorf("measure: %d bootstrap replicates, want at least 2, or 0 for none", o.Bootstrap)
	case !(o.Decay >= 0) || math.IsInf(o.Decay, 0):
		return fmt.Errorf("measure: weight decay is %v, want a number of at least 0", o.Decay)
	case o.Memory < 0:
		return fmt.Errorf("measure: memory bound of %d bytes", o.Memory)
	}
	return nil
}

// memory returns the bound in bytes.
func (o Options) memory() int64 {
	if o.Memory == 0 {
		return 4 << 30
	}
	return o.Memory
}

// Files measures the data set in the files at paths. An error names the file,
// what was expected and what was found. Summary.MarshalJSON gives the object that
// collapse measure --json prints.
func Files(ctx context.Context, paths []string, o Options) (*nc.Summary, error) {
	sum, _, err := Accumulated(ctx, paths, o)
	return sum, err
}

// open opens the files and finds K.
func open(ctx context.Context, paths []string, o Options) (*measurer, error) {
	if len(paths) == 0 {
		return nil, errors.New("measure: no file was named")
	}
	m := &measurer{ctx: ctx, options: o}
	for _, path := range paths {
		if err := m.open(path); err != nil {
			m.close()
			return nil, err
		}
	}
	if err := m.classes(); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// measurer holds the open files.
type measurer struct {
	ctx     context.Context
	options Options
	files   []*npz.File
	train   []part
	test    []part
	ood     []part // without labels
	layers  []layer
	d, k    int
	clf     *nc.Classifier
	from    string // file of the classifier
	done    int64
	total   int64
	took    time.Duration // what the figures of all samples took
}

// part is a file's features with their labels.
type part struct {
	path             string
	features, labels *npz.Array // labels is nil for out-of-distribution samples
}

func (p part) rows() int { return p.features.Shape[0] }
func (p part) d() int    { return p.features.Shape[1] }

// rows returns the number of samples in parts.
func rows(parts []part) (n int64) {
	for _, p := range parts {
		n += int64(p.rows())
	}
	return n
}

// layer is the parts of one layer's features.
type layer struct {
	name  string
	parts []part
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
	if !slices.ContainsFunc([]string{"features", "weight", "test_features", "ood_features"}, f.Has) && len(layersOf(f)) == 0 {
		return fault(fmt.Errorf("no array \"features\"; there are %q", f.Names()))
	}
	for _, s := range []struct {
		features, labels string
		parts            *[]part
	}{{"features", "labels", &m.train}, {"test_features", "test_labels", &m.test}} {
		if s.features == "features" && !f.Has("features") && len(layersOf(f)) > 0 {
			continue // the labels are the layers'
		}
		p, err := m.pair(f, path, s.features, s.labels)
		if err != nil {
			return fault(err)
		}
		if p == nil {
			continue
		}
		if m.d == 0 {
			m.d = p.d()
		}
		if p.d() != m.d {
			return fault(fmt.Errorf("%s have d = %d dimensions, others have %d", s.features, p.d(), m.d))
		}
		*s.parts = append(*s.parts, *p)
	}
	if f.Has("ood_features") {
		x, err := matrix(f, "ood_features")
		if err != nil {
			return fault(err)
		}
		m.ood = append(m.ood, part{path: path, features: x})
	}
	for _, name := range layersOf(f) {
		p, err := m.pair(f, path, "features_"+name, "labels")
		if err != nil {
			return fault(err)
		}
		i := slices.IndexFunc(m.layers, func(l layer) bool { return l.name == name })
		if i < 0 {
			i = len(m.layers)
			m.layers = append(m.layers, layer{name: name})
		}
		m.layers[i].parts = append(m.layers[i].parts, *p)
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

// layersOf returns the names of the other layers in a file, in its order.
func layersOf(f *npz.File) (names []string) {
	for _, n := range f.Names() {
		if name, ok := strings.CutPrefix(n, "features_"); ok && name != "" {
			names = append(names, name)
		}
	}
	return names
}

// matrix returns the header of an array of samples, N×d.
func matrix(f *npz.File, name string) (*npz.Array, error) {
	x, err := f.Array(name)
	if err != nil {
		return nil, err
	}
	if len(x.Shape) != 2 || x.Shape[1] == 0 {
		return nil, fmt.Errorf("%s have shape %v, want N×d; flatten with x.reshape(len(x), -1)", name, x.Shape)
	}
	return x, nil
}

// pair returns the arrays of features and labels, or nil where there are none.
func (m *measurer) pair(f *npz.File, path, features, labels string) (*part, error) {
	switch {
	case !f.Has(features) && !f.Has(labels):
		return nil, nil
	case !f.Has(features):
		return nil, fmt.Errorf("there is %q but no %q", labels, features)
	case !f.Has(labels):
		if f.Has("targets") {
			return nil, errors.New("there are targets and no labels: this is a regression")
		}
		return nil, fmt.Errorf("there is %q but no %q", features, labels)
	}
	x, err := matrix(f, features)
	if err != nil {
		return nil, err
	}
	y, err := f.Array(labels)
	if err != nil {
		return nil, err
	}
	if err := fit(features, x, labels, y); err != nil {
		return nil, err
	}
	return &part{path: path, features: x, labels: y}, nil
}

// fit reports labels that are not those of the features.
func fit(features string, x *npz.Array, labels string, y *npz.Array) error {
	if len(y.Shape) != 1 || y.Shape[0] != x.Shape[0] {
		return fmt.Errorf("%s have shape %v, want one for each of the %d %s", labels, y.Shape, x.Shape[0], features)
	}
	if y.IsFloat() {
		return fmt.Errorf("%s are of type %q, want whole numbers; write y.astype('int64')", labels, y.DType)
	}
	return nil
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

// classes finds K, checks that options, classifier and layers fit, and counts the
// rows that all passes read.
func (m *measurer) classes() error {
	if err := m.options.Check(); err != nil {
		return err
	}
	if len(m.train) == 0 && len(m.layers) == 0 {
		return errors.New("measure: no file has features and labels")
	}
	m.k = m.options.K
	if c := m.clf; c != nil {
		if m.d != 0 && c.D != m.d {
			return fmt.Errorf("%s: weight is %d×%d, the features have d = %d; want K×d as PyTorch's Linear.weight", m.from, c.K, c.D, m.d)
		}
		if m.k != 0 && m.k != c.K {
			return fmt.Errorf("%s: weight has %d rows, K = %d was asked for", m.from, c.K, m.k)
		}
		m.k = c.K
	} else if m.options.Outcomes {
		return errors.New("measure: the figures of correct and wrong samples need a classifier, and no file has a weight")
	} else if m.options.Margins != "" {
		return errors.New("measure: margins need a classifier, and no file has a weight")
	}
	for _, p := range m.ood {
		if p.d() != m.d {
			return fmt.Errorf("%s: ood_features have d = %d dimensions, the features %d", p.path, p.d(), m.d)
		}
	}
	for _, l := range m.layers {
		if n, want := len(l.parts), max(len(m.train), len(m.layers[0].parts)); n != want {
			return fmt.Errorf("measure: features_%s are in %d of %d files; every part of the data set must have them", l.name, n, want)
		}
		for _, p := range l.parts {
			if p.d() != l.parts[0].d() {
				return fmt.Errorf("%s: features_%s have d = %d dimensions, in other files %d", p.path, l.name, p.d(), l.parts[0].d())
			}
		}
	}
	if m.k == 0 {
		if err := m.countClasses(); err != nil {
			return err
		}
	}
	passes := int64(2 + 2*m.options.rounds(m.k, m.d))
	if m.options.Outcomes {
		passes += 2
	}
	m.total = passes*rows(m.train) + passes*rows(m.test) + rows(m.ood)
	m.total += int64(m.options.rounds(m.k, m.d)) * (rows(m.test) + rows(m.ood))
	if m.options.Margins != "" {
		m.total += rows(m.train)
	}
	for _, l := range m.layers {
		m.total += 2 * rows(l.parts)
	}
	return nil
}

// countClasses takes K from the labels.
func (m *measurer) countClasses() error {
	parts := m.train
	if len(parts) == 0 {
		parts = m.layers[0].parts
	}
	largest := int32(-1)
	for _, p := range parts {
		err := labelsOf(p, func(y []int32) {
			for _, c := range y {
				largest = max(largest, c)
			}
		})
		if err != nil {
			return fmt.Errorf("%s: %w", p.path, err)
		}
	}
	if m.k = int(largest) + 1; m.k < 1 {
		return errors.New("measure: no sample has a label of 0 or more")
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

// run measures everything that was asked for. The accumulator is that of the
// training samples, nil where there are only layers.
func (m *measurer) run() (*nc.Summary, *nc.Accumulator, error) {
	if len(m.train) == 0 {
		layers, err := m.measureLayers()
		if err != nil {
			return nil, nil, err
		}
		// The figures at the top are those of the last layer.
		last := *layers[len(layers)-1].Summary
		last.Layers = layers
		return &last, nil, nil
	}
	start := time.Now()
	acc, err := m.accumulate(m.train, m.clf, m.options.Full, nil)
	if err != nil {
		return nil, nil, err
	}
	sum, err := acc.summary()
	if err != nil {
		return nil, nil, err
	}
	if len(m.test) > 0 {
		if err := m.measureTest(acc.Accumulator, sum); err != nil {
			return nil, nil, fmt.Errorf("test samples: %w", err)
		}
	}
	m.took = time.Since(start)
	for _, f := range []func(*nc.Accumulator, *nc.Summary) error{m.measureOOD, m.writeMargins, m.measureOutcomes, m.bootstrap} {
		if err := f(acc.Accumulator, sum); err != nil {
			return nil, nil, err
		}
	}
	sum.Layers, err = m.measureLayers()
	return sum, acc.Accumulator, err
}

// measureTest adds the nearest training means of the test samples, and their
// figures around their own means where every class has one.
func (m *measurer) measureTest(acc *nc.Accumulator, sum *nc.Summary) error {
	var wrong, samples int64
	var near []int32
	test, err := m.accumulate(m.test, m.clf, m.options.Full, func(b batch) error {
		near = slices.Grow(near[:0], len(b.labels))[:len(b.labels)]
		err := b.nearest(acc, near)
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
		return err
	}
	if samples > 0 && sum.Notes["ncc_error"] == "" {
		sum.NCCTestError = float64(wrong) / float64(samples)
	} else if samples > 0 {
		sum.Notes["ncc_test_error"] = sum.Notes["ncc_error"]
	}
	if test != nil {
		if sum.Test, err = test.summary(); err != nil {
			return err
		}
		sum.Test.NCCTestError = sum.NCCTestError
	}
	return nil
}

// measureOOD sets NC5.
func (m *measurer) measureOOD(acc *nc.Accumulator, sum *nc.Summary) error {
	if len(m.ood) == 0 {
		return nil
	}
	one, err := nc.NewAccumulator(1, m.d)
	if err != nil {
		return err
	}
	if err := m.pass(m.ood, func(b batch) error { return b.add(one) }); err != nil {
		return err
	}
	mean, err := one.Mean()
	if err != nil {
		return fmt.Errorf("ood_features: %w", err)
	}
	if sum.NC5, err = acc.NC5(mean); err != nil {
		sum.NC5 = nan
		sum.Notes["nc5"] = err.Error()
	}
	return nil
}

// writeMargins writes the margins' file.
func (m *measurer) writeMargins(*nc.Accumulator, *nc.Summary) error {
	if m.options.Margins == "" {
		return nil
	}
	w, err := npz.Create(m.options.Margins)
	if err != nil {
		return err
	}
	defer w.Abort()
	out, err := npz.NewStream[float64](w, "margins", []int{int(rows(m.train))})
	if err != nil {
		return err
	}
	var margins []float64
	err = m.pass(m.train, func(b batch) error {
		margins = slices.Grow(margins[:0], len(b.labels))[:len(b.labels)]
		if err := b.margins(m.clf, margins); err != nil {
			return err
		}
		return out.Write(margins)
	})
	if err != nil {
		return err
	}
	return w.Close()
}

// measureOutcomes adds the figures of correct and of wrong samples.
func (m *measurer) measureOutcomes(_ *nc.Accumulator, sum *nc.Summary) error {
	if !m.options.Outcomes {
		return nil
	}
	for _, s := range []struct {
		parts []part
		sum   *nc.Summary
	}{{m.train, sum}, {m.test, sum.Test}} {
		if s.sum == nil {
			continue
		}
		if err := m.outcomes(s.parts, s.sum); err != nil {
			return err
		}
	}
	return nil
}

func (m *measurer) outcomes(parts []part, sum *nc.Summary) error {
	var accs [2]*nc.Accumulator // correct, wrong
	for i := range accs {
		var err error
		if accs[i], err = nc.NewAccumulator(m.k, m.d); err != nil {
			return err
		}
		accs[i].Global = m.options.Global
	}
	var given []int32
	var apart batch
	split := func(f func(batch, *nc.Accumulator) error) func(batch) error {
		return func(b batch) error {
			given = slices.Grow(given[:0], len(b.labels))[:len(b.labels)]
			if err := b.decide(m.clf, given); err != nil {
				return err
			}
			for i, acc := range accs {
				if acc == nil {
					continue
				}
				apart.clear()
				for j, y := range b.labels {
					if (given[j] == y) == (i == 0) {
						apart.append(b, j, m.d, given[j])
					}
				}
				if err := f(apart, acc); err != nil {
					return err
				}
			}
			return nil
		}
	}
	if err := m.pass(parts, split(batch.add)); err != nil {
		return err
	}
	names := []string{"correct", "wrong"}
	for i, acc := range accs {
		if n, _ := acc.N(); n == 0 {
			sum.Notes[names[i]] = "there is no such sample"
			accs[i] = nil
			continue
		}
		err := acc.BeginSecond()
		var empty *nc.EmptyClassError
		if errors.As(err, &empty) {
			sum.Notes[names[i]] = "by the class that the classifier gives, " + strings.TrimPrefix(empty.Error(), "nc: ")
			accs[i] = nil
		} else if err != nil {
			return err
		} else if err := acc.SetClassifier(m.clf); err != nil {
			return err
		}
	}
	if err := m.pass(parts, split(batch.addSecond)); err != nil {
		return err
	}
	for i, acc := range accs {
		if acc == nil {
			continue
		}
		s, err := acc.Summary(nil)
		if err != nil {
			return err
		}
		// By the class that it gives, the classifier is always right.
		s.Error, s.ErrorPerClass = nan, nil
		s.Notes["error"] = "the samples are grouped by the class that the classifier gives"
		if i == 0 {
			sum.Correct = s
		} else {
			sum.Wrong = s
		}
	}
	return nil
}
