// Package resample draws bootstrap samples without a list of them. How often a replicate takes a
// sample is a function of their numbers and a seed. So batches, files and threads do not change a
// draw, and no memory of the size of the data is needed.
package resample

import (
	"fmt"
	"math"
	"slices"

	"github.com/gocollapse/collapse/internal/splitmix"
	"gonum.org/v1/gonum/stat"
)

// Level is the share of the replicates' values between the bounds of Interval.
const Level = 0.95

// MaxReplicates bounds the replicates that one may ask for: with them the ends of an interval are
// known to about a hundredth of its width.
const MaxReplicates = 100_000

// Check reports a number of replicates that is neither 0 nor from least to MaxReplicates.
func Check(replicates, least int) error {
	if replicates == 0 || replicates >= least && replicates <= MaxReplicates {
		return nil
	}
	return fmt.Errorf("%d replicates, want at least %d and at most %d, or 0 for none; 200 to 1000 are usual",
		replicates, least, MaxReplicates)
}

// Interval returns the bounds of the central share Level of the values: as many are below it as
// above. It sorts v, which must not be empty.
func Interval(v []float64) [2]float64 {
	slices.Sort(v)
	return [2]float64{
		stat.Quantile((1-Level)/2, stat.LinInterp, v, nil),
		stat.Quantile((1+Level)/2, stat.LinInterp, v, nil),
	}
}

// Times returns how often a replicate takes a sample: a draw from the Poisson distribution of mean 1,
// which for many samples equals drawing with replacement. key is the replicate's, from Mix.
func Times(key, sample uint64) int {
	u := float64(Mix(key+sample)>>11) * 0x1p-53
	p, n := math.Exp(-1), 0
	for u >= p && n < 20 {
		u -= p
		n++
		p /= float64(n)
	}
	return n
}

// Mix makes keys from a seed and numbers: Mix(Mix(seed) + replicate).
func Mix(x uint64) uint64 { return splitmix.Mix(x) }
