package ufm

import (
	"fmt"
	"math"

	"github.com/gocollapse/collapse/internal/object"
)

// Conditions are condition numbers at the minimiser: those of Theorem 4.2, and those with the L2
// penalties and in all variables together. They are NaN where the minimiser is zero (s+δ ≥ 1).
//
// The theorem's condition numbers decrease as δ grows, with two limits. First, they are those of
// the loss without penalties, while training minimises the objective: with the penalties, the order
// of CE and LS can reverse. Second, they are taken on the non-zero eigenvalues: each block has a
// null space, in which the loss is flat, so that the condition number of the whole block is
// infinite. A penalty gives the null space the eigenvalue λ.
type Conditions struct {
	H, W     float64 // Eq 15: of the blocks of the loss
	HL2, WL2 float64 // of the blocks plus λ_H and λ_W, null space included
	// Full is that of the objective in W, H and b in the scaled coordinates of View, FullRaw the
	// same in the plain coordinates, in which a descent moves. Both take non-zero eigenvalues.
	Full, FullRaw float64
	NullH, NullW  int64  // multiplicity of the eigenvalue zero in the blocks of the loss
	Note          string // why the numbers are NaN, or ""
}

// Conditions returns the condition numbers.
func (m *Minimiser) Conditions() Conditions {
	nan := math.NaN()
	c := Conditions{
		H: m.KappaH, W: m.KappaW, HL2: nan, WL2: nan, Full: nan, FullRaw: nan,
		NullH: m.HessianH.nullity(), NullW: m.HessianW.nullity(),
	}
	if m.A == 0 {
		c.Note = m.Notes["kappa_h"]
		return c
	}
	c.HL2, c.WL2 = m.KappaHL2(), m.HessianW.Plus(m.LambdaW).Condition()
	c.Full = m.KappaFull()
	c.FullRaw = m.FullHessian(FullOptions{L2: true, Bias: true}).Condition()
	return c
}

// KappaHL2 returns Conditions.HL2.
func (m *Minimiser) KappaHL2() float64 {
	if m.A == 0 {
		return math.NaN()
	}
	return m.HessianH.Plus(m.LambdaH).Condition()
}

// KappaFull returns Conditions.Full.
func (m *Minimiser) KappaFull() float64 {
	if m.A == 0 {
		return math.NaN()
	}
	return m.FullHessian(FullOptions{L2: true, Bias: true, Scaled: true}).Condition()
}

// MarshalJSON writes the condition numbers that are not the theorem's, null where not defined.
func (c Conditions) MarshalJSON() ([]byte, error) {
	var o object.Object
	o.Field("kappa_full", object.Number(c.Full))
	o.Field("kappa_full_raw", object.Number(c.FullRaw))
	o.Field("kappa_h_l2", object.Number(c.HL2))
	o.Field("kappa_w_l2", object.Number(c.WL2))
	if c.Note != "" {
		o.Field("note", c.Note)
	}
	return o.JSON()
}

// WithS returns the parameters with λ_W and λ_H multiplied by one factor, so that s is as given
// (above 0) and the ratio of ‖W‖ and ‖H‖ does not change. The penalties may leave [MinLambda,
// MaxLambda]; AtS has the minimiser all the same.
func (p Params) WithS(s float64) Params {
	f := s / scale(float64(p.K), float64(p.N), p.LambdaW, p.LambdaH).hi
	p.LambdaW *= f
	p.LambdaH *= f
	return p
}

// AtS returns the minimiser of WithS(s), for any admissible parameters and s from 1e-8 to 1e8, and
// wherever else the closed form is in float64's range. Beyond it is an error.
func (p Params) AtS(s float64) (*Minimiser, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	q := p.WithS(s)
	const least = 1e-140 // with it the smallest eigenvalue is above 1e-300
	if !(min(q.LambdaW, q.LambdaH) >= least && max(q.LambdaW, q.LambdaH) <= 1/least) {
		return nil, fmt.Errorf("ufm: s = %v needs λ_W = %.3g and λ_H = %.3g, outside [%v, %v]",
			s, q.LambdaW, q.LambdaH, least, 1/least)
	}
	return q.minimiser(), nil
}

// A Crossing is a value of s at which the order of two losses changes.
type Crossing struct {
	S     float64 // here both condition numbers are equal
	Worse bool    // from S to the next crossing, the condition number at δ is larger than at 0
}

// Crossings returns every s at which the order of a number of the minimiser, such as a condition
// number, at δ and at 0 changes, in increasing order, for s from 1e-8 to 0.999·(1−δ) with λ_H/λ_W
// and λ_b fixed. of picks the number. first says whether δ has the larger one at s = 1e-8.
func (p Params) Crossings(of func(*Minimiser) float64) (first bool, all []Crossing, err error) {
	worse := func(logS float64) (bool, error) {
		var k [2]float64
		for i, delta := range []float64{0, p.Delta} {
			q := p
			q.Delta = delta
			m, err := q.AtS(math.Exp(logS))
			if err != nil {
				return false, err
			}
			k[i] = of(m)
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

// Small returns a model with at most n samples per class and d dimensions (at least K−1) and the
// same s, a, ‖w‖, ‖h‖, probabilities and loss at the minimiser: λ_H grows as n shrinks. Solve it
// step by step where the model itself is too large.
func (p Params) Small(n, d int) Params {
	if n < p.N {
		p.LambdaH *= float64(p.N) / float64(n)
		p.N = n
	}
	p.D = min(p.D, max(d, p.K-1))
	return p
}
