package calib

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"
)

// The bounds of a temperature, in units of the mean range (largest less smallest) of a sample's
// logits. Data cannot show a minimum outside them.
const (
	MinTemperature = 1e-3
	MaxTemperature = 1e3
)

// Temperature is a fitted temperature T, which divides the logits. T > 1 means that the model is
// over-confident.
type Temperature struct {
	T       float64
	NLL     float64 // mean loss at T on the samples of the fit
	Samples int64   // of the fit
	// Bound is "" or why T is at a bound: the samples are separable, so that the loss decreases
	// without end as T → 0, or the logits say nothing about the labels, so that T → ∞.
	Bound string
}

// FitTemperature returns the T inside the bounds that minimises the mean loss (Guo et al. 2017).
// The loss is convex in β = 1/T. Newton's steps stay inside a bracket of the minimum that shrinks
// with every pass over the source, so that the search ends for any finite logits. If the label
// has the largest logit in every sample, T is at its lower bound, and Bound says so. If all logits
// of every sample are equal, every T is as good, and T is 1.
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
		v = math.Log(max(v, math.SmallestNonzeroFloat64))
	}
	if s.weight != nil {
		v = s.weight[k]*v + s.bias[k]
	}
	return v
}

// extent holds the sums that decide whether a temperature can be found.
type extent struct {
	n     int64
	width float64 // Σ (largest − smallest logit)
	slope float64 // Σ (mean logit − the label's logit), the derivative of the loss at β = 0
	below int64   // samples whose label does not have the largest logit
}

func extentOf(src Source, p part, sc scaling) (*extent, error) {
	return reduce(src, func() *extent { return new(extent) }, func(t *extent, r *row) {
		if !p.has(r.i) {
			return
		}
		_, top := sc.load(r)
		least, mean := top, 0.0
		for _, z := range r.p[:len(r.z)] {
			least = min(least, z)
			mean += (z - top) / float64(len(r.z))
		}
		own := r.p[r.y] - top
		t.n++
		t.width += top - least
		t.slope += mean - own
		if own < 0 {
			t.below++
		}
	}, func(into, from *extent) {
		into.n += from.n
		into.width += from.width
		into.slope += from.slope
		into.below += from.below
	})
}

func fitTemperature(src Source, p part, sc scaling) (*Temperature, error) {
	e, err := extentOf(src, p, sc)
	if err != nil {
		return nil, err
	}
	if e.n == 0 {
		return nil, errors.New("calib: no samples to fit a temperature on")
	}
	end := func(beta float64, bound string) (*Temperature, error) {
		s, err := lossAt(src, p, sc, beta)
		return &Temperature{T: 1 / beta, NLL: s.loss, Samples: s.n, Bound: bound}, err
	}
	width := e.width / float64(e.n)
	if width == 0 {
		return end(1, "the logits of every sample are equal: any T gives the same probabilities")
	}
	least, most := 1/(MaxTemperature*width), 1/(MinTemperature*width)
	switch {
	case e.below == 0:
		return end(most, "T is at its lower bound: the samples are separable, "+
			"so the loss decreases without end as T → 0")
	case e.slope >= 0:
		return end(least, "T is at its upper bound: the logits say nothing about the labels")
	}
	lo, hi := least, most
	beta := min(max(1, lo), hi)
	var s slope
	for range 200 {
		if s, err = lossAt(src, p, sc, beta); err != nil {
			return nil, err
		}
		if s.first <= 0 {
			lo = beta
		} else {
			hi = beta
		}
		next := beta - s.first/s.second
		if !(next > lo && next < hi) {
			next = math.Sqrt(lo * hi)
		}
		if math.Abs(next-beta) <= 1e-10*beta || hi-lo <= 1e-12*hi {
			break
		}
		beta = next
	}
	t := &Temperature{T: 1 / beta, NLL: s.loss, Samples: s.n}
	if beta <= least*(1+1e-9) || beta >= most*(1-1e-9) {
		t.Bound = fmt.Sprintf("T is at a bound: the loss is least at a T outside [%.3g, %.3g]", 1/most, 1/least)
	}
	return t, nil
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

// Vector is a fitted vector scaling: z'_k = Weight[k]·z_k + Bias[k] (Guo et al. 2017).
type Vector struct {
	Weight, Bias []float64 // K each
	NLL          float64   // mean loss on the samples of the fit
	// Note is "", or says that the search ended before the minimum. Separable samples have none.
	Note string
}

// FitVector minimises the mean loss over weight and bias by L-BFGS, starting at 1 and 0. Each
// step reads the source once or twice. Unlike T, vector scaling can change predictions.
func FitVector(src Source) (*Vector, error) { return fitVector(src, part{}, scaling{}) }

func fitVector(src Source, p part, sc scaling) (*Vector, error) {
	_, k := src.Shape()
	type grad struct {
		n int64
		g []float64 // loss, then 2K derivatives
	}
	var failed error
	eval := func(x []float64) []float64 {
		sc := sc
		sc.weight, sc.bias, sc.beta = x[:k], x[k:], 1
		total, err := reduce(src, func() *grad { return &grad{g: make([]float64, 1+2*k)} }, func(t *grad, r *row) {
			if !p.has(r.i) {
				return
			}
			_, logPY, _ := sc.softmax(r)
			t.n++
			t.g[0] -= logPY
			for c, v := range r.p {
				if c == int(r.y) {
					v--
				}
				z := r.z[c]
				if sc.probabilities {
					z = math.Log(max(z, math.SmallestNonzeroFloat64))
				}
				t.g[1+c] += v * z
				t.g[1+k+c] += v
			}
		}, func(into, from *grad) {
			into.n += from.n
			floats.Add(into.g, from.g)
		})
		if err != nil || total.n == 0 {
			failed = errors.Join(failed, err)
			return make([]float64, 1+2*k)
		}
		floats.Scale(1/float64(total.n), total.g)
		return total.g
	}
	var lastX, last []float64
	at := func(x []float64) []float64 {
		if lastX == nil || !floats.Equal(x, lastX) {
			lastX, last = append(lastX[:0], x...), eval(x)
		}
		return last
	}
	x := make([]float64, 2*k)
	for c := range k {
		x[c] = 1
	}
	problem := optimize.Problem{
		Func: func(x []float64) float64 { return at(x)[0] },
		Grad: func(g, x []float64) { copy(g, at(x)[1:]) },
	}
	settings := &optimize.Settings{GradientThreshold: 1e-8, MajorIterations: 200}
	res, err := optimize.Minimize(problem, x, settings, &optimize.LBFGS{})
	if failed != nil {
		return nil, failed
	}
	if res == nil {
		return nil, fmt.Errorf("calib: vector scaling: %w", err)
	}
	v := &Vector{Weight: res.X[:k:k], Bias: res.X[k:], NLL: res.F}
	if g := at(res.X)[1:]; floats.Norm(g, math.Inf(1)) > 1e-5 {
		v.Note = "the search ended before the minimum; separable samples have none"
	}
	return v, nil
}
