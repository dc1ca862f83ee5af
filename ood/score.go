package ood

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"github.com/gocollapse/collapse/nc"
)

// blockRows is how many samples are scored at once.
const blockRows = 256

// bankRows is how many rows of the bank are compared with a block at once.
const bankRows = 1024

// scratch is the memory of a block of samples.
type scratch struct {
	*Fit
	wide []float64 // a batch
	m    int       // samples of the block
	x    []float64 // m×d, in wide

	moved   []float64 // m×d
	product []float64 // m×max(d, K)
	dots    []float64 // m×max(K, bankRows)
	logits  []float64 // m×K
	top     []float64 // m
	best    []int     // m
	length  []float64 // m, of ViM's residual
	square  []float64 // m
	rows    []float64 // bankRows×d
	nearest []nearest // m
}

func newScratch(f *Fit) *scratch {
	s := &scratch{Fit: f, moved: make([]float64, blockRows*f.d), product: make([]float64, blockRows*max(f.d, f.k)),
		dots: make([]float64, blockRows*max(f.k, bankRows)), logits: make([]float64, blockRows*f.k),
		top: make([]float64, blockRows), best: make([]int, blockRows), length: make([]float64, blockRows),
		square: make([]float64, blockRows)}
	if len(f.bank) > 0 {
		s.rows = make([]float64, bankRows*f.d)
		s.nearest = make([]nearest, blockRows)
	}
	return s
}

// blocks calls f for the blocks of a batch, with the number of the first sample in the batch. base is the
// number of the batch's first sample in its source.
func (s *scratch) blocks(b nc.Batch, base int64, f func(from int)) (err error) {
	if s.wide, err = b.Widened(s.d, base, s.wide); err != nil {
		return err
	}
	n := len(s.wide) / s.d
	for from := 0; from < n; from += blockRows {
		s.m = min(blockRows, n-from)
		s.x = s.wide[from*s.d : (from+s.m)*s.d]
		f(from)
	}
	return nil
}

// scored are the scores of the samples of a set.
type scored struct {
	values [scores][]float64
	bad    [scores]int64 // a sample whose score is not a finite number, counted from 1; 0 for none
}

// all scores the samples of a source.
func (f *Fit) all(src nc.Source) (*scored, error) {
	n, _ := src.Shape()
	out := &scored{}
	for i := range out.values {
		if !f.none[i] {
			out.values[i] = make([]float64, n)
		}
	}
	s := newScratch(f)
	var base int64
	err := src.Each(f.ctx, func(b nc.Batch) error {
		err := s.blocks(b, base, func(from int) { s.score(out, base+int64(from)) })
		base += int64(len(s.wide) / f.d)
		return err
	})
	if err == nil && base != n {
		err = fmt.Errorf("the source gave %d samples, want %d", base, n)
	}
	return out, err
}

// score scores the samples of a block, the first of which is sample base of its source.
func (s *scratch) score(out *scored, base int64) {
	if s.clf != nil {
		s.logitsOf()
	}
	for _, part := range []func(put func(score, i int, v float64)){
		s.ofLogits, s.ofMahalanobis, s.ofBank, s.ofResidual, s.ofNeco, s.ofAngles,
	} {
		part(func(score, i int, v float64) {
			if s.none[score] {
				return
			}
			if (math.IsNaN(v) || math.IsInf(v, 0)) && out.bad[score] == 0 {
				out.bad[score] = base + int64(i) + 1
			}
			out.values[score][base+int64(i)] = v
		})
	}
}

// logitsOf computes logits, the largest and its class, the lowest of equal ones.
func (s *scratch) logitsOf() {
	nc.Product(s.m, s.k, s.d, s.x, s.clf.W, s.logits)
	for i := range s.m {
		z := s.row(i)
		if s.clf.B != nil {
			floats.Add(z, s.clf.B)
		}
		s.best[i] = floats.MaxIdx(z)
		s.top[i] = z[s.best[i]]
	}
}

func (s *scratch) row(i int) []float64 { return s.logits[i*s.k : (i+1)*s.k] }

// sumExp is Σ_k e^{(z_k − max)/T}.
func (s *scratch) sumExp(i int, t float64) (sum float64) {
	for _, v := range s.row(i) {
		sum += math.Exp((v - s.top[i]) / t)
	}
	return sum
}

func (s *scratch) ofLogits(put func(score, i int, v float64)) {
	if s.clf == nil {
		return
	}
	for i := range s.m {
		put(msp, i, 1/s.sumExp(i, 1))
		put(maxLogit, i, s.top[i])
		put(energy, i, s.top[i]+s.T*math.Log(s.sumExp(i, s.T)))
	}
}

// move writes the samples less a vector to moved.
func (s *scratch) move(by []float64) {
	for i := range s.m {
		floats.SubTo(s.moved[i*s.d:(i+1)*s.d], s.x[i*s.d:(i+1)*s.d], by)
	}
}

