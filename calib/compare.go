package calib

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gocollapse/collapse/internal/resample"
)

// Model is the calibration of one of several models.
type Model struct {
	Name   string  `json:"name"`
	Report *Report `json:"report"`
	// Difference is the ECE less that of the first model; nil for the first, or if not asked for.
	Difference *Difference `json:"ece_less_first,omitempty"`
}

// CompareModels compares the ECE of every model with that of the first, and sets Difference.
func CompareModels(models []Model, replicates int, seed int64) error {
	for i := 1; i < len(models); i++ {
		d, err := Compare(models[i].Report.Summary, models[0].Report.Summary, replicates, seed)
		if err != nil {
			return fmt.Errorf("%s compared with %s: %w", models[i].Name, models[0].Name, err)
		}
		models[i].Difference = d
	}
	return nil
}

// Difference compares the ECE of two models on the same samples.
type Difference struct {
	Replicates int        `json:"replicates"`
	Level      float64    `json:"level"`
	ECE        float64    `json:"ece"`      // ECE of the first model less that of the second
	Interval   [2]float64 `json:"interval"` // of the true difference
	// P is the share of replicates whose difference is at least as far from their mean as ECE is
	// from 0, (1+#)/(1+Replicates), where the most that the bias of a measured ECE can explain is
	// first taken off. A small P means that chance does not explain the difference.
	P float64 `json:"p"`
}

// Compare tests the difference in ECE of two models on the same samples in the same order by a
// paired bootstrap: both are measured on the same replicates, so that the noise that they share
// cancels. It is an error if the labels differ.
func Compare(a, b *Summary, replicates int, seed int64) (*Difference, error) {
	if a.N != b.N || a.labels != b.labels {
		return nil, errors.New("calib: the models were not measured on the same samples: number or labels differ")
	}
	if replicates < 2 {
		return nil, fmt.Errorf("calib: %d replicates, want at least 2", replicates)
	}
	if len(a.Bins) != len(b.Bins) {
		return nil, fmt.Errorf("calib: the first model has %d bins and the second %d, want the same number",
			len(a.Bins), len(b.Bins))
	}
	out := &Difference{
		Replicates: replicates, Level: resample.Level, ECE: a.ECE - b.ECE, P: 1,
		Interval: [2]float64{a.ECE - b.ECE, a.ECE - b.ECE},
	}
	if slices.Equal(a.signed, b.signed) {
		return out, nil
	}
	noise := [2]gapNoise{noiseOf(a.signed, len(a.Bins)), noiseOf(b.signed, len(b.Bins))}
	out.Interval = differenceInterval(a, b, noise)
	ece := func(s *Summary, r int) float64 {
		return resampled(s.signed, len(s.Bins), replicate(seed, r)).ECE()
	}
	v := make([]float64, replicates)
	each(replicates, func(r int) { v[r] = ece(a, r) - ece(b, r) })
	// Around their own mean, since the ECE of replicates has a bias.
	var mean float64
	for _, x := range v {
		mean += x / float64(replicates)
	}
	bias := noise[0].bias
	if out.ECE < 0 {
		bias = noise[1].bias
	}
	distance := max(math.Abs(out.ECE)-bias/float64(a.N), 0)
	beyond := 0
	for _, x := range v {
		if math.Abs(x-mean) >= distance {
			beyond++
		}
	}
	out.P = float64(1+beyond) / float64(1+replicates)
	return out, nil
}

// differenceInterval is the interval of the mean over samples of the terms whose sums are the two ECEs,
// as in eceInterval. Each end is moved by the most that the bias of one of them can be.
func differenceInterval(a, b *Summary, noise [2]gapNoise) [2]float64 {
	var plus, minus total
	for i, v := range a.signed {
		switch x := a.term(v) - b.term(b.signed[i]); {
		case x > 0:
			plus.add(x)
		default:
			minus.add(-x)
		}
	}
	// A term is at most 1 in size: one more stands for errors not seen yet, in either model.
	_, upper := difference(plus, minus, 1)
	_, lower := difference(minus, plus, 1)
	n := float64(a.N)
	return [2]float64{max(-lower-noise[0].bias, -n) / n, min(upper+noise[1].bias, n) / n}
}

// term is what a sample adds to Σ_m n_m|gap of bin m|: ±(correct − confidence), with the sign of its
// bin's gap.
func (s *Summary) term(signed float64) float64 {
	c := math.Abs(signed)
	t := -c
	if !math.Signbit(signed) {
		t++
	}
	if s.Bins[binOf(c, len(s.Bins))].gap() < 0 {
		return -t
	}
	return t
}
