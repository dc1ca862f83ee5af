package nc

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// This file holds every bound under which a number is rounding, so that a metric whose exact value
// is 0 or undefined is 0 or undefined here too.
//
// Features count as they are stored: a float16 feature is not less exact than a float64 one, and all
// are computed in float64. There are three bounds:
//
//   - Two features, or a feature and a mean, that differ by at most rounding times their magnitude
//     are equal: a float64 that a program has written is known to one unit in its last place. A large
//     offset thus hides the differences that it has rounded away, in its own dimension alone.
//   - A sum of n products whose exact value is 0 comes out below sumError(n) times the sum of their
//     magnitudes. The worst case has n in place of 8√n; that so many roundings of independent sign
//     add up to 8√n has a probability below 1e-13 (Higham and Mary 2019).
//   - A singular value of an n×m matrix below rounding·max(n, m) times the largest is 0, as in NumPy's
//     matrix_rank; an eigenvalue of a covariance below rankTolerance times the largest is 0.
const rounding = 0x1p-52

// sumError bounds the error of a sum of n products relative to the sum of their magnitudes.
func sumError(n int) float64 { return 8 * math.Sqrt(float64(n)) * 0x1p-53 }

// rankTolerance is what an eigenvalue of a d×d covariance must be over, relative to the largest, to
// be more than rounding.
func rankTolerance(d int) float64 { return 16 * float64(d) * rounding }

// leastSingular is what a singular value of an n×m matrix must be over to be more than rounding.
func leastSingular(n, m int, largest float64) float64 { return largest * float64(max(n, m)) * rounding }

// settle returns v, or 0 where its magnitude is at most bound. A bound that overflows is none.
func settle(v, bound float64) float64 {
	if math.Abs(v) <= bound && !math.IsInf(bound, 1) {
		return 0
	}
	return v
}

// setStill makes 0 every difference from a mean that is rounding, and says whether it changed one.
// row holds unit·(h − mean).
func setStill(row, mean []float64, unit float64) (changed bool) {
	for j, v := range row {
		if v != 0 && math.Abs(v) <= rounding*unit*math.Abs(mean[j]) {
			row[j], changed = 0, true
		}
	}
	return changed
}

// sameMean says whether two class means differ by rounding alone.
func sameMean(a, b []float64) bool {
	for j, v := range a {
		if math.Abs(v-b[j]) > rounding*max(math.Abs(v), math.Abs(b[j])) {
			return false
		}
	}
	return true
}

// orthogonal is what ‖WᵀH̄‖_F must be over to be more than rounding, for a W of Frobenius norm w and
// H̄ in units of centred.
func (f *means) orthogonal(w float64) float64 {
	return w * (sumError(len(f.magnitude))*floats.Norm(f.centred, 2) + math.Sqrt(float64(len(f.norm2)))*f.noise)
}

// relativeNoise bounds the error of the centred class means relative to the shortest that is not 0,
// which is large where an offset of the features is.
func (f *means) relativeNoise() float64 {
	least := math.Inf(1)
	for _, v := range f.norm2 {
		if v > 0 {
			least = min(least, v)
		}
	}
	return f.noise / math.Sqrt(least)
}

// rankNoise bounds the norm of what rounding of the features adds to H̄: a matrix of independent
// errors has about that of one row times 1 + √(K/d).
func (f *means) rankNoise(k, d int) float64 { return f.noise * (1 + math.Sqrt(float64(k)/float64(d))) }

// differ says whether the class means differ by more than rounding of features whose squared distance
// to them is spread on average, in units of centred.
func (f *means) differ(spread float64) bool {
	return f.rank > 0 && f.longest > rounding*math.Sqrt(spread)
}

// spread is the mean squared distance of the samples to their class means, in units of centred.
func (a *Scatter) spread() (sum float64) {
	for _, e := range a.scatter {
		sum += e.value() / float64(a.n)
	}
	return sum
}

// spread is that of Scatter.
func (c *Covariance) spread() float64 {
	if c.scatter.scale == 0 {
		return 0
	}
	ratio := c.scale / c.scatter.scale
	return c.scatter.trace() / float64(c.n) * ratio * ratio
}

// stillDimensions returns the dimensions in which no sample differs from its class mean by more than
// rounding.
func (c *Covariance) stillDimensions() (still []int) {
	s := &c.scatter
	for j := range c.d {
		var bound float64
		for y, n := range c.count {
			m := rounding * s.scale * c.mean[y*c.d+j]
			bound += float64(n) * m * m
		}
		if s.sum[j*c.d+j] <= bound {
			still = append(still, j)
		}
	}
	return still
}

// within returns unit²·Σ_W as a full d×d matrix, and whether it is 0.
func (c *Covariance) within(unit float64) (m []float64, zero bool) {
	m = c.scatter.square(unit, c.n)
	still := c.stillDimensions()
	for _, j := range still {
		clear(m[j*c.d : (j+1)*c.d])
		for i := range c.d {
			m[i*c.d+j] = 0
		}
	}
	return m, len(still) == c.d
}

// allOf says whether is holds of 0…n−1.
func allOf(n int, is func(i int) bool) bool {
	for i := range n {
		if !is(i) {
			return false
		}
	}
	return true
}

// scaled returns v times unit.
func scaled(v []float64, unit float64) []float64 {
	out := slices.Clone(v)
	floats.Scale(unit, out)
	return out
}

// lengths returns the norms of the k rows of m, k×d.
func lengths(m []float64, k, d int) []float64 {
	norms := make([]float64, k)
	for i := range norms {
		norms[i] = floats.Norm(m[i*d:(i+1)*d], 2)
	}
	return norms
}
