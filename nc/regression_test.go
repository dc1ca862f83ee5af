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

// regressionData is features n×d, targets n×t and a weight t×d.
type regressionData struct {
	n, d, t int
	x, y, w []float64
}

// randomRegression returns features that lie near a subspace of t dimensions, with
// their mean at offset, correlated targets and a weight near that subspace.
func randomRegression(rng *rand.Rand, n, d, t int, noise, offset float64) regressionData {
	s := regressionData{n: n, d: d, t: t, x: make([]float64, n*d), y: make([]float64, n*t), w: make([]float64, t*d)}
	for i := range s.w {
		s.w[i] = rng.NormFloat64()
	}
	mix := make([]float64, t*t)
	for i := range mix {
		mix[i] = rng.NormFloat64()
	}
	for i := range n {
		z := make([]float64, t)
		for j := range z {
			z[j] = rng.NormFloat64() * float64(1+j)
			floats.AddScaled(s.x[i*d:(i+1)*d], z[j], s.w[j*d:(j+1)*d])
		}
		for j := range d {
			s.x[i*d+j] += noise*rng.NormFloat64() + offset
		}
		for j := range t {
			s.y[i*t+j] = 3 + floats.Dot(mix[j*t:(j+1)*t], z)
		}
	}
	for i := range s.w {
		s.w[i] += noise * rng.NormFloat64()
	}
	return s
}

// measure runs both passes in batches of the given size.
func (s regressionData) measure(t testing.TB, batch int) *RegressionSummary {
	t.Helper()
	r, err := NewRegression(s.d, s.t)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < s.n; i += batch {
		to := min(i+batch, s.n)
		if err := r.Add(BatchOf(s.x[i*s.d:to*s.d], nil), BatchOf(s.y[i*s.t:to*s.t], nil)); err != nil {
			t.Fatal(err)
		}
	}
	second, err := r.Project(s.w)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < s.n; i += batch {
		if err := second.Add(BatchOf(s.x[i*s.d:min(i+batch, s.n)*s.d], nil)); err != nil {
			t.Fatal(err)
		}
	}
	sum, err := second.Summary()
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// brute computes the metrics from their definitions, NRC3 on a grid of √γ.
func (s regressionData) brute() *RegressionSummary {
	center := func(n, d int, v []float64) *mat.Dense {
		mean := make([]float64, d)
		for i := range n {
			floats.AddScaled(mean, 1/float64(n), v[i*d:(i+1)*d])
		}
		out := mat.NewDense(n, d, slices.Clone(v))
		for i := range n {
			floats.Sub(out.RawRowView(i), mean)
		}
		return out
	}
	xc, yc := center(s.n, s.d, s.x), center(s.n, s.t, s.y)
	residual := func(rows, basis mat.Matrix) float64 { // basis: d×r orthonormal
		n, d := rows.Dims()
		var sum float64
		for i := range n {
			h := mat.NewVecDense(d, mat.Row(nil, i, rows))
			h.ScaleVec(1/h.Norm(2), h)
			var p, q mat.VecDense
			p.MulVec(basis.T(), h)
			q.MulVec(basis, &p)
			h.SubVec(h, &q)
			sum += mat.Dot(h, h) / float64(n)
		}
		return sum
	}
	var svd mat.SVD
	svd.Factorize(xc, mat.SVDThin)
	var pcs mat.Dense
	svd.VTo(&pcs)
	singular := svd.Values(nil)
	components := pcs.Slice(0, s.d, 0, s.t)
	w := mat.NewDense(s.t, s.d, s.w)
	var rows mat.SVD
	rows.Factorize(w, mat.SVDThin)
	var span mat.Dense
	rows.VTo(&span)
	x := mat.NewDense(s.n, s.d, s.x)
	out := &RegressionSummary{
		NRC1: residual(x, components), NRC1Centred: residual(xc, components),
		NRC2: residual(x, &span), NRC2Centred: residual(xc, &span),
	}
	for i, v := range singular {
		if i < s.t {
			out.ExplainedVariance += v * v
		}
	}
	out.ExplainedVariance /= floats.Dot(singular, singular)

	var gram mat.Dense
	gram.Mul(w, w.T())
	gram.Scale(1/gram.Norm(2), &gram)
	sigma := mat.NewSymDense(s.t, nil)
	sigma.SymOuterK(1/float64(s.n), yc.T())
	var root mat.Dense
	rootOf(&root, sigma)
	var e mat.EigenSym
	e.Factorize(sigma, false)
	least := math.Sqrt(e.Values(nil)[0])
	out.NRC3 = math.Inf(1)
	const steps = 4000
	for i := range steps {
		g := least * float64(i) / steps
		var m, diff mat.Dense
		m.CloneFrom(&root)
		for j := range s.t {
			m.Set(j, j, m.At(j, j)-g)
		}
		m.Scale(1/m.Norm(2), &m)
		diff.Sub(&gram, &m)
		if v := math.Pow(diff.Norm(2), 2); v < out.NRC3 {
			out.NRC3, out.NRC3Gamma = v, g*g
		}
	}
	return out
}

func rootOf(dst *mat.Dense, m mat.Symmetric) {
	n := m.SymmetricDim()
	var e mat.EigenSym
	e.Factorize(m, true)
	values := e.Values(nil)
	var v, scaled mat.Dense
	e.VectorsTo(&v)
	scaled.CloneFrom(&v)
	for i := range n {
		for j := range n {
			scaled.Set(i, j, v.At(i, j)*math.Sqrt(values[j]))
		}
	}
	dst.Mul(&scaled, v.T())
}

func sameRegression(t *testing.T, what string, got, want *RegressionSummary, tol float64) {
	t.Helper()
	for _, m := range RegressionMetrics() {
		name := m.Key
		g, _ := got.Value(name)
		w, _ := want.Value(name)
		if g != w && !(math.IsNaN(g) && math.IsNaN(w)) && !(math.Abs(g-w) <= tol*max(math.Abs(w), 1e-3)) {
			t.Errorf("%s: %s = %.17g, want %.17g (difference %.2g; note %q)", what, name, g, w, g-w, got.Notes[name])
		}
	}
}

// TestRegressionBruteForce compares with the definitions.
func TestRegressionBruteForce(t *testing.T) {
	both(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(61, 62))
		for _, c := range []struct {
			n, d, t       int
			noise, offset float64
		}{
			{40, 6, 2, 0.3, 0}, {700, 9, 3, 0.1, 2}, {1300, 5, 1, 1, -1}, {25, 40, 4, 0.5, 1}, {60, 17, 5, 1e-3, 10},
		} {
			s := randomRegression(rng, c.n, c.d, c.t, c.noise, c.offset)
			got, want := s.measure(t, 64), s.brute()
			what := fmt.Sprintf("%+v", c)
			// The grid finds the least value to the square of its step.
			if got.NRC3 > want.NRC3+1e-12 || got.NRC3 < want.NRC3-1e-5 {
				t.Errorf("%s: NRC3 = %v, on a grid %v", what, got.NRC3, want.NRC3)
			}
			if got.NRC3 < want.NRC3-1e-9 && math.Abs(math.Sqrt(got.NRC3Gamma)-math.Sqrt(want.NRC3Gamma)) > 0.01 {
				t.Errorf("%s: gamma = %v, on a grid %v", what, got.NRC3Gamma, want.NRC3Gamma)
			}
			want.NRC3, want.NRC3Gamma = got.NRC3, got.NRC3Gamma
			sameRegression(t, what, got, want, 1e-9)
		}
	})
}

