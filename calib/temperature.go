package calib

import (
	"errors"
	"fmt"
	"math"
)

// The temperatures that stand for T → 0 and T → ∞, in units of the mean range (largest less
// smallest finite logit) of a sample. That range counts as at most maxRange times the mean gap
// between a sample's two largest logits: a mask written as a finite number, such as −1e9, then does
// not set the bounds.
const (
	MinTemperature = 1e-3
	MaxTemperature = 1e3

	maxRange = 100
)

// Temperature is a fitted temperature T, which divides the logits. T > 1 means that the model is
// over-confident.
type Temperature struct {
	T       float64
	NLL     float64 // mean loss at T on the samples of the fit
	Samples int64   // of the fit
	// Note is "" or says that T is at a bound: the samples are separable, so that the loss decreases
	// without end as T → 0, or the logits say nothing about the labels, so that T → ∞. It also says
	// why T and NLL are NaN: a sample's own class has probability 0, so that no T has a finite loss.
	Note string
}

// FitTemperature returns the T that minimises the mean loss (Guo et al. 2017). The loss is convex
// in β = 1/T. Newton's steps stay inside a bracket of the minimum that shrinks with every pass over
// the source, so that the search ends for any logits. If the label has the largest logit in every
// sample, T is at its lower bound. If all logits of every sample are equal, every T is as good, and
// T is 1. If a sample's own class has probability 0, T is NaN. Note says each.
func FitTemperature(src Source) (*Temperature, error) { return fitTemperature(src, part{}, scaling{}) }

// slope holds the mean loss at β and its first and second derivative in β.
type slope struct {
	n                   int64
	loss, first, second float64
}

// lossAt returns the mean loss of a part at β.
func lossAt(src Source, p part, sc scaling, beta float64) (slope, error) {
	sc.beta = beta
	total, err := reduce(src, func() *slope { return new(slope) }, func(t *slope, r *row) {
		if p.has(r.i) {
			t.n++
			l, d1, d2 := sc.slopes(r)
			t.loss += l
			t.first += d1
			t.second += d2
		}
	}, func(into, from *slope) {
		into.n += from.n
		into.loss += from.loss
		into.first += from.first
		into.second += from.second
	})
	if err != nil {
		return slope{}, err
	}
	if total.n == 0 {
		return slope{}, errors.New("calib: no samples to fit a temperature on")
	}
	n := float64(total.n)
	return slope{total.n, total.loss / n, total.first / n, total.second / n}, nil
}

// slopes returns the loss of a row at the scaling's β and its two derivatives in β. Where u are
// the logits less the largest of them, these are E u − u_y and Var u under the softmax of βu.
func (s *scaling) slopes(r *row) (loss, first, second float64) {
	_, top := s.load(r)
	beta := s.slope()
	own := (r.p[r.y] - top) * beta
	sum, e1, e2 := exponentials(r.p, top, beta)
	mean := e1 / sum
	return math.Log(sum) - own, (mean - own) / beta, max(e2/sum-mean*mean, 0) / (beta * beta)
}

// logit is the class's logit before β.
func (s *scaling) logit(z []float64, k int) float64 {
	v := z[k]
	if s.probabilities {
		v = math.Log(v) // a probability of 0 is a masked class
	}
	if s.weight != nil && !math.IsInf(v, -1) {
		v = s.weight[k]*v + s.bias[k] // a masked class stays masked whatever its weight
	}
	return v
}

// extent holds the sums that decide whether a temperature can be found.
type extent struct {
	n     int64
	width float64 // Σ (largest − smallest finite logit)
	gap   float64 // Σ (largest − second largest logit)
	slope float64 // Σ (mean finite logit − the label's logit), the derivative of the loss at β = 0
	below int64   // samples whose label does not have the largest logit
	never impossible
}

func extentOf(src Source, p part, sc scaling) (*extent, error) {
	return reduce(src, func() *extent { return new(extent) }, func(t *extent, r *row) {
		_, top := sc.load(r)
		if math.IsInf(r.p[r.y], -1) {
			// Also outside the part: whether T is defined does not depend on how samples are split.
			t.never.add(r.i, r.y)
			return
		}
		if p.has(r.i) {
			t.add(r.p[:len(r.z)], top, r.p[r.y])
		}
	}, func(into, from *extent) {
		into.n += from.n
		into.width += from.width
		into.gap += from.gap
		into.slope += from.slope
		into.below += from.below
		into.never.merge(from.never)
	})
}

// add adds a sample with logits z, the largest of which is top, and the label's logit.
func (t *extent) add(z []float64, top, label float64) {
	least, second, mean, finite := top, math.Inf(-1), 0.0, float64(len(z))
	tops := 0
	for _, v := range z {
		if math.IsInf(v, -1) {
			finite--
		} else {
			least = min(least, v)
		}
		if v == top {
			tops++
		} else {
			second = max(second, v)
		}
	}
	for _, v := range z {
		if !math.IsInf(v, -1) {
			mean += (v - top) / finite
		}
	}
	if tops == 1 && finite > 1 {
		t.gap += top - second
	}
	own := label - top
	t.n++
	t.width += top - least
	t.slope += mean - own
	if own < 0 {
		t.below++
	}
}

// maxSlope bounds β and T: the squares of both are in float64's range.
const maxSlope = 1e150

