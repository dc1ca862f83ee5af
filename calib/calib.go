// Package calib measures calibration: whether the probabilities that a classifier
// gives are the frequencies with which it is right. It has the errors, scalings,
// intervals and tests of the field, as Sections 3.3 and B.5 of the paper use them.
//
// There are N samples of K classes with logits z ∈ ℝ^K, of which the softmax is p; the
// confidence of a sample is max_k p_k, its prediction the class of the largest logit, of
// equal ones the lowest. Logits are N×K row-major, labels 0…K−1, logarithms natural.
// Bins of equal width are (lo, hi] over [0, 1], and 0 belongs to the first.
//
// A Source gives the samples in batches, as often as it is asked: Slice and Slice32 are
// logits in memory, package calib/files reads them from .npz. Measure keeps at most 16
// bytes a sample, whatever K is, beside bootstrap's sums.
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
	// Each calls f with batches of logits (B×K row-major) and labels (B numbers in
	// 0…K−1) until the samples or f's errors end it. f does not keep the slices.
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

// Slice returns logits in memory, N×K row-major, as a Source. They are not copied.
// Lengths that do not fit, K < 2, a label out of range and logits that are not
// finite are errors that name the sample.
func Slice(logits []float64, labels []int32, k int) (Source, error) {
	return newSlice(logits, labels, k)
}

// Slice32 is Slice for float32.
func Slice32(logits []float32, labels []int32, k int) (Source, error) {
	return newSlice(logits, labels, k)
}

func newSlice[F float32 | float64](logits []F, labels []int32, k int) (Source, error) {
	if k < 2 {
		return nil, fmt.Errorf("calib: K = %d; calibration needs at least 2 classes (a sigmoid's one logit z is the two columns 0 and z)", k)
	}
	if len(labels) == 0 {
		return nil, fmt.Errorf("calib: no samples")
	}
	if len(logits) != len(labels)*k {
		return nil, fmt.Errorf("calib: %d logits for %d labels, want N·K = %d·%d", len(logits), len(labels), len(labels), k)
	}
	for i := range labels {
		if err := CheckRow(int64(i), logits[i*k:(i+1)*k], labels[i]); err != nil {
			return nil, err
		}
	}
	return slice[F]{k, logits, labels}, nil
}

// maxLogit bounds logits, so that their differences and squares are finite.
const maxLogit = 1e100

// CheckRow reports what is wrong with the logits (K numbers) and label of sample i.
func CheckRow[F float32 | float64](i int64, logits []F, label int32) error {
	if label < 0 || int(label) >= len(logits) {
		return fmt.Errorf("calib: label of sample %d is %d, want 0 to K−1 = %d", i, label, len(logits)-1)
	}
	for k, z := range logits {
		if !(math.Abs(float64(z)) <= maxLogit) {
			return fmt.Errorf("calib: logit of sample %d, class %d is %v; logits must be finite numbers of at most %g", i, k, z, float64(maxLogit))
		}
	}
	return nil
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

// row is a sample on its way through a reduction.
type row struct {
	i int64 // number of the sample
	z []float64
	y int32
	p []float64 // room for K numbers
}

// pieces is into how many parts a batch is cut, each of which is summed by itself. It is
// fixed, so that sums do not depend on the number of processors.
const pieces = 16

// reduce folds the samples of a source: those of each piece of the batches into a value
// of make_, the values in order into the first by merge. The pieces of a batch are
// worked on at once.
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

// scaling turns logits into those whose softmax is measured: w_k·z_k + b_k. The zero
// value leaves them; probabilities are taken as they are.
type scaling struct {
	weight, bias  []float64 // K, or nil for 1 and 0
	beta          float64   // 1/T, 0 for 1
	probabilities bool
}

// load writes the logits of a row, scaled but for β, to r.p and returns the class of the
// largest and that largest.
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

// softmax writes the probabilities of a row to r.p and returns the predicted class, the
// logarithm of the label's probability and the entropy. No exponential overflows.
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
