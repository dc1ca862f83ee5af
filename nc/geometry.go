package nc

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/floats"
)

// Geometry holds the K×K matrices, row-major, that NC2 and NC3 measure, for a
// picture of them. All are J = I − 11ᵀ/K, or J·K/(K−1) for cosines, of a simplex ETF.
type Geometry struct {
	K int
	// WH is WᵀH̄·√(K−1)/‖WᵀH̄‖_F: row k is of w_k, column j of h̄_j−h_G. It is nil
	// without a classifier, and where WᵀH̄ = 0.
	WH []float64
	// CosineH and CosineW are the cosines of the h̄_k−h_G and of the w_k (nil without a
	// classifier), in [−1, 1]; those of a zero vector are NaN.
	CosineH, CosineW []float64
}

// Geometry returns the matrices for the means of BeginSecond and a classifier, which
// may be nil. It is an error before BeginSecond.
func (a *Accumulator) Geometry(c *Classifier) (*Geometry, error) {
	if a.frame == nil {
		return nil, errors.New("nc: Geometry before BeginSecond, which fixes the class means")
	}
	k, d := a.k, a.d
	g := &Geometry{K: k, CosineH: cosines(a.centred, k, d)}
	if c == nil {
		return g, nil
	}
	if err := c.check(k, d); err != nil {
		return nil, err
	}
	g.CosineW = cosines(c.W, k, d)
	wh := make([]float64, k*k)
	product(k, k, d, c.W, a.centred, wh)
	if norm := floats.Norm(wh, 2); norm > 0 && !math.IsInf(norm, 0) && k > 1 {
		floats.Scale(math.Sqrt(float64(k-1))/norm, wh)
		g.WH = wh
	}
	return g, nil
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
