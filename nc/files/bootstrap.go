package measure

import (
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

// bootstrap sets the intervals of the training and the test figures. Each replicate
// is measured as the data were, with every sample taken a number of times that is
// drawn from the Poisson distribution of mean 1, which for many samples is the
// draw with replacement and needs no list of them.
func (m *measurer) bootstrap(acc *nc.Accumulator, sum *nc.Summary) error {
	o := m.options
	if o.Bootstrap == 0 {
		return nil
	}
	if need := nc.Bytes(m.k, m.d); need > o.memory() {
		return fmt.Errorf("measure: one bootstrap replicate of K = %d and d = %d needs %s, more than the memory bound of %s",
			m.k, m.d, size(need), size(o.memory()))
	}
	if o.Log != nil {
		at := o.replicates(m.k, m.d)
		o.Log(fmt.Sprintf("bootstrap: %d replicates of both passes over %d samples, %d at a time in %s: about %s",
			o.Bootstrap, rows(m.train)+rows(m.test), at, size(int64(at)*nc.Bytes(m.k, m.d)),
			(time.Duration(o.Bootstrap) * m.took).Round(time.Second)))
	}
	if err := m.intervals(m.train, sum, true); err != nil {
		return err
	}
	if sum.Test != nil {
		return m.intervals(m.test, sum.Test, false)
	}
	return nil
}

// intervals sets the intervals of sum, which was measured on parts.
func (m *measurer) intervals(parts []part, sum *nc.Summary, train bool) error {
	o := m.options
	values := map[string][]float64{}
	empty := 0
	at := o.replicates(m.k, m.d)
	for first := 0; first < o.Bootstrap; first += at {
		sums, err := m.replicate(parts, first, min(at, o.Bootstrap-first), train)
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
		sum.Notes["bootstrap"] = fmt.Sprintf("in %d of %d replicates a class had no sample; they are left out", empty, o.Bootstrap)
	}
	for name, v := range values {
		if slices.ContainsFunc(v, math.IsNaN) || len(v) < 2 {
			continue
		}
		sum.Intervals[name] = resample.Interval(v)
	}
	return nil
}

// replicate returns the summaries of replicates first…first+n−1; one in which a
// class has no sample is nil.
func (m *measurer) replicate(parts []part, first, n int, train bool) ([]*nc.Summary, error) {
	accs := make([]*nc.Accumulator, n)
	for r := range accs {
		var err error
		if accs[r], err = nc.NewAccumulator(m.k, m.d); err != nil {
			return nil, err
		}
		accs[r].Global = m.options.Global
	}
	stream := stream(m.options.Seed, trainSamples)
	if !train {
		stream = stream.of(testSamples)
	}
	err := m.resample(parts, stream, first, n, func(r int, b batch) error { return b.add(accs[r]) })
	if err != nil {
		return nil, err
	}
	for r, acc := range accs {
		err := acc.BeginSecond()
		var empty *nc.EmptyClassError
		switch {
		case errors.As(err, &empty):
			accs[r] = nil
		case err != nil:
			return nil, err
		case m.clf != nil:
			if err := acc.SetClassifier(m.clf); err != nil {
				return nil, err
			}
		}
	}
	err = m.resample(parts, stream, first, n, func(r int, b batch) error {
		if accs[r] == nil {
			return nil
		}
		return b.addSecond(accs[r])
	})
	if err != nil {
		return nil, err
	}
	sums := make([]*nc.Summary, n)
	for r, acc := range accs {
		if acc == nil {
			continue
		}
		if sums[r], err = acc.Summary(nil); err != nil {
			return nil, err
		}
	}
	if train {
		return sums, m.replicateOthers(accs, sums, stream, first)
	}
	return sums, nil
}

// replicateOthers sets the figures of replicates that other samples than those of
// training have: the test samples' nearest means, and NC5.
func (m *measurer) replicateOthers(accs []*nc.Accumulator, sums []*nc.Summary, s source, first int) error {
	n := len(accs)
	wrong, total := make([]int64, n), make([]int64, n)
	near := make([][]int32, n)
	err := m.resample(m.test, s.of(testSamples), first, n, func(r int, b batch) error {
		if accs[r] == nil {
			return nil
		}
		near[r] = slices.Grow(near[r][:0], len(b.labels))[:len(b.labels)]
		if err := b.nearest(accs[r], near[r]); err != nil {
			return err
		}
		for i, y := range b.labels {
			total[r]++
			if near[r][i] != y {
				wrong[r]++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	ood := make([]*nc.Accumulator, n)
	for r := range ood {
		if ood[r], err = nc.NewAccumulator(1, m.d); err != nil {
			return err
		}
	}
	if err := m.resample(m.ood, s.of(oodSamples), first, n, func(r int, b batch) error { return b.add(ood[r]) }); err != nil {
		return err
	}
	for r, sum := range sums {
		if sum == nil {
			continue
		}
		if total[r] > 0 && sum.Notes["ncc_error"] == "" {
			sum.NCCTestError = float64(wrong[r]) / float64(total[r])
		}
		if mean, err := ood[r].Mean(); err == nil {
			if sum.NC5, err = accs[r].NC5(mean); err != nil {
				sum.NC5 = nan
			}
		}
	}
	return nil
}

// resample gives f, for each of n replicates from first on, the batches of parts as
// that replicate has drawn them. Replicates are worked on at once.
func (m *measurer) resample(parts []part, s source, first, n int, f func(r int, b batch) error) error {
	workers := min(n, runtime.GOMAXPROCS(0))
	drawn := make([]batch, workers)
	var base uint64
	return m.pass(parts, func(b batch) error {
		errs := make([]error, workers)
		d := max(len(b.narrow), len(b.wide)) / max(len(b.labels), 1)
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for r := w; r < n && errs[w] == nil; r += workers {
					drawn[w].clear()
					key := s.replicate(first + r)
					for i, y := range b.labels {
						for range resample.Times(key, base+uint64(i)) {
							drawn[w].append(b, i, d, y)
						}
					}
					errs[w] = f(r, drawn[w])
				}
			})
		}
		wg.Wait()
		base += uint64(len(b.labels))
		return errors.Join(errs...)
	})
}

// The samples that are drawn independently of each other.
const (
	trainSamples = iota
	testSamples
	oodSamples
)

// source draws how often a replicate takes a sample, by a seed and the kind of samples.
type source struct{ seed, kind uint64 }

func stream(seed int64, kind uint64) source { return source{uint64(seed), kind} }

func (s source) of(kind uint64) source { return source{s.seed, kind} }

// replicate returns the key of a replicate's draws.
func (s source) replicate(r int) uint64 {
	return resample.Mix(resample.Mix(resample.Mix(s.seed^0x9e3779b97f4a7c15)+s.kind) + uint64(r))
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

var nan = math.NaN()
