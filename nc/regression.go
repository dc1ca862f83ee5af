package nc

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
)

// Regression is the first pass of neural regression collapse (Andriopoulos, Dong, Guo, Zhao and
// Ross, "The Prevalence of Neural Collapse in Neural Multivariate Regression", 2024) over a stream
// of features h_i ∈ ℝ^d and targets y_i ∈ ℝ^t. It keeps both means and both covariances; Project
// starts the second pass:
//
//	first, err := nc.NewRegression(d, t)
//	for batch := range batches { err = first.Add(batch.Features, batch.Targets) }
//	second, err := first.Project(weight)
//	for batch := range batches { err = second.Add(batch.Features) }
//	sum, err := second.Summary()
//
// Memory is RegressionBytes, time N·d² and d³. Sums are in float64. It is not safe for concurrent
// use; see Fork.
type Regression struct {
	d, t     int
	features moments
	targets  moments
}

// NewRegression returns a Regression for features of dimension d and targets of
// dimension t. It is an error if one is less than 1 or RegressionBytes is over 16 GiB.
func NewRegression(d, t int) (*Regression, error) {
	if d < 1 || t < 1 {
		return nil, fmt.Errorf("nc: want at least one dimension of features and of targets, found d = %d, t = %d", d, t)
	}
	if float64(d)*float64(d)+float64(t)*float64(t) > maxBytes/8 || RegressionBytes(d, t) > maxBytes {
		return nil, fmt.Errorf("nc: the covariances of d = %d features and t = %d targets need more than %d GiB", d, t,
			maxBytes>>30)
	}
	return &Regression{d: d, t: t, features: newMoments(d), targets: newMoments(t)}, nil
}

// RegressionBytes is the memory of a Regression of d features and t targets.
func RegressionBytes(d, t int) int64 {
	square := 8 * (int64(d)*int64(d) + int64(t)*int64(t))
	return outerSumBytes(d) + outerSumBytes(t) + 3*square + 8*(1<<20)
}

// D returns the dimension of the features.
func (r *Regression) D() int { return r.d }

// T returns the dimension of the targets.
func (r *Regression) T() int { return r.t }

// Add takes a batch of features (B×d) and one of targets (B×t), both without labels. A NaN or an
// infinity is an error that names the sample, counted from 0 over all batches; nothing of the
// batch is added then.
func (r *Regression) Add(features, targets Batch) error {
	x, y := features.numbers()/r.d, targets.numbers()/r.t
	if features.numbers() != x*r.d || targets.numbers() != y*r.t || x != y {
		return fmt.Errorf("nc: batch has %d features and %d targets, want B·d and B·t for one B (d = %d, t = %d)",
			features.numbers(), targets.numbers(), r.d, r.t)
	}
	base := r.features.seen()
	if err := errors.Join(checkFinite(r.d, base, features.narrow), checkFinite(r.d, base, features.wide)); err != nil {
		return err
	}
	if err := errors.Join(checkTargets(r.t, base, targets.narrow), checkTargets(r.t, base, targets.wide)); err != nil {
		return err
	}
	r.features.add(x, features)
	r.targets.add(x, targets)
	return nil
}

func checkTargets[F float32 | float64](t int, base int64, targets []F) error {
	for i, y := range targets {
		if y-y != 0 {
			return fmt.Errorf("nc: target %d of sample %d is %v; targets must be finite numbers: leave such samples "+
				"out", i%t, base+int64(i/t), y)
		}
	}
	return nil
}

// Fork returns an empty Regression for a part of the samples, to be merged into r.
func (r *Regression) Fork() *Regression {
	return &Regression{d: r.d, t: r.t, features: newMoments(r.d), targets: newMoments(r.t)}
}

