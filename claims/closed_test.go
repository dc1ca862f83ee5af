package claims

import (
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gocollapse/collapse/ufm"
)

// TestMeasuredRates: the measured factors per step are those that the Hessian's spectrum predicts.
func TestMeasuredRates(t *testing.T) {
	base := ufm.PaperParams()
	base.K, base.D = 4, 5
	base = base.Small(3, 5).WithS(0.0224)
	deltas := []float64{0, 0.4}
	for _, best := range []bool{false, true} {
		rates, err := measuredRates(base, deltas, ufm.All, best)
		if err != nil {
			t.Fatal(err)
		}
		top := 0.0
		spectra := make([]ufm.Spectrum, len(deltas))
		for i, delta := range deltas {
			p := base
			p.Delta = delta
			m, err := p.Minimiser()
			if err != nil {
				t.Fatal(err)
			}
			spectra[i] = m.FullHessian(ufm.FullOptions{L2: true, Bias: true, Scaled: true})
			top = max(top, spectra[i][len(spectra[i])-1].Value)
		}
		for i, s := range spectra {
			want := s.Rate(1/top, 0)
			if best {
				_, want = s.BestRate()
			}
			if math.Abs(rates[i]-want) > 2e-3 {
				t.Errorf("δ = %g, best %v: measured %.5f, predicted %.5f", deltas[i], best, rates[i], want)
			}
		}
	}
}

// TestFactors: the sum of singular values is the trace of √(ZᵀZ), and the factors give Z.
func TestFactors(t *testing.T) {
	rng := random(99)
	z := mat.NewDense(4, 4, gaussian(rng, 16))
	w, h, nuclear := factors(z, 6, 0.3, 0.02)
	var zz mat.Dense
	zz.Mul(z.T(), z)
	s := mat.NewSymDense(4, nil)
	for i := range 4 {
		for j := range i + 1 {
			s.SetSym(i, j, zz.At(i, j))
		}
	}
	var e mat.EigenSym
	if !e.Factorize(s, false) {
		t.Fatal("no eigenvalues")
	}
	var want float64
	for _, v := range e.Values(nil) {
		want += math.Sqrt(v)
	}
	if math.Abs(nuclear-want) > 1e-12*want {
		t.Errorf("nuclear norm %g, want %g", nuclear, want)
	}
	var back mat.Dense
	back.Mul(w, h.T())
	if !mat.EqualApprox(&back, z, 1e-12) {
		t.Error("W Hᵀ is not Z")
	}
}

// TestMeasure compares the distances with the definition for K = 3 in the plane.
func TestMeasure(t *testing.T) {
	w := []float64{1, 0, -0.2, 0.9, -0.4, -1}
	h := []float64{0.8, 0.1, -0.5, 0.6, -0.3, -0.7} // its columns add up to 0
	c, err := measure(w, h, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	distance := func(a, b []float64) float64 {
		var g [9]float64
		var norm, sum float64
		for i := range 3 {
			for j := range 3 {
				g[3*i+j] = a[2*i]*b[2*j] + a[2*i+1]*b[2*j+1]
				norm += g[3*i+j] * g[3*i+j]
			}
		}
		for i := range 3 {
			for j := range 3 {
				target := -1.0 / 3
				if i == j {
					target += 1
				}
				d := g[3*i+j]/math.Sqrt(norm) - target/math.Sqrt(2)
				sum += d * d
			}
		}
		return math.Sqrt(sum)
	}
	for name, v := range map[string][2]float64{"NC2": {c.NC2, distance(w, h)}, "of W": {c.FrameW.ETF, distance(w, w)},
		"of H̄": {c.FrameH.ETF, distance(h, h)}} {
		if math.Abs(v[0]-v[1]) > 1e-12 {
			t.Errorf("distance %s: %.15g, want %.15g", name, v[0], v[1])
		}
	}
}

// TestLossAndCosine: the pieces of two closed-form rules on cases known by hand.
func TestLossAndCosine(t *testing.T) {
	y := label(4, 0.2)
	if got, want := crossEntropy(y, []float64{0.7, 0.1, 0.1, 0.1}),
		-0.85*math.Log(0.7)-0.15*math.Log(0.1); math.Abs(got-want) > 1e-15 {
		t.Errorf("loss %g, want %g", got, want)
	}
	if got := largestCosine([]float64{1, 0, 0, 2, -1, -1}, 3, 2); math.Abs(got) > 1e-15 {
		t.Errorf("largest cosine %g, want 0", got)
	}
	m, err := ufm.PaperParams().Minimiser()
	if err != nil {
		t.Fatal(err)
	}
	target, other, spread := softmaxAtMinimiser(m)
	if math.Abs(target-m.PT) > 1e-12 || math.Abs(other-m.PN) > 1e-12 || spread > 1e-12 {
		t.Errorf("target %g and others %g ± %g, want %g and %g", target, other, spread, m.PT, m.PN)
	}
}

// TestFluctuation: noise of a known size about a line.
func TestFluctuation(t *testing.T) {
	rng := random(98)
	v := make([]float64, 20000)
	for i := range v {
		v[i] = 3 - 0.01*float64(i) + 0.2*rng.NormFloat64()
	}
	if got := deviation(v); math.Abs(got-0.2) > 0.005 {
		t.Errorf("deviation %g, want 0.2", got)
	}
	if got := deviation([]float64{1, 2, 3, 4, 5}); got != 0 {
		t.Errorf("deviation of a line %g, want 0", got)
	}
}

// TestLimits: what the paper's numbers do not support, as counted by hand from its tables.
func TestLimits(t *testing.T) {
	list, err := Limits()
	if err != nil {
		t.Fatal(err)
	}
	var found strings.Builder
	for _, l := range list {
		for _, id := range l.Claims {
			if _, err := ByID(id); err != nil {
				t.Errorf("%s: %v", l.Title, err)
			}
		}
		found.WriteString(l.Finding + "\n")
	}
	for _, want := range []string{
		"training error 16 of 16, test error 10 of 16, NCC training error 12 of 16, NCC test error 15 of 16",
		"CIFAR-10 at epoch 10, CIFAR-100 at epoch 10, CIFAR-100 at epoch 50, CIFAR-100 at epoch 100, " +
			"Tiny ImageNet at epoch 10, Tiny ImageNet at epoch 20",
		"CIFAR-10 −0.23, CIFAR-100 +0.27, STL-10 −3.04, Tiny ImageNet −0.09",
		"higher NCC training error on 3 of 4 data sets",
		"lower in 16 of 16 cells", "0.131 (CIFAR-10), 0.097 (CIFAR-100)", "0.091 (Tiny ImageNet)",
		"0.14 (CIFAR-10), 0.09 (CIFAR-100), 0.10 (STL-10), 0.06 (Tiny ImageNet): above this head start on " +
			"CIFAR-10 only",
		"κ is 9.80 for CE and 9.35 for LS: 4.6 % lower",
		"0.0060 to 0.0147", "0.00061 to 0.00157", "6.96 to 15.7", "11.9 to 29.4",
		"is 1 for every δ", "credits Theorem 4.1",
	} {
		if !strings.Contains(found.String(), want) {
			t.Errorf("%q is not in\n%s", want, found.String())
		}
	}
}
