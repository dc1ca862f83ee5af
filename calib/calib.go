// Package calib measures calibration: whether the probabilities of a classifier are the
// frequencies with which it is right. It computes the errors, scalings, intervals and tests of
// Sections 3.3 and B.5 of the paper.
//
// N samples of K classes have logits z ∈ ℝ^K and probabilities p = softmax(z). The confidence of
// a sample is max_k p_k; its prediction is the class of the largest logit, the lowest class if
// several are equal. Logits are N×K row-major, labels 0…K−1, logarithms natural. Bins of equal
// width are (lo, hi] over [0, 1]; the first also holds 0.
//
// A Source gives the samples in batches, as many times as needed: Slice and Slice32 hold logits
// in memory, package calib/files reads them from .npz. Besides the sums of the bootstrap, Measure
// keeps at most 16 bytes per sample for any K.
//
// A logit of −∞ masks its class: the class has probability 0. A sample whose own class has
// probability 0 has an infinite loss at every T. NLL, T and what follows from T are then not
// defined: they are NaN, and a note names the sample. Nothing is floored.
//
// A temperature T divides the logits. T > 1 means that the model was over-confident.
package calib

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

// Source gives samples batch by batch, in the same order each time.
type Source interface {
	// Shape returns the number of samples and of classes.
	Shape() (n int64, k int)
	// Each calls f with batches of logits (B×K row-major) and labels (B numbers in 0…K−1) until
	// the samples end or f returns an error. f does not keep the slices.
	Each(f func(logits []float64, labels []int32) error) error
}

// batchRows is the size of batches of samples in memory.
const batchRows = 8192

// slice is a Source in memory.
type slice[F float32 | float64] struct {
	k      int
	logits []F
	labels []int32
}

// Slice returns logits in memory, N×K row-major, as a Source without copying them. It is an error
// if the lengths do not fit, if K < 2 (see Binary), if a label is out of range, or if a logit is
// NaN, +∞ or larger than 1e100 in size; the error names the sample. −∞ masks a class.
func Slice(logits []float64, labels []int32, k int) (Source, error) {
	return newSlice(logits, labels, k)
}

// Slice32 is Slice for float32.
func Slice32(logits []float32, labels []int32, k int) (Source, error) {
	return newSlice(logits, labels, k)
}

func newSlice[F float32 | float64](logits []F, labels []int32, k int) (Source, error) {
	if err := CheckClasses(k); err != nil {
		return nil, fmt.Errorf("calib: %w", err)
	}
	if len(labels) == 0 {
		return nil, fmt.Errorf("calib: no samples")
	}
	if len(logits) != len(labels)*k {
		return nil, fmt.Errorf("calib: %d logits for %d labels, want N·K = %d·%d",
			len(logits), len(labels), len(labels), k)
	}
	for i := range labels {
		if err := CheckRow(int64(i), logits[i*k:(i+1)*k], labels[i]); err != nil {
			return nil, err
		}
	}
	return slice[F]{k, logits, labels}, nil
}

// CheckClasses returns an error if there are fewer than two classes.
func CheckClasses(k int) error {
	if k < 2 {
		return fmt.Errorf("K = %d; calibration needs at least 2 classes "+
			"(calib.Binary turns one score per sample into two columns)", k)
	}
	return nil
}

// maxLogit bounds logits, so that their differences and squares are finite.
const maxLogit = 1e100

// CheckRow reports what is wrong with the logits (K numbers) and label of sample i. Logits of −∞ are
// right, unless all are.
func CheckRow[F float32 | float64](i int64, logits []F, label int32) error {
	if label < 0 || int(label) >= len(logits) {
		return fmt.Errorf("calib: label of sample %d is %d, want 0 to K−1 = %d%s",
			i, label, len(logits)-1, labelRemedy(label, len(logits)))
	}
	masked := 0
	for k, z := range logits {
		if math.IsInf(float64(z), -1) {
			masked++
		} else if !(math.Abs(float64(z)) <= maxLogit) {
			return fmt.Errorf("calib: logit of sample %d, class %d is %v; logits must be finite and at most %g in "+
				"size, or −inf for a masked class", i, k, z, float64(maxLogit))
		}
	}
	if masked == len(logits) {
		return fmt.Errorf("calib: every logit of sample %d is −inf: all its classes are masked and it has no "+
			"probabilities; leave it out or correct the mask", i)
	}
	return nil
}

