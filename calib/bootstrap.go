package calib

import (
	"math"
	"math/rand/v2"
	"runtime"
	"sync"

	"github.com/gocollapse/collapse/internal/resample"
)

// Intervals hold the true values with a probability of at least Level, up to the approximations that
// docs/calibrate.md measures. True values are those of all data that the samples are drawn from.
type Intervals struct {
	Level float64
	// ECE is that of all samples. The measured ECE is positive even of a perfectly calibrated model;
	// the true ECE, in the same bins, is less on average. Where the interval begins at 0, the model may
	// be calibrated.
	ECE      [2]float64
	Accuracy [2]float64 // of all samples; Clopper and Pearson's
	// Temperature is that of the samples of the fit. It holds the T with the least mean loss of all
	// data, also where no T gives true probabilities. NaN where there is none.
	Temperature [2]float64
	// TemperatureNote says why Temperature is NaN, that an end of it is a bound of T, or that few
	// samples are wrong, or "".
	TemperatureNote string
	Replicates      int     // of the bootstrap
	ECEBias         float64 // mean ECE of the replicates less the measured ECE
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

// intervals returns those of ECE and accuracy. The bootstrap takes each sample a Poisson number of
// times, as that of package nc does.
func intervals(s *Summary, o Options) *Intervals {
	eces := make([]float64, o.Bootstrap)
	each(o.Bootstrap, func(r int) { eces[r] = resampled(s.signed, o.Bins, replicate(o.Seed, r)).ECE() })
	var mean float64
	for _, e := range eces {
		mean += e / float64(o.Bootstrap)
	}
	return &Intervals{
		Level: resample.Level, ECE: eceInterval(s.signed, o.Bins),
		Accuracy:    resample.Share(float64(s.Correct.N), float64(s.N)),
		Temperature: [2]float64{math.NaN(), math.NaN()},
		Replicates:  o.Bootstrap, ECEBias: mean - s.ECE,
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
