// Package files measures collapse in .npz files, as collapse measure does:
// what NumPy and PyTorch users save with numpy.savez goes through package nc in
// streamed passes.
//
// A file holds, in any type that package npz reads (float16, bfloat16, float32, float64, whole
// numbers, bool),
//
//	features        N×d
//	labels          N    whole numbers 0…K−1, also saved as floating-point numbers
//	weight          K×d  optional: the classifier, as PyTorch stores it
//	bias            K    optional
//	test_features   M×d  optional, with test_labels M: test samples
//	ood_features    M×d  optional: out-of-distribution samples, for NC5
//	features_NAME   N×d_NAME  optional: another layer's features of the same samples
//	targets         N×t  in place of labels: a regression, see Regression
//
// Several files are taken as parts of one data set; weight and bias may then
// be in any one of them. Other arrays are ignored. Memory is that of
// nc.Measure and of two batches, whatever N is.
package files

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/gocollapse/collapse/internal/resample"
	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/npz"
)

// Options are what a caller may choose; the zero value is the paper's.
type Options struct {
	// K is the number of classes; 0 takes it from weight or, without one, the
	// largest label + 1. It must agree with weight.
	K int
	// Present measures the classes that have a sample, see nc.Options. K is then the number of
	// labels, with and without a sample.
	Present bool
	// Global chooses h_G for unbalanced classes.
	Global nc.GlobalMean
	// Full adds what needs the d×d covariance: the spectrum of Σ_W and VCI, and with
	// a classifier the decomposition of its MSE loss under weight decay Decay ≥ 0.
	Full  bool
	Decay float64
	// Outcomes adds the metrics of the correctly and of the wrongly classified
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
	// Log is given sentences for the user: what a costly metric will cost.
	Log func(string)
}

// Check reports options that make no sense.
func (o Options) Check() error {
	switch {
	case o.K < 0:
		return fmt.Errorf("measure: K = %d, want at least 1, or 0 to take it from the file", o.K)
	case !(o.Decay >= 0) || math.IsInf(o.Decay, 0):
		return fmt.Errorf("measure: weight decay is %v, want a number of at least 0", o.Decay)
	case o.Memory < 0:
		return fmt.Errorf("measure: memory bound of %d bytes", o.Memory)
	}
	if err := resample.Check(o.Bootstrap, 2); err != nil {
		return fmt.Errorf("measure: bootstrap: %w", err)
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

// Measure measures the data set in the files at paths, which are parts of it. An error names the
// file, what was expected and what was found. Summary.MarshalJSON gives the object that
// collapse measure --json prints; Summary.Scatter is nil where only features_NAME were found.
func Measure(ctx context.Context, paths []string, o Options) (*nc.Summary, error) {
	m, err := open(ctx, paths, o)
	if err != nil {
		return nil, err
	}
	defer m.close()
	return m.run()
}

// run measures everything that was asked for.
func (m *measurer) run() (*nc.Summary, error) {
	if err := m.checkPresent(); err != nil {
		return nil, err
	}
	if len(m.train.parts) == 0 {
		layers, err := m.measureLayers()
		if err != nil {
			return nil, err
		}
		// The metrics at the top are those of the last layer.
		last := *layers[len(layers)-1].Summary
		last.Layers = layers
		return &last, nil
	}
	o := m.measureOptions()
	o.Outcomes = m.options.Outcomes
	if len(m.test.parts) > 0 {
		o.Test = &m.test
	}
	if len(m.ood.parts) > 0 {
		o.OOD = &m.ood
	}
	var clf nc.Classifier
	if m.clf != nil {
		clf = *m.clf
	}
	if err := m.fitsCovariance(m.d); err != nil {
		return nil, err
	}
	start := time.Now()
	sum, err := nc.Measure(&m.train, clf, o)
	if err != nil {
		return nil, err
	}
	m.took = time.Since(start)
	if err := m.writeMargins(m.split(&m.train, sum)); err != nil {
		return nil, err
	}
	if err := m.bootstrap(sum); err != nil {
		return nil, err
	}
	sum.Layers, err = m.measureLayers()
	return sum, err
}

// measureOptions are the options that all of the files' features share.
func (m *measurer) measureOptions() nc.Options {
	o := m.options
	return nc.Options{K: m.k, Present: o.Present, Global: o.Global, Covariance: o.Full, Decay: o.Decay, Context: m.ctx}
}

// fitsCovariance reports a covariance of d dimensions that was asked for and is over the memory
// bound.
func (m *measurer) fitsCovariance(d int) error {
	if need := nc.CovarianceBytes(d); m.options.Full && need > m.options.memory() {
		return fmt.Errorf("measure: the covariance of d = %d dimensions needs %s, more than the memory bound of %s; %s",
			d, size(need), size(m.options.memory()), allow(need))
	}
	return nil
}

// writeMargins writes the margins' file.
func (m *measurer) writeMargins(s split) error {
	if m.options.Margins == "" {
		return nil
	}
	w, err := npz.Create(m.options.Margins)
	if err != nil {
		return err
	}
	defer w.Abort()
	out, err := npz.NewStream[float64](w, "margins", []int{int(rows(m.train.parts))})
	if err != nil {
		return err
	}
	var margins []float64
	err = s.source.Each(m.ctx, func(b nc.Batch) error {
		margins = slices.Grow(margins[:0], len(b.Labels))[:len(b.Labels)]
		if err := s.clf.Margins(b, margins); err != nil {
			return err
		}
		return out.Write(margins)
	})
	if err != nil {
		return err
	}
	return w.Close()
}

// allow says how to allow as much memory.
func allow(need int64) string {
	return fmt.Sprintf("say --memory %dGiB (Options.Memory) if there is as much", (need+1<<30-1)>>30)
}

// size writes a number of bytes for people.
func size(bytes int64) string {
	switch {
	case bytes >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	case bytes >= 1<<20:
		return fmt.Sprintf("%.0f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%.0f KiB", float64(bytes)/(1<<10))
}
