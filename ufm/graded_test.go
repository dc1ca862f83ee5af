package ufm

import (
	"fmt"
	"math"
	"math/big"
	"testing"
)

// bigPenalties returns the Hessian of the penalties, and the unit of each variable.
func bigPenalties(p Params, scaled bool) (h [][]*big.Float, unit []*big.Float) {
	w, features := p.K*p.D, p.K*p.N*p.D
	size := w + features + p.K
	unit, h = make([]*big.Float, size), make([][]*big.Float, size)
	for i := range h {
		lambda := num(p.LambdaW)
		switch {
		case i >= w+features:
			lambda = num(p.LambdaB)
		case i >= w:
			lambda = num(p.LambdaH)
		}
		h[i] = make([]*big.Float, size)
		for j := range h[i] {
			h[i][j] = zero()
		}
		h[i][i] = lambda
		if unit[i] = num(1); scaled {
			unit[i] = div(num(1), bigSqrt(lambda))
		}
	}
	return h, unit
}

// bigHessian returns the Hessian of the objective at the minimiser from its definition, with all
// samples and all features, in the plain coordinates or in those of View.Scaled.
func bigHessian(p Params, scaled bool) [][]*big.Float {
	k, n, d := p.K, p.N, p.D
	metrics, _, _, _ := reference(p)
	ratio := bigSqrt(div(mul(num(float64(n)), num(p.LambdaH)), num(p.LambdaW)))
	cw, ch := bigSqrt(mul(metrics["a"], ratio)), bigSqrt(div(metrics["a"], ratio))
	frame := func(i, j int) *big.Float { // Helmert's basis
		v := div(num(1), bigSqrt(mul(num(float64(j+1)), num(float64(j+2)))))
		switch {
		case j >= k-1 || i > j+1:
			return zero()
		case i == j+1:
			return mul(v, num(-float64(j+1)))
		}
		return v
	}
	h, unit := bigPenalties(p, scaled)
	samples := num(float64(k * n))
	accumulate := func(i, j int, v *big.Float) { h[i][j] = plus(h[i][j], div(v, samples)) }
	for sample := range k * n {
		y := sample / n
		prob := func(c int) *big.Float {
			if c == y {
				return metrics["p_t"]
			}
			return metrics["p_n"]
		}
		// The logit of class c moves with row c of W, with this sample's feature and with b_c.
		type part struct {
			at   int
			move *big.Float
		}
		moves := make([][]part, k)
		for c := range k {
			for j := range d {
				moves[c] = append(moves[c], part{c*d + j, mul(ch, frame(y, j))},
					part{k*d + sample*d + j, mul(cw, frame(c, j))})
				target := div(num(p.Delta), num(float64(k)))
				if c == y {
					target = plus(target, minus(num(1), num(p.Delta)))
				}
				rest := minus(prob(c), target)
				accumulate(c*d+j, k*d+sample*d+j, rest)
				accumulate(k*d+sample*d+j, c*d+j, rest)
			}
			moves[c] = append(moves[c], part{k*d + k*n*d + c, num(1)})
		}
		for c := range k {
			for e := range k {
				curve := zero().Neg(mul(prob(c), prob(e)))
				if c == e {
					curve = plus(curve, prob(c))
				}
				for _, a := range moves[c] {
					for _, b := range moves[e] {
						accumulate(a.at, b.at, product(curve, a.move, b.move))
					}
				}
			}
		}
	}
	for i := range h {
		for j := range h {
			h[i][j] = product(h[i][j], unit[i], unit[j])
		}
	}
	return h
}

// below counts the eigenvalues below x: the negative pivots of the matrix minus x (Sylvester).
func below(h [][]*big.Float, x *big.Float) (count int) {
	a := make([][]*big.Float, len(h))
	for i := range h {
		a[i] = append([]*big.Float(nil), h[i]...)
		a[i][i] = minus(a[i][i], x)
	}
	for i := range a {
		if a[i][i].Sign() < 0 {
			count++
		}
		for r := i + 1; r < len(a); r++ {
			f := div(a[r][i], a[i][i])
			for c := i + 1; c < len(a); c++ {
				a[r][c] = minus(a[r][c], mul(f, a[i][c]))
			}
		}
	}
	return count
}

