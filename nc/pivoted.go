package nc

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// A pivoted is a factorisation of a symmetric positive semidefinite matrix A
// through its rows of the largest pivots: with D the diagonal that makes A's
// diagonal 1 and P a permutation, the leading rank rows and columns of PᵀDADP are
// UᵀU. Rows whose pivot is rounding depend on the others and are left out.
type pivoted struct {
	d, rank int
	u       []float64 // d×d, upper triangular
	order   []int     // order[i] is the row of A in place i
	inverse []float64 // d, the diagonal of D; 0 where A's is
}

// factorPivoted factors the full d×d matrix a, which it overwrites.
func factorPivoted(d int, a []float64) *pivoted {
	p := &pivoted{d: d, u: a, order: make([]int, d), inverse: make([]float64, d)}
	for j := range d {
		if v := a[j*d+j]; v > 0 {
			p.inverse[j] = 1 / math.Sqrt(v)
		}
	}
	for i := range d {
		for j := range d {
			a[i*d+j] = a[i*d+j] * p.inverse[i] * p.inverse[j] // in turn, lest it overflow
		}
	}
	work := make([]float64, 2*d)
	_, p.rank, _ = lapack64.Pstrf(blas64.Symmetric{Uplo: blas.Upper, N: d, Stride: d, Data: a}, p.order,
		4*rankTolerance(d), work)
	return p
}

// pick returns the columns of m (k×d) that the factor is of, times D: k×rank.
func (p *pivoted) pick(k int, m []float64) []float64 {
	out := make([]float64, k*p.rank)
	for c := range k {
		for i := range p.rank {
			j := p.order[i]
			out[c*p.rank+i] = m[c*p.d+j] * p.inverse[j]
		}
	}
	return out
}

// solveHalf overwrites m (k×rank, of pick) with M·U⁻¹: the sum of the squares of a
// row is then xᵀA†x for a row x in the range of A.
func (p *pivoted) solveHalf(k int, m []float64) {
	p.trsm(blas.NoTrans, k, m)
}

// solve returns X (k×d) with XA = M for the rows of m (k×d) in the range of A. Of
// all X it is one that is 0 in the rows that were left out.
func (p *pivoted) solve(k int, m []float64) []float64 {
	x := p.pick(k, m)
	p.trsm(blas.NoTrans, k, x)
	p.trsm(blas.Trans, k, x)
	out := make([]float64, k*p.d)
	for c := range k {
		for i := range p.rank {
			j := p.order[i]
			out[c*p.d+j] = x[c*p.rank+i] * p.inverse[j]
		}
	}
	return out
}

func (p *pivoted) trsm(t blas.Transpose, k int, m []float64) {
	if p.rank == 0 {
		return
	}
	blas64.Trsm(blas.Right, t, 1,
		blas64.Triangular{Uplo: blas.Upper, Diag: blas.NonUnit, N: p.rank, Stride: p.d, Data: p.u},
		blas64.General{Rows: k, Cols: p.rank, Stride: p.rank, Data: m})
}