func (s *scratch) ofMahalanobis(put func(score, i int, v float64)) {
	if s.none[mahalanobis] && s.none[relative] {
		return
	}
	s.move(s.mean)
	if !s.none[relative] {
		r := s.total.rank
		nc.Product(s.m, r, s.d, s.moved, s.total.a, s.product)
		for i := range s.m {
			y := s.product[i*r : (i+1)*r]
			s.square[i] = floats.Dot(y, y)
		}
	}
	r := s.within.rank
	nc.Product(s.m, r, s.d, s.moved, s.within.a, s.product)
	nc.Product(s.m, s.k, r, s.product, s.near, s.dots)
	for i := range s.m {
		y := s.product[i*r : (i+1)*r]
		best, least := 0, math.Inf(1)
		for k := range s.k {
			m := s.near[k*r : (k+1)*r]
			if v := floats.Dot(m, m) - 2*s.dots[i*s.k+k]; v < least {
				best, least = k, v
			}
		}
		// The distance itself, without the cancellation of squares.
		least = floats.Distance(y, s.near[best*r:(best+1)*r], 2)
		put(mahalanobis, i, -least*least)
		put(relative, i, s.square[i]-least*least)
	}
}

// residualOf computes the lengths of ViM's residuals.
func (s *scratch) residualOf() {
	s.move(s.origin)
	r := s.residuals
	nc.Product(s.m, r, s.d, s.moved, s.residual, s.product)
	for i := range s.m {
		s.length[i] = floats.Norm(s.product[i*r:(i+1)*r], 2)
	}
}

func (s *scratch) ofResidual(put func(score, i int, v float64)) {
	if s.none[vim] {
		return
	}
	s.residualOf()
	for i := range s.m {
		put(vim, i, s.top[i]+math.Log(s.sumExp(i, 1))-s.Alpha*s.length[i])
	}
}

func (s *scratch) ofNeco(put func(score, i int, v float64)) {
	if s.none[neco] {
		return
	}
	s.move(s.mean)
	for i := range s.m {
		floats.Div(s.moved[i*s.d:(i+1)*s.d], s.deviation)
	}
	r := s.NecoRank
	nc.Product(s.m, r, s.d, s.moved, s.principal, s.product)
	for i := range s.m {
		v := 0.0
		if length := floats.Norm(s.moved[i*s.d:(i+1)*s.d], 2); length > 0 {
			v = floats.Norm(s.product[i*r:(i+1)*r], 2) / length
		}
		if s.NecoMaxLogit {
			v *= s.top[i]
		}
		put(neco, i, v)
	}
}

// ofAngles gives NCI and fDBD.
func (s *scratch) ofAngles(put func(score, i int, v float64)) {
	if s.none[nci] && s.none[fdbd] {
		return
	}
	s.move(s.mean)
	for i := range s.m {
		g, best := s.moved[i*s.d:(i+1)*s.d], s.best[i]
		length := floats.Norm(g, 2)
		angle := 0.0
		if length > 0 {
			angle = floats.Dot(g, s.clf.W[best*s.d:(best+1)*s.d]) / length
		}
		if s.NCIAlpha > 0 {
			angle += s.NCIAlpha * floats.Norm(s.x[i*s.d:(i+1)*s.d], 1)
		}
		put(nci, i, angle)
		if s.none[fdbd] {
			continue
		}
		var sum float64
		for k, z := range s.row(i) {
			// Two classes of one vector have no boundary between them.
			if w := s.apart[best*s.k+k]; w > 0 {
				sum += (s.top[i] - z) / w
			}
		}
		switch {
		case s.k == 1:
			sum = 0
		case length > 0:
			sum /= float64(s.k-1) * length
		case sum > 0:
			sum = math.MaxFloat64 // at the mean every boundary is infinitely far in these units
		}
		put(fdbd, i, sum)
	}
}

// nearest keeps the largest of what it is given, as a heap with the least on top.
type nearest []float64

// add takes a value if fewer than k are kept or it is larger than the least.
func (h *nearest) add(k int, v float64) {
	switch a := *h; {
	case len(a) < k:
		a = append(a, v)
		for i := len(a) - 1; i > 0 && a[i] < a[(i-1)/2]; i = (i - 1) / 2 {
			a[i], a[(i-1)/2] = a[(i-1)/2], a[i]
		}
		*h = a
	case v > a[0]:
		a[0] = v
		for i := 0; ; {
			c := 2*i + 1
			if c >= len(a) {
				return
			}
			if c+1 < len(a) && a[c+1] < a[c] {
				c++
			}
			if a[i] <= a[c] {
				return
			}
			a[i], a[c] = a[c], a[i]
			i = c
		}
	}
}

// ofBank gives k-NN. Of vectors of length 1 the nearest has the largest product.
func (s *scratch) ofBank(put func(score, i int, v float64)) {
	if s.none[knn] {
		return
	}
	copy(s.moved, s.x)
	for i := range s.m {
		unit(s.moved[i*s.d : (i+1)*s.d])
		s.nearest[i] = s.nearest[i][:0]
		x := s.moved[i*s.d : (i+1)*s.d]
		s.square[i] = floats.Dot(x, x)
	}
	for from := 0; from < len(s.bank); from += bankRows * s.d {
		part := s.bank[from:min(from+bankRows*s.d, len(s.bank))]
		for i, v := range part {
			s.rows[i] = float64(v)
		}
		n := len(part) / s.d
		nc.Product(s.m, n, s.d, s.moved, s.rows, s.dots)
		for j := range n {
			b := s.rows[j*s.d : (j+1)*s.d]
			square := floats.Dot(b, b)
			for i := range s.m {
				s.nearest[i].add(s.Neighbours, 2*s.dots[i*n+j]-square)
			}
		}
	}
	for i := range s.m {
		put(knn, i, -math.Sqrt(max(s.square[i]-s.nearest[i][0], 0)))
	}
}
