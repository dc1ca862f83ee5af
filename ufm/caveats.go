package ufm

import (
	"fmt"
	"math"
)

// Conditions are condition numbers at the minimiser, on non-zero eigenvalues: the
// theorem's, and what becomes of them with the L2 penalties and in all variables
// together. NaN where not defined.
//
// The theorem's fall as δ grows. Two things bound what that says. It is about the loss
// without its penalties, while training minimises the objective: with the
// penalties the order of CE and LS can reverse. And it is about the non-zero
// eigenvalues: each block has a null space, in which the loss is flat and the condition
// number of the whole matrix infinite; a penalty fills it with λ.
type Conditions struct {
	H, W float64 // Eq 15: the blocks of the loss
	// HL2 and WL2 are those of the blocks with λ_H and λ_W added, null space kept
	// (its eigenvalue is then λ).
	HL2, WL2 float64
	// Full is that of the objective in W, H and b, with penalties, in the scaled
	// coordinates; FullRaw the same in the plain coordinates, where descent walks.
	Full, FullRaw float64
	NullH, NullW  int64 // multiplicity of the eigenvalue zero in the blocks of the loss
}

// Conditions returns the condition numbers.
func (m *Minimiser) Conditions() Conditions {
	c := Conditions{H: m.KappaH, W: m.KappaW, HL2: m.HessianH.Plus(m.LambdaH).Condition(), WL2: m.HessianW.Plus(m.LambdaW).Condition(),
		Full:    m.FullHessian(FullOptions{L2: true, Bias: true, Scaled: true}).Condition(),
		FullRaw: m.FullHessian(FullOptions{L2: true, Bias: true}).Condition()}
	for _, s := range []struct {
		from Spectrum
		to   *int64
	}{{m.HessianH, &c.NullH}, {m.HessianW, &c.NullW}} {
		if len(s.from) > 0 && s.from[0].Value == 0 {
			*s.to = s.from[0].Count
		}
	}
	return c
}

// WithS returns the parameters with λ_W and λ_H multiplied by one factor, so that s
// is as given (above 0) and ‖W‖ and ‖H‖ keep their ratio.
func (p Params) WithS(s float64) Params {
	f := s / scale(float64(p.K), float64(p.N), p.LambdaW, p.LambdaH).hi
	p.LambdaW *= f
	p.LambdaH *= f
	return p
}

// A Crossing is a value of s at which the order of two losses changes.
type Crossing struct {
	S     float64 // here both condition numbers are equal
	Worse bool    // above S, up to the next crossing, the condition number at δ is larger than at 0
}

// Crossings returns where, as s grows from 1e-8 to 0.999·(1−δ) with the ratio λ_H/λ_W
// and λ_b fixed, the order of a condition number at δ and at 0 changes; rising. of
// picks the number. first says whether δ is the worse of the two at s = 1e-8.
func (p Params) Crossings(of func(Conditions) float64) (first bool, all []Crossing, err error) {
	if err := p.Validate(); err != nil {
		return false, nil, err
	}
	worse := func(logS float64) (bool, error) {
		var k [2]float64
		for i, delta := range []float64{0, p.Delta} {
			q := p.WithS(math.Exp(logS))
			q.Delta = delta
			m, err := q.Minimiser()
			if err != nil {
				return false, fmt.Errorf("ufm: at s = %.3g: %w", math.Exp(logS), err)
			}
			k[i] = of(m.Conditions())
		}
		return k[1] > k[0], nil
	}
	const points = 128
	from, to := math.Log(1e-8), math.Log(0.999*(1-p.Delta))
	if first, err = worse(from); err != nil {
		return false, nil, err
	}
	before := first
	for i := 1; i <= points; i++ {
		lo, hi := from+(to-from)*float64(i-1)/points, from+(to-from)*float64(i)/points
		now, err := worse(hi)
		if err != nil {
			return false, nil, err
		}
		if now == before {
			continue
		}
		for range 40 {
			mid := (lo + hi) / 2
			v, err := worse(mid)
			if err != nil {
				return false, nil, err
			}
			if v == before {
				lo = mid
			} else {
				hi = mid
			}
		}
		before = now
		all = append(all, Crossing{math.Exp(hi), now})
	}
	return first, all, nil
}

// Small returns a model with at most n samples of a class and d dimensions (at least
// K−1) that has the same minimiser up to what n and d stand for: λ_H grows as n
// shrinks, so that s, a, ‖w‖, ‖h‖, the probabilities and the loss are the same. It is
// what to solve step by step where the model itself is too large.
func (p Params) Small(n, d int) Params {
	if n < p.N {
		p.LambdaH *= float64(p.N) / float64(n)
		p.N = n
	}
	p.D = min(p.D, max(d, p.K-1))
	return p
}
