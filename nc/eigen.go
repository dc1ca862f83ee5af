package nc

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack/gonum"
	"gonum.org/v1/gonum/mat"
)

// eigenvalues returns the eigenvalues of the full symmetric d×d matrix a, falling, and
// the eigenvectors of the m largest as rows, m×d. It overwrites a and returns false
// where they do not converge.
//
// gonum's decomposition takes most of its time in symmetric products that run on one
// core, and computes all vectors or none: at d = 2048 it takes 24 s without and minutes
// with them, on 2 cores. This is the same algorithm on this package's products, and
// gonum's is for vectors that inverse iteration does not find.
func eigenvalues(d int, a []float64, m int) (values, vectors []float64, ok bool) {
	largest := floats.Norm(a, math.Inf(1))
	if math.IsNaN(largest) || math.IsInf(largest, 0) {
		return nil, nil, false
	}
	if largest == 0 {
		vectors = make([]float64, m*d)
		for i := range m {
			vectors[i*d+i] = 1
		}
		return make([]float64, d), vectors, true
	}
	// Near 1 nothing over- or underflows.
	_, e := math.Frexp(largest)
	for i, v := range a {
		a[i] = math.Ldexp(v, -e)
	}
	work := a
	if m > 0 {
		work = slices.Clone(a) // for the check of the vectors
	}
	r := reduce(d, work)
	if values, ok = r.values(); !ok {
		return nil, nil, false
	}
	if m > 0 {
		vectors = r.vectors(values[:m])
		if vectors == nil || !eigenpairs(d, a, values[:m], vectors) {
			var eigen mat.EigenSym
			if !eigen.Factorize(mat.NewSymDense(d, a), true) {
				return nil, nil, false
			}
			var v mat.Dense
			eigen.VectorsTo(&v)
			vectors = make([]float64, m*d)
			for i := range m {
				mat.Col(vectors[i*d:(i+1)*d], d-1-i, &v)
			}
		}
	}
	for i, v := range values {
		values[i] = math.Ldexp(v, e)
	}
	return values, vectors, true
}

// eigenpairs says whether the rows of vectors are orthonormal eigenvectors of a.
func eigenpairs(d int, a, values, vectors []float64) bool {
	m := len(values)
	limit := 64 * float64(d) * 0x1p-52
	gram, image := make([]float64, m*m), make([]float64, m*d)
	product(m, m, d, vectors, vectors, gram)
	for i := range m {
		gram[i*m+i]--
	}
	product(m, d, d, vectors, a, image)
	for i, v := range values {
		floats.AddScaled(image[i*d:(i+1)*d], -v, vectors[i*d:(i+1)*d])
		if !(floats.Norm(image[i*d:(i+1)*d], 2) <= limit*math.Abs(values[0])) {
			return false
		}
	}
	return floats.Norm(gram, math.Inf(1)) <= limit
}

// tridiagonal is QᵀAQ of a symmetric matrix A, with Q a product of reflections
// I − τ v vᵀ (Golub and Van Loan, Matrix Computations, Sec. 8.3.1).
type tridiagonal struct {
	d          int
	diag, off  []float64
	reflectors []float64 // d×d: v of column c is in row c, from c+1 on
	tau        []float64
}

// panel is how many columns reduce takes before it updates the rest of the matrix.
const panel = 32

// reduce makes a tridiagonal, overwriting it with the reflectors. Within a panel the
// rest of the matrix stays as it was: A − Σ(v wᵀ + w vᵀ) is used in its place.
func reduce(d int, a []float64) *tridiagonal {
	r := &tridiagonal{d: d, diag: make([]float64, d), off: make([]float64, d), reflectors: a, tau: make([]float64, d)}
	vs, ws := make([]float64, panel*d), make([]float64, panel*d) // rows, zero where they do not reach
	left, right := make([]float64, d*2*panel), make([]float64, d*2*panel)
	for start := 0; start < d; start += panel {
		n := min(panel, d-start)
		clear(vs)
		clear(ws)
		for i := range n {
			c := start + i
			x := a[c*d+c : (c+1)*d] // column c, as row c
			for l := range i {
				floats.AddScaled(x, -ws[l*d+c], vs[l*d+c:(l+1)*d])
				floats.AddScaled(x, -vs[l*d+c], ws[l*d+c:(l+1)*d])
			}
			r.diag[c] = x[0]
			if c == d-1 {
				break
			}
			v, w := x[1:], ws[i*d+c+1:(i+1)*d]
			r.off[c], r.tau[c] = reflector(v)
			copy(vs[i*d+c+1:], v)
			if r.tau[c] == 0 {
				continue
			}
			symmetricProduct(d, c+1, a, v, w)
			for l := range i {
				vl, wl := vs[l*d+c+1:(l+1)*d], ws[l*d+c+1:(l+1)*d]
				p, q := floats.Dot(wl, v), floats.Dot(vl, v)
				floats.AddScaled(w, -p, vl)
				floats.AddScaled(w, -q, wl)
			}
			floats.Scale(r.tau[c], w)
			floats.AddScaled(w, -r.tau[c]/2*floats.Dot(w, v), v)
		}
		end := start + n
		for j := end; j < d; j++ {
			for l := range n {
				v, w := vs[l*d+j], ws[l*d+j]
				left[j*2*panel+l], left[j*2*panel+panel+l] = -v, -w
				right[j*2*panel+l], right[j*2*panel+panel+l] = w, v
			}
		}
		rest := d - end
		if rest == 0 {
			break
		}
		if !hasKernel {
			of := func(m []float64) blas64.General {
				return blas64.General{Rows: rest, Cols: 2 * panel, Stride: 2 * panel, Data: m[end*2*panel:]}
			}
			blas64.Gemm(blas.NoTrans, blas.Trans, 1, of(left), of(right), 1, blas64.General{Rows: rest, Cols: rest, Stride: d, Data: a[end*d+end:]})
			continue
		}
		parallel((rest+3)/4, rest*rest*n/8, func(from, to int) {
			var t tile[float64]
			for i := end + 4*from; i < min(end+4*to, d); i += 4 {
				for j := end; j < d; j += 3 {
					t.add(min(4, d-i), min(3, d-j), 0, 2*panel, 2*panel, left[i*2*panel:], right[j*2*panel:], a[i*d+j:], d)
				}
			}
		})
	}
	return r
}

