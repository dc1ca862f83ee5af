package nc

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Fork returns an accumulator for a part of the samples, to be merged into a
// later. In the first pass it is empty; in the second it shares a's means, so
// that several goroutines can each add a part. Options and classifier are a's.
func (a *Accumulator) Fork() *Accumulator {
	b := &Accumulator{Global: a.Global, k: a.k, d: a.d}
	if a.frame != nil {
		b.n, b.count, b.high, b.low = a.n, a.count, a.high, a.low // no longer written to
		b.start(a.frame)
		return b
	}
	b.count, b.high, b.low = make([]int64, a.k), make([]float64, a.k*a.d), make([]float64, a.k*a.d)
	return b
}

// Merge adds what b has seen to a; b is not changed. In the first pass b is any
// accumulator of the same K and d. The second passes of two can be merged where
// both began from the same first pass with the same classifier: as forks of one
// accumulator, or from its state (MarshalBinary). Merged parts give what the whole
// would have given, up to the rounding of the sums.
func (a *Accumulator) Merge(b *Accumulator) error {
	if a == b {
		return errors.New("nc: an accumulator cannot be merged into itself")
	}
	if a.k != b.k || a.d != b.d {
		return fmt.Errorf("nc: cannot merge K = %d, d = %d into K = %d, d = %d", b.k, b.d, a.k, a.d)
	}
	if !a.sameMeans(b) {
		return errors.New("nc: cannot merge accumulators of different passes or around different means; " +
			"merge the first passes, then BeginSecond, then Fork for the second")
	}
	if a.frame == nil {
		for i, v := range b.high {
			s, e := twoSum(a.high[i], v)
			a.high[i] = s
			a.low[i] += e + b.low[i]
		}
		for c, n := range b.count {
			a.count[c] += n
		}
		a.n += b.n
		return nil
	}
	for c := range a.k {
		a.count2[c] += b.count2[c]
		a.scatter[c].merge(b.scatter[c])
		a.within[c].merge(b.within[c])
		a.wrong[c] += b.wrong[c]
		a.misled[c] += b.misled[c]
		a.apart[c] += b.apart[c]
	}
	for i, v := range b.drift {
		a.drift[i] += v
	}
	a.n2 += b.n2
	return nil
}

// sameMeans says whether the sums of a and b are of the same pass and, in the
// second, around the same means.
func (a *Accumulator) sameMeans(b *Accumulator) bool {
	if a.frame == b.frame {
		return true
	}
	if a.frame == nil || b.frame == nil || (a.clf == nil) != (b.clf == nil) {
		return false
	}
	if a.clf != nil && !(slices.Equal(a.clf.W, b.clf.W) && slices.Equal(a.clf.B, b.clf.B)) {
		return false
	}
	return a.over == b.over && a.scale == b.scale && slices.Equal(a.count, b.count) &&
		slices.Equal(a.high, b.high) && slices.Equal(a.low, b.low)
}

// FirstPass returns an accumulator that holds a's first pass alone, for merging the
// first passes of shards whose second passes are over: of their union the means are
// others, and the second pass must be run again around them.
func (a *Accumulator) FirstPass() *Accumulator {
	return &Accumulator{
		Global: a.globalMean(), k: a.k, d: a.d, n: a.n,
		count: slices.Clone(a.count), high: slices.Clone(a.high), low: slices.Clone(a.low),
	}
}

// Classifier returns the classifier of SetClassifier, or nil.
func (a *Accumulator) Classifier() *Classifier {
	if a.frame == nil {
		return nil
	}
	return a.clf
}

// Pass returns 1 before BeginSecond and 2 after it.
func (a *Accumulator) Pass() int {
	if a.frame == nil {
		return 1
	}
	return 2
}

// N returns the number of samples of the first pass and of the second.
func (a *Accumulator) N() (first, second int64) { return a.n, a.n2 }

func (a *Accumulator) globalMean() GlobalMean {
	if a.frame != nil {
		return a.over
	}
	return a.Global
}

// Bytes estimates the memory of an accumulator of K classes and d dimensions, from
// its second pass to its summary.
func Bytes(k, d int) int64 {
	// In float64, since a wrong K may be of any size.
	return int64(min(8*(8*float64(k)*float64(d)+7*float64(k)*float64(k)+1<<20), math.MaxInt64/2))
}

// Mean returns the mean of all samples of the first pass, d numbers. It is an error
// if there is none, or if a sum overflows float64.
func (a *Accumulator) Mean() ([]float64, error) {
	if a.n == 0 {
		return nil, errors.New("nc: no samples were added")
	}
	mean := make([]float64, a.d)
	for j := range mean {
		var sum exact
		for c := range a.k {
			sum.merge(exact{a.high[c*a.d+j], a.low[c*a.d+j]})
		}
		if mean[j] = sum.value() / float64(a.n); mean[j]-mean[j] != 0 {
			return nil, fmt.Errorf("nc: the sum of dimension %d overflows float64; divide the features by a constant", j)
		}
	}
	return mean, nil
}
