package ood

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"
)

// white is a factor A (rank×d) of an inverse AᵀA.
type white struct {
	rank int
	a    []float64
}

// singular is the share of the largest eigenvalue under which one is rounding, for each dimension.
const singular = 0x1p-48

// whiten returns a factor of the inverse of s, or of its pseudo-inverse if s is singular: dimensions
// without variance are left out, and where the others are not independent, directions whose variance is
// at most d·2⁻⁴⁸ of the largest.
func whiten(s *mat.SymDense) (white, error) {
	d := s.SymmetricDim()
	if w, ok := invert(s); ok {
		return w, nil
	}
	values, vectors, err := eigen(s)
	if err != nil {
		return white{}, err
	}
	w := white{a: make([]float64, 0, d*d)}
	for i, v := range values {
		if v <= 0 || v <= values[0]*float64(d)*singular {
			break
		}
		for j := range d {
			w.a = append(w.a, vectors.At(j, d-1-i)/math.Sqrt(v))
		}
		w.rank++
	}
	return w, nil
}

// invert is whiten if the dimensions that vary are independent. They are first divided by their standard
// deviations, so that their units do not matter.
func invert(s *mat.SymDense) (white, bool) {
	d := s.SymmetricDim()
	var live []int
	for i := range d {
		if s.At(i, i) > 0 {
			live = append(live, i)
		}
	}
	r := len(live)
	if r == 0 {
		return white{}, true
	}
	unit := mat.NewSymDense(r, nil)
	for i, a := range live {
		for j := i; j < r; j++ {
			b := live[j]
			unit.SetSym(i, j, s.At(a, b)/math.Sqrt(s.At(a, a))/math.Sqrt(s.At(b, b)))
		}
	}
	var chol mat.Cholesky
	if !chol.Factorize(unit) || !(chol.Cond()*singular*float64(d) < 0.01) {
		return white{}, false
	}
	var l, inverse mat.TriDense
	chol.LTo(&l)
	if inverse.InverseTri(&l) != nil {
		return white{}, false
	}
	a := make([]float64, r*d)
	for i := range r {
		for j := range i + 1 {
			a[i*d+live[j]] = inverse.At(i, j) / math.Sqrt(s.At(live[j], live[j]))
		}
	}
	return white{r, a}, true
}

// eigen returns the eigenvalues in descending order, and eigenvectors as columns in ascending order.
func eigen(s *mat.SymDense) ([]float64, *mat.Dense, error) {
	d := s.SymmetricDim()
	var largest float64
	for i := range d {
		largest = max(largest, s.At(i, i))
	}
	_, e := math.Frexp(largest)
	scaled := mat.NewSymDense(d, nil)
	for i := range d {
		for j := i; j < d; j++ {
			// Near 1 nothing over- or underflows; gonum panics on blocks of numbers under 1e-122.
			if v := math.Ldexp(s.At(i, j), -e); math.Abs(v) > 0x1p-200 {
				scaled.SetSym(i, j, v)
			}
		}
	}
	var sym mat.EigenSym
	if !sym.Factorize(scaled, true) {
		return nil, nil, errors.New("the eigenvalues did not converge")
	}
	ascending := sym.Values(nil)
	values := make([]float64, d)
	for i, v := range ascending {
		values[d-1-i] = math.Ldexp(v, e)
	}
	var vectors mat.Dense
	sym.VectorsTo(&vectors)
	return values, &vectors, nil
}