// Merge adds what b has seen to r. b is for the same samples afterwards.
func (r *Regression) Merge(b *Regression) error {
	switch {
	case r == b:
		return errors.New("nc: a Regression cannot be merged into itself")
	case r.d != b.d || r.t != b.t:
		return fmt.Errorf("nc: cannot merge d = %d, t = %d into d = %d, t = %d", b.d, b.t, r.d, r.t)
	}
	r.features.merge(&b.features)
	r.targets.merge(&b.targets)
	return nil
}

// moments is the mean of a stream of vectors and their scatter around it, by the
// update of Chan, Golub and LeVeque (1983): the scatter of two parts is that of each
// and n·m/(n+m)·δδᵀ, δ between their means. No first guess at the mean is needed, and
// an offset of the vectors costs no digits.
//
// A dimension in which all vectors are equal must not gain a variance by rounding:
// differences of a unit in the last place are taken for 0.
type moments struct {
	n         int64 // vectors in scatter
	high, low []float64
	scatter   outerSum
}

func newMoments(d int) moments {
	return moments{high: make([]float64, d), low: make([]float64, d), scatter: newOuterSum(d)}
}

// seen is the number of all vectors.
func (m *moments) seen() int64 { return m.n + int64(m.scatter.n) }

// average returns the mean of the vectors in scatter.
func (m *moments) average() []float64 {
	out := make([]float64, len(m.high))
	floats.AddTo(out, m.high, m.low)
	return out
}

// add takes n vectors.
func (m *moments) add(n int, b Batch) {
	if len(b.wide) > 0 {
		addMoments(m, n, b.wide)
	} else {
		addMoments(m, n, b.narrow)
	}
}

func addMoments[F float32 | float64](m *moments, n int, v []F) {
	d := len(m.high)
	for n > 0 {
		k := min(blockRows-1-m.scatter.n, n) // one place is for δ
		gather(&m.scatter, k, v, func(int) []float64 { return nil })
		if m.scatter.n == blockRows-1 {
			m.flush()
		}
		v, n = v[k*d:], n-k
	}
}

// flush takes the block into the scatter.
func (m *moments) flush() {
	s := &m.scatter
	k := s.n
	if k == 0 {
		return
	}
	old, size := float64(m.n), float64(k)
	parallel(s.d, s.d*k, func(from, to int) {
		for j := from; j < to; j++ {
			row := s.block[j*blockRows:][:k+1]
			var sum float64
			for _, v := range row[:k] {
				sum += v / size // a sum could overflow
			}
			var rest float64
			for i := range row[:k] {
				row[i] -= sum
				rest += row[i] / size
			}
			var largest float64
			for i := range row[:k] {
				row[i] -= rest
				largest = max(largest, math.Abs(row[i]))
			}
			if largest <= rounding*math.Abs(sum) {
				clear(row[:k])
			}
			row[k] = m.move(j, sum, rest, old, size)
		}
	})
	s.n = k + 1
	m.n += int64(k)
	s.flush()
}

// move takes the mean (high + low) of size further vectors in dimension j into the mean
// of old ones, and returns the number whose square that adds to their scatter.
func (m *moments) move(j int, high, low, old, size float64) float64 {
	delta := (high - m.high[j]) + (low - m.low[j])
	if old == 0 {
		m.high[j], m.low[j] = twoSum(high, low)
		return 0
	}
	if math.Abs(delta) <= rounding*math.Abs(high) {
		delta = 0
	}
	sum, e := twoSum(m.high[j], delta*(size/(old+size)))
	m.high[j], m.low[j] = sum, m.low[j]+e
	return delta * math.Sqrt(old*(size/(old+size)))
}

func (m *moments) merge(o *moments) {
	m.flush()
	o.flush()
	if o.n == 0 {
		return
	}
	m.scatter.merge(&o.scatter)
	for j := range m.high {
		m.scatter.block[j*blockRows] = m.move(j, o.high[j], o.low[j], float64(m.n), float64(o.n))
	}
	m.scatter.n = 1
	m.scatter.flush()
	m.n += o.n
}
