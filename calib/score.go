package calib

import (
	"fmt"
	"math"
)

// scores are the derivatives of the loss in β of the samples of a part, at one β. Their mean over
// all data is 0 at the β of the least mean loss.
type scores struct {
	plus, minus total   // sizes of the derivatives above and below 0
	model       total   // mean of plus over labels drawn from the probabilities at β
	second      float64 // sum of the second derivatives of the loss
}

// bounds returns the interval of the mean of the sum of the derivatives. Few samples, mostly wrong
// ones, have a derivative above 0: plus is a sum of rare terms. Its unit is the size of those that the
// probabilities foresee, so that the interval is known even if no sample is wrong.
func (s *scores) bounds() (lower, upper float64) {
	return difference(s.plus, s.minus, s.model.unit())
}

// add adds a sample: u are its logits less the largest, p is e^(βu), and the sums are those of
// exponentials.
func (s *scores) add(u []float64, y int32, p []float64, sum, first, second, beta float64) {
	mean := first / sum / beta
	if x := mean - u[y]; x > 0 {
		s.plus.add(x)
	} else {
		s.minus.add(-x)
	}
	for c, e := range p {
		if x := mean - u[c]; x > 0 && e > 0 {
			s.model.sum += e / sum * x
			s.model.squares += e / sum * x * x
		}
	}
	s.second += max(second/sum/(beta*beta)-mean*mean, 0)
}

// scoresAt returns the scores of a part at each of the βs.
func scoresAt(src Source, p part, sc scaling, betas []float64) ([]scores, error) {
	_, k := src.Shape()
	type tally struct {
		scores []scores
		u      []float64 // logits less the largest
	}
	make_ := func() *tally { return &tally{make([]scores, len(betas)), make([]float64, k)} }
	t, err := reduce(src, make_, func(t *tally, r *row) {
		if !p.has(r.i) {
			return
		}
		_, top := sc.load(r)
		for c, z := range r.p {
			t.u[c] = z - top
		}
		for j, beta := range betas {
			copy(r.p, t.u)
			sum, first, second := exponentials(r.p, 0, beta)
			t.scores[j].add(t.u, r.y, r.p, sum, first, second, beta)
		}
	}, func(into, from *tally) {
		for j, f := range from.scores {
			s := &into.scores[j]
			s.plus.merge(f.plus)
			s.minus.merge(f.minus)
			s.model.merge(f.model)
			s.second += f.second
		}
	})
	if err != nil {
		return nil, err
	}
	return t.scores, nil
}

// end is the search for one end of the interval of log β: the x at which excess is 0. Below 0, x is
// in the interval.
type end struct {
	direction       float64 // −1 for the lower end of β, 1 for the upper
	bound           float64 // of log β
	x, step         float64
	inside, outside float64 // log β, known to be in the interval and out of it
	inner, outer    float64 // excess there, halved as the Illinois rule asks
	last            float64 // sign of the excess before
	found           bool    // outside is known
	open            bool    // the bound itself is in the interval: there is no end
	done            bool
}

func newEnd(direction, start, step, bound float64) *end {
	e := &end{direction: direction, bound: bound, inside: start, step: step}
	e.x = e.within(start + direction*step)
	return e
}

// within returns x, or the bound if x is beyond it.
func (e *end) within(x float64) float64 {
	if (x-e.bound)*e.direction > 0 {
		return e.bound
	}
	return x
}

// excess is above 0 where the scores at x reject it.
func (e *end) excess(s *scores) float64 {
	lower, upper := s.bounds()
	if e.direction < 0 {
		return -upper
	}
	return lower
}

// endTolerance is the error of an end in log β.
const endTolerance = 1e-8

// move takes the excess at x and moves x: in steps that double until it is out of the interval, then
// by secants inside the bracket (the Illinois rule).
func (e *end) move(excess float64) {
	switch {
	case excess <= 0 && !e.found:
		if e.x == e.bound {
			e.open, e.done = true, true
			return
		}
		e.inside, e.inner = e.x, excess
		e.step *= 2
		e.x = e.within(e.x + e.direction*e.step)
		return
	case excess <= 0:
		if e.last < 0 {
			e.outer /= 2
		}
		e.inside, e.inner, e.last = e.x, excess, -1
	default:
		if e.found && e.last > 0 {
			e.inner /= 2
		}
		e.outside, e.outer, e.last, e.found = e.x, excess, 1, true
	}
	share := e.inner / (e.inner - e.outer)
	if !(share > 0 && share < 1) {
		share = 0.5
	}
	next := e.inside + share*(e.outside-e.inside)
	e.done = math.Abs(next-e.x) <= endTolerance
	e.x = next
}

// maxEndSteps bounds the passes over the source; a search takes about ten.
const maxEndSteps = 100

// intervalT sets the interval of T: the values that a test does not reject. The test at T is that the
// derivative of the loss has the mean 0, so it needs neither a fit nor that the model is right.
func (m *measurement) intervalT(fitted *Temperature, out *Intervals) error {
	e, err := extentOf(m.src, m.fit, m.raw)
	if err != nil {
		return err
	}
	least, most, ok := e.bounds()
	if math.IsNaN(fitted.T) || !ok {
		out.TemperatureNote = "T has no interval: " + fitted.Note
		return nil
	}
	start := -math.Log(fitted.T)
	at, err := scoresAt(m.src, m.fit, m.raw, []float64{1 / fitted.T})
	if err != nil {
		return err
	}
	s := &at[0]
	// Twice the standard deviation of log β.
	step := 2 * math.Sqrt(s.plus.squares+s.minus.squares) / (s.second / fitted.T)
	if !(step < 1) {
		step = 1
	}
	step = max(step, endTolerance)
	ends := [2]*end{
		newEnd(1, start, step, math.Log(max(most, 1/fitted.T))),
		newEnd(-1, start, step, math.Log(min(least, 1/fitted.T))),
	}
	for _, e := range ends {
		e.inner = min(e.excess(s), 0)
	}
	for range maxEndSteps {
		var moving []*end
		var betas []float64
		for _, e := range ends {
			if !e.done {
				moving, betas = append(moving, e), append(betas, math.Exp(e.x))
			}
		}
		if len(moving) == 0 {
			break
		}
		if at, err = scoresAt(m.src, m.fit, m.raw, betas); err != nil {
			return err
		}
		for j, e := range moving {
			e.move(e.excess(&at[j]))
		}
	}
	out.Temperature = [2]float64{math.Exp(-ends[0].x), math.Exp(-ends[1].x)}
	out.TemperatureNote = openNote(ends[0].open, ends[1].open, e)
	return nil
}

// few is the number of wrong samples up to which another data set of the same size has none with a
// probability of more than 2.5 %.
const few = 3

// openNote says which end of the interval of T is a bound, and that few samples are wrong, or "".
func openNote(lower, upper bool, e *extent) string {
	switch {
	case lower && upper:
		return "the data give neither end: both are bounds of T"
	case lower && e.below == 0:
		return "the lower end is the bound of T, the data give none: no sample is wrong"
	case lower:
		return "the lower end is the bound of T, the data give none"
	case upper:
		return "the upper end is the bound of T, the data give none"
	case e.below <= few:
		return fmt.Sprintf("only %d of %d samples do not have the largest logit in their own class: the interval "+
			"takes the gaps of other errors for like theirs; as many other samples have no error, and T at its "+
			"bound, with a probability of %.0f %%", e.below, e.n, 100*math.Exp(-float64(e.below)))
	}
	return ""
}
