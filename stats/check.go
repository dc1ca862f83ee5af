// Package stats holds the inference behind verdicts on the paper's claims: intervals,
// paired tests, equivalence, correction for many tests, power, rank correlation and
// two measures on curves.
//
// Every function takes plain slices and returns a small struct, or an error for input
// that is too short, not finite or without spread. No result is NaN or infinite. There is
// no bootstrap: no claim asks for one on a handful of seeds; for samples of a data set
// calib and nc/files have one.
package stats

import (
	"errors"
	"fmt"
	"math"
)

// Errors that a caller may want to tell apart; all others mean that the input is wrong.
var (
	// ErrTooFew: the data are fewer than the method needs.
	ErrTooFew = errors.New("too few values")
	// ErrNoSpread: the values are all equal (up to rounding), so that a test statistic or
	// a correlation is not defined.
	ErrNoSpread = errors.New("values without spread")
	// ErrNoOverlap: two curves have no common range.
	ErrNoOverlap = errors.New("no common range")
)

// Interval is a confidence interval: it covers the true value in a share Level of
// repeated experiments.
type Interval struct {
	Level, Low, High float64
}

// Holds reports whether the interval holds x, its ends included.
func (i Interval) Holds(x float64) bool { return i.Low <= x && x <= i.High }

// checkValues refuses fewer than least values and values that are not finite.
func checkValues(what string, v []float64, least int) error {
	for i, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("stats: %s %d of %d is %v, want a finite number", what, i+1, len(v), x)
		}
	}
	if len(v) < least {
		return fmt.Errorf("stats: %w: want at least %d of %s, found %d", ErrTooFew, least, what, len(v))
	}
	return nil
}

// checkPairs refuses slices of different lengths and what checkValues refuses.
func checkPairs(x, y []float64, least int) error {
	if len(x) != len(y) {
		return fmt.Errorf("stats: want as many values of y as of x, found %d and %d", len(y), len(x))
	}
	if err := checkValues("x", x, least); err != nil {
		return err
	}
	return checkValues("y", y, least)
}

// checkShare refuses a level, a significance level or a power outside (0, 1).
func checkShare(what string, x float64) error {
	if !(x > 0 && x < 1) {
		return fmt.Errorf("stats: %s is %v, want it between 0 and 1, ends excluded", what, x)
	}
	return nil
}

// checkFinite refuses a result that left the range of float64, although the input is finite.
func checkFinite(what string, results ...float64) error {
	for _, x := range results {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("stats: %s exceeds the range of float64; scale the values first", what)
		}
	}
	return nil
}
