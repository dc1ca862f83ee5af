package nc

import (
	"errors"
	"math"
	"slices"
)

// Widened writes the batch's features as float64 to out, which it allocates or enlarges if it is too
// small, and returns them: B×d row-major. base is the number of the batch's first sample in its source,
// for the error that names a feature which is not a finite number.
func (b Batch) Widened(d int, base int64, out []float64) ([]float64, error) {
	out = slices.Grow(out[:0], b.numbers())[:b.numbers()]
	copy(out, b.wide)
	for i, x := range b.narrow {
		out[i] = float64(x)
	}
	if len(out)%max(d, 1) != 0 {
		return nil, errors.New("nc: the batch does not have d numbers for each sample")
	}
	return out, checkFinite(d, base, out)
}

// Numbers is how many features the batch has, B·d.
func (b Batch) Numbers() int { return b.numbers() }

// Product computes out = x·yᵀ for x n×d, y m×d and out n×m, all row-major, on all processors.
func Product(n, m, d int, x, y, out []float64) { product(n, m, d, x, y, out) }

// Means returns the class means h̄_k, K×d row-major, and the number of samples of each class. They are
// not to be written to.
func (c *Covariance) Means() (mean []float64, count []int64) { return c.mean, c.count }

// Within returns Σ_W, d×d. Its errors are those of Summary.
func (c *Covariance) Within() ([]float64, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	m, _ := c.within(1)
	for _, v := range m {
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return nil, errors.New("nc: the squares of the features overflow float64; divide the features by a " +
				"constant")
		}
	}
	return m, nil
}
