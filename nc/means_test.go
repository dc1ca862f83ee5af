package nc

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestGlobalMean: the two global means differ for unbalanced classes only.
func TestGlobalMean(t *testing.T) {
	measure := func(g GlobalMean, x []float64, y []int32) *Summary {
		t.Helper()
		s, err := Measure(Slices(x, y), Classifier{}, Options{Global: g})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, g := range []GlobalMean{OverSamples, OverClasses} {
		if got, err := ParseGlobalMean(g.String()); err != nil || got != g {
			t.Errorf("%v is read as %v, %v", g, got, err)
		}
	}
	_, err := ParseGlobalMean("median")
	contains(t, err, "median", "samples, classes")
	// Means 0 and 4; h_G is 1 over samples and 2 over classes.
	x, y := []float64{0, 0, 0, 4}, []int32{0, 0, 0, 1}
	if got := measure(OverSamples, x, y).HNorm; got != 2 { // (1 + 3)/2
		t.Errorf("‖h‖ over samples %v, want 2", got)
	}
	x[0], x[1] = -1, 1
	samples, classes := measure(OverSamples, x, y), measure(OverClasses, x, y)
	// Σ_W = 2/4; H̄ is (−1, 3) or (−2, 2), so NC1 = Σ_W/(K Σ_B) = 0.5/10 or 0.5/8.
	if math.Abs(samples.NC1-0.05) > 1e-15 || math.Abs(classes.NC1-0.0625) > 1e-15 {
		t.Errorf("NC1 = %v over samples, %v over classes, want 0.05 and 0.0625", samples.NC1, classes.NC1)
	}
}

// TestOrthonormal: K orthonormal rows are at distance √(2−2√((K−1)/K)) from a
// simplex ETF, since they are not centred.
func TestOrthonormal(t *testing.T) {
	s := etf(rand.New(rand.NewPCG(27, 28)), 7, 9, 3, 0)
	for i := range s.clf.W {
		s.clf.W[i] = 0
	}
	for c := range 7 {
		s.clf.W[c*9+c] = 1
	}
	want := math.Sqrt(2 - 2*math.Sqrt(6.0/7))
	if got := s.measure(t, 10).FrameW.ETF; math.Abs(got-want) > 1e-14 {
		t.Errorf("distance %v, want %v", got, want)
	}
}
