package files

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/gocollapse/collapse/internal/resample"
	"github.com/gocollapse/collapse/nc"
)

// replicates returns how many bootstrap replicates fit into the memory bound at
// once, at least one.
func (o Options) replicates(k, d int) int {
	return int(max(1, min(int64(o.Bootstrap), o.memory()/nc.Bytes(k, d))))
}

// rounds returns how often the data are read for all replicates, in two passes each.
func (o Options) rounds(k, d int) int {
	if o.Bootstrap == 0 {
		return 0
	}
	at := o.replicates(k, d)
	return (o.Bootstrap + at - 1) / at
}

// bootstrap sets the intervals of the training and the test metrics. Each replicate
// is measured as the data were, with every sample taken a number of times that is
// drawn from the Poisson distribution of mean 1, which for many samples is the
// draw with replacement and needs no list of them.
func (m *measurer) bootstrap(sum *nc.Summary) error {
	o := m.options
	if o.Bootstrap == 0 {
		return nil
	}
	if need := nc.Bytes(m.k, m.d); need > o.memory() {
		return fmt.Errorf("measure: one bootstrap replicate of K = %d and d = %d needs %s, "+
			"more than the memory bound of %s; %s",
			m.k, m.d, size(need), size(o.memory()), allow(need))
	}
	if o.Log != nil {
		at := o.replicates(m.k, m.d)
		o.Log(fmt.Sprintf("bootstrap: %d replicates of both passes over %d samples, %d at a time in %s: about %s",
			o.Bootstrap, rows(m.train.parts)+rows(m.test.parts), at, size(int64(at)*nc.Bytes(m.k, m.d)),
			(time.Duration(o.Bootstrap) * m.took).Round(time.Second)))
	}
	if err := m.intervals(m.split(&m.train, sum), sum, true); err != nil {
		return err
	}
	if sum.Test != nil {
		return m.intervals(m.split(&m.test, sum.Test), sum.Test, false)
	}
	return nil
}

// split is samples with the classes of their summary, whose places are their labels.
type split struct {
	source nc.Source
	k      int
	clf    *nc.Classifier
}

func (m *measurer) split(s *samples, sum *nc.Summary) split {
	if sum.Classes == nil {
		return split{s, m.k, m.clf}
	}
	out := split{source: nc.Subset(s, sum.Classes), k: sum.K}
	if m.clf != nil {
		out.clf = m.clf.Subset(sum.Classes)
	}
	return out
}

// intervals sets the intervals of sum, which was measured on source, the training samples or not.
func (m *measurer) intervals(source split, sum *nc.Summary, train bool) error {
	o := m.options
	values := map[string][]float64{}
	empty := 0
	at := o.replicates(m.k, m.d)
	for first := 0; first < o.Bootstrap; first += at {
		sums, err := m.replicate(source, sum, first, min(at, o.Bootstrap-first), train)
		if err != nil {
			return err
		}
		for _, s := range sums {
			if s == nil {
				empty++
				continue
			}
			for _, m := range nc.Metrics() {
				v, _ := s.Value(m.Key)
				values[m.Key] = append(values[m.Key], v)
			}
		}
	}
	sum.Intervals = map[string][2]float64{}
	sum.Bootstrap = &nc.Bootstrap{Replicates: o.Bootstrap, Seed: o.Seed, Level: resample.Level}
	if empty > 0 {
		sum.Notes["bootstrap"] = fmt.Sprintf("in %d of %d replicates a class had no sample; they are left out", empty,
			o.Bootstrap)
	}
	for name, v := range values {
		if slices.ContainsFunc(v, math.IsNaN) || len(v) < 2 {
			continue
		}
		sum.Intervals[name] = resample.Interval(v)
	}
	m.widenShares(sum)
	return nil
}

// widenShares joins the intervals of shares of samples with Clopper and Pearson's: where no sample is
// wrong, none is in any replicate, and the percentiles alone would be 0 to 0.
func (m *measurer) widenShares(sum *nc.Summary) {
	for _, name := range []string{"ncc_error", "ncc_test_error", "nc4", "error"} {
		ci, ok := sum.Intervals[name]
		if !ok {
			continue
		}
		n := float64(sum.N)
		if name == "ncc_test_error" {
			n = float64(rows(m.test.parts))
			if sum.Test != nil { // Present may have left some out
				n = float64(sum.Test.N)
			}
		}
		v, _ := sum.Value(name)
		exact := resample.Share(math.Round(v*n), n)
		sum.Intervals[name] = [2]float64{min(ci[0], exact[0]), max(ci[1], exact[1])}
	}
}

