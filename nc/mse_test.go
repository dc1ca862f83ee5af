package nc

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// bruteMSE is the decomposition from its definitions: extended features, the
// ridge solution by a pseudo-inverse, and losses by a loop over the samples.
func (s sample) bruteMSE(lambda float64) *MSEDecomposition {
	n, d, k := len(s.y), s.d+1, s.k
	h := mat.NewDense(n, d, nil)
	y := mat.NewDense(n, k, nil)
	for i, c := range s.y {
		h.SetRow(i, append(slices.Clone(s.x[i*s.d:(i+1)*s.d]), 1))
		y.Set(i, int(c), 1)
	}
	moment := mat.NewSymDense(d, nil)
	moment.SymOuterK(1/float64(n), h.T())
	for j := range d {
		moment.SetSym(j, j, moment.At(j, j)+lambda)
	}
	var w, right mat.Dense
	right.Mul(y.T(), h)
	right.Scale(1/float64(n), &right)
	inverse, _ := pinv(moment)
	w.Mul(&right, inverse)
	given := mat.NewDense(k, d, nil)
	for c := range k {
		given.SetRow(c, append(slices.Clone(s.clf.W[c*s.d:(c+1)*s.d]), s.clf.B[c]))
	}
	loss := func(w *mat.Dense) float64 {
		var z, r mat.Dense
		z.Mul(h, w.T())
		r.Sub(&z, y)
		return 0.5*math.Pow(r.Norm(2), 2)/float64(n) + lambda/2*math.Pow(w.Norm(2), 2)
	}
	out := &MSEDecomposition{Loss: loss(given), LS: loss(&w)}
	var diff, half, full mat.Dense
	diff.Sub(given, &w)
	half.Mul(&diff, moment)
	full.Mul(&half, diff.T())
	out.Perp = 0.5 * mat.Trace(&full)
	// Within classes and at the means.
	var z mat.Dense
	z.Mul(h, w.T())
	for c := range k {
		var mean []float64
		var rows [][]float64
		for i, label := range s.y {
			if int(label) == c {
				rows = append(rows, mat.Row(nil, i, &z))
			}
		}
		mean = make([]float64, k)
		for _, r := range rows {
			floats.AddScaled(mean, 1/float64(len(rows)), r)
		}
		for _, r := range rows {
			out.NC1 += 0.5 * squaredDistance(r, mean) / float64(n)
		}
		mean[c]--
		out.NC23 += 0.5 * floats.Dot(mean, mean) * float64(len(rows)) / float64(n)
	}
	out.NC1 += lambda / 2 * math.Pow(w.Norm(2), 2)
	return out
}

// TestMSE compares the decomposition with its definitions, on balanced and unbalanced
// classes, and checks what Han, Papyan and Donoho prove of it.
func TestMSE(t *testing.T) {
	both(t, func(t *testing.T) {
		for name, s := range shapes(rand.New(rand.NewPCG(47, 48))) {
			c := s.covariance(t, 100, OverSamples)
			for _, lambda := range []float64{0, 1e-4, 0.3, 20} {
				what := fmt.Sprintf("%s, λ = %v: ", name, lambda)
				got, err := c.MSE(s.clf, lambda)
				if err != nil {
					t.Fatal(err)
				}
				want := s.bruteMSE(lambda)
				tol := 1e-8
				if name == "offset" && lambda < 1e-3 {
					tol = 1e-6 // the brute force squares features of 100
				}
				near(t, what+"loss", got.Loss, want.Loss, tol)
				near(t, what+"least squares", got.LS, want.LS, tol)
				near(t, what+"NC1", got.NC1, want.NC1, tol)
				near(t, what+"NC2/3", got.NC23, want.NC23, tol)
				near(t, what+"perpendicular", got.Perp, want.Perp, tol)
				near(t, what+"sum", got.NC1+got.NC23+got.Perp, got.Loss, 1e-11)
			}
		}
	})
}

