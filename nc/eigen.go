package nc

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// eigenvalues returns the eigenvalues of the full symmetric d×d matrix a, descending, and
// the eigenvectors of the m largest as rows, m×d. It overwrites a and returns false
// where they do not converge.
func eigenvalues(d int, a []float64, m int) (values, vectors []float64, ok bool) {
	largest := floats.Norm(a, math.Inf(1))
	if math.IsNaN(largest) || math.IsInf(largest, 0) {
		return nil, nil, false
	}
	_, e := math.Frexp(largest)
	for i, v := range a {
		// Near 1 nothing over- or underflows. What is tiny compared with the largest
		// becomes 0: gonum 0.17 panics on a block of numbers under 1e-122.
		if a[i] = math.Ldexp(v, -e); math.Abs(a[i]) < 0x1p-200 {
			a[i] = 0
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(mat.NewSymDense(d, a), m > 0) {
		return nil, nil, false
	}
	values = eigen.Values(nil)
	slices.Reverse(values)
	for i, v := range values {
		values[i] = math.Ldexp(v, e)
	}
	if m > 0 {
		var v mat.Dense
		eigen.VectorsTo(&v)
		vectors = make([]float64, m*d)
		for i := range m {
			mat.Col(vectors[i*d:(i+1)*d], d-1-i, &v)
		}
	}
	return values, vectors, true
}
