package ufm

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"

	"github.com/gocollapse/collapse/nc"
)

var losses = []Loss{
	{Kind: CE}, {Kind: LS, Delta: 0.2}, {Kind: Focal, Gamma: 2}, {Kind: Focal, Gamma: 1}, {Kind: Focal}, {Kind: MSE},
}

// brute returns the objective as a reader would write it, sample by sample.
func brute(p *Problem, x []float64) float64 {
	w, h, b := p.Split(x)
	d, k := p.D, p.K()
	var sum float64
	for i, y := range p.Labels() {
		z := make([]float64, k)
		var total float64
		for j := range z {
			for c := range d {
				z[j] += w[j*d+c] * h[i*d+c]
			}
			if b != nil {
				z[j] += b[j]
			}
			total += math.Exp(z[j])
		}
		for j := range z {
			q := math.Exp(z[j]) / total
			target := 0.0
			if j == int(y) {
				target = 1
			}
			switch p.Loss.Kind {
			case MSE:
				sum += (z[j] - target) * (z[j] - target) / 2
			case Focal:
				sum -= target * math.Pow(1-q, p.Loss.Gamma) * math.Log(q)
			default:
				sum -= (target*(1-p.Loss.Delta) + p.Loss.Delta/float64(k)) * math.Log(q)
			}
		}
	}
	sum /= float64(p.N())
	for i, part := range [][]float64{w, h, b} {
		for _, v := range part {
			sum += []float64{p.LambdaW, p.LambdaH, p.LambdaB}[i] / 2 * v * v
		}
	}
	return sum
}

// TestDerivatives: the value is the one written out, the gradient its difference
// quotient and the Hessian-vector product that of the gradient.
func TestDerivatives(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, loss := range losses {
		for _, bias := range []bool{false, true} {
			p := &Problem{Counts: []int{3, 1, 2, 2}, D: 2, Loss: loss, LambdaW: 0.1, LambdaH: 0.02, LambdaB: 0.3}
			p.Bias = bias
			n := p.Size()
			x, v := make([]float64, n), make([]float64, n)
			for i := range x {
				x[i], v[i] = rng.NormFloat64(), rng.NormFloat64()
			}
			if got, _ := p.Value(x); math.Abs(got-brute(p, x)) > 1e-13*(1+got) {
				t.Errorf("%+v: value %v, want %v", loss, got, brute(p, x))
			}
			g, hv := make([]float64, n), make([]float64, n)
			p.Gradient(x, g)
			p.HessianVector(x, v, hv)
			const eps = 1e-5
			at := func(s float64) ([]float64, float64) {
				y := slices.Clone(x)
				floats.AddScaled(y, s, v)
				out := make([]float64, n)
				p.Gradient(y, out)
				return out, brute(p, y)
			}
			up, fu := at(eps)
			down, fd := at(-eps)
			if got, want := floats.Dot(g, v), (fu-fd)/(2*eps); math.Abs(got-want) > 1e-8*(1+math.Abs(want)) {
				t.Errorf("%+v, bias %v: slope %v, want %v", loss, bias, got, want)
			}
			for i := range hv {
				if want := (up[i] - down[i]) / (2 * eps); math.Abs(hv[i]-want) > 1e-8*(1+math.Abs(want)) {
					t.Errorf("%+v, bias %v: Hessian·v [%d] = %v, want %v", loss, bias, i, hv[i], want)
				}
			}
		}
	}
}

// TestExtremeLogits: no loss is NaN where probabilities round to 0 or 1.
func TestExtremeLogits(t *testing.T) {
	for _, loss := range losses {
		for _, z0 := range []float64{-800, -40, 40, 800} {
			z, v, s := []float64{z0, 0, 0}, []float64{1, 2, 3}, make([]float64, 3)
			f := loss.value(slices.Clone(z), 0, s)
			g := slices.Clone(z)
			loss.value(g, 0, s)
			loss.curve(slices.Clone(z), 0, v)
			for _, x := range append(append(g, v...), f) {
				if math.IsNaN(x) || math.IsInf(x, 0) {
					t.Errorf("%+v at %v: ℓ = %v, gradient %v, Hessian·v %v", loss, z0, f, g, v)
				}
			}
		}
	}
}