// bounds returns the bounds of β = 1/T. There are none where all logits of every sample are equal.
func (t *extent) bounds() (least, most float64, ok bool) {
	width := t.width / float64(t.n)
	if gap := t.gap / float64(t.n); gap > 0 {
		width = min(width, maxRange*gap)
	}
	within := func(beta float64) float64 { return min(max(beta, 1/maxSlope), maxSlope) }
	return within(1 / (MaxTemperature * width)), within(1 / (MinTemperature * width)), width > 0
}

func fitTemperature(src Source, p part, sc scaling) (*Temperature, error) {
	e, err := extentOf(src, p, sc)
	switch {
	case err != nil:
		return nil, err
	case e.never.count > 0:
		return &Temperature{T: math.NaN(), NLL: math.NaN(), Samples: e.n, Note: e.never.note(sc.probabilities)}, nil
	case e.n == 0:
		return nil, errors.New("calib: no samples to fit a temperature on")
	}
	end := func(beta float64, note string) (*Temperature, error) {
		s, err := lossAt(src, p, sc, beta)
		return &Temperature{T: 1 / beta, NLL: s.loss, Samples: s.n, Note: note}, err
	}
	least, most, ok := e.bounds()
	switch {
	case !ok:
		return end(1, "the logits of every sample are equal: any T gives the same probabilities")
	case e.below == 0:
		return end(most, "T is at its lower bound: the samples are separable, "+
			"so the loss decreases without end as T → 0")
	case e.slope >= 0:
		return end(least, "T is at its upper bound: the logits say nothing about the labels")
	}
	search := newSearch(least, most)
	var s slope
	for !search.done {
		if s, err = lossAt(src, p, sc, search.beta); err != nil {
			return nil, err
		}
		search.step(s.first, s.second)
	}
	return &Temperature{T: 1 / search.beta, NLL: s.loss, Samples: s.n}, nil
}

// search finds the β at which a convex loss is least, by Newton's steps inside a bracket.
type search struct {
	lo, hi, beta float64
	least, most  bool // lo or hi is a first guess: no slope was measured there
	steps        int
	done         bool
}

// newSearch starts at β = 1, or at the nearest β of the bracket. The bracket may lack the minimum.
func newSearch(lo, hi float64) *search {
	return &search{lo: lo, hi: hi, beta: min(max(1, lo), hi), least: true, most: true}
}

// step takes the derivatives of the loss at β and moves β. It is done where the next step would
// change β by less than a share of 1e-10.
func (s *search) step(first, second float64) {
	if first <= 0 {
		s.lo, s.least = s.beta, false
	} else {
		s.hi, s.most = s.beta, false
	}
	next := s.beta - first/second
	if !(next > s.lo && next < s.hi) {
		next = math.Sqrt(s.lo * s.hi)
	}
	s.steps++
	if s.steps >= 200 || math.Abs(next-s.beta) <= 1e-10*s.beta || s.hi-s.lo <= 1e-12*s.hi {
		switch {
		case s.steps >= 200:
		case s.most && s.hi < maxSlope && s.hi-s.beta <= 1e-5*s.hi: // the minimum is beyond the first guess
			s.hi *= 1e3
			return
		case s.least && s.lo > 1/maxSlope && s.beta-s.lo <= 1e-5*s.lo:
			s.lo /= 1e3
			return
		}
		s.done = true
		return
	}
	s.beta = next
}

// GridTemperature returns the candidate T with the smallest ECE in the given number of bins, and
// that ECE. The paper's public code does the same, on the test set itself: its ECE is then
// optimistic, since it was minimised on the samples on which it is measured. There must be at
// least one candidate, and all must be positive and finite.
func GridTemperature(src Source, bins int, candidates []float64) (t, ece float64, err error) {
	return gridTemperature(src, part{}, scaling{}, bins, candidates)
}

// AuthorsGrid returns the candidates of the paper's public code: 0.05 to 5 in steps of 0.05.
func AuthorsGrid() []float64 {
	out := make([]float64, 100)
	for i := range out {
		out[i] = float64(i+1) / 20
	}
	return out
}

func gridTemperature(src Source, p part, sc scaling, bins int, candidates []float64) (t, ece float64, err error) {
	if err := checkBins(bins); err != nil {
		return 0, 0, err
	}
	if len(candidates) == 0 {
		return 0, 0, errors.New("calib: no candidate temperature")
	}
	for _, c := range candidates {
		if !(c > 0) || math.IsInf(c, 0) {
			return 0, 0, fmt.Errorf("calib: candidate temperature %v, want a positive number", c)
		}
	}
	type grid []sums
	make_ := func() *grid {
		g := make(grid, len(candidates))
		for i := range g {
			g[i] = newSums(bins)
		}
		return &g
	}
	total, err := reduce(src, make_, func(g *grid, r *row) {
		if !p.has(r.i) {
			return
		}
		best, top := sc.load(r)
		for i, c := range candidates {
			var sum float64
			for k := range r.z {
				sum += math.Exp((r.p[k] - top) / c)
			}
			(*g)[i].add(1/sum, best == int(r.y))
		}
	}, func(into, from *grid) {
		for i, s := range *from {
			(*into)[i].merge(s)
		}
	})
	if err != nil {
		return 0, 0, err
	}
	ece = math.Inf(1)
	for i, s := range *total {
		if e := s.diagram().ECE(); e < ece {
			t, ece = candidates[i], e
		}
	}
	return t, ece, nil
}
