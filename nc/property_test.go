package nc

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// mapped returns the sample with features A·h + shift and the classifier's rows
// multiplied by A, which for a rotation turns both alike.
func (s sample) mapped(a *mat.Dense, shift float64) sample {
	out := s
	n, _ := a.Dims()
	out.x = make([]float64, len(s.x))
	mat.NewDense(len(s.y), n, out.x).Mul(mat.NewDense(len(s.y), s.d, s.x), a.T())
	if s.clf != nil {
		out.clf = &Classifier{K: s.k, D: s.d, W: make([]float64, s.k*s.d), B: s.clf.B}
		mat.NewDense(s.k, n, out.clf.W).Mul(mat.NewDense(s.k, s.d, s.clf.W), a.T())
	}
	for i := range out.x {
		out.x[i] += shift
	}
	return out
}

func gaussian(rng *rand.Rand, d int) *mat.Dense {
	m := mat.NewDense(d, d, nil)
	for i := range d {
		for j := range d {
			m.Set(i, j, rng.NormFloat64())
		}
	}
	return m
}

func rotation(rng *rand.Rand, d int) *mat.Dense {
	var qr mat.QR
	var q mat.Dense
	qr.Factorize(gaussian(rng, d))
	qr.QTo(&q)
	return &q
}

// TestInvariances: a rotation of features and classifier, and a translation of
// the features, change nothing.
func TestInvariances(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for trial := range 20 {
		k, d := 2+rng.IntN(6), 1+rng.IntN(10)
		s := random(rng, d, repeat(5+rng.IntN(20), k), 0.1+rng.Float64(), 0)
		want := s.measure(t, 64)
		what := fmt.Sprintf("trial %d (K = %d, d = %d)", trial, k, d)
		same(t, what+" rotated", s.mapped(rotation(rng, d), 0).measure(t, 64), want, 1e-9)
		eye := mat.NewDense(d, d, nil)
		for i := range d {
			eye.Set(i, i, 1)
		}
		same(t, what+" moved", s.mapped(eye, 30).measure(t, 64), want, 1e-8, needBias...)
	}
}

// needBias are the metrics that change where the features move or grow and the
// classifier's bias does not.
var needBias = []string{"nc4", "error", "bias_alignment"}

// TestScale: with features times c, NC1–3 stay and ‖h‖ is c times as large, for
// any c whose products float64 can hold, though their squares would not fit.
func TestScale(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	s := random(rng, 6, repeat(20, 4), 0.5, 1)
	want := s.measure(t, 64)
	for _, c := range []float64{0x1p-900, 0x1p-3, 0x1p300, 0x1p900} {
		scaled := s
		scaled.x = make([]float64, len(s.x))
		for i, v := range s.x {
			scaled.x[i] = c * v
		}
		got := scaled.measure(t, 64)
		got.HNorm /= c
		same(t, fmt.Sprint("scale ", c), got, want, 1e-13, needBias...)
	}
	// A classifier's scale cancels too.
	scaled := s
	scaled.clf = &Classifier{K: s.k, D: s.d, W: make([]float64, len(s.clf.W))}
	for i, v := range s.clf.W {
		scaled.clf.W[i] = 0x1p-700 * v
	}
	got := scaled.measure(t, 64)
	if math.Abs(got.NC2-want.NC2) > 1e-13 || math.Abs(got.NC3-want.NC3) > 1e-13 {
		t.Errorf("with a tiny classifier NC2, NC3 = %v, %v, want %v, %v", got.NC2, got.NC3, want.NC2, want.NC3)
	}
}

// TestLinearMap: NC1 is unchanged by any invertible linear map where the class
// means span the whole space (d = K−1), also by one of condition number 1e4,
// which takes the other route through the singular vectors.
func TestLinearMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	s := random(rng, 5, repeat(30, 6), 0.5, 0)
	want := s.measure(t, 64).NC1
	for _, condition := range []float64{10, 1e4} {
		m := mat.NewDense(5, 5, nil)
		u, v := rotation(rng, 5), rotation(rng, 5)
		for i := range 5 {
			for j := range 5 {
				v.Set(i, j, v.At(i, j)*math.Pow(condition, -float64(i)/4))
			}
		}
		m.Mul(u, v)
		if got := s.mapped(m, 0).measure(t, 64).NC1; math.Abs(got-want) > 1e-9*want {
			t.Errorf("NC1 after a map of condition %g: %.15g, want %.15g", condition, got, want)
		}
	}
}

// TestOffset: features far from the origin have class means whose rounding must
// not pass for a direction: Σ_B has rank K−1 at most, and a spurious direction
// would be divided by almost nothing.
func TestOffset(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	s := random(rng, 20, repeat(70, 5), 0.5, 0)
	for i, v := range s.x {
		s.x[i] = math.Round(v*0x1p10) / 0x1p10 // so that adding the offset is exact
	}
	want := s.measure(t, 64)
	for i := range s.x {
		s.x[i] += 0x1p40
	}
	got := s.measure(t, 64)
	if got.Rank != 4 {
		t.Errorf("rank %d of 5 classes, want 4", got.Rank)
	}
	if math.Abs(got.NC1-want.NC1) > 1e-4*want.NC1 || math.Abs(got.HNorm-want.HNorm) > 1e-4*want.HNorm {
		t.Errorf("NC1, ‖h‖ with offset 2^40: %.10g, %.10g, want %.10g, %.10g", got.NC1, got.HNorm, want.NC1, want.HNorm)
	}
}

