// Package resample draws bootstrap samples without a list of them: how often a
// replicate takes a sample is a function of their numbers and a seed, so that batches,
// files and threads do not change a draw and nothing of the size of the data is kept.
package resample

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Level is the share of the replicates' values between the bounds of Interval.
const Level = 0.95

// Interval returns the bounds between which the share Level of the values lies, and as
// many under as over it. It sorts v, which must not be empty.
func Interval(v []float64) [2]float64 {
	slices.Sort(v)
	return [2]float64{
		stat.Quantile((1-Level)/2, stat.LinInterp, v, nil),
		stat.Quantile((1+Level)/2, stat.LinInterp, v, nil),
	}
}

// Times returns how often a replicate takes a sample: a number of the Poisson
// distribution of mean 1, which for many samples is the draw with replacement. key is
// the replicate's, from Mix.
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

// Mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014) after one step. It
// makes keys from a seed and numbers: Mix(Mix(seed) + replicate).
func Mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