// TestRegressionCollapse: at the minimum of the unconstrained feature model of the
// paper (its Theorem 4.1) with regularisation c, WWᵀ ∝ Σ^{1/2} − √c I, the features
// are Wᵀ times the targets' directions, and all three metrics are 0 with gamma = c.
func TestRegressionCollapse(t *testing.T) {
	rng := rand.New(rand.NewPCG(63, 64))
	for _, share := range []float64{0, 0.3, 0.9} { // of √λ_min
		const n, d, m = 400, 12, 3
		s := randomRegression(rng, n, d, m, 0, 0)
		// Σ of the targets, and its root.
		mean, sigma := make([]float64, m), mat.NewSymDense(m, nil)
		for i := range n {
			floats.AddScaled(mean, 1.0/n, s.y[i*m:(i+1)*m])
		}
		for i := range n {
			diff := make([]float64, m)
			floats.SubTo(diff, s.y[i*m:(i+1)*m], mean)
			sigma.SymRankOne(sigma, 1.0/n, mat.NewVecDense(m, diff))
		}
		var root, half, inverse mat.Dense
		rootOf(&root, sigma)
		var e mat.EigenSym
		e.Factorize(sigma, false)
		shift := share * math.Sqrt(e.Values(nil)[0])
		shifted := mat.NewSymDense(m, nil)
		for i := range m {
			for j := i; j < m; j++ {
				shifted.SetSym(i, j, root.At(i, j))
			}
			shifted.SetSym(i, i, root.At(i, i)-shift)
		}
		rootOf(&half, shifted)
		q := rotation(rng, d).Slice(0, m, 0, d)
		var w, h, white mat.Dense
		w.Mul(&half, q) // WWᵀ = Σ^{1/2} − √c I
		s.w = w.RawMatrix().Data
		if err := inverse.Inverse(&root); err != nil {
			t.Fatal(err)
		}
		centred := mat.NewDense(n, m, slices.Clone(s.y))
		for i := range n {
			floats.Sub(centred.RawRowView(i), mean)
		}
		white.Mul(centred, &inverse)
		h.Mul(&white, &w) // H = Wᵀ Σ^{-1/2}(Y − Ȳ)
		s.x = h.RawMatrix().Data
		got := s.measure(t, 33)
		for name, v := range map[string]float64{"nrc1": got.NRC1, "nrc2": got.NRC2, "nrc3": got.NRC3,
			"nrc1_centred": got.NRC1Centred, "nrc2_centred": got.NRC2Centred,
			"unexplained variance": 1 - got.ExplainedVariance} {
			if math.Abs(v) > 1e-13 {
				t.Errorf("√γ = %v of √λ_min: %s = %v, want 0", share, name, v)
			}
		}
		if math.Abs(math.Sqrt(got.NRC3Gamma)-shift) > 1e-6*(1+shift) {
			t.Errorf("√γ = %v, want %v", math.Sqrt(got.NRC3Gamma), shift)
		}
	}
}