// replicate returns the summaries of replicates first…first+n−1; one in which a class has no sample
// is nil.
func (m *measurer) replicate(source split, sum *nc.Summary, first, n int, train bool) ([]*nc.Summary, error) {
	draw := stream(m.options.Seed, trainSamples)
	if !train {
		draw = draw.of(testSamples)
	}
	sums, err := newSums(n, source.k, m.d, m.options.Global)
	if err != nil {
		return nil, err
	}
	err = draw.each(m.ctx, source.source, first, n, func(r int, b nc.Batch) error { return sums[r].Add(b) })
	if err != nil {
		return nil, err
	}
	scatters := make([]*nc.Scatter, n)
	for r := range scatters {
		var empty *nc.EmptyClassError
		if scatters[r], err = sums[r].Centre(source.clf); err != nil && !errors.As(err, &empty) {
			return nil, err
		}
		sums[r] = nil
	}
	err = draw.each(m.ctx, source.source, first, n, func(r int, b nc.Batch) error {
		if scatters[r] == nil {
			return nil
		}
		return scatters[r].Add(b)
	})
	if err != nil {
		return nil, err
	}
	out := make([]*nc.Summary, n)
	for r, s := range scatters {
		if s == nil {
			continue
		}
		if out[r], err = s.Summary(); err != nil {
			return nil, err
		}
	}
	if !train {
		return out, nil
	}
	if err := m.replicateTest(m.split(&m.test, sum), scatters, out, draw.of(testSamples), first); err != nil {
		return nil, err
	}
	return out, m.replicateOOD(scatters, out, draw.of(oodSamples), first)
}

// newSums returns n empty sums.
func newSums(n, k, d int, global nc.GlobalMean) ([]*nc.Sums, error) {
	out := make([]*nc.Sums, n)
	for r := range out {
		var err error
		if out[r], err = nc.NewSums(k, d); err != nil {
			return nil, err
		}
		out[r].Global = global
	}
	return out, nil
}

// replicateTest sets the test samples' error to the means of replicates of the training samples.
func (m *measurer) replicateTest(test split, scatters []*nc.Scatter, sums []*nc.Summary, draw draws,
	first int) error {
	n := len(scatters)
	wrong, total := make([]int64, n), make([]int64, n)
	near := make([][]int32, n)
	err := draw.each(m.ctx, test.source, first, n, func(r int, b nc.Batch) error {
		if scatters[r] == nil {
			return nil
		}
		near[r] = slices.Grow(near[r][:0], len(b.Labels))[:len(b.Labels)]
		if err := scatters[r].NearestMean(b, near[r]); err != nil {
			return err
		}
		for i, y := range b.Labels {
			total[r]++
			if near[r][i] != y {
				wrong[r]++
			}
		}
		return nil
	})
	for r, sum := range sums {
		if sum != nil && total[r] > 0 && sum.Notes["ncc_error"] == "" {
			sum.NCCTestError = float64(wrong[r]) / float64(total[r])
		}
	}
	return err
}

// replicateOOD sets NC5 of replicates of the training and of the out-of-distribution samples.
func (m *measurer) replicateOOD(scatters []*nc.Scatter, sums []*nc.Summary, draw draws, first int) error {
	ood, err := newSums(len(scatters), 1, m.d, m.options.Global)
	if err != nil {
		return err
	}
	err = draw.each(m.ctx, &m.ood, first, len(ood), func(r int, b nc.Batch) error { return ood[r].Add(b) })
	if err != nil {
		return err
	}
	for r, sum := range sums {
		if sum == nil {
			continue
		}
		if mean, err := ood[r].Mean(); err == nil {
			if sum.NC5, err = scatters[r].NC5(mean); err != nil {
				sum.NC5 = math.NaN()
			}
		}
	}
	return nil
}

// each gives f, for each of n replicates from first on, the batches of a source as that replicate has
// drawn them. Replicates are worked on at once.
func (s draws) each(ctx context.Context, source nc.Source, first, n int, f func(r int, b nc.Batch) error) error {
	workers := min(n, runtime.GOMAXPROCS(0))
	drawn := make([]nc.Batch, workers)
	var base uint64
	return source.Each(ctx, func(b nc.Batch) error {
		errs := make([]error, workers)
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for r := w; r < n && errs[w] == nil; r += workers {
					drawn[w].Clear()
					key := s.replicate(first + r)
					for i, y := range b.Labels {
						for range resample.Times(key, base+uint64(i)) {
							drawn[w].Append(b, i, y)
						}
					}
					errs[w] = f(r, drawn[w])
				}
			})
		}
		wg.Wait()
		base += uint64(len(b.Labels))
		return errors.Join(errs...)
	})
}

// The samples that are drawn independently of each other.
const (
	trainSamples = iota
	testSamples
	oodSamples
)

// draws says how often a replicate takes a sample, by a seed and the kind of samples.
type draws struct{ seed, kind uint64 }

func stream(seed int64, kind uint64) draws { return draws{uint64(seed), kind} }

func (s draws) of(kind uint64) draws { return draws{s.seed, kind} }

// replicate returns the key of a replicate's draws.
func (s draws) replicate(r int) uint64 {
	return resample.Mix(resample.Mix(resample.Mix(s.seed^0x9e3779b97f4a7c15)+s.kind) + uint64(r))
}
