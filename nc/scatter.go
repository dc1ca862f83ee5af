package nc

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// Scatter is the second pass over a stream of features: how they scatter around the class means
// that Sums.Centre has fixed. It must see the samples of the first pass once more, in any order
// and in batches of any size. It is not safe for concurrent use: give each goroutine a Fork.
type Scatter struct {
	classSums // of the first pass; not written to
	*means

	n2      int64     // samples of the second pass
	count2  []int64   // K
	scatter []exact   // K, scale²·Σ‖h−h̄_k‖²
	within  []exact   // K, Σ Σ_r (u_rᵀ(h−h̄_k)/σ_r)²
	drift   []float64 // K×d, scale·Σ(h−h̄_k), 0 where both passes saw the same
	wrong   []int64   // K, samples nearer to another class's mean
	misled  []int64   // K, samples that the classifier gives to another class
	apart   []int64   // K, samples on which nearest mean and classifier disagree

	rows   int       // samples worked on at once
	block  []float64 // rows×d
	narrow []float32 // rows×d, block in float32, where the classifier is
	dots   []float64 // rows×K
	logits []float64 // rows×K, where there is a classifier
	proj   []float64 // rows×len of a projection
	square []float64 // rows, squared norms of block
	pred   []int32   // rows, nearest class
	class  []int32   // rows, the classifier's class
}

func newScatter(sums classSums, f *means) *Scatter {
	k, d := sums.k, sums.d
	return &Scatter{
		classSums: sums, means: f,
		count2: make([]int64, k), scatter: make([]exact, k), within: make([]exact, k), drift: make([]float64, k*d),
		wrong: make([]int64, k), misled: make([]int64, k), apart: make([]int64, k),
		rows: min(max(1<<18/d, 16), 4096),
	}
}

// Sums returns the first pass that the class means are of. Those of parts can be merged, and the
// second pass run again around the means of the whole.
func (a *Scatter) Sums() *Sums { return &Sums{Global: a.over, classSums: a.classSums, shared: true} }

// Classifier returns the classifier that Centre was given, or nil.
func (a *Scatter) Classifier() *Classifier { return a.clf }

// Seen returns the number of samples that the second pass has seen; N is that of the first.
func (a *Scatter) Seen() int64 { return a.n2 }

// Add takes a batch. Its errors are those of Sums.Add.
func (a *Scatter) Add(b Batch) error {
	if len(b.wide) > 0 {
		return addSecond(a, b.wide, b.Labels)
	}
	return addSecond(a, b.narrow, b.Labels)
}

func addSecond[F float32 | float64](a *Scatter, features []F, labels []int32) error {
	if err := check(&a.classSums, a.n2, features, labels); err != nil {
		return err
	}
	for len(labels) > 0 {
		n := min(a.rows, len(labels))
		second(a, features[:n*a.d], labels[:n])
		features, labels = features[n*a.d:], labels[n:]
	}
	return nil
}

// second adds at most a.rows samples.
func second[F float32 | float64](a *Scatter, features []F, labels []int32) {
	k, d, n := a.k, a.d, len(labels)
	a.buffers(n)
	parallel(d, len(features), func(from, to int) {
		for i, y := range labels {
			row := features[i*d+from : i*d+to]
			mean := a.mean[int(y)*d+from:][:len(row)]
			drift := a.drift[int(y)*d+from:][:len(row)]
			out := a.block[i*d+from:][:len(row)]
			for j, x := range row {
				v := (float64(x) - mean[j]) * a.scale
				out[j] = v
				drift[j] += v
			}
			if a.narrow != nil {
				narrow := a.narrow[i*d+from:][:len(row)]
				for j, v := range out {
					narrow[j] = float32(v)
				}
			}
		}
	})
	product(n, k, d, a.block, a.centred, a.dots)
	parallel(n, n*(d+4*k), func(from, to int) {
		for i := from; i < to; i++ {
			row := a.block[i*d : (i+1)*d]
			if a.square[i] = floats.Dot(row, row); a.square[i] <= a.quiet[labels[i]] {
				a.still(i, int(labels[i]))
			}
			a.pred[i] = a.nearest(row, a.dots[i*k:(i+1)*k], a.square[i], int(labels[i]))
		}
	})
	if a.clf != nil {
		a.classify(labels)
	}
	width := a.projection()
	switch {
	case width == 0:
	case a.lower == nil:
		product(n, width, d, a.block, a.dirs, a.proj)
	case d < k:
		lowerProduct(n, width, a.block, a.lower, a.proj)
	default:
		lowerProduct(n, width, a.dots, a.lower, a.proj)
	}
	for i, y := range labels {
		a.scatter[y].add(a.square[i])
		p := a.proj[i*width : (i+1)*width]
		a.within[y].add(floats.Dot(p, p))
		if a.pred[i] != y {
			a.wrong[y]++
		}
		if a.clf != nil && a.class[i] != y {
			a.misled[y]++
		}
		if a.clf != nil && a.class[i] != a.pred[i] {
			a.apart[y]++
		}
		a.count2[y]++
	}
	a.n2 += int64(n)
}