// TestFloat32: float32 features give what the same numbers give in float64.
func TestFloat32(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	s := random(rng, 11, repeat(40, 7), 2, 3)
	x32 := make([]float32, len(s.x))
	for i, v := range s.x {
		x32[i] = float32(v)
		s.x[i] = float64(x32[i])
	}
	want := s.measure(t, 30)
	got, err := Measure(Slices(x32, s.y), *s.clf, Options{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "float32", got, want, 1e-14)

	// NearestMean agrees with the second pass on the training samples.
	pred, pred64 := make([]int32, len(s.y)), make([]int32, len(s.y))
	if err := got.Scatter.NearestMean(BatchOf(x32, nil), pred); err != nil {
		t.Fatal(err)
	}
	if err := got.Scatter.NearestMean(BatchOf(s.x, nil), pred64); err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for i, y := range s.y {
		if pred[i] != y {
			wrong++
		}
		if pred[i] != pred64[i] {
			t.Errorf("sample %d: nearest mean %d in float32, %d in float64", i, pred[i], pred64[i])
		}
	}
	if got := float64(wrong) / float64(len(s.y)); got != want.NCCError || wrong == 0 {
		t.Errorf("NearestMean errs on %v of the training samples, NCCError is %v", got, want.NCCError)
	}
}

// TestNearestFar: distances decide even where samples and means share an offset
// that is large compared with them.
func TestNearestFar(t *testing.T) {
	const offset = 1e9
	a := sample{k: 2, d: 2, x: []float64{offset, offset, offset + 1, offset}, y: []int32{0, 1}}.centred(t, OverSamples)
	out := make([]int32, 4)
	// Left and right of the bisector, on it (a tie, the lowest class), far along it.
	if err := a.NearestMean(BatchOf([]float64{
		offset + 0.499, offset, offset + 0.501, offset, offset + 0.5, offset, offset + 0.501, 2 * offset,
	}, nil), out); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int32{0, 1, 0, 1} {
		if out[i] != want {
			t.Errorf("sample %d: class %d, want %d", i, out[i], want)
		}
	}
}

// TestSums: class sums keep numbers that a plain float64 sum would lose.
func TestSums(t *testing.T) {
	sums, err := NewSums(2, 1)
	if err != nil {
		t.Fatal(err)
	}
	x, y := make([]float64, 2000), make([]int32, 2000)
	for i := range x {
		x[i], y[i] = 1, int32(i%2)
	}
	x[0], x[1] = 1e17, -1e17 // swallow a plain float64 sum's ones
	for range 50 {
		if err := sums.Add(BatchOf(x, y)); err != nil {
			t.Fatal(err)
		}
	}
	x[0], x[1] = -1e17, 1e17
	for range 50 {
		if err := sums.Add(BatchOf(x, y)); err != nil {
			t.Fatal(err)
		}
	}
	a, err := sums.Centre(nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := 0.999; a.mean[0] != want || a.mean[1] != want {
		t.Errorf("class means %v, want %v each", a.mean, want)
	}
}

// TestNearSingular: singular values of H̄ down to the limit of what is kept. On
// the axes, where nothing mixes, NC1 is known; turned, rounding of the features
// themselves decides, and there must still be a number.
func TestNearSingular(t *testing.T) {
	for _, least := range []float64{1e-2, 1e-5, 1e-9, 1e-12, 1e-13, 3e-14} {
		// Four classes at ±1 in dimension 0 and ±least in dimension 1, two samples
		// each, 0.25·size of the class means off in the same dimension.
		s := sample{k: 4, d: 5}
		for c := range int32(4) {
			a, b := 1.0, least
			if c&1 > 0 {
				a = -a
			}
			if c&2 > 0 {
				b = -b
			}
			for _, e := range []float64{-0.25, 0.25} {
				s.x = append(s.x, a+e, b+e*least, 0, 0, 0)
				s.y = append(s.y, c)
			}
		}
		got := s.measure(t, 3)
		// Σ_W = 0.0625 diag(1, least²), Σ_B = diag(1, least²).
		if want := 2 * 0.0625 / 4; got.Rank != 2 || math.Abs(got.NC1-want) > 1e-11*want {
			t.Errorf("σ from 1 to %g: NC1 = %.15g of rank %d, want %v of rank 2", least, got.NC1, got.Rank, want)
		}
		turned := s.mapped(rotation(rand.New(rand.NewPCG(35, 36)), 5), 0)
		if got := turned.measure(t, 3); got.Rank < 1 || !(got.NC1 > 0) {
			t.Errorf("σ from 1 to %g, turned: NC1 = %.15g of rank %d", least, got.NC1, got.Rank)
		}
	}
	// Nothing is kept below the limit.
	s := sample{k: 3, d: 2, x: []float64{1, 1e-17, -1, 1e-17, 0, -2e-17, 1, 1e-17, -1, 1e-17, 0, -2e-17},
		y: []int32{0, 1, 2, 0, 1, 2}}
	if got := s.measure(t, 3); got.Rank != 1 || got.NC1 != 0 || got.Notes["nc1"] == "" {
		t.Errorf("with a singular value of 1e-17: rank %d, NC1 %v, note %q", got.Rank, got.NC1, got.Notes["nc1"])
	}
}
