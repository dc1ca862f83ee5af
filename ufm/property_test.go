package ufm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// random returns parameters of a small model with s+δ at a chosen distance from 1.
func random(rng *rand.Rand) Params {
	for {
		p := Params{K: 2 + rng.IntN(5), N: 1 + rng.IntN(3)}
		p.D = p.K - 1 + rng.IntN(3)
		p.Delta = float64(rng.IntN(5)) * 0.1 * rng.Float64()
		s := math.Exp(-5*rng.Float64()) * 1.3
		lambda := s / float64(p.K) / math.Sqrt(float64(p.N)) // √(λ_W λ_H)
		tilt := math.Exp(3 * rng.NormFloat64())
		p.LambdaW, p.LambdaH, p.LambdaB = lambda*tilt, lambda/tilt, math.Exp(2*rng.NormFloat64()-4)
		if math.Abs(1-s-p.Delta) > 0.03 {
			return p
		}
	}
}

// TestAgreement: for random parameters, closed form, solver from a random start and
// numeric Hessian agree.
func TestAgreement(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	collapsed := 0
	for trial := range 240 {
		p := random(rng)
		name := fmt.Sprintf("trial %d, %+v", trial, p)
		m, err := p.Minimiser()
		if err != nil {
			t.Fatal(name, err)
		}
		if m.A == 0 {
			collapsed++
		}
		prob := p.Problem()
		prob.Bias = trial%4 != 3
		sol, err := prob.Solve(t.Context(), SolveOptions{Seed: uint64(trial)})
		if err != nil {
			t.Fatal(name, err)
		}
		dist, err := m.Distance(prob, sol.X)
		if err != nil {
			t.Fatal(name, err)
		}
		if !sol.Converged || math.Abs(dist.Objective) > 1e-10 || !(dist.Max() < 1e-6) {
			t.Errorf("%s: solver ended at %+v, gradient %.2g", name, dist, sol.GradientNorm)
		}
		x := m.Point(prob.Bias)
		objective, loss := prob.Value(x)
		if math.Abs(objective-m.Objective) > 1e-13*(1+objective) || math.Abs(loss-m.Loss) > 1e-13*(1+loss) {
			t.Errorf("%s: value at the closed form %v, %v, want %v, %v", name, objective, loss, m.Objective, m.Loss)
		}
		same(t, name+" H", prob, x, View{Block: OnlyH, NoL2: true}, m.HessianH)
		same(t, name+" W", prob, x, View{Block: OnlyW, NoL2: true}, m.HessianW)
		o := FullOptions{L2: trial%2 == 0, Bias: prob.Bias, Scaled: trial%3 == 0}
		same(t, fmt.Sprintf("%s full %+v", name, o), prob, x, View{NoL2: !o.L2, Scaled: o.Scaled}, m.FullHessian(o))
		// The numeric condition number, at the solver's point and not the closed form's.
		if m.A > 0 && p.K > 2 {
			for _, b := range []Block{OnlyH, OnlyW} {
				e, err := prob.Eigenvalues(sol.X, View{Block: b, NoL2: true})
				if err != nil {
					t.Fatal(err)
				}
				top := e[len(e)-1]
				e = slices.DeleteFunc(e, func(v float64) bool { return v < 1e-9*top })
				if k := top / e[0]; math.Abs(k-m.KappaH) > 1e-6*k {
					t.Errorf("%s: numeric κ of block %s %v, want %v", name, b, k, m.KappaH)
				}
			}
		}
	}
	if collapsed < 5 || collapsed > 100 {
		t.Errorf("%d of 240 collapsed: the draw does not cover both cases", collapsed)
	}
}

// same compares the numeric spectrum with a closed form, multiplicities included.
func same(t *testing.T, name string, p *Problem, x []float64, v View, want Spectrum) {
	t.Helper()
	got, err := p.Eigenvalues(x, v)
	if err != nil {
		t.Fatal(name, err)
	}
	if int64(len(got)) != want.Size() {
		t.Fatalf("%s: closed form has %d eigenvalues, numeric %d: %v", name, want.Size(), len(got), want)
	}
	top := math.Max(math.Abs(got[0]), math.Abs(got[len(got)-1]))
	i := 0
	for _, e := range want {
		for range e.Count {
			if math.Abs(got[i]-e.Value) > 1e-10*top {
				t.Errorf("%s: eigenvalue %d is %v, closed form %v\nnumeric %v\nclosed  %v",
					name, i, got[i], e.Value, got, want)
				return
			}
			i++
		}
	}
}
