package calib

import (
	"math"

	"github.com/gocollapse/collapse/internal/resample"
	"gonum.org/v1/gonum/stat/distuv"
)

// tail is the probability that the truth is beyond one end of an interval.
const tail = (1 - resample.Level) / 2

// total holds Σx and Σx² of terms x ≥ 0, one for each sample. Few of them may make up most of Σx.
type total struct{ sum, squares float64 }

func (t *total) add(x float64) {
	t.sum += x
	t.squares += x * x
}

func (t *total) merge(o total) {
	t.sum += o.sum
	t.squares += o.squares
}

// unit is the size of one of the terms that make up most of the sum, Σx²/Σx.
func (t total) unit() float64 {
	if t.sum == 0 {
		return 0
	}
	return t.squares / t.sum
}

// bounds returns the interval of the mean of Σx over data sets (Fay and Feuer 1997). They take the
// number of terms for a Poisson number, whose exact bounds are quantiles of χ², and the terms may
// differ in size. The upper bound counts one more term, of size unit, so that it holds where Σx is 0.
func (t total) bounds(unit float64) (lower, upper float64) {
	quantile := func(t total, p float64) float64 {
		if t.unit() == 0 { // no term, or none whose square float64 holds
			return t.sum
		}
		return t.unit() / 2 * chiSquared(2*t.sum/t.unit(), p)
	}
	more := t
	more.add(unit)
	return quantile(t, tail), quantile(more, 1-tail)
}

// chiSquared returns the quantile of χ² with the given degrees of freedom. From 2000 on it is Wilson
// and Hilferty's approximation, there exact to 1e-6.
func chiSquared(degrees, p float64) float64 {
	if degrees < 2000 {
		return distuv.ChiSquared{K: degrees}.Quantile(p)
	}
	v := 2 / (9 * degrees)
	return degrees * math.Pow(1-v+distuv.UnitNormal.Quantile(p)*math.Sqrt(v), 3)
}

// difference returns the interval of the mean of plus less minus, which share no sample. The
// distances from the difference to its bounds are the roots of the sums of squares of the distances
// from plus and minus to theirs (Zou and Donner 2008).
func difference(plus, minus total, unit float64) (lower, upper float64) {
	plusLow, plusHigh := plus.bounds(unit)
	minusLow, minusHigh := minus.bounds(minus.unit())
	d := plus.sum - minus.sum
	return d - math.Hypot(plus.sum-plusLow, minusHigh-minus.sum),
		d + math.Hypot(plusHigh-plus.sum, minus.sum-minusLow)
}

// sure is the number of standard deviations from which on the sign of a bin's gap is known.
const sure = 3

// gapNoise describes how the gaps of bins vary over data sets. All sums are over samples.
type gapNoise struct {
	ece   float64 // Σ_m n_m|gap of bin m|
	bias  float64 // the most by which the mean of ece is above its true value
	known float64 // variance of the gaps whose sign is known
	half  float64 // variance of the sizes of the others, if they are noise
	skew  float64 // third central moment of these
	// Samples that raise and that lower Σ_m n_m|gap|, for signs under which it varies most.
	raise, lower total
}

// noiseOf measures the noise of the gaps of signed confidences in bins of equal width.
func noiseOf(signed []float64, bins int) gapNoise {
	type cell struct {
		n, model     float64 // samples, and variance of the gap if the confidences are true
		wrong, right total   // confidences of wrong samples, 1 less those of right ones
	}
	cells := make([]cell, bins)
	for _, v := range signed {
		c := math.Abs(v)
		b := &cells[binOf(c, bins)]
		b.n++
		b.model += c * (1 - c)
		if math.Signbit(v) {
			b.wrong.add(c)
		} else {
			b.right.add(1 - c)
		}
	}
	var g gapNoise
	// A size |x| of a normal x of mean 0 and variance 1 has these mean and third central moment.
	mean := math.Sqrt(2 / math.Pi)
	third := mean * (4/math.Pi - 1)
	for _, b := range cells {
		gap := b.right.sum - b.wrong.sum
		variance := max(b.wrong.squares+b.right.squares, b.model)
		g.ece += math.Abs(gap)
		known := gap*gap > sure*sure*variance
		if known {
			g.known += variance - gap*gap/b.n
		} else {
			s := math.Sqrt(variance)
			g.bias += mean * s
			g.half += (1 - mean*mean) * variance
			g.skew += third * variance * s
		}
		if gap > 0 && known {
			g.raise.merge(b.right)
			g.lower.merge(b.wrong)
		} else {
			g.raise.merge(b.wrong)
			g.lower.merge(b.right)
		}
	}
	return g
}

// eceInterval returns the interval of the true ECE in the same bins, Σ_m |E[(correct − confidence)
// in bin m]|. Measured gaps are larger on average than true ones, by at most the size of their noise.
//
// The lower bound is ECE less the 97.5 % quantile of what noise adds: the noise itself in bins whose
// sign is known, its size in the others. This is exact if the true gaps of these are 0, else lower
// than need be. The quantile is that of the first three moments (Cornish and Fisher 1938).
//
// The upper bound takes no bias off. It is that of the mean of ±(correct − confidence) by the bounds
// of Poisson numbers; one more sample of size 1 stands for errors not seen yet.
func eceInterval(signed []float64, bins int) [2]float64 {
	g := noiseOf(signed, bins)
	z := distuv.UnitNormal.Quantile(1 - tail)
	added := g.bias
	if variance := g.known + g.half; variance > 0 {
		added += z*math.Sqrt(variance) + (z*z-1)/6*g.skew/variance
	}
	_, upper := difference(g.raise, g.lower, 1)
	upper += g.ece - (g.raise.sum - g.lower.sum)
	n := float64(len(signed))
	return [2]float64{max(0, g.ece-added) / n, min(1, upper/n)}
}
