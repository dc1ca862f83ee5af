package claims

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gocollapse/collapse/ufm"
)

// grid returns small models across s+δ = 1: K classes, 2 samples each, d of K and of K+2.
func grid(classes ...int) (models []ufm.Params) {
	for _, k := range classes {
		for _, d := range []int{k, k + 2} {
			for _, s := range []float64{0.02, 0.4, 0.8, 1.2} {
				for _, delta := range []float64{0, 0.05, 0.3, 0.7} {
					if math.Abs(s+delta-1) < 1e-6 {
						continue
					}
					p := ufm.Params{K: k, N: 2, D: d, LambdaW: 1e-3, LambdaH: 2e-3, LambdaB: 1e-2, Delta: delta}
					models = append(models, p.WithS(s))
				}
			}
		}
	}
	return models
}

// globalMinimiser: the gradient at the closed form is zero, and random starts end at its value with
// its Gram matrices, samples at their means and b = 0.
func globalMinimiser() finding {
	gradient, below, apart, solved := 0.0, 0.0, 0.0, 0
	for _, params := range grid(2, 3, 4) {
		m, err := params.Minimiser()
		if err != nil {
			return failed(err)
		}
		p := params.Problem()
		x := m.Point(true)
		g := make([]float64, len(x))
		f, _ := p.Gradient(x, g)
		for _, v := range g {
			gradient = max(gradient, math.Abs(v))
		}
		gradient = max(gradient, math.Abs(f-m.Objective))
		for seed := range uint64(2) {
			s, err := p.Solve(context.Background(), ufm.SolveOptions{Seed: seed})
			if err != nil {
				return failed(err)
			}
			distance, err := m.Distance(p, s.X)
			if err != nil {
				return failed(err)
			}
			below = max(below, m.Objective-s.Objective)
			apart = max(apart, distance.Max())
			solved++
		}
	}
	return computed(gradient < 1e-9 && below < 1e-9 && apart < 1e-6, gradient,
		"gradient at the closed form at most %.1g on a grid across s+δ = 1; %d random starts end no lower than it "+
			"and within %.1g of its Gram matrices, class means and b = 0", gradient, solved, apart)
}

// closedNormsFall: both norms fall strictly with δ while s+δ < 1, and are 0 after.
func closedNormsFall() finding {
	rises, pairs := 0, 0
	for _, k := range []int{2, 3, 10, 100, 1000} {
		for _, n := range []int{1, 50, 5000} {
			for _, lambda := range []float64{1e-8, 1e-6, 1e-4, 1e-2} {
				var before *ufm.Minimiser
				for i := range 20 {
					p := ufm.Params{K: k, N: n, D: k, LambdaW: lambda, LambdaH: lambda / float64(n), LambdaB: 1,
						Delta: float64(i) / 20}
					m, err := p.Minimiser()
					if err != nil {
						return failed(err)
					}
					if before != nil {
						pairs++
						falls := m.WNorm < before.WNorm && m.HNorm < before.HNorm
						zero := m.Gap <= 0 && m.WNorm == 0 && m.HNorm == 0 && before.Gap <= 0
						if !falls && !zero {
							rises++
						}
					}
					before = m
				}
			}
		}
	}
	return computed(rises == 0, float64(rises),
		"of %[2]d steps of δ on a grid of K, n and λ, %[1]d do not decrease the norms", rises, pairs)
}

// probabilities: the softmax of WᵀH at the minimiser has equal non-target entries (s+δ)/K, and its
// target falls with δ.
func probabilities() finding {
	worst, monotone := 0.0, true
	for _, k := range []int{2, 3, 10, 50} {
		for _, s := range []float64{1e-4, 0.02, 0.3, 0.6} {
			before := 1.0
			for _, delta := range []float64{0, 0.02, 0.05, 0.1, 0.2, 0.39} {
				p := ufm.Params{K: k, N: 3, D: k + 1, LambdaW: 1e-3, LambdaH: 1e-3, LambdaB: 1, Delta: delta}.WithS(s)
				m, err := p.Minimiser()
				if err != nil {
					return failed(err)
				}
				target, other, spread := softmaxAtMinimiser(m)
				worst = max(worst, spread, math.Abs(other-(s+delta)/float64(k)))
				monotone = monotone && target < before
				before = target
			}
		}
	}
	return computed(worst < 1e-9 && monotone, worst,
		"non-target probabilities equal (s+δ)/K to %.1g; the target's decreases with δ", worst)
}

// softmaxAtMinimiser returns the least target probability of a class mean, the mean non-target one,
// and the largest distance of a non-target one from that.
func softmaxAtMinimiser(m *ufm.Minimiser) (target, other, spread float64) {
	w, h := m.W(), m.Means()
	target = 1
	var others []float64
	for y := range m.K {
		z := make([]float64, m.K)
		top := math.Inf(-1)
		for j := range m.K {
			for i := range m.D {
				z[j] += w[j*m.D+i] * h[y*m.D+i]
			}
			top = max(top, z[j])
		}
		var sum float64
		for j := range z {
			z[j] = math.Exp(z[j] - top)
			sum += z[j]
		}
		for j := range z {
			if j == y {
				target = min(target, z[j]/sum)
			} else {
				others = append(others, z[j]/sum)
			}
		}
	}
	other = mean(others)
	for _, p := range others {
		spread = max(spread, math.Abs(p-other))
	}
	return target, other, spread
}

