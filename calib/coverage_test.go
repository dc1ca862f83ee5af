package calib

import (
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

// binary draws n samples of two classes: at T the logits are those of the true probabilities. mean
// is that of the size of the true logits, which sets the share of wrong samples.
func binary(rng *rand.Rand, n int, mean, t float64) ([]float64, []int32) {
	z, y := make([]float64, 2*n), make([]int32, n)
	for i := range y {
		m := mean + 1.5*rng.NormFloat64()
		if rng.IntN(2) == 0 {
			m = -m
		}
		if rng.Float64() < 1/(1+math.Exp(-m)) {
			y[i] = 1
		}
		z[2*i+1] = m * t
	}
	return z, y
}

// TestCoverage: the intervals of T and ECE hold the true value as often as docs/calibrate.md says,
// within four standard deviations of the binomial distribution. Of 10,000 samples it draws 40 sets;
// with COLLAPSE_COVERAGE=full 400, as for 300 samples, which takes two minutes of a core.
func TestCoverage(t *testing.T) {
	const temperature, replicates = 1.5, 40
	for _, c := range []struct {
		mean, ece float64 // ece is of four million samples
		n         int
		// Shares of sets: T's interval holds T where there is one, there is none, ECE's holds ECE.
		t, none, e float64
	}{
		{2.6, 0.04582, 300, 0.92, 0, 0.77}, {2.6, 0.04582, 10000, 0.94, 0, 0.93},
		{5.6, 0.00800, 300, 0.87, 0.04, 0.90}, {5.6, 0.00800, 10000, 0.92, 0, 0.93},
		{8.0, 0.00095, 300, 1, 0.77, 0.24}, {8.0, 0.00095, 10000, 0.92, 0, 0.90},
	} {
		sets := 400
		if c.n > 300 && os.Getenv("COLLAPSE_COVERAGE") != "full" {
			sets = 40
		}
		var holdsT, none, holdsECE float64
		for set := range sets {
			rng := rand.New(rand.NewPCG(uint64(set), uint64(c.n)))
			z, y := binary(rng, c.n, c.mean, temperature)
			o := Options{FitAll: true, Fast: true, Bootstrap: replicates, Seed: int64(set)}
			r := measure(t, source(t, z, y, 2), o)
			switch i := r.Intervals.Temperature; {
			case math.IsNaN(i[0]):
				none++
			case i[0] <= temperature && temperature <= i[1]:
				holdsT++
			}
			if i := r.Intervals.ECE; i[0] <= c.ece && c.ece <= i[1] {
				holdsECE++
			}
		}
		near := func(what string, count, of, claim float64) {
			// A claim is itself of 400 sets: 1 % is added. One of 0 or 1 gets the deviation of 1 %.
			p := min(max(claim, 0.01), 0.99)
			if d := math.Abs(count/of - claim); !(d <= 4*math.Sqrt(p*(1-p)/of)+0.01) {
				t.Errorf("N = %d, mean %v: %s in %v of %v sets, docs/calibrate.md says %v",
					c.n, c.mean, what, count, of, claim)
			}
		}
		near("T's interval holds T", holdsT, float64(sets)-none, c.t)
		near("T has no interval", none, float64(sets), c.none)
		near("ECE's interval holds ECE", holdsECE, float64(sets), c.e)
	}
}