// TestMSEScale: features times c and the weight over c have the same loss without
// decay, though the squares of either would not fit into float64.
func TestMSEScale(t *testing.T) {
	s := random(rand.New(rand.NewPCG(53, 54)), 5, []int{20, 11, 16}, 0.5, 1)
	want, err := s.covariance(t, 64, OverSamples).MSE(s.clf, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, scale := range []float64{0x1p-800, 0x1p-100, 0x1p100, 0x1p800} {
		x, w := slices.Clone(s.x), slices.Clone(s.clf.W)
		floats.Scale(scale, x)
		floats.Scale(1/scale, w)
		scaled := sample{k: s.k, d: s.d, x: x, y: s.y}
		c := scaled.covariance(t, 64, OverSamples)
		got, err := c.MSE(&Classifier{K: s.k, D: s.d, W: w, B: s.clf.B}, 0)
		if err != nil {
			t.Fatal(err)
		}
		near(t, fmt.Sprint("loss at scale ", scale), got.Loss, want.Loss, 1e-13)
		near(t, fmt.Sprint("least loss at scale ", scale), got.LS, want.LS, 1e-12)
		if scale == 0x1p-800 {
			_, err = c.MSE(s.clf, 1)
			contains(t, err, "too small", "lambda = 1")
		}
	}
}

// TestMSECentralPath: the least-squares classifier itself has Perp = 0, and no
// classifier loses less. At collapse to a simplex ETF the least loss is 0.
func TestMSECentralPath(t *testing.T) {
	rng := rand.New(rand.NewPCG(49, 50))
	s := random(rng, 5, []int{30, 12, 20}, 0.4, 1)
	c := s.covariance(t, 64, OverSamples)
	// W_LS by a QR factorisation of the extended features.
	n, d := len(s.y), s.d
	design := mat.NewDense(n, d+1, nil)
	hot := mat.NewDense(n, s.k, nil)
	for i, y := range s.y {
		design.SetRow(i, append(slices.Clone(s.x[i*d:(i+1)*d]), 1))
		hot.Set(i, int(y), 1)
	}
	var w mat.Dense
	if err := w.Solve(design, hot); err != nil {
		t.Fatal(err)
	}
	best := &Classifier{K: s.k, D: d, W: make([]float64, s.k*d), B: make([]float64, s.k)}
	for y := range s.k {
		for j := range d {
			best.W[y*d+j] = w.At(j, y)
		}
		best.B[y] = w.At(d, y)
	}
	m, err := c.MSE(best, 0)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(m.Perp) > 1e-20 {
		t.Errorf("Perp of the least-squares classifier is %v, want 0", m.Perp)
	}
	for range 20 {
		other := &Classifier{K: s.k, D: d, W: slices.Clone(best.W), B: slices.Clone(best.B)}
		for i := range other.W {
			other.W[i] += 0.1 * rng.NormFloat64()
		}
		o, err := c.MSE(other, 0)
		if err != nil {
			t.Fatal(err)
		}
		if o.Loss < m.Loss || o.Perp <= 0 || o.LS != m.LS {
			t.Errorf("another classifier has loss %v (Perp %v, LS %v), the least-squares one %v", o.Loss, o.Perp, o.LS,
				m.Loss)
		}
	}
	collapsed := etf(rng, 4, 6, 5, 1)
	m, err = collapsed.covariance(t, 64, OverSamples).MSE(collapsed.clf, 0)
	if err != nil {
		t.Fatal(err)
	}
	if m.LS > 1e-20 {
		t.Errorf("the least loss of a simplex ETF is %v, want 0", m.LS)
	}
	// A classifier without bias is one with bias 0.
	none := &Classifier{K: s.k, D: d, W: s.clf.W}
	zero := &Classifier{K: s.k, D: d, W: s.clf.W, B: make([]float64, s.k)}
	a, err1 := c.MSE(none, 0.1)
	b, err2 := c.MSE(zero, 0.1)
	if err1 != nil || err2 != nil || *a != *b {
		t.Errorf("without bias %v (%v), with bias 0 %v (%v)", a, err1, b, err2)
	}
}
