package ufm

import (
	"math"
	"math/big"
	"slices"
)

// graded returns the eigenvalues of the standard representation's block in the plain coordinates
// with L2, in increasing order, each to the relative precision of the closed form. Where penalties
// or probabilities differ by many decades, LAPACK's small eigenvalues are rounding noise of the
// large ones.
//
// The block is S·B·S, where B is that of the scaled coordinates and S has the roots of the
// penalties. B's parts are computed without cancellation, and Jacobi's rotations lose nothing with
// as many bits as the numbers span.
func (h *fullHessian) graded() []float64 {
	shape2 := h.A * float64(h.K) / h.S // e² = c² in the scaled coordinates
	most := max(h.LambdaW, h.LambdaH, h.LambdaB, 1/h.LambdaB, shape2, 1)
	least := min(h.LambdaW, h.LambdaH, h.LambdaB, h.PN*shape2, 1)
	bits := uint(256 + 2*(math.Log2(most)-math.Log2(least)))
	num := func(v float64) *big.Float { return new(big.Float).SetPrec(bits).SetFloat64(v) }
	mul := func(a, b *big.Float) *big.Float { return new(big.Float).Mul(a, b) }
	quo := func(a, b *big.Float) *big.Float { return new(big.Float).Quo(a, b) }
	add := func(a, b *big.Float) *big.Float { return new(big.Float).Add(a, b) }
	root := func(a *big.Float) *big.Float { return new(big.Float).Sqrt(a) }

	classes, one, zero := num(float64(h.K)), num(1), num(0)
	g := quo(mul(num(h.gap), num(h.sum)), classes) // g(1−g)/K
	pn := num(h.PN)
	phi := root(quo(num(float64(h.K-2)), classes))
	shape := root(quo(mul(num(h.A), classes), num(h.S)))
	eta := []*big.Float{shape, shape, zero, zero}
	omega := []*big.Float{zero, zero, quo(shape, root(classes)), quo(one, root(num(h.LambdaB)))}
	scale := []*big.Float{root(num(h.LambdaW)), root(num(h.LambdaH)), root(num(h.LambdaH)), root(num(h.LambdaB))}
	first, last := h.standardRange()
	var block [][]*big.Float
	for i := first; i < last; i++ {
		var row []*big.Float
		for j := first; j < last; j++ {
			loss := mul(pn, add(quo(mul(eta[i], eta[j]), classes), mul(omega[i], omega[j])))
			v := add(loss, mul(g, mul(add(mul(phi, eta[i]), omega[i]), add(mul(phi, eta[j]), omega[j]))))
			switch {
			case i == j:
				v = add(v, one)
			case i+j == 1:
				v = add(v, num(-1)) // √(λ_W λ_H) in these units
			}
			row = append(row, mul(v, mul(scale[i], scale[j])))
		}
		block = append(block, row)
	}
	return jacobi(block)
}

// jacobi returns the eigenvalues of a positive definite matrix, which it overwrites, in increasing
// order (Golub and Van Loan 2013, Section 8.5).
func jacobi(a [][]*big.Float) []float64 {
	bits := a[0][0].Prec()
	f := func() *big.Float { return new(big.Float).SetPrec(bits) }
	negligible := f().SetMantExp(f().SetInt64(1), -140)
	one, two := f().SetInt64(1), f().SetInt64(2)
	for range 100 {
		rotated := false
		for p := range a {
			for q := range p {
				square, bound := f().Mul(a[p][q], a[p][q]), f().Mul(a[p][p], a[q][q])
				if square.Cmp(bound.Mul(bound, negligible)) <= 0 {
					continue
				}
				rotated = true
				// t = tan of the angle, the smaller root of t² + 2θt − 1.
				theta := f().Quo(f().Sub(a[q][q], a[p][p]), f().Mul(two, a[p][q]))
				size := f().Abs(theta)
				t := f().Quo(one, size.Add(size, f().Sqrt(f().Add(f().Mul(theta, theta), one))))
				if theta.Signbit() {
					t.Neg(t)
				}
				cos := f().Quo(one, f().Sqrt(f().Add(f().Mul(t, t), one)))
				sin := f().Mul(t, cos)
				turn := f().Mul(t, a[p][q])
				a[p][p].Sub(a[p][p], turn)
				a[q][q].Add(a[q][q], turn)
				a[p][q], a[q][p] = f(), f()
				for r := range a {
					if r == p || r == q {
						continue
					}
					x, y := a[r][p], a[r][q]
					a[r][p] = f().Sub(f().Mul(cos, x), f().Mul(sin, y))
					a[r][q] = f().Add(f().Mul(sin, x), f().Mul(cos, y))
					a[p][r], a[q][r] = a[r][p], a[r][q]
				}
			}
		}
		if !rotated {
			break
		}
	}
	var values []float64
	for i := range a {
		v, _ := a[i][i].Float64()
		values = append(values, v)
	}
	slices.Sort(values)
	return values
}
