package calib

import (
	"fmt"
	"math"
	"slices"
)

// Spread says how unequal the logits of the non-target classes are (Section 3.2: label smoothing
// makes them equal). Each sample has SD, the standard deviation (over K−2) of its K−1 non-target
// logits, and Margin, its target logit less their mean. The fields are means over samples.
type Spread struct {
	Ratio  float64 // of SD/Margin; 0 is equal logits. Misclassified samples can make it negative
	SD     float64 // ≥ 0
	Margin float64
	Note   string // why Ratio is NaN, or ""
}

// SpreadOf measures a source of logits. It is an error if there are fewer than three classes,
// where no deviation is defined, or no samples. A sample with a margin of exactly 0 makes Ratio
// NaN, one with a masked class (logit −∞) all three; Note names the sample.
func SpreadOf(src Source) (Spread, error) {
	n, k := src.Shape()
	if k < 3 {
		return Spread{}, fmt.Errorf("calib: the spread of non-target logits needs at least 3 classes, found K = %d", k)
	}
	if n == 0 {
		return Spread{}, fmt.Errorf("calib: no samples")
	}
	type sums struct {
		ratio, sd, margin float64
		zero, masked      int64 // the first sample with margin 0 or with a logit −∞, or n
	}
	total, err := reduce(src, func() *sums { return &sums{zero: n, masked: n} }, func(s *sums, r *row) {
		if slices.Contains(r.z, math.Inf(-1)) {
			s.masked = min(s.masked, r.i)
			return
		}
		sd, margin := spread(r.z, int(r.y))
		s.sd += sd
		s.margin += margin
		if margin == 0 {
			s.zero = min(s.zero, r.i)
			return
		}
		s.ratio += sd / margin
	}, func(into, from *sums) {
		into.ratio += from.ratio
		into.sd += from.sd
		into.margin += from.margin
		into.zero = min(into.zero, from.zero)
		into.masked = min(into.masked, from.masked)
	})
	if err != nil {
		return Spread{}, err
	}
	count := float64(n)
	out := Spread{Ratio: total.ratio / count, SD: total.sd / count, Margin: total.margin / count}
	switch {
	case total.masked < n:
		out = Spread{Ratio: math.NaN(), SD: math.NaN(), Margin: math.NaN()}
		out.Note = fmt.Sprintf("a class of sample %d is masked (its logit is −inf): "+
			"the spread of logits is not defined", total.masked)
	case total.zero < n:
		out.Ratio = math.NaN()
		out.Note = fmt.Sprintf("the target logit of sample %d equals the mean of the others: its ratio is not defined",
			total.zero)
	}
	return out, nil
}

// spread returns the standard deviation of the logits of the classes other than y, and the
// logit of y less their mean.
func spread(z []float64, y int) (sd, margin float64) {
	others := float64(len(z) - 1)
	var mean, square float64
	for k, v := range z {
		if k != y {
			mean += v / others
		}
	}
	for k, v := range z {
		if k != y {
			square += (v - mean) * (v - mean)
		}
	}
	return math.Sqrt(square / (others - 1)), z[y] - mean
}