// reflector overwrites x with v, v[0] = 1, such that (I − τ v vᵀ)x = (beta, 0, …).
func reflector(x []float64) (beta, tau float64) {
	rest := 0.0
	if len(x) > 1 {
		rest = floats.Norm(x[1:], 2)
	}
	alpha := x[0]
	x[0] = 1
	if rest == 0 {
		return alpha, 0
	}
	beta = -math.Copysign(math.Hypot(alpha, rest), alpha)
	floats.Scale(1/(alpha-beta), x[1:])
	return beta, (beta - alpha) / beta
}

// symmetricProduct sets w to the product of v with the rows and columns of a from
// first on.
func symmetricProduct(d, first int, a, v, w []float64) {
	n := d - first
	if !hasKernel {
		blas64.Gemv(blas.NoTrans, 1, blas64.General{Rows: n, Cols: n, Stride: d, Data: a[first*d+first:]},
			blas64.Vector{N: n, Inc: 1, Data: v}, 0, blas64.Vector{N: n, Inc: 1, Data: w})
		return
	}
	clear(w)
	parallel((n+3)/4, n*n, func(from, to int) {
		var t tile[float64]
		for i := 4 * from; i < min(4*to, n); i += 4 {
			t.add(min(4, n-i), 1, 0, n, d, a[(first+i)*d+first:], v, w[i:], 1)
		}
	})
}

// values returns all eigenvalues, falling.
func (r *tridiagonal) values() ([]float64, bool) {
	values, off := slices.Clone(r.diag), slices.Clone(r.off)
	// Dsterf of gonum 0.17 panics on a block of numbers that are all under 1e-122.
	for _, v := range [][]float64{values, off} {
		for i, x := range v {
			if math.Abs(x) < 0x1p-200 {
				v[i] = 0
			}
		}
	}
	if !(gonum.Implementation{}).Dsterf(r.d, values, off) {
		return nil, false
	}
	slices.Reverse(values)
	return values, true
}

// vectors returns the eigenvectors of A for some eigenvalues, falling, by inverse
// iteration on the tridiagonal matrix, or nil where a system is singular.
func (r *tridiagonal) vectors(values []float64) []float64 {
	d, m := r.d, len(values)
	norm := 0.0
	for i := range d {
		norm = max(norm, math.Abs(r.diag[i])+math.Abs(r.off[i]))
		if i > 0 {
			norm = max(norm, math.Abs(r.off[i-1]))
		}
	}
	out := make([]float64, m*d)
	lower, diag, upper := make([]float64, d), make([]float64, d), make([]float64, d)
	rng := rand.New(rand.NewPCG(1, 1))
	shift := math.Inf(1)
	for i, value := range values {
		z := out[i*d : (i+1)*d]
		for j := range z {
			z[j] = rng.Float64() - 0.5
		}
		// Equal eigenvalues are set apart, or their vectors would be the same. Off an
		// eigenvalue by a rounding the system is not singular.
		shift = min(value+0x1p-52*norm, shift-2*0x1p-52*norm)
		for range 4 {
			copy(lower, r.off)
			copy(upper, r.off)
			for j, v := range r.diag {
				diag[j] = v - shift
			}
			if !(gonum.Implementation{}).Dgtsv(d, 1, lower[:d-1], diag, upper[:d-1], z, 1) {
				return nil
			}
			size := floats.Norm(z, math.Inf(1))
			if !(size > 0) || math.IsInf(size, 0) {
				return nil
			}
			floats.Scale(1/size, z)
			for range 2 {
				for l := i - 1; l >= 0 && values[l]-value < 1e-2*norm; l-- {
					other := out[l*d : (l+1)*d]
					floats.AddScaled(z, -floats.Dot(z, other), other)
				}
			}
			floats.Scale(1/floats.Norm(z, 2), z)
		}
	}
	// Q times each of them.
	parallel(m, m*d*d, func(from, to int) {
		for i := from; i < to; i++ {
			z := out[i*d : (i+1)*d]
			for c := d - 2; c >= 0; c-- {
				if v := r.reflectors[c*d+c+1 : (c+1)*d]; r.tau[c] != 0 {
					floats.AddScaled(z[c+1:], -r.tau[c]*floats.Dot(v, z[c+1:]), v)
				}
			}
		}
	})
	return out
}
