package calib

import (
	"math"
	"math/rand/v2"
	"runtime"
	"sync"

	"github.com/gocollapse/collapse/internal/resample"
)

// Intervals are bootstrap intervals that hold the share Level of the replicates. ECE is
// positive even of a perfectly calibrated model, and a replicate's ECE is larger still: an
// interval of ECE does not test whether a model is calibrated. Consistency does.
type Intervals struct {
	Replicates  int
	Level       float64
	ECE         [2]float64 // of all samples
	ECEBias     float64    // mean ECE of the replicates less the measured ECE
	Accuracy    [2]float64
	Temperature [2]float64 // NaN where there is none
	// TemperatureMethod is "refit" where T was fitted anew on every replicate, and "one step" where
	// one Newton step from T stands for it, see Measure.
	TemperatureMethod string
	// TemperatureNote says why Temperature is NaN, or that an end of it is a bound of T, or "".
	TemperatureNote string
}

// Consistency is the result of a test of calibration (Bröcker and Smith 2007; Vaicenavicius et
// al. 2019). Each replicate draws the labels anew from the model's own confidences.
type Consistency struct {
	Replicates int
	// P is the share of replicates with at least the measured ECE, (1+#)/(1+Replicates).
	P float64
	// Expected is the mean ECE of the replicates: that of a perfectly calibrated model with
	// these confidences on so many samples.
	Expected float64
}

// replicate returns the key of a replicate's draws.
func replicate(seed int64, r int) uint64 { return resample.Mix(resample.Mix(uint64(seed)) + uint64(r)) }

// each calls f for 0…n−1 on all processors.
func each(n int, f func(i int)) {
	var wg sync.WaitGroup
	workers := min(n, runtime.GOMAXPROCS(0))
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				f(i)
			}
		})
	}
	wg.Wait()
}

// bootstrapECE takes each sample a Poisson number of times, as the bootstrap of package nc does.
func bootstrapECE(s *Summary, o Options) *Intervals {
	eces, accs := make([]float64, o.Bootstrap), make([]float64, o.Bootstrap)
	each(o.Bootstrap, func(r int) {
		d := resampled(s.signed, o.Bins, replicate(o.Seed, r))
		eces[r] = d.ECE()
		accs[r] = d.sum(func(b Bin) float64 { return b.Accuracy })
	})
	var mean float64
	for _, e := range eces {
		mean += e / float64(o.Bootstrap)
	}
	return &Intervals{
		Replicates: o.Bootstrap, Level: resample.Level,
		ECE: resample.Interval(eces), ECEBias: mean - s.ECE, Accuracy: resample.Interval(accs),
		Temperature: [2]float64{math.NaN(), math.NaN()},
	}
}

func resampled(signed []float64, bins int, key uint64) Diagram {
	sums := newSums(bins)
	for i, v := range signed {
		if w := resample.Times(key, uint64(i)); w > 0 {
			sums.addWeighted(math.Abs(v), !math.Signbit(v), float64(w))
		}
	}
	return sums.diagram()
}

func consistencyTest(s *Summary, o Options) *Consistency {
	eces := make([]float64, o.Consistency)
	each(o.Consistency, func(r int) {
		rng := rand.New(rand.NewPCG(uint64(o.Seed), uint64(r)))
		sums := newSums(o.Bins)
		for _, v := range s.signed {
			c := math.Abs(v)
			sums.add(c, rng.Float64() < c)
		}
		eces[r] = sums.diagram().ECE()
	})
	c := &Consistency{Replicates: o.Consistency}
	over := 0
	for _, e := range eces {
		c.Expected += e / float64(o.Consistency)
		if e >= s.ECE {
			over++
		}
	}
	c.P = float64(1+over) / float64(1+o.Consistency)
	return c
}
