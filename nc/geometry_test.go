package nc

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestETFMetrics: the values that a simplex ETF gives every metric.
func TestETFMetrics(t *testing.T) {
	for _, k := range []int{3, 10, 33} {
		sum := etf(rand.New(rand.NewPCG(41, uint64(k))), k, k+3, 5, 0).measure(t, 50)
		n := float64(k)
		distance := math.Sqrt(2 * n / (n - 1))
		for name, want := range map[string]float64{
			"distance_h": distance, "distance_w": distance, "distance_std_h": 0, "distance_std_w": 0,
			"uniformity_h": -math.Log(distance), "uniformity_w": -math.Log(distance),
			"uniformity_std_h": 0, "uniformity_std_w": 0,
			"stable_rank": n - 1, "effective_rank": n - 1, "nc3_cosine": 1, "gnc3": 0, "unc3": 0,
			"equinorm_w": 0, "equinorm_h": 0, "max_angle_w": 0, "max_angle_h": 0,
			"equiangle_w": 0, "equiangle_h": 0, "nc4": 0, "error": 0,
		} {
			if got, ok := sum.Value(name); !ok || !(math.Abs(got-want) <= 1e-11) {
				t.Errorf("K = %d: %s = %v, want %v", k, name, got, want)
			}
		}
		// Three times J has the eigenvalue 3, twice that for the features: 36/K.
		if len(sum.SpectrumB) != k-1 || math.Abs(sum.SpectrumB[0]-36/n) > 1e-11 ||
			math.Abs(sum.SpectrumB[k-2]-36/n) > 1e-11 {
			t.Errorf("K = %d: spectrum %v, want K−1 times %v", k, sum.SpectrumB, 36/n)
		}
		if sum.Majority != nil {
			t.Errorf("balanced classes have a majority")
		}
	}
}

// TestGeometry: the matrices of a simplex ETF, and NC2 and the angles from those of
// any sample.
func TestGeometry(t *testing.T) {
	s := random(rand.New(rand.NewPCG(43, 44)), 9, []int{30, 20, 5, 12}, 0.5, 3)
	want := s.measure(t, 10)
	g := s.centred(t, OverSamples).Geometry()
	var nc2, maxAngle float64
	for i := range s.k {
		for j := range s.k {
			ideal := -1 / float64(s.k)
			if i == j {
				ideal++
			}
			nc2 += (g.WH[i*s.k+j] - ideal) * (g.WH[i*s.k+j] - ideal) / float64(s.k-1)
			if j < i {
				maxAngle += math.Abs(g.CosineH[i*s.k+j]+1/float64(s.k-1)) * 2 / float64(s.k*(s.k-1))
			}
		}
		if math.Abs(g.CosineW[i*s.k+i]-1) > 1e-14 {
			t.Errorf("cosine of w_%d with itself is %v", i, g.CosineW[i*s.k+i])
		}
	}
	if math.Abs(math.Sqrt(nc2)-want.NC2) > 1e-12 || math.Abs(maxAngle-want.FrameH.MaxAngle) > 1e-12 {
		t.Errorf("from the matrices NC2 %v and maximal angle %v, want %v and %v", math.Sqrt(nc2), maxAngle, want.NC2,
			want.FrameH.MaxAngle)
	}
	s.clf = nil
	if g := s.centred(t, OverSamples).Geometry(); g.WH != nil || g.CosineW != nil || g.CosineH == nil {
		t.Errorf("without a classifier: %+v", g)
	}
}

// TestNC5 checks orthogonal, parallel and opposite means, and that scale is no matter.
func TestNC5(t *testing.T) {
	a := sample{k: 2, d: 3, x: []float64{2, 0, 0, 0, 5, 0}, y: []int32{0, 1}}.centred(t, OverSamples)
	for _, c := range []struct {
		mean []float64
		want float64
	}{
		{[]float64{0, 0, 7}, 0},
		{[]float64{-3, 0, 0}, 0.5},
		{[]float64{1, 1, 0}, math.Sqrt(0.5)},
		{[]float64{1e200, 1e200, 0}, math.Sqrt(0.5)},
	} {
		if got, err := a.NC5(c.mean); err != nil || math.Abs(got-c.want) > 1e-15 {
			t.Errorf("NC5 of %v is %v (%v), want %v", c.mean, got, err, c.want)
		}
	}
	for _, mean := range [][]float64{{1, 2}, {0, 0, 0}, {math.NaN(), 0, 0}, {math.Inf(1), 0, 0}} {
		if _, err := a.NC5(mean); err == nil {
			t.Errorf("no error for %v", mean)
		}
	}
}

