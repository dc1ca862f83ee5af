package nc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// GlobalMean chooses h_G where the classes are not equally large.
type GlobalMean int

const (
	OverSamples GlobalMean = iota // the mean of all samples, the paper's
	OverClasses                   // the mean of the class means
)

// String returns samples or classes.
func (g GlobalMean) String() string {
	if g == OverClasses {
		return "classes"
	}
	return "samples"
}

// ParseGlobalMean returns the GlobalMean of a name, samples or classes.
func ParseGlobalMean(name string) (GlobalMean, error) {
	for _, g := range []GlobalMean{OverSamples, OverClasses} {
		if name == g.String() {
			return g, nil
		}
	}
	return 0, fmt.Errorf("nc: global mean over %q; known are samples, classes", name)
}

// maxBytes bounds what Sums and Scatter may hold, so that a wrong number of
// classes is an error and not the end of the machine.
const maxBytes = 16 << 30

// Sums is the first pass over a stream of features: the sums of each class. Centre turns them into
// class means and starts the second pass. It is not safe for concurrent use: give each goroutine
// a Fork.
//
// The sums are kept in double-double arithmetic, so that the means do not depend on the order of
// the samples, and survive an offset that is common to all features and large compared with the
// distances between classes.
type Sums struct {
	// Global chooses h_G. Centre reads it.
	Global GlobalMean

	classSums
	shared bool // with a Scatter, which needs them as they are
}

// classSums is what the first pass has seen.
type classSums struct {
	k, d    int
	classes []int // what the caller's labels are for 0…k−1, or nil for the same
	n       int64
	count   []int64   // K
	high    []float64 // K×d, class sums
	low     []float64 // K×d, what rounding took from them
}

// NewSums returns empty sums for labels 0…k−1 and features of dimension d. It is an error if k or
// d is less than 1, or if both passes would need over 16 GiB; that is O(K·d + K²).
func NewSums(k, d int) (*Sums, error) {
	if err := checkSize(k, d); err != nil {
		return nil, err
	}
	return &Sums{classSums: newClassSums(k, d)}, nil
}

func newClassSums(k, d int) classSums {
	return classSums{k: k, d: d, count: make([]int64, k), high: make([]float64, k*d), low: make([]float64, k*d)}
}

// checkSize reports K and d that are not sizes or need too much memory.
func checkSize(k, d int) error {
	if k < 1 || d < 1 {
		return fmt.Errorf("nc: want at least one class and one dimension, found K = %d, d = %d", k, d)
	}
	if need := 8 * (8*float64(k)*float64(d) + 7*float64(k)*float64(k)); need > maxBytes {
		return fmt.Errorf("nc: K = %d classes of d = %d dimensions need %.0f GiB, more than %d; are the labels class "+
			"numbers?",
			k, d, need/(1<<30), maxBytes>>30)
	}
	return nil
}

// K returns the number of classes.
func (a *classSums) K() int { return a.k }

// D returns the dimension of the features.
func (a *classSums) D() int { return a.d }

// N returns the number of samples of the first pass.
func (a *classSums) N() int64 { return a.n }

// Add takes a batch. A label out of range, a NaN or an infinity is an error that names the sample,
// counted from 0 over all batches; nothing of the batch is added then.
func (a *Sums) Add(b Batch) error {
	if len(b.wide) > 0 {
		return add(a, b.wide, b.Labels)
	}
	return add(a, b.narrow, b.Labels)
}

func add[F float32 | float64](a *Sums, features []F, labels []int32) error {
	if err := check(&a.classSums, a.n, features, labels); err != nil {
		return err
	}
	a.own()
	d := a.d
	// Each goroutine has columns of its own, so the sums do not depend on how
	// many there are.
	parallel(d, len(features), func(from, to int) {
		for i, y := range labels {
			row := features[i*d+from : i*d+to]
			high := a.high[int(y)*d+from:][:len(row)]
			low := a.low[int(y)*d+from:][:len(row)]
			for j, x := range row {
				s, e := twoSum(high[j], float64(x))
				high[j] = s
				low[j] += e
			}
		}
	})
	for _, y := range labels {
		a.count[y]++
	}
	a.n += int64(len(labels))
	return nil
}

// own makes the sums a's alone, before they change.
func (a *Sums) own() {
	if a.shared {
		a.count, a.high, a.low, a.shared = slices.Clone(a.count), slices.Clone(a.high), slices.Clone(a.low), false
	}
}

// Fork returns empty sums of the same options for a part of the samples, to be merged into a.
func (a *Sums) Fork() *Sums { return &Sums{Global: a.Global, classSums: newClassSums(a.k, a.d)} }

// Merge adds what b has seen to a; b is not changed. Merged parts give what the whole would have
// given, up to the rounding of the sums.
func (a *Sums) Merge(b *Sums) error {
	if a == b {
		return errors.New("nc: sums cannot be merged into themselves")
	}
	if err := a.sameSize(&b.classSums); err != nil {
		return err
	}
	a.own()
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

// sameSize reports parts that cannot be merged.
func (a *classSums) sameSize(b *classSums) error {
	if a.k != b.k || a.d != b.d {
		return fmt.Errorf("nc: cannot merge K = %d, d = %d into K = %d, d = %d", b.k, b.d, a.k, a.d)
	}
	return nil
}

// Mean returns the mean of all samples of the first pass, d numbers. It is an error
// if there is none, or if a sum overflows float64.
func (a *classSums) Mean() ([]float64, error) {
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
			return nil, fmt.Errorf("nc: the sum of dimension %d overflows float64; divide the features by a constant",
				j)
		}
	}
	return mean, nil
}

// checkClasses names the classes that have no sample.
func (a *classSums) checkClasses() error {
	if a.n == 0 {
		return errors.New("nc: no samples were added")
	}
	var empty []int
	for c, n := range a.count {
		if n == 0 {
			empty = append(empty, a.name(c))
		}
	}
	if empty == nil {
		return nil
	}
	if a.classes != nil {
		return &EmptyClassError{Classes: empty}
	}
	return &EmptyClassError{Classes: empty, K: a.k}
}

// EmptyClassError says which of the K classes have no sample, so that their
// means are not defined.
type EmptyClassError struct {
	Classes []int
	K       int // of labels 0…K−1; 0 where the classes are some of more
}

func (e *EmptyClassError) Error() string {
	of := ""
	if e.K > 0 {
		of = fmt.Sprintf(" of %d", e.K)
	}
	names := strings.Trim(fmt.Sprint(e.Classes[:min(len(e.Classes), 10)]), "[]")
	names = strings.ReplaceAll(names, " ", ", ")
	switch {
	case len(e.Classes) == 1:
		return fmt.Sprintf("nc: class %s%s has no sample; its mean is not defined", names, of)
	case len(e.Classes) > 10:
		return fmt.Sprintf("nc: %d%s classes have no sample (%s, …); is K right?", len(e.Classes), of, names)
	}
	return fmt.Sprintf("nc: classes %s%s have no sample; their means are not defined", names, of)
}
