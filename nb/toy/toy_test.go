package toy

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gocollapse/collapse/nc"
)

func TestCornersAreASimplex(t *testing.T) {
	for k := 2; k <= 12; k++ {
		v, d := Corners(k), k-1
		for i := range k {
			for j := range k {
				var dot float64
				for c := range d {
					dot += v[i*d+c] * v[j*d+c]
				}
				want := 1.0
				if i != j {
					want = -1 / float64(d)
				}
				if math.Abs(dot-want) > 1e-12 {
					t.Errorf("K = %d: ⟨v%d, v%d⟩ = %g, want %g", k, i+1, j+1, dot, want)
				}
			}
		}
	}
}

func measure(t *testing.T, f *Features) *nc.Summary {
	t.Helper()
	s, err := f.Measure()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What lessons say of the changes: scale, shift and a common rotation of the features leave NC1
// alone, and so on.
func TestChangesMoveTheMetricsThatTheTheoryNames(t *testing.T) {
	if s := measure(t, Simplex(4, 10, 0)); s.NC1 > 1e-12 || s.NC2 > 1e-12 || s.NC3 > 1e-12 {
		t.Errorf("collapsed features have NC1 %g, NC2 %g, NC3 %g", s.NC1, s.NC2, s.NC3)
	}
	f := Triangle(40, 0.1)
	was := measure(t, f)
	near := func(name string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s is %g, want %g", name, got, want)
		}
	}
	for name, g := range map[string]*Features{"scaled": f.Scaled(3), "shifted": f.Shifted(5)} {
		s := measure(t, g)
		near(name+": NC1", s.NC1, was.NC1)
		near(name+": NC2", s.NC2, was.NC2)
		near(name+": NC3", s.NC3, was.NC3)
	}
	s := measure(t, f.Turned(90))
	near("turned: NC1", s.NC1, was.NC1)
	// Without scatter the two matrices are at right angles.
	s = measure(t, Triangle(5, 0).Turned(90))
	near("turned: NC2", s.NC2, math.Sqrt2)
	near("turned: NC3", s.NC3, math.Sqrt2)
	s = measure(t, f.LongerW(1, 2))
	near("one w doubled: NC1", s.NC1, was.NC1)
	if s.NC2 < was.NC2+0.1 || s.NC3 < was.NC3+0.1 {
		t.Errorf("one w doubled: NC2 %g, NC3 %g", s.NC2, s.NC3)
	}
	// Turning a class with its vector keeps W = H̄ but for the centring of H̄, and breaks the angles.
	s = measure(t, Triangle(5, 0).TurnedClass(1, 60))
	if s.NC2 < 0.3 {
		t.Errorf("one class turned: NC2 %g", s.NC2)
	}
	if f.X[0] != Triangle(40, 0.1).X[0] || f.W[0] != 1 {
		t.Error("a change altered the features that it was made from")
	}
	// Doubling the spread takes NC1 to four times, but for the means of the samples.
	ratio := measure(t, Triangle(4000, 0.2)).NC1 / measure(t, Triangle(4000, 0.1)).NC1
	if math.Abs(ratio-4) > 0.05 {
		t.Errorf("NC1 of twice the spread is %g times that of one", ratio)
	}
}

func TestPictureSaysTheMetrics(t *testing.T) {
	f, err := Triangle(5, 0).Picture()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(f.Caption, "NC1 = 0.0000, NC2 = 0.0000, NC3 = 0.0000") ||
		!strings.Contains(f.Alt, "3 classes") {
		t.Errorf("caption %q, alternative text %q", f.Caption, f.Alt)
	}
	if _, err := Simplex(2, 5, 0).Picture(); err == nil {
		t.Error("one dimension gave no error")
	}
}

func TestDirections(t *testing.T) {
	for _, k := range []int{2, 3, 10} {
		if got := ETF(k).LargestCosine(); math.Abs(got+1/float64(k-1)) > 1e-12 || ETF(k).SumLength() > 1e-12 {
			t.Errorf("K = %d: cosine %g, sum %g", k, got, ETF(k).SumLength())
		}
	}
	a := RandomDirections(10, 64, 3)
	for i := range a.K {
		var square float64
		for _, x := range a.V[i*a.D : (i+1)*a.D] {
			square += x * x
		}
		if math.Abs(square-1) > 1e-12 {
			t.Errorf("direction %d has squared length %g", i, square)
		}
	}
	if got := OnCircle(4).LargestCosine(); math.Abs(got) > 1e-12 {
		t.Errorf("four directions on a circle have the cosine %g, want 0", got)
	}
	want := []string{"3", "2", "-0.5000", "120.00", "1.7321"}
	if got := Angles(3).Rows[0]; !slices.Equal(got, want) {
		t.Errorf("row %q, want %q", got, want)
	}
	if _, err := Tetrahedron(30); err != nil {
		t.Error(err)
	}
}

// The steps by hand give what package nc measures.
func TestByHandAgreesWithMeasure(t *testing.T) {
	f := Simplex(4, 30, 0.2).Shifted(2).LongerW(2, 1.5)
	s := measure(t, f)
	var scores, target mat.Dense
	scores.Mul(f.Weights(), f.Means().T())
	target.Scale(1/math.Sqrt(3), J(4))
	if got := Distance(Unit(&scores), &target); math.Abs(got-s.NC2) > 1e-12 {
		t.Errorf("NC2 by hand %g, measured %g", got, s.NC2)
	}
	if got := Distance(Unit(f.Weights()), Unit(f.Means())); math.Abs(got-s.NC3) > 1e-12 {
		t.Errorf("NC3 by hand %g, measured %g", got, s.NC3)
	}
	var within, between, inverse, product mat.Dense
	within.Mul(f.Around().T(), f.Around())
	between.Mul(f.Means().T(), f.Means())
	if err := inverse.Inverse(&between); err != nil {
		t.Fatal(err)
	}
	product.Mul(&within, &inverse)
	// Σ_W has the share 1/N and Σ_B 1/K, and Eq 4 divides by K.
	if got := mat.Trace(&product) / float64(len(f.Labels)); math.Abs(got-s.NC1) > 1e-12 {
		t.Errorf("NC1 by hand %g, measured %g", got, s.NC1)
	}
}

// One pass in float32 loses all digits where the features stand far from 0.
func TestOnePassLosesDigits(t *testing.T) {
	f := Triangle(200, 0.1)
	want := f.TwoPass()
	if got := f.OnePass(); math.Abs(got/want-1) > 1e-3 {
		t.Errorf("near 0 one pass gives %g, want %g", got, want)
	}
	far := f.Shifted(3000)
	if got := far.TwoPass(); math.Abs(got/want-1) > 1e-6 {
		t.Errorf("far from 0 two passes give %g, want %g", got, want)
	}
	if got := far.OnePass(); math.Abs(got/want-1) < 0.5 {
		t.Errorf("far from 0 one pass gives %g of %g, want it to have lost its digits", got, want)
	}
}
