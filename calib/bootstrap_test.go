package calib

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestConsistency: at the level of 5 % the test rejects a calibrated model as often
// within binomial error, and one of T = 2 nearly always.
func TestConsistency(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const trials = 300
	rejected := 0
	for i := range trials {
		z, y := model(rng, 200, 3, 1)
		r := measure(t, source(t, z, y, 3), Options{FitAll: true, Fast: true, Consistency: 99, Seed: int64(i)})
		if r.Consistency.P <= 0.05 {
			rejected++
		}
	}
	// Four standard deviations of the binomial distribution.
	if d := math.Abs(float64(rejected) - 0.05*trials); d > 4*math.Sqrt(trials*0.05*0.95) {
		t.Errorf("%d of %d calibrated models rejected at 5 %%", rejected, trials)
	}
	rejected = 0
	for i := range 20 {
		z, y := model(rng, 400, 3, 2)
		r := measure(t, source(t, z, y, 3), Options{FitAll: true, Fast: true, Consistency: 99, Seed: int64(i)})
		if r.Consistency.P <= 0.05 {
			rejected++
		}
	}
	if rejected < 19 {
		t.Errorf("%d of 20 models with T = 2 rejected", rejected)
	}
}

// TestIntervals: the intervals of ECE and T hold what they are of, a seed gives the same
// again, and the difference of a model with itself is none.
func TestIntervals(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	z, y := model(rng, 2000, 4, 2)
	src := source(t, z, y, 4)
	o := Options{FitAll: true, Bootstrap: 100, Seed: 3, Fast: true}
	r := measure(t, src, o)
	i := r.Intervals
	inside := func(v float64, interval [2]float64) bool { return interval[0] < v && v < interval[1] }
	if !inside(r.ECE, i.ECE) || !inside(r.Temperature.T, i.Temperature) || !inside(2, i.Temperature) ||
		!inside(r.Accuracy, i.Accuracy) {
		t.Errorf("ECE %v, T %v, intervals %+v", r.ECE, r.Temperature.T, i)
	}
	if again := measure(t, src, o).Intervals; *again != *i {
		t.Errorf("the same seed gives %+v and %+v", i, again)
	}
	calibrated, same := model(rand.New(rand.NewPCG(17, 18)), 2000, 4, 1)
	if !slices.Equal(y, same) {
		t.Fatal("labels differ")
	}
	other := measure(t, source(t, calibrated, y, 4), o)
	d, err := Compare(r.Summary, other.Summary, 200, 1)
	if err != nil || !(d.ECE > 0 && d.Interval[0] > 0 && d.P < 0.02) {
		t.Errorf("difference to the calibrated model %+v, %v", d, err)
	}
	if d, err := Compare(r.Summary, r.Summary, 50, 1); err != nil || d.ECE != 0 || d.P != 1 {
		t.Errorf("difference to itself %+v, %v", d, err)
	}
	y2 := slices.Clone(y)
	y2[7] = (y2[7] + 1) % 4
	if _, err := Compare(r.Summary, measure(t, source(t, z, y2, 4), o).Summary, 50, 1); err == nil {
		t.Error("other labels were compared")
	}
}
