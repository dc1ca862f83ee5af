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

// covariance runs both passes, the second in batches of the given size.
func (s sample) covariance(t testing.TB, batch int, over GlobalMean) *Covariance {
	t.Helper()
	c, err := NewCovariance(s.centred(t, over))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(s.y); i += batch {
		to := min(i+batch, len(s.y))
		if err := c.Add(s.batch(i, to)); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (s sample) covarianceSummary(t testing.TB) *CovarianceSummary {
	t.Helper()
	sum, err := s.covariance(t, 64, OverSamples).Summary()
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol*max(math.Abs(want), 1e-3)) {
		t.Errorf("%s: %.17g, want %.17g (difference %.2g)", what, got, want, got-want)
	}
}

// bruteCovariances returns Σ_W and the sample-weighted Σ_B from their definitions.
func (s sample) bruteCovariances() (within, between *mat.SymDense) {
	n, d := len(s.y), s.d
	count, means, global := make([]float64, s.k), make([]float64, s.k*d), make([]float64, d)
	for i, y := range s.y {
		count[y]++
		floats.Add(means[int(y)*d:int(y+1)*d], s.x[i*d:(i+1)*d])
		floats.Add(global, s.x[i*d:(i+1)*d])
	}
	floats.Scale(1/float64(n), global)
	within, between = mat.NewSymDense(d, nil), mat.NewSymDense(d, nil)
	for c, m := range count {
		floats.Scale(1/m, means[c*d:(c+1)*d])
		diff := make([]float64, d)
		floats.SubTo(diff, means[c*d:(c+1)*d], global)
		between.SymRankOne(between, m/float64(n), mat.NewVecDense(d, diff))
	}
	for i, y := range s.y {
		diff := make([]float64, d)
		floats.SubTo(diff, s.x[i*d:(i+1)*d], means[int(y)*d:int(y+1)*d])
		within.SymRankOne(within, 1/float64(n), mat.NewVecDense(d, diff))
	}
	return within, between
}

// pinv returns the pseudo-inverse of a symmetric matrix and its rank.
func pinv(m mat.Symmetric) (*mat.Dense, int) {
	n := m.SymmetricDim()
	var e mat.EigenSym
	e.Factorize(m, true)
	values := e.Values(nil)
	var v mat.Dense
	e.VectorsTo(&v)
	out, rank := mat.NewDense(n, n, nil), 0
	for i, x := range values {
		if x > 1e-11*values[n-1] {
			rank++
			col := mat.Col(nil, i, &v)
			out.RankOne(out, 1/x, mat.NewVecDense(n, col), mat.NewVecDense(n, col))
		}
	}
	return out, rank
}

// shapes are data sets with what makes Σ_T awkward: fewer samples than dimensions,
// dimensions that are constant or depend on others, few dimensions, an offset.
func shapes(rng *rand.Rand) map[string]sample {
	out := map[string]sample{
		"balanced":           random(rng, 7, repeat(30, 4), 0.5, 0),
		"unbalanced":         random(rng, 9, []int{40, 3, 17, 1, 9}, 0.5, 0),
		"offset":             random(rng, 6, []int{11, 25, 14}, 0.5, 100),
		"few samples":        random(rng, 30, []int{5, 3, 6, 4}, 0.5, 0),
		"few dimensions":     random(rng, 3, repeat(12, 8), 0.5, 0),
		"one dimension":      random(rng, 1, repeat(12, 3), 0.5, 0),
		"more than a block":  random(rng, 8, repeat(300, 5), 0.5, 1),
		"more than a block+": random(rng, 61, []int{700, 51, 20}, 0.5, 1),
	}
	dead := random(rng, 8, repeat(20, 4), 0.5, 0)
	for i := range dead.y {
		x := dead.x[i*8 : (i+1)*8]
		x[2], x[5], x[7] = 0, x[1], x[0]+x[3]
	}
	out["dependent dimensions"] = dead
	return out
}

// TestCovarianceBruteForce compares the spectrum and VCI with the d×d matrices and
// a pseudo-inverse through eigenvalues.
func TestCovarianceBruteForce(t *testing.T) {
	both(t, func(t *testing.T) {
		for name, s := range shapes(rand.New(rand.NewPCG(41, 42))) {
			for _, over := range []GlobalMean{OverSamples, OverClasses} {
				got, err := s.covariance(t, 17, over).Summary()
				if err != nil {
					t.Fatal(err)
				}
				within, between := s.bruteCovariances()
				var e mat.EigenSym
				e.Factorize(within, false)
				want := e.Values(nil)
				slices.Reverse(want)
				for i, v := range want {
					if math.Abs(got.SpectrumW[i]-v) > 1e-12*want[0] {
						t.Errorf("%s: eigenvalue %d of Σ_W is %v, want %v", name, i, got.SpectrumW[i], v)
					}
				}
				near(t, name+" stable rank", got.StableRankW, mat.Trace(within)/want[0], 1e-10)
				total := mat.NewSymDense(s.d, nil)
				total.AddSym(within, between)
				inverse, _ := pinv(total)
				_, rank := pinv(between)
				var product mat.Dense
				product.Mul(inverse, between)
				near(t, name+" VCI", got.VCI, 1-mat.Trace(&product)/float64(rank), 1e-8)
			}
		}
	})
}

// TestVCIInvariance: no invertible linear map and no translation changes VCI, as Xu
// and Liu prove; it is 0 at collapse and near 1 where the means are lost in noise.
func TestVCIInvariance(t *testing.T) {
	rng := rand.New(rand.NewPCG(43, 44))
	s := random(rng, 6, []int{50, 20, 35, 8}, 0.5, 0)
	want := s.covarianceSummary(t).VCI
	for _, spread := range []float64{1, 1e3, 1e6} {
		u, v := rotation(rng, 6), rotation(rng, 6)
		for i := range 6 {
			for j := range 6 {
				v.Set(i, j, v.At(i, j)*math.Pow(spread, -float64(i)/5))
			}
		}
		var m mat.Dense
		m.Mul(u, v)
		near(t, fmt.Sprint("map of condition ", spread), s.mapped(&m, 3).covarianceSummary(t).VCI, want, 1e-15*spread*spread+1e-10)
	}
	for _, scale := range []float64{0x1p-900, 0x1p900} {
		scaled := s
		scaled.x = slices.Clone(s.x)
		floats.Scale(scale, scaled.x)
		near(t, fmt.Sprint("scale ", scale), scaled.covarianceSummary(t).VCI, want, 1e-14)
	}
	if got := etf(rng, 5, 9, 8, 2).covarianceSummary(t); got.VCI > 1e-12 || got.SpectrumW[0] > 1e-25 {
		t.Errorf("a simplex ETF has VCI %v and Σ_W of norm %v, want 0", got.VCI, got.SpectrumW[0])
	}
	noise := random(rng, 6, repeat(2000, 3), 1e4, 0)
	if got := noise.covarianceSummary(t).VCI; got < 0.99 || got > 1 {
		t.Errorf("VCI of noise is %v, want near 1", got)
	}
}

// TestCovarianceParts: forks, float32, any order and batches give what one pass
// over the whole gives.
func TestCovarianceParts(t *testing.T) {
	rng := rand.New(rand.NewPCG(45, 46))
	s := random(rng, 37, []int{400, 90, 700}, 0.5, 3)
	for i, v := range s.x {
		s.x[i] = float64(float32(v))
	}
	whole := s.covariance(t, 1<<20, OverSamples)
	want, err := whole.Summary()
	if err != nil {
		t.Fatal(err)
	}
	narrow := make([]float32, len(s.x))
	for i, v := range s.x {
		narrow[i] = float32(v)
	}
	a, err := NewCovariance(s.centred(t, OverSamples))
	if err != nil {
		t.Fatal(err)
	}
	parts := []*Covariance{a, a.Fork(), a.Fork(), a.Fork()} // the last stays empty
	for from := 0; from < len(s.y); {
		to := min(from+1+rng.IntN(100), len(s.y))
		if err := parts[rng.IntN(3)].Add(BatchOf(narrow[from*s.d:to*s.d], s.y[from:to])); err != nil {
			t.Fatal(err)
		}
		from = to
	}
	for _, p := range parts[1:] {
		if err := a.Merge(p); err != nil {
			t.Fatal(err)
		}
	}
	got, err := a.Summary()
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range want.SpectrumW {
		near(t, "merged spectrum", got.SpectrumW[i], v, 1e-10)
	}
	near(t, "merged VCI", got.VCI, want.VCI, 1e-10)
	near(t, "merged effective rank", got.EffectiveRankW, want.EffectiveRankW, 1e-10)
}

// TestOuterSumScales: vectors that grow by many orders do not overflow the sum, and
// parts of unequal scale merge.
func TestOuterSumScales(t *testing.T) {
	both(t, func(t *testing.T) {
		parts := []outerSum{newOuterSum(3), newOuterSum(3)}
		var want [9]float64
		for i, size := range []float64{0, 1e-200, 1e-150, 1, 1e160, 1e140} {
			x := []float64{size, 2 * size, -3 * size}
			for r := range 3 {
				for c := range 3 {
					want[3*r+c] += x[r] / 1e160 * (x[c] / 1e160)
				}
			}
			p := &parts[i%2]
			gather(p, 1, x, func(int) []float64 { return nil })
			p.flush()
		}
		parts[0].merge(&parts[1])
		for i, v := range parts[0].square(1e-160, 1) {
			near(t, fmt.Sprint("element ", i), v, want[i], 1e-13)
		}
	})
}

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
			t.Errorf("another classifier has loss %v (Perp %v, LS %v), the least-squares one %v", o.Loss, o.Perp, o.LS, m.Loss)
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
	for name, v := range map[string]float64{"vci": got.VCI, "stable_rank_w": got.StableRankW, "effective_rank_w": got.EffectiveRankW} {
		if !math.IsNaN(v) || got.Notes[name] == "" {
			t.Errorf("all samples equal: %s = %v, note %q", name, v, got.Notes[name])
		}
	}
}

