package calib

import (
	"fmt"
	"math"
	"strings"

	"github.com/gocollapse/collapse/internal/resample"
)

// A Newton step from T stands for a refit where there is much to compute and every replicate's step
// is short. The step in log T is wrong by about its square.
const (
	// refitWork is the number of exponentials in one pass from which on a refit is much.
	refitWork = 1 << 31
	// shortStep is in log T.
	shortStep = 0.03
	// timesBytes bounds what is kept of the replicates' draws.
	timesBytes = 16 << 20
	// refitTolerance is the last step of a replicate's log T that is not checked: it is taken, and
	// Newton's steps square their error.
	refitTolerance = 1e-4
)

// The values of Intervals.TemperatureMethod.
const (
	refitted = "refit"
	oneStep  = "one step"
)

// replica is the fit of T on one replicate.
type replica struct {
	key    uint64
	search *search
	times  []uint8 // how often it takes each sample, if these fit in timesBytes
	slope  slope   // at the T of all samples
	extent extent  // n, slope and below alone
	t      float64
}

// weight is how often the replica takes sample i.
func (r *replica) weight(i int64) float64 {
	if r.times != nil {
		return float64(r.times[i])
	}
	return float64(resample.Times(r.key, uint64(i)))
}

// bootstrapT fits T on every replicate of the fit's samples, and sets the interval. The search
// starts from one Newton step from the T of all samples; each pass over the samples steps all the
// replicates that are still moving. A replicate without an error has T at the lower bound.
func (m *measurement) bootstrapT(fitted *Temperature, out *Intervals) error {
	if fitted.Note != "" {
		out.TemperatureNote = "T has no interval: " + fitted.Note
		return nil
	}
	e, err := extentOf(m.src, m.fit, m.raw)
	if err != nil {
		return err
	}
	least, most, _ := e.bounds()
	start := m.raw
	start.beta = 1 / fitted.T
	replicas := make([]*replica, m.options.Bootstrap)
	for r := range replicas {
		replicas[r] = &replica{key: replicate(m.options.Seed, r)}
		if n, _ := m.src.Shape(); n*int64(len(replicas)) <= timesBytes {
			replicas[r].times = make([]uint8, n)
		}
	}
	if err := m.firstPass(start, replicas); err != nil {
		return err
	}
	longest := 0.0
	var moving []*replica
	for _, r := range replicas {
		switch {
		case r.extent.below == 0:
			r.t = 1 / most
		case r.extent.slope >= 0:
			r.t = 1 / least
		default:
			step := -r.slope.first / (r.slope.second * start.beta) // in log β, so that β stays positive
			r.t = fitted.T * math.Exp(-step)
			longest = max(longest, math.Abs(step))
			r.search = newSearch(min(least, start.beta), max(most, start.beta))
			r.search.beta = min(max(start.beta*math.Exp(min(max(step, -1), 1)), r.search.lo), r.search.hi)
			moving = append(moving, r)
		}
	}
	_, k := m.src.Shape()
	out.TemperatureMethod = oneStep
	much := float64(e.n)*float64(k)*float64(len(replicas)) >= m.refitWork
	if !much || !(longest <= shortStep) || len(moving) < len(replicas) {
		out.TemperatureMethod = refitted
		if err := m.refit(moving); err != nil {
			return err
		}
	}
	ts := make([]float64, len(replicas))
	for i, r := range replicas {
		ts[i] = r.t
	}
	out.Temperature = resample.Interval(ts)
	out.TemperatureNote = boundNote(replicas)
	return nil
}

// firstPass adds up each replicate's slopes at the T of all samples, and what decides whether its T
// is at a bound.
func (m *measurement) firstPass(at scaling, replicas []*replica) error {
	type sum struct {
		slope  slope
		extent extent
	}
	make_ := func() *[]sum { s := make([]sum, len(replicas)); return &s }
	total, err := reduce(m.src, make_, func(t *[]sum, row *row) {
		if !m.fit.has(row.i) {
			return
		}
		var one extent
		_, top := at.load(row)
		one.add(row.p[:len(row.z)], top, row.p[row.y])
		_, d1, d2 := at.slopes(row)
		for r := range *t {
			w := resample.Times(replicas[r].key, uint64(row.i))
			if w > 0 && replicas[r].times != nil {
				replicas[r].times[row.i] = uint8(w)
			}
			if w > 0 {
				s := &(*t)[r]
				s.slope.first += float64(w) * d1
				s.slope.second += float64(w) * d2
				s.extent.slope += float64(w) * one.slope
				s.extent.below += int64(w) * one.below
			}
		}
	}, func(into, from *[]sum) {
		for r, s := range *from {
			t := &(*into)[r]
			t.slope.first += s.slope.first
			t.slope.second += s.slope.second
			t.extent.slope += s.extent.slope
			t.extent.below += s.extent.below
		}
	})
	if err != nil {
		return err
	}
	for r, s := range *total {
		replicas[r].slope, replicas[r].extent = s.slope, s.extent
	}
	return nil
}

// refit fits T on each of the replicates.
func (m *measurement) refit(moving []*replica) error {
	type sums struct {
		slopes []slope
		room   []float64 // K logits, which a softmax then overwrites
	}
	_, k := m.src.Shape()
	for len(moving) > 0 {
		make_ := func() *sums { return &sums{make([]slope, len(moving)), make([]float64, k)} }
		total, err := reduce(m.src, make_, func(t *sums, row *row) {
			if !m.fit.has(row.i) {
				return
			}
			_, top := m.raw.load(row)
			own := row.p[row.y] - top
			for i, r := range moving {
				w := r.weight(row.i)
				if w == 0 {
					continue
				}
				copy(t.room, row.p)
				_, d1, d2 := slopesAt(t.room, top, own, r.search.beta)
				t.slopes[i].first += w * d1
				t.slopes[i].second += w * d2
			}
		}, func(into, from *sums) {
			for i, s := range from.slopes {
				into.slopes[i].first += s.first
				into.slopes[i].second += s.second
			}
		})
		if err != nil {
			return err
		}
		var rest []*replica
		for i, r := range moving {
			r.search.step(total.slopes[i].first, total.slopes[i].second, refitTolerance)
			if r.t = 1 / r.search.next; !r.search.done {
				rest = append(rest, r)
			}
		}
		moving = rest
	}
	return nil
}

// boundNote says which replicates have T at a bound, or "".
func boundNote(replicas []*replica) string {
	lower, upper := 0, 0
	for _, r := range replicas {
		if r.extent.below == 0 {
			lower++
		} else if r.extent.slope >= 0 {
			upper++
		}
	}
	var said []string
	for _, b := range []struct {
		count     int
		end, name string
		why       string
	}{
		{lower, "lower", "lowest", "have no wrong sample, so that T is at its lower bound"},
		{upper, "upper", "highest", "have logits that say nothing about the labels, so that T is at its upper bound"},
	} {
		if b.count == 0 {
			continue
		}
		text := fmt.Sprintf("%d of %d replicates %s", b.count, len(replicas), b.why)
		if float64(b.count) > (1-resample.Level)/2*float64(len(replicas)-1) {
			text += fmt.Sprintf(": the %s end of the interval is that bound, the data give none", b.end)
		}
		said = append(said, text)
	}
	return strings.Join(said, "; ")
}
