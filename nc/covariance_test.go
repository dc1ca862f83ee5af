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
		near(t, fmt.Sprint("map of condition ", spread), s.mapped(&m, 3).covarianceSummary(t).VCI, want,
			1e-15*spread*spread+1e-10)
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