// BenchmarkCovariance times what --full adds: the pass, and the summary of it.
func BenchmarkCovariance(b *testing.B) {
	for _, c := range []struct{ n, d, k int }{{50000, 512, 10}, {20000, 1024, 100}} {
		rng := rand.New(rand.NewPCG(1, 1))
		x, y := make([]float32, c.n*c.d), make([]int32, c.n)
		for i := range x {
			x[i] = rng.Float32()
		}
		for i := range y {
			y[i] = int32(i % c.k)
		}
		sums, err := NewSums(c.k, c.d)
		if err != nil {
			b.Fatal(err)
		}
		if err := sums.Add(BatchOf(x, y)); err != nil {
			b.Fatal(err)
		}
		a, err := sums.Centre(nil)
		if err != nil {
			b.Fatal(err)
		}
		var cov *Covariance
		b.Run(fmt.Sprintf("pass/%dx%d", c.n, c.d), func(b *testing.B) {
			for b.Loop() {
				if cov, err = NewCovariance(a); err != nil {
					b.Fatal(err)
				}
				for i := 0; i < c.n; i += 1024 {
					to := min(i+1024, c.n)
					if err := cov.Add(BatchOf(x[i*c.d:to*c.d], y[i:to])); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
		if cov == nil {
			continue
		}
		b.Run(fmt.Sprintf("summary/%dx%d", c.n, c.d), func(b *testing.B) {
			for b.Loop() {
				if _, err := cov.Summary(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("mse/%dx%d", c.n, c.d), func(b *testing.B) {
			clf := &Classifier{K: c.k, D: c.d, W: make([]float64, c.k*c.d)}
			for b.Loop() {
				if _, err := cov.MSE(clf, 5e-4); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
