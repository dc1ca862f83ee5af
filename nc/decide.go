package nc

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
)

// classify fills class with the classifier's decisions on the block, of equal
// logits the lowest class. W·h + b is taken as W·(h−h̄_y) + (W·h̄_y + b).
func (a *Scatter) classify(labels []int32) {
	k, d, n := a.k, a.d, len(labels)
	unit := 1 / a.scale // of a logit
	if a.single != nil {
		tiles(n, k, d, a.narrow, a.single, a.logits, func(int) int { return d })
		unit *= a.singleScale
	} else {
		product(n, k, d, a.block, a.clf.W, a.logits)
	}
	parallel(n, n*k*2, func(from, to int) {
		for i := from; i < to; i++ {
			mean := a.meanLogits[int(labels[i])*k:][:k]
			logits := a.logits[i*k : (i+1)*k]
			most := math.Inf(-1)
			a.class[i] = 0
			for c, z := range logits {
				z = z*unit + mean[c]
				logits[c] = z
				if z > most {
					most, a.class[i] = z, int32(c)
				}
			}
			if a.single != nil {
				// The last term is for numbers that underflow in float32.
				length := math.Sqrt(a.square[i])
				a.class[i] = a.settle(i, mean, logits, most-2*unit*a.longestRow*(singleError*length+0x1p-120),
					a.class[i], length)
			}
		}
	})
}

// settle returns the classifier's decision on sample i of the block, whose logits
// are known to an error: those of at least limit are computed in float64 if there
// is more than one, or all if the sample, of that length, overflows float32.
func (a *Scatter) settle(i int, mean, logits []float64, limit float64, best int32, length float64) int32 {
	all := !(length < 0x1p100)
	rivals := 0
	for _, z := range logits {
		if z >= limit {
			rivals++
		}
	}
	if rivals < 2 && !all {
		return best
	}
	most := math.Inf(-1)
	row := a.block[i*a.d : (i+1)*a.d]
	for c, z := range logits {
		if z >= limit || all {
			if z := floats.Dot(row, a.clf.W[c*a.d:(c+1)*a.d])/a.scale + mean[c]; z > most {
				most, best = z, int32(c)
			}
		}
	}
	return best
}

// NearestMean writes to out, for each of the batch's samples, the class whose training mean h̄_k is
// nearest in Euclidean distance; of equally near ones the lowest. The samples may be others than
// those of the passes, such as test samples. A NaN or an infinity is an error that names the
// sample, counted in this call.
func (a *Scatter) NearestMean(b Batch, out []int32) error {
	if len(b.wide) > 0 {
		return nearestMean(a, b.wide, out)
	}
	return nearestMean(a, b.narrow, out)
}

func nearestMean[F float32 | float64](a *Scatter, features []F, out []int32) error {
	k, d := a.k, a.d
	if len(features) != len(out)*d {
		return fmt.Errorf("nc: %d features for %d answers, want %d·d = %d (d = %d)",
			len(features), len(out), len(out), len(out)*d, d)
	}
	if err := checkFinite(d, 0, features); err != nil {
		return err
	}
	for len(out) > 0 {
		n := min(a.rows, len(out))
		a.buffers(n)
		parallel(n, n*d, func(from, to int) {
			for i := from; i < to; i++ {
				for j, x := range features[i*d : (i+1)*d] {
					a.block[i*d+j] = (float64(x) - a.global[j]) * a.scale
				}
			}
		})
		product(n, k, d, a.block, a.centred, a.dots)
		parallel(n, n*(d+4*k), func(from, to int) {
			for i := from; i < to; i++ {
				row := a.block[i*d : (i+1)*d]
				out[i] = a.nearest(row, a.dots[i*k:(i+1)*k], floats.Dot(row, row), -1)
			}
		})
		features, out = features[n*d:], out[n:]
	}
	return nil
}

// nearest returns the class whose mean is nearest to a sample x that is given
// relative to the mean of class y, or to the global mean if y < 0. square is
// ‖x‖², dots are its products with the centred means. ‖x−m_k‖² is compared
// through ‖m_k‖² − 2x·m_k; means that rounding does not let this tell apart are
// compared by the differences themselves.
func (a *Scatter) nearest(x, dots []float64, square float64, y int) int32 {
	base := a.norm2
	if y >= 0 {
		base = a.dist2[y*a.k : (y+1)*a.k]
	}
	best, least := 0, base[0]-2*dots[0]
	for c, p := range dots {
		if v := base[c] - 2*p; v < least {
			best, least = c, v
		}
	}
	limit := least + rankTolerance(a.d)/2*a.longest*(math.Sqrt(square)+a.longest)
	rivals := 0
	for c, p := range dots {
		if base[c]-2*p <= limit {
			rivals++
		}
	}
	if rivals < 2 {
		return int32(best)
	}
	closest := math.Inf(1)
	for c, p := range dots {
		if base[c]-2*p <= limit {
			if v := a.distance2(x, c, y); v < closest {
				best, closest = c, v
			}
		}
	}
	return int32(best)
}

// distance2 returns the squared distance of x, given as in nearest, to the mean
// of class c.
func (a *Scatter) distance2(x []float64, c, y int) float64 {
	m := a.centred[c*a.d : (c+1)*a.d]
	if y < 0 {
		return squaredDistance(x, m)
	}
	var s float64
	for j, own := range a.centred[y*a.d : (y+1)*a.d] {
		v := x[j] - (m[j] - own)
		s += v * v
	}
	return s
}