// TestFullHessianExtreme: where penalties and probabilities differ by many decades, every eigenvalue
// of the objective has its multiplicity within a relative 1e-9 in the Hessian built from its
// definition with 400 bits.
func TestFullHessianExtreme(t *testing.T) {
	for _, p := range []Params{
		{K: 3, N: 1, D: 2, LambdaW: 1e-3, LambdaH: 1e-20, LambdaB: 1e-2, Delta: 0.05},
		{K: 3, N: 2, D: 3, LambdaW: 1e-3, LambdaH: 1e-20, LambdaB: 1e-2},
		{K: 4, N: 1, D: 4, LambdaW: 1e-30, LambdaH: 1e-8, LambdaB: 1e-30, Delta: 0.1},
		{K: 4, N: 1, D: 3, LambdaW: 1e20, LambdaH: 1e-40, LambdaB: 1e20, Delta: 1e-9},
		{K: 2, N: 2, D: 2, LambdaW: 1e-25, LambdaH: 1e-5, LambdaB: 1e5, Delta: 0.3},
		{K: 3, N: 1, D: 2, LambdaW: 1, LambdaH: 1, LambdaB: 1e-20, Delta: 0.2}, // collapsed
		{K: 5, N: 1, D: 4, LambdaW: 1e-2, LambdaH: 1e-2, LambdaB: 1e-2, Delta: 0.05},
	} {
		m, err := p.Minimiser()
		if err != nil {
			t.Fatal(err)
		}
		for _, scaled := range []bool{false, true} {
			name := fmt.Sprintf("%+v scaled %t", p, scaled)
			h := bigHessian(p, scaled)
			s := m.FullHessian(FullOptions{L2: true, Bias: true, Scaled: scaled})
			if s.Size() != int64(len(h)) || s[0].Value < 0 {
				t.Fatalf("%s: spectrum %v of side %d", name, s, len(h))
			}
			var seen int64
			for _, e := range joined(s) {
				lo, hi := mul(num(e.Value), num(1-1e-9)), mul(num(e.Value), num(1+1e-9))
				if e.Value == 0 {
					lo, hi = num(-1e-9*s[1].Value), num(1e-9*s[1].Value)
				}
				if a, b := below(h, lo), below(h, hi); int64(a) != seen || int64(b) != seen+e.Count {
					t.Errorf("%s: eigenvalue %v (%d times) of %v: %d are below, %d up to it; want %d and %d", name,
						e.Value, e.Count, s, a, b, seen, seen+e.Count)
				}
				seen += e.Count
			}
		}
	}
}

// joined joins eigenvalues that differ by rounding only.
func joined(s Spectrum) (out Spectrum) {
	for _, e := range s {
		if n := len(out); n > 0 && e.Value-out[n-1].Value <= 1e-9*e.Value {
			out[n-1].Count += e.Count
			continue
		}
		out = append(out, e)
	}
	return out
}

// TestConditionsAreDefined: every condition number of a minimiser that is not zero is finite and at
// least 1, over the whole range of the penalties.
func TestConditionsAreDefined(t *testing.T) {
	penalties := []float64{MinLambda, 1e-50, 1e-20, 1e-6, 1, 1e20, MaxLambda}
	defined := 0
	for _, k := range []int{2, 3, 1000} {
		for _, lw := range penalties {
			for _, lh := range penalties {
				for _, lb := range penalties {
					for _, delta := range []float64{0, 1e-12, 0.05, 1 - 1e-12} {
						p := Params{K: k, N: 10, D: k, LambdaW: lw, LambdaH: lh, LambdaB: lb, Delta: delta}
						m, err := p.Minimiser()
						if err != nil {
							t.Fatal(err)
						}
						c := m.Conditions()
						for _, v := range []float64{c.H, c.W, c.HL2, c.WL2, c.Full, c.FullRaw} {
							if m.Gap <= 0 {
								continue
							}
							defined++
							if !(v >= 1 && !math.IsInf(v, 0)) {
								t.Fatalf("%+v: condition numbers %+v", p, c)
							}
						}
					}
				}
			}
		}
	}
	if defined < 1000 {
		t.Errorf("only %d numbers are defined", defined)
	}
}