// TestOtherModels: what has no closed form still has a known answer.
func TestOtherModels(t *testing.T) {
	solve := func(p *Problem, seed uint64) (*Solution, *nc.Summary) {
		t.Helper()
		s, err := p.Solve(t.Context(), SolveOptions{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		if !s.Converged {
			t.Fatalf("%+v: not converged, gradient %v", p, s.GradientNorm)
		}
		sum, err := p.Measure(s.X)
		if err != nil {
			t.Fatal(err)
		}
		return s, sum
	}
	// Focal loss and MSE collapse to an ETF as well (Zhou et al. 2022).
	for _, loss := range []Loss{{Kind: Focal, Gamma: 2}, {Kind: MSE}} {
		p := &Problem{Counts: []int{3, 3, 3, 3}, D: 5, Loss: loss, LambdaW: 0.01, LambdaH: 0.002, LambdaB: 0.01}
		p.Bias = true
		a, sum := solve(p, 1)
		b, _ := solve(p, 2)
		if sum.NC1 > 1e-12 || sum.NC2 > 1e-6 || sum.NC3 > 1e-6 || math.Abs(a.Objective-b.Objective) > 1e-10 {
			t.Errorf("%+v: NC1–3 = %v, %v, %v, objectives %v, %v",
				loss, sum.NC1, sum.NC2, sum.NC3, a.Objective, b.Objective)
		}
	}
	// d < K−1: no ETF fits, the classes still collapse to their means.
	p := &Problem{Counts: []int{2, 2, 2, 2, 2}, D: 2, Loss: Loss{Kind: CE}, LambdaW: 0.005, LambdaH: 0.005}
	_, sum := solve(p, 1)
	if sum.NC1 > 1e-10 || sum.NC2 < 0.1 {
		t.Errorf("d = 2, K = 5: NC1 = %v, NC2 = %v", sum.NC1, sum.NC2)
	}
	// Minority collapse (Fang et al. 2021): with enough imbalance the classifier's vectors of
	// the rare classes fall together; with equal classes they do not.
	cosine := func(rare int) float64 {
		p := &Problem{Counts: []int{30, 30, rare, rare}, D: 5, Loss: Loss{Kind: CE}, LambdaW: 0.08, LambdaH: 0.08 / 16}
		s, _ := solve(p, 3)
		w, _, _ := p.Split(s.X)
		a, b := w[2*5:3*5], w[3*5:4*5]
		return floats.Dot(a, b) / floats.Norm(a, 2) / floats.Norm(b, 2)
	}
	if even, rare := cosine(30), cosine(1); math.Abs(even+1.0/3) > 1e-6 || rare < 0.999 {
		t.Errorf("cosine between the rare classes' vectors: %v when equal, want −1/3; %v at 1:30, want 1", even, rare)
	}
}

// TestSaddle: zero is a critical point with negative curvature exactly if s+δ < 1.
func TestSaddle(t *testing.T) {
	for _, s := range []float64{0.2, 0.6, 0.9, 1.2} {
		p := Params{K: 4, N: 2, D: 4, LambdaW: 0.01, LambdaH: 0.01, LambdaB: 0.1, Delta: 0.25}.WithS(s)
		prob := p.Problem()
		x, g := make([]float64, prob.Size()), make([]float64, prob.Size())
		prob.Gradient(x, g)
		e, err := prob.Eigenvalues(x, View{Scaled: true})
		if err != nil {
			t.Fatal(err)
		}
		if floats.Norm(g, 2) > 1e-15 || (e[0] < -1e-9) != (s+p.Delta < 1) {
			t.Errorf("s = %v: gradient %v, least eigenvalue %v", s, floats.Norm(g, 2), e[0])
		}
	}
}

// TestDescent: near the minimiser the measured rate is the predicted one, with and
// without momentum, and the best step size is the best.
func TestDescent(t *testing.T) {
	for _, delta := range []float64{0, 0.1, 0.4} {
		p := Params{K: 4, N: 2, D: 5, LambdaW: 0.01, LambdaH: 0.005, LambdaB: 0.02, Delta: delta}
		m, err := p.Minimiser()
		if err != nil {
			t.Fatal(err)
		}
		prob := p.Problem()
		start := m.Point(true)
		for i, v := range prob.Random(7) {
			start[i] += 1e-4 * v
		}
		full := m.FullHessian(FullOptions{L2: true, Bias: true, Scaled: true})
		rate, best := full.BestRate()
		if got := full.Rate(rate, 0); math.Abs(got-best) > 1e-12 {
			t.Errorf("δ = %v: factor at the best rate %v, want (κ−1)/(κ+1) = %v", delta, got, best)
		}
		for _, momentum := range []float64{0, 0.3} {
			o := DescentOptions{Rate: 0.8 * rate, Momentum: momentum, Steps: 300, Scaled: true}
			path, err := prob.Descend(t.Context(), start, o)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := path.Rate(), full.Rate(0.8*rate, momentum); math.Abs(got-want) > 0.01*(1-want)+1e-4 {
				t.Errorf("δ = %v, momentum %v: measured %v, predicted %v", delta, momentum, got, want)
			}
		}
		// One block, without the other: Eq 49 with λ_H added.
		block := m.HessianH.Plus(p.LambdaH)
		r, _ := block.BestRate()
		path, err := prob.Descend(t.Context(), start, DescentOptions{Rate: r, Steps: 200, Block: OnlyH})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := path.Rate(), block.Rate(r, 0); math.Abs(got-want) > 0.02*(1-want)+1e-3 {
			t.Errorf("δ = %v, block H: measured %v, predicted %v", delta, got, want)
		}
		w0, _, _ := prob.Split(start)
		if w1, _, _ := prob.Split(path.X); !slices.Equal(w0, w1) {
			t.Error("a descent in H moved W")
		}
	}
}

// TestSGD: SGD's mean gradient over an epoch is the gradient, a seed repeats its path, and
// it reaches the collapse from a random start.
func TestSGD(t *testing.T) {
	p := Params{K: 3, N: 4, D: 4, LambdaW: 0.01, LambdaH: 0.004, LambdaB: 0.05, Delta: 0.1}.Problem()
	x := p.Random(9)
	want, got, part := make([]float64, p.Size()), make([]float64, p.Size()), make([]float64, p.Size())
	p.Gradient(x, want)
	next := p.batches(DescentOptions{Batch: 3, Seed: 1})
	for range 4 {
		p.batchGradient(x, next(), part)
		floats.AddScaled(got, 0.25, part)
	}
	if !floats.EqualApprox(got, want, 1e-13) {
		t.Error("the batches' mean gradient is not the gradient")
	}
	o := DescentOptions{Rate: 0.001, Momentum: 0.9, Steps: 3000, Every: 500, Batch: 4, Seed: 2, Scaled: true}
	a, err := p.Descend(t.Context(), x, o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Descend(t.Context(), x, o)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a.X, b.X) {
		t.Error("the same seed gave another path")
	}
	if last := a.Rows[len(a.Rows)-1]; last.NC1 > 1e-2 || last.NC2 > 0.1 || a.Rows[0].NC1 < 0.1 {
		t.Errorf("SGD ended at %+v", last)
	}
	_, err = p.Descend(t.Context(), x, DescentOptions{Rate: 1e3, Steps: 1000, Scaled: true})
	if !errors.Is(err, ErrDiverged) {
		t.Errorf("a divergent descent: %v", err)
	}
}

// TestLanczos: at the minimiser, from products alone, every eigenvalue of the closed
// form, at a size that no dense matrix holds.
func TestLanczos(t *testing.T) {
	p := Params{K: 5, N: 400, D: 6, LambdaW: 1e-2, LambdaH: 2e-5, LambdaB: 1e-2, Delta: 0.1}
	m, err := p.Minimiser()
	if err != nil {
		t.Fatal(err)
	}
	prob := p.Problem()
	x := m.Point(true)
	for _, c := range []struct {
		view View
		want Spectrum
	}{
		{View{Scaled: true}, m.FullHessian(FullOptions{L2: true, Bias: true, Scaled: true})},
		{View{Block: OnlyH, NoL2: true}, m.HessianH},
		{View{Block: OnlyW, NoL2: true}, m.HessianW},
	} {
		ritz, err := prob.Lanczos(x, c.view, 40, 1)
		if err != nil {
			t.Fatal(err)
		}
		top := c.want[len(c.want)-1].Value
		for _, e := range c.want {
			near := math.Inf(1)
			for _, r := range ritz {
				if r.Residual < 1e-6*top {
					near = min(near, math.Abs(r.Value-e.Value))
				}
			}
			if near > 1e-8*top {
				t.Errorf("block %s: no Ritz value at %v: %v", c.view.Block, e, ritz)
			}
		}
	}
	if _, err := prob.Hessian(x, View{}); err == nil || !strings.Contains(err.Error(), "Lanczos") {
		t.Errorf("a dense Hessian of side %d: %v", prob.Size(), err)
	}
}

// TestCompare: at the minimiser, in any orientation, all errors are zero; scaled features
// are off by their scale.
func TestCompare(t *testing.T) {
	p := Params{K: 4, N: 3, D: 6, LambdaW: 1e-2, LambdaH: 1e-3, LambdaB: 1e-2, Delta: 0.05}
	m, err := p.Minimiser()
	if err != nil {
		t.Fatal(err)
	}
	prob := p.Problem()
	sol, err := prob.Solve(t.Context(), SolveOptions{Seed: 4})
	if err != nil {
		t.Fatal(err)
	}
	w, h, b := prob.Split(sol.X)
	clf := &nc.Classifier{K: p.K, D: p.D, W: w, B: b}
	c, err := Compare(clf, h, prob.Labels(), p)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range c.Pairs {
		if !(q.Relative < 1e-8) {
			t.Errorf("at the minimiser: %+v, notes %v", q, c.Notes)
		}
	}
	far := slices.Clone(h)
	floats.Scale(1.1, far)
	if c, err = Compare(clf, far, prob.Labels(), p); err != nil {
		t.Fatal(err)
	}
	a := 1.1 * m.A
	pt := math.Exp(a) / (math.Exp(a) + 3)
	if q := c.Pairs; math.Abs(q[1].Relative-0.1) > 1e-8 || math.Abs(q[2].Measured-pt) > 1e-9 ||
		math.Abs(q[3].Measured-4*pt) > 1e-7 || math.Abs(q[4].Measured-4*pt) > 1e-7 {
		t.Errorf("features scaled by 1.1: %+v", c.Pairs)
	}
	// Of any network with its samples at the class means the blocks are those of the
	// problem there, whose dense eigenvalues say what the condition numbers are.
	rng := rand.New(rand.NewPCG(71, 72))
	q := p
	q.N = 1
	one := q.Problem()
	x := one.Random(3)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	w1, h1, b1 := one.Split(x)
	if c, err = Compare(&nc.Classifier{K: q.K, D: q.D, W: w1, B: b1}, h1, one.Labels(), q); err != nil {
		t.Fatal(err)
	}
	e, err := one.Eigenvalues(x, View{Block: OnlyW, NoL2: true})
	if err != nil {
		t.Fatal(err)
	}
	if want := e[len(e)-1] / e[len(e)-9]; math.Abs(c.Pairs[4].Measured/want-1) > 1e-6 {
		t.Errorf("κ of the block in W of a random network is %v, want %v of its nine largest eigenvalues",
			c.Pairs[4].Measured, want)
	}
	y := prob.Labels()
	y[0] = 1
	if _, err := Compare(clf, h, y, p); err == nil || !strings.Contains(err.Error(), "balanced") {
		t.Errorf("unbalanced: %v", err)
	}
}

func TestProblemErrors(t *testing.T) {
	good := Problem{Counts: []int{2, 2}, D: 2, Loss: Loss{Kind: CE}, LambdaW: 0.1, LambdaH: 0.1}
	for want, change := range map[string]func(*Problem){
		"K = 1 classes":   func(p *Problem) { p.Counts = p.Counts[:1] },
		"class 1":         func(p *Problem) { p.Counts = []int{2, 0} },
		"d = 0":           func(p *Problem) { p.D = 0 },
		"λ_W = NaN":       func(p *Problem) { p.LambdaW = math.NaN() },
		"λ_H = -1":        func(p *Problem) { p.LambdaH = -1 },
		"both above 0":    func(p *Problem) { p.LambdaW = 0 },
		`unknown loss ""`: func(p *Problem) { p.Loss.Kind = "" },
		"δ = 0.1 with":    func(p *Problem) { p.Loss.Delta = 0.1 },
		"γ = 0.5":         func(p *Problem) { p.Loss = Loss{Kind: Focal, Gamma: 0.5} },
	} {
		p := good
		change(&p)
		if _, err := p.Solve(t.Context(), SolveOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for want, o := range map[string]SolveOptions{
		"want K·d + N·d":               {Start: []float64{1}},
		"number 2 of the point is NaN": {Start: []float64{1, 1, math.NaN(), 1, 1, 1, 1, 1, 1, 1, 1, 1}},
	} {
		if _, err := good.Solve(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for want, o := range map[string]DescentOptions{
		"Rate = 0": {Steps: 1}, "Momentum = 1": {Rate: 1, Momentum: 1, Steps: 1},
		"Steps = 0": {Rate: 1}, "Batch = 9": {Rate: 1, Steps: 1, Batch: 9},
	} {
		if _, err := good.Descend(t.Context(), good.Random(1), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// The error of a row is the share of samples whose largest logit is not their label's.
func TestDescentError(t *testing.T) {
	p := Params{K: 3, N: 4, D: 3, LambdaW: 1e-3, LambdaH: 1e-3, LambdaB: 1e-2}.Problem()
	path, err := p.Descend(t.Context(), p.Random(7), DescentOptions{Rate: 0.5, Steps: 2})
	if err != nil {
		t.Fatal(err)
	}
	w, h, b := p.Split(path.X)
	wrong := 0
	for i, y := range p.Labels() {
		best, most := -1, math.Inf(-1)
		for k := range p.K() {
			z := b[k]
			for j := range p.D {
				z += w[k*p.D+j] * h[i*p.D+j]
			}
			if z > most {
				best, most = k, z
			}
		}
		if best != int(y) {
			wrong++
		}
	}
	if got, want := path.Rows[2].Error, float64(wrong)/12; math.Abs(got-want) > 1e-15 || wrong == 0 {
		t.Errorf("error %v, want %v", got, want)
	}
}
