package nc

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// blockRows is how many vectors an outerSum gathers before it adds their products.
const blockRows = depth

// outerSum is the d×d matrix Σ xxᵀ of a stream of vectors. It gathers them in a
// block, so that it costs the same for batches of any size.
type outerSum struct {
	d     int
	sum   []float64 // d×d: the lower triangle is scale²·Σ xxᵀ, the upper is not used
	scale float64   // power of two that brings the vectors near 1, or 0 before one that is not zero
	block []float64 // d×blockRows: row j has dimension j of the vectors
	n     int       // vectors in block
}

func newOuterSum(d int) outerSum {
	return outerSum{d: d, sum: make([]float64, d*d), block: make([]float64, d*blockRows)}
}

// outerSumBytes is the memory of an outerSum.
func outerSumBytes(d int) int64 { return 8 * (int64(d)*int64(d) + blockRows*int64(d)) }

// gather appends m ≤ blockRows − s.n rows of features to the block, row i less
// minus(i) where that is not nil.
func gather[F float32 | float64](s *outerSum, m int, features []F, minus func(i int) []float64) {
	d := s.d
	const group = 16 // rows of features and a line of block fit into the first cache
	parallel(d, m*d, func(from, to int) {
		for lo := 0; lo < m; lo += group {
			hi := min(lo+group, m)
			var rows [group][]F
			var means [group][]float64
			for i := lo; i < hi; i++ {
				rows[i-lo] = features[i*d : (i+1)*d]
				means[i-lo] = minus(i)
			}
			for j := from; j < to; j++ {
				out := s.block[j*blockRows+s.n+lo:][:hi-lo]
				for i := range out {
					v := float64(rows[i][j])
					if means[i] != nil {
						v -= means[i][j]
					}
					out[i] = v
				}
			}
		}
	})
	s.n += m
}

// flush adds the products of the block's vectors to sum and empties the block.
func (s *outerSum) flush() {
	n := s.n
	s.n = 0
	largest := s.largest(n)
	if largest == 0 {
		return
	}
	_, e := math.Frexp(largest)
	// A much larger vector than those before must not overflow: the sum is scaled
	// anew then, which by a power of two is exact.
	if unit := math.Ldexp(1, -min(max(e, -1000), 1000)); s.scale == 0 || unit < s.scale*0x1p-64 {
		s.rescale(unit)
	}
	if s.scale != 1 {
		parallel(s.d, s.d*n, func(from, to int) {
			for j := from; j < to; j++ {
				row := s.block[j*blockRows:][:n]
				for i := range row {
					row[i] *= s.scale
				}
			}
		})
	}
	s.lowerSquare(n)
}

// largest returns the largest magnitude of the block's first n vectors.
func (s *outerSum) largest(n int) float64 {
	all := make([]float64, s.d)
	parallel(s.d, s.d*n, func(from, to int) {
		for j := from; j < to; j++ {
			for _, v := range s.block[j*blockRows:][:n] {
				all[j] = max(all[j], math.Abs(v))
			}
		}
	})
	var out float64
	for _, v := range all {
		out = max(out, v)
	}
	return out
}

// rescale makes unit the scale.
func (s *outerSum) rescale(unit float64) {
	if s.scale != 0 {
		ratio := unit / s.scale
		for i := range s.sum {
			s.sum[i] = s.sum[i] * ratio * ratio
		}
	}
	s.scale = unit
}

// lowerSquare adds the products of the block's rows over n vectors to the lower
// triangle of sum.
func (s *outerSum) lowerSquare(n int) {
	d := s.d
	if !hasKernel {
		blas64.Syrk(blas.NoTrans, 1, blas64.General{Rows: d, Cols: n, Stride: blockRows, Data: s.block},
			1, blas64.Symmetric{Uplo: blas.Lower, N: d, Stride: d, Data: s.sum})
		return
	}
	groups := (d + 3) / 4
	parallel(groups, d*d*n/32, func(from, to int) {
		var t tile[float64]
		for first := 0; first < d; first += width {
			for g := from; g < to; g++ {
				// Short rows and long ones by turns, so that each goroutine has as much.
				row := g / 2
				if g%2 == 1 {
					row = groups - 1 - row
				}
				i := 4 * row
				last := min(first+width, i+4, d)
				for j := first; j < last; j += 3 {
					t.add(min(4, d-i), min(3, d-j), 0, n, blockRows, s.block[i*blockRows:], s.block[j*blockRows:],
						s.sum[i*d+j:], d)
				}
			}
		}
	})
}

// merge adds what o has seen. The block of o is flushed, which changes nothing that
// it stands for.
func (s *outerSum) merge(o *outerSum) {
	s.flush()
	o.flush()
	switch {
	case o.scale == 0:
		return
	case s.scale == 0 || o.scale < s.scale:
		s.rescale(o.scale)
	}
	ratio := s.scale / o.scale
	for i, v := range o.sum {
		s.sum[i] += v * ratio * ratio
	}
}

// trace returns the trace of scale²·Σ xxᵀ.
func (s *outerSum) trace() float64 {
	var sum float64
	for j := range s.d {
		sum += s.sum[j*s.d+j]
	}
	return sum
}

// square returns unit²·Σ xxᵀ/n as a full d×d matrix.
func (s *outerSum) square(unit float64, n int64) []float64 {
	d := s.d
	out := make([]float64, d*d)
	if s.scale == 0 {
		return out
	}
	ratio := unit / s.scale
	for i := range d {
		for j := range i + 1 {
			v := s.sum[i*d+j] / float64(n) * ratio * ratio
			out[i*d+j], out[j*d+i] = v, v
		}
	}
	return out
}
