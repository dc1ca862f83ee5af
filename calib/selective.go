package calib

import (
	"fmt"
	"math"
	"slices"
)

// RiskCoverage says how well a score tells right from wrong predictions. The samples of the largest
// score are accepted first: the coverage is the share that is accepted, the risk the share of wrong
// predictions among those. Samples of equal score count with their mean over all orders, so that the
// order of the samples does not matter.
type RiskCoverage struct {
	right, wrong []float64 // scores of right and wrong predictions, in ascending order
}

// NewRiskCoverage returns the risk and coverage of N scores; a larger score is a more confident one.
// correct[i] says whether sample i is predicted right. It is an error if the lengths differ, if there
// is no sample, or if a score is NaN.
func NewRiskCoverage(score []float64, correct []bool) (*RiskCoverage, error) {
	if len(score) != len(correct) {
		return nil, fmt.Errorf("calib: %d scores and %d outcomes, want as many", len(score), len(correct))
	}
	if len(score) == 0 {
		return nil, fmt.Errorf("calib: no samples")
	}
	for i, v := range score {
		if math.IsNaN(v) {
			return nil, fmt.Errorf("calib: score of sample %d is NaN, want a number", i)
		}
	}
	return divide(slices.Clone(score), func(i int) bool { return correct[i] }), nil
}

// divide takes over the scores and reorders them.
func divide(score []float64, correct func(i int) bool) *RiskCoverage {
	right := 0
	for i, v := range score {
		if correct(i) {
			// What lies between is wrong: its order does not matter.
			score[i], score[right] = score[right], v
			right++
		}
	}
	c := &RiskCoverage{right: score[:right], wrong: score[right:]}
	each(2, func(i int) { slices.Sort([][]float64{c.right, c.wrong}[i]) })
	return c
}

// N returns the number of samples.
func (c *RiskCoverage) N() int { return len(c.right) + len(c.wrong) }

// walk calls f for the groups of equal score, the largest first: before the group n samples with e
// wrong ones were accepted; it has m samples with w wrong ones. It ends when f returns false.
func (c *RiskCoverage) walk(f func(n, e, m, w int) bool) {
	right, wrong := c.right, c.wrong
	for len(right)+len(wrong) > 0 {
		top := math.Inf(-1)
		if len(right) > 0 {
			top = right[len(right)-1]
		}
		if len(wrong) > 0 {
			top = max(top, wrong[len(wrong)-1])
		}
		r, w := len(right), len(wrong)
		for r > 0 && right[r-1] == top {
			r--
		}
		for w > 0 && wrong[w-1] == top {
			w--
		}
		m, e := len(right)-r+len(wrong)-w, len(wrong)-w
		if !f(c.N()-len(right)-len(wrong), len(c.wrong)-len(wrong), m, e) {
			return
		}
		right, wrong = right[:r], wrong[:w]
	}
}

// AURC is the area under the risk–coverage curve, (1/N) Σ_i r_i, where r_i is the risk of the i
// samples of the largest scores (Geifman, Uziel and El-Yaniv 2019), in [0, 1]. 0 is best.
func (c *RiskCoverage) AURC() float64 {
	var sum float64
	c.walk(func(n, e, m, w int) bool {
		share := float64(w) / float64(m)
		for j := 1; j <= m; j++ {
			sum += (float64(e) + share*float64(j)) / float64(n+j)
		}
		return true
	})
	return sum / float64(c.N())
}

// EAURC is AURC less that of the best score, which accepts every right prediction before a wrong one
// (Geifman, Uziel and El-Yaniv 2019), in [0, 1]. The best AURC is summed, not approximated by
// r + (1 − r) log(1 − r): EAURC is 0 for the best score at any N.
func (c *RiskCoverage) EAURC() float64 {
	var best float64
	for j := range c.wrong {
		best += float64(j+1) / float64(len(c.right)+j+1)
	}
	return max(c.AURC()-best/float64(c.N()), 0)
}

// AUGRC is the area under the generalised risk, the share of all samples that are accepted and wrong
// (Traub et al. 2024), in [0, 1/2]: the mean over coverages of the probability of a silent failure.
// With the accuracy a and the AUROC of telling right from wrong predictions it is
// (1 − AUROC) a (1 − a) + (1 − a)²/2.
func (c *RiskCoverage) AUGRC() float64 {
	var sum float64
	c.walk(func(_, e, m, w int) bool {
		sum += float64(m) * (float64(e) + float64(w)/2) // a trapezoid
		return true
	})
	return sum / (float64(c.N()) * float64(c.N()))
}

// Risk returns the risk at a coverage: the share of wrong predictions among the fewest samples of the
// largest scores that are at least this share of all. At 0 that is one sample. It is an error if the
// coverage is not in [0, 1].
func (c *RiskCoverage) Risk(coverage float64) (risk float64, err error) {
	if !(coverage >= 0 && coverage <= 1) {
		return 0, fmt.Errorf("calib: coverage %v, want 0 to 1", coverage)
	}
	return c.risks([]float64{coverage})[0], nil
}

// risks returns the risks at coverages in ascending order.
func (c *RiskCoverage) risks(coverages []float64) []float64 {
	out := make([]float64, 0, len(coverages))
	c.walk(func(n, e, m, w int) bool {
		for len(out) < len(coverages) {
			// A coverage such as 0.07 of 100 is 7 samples although the product rounds up.
			k := max(int(math.Ceil(coverages[len(out)]*float64(c.N())*(1-1e-12))), 1)
			if k > n+m {
				break
			}
			out = append(out, (float64(e)+float64(w)/float64(m)*float64(k-n))/float64(k))
		}
		return len(out) < len(coverages)
	})
	return out
}

// Coverage returns the largest coverage, a whole number of samples, at which the risk is at most
// this. It is 0 if the risk of every number of samples is larger.
func (c *RiskCoverage) Coverage(risk float64) float64 {
	most := 0
	c.walk(func(n, e, m, w int) bool {
		share := float64(w) / float64(m)
		within := func(k int) bool { return float64(e)+share*float64(k-n) <= risk*float64(k)*(1+1e-12) }
		// Inside a group the risk moves from the risk before it to the group's share in one direction.
		if within(n + m) {
			most = n + m
			return true
		}
		lo, hi := n, n+m // lo is within, hi is not
		if !within(n + 1) {
			return true
		}
		for hi-lo > 1 {
			if mid := (lo + hi) / 2; within(mid) {
				lo = mid
			} else {
				hi = mid
			}
		}
		most = lo
		return true
	})
	return float64(most) / float64(c.N())
}
