package nc

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats"
)

// FuzzCovariance: whatever the numbers, VCI is in [0, 1] or has a note, and the parts
// of the loss are its sum.
func FuzzCovariance(f *testing.F) {
	f.Add(uint64(1), 5, 3, 0.5, 1.0, 1.0, 0.1)
	f.Add(uint64(2), 1, 1, 0.0, 0.0, 1e-300, 0.0)
	f.Add(uint64(3), 9, 2, 1e-9, 1e9, 1e200, 1e-5)
	f.Add(uint64(4), 20, 3, 1e-200, 0.0, 1.0, 1e300)
	f.Fuzz(func(t *testing.T, seed uint64, d, k int, noise, offset, scale, lambda float64) {
		d, k = 1+abs(d)%20, 1+abs(k)%6
		rng := rand.New(rand.NewPCG(seed, 2))
		counts := make([]int, k)
		for i := range counts {
			counts[i] = 1 + rng.IntN(9)
		}
		s := random(rng, d, counts, noise, offset)
		floats.Scale(scale, s.x)
		sums, err := NewSums(k, d)
		if err != nil {
			t.Fatal(err)
		}
		if sums.Add(BatchOf(s.x, s.y)) != nil {
			return
		}
		a, err := sums.Centre(nil)
		if err != nil {
			return
		}
		c, err := NewCovariance(a)
		if err != nil {
			t.Fatal(err)
		}
		if c.Add(BatchOf(s.x, s.y)) != nil {
			return
		}
		if sum, err := c.Summary(); err == nil && !(sum.VCI >= 0 && sum.VCI <= 1) && sum.Notes["vci"] == "" {
			t.Errorf("VCI = %v without a note", sum.VCI)
		}
		m, err := c.MSE(s.clf, lambda)
		if err != nil {
			return
		}
		// Rounding is that of the logits, which an offset makes large.
		if sum := m.LS + m.Perp; !(math.Abs(sum-m.Loss) <= 1e-6*(1+m.Loss)) {
			t.Errorf("loss %v, parts %v + %v", m.Loss, m.LS, m.Perp)
		}
	})
}

// TestCovarianceInput: what is wrong with calls and samples is said.
func TestCovarianceInput(t *testing.T) {
	rng := rand.New(rand.NewPCG(51, 52))
	s := random(rng, 4, repeat(10, 3), 0.5, 0)
	wide := sample{k: 1, d: 1 << 16, x: make([]float64, 1<<16), y: []int32{0}}
	_, err := NewCovariance(wide.centred(t, OverSamples))
	contains(t, err, "65536", "GiB")

	c := s.covariance(t, 64, OverSamples)
	contains(t, c.Add(BatchOf([]float64{1, 2, math.NaN(), 4}, []int32{0})), "sample 30", "finite")
	contains(t, c.Add(BatchOf([]float64{1, 2, 3, 4}, []int32{3})), "label", "3")
	contains(t, c.Add(BatchOf([]float64{1, 2, 3}, []int32{1})), "3 features")
	contains(t, c.Merge(c), "itself")
	contains(t, c.Merge(random(rng, 4, repeat(10, 3), 0.5, 0).covariance(t, 64, OverSamples)), "different class means")
	_, err = c.MSE(nil, 0)
	contains(t, err, "classifier")
	_, err = c.MSE(&Classifier{K: 2, D: 4, W: make([]float64, 8)}, 0)
	contains(t, err, "K = 3")
	for _, lambda := range []float64{-1, math.NaN(), math.Inf(1)} {
		_, err = c.MSE(s.clf, lambda)
		contains(t, err, "lambda")
	}
	if err := c.Add(s.batch(0, 1)); err != nil {
		t.Fatal(err)
	}
	_, err = c.Summary()
	contains(t, err, "saw 11 samples", "first pass 10")
	_, err = c.MSE(s.clf, 0)
	contains(t, err, "saw 11 samples")

	one := sample{k: 1, d: 2, x: []float64{1, 2, 3, 5}, y: []int32{0, 0}}
	got := one.covarianceSummary(t)
	if !math.IsNaN(got.VCI) || got.Notes["vci"] == "" || math.Abs(got.SpectrumW[0]-3.25) > 1e-14 {
		t.Errorf("K = 1: %+v, want VCI undefined and an eigenvalue 3.25", got)
	}
	still := sample{k: 2, d: 2, x: []float64{1, 2, 1, 2, 1, 2}, y: []int32{0, 1, 1}}
	got = still.covarianceSummary(t)
	for name, v := range map[string]float64{"vci": got.VCI, "stable_rank_w": got.StableRankW,
		"effective_rank_w": got.EffectiveRankW} {
		if !math.IsNaN(v) || got.Notes[name] == "" {
			t.Errorf("all samples equal: %s = %v, note %q", name, v, got.Notes[name])
		}
	}
}
