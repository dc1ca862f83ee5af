package ood

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gocollapse/collapse/internal/resample"
)

// Detection says how well a score tells in-distribution samples from others. Samples of equal score are
// accepted together.
type Detection struct {
	// AUROC is the probability that an in-distribution sample has a larger score than another one, half of
	// equal scores counted, in [0, 1].
	AUROC float64
	// AUPRIn and AUPROut are average precisions, Σ (recall_i − recall_{i−1}) precision_i over the thresholds,
	// with the in-distribution samples for positive, or the others, whose scores then are negated. In (0, 1];
	// a score without sense gives the share of the positive samples.
	AUPRIn, AUPROut float64
	// FPR95 is the share of the others that is accepted at the largest threshold that accepts at least 95 % of
	// the in-distribution samples, in [0, 1].
	FPR95 float64
}

// Metric is one number of a Detection.
type Metric struct {
	Key, Name string
	Of        func(*Detection) *float64
}

// Metrics returns the metrics in their order.
func Metrics() []Metric {
	return []Metric{
		{"auroc", "AUROC", func(d *Detection) *float64 { return &d.AUROC }},
		{"aupr_in", "AUPR in", func(d *Detection) *float64 { return &d.AUPRIn }},
		{"aupr_out", "AUPR out", func(d *Detection) *float64 { return &d.AUPROut }},
		{"fpr95", "FPR95", func(d *Detection) *float64 { return &d.FPR95 }},
	}
}

// Detect returns how well scores tell in-distribution samples from others. It is an error if there are none
// of either, or if a score is NaN.
func Detect(in, out []float64) (Detection, error) {
	if len(in) == 0 || len(out) == 0 {
		return Detection{}, errors.New("ood: want scores of in-distribution samples and of others, found none of one")
	}
	for name, v := range map[string][]float64{"in-distribution": in, "out-of-distribution": out} {
		if i := slices.IndexFunc(v, math.IsNaN); i >= 0 {
			return Detection{}, fmt.Errorf("ood: the score of %s sample %d is NaN", name, i)
		}
	}
	return newRanking(in, out).detect(nil, nil), nil
}

// ranking are two sets of scores in descending order.
type ranking struct {
	in, out []ranked
}

type ranked struct {
	score  float64
	sample int32
}

func newRanking(in, out []float64) *ranking {
	sorted := func(v []float64) []ranked {
		r := make([]ranked, len(v))
		for i, x := range v {
			r[i] = ranked{x, int32(i)}
		}
		slices.SortFunc(r, func(a, b ranked) int {
			switch {
			case a.score > b.score:
				return -1
			case a.score < b.score:
				return 1
			}
			return int(a.sample) - int(b.sample)
		})
		return r
	}
	return &ranking{sorted(in), sorted(out)}
}

// take adds the weights of the samples with this score at the start of v, and returns the rest.
func take(v []ranked, score float64, weight []uint8) (sum float64, rest []ranked) {
	for len(v) > 0 && v[0].score == score {
		if weight == nil {
			sum++
		} else {
			sum += float64(weight[v[0].sample])
		}
		v = v[1:]
	}
	return sum, v
}

// total is the sum of weights, or n without any.
func total(weight []uint8, n int) float64 {
	if weight == nil {
		return float64(n)
	}
	var sum float64
	for _, w := range weight {
		sum += float64(w)
	}
	return sum
}

// detect returns the metrics with weights of the samples; nil is 1 for all.
func (r *ranking) detect(inWeight, outWeight []uint8) (d Detection) {
	nIn, nOut := total(inWeight, len(r.in)), total(outWeight, len(r.out))
	if nIn == 0 || nOut == 0 {
		nan := math.NaN()
		return Detection{nan, nan, nan, nan}
	}
	in, out := r.in, r.out
	var accepted, wrong float64 // so far
	reached := false
	for len(in)+len(out) > 0 {
		top := math.Inf(-1)
		if len(in) > 0 {
			top = in[0].score
		}
		if len(out) > 0 {
			top = max(top, out[0].score)
		}
		var a, b float64
		a, in = take(in, top, inWeight)
		b, out = take(out, top, outWeight)
		d.AUROC += b * (accepted + a/2)
		// Of the others for positive, the threshold that takes this group and all below it.
		if b > 0 {
			d.AUPROut += b * (nOut - wrong) / (nOut - wrong + nIn - accepted)
		}
		accepted, wrong = accepted+a, wrong+b
		if a > 0 {
			d.AUPRIn += a * accepted / (accepted + wrong)
		}
		if !reached && accepted >= 0.95*nIn*(1-1e-12) {
			reached, d.FPR95 = true, wrong/nOut
		}
	}
	d.AUROC /= nIn * nOut
	d.AUPRIn /= nIn
	d.AUPROut /= nOut
	return d
}

// intervals returns the bounds of the metrics over bootstrap replicates of the samples of both sets, each
// with its own draws.
func (r *ranking) intervals(replicates int, seed int64) (low, high Detection) {
	values := make([]Detection, replicates)
	each(replicates, func(i int) {
		key := resample.Mix(resample.Mix(uint64(seed)) + uint64(i))
		draw := func(n int, key uint64) []uint8 {
			w := make([]uint8, n)
			for j := range w {
				w[j] = uint8(resample.Times(key, uint64(j)))
			}
			return w
		}
		values[i] = r.detect(draw(len(r.in), resample.Mix(key^0x696e)), draw(len(r.out), resample.Mix(key^0x6f7574)))
	})
	for _, m := range Metrics() {
		var v []float64
		for i := range values {
			if x := *m.Of(&values[i]); !math.IsNaN(x) {
				v = append(v, x)
			}
		}
		bounds := [2]float64{math.NaN(), math.NaN()}
		if len(v) > 1 {
			bounds = resample.Interval(v)
		}
		*m.Of(&low), *m.Of(&high) = bounds[0], bounds[1]
	}
	return low, high
}
