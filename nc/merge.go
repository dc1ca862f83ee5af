package nc

import (
	"errors"
	"fmt"
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
