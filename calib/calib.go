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
		return nil, fmt.Errorf("calib: K = %d; calibration needs at least 2 classes", k)
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

// CheckRow reports what is wrong with the logits (K numbers) and label of sample i.
func CheckRow[F float32 | float64](i int64, logits []F, label int32) error {
	if label < 0 || int(label) >= len(logits) {
		return fmt.Errorf("calib: label of sample %d is %d, want 0 to K−1 = %d", i, label, len(logits)-1)
	}
	for k, z := range logits {
		if z-z != 0 { // NaN and infinities only
			return fmt.Errorf("calib: logit of sample %d, class %d is %v; logits must be finite numbers", i, k, z)
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
	i     int64 // number of the sample
	z     []float64
	y     int32
	p     []float64 // room for K numbers
	chunk int       // number of the row in its batch
}

// chunkRows is how many samples a goroutine sums by itself. It is fixed, so that sums
// do not depend on the number of processors.
const chunkRows = 512

// reduce folds the samples of a source: each chunk into a value of make, the values in
// order into the first by merge. Rows of a batch are worked on at once.
func reduce[T any](src Source, make_ func() T, fold func(t T, r *row), merge func(into, from T)) (T, error) {
	total := make_()
	_, k := src.Shape()
	var base int64
	var parts []T
	scratch := make([][]float64, runtime.GOMAXPROCS(0))
	for w := range scratch {
		scratch[w] = make([]float64, k)
	}
	err := src.Each(func(logits []float64, labels []int32) error {
		chunks := (len(labels) + chunkRows - 1) / chunkRows
		parts = parts[:0]
		for range chunks {
			parts = append(parts, make_())
		}
		var wg sync.WaitGroup
		for w := range scratch {
			wg.Go(func() {
				r := row{p: scratch[w]}
				for c := w; c < chunks; c += len(scratch) {
					for j := c * chunkRows; j < min((c+1)*chunkRows, len(labels)); j++ {
						r.i, r.z, r.y, r.chunk = base+int64(j), logits[j*k:(j+1)*k], labels[j], j
						fold(parts[c], &r)
					}
				}
			})
		}
		wg.Wait()
		for _, p := range parts {
			merge(total, p)
		}
		base += int64(len(labels))
		return nil
	})
	return total, err
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
	var sum, weighted float64
	for k, z := range p {
		u := (z - top) * beta
		e := math.Exp(u)
		p[k] = e
		sum += e
		if e > 0 { // 0·(−∞) is no number
			weighted += e * u
		}
	}
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