// labelRemedy says what a label out of range usually means.
func labelRemedy(label int32, k int) string {
	switch {
	case label == int32(k):
		return fmt.Sprintf("; if labels start at 1, subtract 1; else a class column is missing: want K = %d", k+1)
	case label == -1 && k == 2:
		return "; write labels of −1 and 1 as 0 and 1"
	case label < 0:
		return "; leave samples without a label out"
	}
	return ""
}

func (s slice[F]) Shape() (int64, int) { return int64(len(s.labels)), s.k }

func (s slice[F]) Each(f func([]float64, []int32) error) error {
	batch := make([]float64, min(batchRows, len(s.labels))*s.k)
	for i := 0; i < len(s.labels); i += batchRows {
		to := min(i+batchRows, len(s.labels))
		z := batch[:(to-i)*s.k]
		for j, x := range s.logits[i*s.k : to*s.k] {
			z[j] = float64(x)
		}
		if err := f(z, s.labels[i:to]); err != nil {
			return err
		}
	}
	return nil
}

// row is one sample during a reduction.
type row struct {
	i int64     // index of the sample
	z []float64 // its K logits
	y int32     // its label
	p []float64 // room for K numbers
}

// pieces is the number of parts of a batch that are summed separately. It is fixed, so that
// sums do not depend on the number of processors.
const pieces = 16

// reduce folds the samples of a source. Piece i of every batch is folded into one value from
// make_; merge then adds these values, in order, to the first. The pieces of a batch are
// processed in parallel.
func reduce[T any](src Source, make_ func() T, fold func(t T, r *row), merge func(into, from T)) (T, error) {
	_, k := src.Shape()
	var parts [pieces]T
	for i := range parts {
		parts[i] = make_()
	}
	scratch := make([]float64, pieces*k)
	workers := min(runtime.GOMAXPROCS(0), pieces)
	var base int64
	err := src.Each(func(logits []float64, labels []int32) error {
		var next atomic.Int32
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for i := int(next.Add(1)) - 1; i < pieces; i = int(next.Add(1)) - 1 {
					r := row{p: scratch[i*k : (i+1)*k]}
					for j := i * len(labels) / pieces; j < (i+1)*len(labels)/pieces; j++ {
						r.i, r.z, r.y = base+int64(j), logits[j*k:(j+1)*k], labels[j]
						fold(parts[i], &r)
					}
				}
			})
		}
		wg.Wait()
		base += int64(len(labels))
		return nil
	})
	for _, p := range parts[1:] {
		merge(parts[0], p)
	}
	return parts[0], err
}

// scaling maps logits to those whose softmax is measured: β(w_k·z_k + b_k). The zero value
// changes nothing.
type scaling struct {
	weight, bias  []float64 // K, or nil for 1 and 0
	beta          float64   // 1/T, 0 for 1
	probabilities bool      // the source gives probabilities in place of logits
}

// load writes w_k·z_k + b_k, without β, to r.p. It returns the class of the largest value and
// that value.
func (s *scaling) load(r *row) (best int, top float64) {
	p := r.p[:len(r.z)]
	if s.probabilities || s.weight != nil {
		for k := range p {
			p[k] = s.logit(r.z, k)
		}
	} else {
		copy(p, r.z)
	}
	for k, z := range p {
		if z > p[best] {
			best = k
		}
	}
	return best, p[best]
}

// softmax writes the probabilities of a row to r.p. It returns the predicted class, the
// logarithm of the label's probability, −∞ where that is 0, and the entropy. No exponential
// overflows.
func (s *scaling) softmax(r *row) (best int, logPY, entropy float64) {
	p := r.p
	if s.probabilities && s.beta == 0 && s.weight == nil {
		copy(p, r.z)
		for k, v := range p {
			if v > p[best] {
				best = k
			}
			if v > 0 {
				entropy -= v * math.Log(v)
			}
		}
		return best, math.Log(p[r.y]), entropy
	}
	best, top := s.load(r)
	beta := s.slope()
	own := (p[r.y] - top) * beta
	sum, weighted, _ := exponentials(p, top, beta)
	logSum := math.Log(sum)
	inverse := 1 / sum
	for k := range p {
		p[k] *= inverse
	}
	return best, own - logSum, max(logSum-weighted*inverse, 0)
}

// slope is β, 1 for the zero value.
func (s *scaling) slope() float64 {
	if s.beta == 0 {
		return 1
	}
	return s.beta
}