// still takes the rounding out of sample i of the block, which is as near to the mean of class y as
// rounding alone may be.
func (a *Scatter) still(i, y int) {
	row := a.block[i*a.d : (i+1)*a.d]
	if !setStill(row, a.mean[y*a.d:(y+1)*a.d], a.scale) {
		return
	}
	a.square[i] = floats.Dot(row, row)
	product(1, a.k, a.d, row, a.centred, a.dots[i*a.k:(i+1)*a.k])
	if a.narrow != nil {
		for j, v := range row {
			a.narrow[i*a.d+j] = float32(v)
		}
	}
}

// buffers makes room for n samples, at most a.rows.
func (a *Scatter) buffers(n int) {
	if len(a.square) >= n {
		return
	}
	a.block = make([]float64, n*a.d)
	a.dots = make([]float64, n*a.k)
	a.proj = make([]float64, n*a.projection())
	a.square = make([]float64, n)
	a.pred = make([]int32, n)
	if a.clf != nil {
		a.logits = make([]float64, n*a.k)
		if a.single != nil {
			a.narrow = make([]float32, n*a.d)
		}
		a.class = make([]int32, n)
	}
}

// Fork returns an empty second pass around the same means for a part of the samples, to be merged
// into a. Its classifier is a's.
func (a *Scatter) Fork() *Scatter { return newScatter(a.classSums, a.means) }

// Merge adds what b has seen to a; b is not changed. Both must be around the same means with the
// same classifier: forks of one Scatter, or of the same sums, also by way of a state
// (MarshalBinary). Merged parts give what the whole would have given, up to the rounding of the
// sums.
func (a *Scatter) Merge(b *Scatter) error {
	if a == b {
		return errors.New("nc: a Scatter cannot be merged into itself")
	}
	if err := a.sameSize(&b.classSums); err != nil {
		return err
	}
	if !a.sameMeans(b) {
		return errors.New("nc: cannot merge second passes around different means or with different classifiers; " +
			"merge the Sums of the first passes, then Centre them, then Fork for the second")
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

// sameMeans says whether a and b are around the same means, with the same classifier.
func (a *Scatter) sameMeans(b *Scatter) bool {
	if a.means == b.means {
		return true
	}
	if (a.clf == nil) != (b.clf == nil) {
		return false
	}
	if a.clf != nil && !(slices.Equal(a.clf.W, b.clf.W) && slices.Equal(a.clf.B, b.clf.B)) {
		return false
	}
	return a.over == b.over && a.scale == b.scale && slices.Equal(a.count, b.count) &&
		slices.Equal(a.high, b.high) && slices.Equal(a.low, b.low)
}

// Bytes estimates the memory of a Scatter of K classes and d dimensions, its summary
// included.
func Bytes(k, d int) int64 {
	// In float64, since a wrong K may be of any size.
	return int64(min(8*(8*float64(k)*float64(d)+7*float64(k)*float64(k)+1<<20), math.MaxInt64/2))
}

// maxDrift is how far, relative to the spread of the features, the class means
// of the two passes may lie apart. Rounding on a GPU is far below it, features
// that dropout changed are above it.
const maxDrift = 1e-3

// checkPasses reports a second pass that did not see the samples of the first.
func (a *Scatter) checkPasses() error {
	for c, n := range a.count {
		if a.count2[c] != n {
			return fmt.Errorf("nc: the second pass saw %d samples of class %d, the first %d; both must see the same",
				a.count2[c], a.name(c), n)
		}
	}
	var total float64
	for c, e := range a.scatter {
		total += e.value() / float64(a.n)
		total += a.norm2[c] / float64(a.k)
	}
	for c, n := range a.count {
		drift := floats.Norm(a.drift[c*a.d:(c+1)*a.d], 2) / float64(n)
		if drift > maxDrift*math.Sqrt(total)+1e-12*a.scale*floats.Norm(a.mean[c*a.d:(c+1)*a.d], 2) {
			return fmt.Errorf("nc: the mean of class %d differs between the passes by %.2g of the features' spread; "+
				"both must see the same features (is the network in evaluation mode?)", a.name(c),
				drift/math.Sqrt(total))
		}
	}
	return nil
}