// TestRegressionInvariances: a rotation of features and weight and of the targets
// with the weight's rows, and scales, change nothing; a translation does not change
// the centred metrics.
func TestRegressionInvariances(t *testing.T) {
	rng := rand.New(rand.NewPCG(65, 66))
	s := randomRegression(rng, 300, 8, 3, 0.4, 1)
	want := s.measure(t, 50)
	mul := func(n, d int, v []float64, m *mat.Dense) []float64 {
		_, c := m.Dims()
		out := mat.NewDense(n, c, nil)
		out.Mul(mat.NewDense(n, d, v), m)
		return out.RawMatrix().Data
	}
	rotated := s
	q := rotation(rng, s.d)
	rotated.x, rotated.w = mul(s.n, s.d, s.x, q), mul(s.t, s.d, s.w, q)
	sameRegression(t, "features rotated", rotated.measure(t, 50), want, 1e-9)

	turned := s
	p := rotation(rng, s.t)
	turned.y = mul(s.n, s.t, s.y, p)
	var w mat.Dense
	w.Mul(p.T(), mat.NewDense(s.t, s.d, s.w))
	turned.w = w.RawMatrix().Data
	sameRegression(t, "targets rotated", turned.measure(t, 50), want, 1e-9)

	for _, scale := range []float64{0x1p-600, 0x1p-200, 0x1p300, 0x1p900} {
		scaled := s
		scaled.x, scaled.w = slices.Clone(s.x), slices.Clone(s.w)
		floats.Scale(scale, scaled.x)
		floats.Scale(1/scale, scaled.w)
		sameRegression(t, fmt.Sprint("features times ", scale), scaled.measure(t, 50), want, 1e-12)
	}
	scaled := s
	scaled.y = slices.Clone(s.y)
	floats.Scale(1e-3, scaled.y)
	got := scaled.measure(t, 50)
	got.NRC3Gamma *= 1e6
	sameRegression(t, "targets scaled", got, want, 1e-9)

	for _, shift := range []float64{30, 1e7} {
		moved := s
		moved.x = slices.Clone(s.x)
		floats.AddConst(shift, moved.x)
		got = moved.measure(t, 50)
		near(t, "moved nrc1_centred", got.NRC1Centred, want.NRC1Centred, 1e-15*shift+1e-9)
		near(t, "moved nrc2_centred", got.NRC2Centred, want.NRC2Centred, 1e-15*shift+1e-9)
		near(t, "moved explained_variance", got.ExplainedVariance, want.ExplainedVariance, 1e-15*shift+1e-9)
	}
}

// TestRegressionParts: forks in both passes, float32, any order and batches give what
// one pass over the whole gives, also where the parts have other means.
func TestRegressionParts(t *testing.T) {
	rng := rand.New(rand.NewPCG(67, 68))
	s := randomRegression(rng, 1500, 11, 2, 0.3, 1)
	for i := range s.x { // a drift, as in sorted data
		s.x[i] = float64(float32(s.x[i] + float64(i/s.d)/100))
	}
	for i, v := range s.y {
		s.y[i] = float64(float32(v))
	}
	narrow := func(v []float64) []float32 {
		out := make([]float32, len(v))
		for i, x := range v {
			out[i] = float32(x)
		}
		return out
	}
	x, y := narrow(s.x), narrow(s.y)
	want := s.measure(t, 1<<20)
	r, err := NewRegression(s.d, s.t)
	if err != nil {
		t.Fatal(err)
	}
	err = scattered(rng, s.n, r, func(r *Regression, from, to int) error {
		return r.Add(BatchOf(x[from*s.d:to*s.d], nil), BatchOf(y[from*s.t:to*s.t], nil))
	})
	if err != nil {
		t.Fatal(err)
	}
	second, err := r.Project(s.w)
	if err != nil {
		t.Fatal(err)
	}
	err = scattered(rng, s.n, second, func(r *Residuals, from, to int) error {
		return r.Add(BatchOf(x[from*s.d:to*s.d], nil))
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := second.Summary()
	if err != nil {
		t.Fatal(err)
	}
	sameRegression(t, "parts", got, want, 1e-10)
}

// scattered adds n samples in batches of random sizes to r and three forks, which it merges.
func scattered[P interface {
	Fork() P
	Merge(P) error
}](rng *rand.Rand, n int, r P, add func(r P, from, to int) error) error {
	parts := []P{r, r.Fork(), r.Fork(), r.Fork()} // the last stays empty
	for from := 0; from < n; {
		to := min(from+1+rng.IntN(80), n)
		if err := add(parts[rng.IntN(3)], from, to); err != nil {
			return err
		}
		from = to
	}
	for _, p := range parts[1:] {
		if err := r.Merge(p); err != nil {
			return err
		}
	}
	return nil
}
