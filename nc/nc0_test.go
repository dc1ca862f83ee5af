package nc_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/nc"
)

// NC0 is 0 for a simplex ETF and for any rows that sum to 0; a vector u added to every row
// makes it K‖u‖. It grows with the classifier's scale, NC0Relative does not.
func TestNC0(t *testing.T) {
	const k, d = 4, 7
	rng := rand.New(rand.NewPCG(3, 9))
	features, labels := make([]float64, 40*d), make([]int32, 40)
	for i := range features {
		features[i] = rng.NormFloat64()
	}
	for i := range labels {
		labels[i] = int32(i % k)
	}
	measure := func(w []float64) *nc.Summary {
		t.Helper()
		s, err := nc.Measure(nc.Slices(features, labels), nc.Classifier{K: k, D: d, W: w}, nc.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	w := make([]float64, k*d) // rows that sum to 0
	for j := range d {
		for c := range k - 1 {
			v := rng.NormFloat64()
			w[c*d+j] = v
			w[(k-1)*d+j] -= v
		}
	}
	if s := measure(w); s.NC0 > 1e-14 || s.NC0Relative > 1e-14 {
		t.Errorf("rows that sum to 0: NC0 %v, relative %v", s.NC0, s.NC0Relative)
	}
	shifted := make([]float64, k*d)
	for i, v := range w {
		shifted[i] = v + 0.3 // u = (0.3, …), ‖u‖ = 0.3√d
	}
	s := measure(shifted)
	if want := k * 0.3 * math.Sqrt(d); math.Abs(s.NC0-want) > 1e-12 {
		t.Errorf("rows shifted by u: NC0 %v, want K‖u‖ = %v", s.NC0, want)
	}
	if math.Abs(s.NC0Relative-s.NC0/s.WNorm) > 1e-15 {
		t.Errorf("NC0Relative %v, want NC0/‖w‖ = %v", s.NC0Relative, s.NC0/s.WNorm)
	}
	for i := range shifted {
		shifted[i] *= 8
	}
	if large := measure(shifted); large.NC0 != 8*s.NC0 || math.Abs(large.NC0Relative-s.NC0Relative) > 1e-15 {
		t.Errorf("8 W: NC0 %v and relative %v, want %v and %v", large.NC0, large.NC0Relative, 8*s.NC0, s.NC0Relative)
	}
	if zero := measure(make([]float64, k*d)); zero.NC0 != 0 || !math.IsNaN(zero.NC0Relative) ||
		!strings.Contains(zero.Note("nc0_relative"), "zero") {
		t.Errorf("W = 0: NC0 %v, relative %v (%s)", zero.NC0, zero.NC0Relative, zero.Note("nc0_relative"))
	}
}