// criticalPoints: descents from many random starts reach one value, and zero, which is critical,
// has negative curvature exactly where s+δ < 1. That is no proof that no bad minimum exists.
func criticalPoints() finding {
	spread, gradient, wrong, solved := 0.0, 0.0, 0, 0
	for i, params := range grid(2, 3, 5) {
		p := params.Problem()
		zero := make([]float64, p.Size())
		g := make([]float64, p.Size())
		p.Gradient(zero, g)
		for _, v := range g {
			gradient = max(gradient, math.Abs(v))
		}
		values, err := p.Eigenvalues(zero, ufm.View{Scaled: true})
		if err != nil {
			return failed(err)
		}
		m, err := params.Minimiser()
		if err != nil {
			return failed(err)
		}
		if (values[0] < -1e-12) != (m.Gap > 0) {
			wrong++
		}
		if i%4 != 0 {
			continue
		}
		for seed := range uint64(8) {
			s, err := p.Solve(context.Background(), ufm.SolveOptions{Seed: 100 + seed})
			if err != nil {
				return failed(err)
			}
			spread = max(spread, math.Abs(s.Objective-m.Objective))
			solved++
		}
	}
	return computed(spread < 1e-6 && gradient < 1e-12 && wrong == 0, spread,
		"%d descents reach one value to %.1g; zero is critical (gradient %.1g), and has negative curvature exactly "+
			"where s+δ < 1 (exceptions: %d models); no counterexample was found, which is no proof", solved,
		spread, gradient, wrong)
}

// blocks are the two blocks of Theorem 4.2.
var blocks = []ufm.Block{ufm.OnlyW, ufm.OnlyH}

// conditionNumber: numerical Hessians of the loss at the minimiser have the condition number
// K−(K−1)(s+δ) in both blocks for K ≥ 3 and 1 for K = 2.
func conditionNumber() finding {
	worst, monotone := 0.0, true
	for _, k := range []int{2, 3, 4, 6} {
		for _, s := range []float64{0.02, 0.2, 0.5} {
			before := math.Inf(1)
			for _, delta := range []float64{0, 0.05, 0.1, 0.2, 0.4} {
				params := ufm.Params{K: k, N: 2, D: k + 1, LambdaW: 1e-3, LambdaH: 2e-3, LambdaB: 1,
					Delta: delta}.WithS(s)
				want := float64(k) - float64(k-1)*(s+delta)
				if k == 2 {
					want = 1
				}
				for _, block := range blocks {
					values, err := hessian(params, block)
					if err != nil {
						return failed(err)
					}
					top := values[len(values)-1]
					first := slices.IndexFunc(values, func(v float64) bool { return v > 1e-9*top })
					worst = max(worst, math.Abs(top/values[first]-want)/want)
				}
				monotone = monotone && (want < before || k == 2)
				before = want
			}
		}
	}
	return computed(worst < 1e-9 && monotone, worst,
		"both blocks of the numerical Hessian have κ = K−(K−1)(s+δ) to %.1g for K ≥ 3, decreasing with δ; "+
			"for K = 2 it is 1 "+
			"for every δ. It is that of the loss without penalties, on nonzero eigenvalues", worst)
}

// hessian returns the eigenvalues of a block of the loss's Hessian at the minimiser, in increasing
// order.
func hessian(params ufm.Params, block ufm.Block) ([]float64, error) {
	m, err := params.Minimiser()
	if err != nil {
		return nil, err
	}
	return params.Problem().Eigenvalues(m.Point(true), ufm.View{Block: block, NoL2: true})
}

// spectra: the eigenvalues of both blocks, with their multiplicities, are those of Eq 49 and 58.
func spectra() finding {
	worst, counted, wrong := 0.0, 0, 0
	for _, params := range grid(2, 3, 5) {
		m, err := params.Minimiser()
		if err != nil {
			return failed(err)
		}
		for i, listed := range []ufm.Spectrum{m.HessianW, m.HessianH} {
			values, err := hessian(params, blocks[i])
			if err != nil {
				return failed(err)
			}
			scale := max(1e-300, listed[len(listed)-1].Value)
			if m.Gap <= 0 {
				scale = 1
			}
			at := 0
			for _, e := range listed {
				for range e.Count {
					if at >= len(values) {
						wrong++
						break
					}
					worst = max(worst, math.Abs(values[at]-e.Value)/scale)
					at++
				}
				counted++
			}
			if at != len(values) {
				wrong++
			}
			if values[0] < -1e-9*scale {
				wrong++
			}
		}
	}
	return computed(worst < 1e-9 && wrong == 0, worst,
		"%d listed eigenvalues with their multiplicities agree with a dense eigensolver to %.1g of the largest "+
			"one; none is negative",
		counted, worst)
}

// curvatureSpread: over the nonzero eigenvalues of both blocks the ratio of largest and smallest
// falls with δ. The note has the values themselves, for the paper's parameters.
func curvatureSpread() finding {
	p := ufm.PaperParams()
	falls, text, ratio := true, "", nan
	for i, name := range []string{"W", "H"} {
		before := math.Inf(1)
		for _, delta := range []float64{0, 0.02, 0.05, 0.08, 0.1, 0.2, 0.5, 0.8} {
			p.Delta = delta
			m, err := p.Minimiser()
			if err != nil {
				return failed(err)
			}
			s := []ufm.Spectrum{m.HessianW, m.HessianH}[i]
			least, most := s[1].Value, s[len(s)-1].Value
			falls = falls && most/least < before && most > least
			before = most / least
			if delta == 0 || delta == paperDelta {
				text += fmt.Sprintf("; %s block at δ = %g: %.2g to %.2g, ratio %.2f", name, delta, least, most, before)
				ratio = before
			}
		}
	}
	return computed(falls, ratio,
		"the ratio of the largest to the smallest nonzero eigenvalue decreases with δ in both blocks; "+
			"the eigenvalues themselves may increase%s", text)
}
