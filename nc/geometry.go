package nc

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
)

// Geometry holds the K×K matrices, row-major, that NC2 and NC3 measure, for a
// picture of them. All are J = I − 11ᵀ/K, or J·K/(K−1) for cosines, of a simplex ETF.
type Geometry struct {
	K       int
	Classes []int // see Summary.Classes
	// WH is WᵀH̄·√(K−1)/‖WᵀH̄‖_F: row k is of w_k, column j of h̄_j−h_G. It is nil
	// without a classifier, and where WᵀH̄ = 0.
	WH []float64
	// CosineH and CosineW are the cosines of the h̄_k−h_G and of the w_k (nil without a
	// classifier), in [−1, 1]; those of a zero vector are NaN.
	CosineH, CosineW []float64
}

// Geometry returns the matrices of the class means and the classifier that Centre was given.
func (a *Scatter) Geometry() *Geometry {
	k, d := a.k, a.d
	centred, differ := a.centred, a.differ(a.spread())
	if !differ {
		centred = make([]float64, k*d)
	}
	g := &Geometry{K: k, Classes: a.classes, CosineH: cosines(centred, k, d)}
	c := a.clf
	if c == nil {
		return g
	}
	g.CosineW = cosines(c.W, k, d)
	wh := make([]float64, k*k)
	product(k, k, d, c.W, centred, wh)
	norm := floats.Norm(wh, 2)
	if norm > a.orthogonal(floats.Norm(c.W, 2)) && !math.IsInf(norm, 0) && k > 1 {
		floats.Scale(math.Sqrt(float64(k-1))/norm, wh)
		g.WH = wh
	}
	return g
}

// cosines returns the cosines of the k rows of m, k×d.
func cosines(m []float64, k, d int) []float64 {
	unit := make([]float64, k*d)
	for i := range k {
		row := m[i*d : (i+1)*d]
		n := floats.Norm(row, 2) // without over- or underflow
		for j, v := range row {
			unit[i*d+j] = v / n
		}
	}
	out := make([]float64, k*k)
	product(k, k, d, unit, unit, out)
	for i, v := range out {
		out[i] = max(-1, min(1, v)) // NaN stays
	}
	return out
}

// NC5 returns the orthogonality of out-of-distribution samples with the feature mean
// (d numbers); see Summary.NC5. A mean or class
// mean of zero has no direction: an error.
func (a *Scatter) NC5(mean []float64) (float64, error) {
	if len(mean) != a.d {
		return 0, fmt.Errorf("nc: the mean of the out-of-distribution samples has %d numbers, want d = %d", len(mean),
			a.d)
	}
	length := floats.Norm(mean, 2)
	if !(length > 0) || math.IsInf(length, 0) {
		return 0, fmt.Errorf("nc: the mean of the out-of-distribution samples has length %v and no direction", length)
	}
	var sum float64
	for c := range a.k {
		h := a.mean[c*a.d : (c+1)*a.d]
		n := floats.Norm(h, 2)
		if n == 0 {
			return 0, fmt.Errorf("nc: the mean of class %d is zero and has no direction", a.name(c))
		}
		var cos float64
		for j, v := range h {
			cos += v / n * (mean[j] / length)
		}
		sum += settle(min(math.Abs(cos), 1), sumError(a.d))
	}
	return sum / float64(a.k), nil
}
