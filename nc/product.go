package nc

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// product computes out = x·yᵀ for x n×d, y m×d and out n×m, all row-major.
func product(n, m, d int, x, y, out []float64) {
	if n == 0 || m == 0 {
		return
	}
	if !hasKernel {
		blas64.Gemm(blas.NoTrans, blas.Trans, 1,
			blas64.General{Rows: n, Cols: d, Stride: d, Data: x},
			blas64.General{Rows: m, Cols: d, Stride: d, Data: y},
			0, blas64.General{Rows: n, Cols: m, Stride: m, Data: out})
		return
	}
	parallel((n+3)/4, n*m*d/16, func(from, to int) {
		to = min(4*to, n)
		clear(out[4*from*m : to*m])
		for lo := 0; lo < d; lo += depth {
			hi := min(lo+depth, d)
			for i := 4 * from; i < to; i += 4 {
				for j := 0; j < m; j += 3 {
					tile(min(4, to-i), min(3, m-j), lo, hi, d, x[i*d:], y[j*d:], out[i*m+j:], m)
				}
			}
		}
	})
}

// depth is how far along d a product goes before the next rows: that much of y's
// rows stays in the cache.
const depth = 512

// tile adds the products over lo…hi of r ≤ 4 rows of x with c ≤ 3 rows of y, all d
// long, to out, whose rows are m apart.
func tile(r, c, lo, hi, d int, x, y, out []float64, m int) {
	var sums [12]float64
	// Rows that are not there are stood in for by the first; their sums are left.
	px := [4]int{0, d, 2 * d, 3 * d}
	py := [3]int{0, d, 2 * d}
	for i := r; i < 4; i++ {
		px[i] = 0
	}
	for j := c; j < 3; j++ {
		py[j] = 0
	}
	n := (hi - lo) &^ 3
	if n > 0 {
		dots4x3(&x[px[0]+lo], &x[px[1]+lo], &x[px[2]+lo], &x[px[3]+lo], &y[py[0]+lo], &y[py[1]+lo], &y[py[2]+lo], n, &sums)
	}
	for i := range r {
		for j := range c {
			s := sums[3*i+j]
			for l := lo + n; l < hi; l++ {
				s += x[px[i]+l] * y[py[j]+l]
			}
			out[i*m+j] += s
		}
	}
}
