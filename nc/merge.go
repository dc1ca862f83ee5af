package nc

import (
	"errors"
	"fmt"
)

// Fork returns an accumulator for a part of the samples, to be merged into a
// later. In the first pass it is empty; in the second it shares a's means, so
// that several goroutines can each add a part. Options and classifier are a's.
func (a *Accumulator) Fork() *Accumulator {
	b := &Accumulator{Global: a.Global, k: a.k, d: a.d}
	if a.frame != nil {
		b.n, b.count = a.n, a.count
		b.start(a.frame)
		return b
	}
	b.count, b.high, b.low = make([]int64, a.k), make([]float64, a.k*a.d), make([]float64, a.k*a.d)
	return b
}

// Merge adds what b has seen to a; b is not changed and of no use to a after. In
// the first pass b is any accumulator of the same K and d; the second pass can be
// merged only from a Fork of a (or of a's own origin), since the sums of another
// are around other means. Merged parts give what the whole would have given, up
// to the rounding of the sums.
func (a *Accumulator) Merge(b *Accumulator) error {
	if a == b {
		return errors.New("nc: an accumulator cannot be merged into itself")
	}
	if a.k != b.k || a.d != b.d {
		return fmt.Errorf("nc: cannot merge K = %d, d = %d into K = %d, d = %d", b.k, b.d, a.k, a.d)
	}
	if a.frame != b.frame {
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