// TestGroups: of unbalanced classes the large and the small, with their means by
// hand; minority collapse is a cosine of 1.
func TestGroups(t *testing.T) {
	s := random(rand.New(rand.NewPCG(45, 46)), 6, []int{50, 4, 60, 6, 5}, 0.3, 0)
	for _, c := range []int{3, 4} { // the minority's vectors point in one direction
		for j := range 6 {
			s.clf.W[c*6+j] = float64(c) * s.clf.W[1*6+j]
		}
	}
	sum := s.measure(t, 20)
	if sum.Majority == nil || !slices.Equal(sum.Majority.Classes, []int{0, 2}) ||
		!slices.Equal(sum.Minority.Classes, []int{1, 3, 4}) {
		t.Fatalf("groups %+v and %+v", sum.Majority, sum.Minority)
	}
	if sum.Majority.Samples != 110 || sum.Minority.Samples != 15 {
		t.Errorf("samples %d and %d", sum.Majority.Samples, sum.Minority.Samples)
	}
	near := func(name string, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) <= 1e-12) {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	near("minority's cosine of W", sum.Minority.CosineW, 1)
	near("majority's ‖h‖", sum.Majority.HNorm, (sum.HNormPerClass[0]+sum.HNormPerClass[2])/2)
	near("majority's NC1", sum.Majority.NC1, (50*sum.NC1PerClass[0]+60*sum.NC1PerClass[2])/110)
	near("NC1 of both", (110*sum.Majority.NC1+15*sum.Minority.NC1)/125, sum.NC1)
	near("error of both", (110*sum.Majority.Error+15*sum.Minority.Error)/125, sum.Error)
	g := s.centred(t, OverSamples).Geometry()
	near("majority's cosine of H̄", sum.Majority.CosineH, g.CosineH[0*5+2])
	near("minority's cosine of H̄", sum.Minority.CosineH, (g.CosineH[1*5+3]+g.CosineH[1*5+4]+g.CosineH[3*5+4])/3)
}

// TestMargins compares decisions and margins with the logits by hand, in both types.
func TestMargins(t *testing.T) {
	rng := rand.New(rand.NewPCG(47, 48))
	s := random(rng, 5, repeat(40, 4), 2, 0)
	n := len(s.y)
	narrow := make([]float32, len(s.x))
	for i, v := range s.x {
		narrow[i] = float32(v)
		s.x[i] = float64(narrow[i])
	}
	margins, given := make([]float64, n), make([]int32, n)
	margins32, given32 := make([]float64, n), make([]int32, n)
	for _, err := range []error{
		s.clf.Margins(BatchOf(s.x, s.y), margins), s.clf.Decide(BatchOf(s.x, nil), given),
		s.clf.Margins(BatchOf(narrow, s.y), margins32), s.clf.Decide(BatchOf(narrow, nil), given32),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(margins, margins32) || !slices.Equal(given, given32) {
		t.Error("float32 and float64 of the same numbers differ")
	}
	for i, y := range s.y {
		z := make([]float64, s.k)
		for c := range z {
			z[c] = s.clf.B[c]
			for j := range s.d {
				z[c] += s.clf.W[c*s.d+j] * s.x[i*s.d+j]
			}
		}
		best := slices.Index(z, slices.Max(z))
		own := z[y]
		z[y] = math.Inf(-1)
		if want := own - slices.Max(z); math.Abs(margins[i]-want) > 1e-12 || int(given[i]) != best {
			t.Fatalf("sample %d: margin %v and class %d, want %v and %d", i, margins[i], given[i], want, best)
		}
		if (margins[i] > 0) != (given[i] == y) {
			t.Errorf("sample %d: margin %v, class %d given, %d right", i, margins[i], given[i], y)
		}
	}
	for name, err := range map[string]error{
		"label out of range": s.clf.Margins(BatchOf(s.x[:5], []int32{4}), make([]float64, 1)),
		"too few features":   s.clf.Margins(BatchOf(s.x[:4], []int32{0}), make([]float64, 1)),
		"NaN":                s.clf.Decide(BatchOf([]float64{0, 0, math.NaN(), 0, 0}, nil), make([]int32, 1)),
		"one class": (&Classifier{K: 1, D: 1, W: []float64{1}}).Margins(BatchOf([]float64{1}, []int32{0}),
			make([]float64, 1)),
		"no weight": (&Classifier{K: 2, D: 1}).Decide(BatchOf([]float64{1}, nil), make([]int32, 1)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
