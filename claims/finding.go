package claims

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/stats"
)

// level is the confidence level of intervals, alpha the level of tests.
const (
	level = 0.95
	alpha = 0.05
	power = 0.8
	most  = 1000 // seeds that are considered
)

// finding is the outcome of one part of a rule, on one group of runs.
type finding struct {
	verdict           Verdict
	effect, low, high float64
	p, dz             float64
	seeds, needed     int
	note              string
}

// undecided is a finding without numbers.
func undecided(seeds int, note string) finding {
	nan := math.NaN()
	f := finding{verdict: NotDecided, effect: nan, low: nan, high: nan, p: nan, dz: nan, seeds: seeds, note: note}
	if seeds < MinSeeds {
		f.needed = MinSeeds
	}
	return f
}

// shown is a finding that rests on no test: a sign or threshold on seed means.
func shown(holds bool, effect float64, seeds int, note string) finding {
	f := undecided(seeds, note)
	f.effect = effect
	if seeds >= MinSeeds {
		f.verdict = verdictOf(holds)
	}
	return f
}

func verdictOf(holds bool) Verdict {
	if holds {
		return Holds
	}
	return DoesNotHold
}

// below decides by the 95 % interval of paired differences, one per seed, whether their mean is
// below 0. what names the difference.
func below(d []float64, what string) finding { return side(d, what, -1) }

// above decides whether the mean of paired differences is above 0.
func above(d []float64, what string) finding { return side(d, what, 1) }

func side(d []float64, what string, want float64) finding {
	f := undecided(len(d), what)
	if len(d) == 0 {
		f.note += ": no run has the numbers"
		return f
	}
	f.effect = d[0]
	est, err := stats.Mean(d, level)
	if err != nil {
		return f
	}
	f.effect, f.low, f.high = est.Mean, est.Interval.Low, est.Interval.High
	if t, err := stats.PairedT(d, level); err == nil {
		f.p, f.dz = t.P, t.Effect
		f.note += fmt.Sprintf(", d_z %s [%s, %s]", number(t.Effect), number(t.EffectInterval.Low),
			number(t.EffectInterval.High))
	}
	switch {
	case len(d) < MinSeeds:
	case want*f.low > 0 && want*f.high > 0:
		f.verdict = Holds
	case want*f.low < 0 && want*f.high < 0:
		f.verdict = DoesNotHold
	}
	f.wantSeeds(alpha)
	return f
}

// wantSeeds sets how many seeds would decide a finding that is not decided.
func (f *finding) wantSeeds(alpha float64) {
	f.needed = 0
	if f.verdict == NotDecided {
		f.needed = seedsNeeded(f.dz, alpha, f.seeds)
	}
}

// seedsNeeded returns how many seeds decide an effect, 0 for more than most and where no effect is
// known.
func seedsNeeded(dz, alpha float64, seeds int) int {
	if !defined(dz) || dz == 0 {
		if seeds < MinSeeds {
			return MinSeeds
		}
		return 0
	}
	n, err := stats.PairsNeeded(math.Abs(dz), alpha, power, most)
	if err != nil || n.More() {
		return 0
	}
	return max(MinSeeds, n.N)
}

// within decides by two one-sided tests whether the mean of paired differences lies inside ±margin.
func within(d []float64, margin float64, what string) finding {
	f := side(d, what, -1)
	f.verdict, f.needed = NotDecided, 0
	f.p = math.NaN()
	if len(d) < MinSeeds {
		f.needed = MinSeeds
		return f
	}
	t, err := stats.TOST(d, -margin, margin, alpha)
	switch {
	case errors.Is(err, stats.ErrNoSpread):
		f.verdict = verdictOf(math.Abs(f.effect) < margin)
		return f
	case err != nil:
		f.note += ": " + err.Error()
		return f
	}
	f.p = t.P
	switch {
	case f.low > -margin && f.high < margin: // the 95 % interval, stricter than TOST's 90 %
		f.verdict = Holds
	case f.low > margin || f.high < -margin:
		f.verdict = DoesNotHold
		f.p = min(1, 2*min(1-t.PLower, 1-t.PUpper))
	}
	return f
}

// all joins the parts of a claim that holds only if each part does. The numbers are those of the
// part that decides: of the failing parts the one with the smallest p, else the one with the
// largest.
func all(parts ...finding) finding {
	parts = slices.Clone(parts)
	verdict := Holds
	for _, v := range []Verdict{NotDecided, OnMargin, DoesNotHold} { // the last one that occurs counts
		if slices.ContainsFunc(parts, func(f finding) bool { return f.verdict == v }) {
			verdict = v
		}
	}
	var at []finding // the parts of this verdict
	notes, seeds, needed := []string{}, math.MaxInt, 0
	for _, f := range parts {
		if f.verdict == verdict {
			at = append(at, f)
		}
		notes = append(notes, f.note)
		seeds, needed = min(seeds, f.seeds), max(needed, f.needed)
	}
	out := at[0]
	p := math.NaN()
	for _, f := range at {
		switch {
		case !defined(f.p):
		case verdict == DoesNotHold && !(p <= f.p), verdict != DoesNotHold && !(p >= f.p):
			p, out = f.p, f
		}
	}
	if verdict == DoesNotHold && defined(p) {
		p = min(1, p*float64(len(parts))) // Bonferroni: any of the parts may fail
	}
	if verdict == Holds || verdict == NotDecided {
		for _, f := range parts { // a joint claim needs every part: the largest p
			if defined(f.p) && !(p >= f.p) {
				p = f.p
			}
		}
	} else {
		needed = 0
	}
	if verdict == Holds {
		needed = 0
	}
	out.verdict, out.p, out.seeds, out.needed = verdict, p, seeds, needed
	out.note = strings.Join(slices.DeleteFunc(notes, func(s string) bool { return s == "" }), "; ")
	return out
}

// atMargins decides at a margin or threshold, at half and at twice its value. The numbers are
// those at the value itself.
func atMargins(value float64, what string, decide func(float64) finding) finding {
	return tried(value, value/2, value*2, what, decide)
}

// atRatios is atMargins for a threshold on a ratio above 1, which changes on a logarithmic scale.
func atRatios(value float64, what string, decide func(float64) finding) finding {
	return tried(value, math.Sqrt(value), value*value, what, decide)
}

func tried(value, half, twice float64, what string, decide func(float64) finding) finding {
	f, a, b := decide(value), decide(half), decide(twice)
	if a.verdict == f.verdict && b.verdict == f.verdict {
		return f
	}
	f.note += fmt.Sprintf(" (%s %.3g: %s; %.3g: %s; %.3g: %s)", what, half, a.verdict, value, f.verdict, twice,
		b.verdict)
	f.verdict, f.needed = OnMargin, 0
	return f
}
