package nc

import (
	"unsafe"

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
	tiles(n, m, d, x, y, out, func(int) int { return d })
}

// lowerProduct is product for a lower triangular y m×m, whose zeros take no time.
func lowerProduct(n, m int, x, y, out []float64) {
	if n == 0 || m == 0 {
		return
	}
	if !hasKernel {
		copy(out, x[:n*m])
		blas64.Trmm(blas.Right, blas.Trans, 1,
			blas64.Triangular{Uplo: blas.Lower, Diag: blas.NonUnit, N: m, Stride: m, Data: y},
			blas64.General{Rows: n, Cols: m, Stride: m, Data: out})
		return
	}
	tiles(n, m, m, x, y, out, func(row int) int { return min(row+1, m) })
}

// singleError bounds the error of a product in float32 by tiles, relative to the
// lengths of the two rows: over a depth, each of eight lanes rounds depth/8 times;
// the two numbers, the sum of the lanes and what is left over round some more.
const singleError = (depth/8 + 16) * 0x1p-24

const (
	// depth is how far along d a product goes before the next rows, and width how
	// many rows of y it takes: that much of y stays in the processor's second cache
	// while the rows of x pass by.
	depth = 512
	width = 60
)

// tiles computes a product by tiles of 4×3. length(j) is up to where row j of y,
// and every row before it, has numbers that count. The sums over depth are of type
// F, that of these sums is float64.
func tiles[F float32 | float64](n, m, d int, x, y []F, out []float64, length func(j int) int) {
	parallel((n+3)/4, n*m*d/16, func(from, to int) {
		var t tile[F]
		to = min(4*to, n)
		clear(out[4*from*m : to*m])
		for first := 0; first < m; first += width {
			last := min(first+width, m)
			for lo, end := 0, length(last-1); lo < end; lo += depth {
				hi := min(lo+depth, end)
				for i := 4 * from; i < to; i += 4 {
					for j := first; j < last; j += 3 {
						t.add(min(4, to-i), min(3, last-j), lo, hi, d, x[i*d:], y[j*d:], out[i*m+j:], m)
					}
				}
			}
		}
	})
}

// tile holds the twelve sums of a product of four rows with three.
type tile[F float32 | float64] struct{ sums [12]F }

// add adds the products over lo…hi of r ≤ 4 rows of x with c ≤ 3 rows of y, all d
// long, to out, whose rows are m apart.
func (t *tile[F]) add(r, c, lo, hi, d int, x, y []F, out []float64, m int) {
	// Rows that are not there are stood in for by the first; their sums are left.
	px := [4]int{0, d, 2 * d, 3 * d}
	py := [3]int{0, d, 2 * d}
	for i := r; i < 4; i++ {
		px[i] = 0
	}
	for j := c; j < 3; j++ {
		py[j] = 0
	}
	n := t.dots(lo, hi, &px, &py, x, y)
	for i := range r {
		for j := range c {
			s := t.sums[3*i+j]
			for l := lo + n; l < hi; l++ {
				s += x[px[i]+l] * y[py[j]+l]
			}
			out[i*m+j] += float64(s)
		}
	}
}

// dots sets sums to the products from lo over the part of lo…hi that the
// processor's kernel takes, and returns its length.
func (t *tile[F]) dots(lo, hi int, px *[4]int, py *[3]int, x, y []F) int {
	from := func(v []F, row int) unsafe.Pointer { return unsafe.Pointer(&v[row+lo]) }
	switch sums := any(&t.sums).(type) {
	case *[12]float64:
		if n := (hi - lo) &^ 3; n > 0 {
			dots4x3((*float64)(from(x, px[0])), (*float64)(from(x, px[1])), (*float64)(from(x, px[2])),
				(*float64)(from(x, px[3])),
				(*float64)(from(y, py[0])), (*float64)(from(y, py[1])), (*float64)(from(y, py[2])), n, sums)
			return n
		}
	case *[12]float32:
		if n := (hi - lo) &^ 7; n > 0 {
			dots4x3single((*float32)(from(x, px[0])), (*float32)(from(x, px[1])), (*float32)(from(x, px[2])),
				(*float32)(from(x, px[3])),
				(*float32)(from(y, py[0])), (*float32)(from(y, py[1])), (*float32)(from(y, py[2])), n, sums)
			return n
		}
	}
	clear(t.sums[:])
	return 0
}
