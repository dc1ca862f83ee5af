package nc

import (
	"fmt"
)

// Batch is some samples of a stream, B of them.
type Batch struct {
	// Labels are B numbers in 0…K−1; nil where only features are asked for.
	Labels []int32
	// Given is the class that the classifier gives each sample, B numbers, where the source of
	// the batch knows it; else nil. Measure computes it where it is needed.
	Given []int32

	narrow []float32 // B×d, or
	wide   []float64
}

// BatchOf returns a batch of features (B×d row-major) and labels (B, or nil), which it does not
// copy.
func BatchOf[F float32 | float64](features []F, labels []int32) Batch {
	b := Batch{Labels: labels}
	switch x := any(features).(type) {
	case []float32:
		b.narrow = x
	case []float64:
		b.wide = x
	}
	return b
}

// BatchRows is a good number of samples for a batch of d features: a few megabytes, whatever d.
func BatchRows(d int) int { return max(1, 1<<19/max(d, 1)) }

// numbers is how many features the batch has, B·d.
func (b Batch) numbers() int { return len(b.narrow) + len(b.wide) }

// Clear empties the batch and keeps its memory, for Append.
func (b *Batch) Clear() {
	b.narrow, b.wide, b.Labels, b.Given = b.narrow[:0], b.wide[:0], b.Labels[:0], b.Given[:0]
}

// Append appends a copy of sample i of another batch, with a label, to a batch that only Append
// has filled. All must have features of one type.
func (b *Batch) Append(from Batch, i int, label int32) {
	d := from.numbers() / len(from.Labels)
	if len(from.wide) > 0 {
		b.wide = append(b.wide, from.wide[i*d:(i+1)*d]...)
	} else {
		b.narrow = append(b.narrow, from.narrow[i*d:(i+1)*d]...)
	}
	b.Labels = append(b.Labels, label)
}

// check reports what is wrong with a batch whose first sample is number base.
func check[F float32 | float64](a *classSums, base int64, features []F, labels []int32) error {
	if len(features) != len(labels)*a.d {
		return fmt.Errorf("nc: batch has %d features for %d labels, want %d·d = %d (d = %d)",
			len(features), len(labels), len(labels), len(labels)*a.d, a.d)
	}
	for i, y := range labels {
		if y < 0 || int(y) >= a.k {
			remedy := ""
			if int(y) == a.k {
				remedy = "; if labels start at 1, subtract 1"
			}
			return fmt.Errorf("nc: label of sample %d is %d, want 0 to K−1 = %d%s", base+int64(i), y, a.k-1, remedy)
		}
	}
	return checkFinite(a.d, base, features)
}

// checkFinite names the first feature that is not a finite number.
func checkFinite[F float32 | float64](d int, base int64, features []F) error {
	bad := parallelFirst(len(features), func(from, to int) int {
		for i, x := range features[from:to] {
			if x-x != 0 { // NaN and infinities only
				return from + i
			}
		}
		return -1
	})
	if bad >= 0 {
		return fmt.Errorf("nc: feature %d of sample %d is %v; features must be finite numbers: leave such samples "+
			"out, or find where the network overflows (float16 ends at 65504)", bad%d, base+int64(bad/d), features[bad])
	}
	return nil
}
