package claims

import (
	"fmt"
	"math"
	"slices"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/stats"
)

func ratioOf(logAbove, logBelow value) value {
	return func(e *record.Epoch) float64 { return logAbove(e) - logBelow(e) }
}

// last is a number of a run's last row.
func last(r *record.Record, key string) float64 { return of(key)(r.Last()) }

// lasts returns a number of the last rows, one a run; nil if one lacks it.
func lasts(runs []*record.Record, key string) (out []float64) {
	for _, r := range runs {
		v := last(r, key)
		if !defined(v) {
			return nil
		}
		out = append(out, v)
	}
	return out
}

// finalECE is the ECE of a final measurement, NaN where the run has none.
func finalECE(r *record.Record, samples, scaling string, bins int) float64 {
	if c := r.Calibration(samples, scaling, bins); c != nil {
		if v, ok := c.Metrics["ece"]; ok {
			return float64(v)
		}
	}
	return nan
}

// fitHalfECE is the unscaled ECE of the half of the test split that the final measurement of
// record.TestHalf leaves out, from the bins of the whole and of the other half.
func fitHalfECE(r *record.Record, bins int) float64 {
	whole, half := r.Calibration(record.TestSplit, record.Unscaled, bins), r.Calibration(record.TestHalf,
		record.Unscaled, bins)
	if whole == nil || half == nil || whole.N <= half.N {
		return nan
	}
	var sum float64
	for i := range whole.Bins {
		gap := binGap(whole.Bins[i]) - binGap(half.Bins[i])
		sum += math.Abs(gap)
	}
	return sum / float64(whole.N-half.N)
}

// binGap is the number of correct samples of a bin less the sum of their confidences.
func binGap(b record.Bin) float64 {
	if b.Count == 0 {
		return 0
	}
	return float64(b.Count) * float64(b.Accuracy-b.Confidence)
}

// rawECELower picks δ on one half of the test split and compares ECE with CE's on the other.
func rawECELower(g *group) finding {
	best, least := nan, math.Inf(1)
	for _, a := range g.sweep() {
		var v []float64
		for _, r := range a.runs {
			v = append(v, fitHalfECE(r, 15))
		}
		if m := mean(v); a.delta > 0 && m < least {
			best, least = a.delta, m
		}
	}
	if !defined(best) {
		return undecided(g.most(), "no δ above 0 has three seeds with a calibration at the end")
	}
	p := g.against(0, best)
	var parts []finding
	for _, bins := range []int{15, 20} {
		var d []float64
		for i := range p.ce {
			if v := finalECE(p.ls[i], record.TestHalf, record.Unscaled, bins) -
				finalECE(p.ce[i], record.TestHalf, record.Unscaled, bins); defined(v) {
				d = append(d, v)
			}
		}
		parts = append(parts, below(d,
			fmt.Sprintf("difference of ECE before scaling (%d bins), on the half of the test images that did "+
				"not choose δ = %g", bins, best)))
	}
	return all(parts...)
}

// most is the largest number of seeds of any δ.
func (g *group) most() (n int) {
	for _, a := range g.arms {
		n = max(n, len(a.runs))
	}
	return n
}

// least is the smallest number of seeds of arms.
func least(arms []arm) int {
	if len(arms) == 0 {
		return 0
	}
	n := math.MaxInt
	for _, a := range arms {
		n = min(n, len(a.runs))
	}
	return n
}

// byDelta returns δ and a seed-mean number of each arm, without arms that lack it.
func byDelta(arms []arm, number func(*record.Record) float64) (deltas, v []float64) {
	for _, a := range arms {
		var all []float64
		for _, r := range a.runs {
			all = append(all, number(r))
		}
		if m := mean(all); defined(m) {
			deltas, v = append(deltas, a.delta), append(v, m)
		}
	}
	return deltas, v
}

// agreeing counts the seeds in which ρ(δ, number) has a sign; a seed counts where it has all δ.
func agreeing(arms []arm, number func(*record.Record) float64, sign float64) (agree, seeds int) {
	if len(arms) == 0 {
		return 0, 0
	}
	for _, r := range arms[0].runs {
		var x, y []float64
		for _, a := range arms {
			i := slices.IndexFunc(a.runs, func(o *record.Record) bool { return o.Spec.Seed == r.Spec.Seed })
			if i >= 0 {
				x, y = append(x, a.delta), append(y, number(a.runs[i]))
			}
		}
		if len(x) < len(arms) {
			continue
		}
		seeds++
		if sign*rho(x, y) > 0 {
			agree++
		}
	}
	return agree, seeds
}

// minDeltas is how many δ a trend against δ needs.
const minDeltas = 4

// fewDeltas says that too few δ have enough seeds.
func fewDeltas(n, need int) string {
	return fmt.Sprintf("%d values of δ have %d seeds, and %d are needed", n, MinSeeds, need)
}

// monotone decides whether ρ(δ, number) = −1 on seed means.
func (g *group) monotone(number func(*record.Record) float64, what string) finding {
	arms := g.sweep()
	x, y := byDelta(arms, number)
	if len(x) < minDeltas {
		return undecided(g.most(), what+": "+fewDeltas(len(x), minDeltas))
	}
	r := rho(x, y)
	agree, seeds := agreeing(arms, number, -1)
	return shown(r < -1+1e-9, r, least(arms), fmt.Sprintf("ρ(δ, %s) = %.2f over %d values of δ (below 0 in %d "+
		"of %d seeds)",
		what, r, len(x), agree, seeds))
}

func atEnd(key string) func(*record.Record) float64 {
	return func(r *record.Record) float64 { return last(r, key) }
}

// largeDeltaHurts: past the first δ with T < 1 accuracy exceeds confidence, and ECE grows with δ.
func largeDeltaHurts(g *group) finding {
	var past []arm
	for _, a := range g.sweep() {
		if t := mean(lasts(a.runs, "test_temperature")); len(past) > 0 || t < 1 {
			past = append(past, a)
		}
	}
	if len(past) < 3 {
		return undecided(g.most(), "above T = 1, "+fewDeltas(len(past), 3))
	}
	number := func(r *record.Record) float64 { return 1 - last(r, "test_error") - last(r, "test_confidence") }
	var parts []finding
	_, under := byDelta(past, number)
	if len(under) < len(past) {
		return undecided(least(past), "confidence is not recorded")
	}
	lowest := slices.Min(under)
	parts = append(parts, shown(lowest > 0, lowest, least(past),
		fmt.Sprintf("from δ = %g on, accuracy minus confidence is at least %.3g", past[0].delta, lowest)))
	x, y := byDelta(past, atEnd("test_ece"))
	r := rho(x, y)
	agree, seeds := agreeing(past, atEnd("test_ece"), 1)
	parts = append(parts, shown(r > 0, r, least(past), fmt.Sprintf("ρ(δ, ECE) = %.2f (above 0 in %d of %d seeds)",
		r, agree, seeds)))
	return all(parts...)
}

// scaledECEHigher compares ECE after temperature scaling: T from the NLL of the other half decides;
// T fitted on the test samples themselves is reported.
func scaledECEHigher(p pair) finding {
	differences := func(samples, scaling string, bins int) (d []float64) {
		for i := range p.ce {
			if v := finalECE(p.ls[i], samples, scaling, bins) - finalECE(p.ce[i], samples, scaling, bins); defined(v) {
				d = append(d, v)
			}
		}
		return d
	}
	d := differences(record.TestHalf, record.ScaledByNLL, 15)
	if len(d) == 0 {
		for i := range p.ce {
			if v := last(p.ls[i], "test_scaled_ece") - last(p.ce[i], "test_scaled_ece"); defined(v) {
				d = append(d, v)
			}
		}
	}
	f := above(d, "difference of ECE (15 bins) after temperature scaling, with T fitted on the other half of "+
		"the test images")
	if v := differences(record.TestHalf, record.ScaledByNLL, 20); len(v) > 0 {
		f.note += fmt.Sprintf("; with 20 bins it is %.3g", mean(v))
	}
	if v := differences(record.TestSplit, record.ScaledByECE, 20); len(v) > 0 {
		g := above(v, "")
		f.note += fmt.Sprintf("; with T fitted on the same images, as in the authors' code (20 bins), it is "+
			"%.3g: %s", g.effect,
			g.verdict)
	}
	return f
}

func trainedNormsFall(g *group) finding {
	return all(g.monotone(func(r *record.Record) float64 { return average(curve(r, g.final(), of("w_norm"))) }, "‖w‖"),
		g.monotone(func(r *record.Record) float64 { return average(curve(r, g.final(), of("h_norm"))) }, "‖h‖"))
}

// temperatureFalls: ρ(δ, T) = −1, T of CE above 1 and that of the largest δ below.
func temperatureFalls(g *group) finding {
	f := g.monotone(atEnd("test_temperature"), "T")
	x, y := byDelta(g.sweep(), atEnd("test_temperature"))
	if f.verdict == NotDecided || x[0] != 0 {
		return undecided(g.most(), f.note)
	}
	end := y[len(y)-1]
	return all(f, shown(y[0] > 1 && end < 1, end, f.seeds, fmt.Sprintf("T is %.3g under CE and %.3g at δ = %g",
		y[0], end, x[len(x)-1])))
}

// inGroups decides the sign of a number's trend in the correct and in the wrong samples, under each
// loss.
func inGroups(p pair, key string, correct, wrong phase, wrongSign float64) finding {
	var parts []finding
	for _, l := range p.losses() {
		parts = append(parts, p.trend(l.runs, correct, nil, of("test_correct_"+key), -1,
			said(key)+" of correct samples under "+l.name),
			p.trend(l.runs, wrong, nil, of("test_wrong_"+key), wrongSign,
				said(key)+" of wrong samples under "+l.name+", "+wrong.name))
	}
	return all(parts...)
}

func lossByGroup(p pair) finding {
	second := p.milestone(1)
	if second == 0 {
		return undecided(len(p.ce), "the runs end before the second milestone")
	}
	after := phase{fmt.Sprintf("epochs from %.0f", second+1), second, p.length()}
	return inGroups(p, "nll", p.whole(), after, 1)
}

func entropyByGroup(p pair) finding { return inGroups(p, "entropy", p.whole(), p.whole(), -1) }

func testNC1ByGroup(p pair) finding { return inGroups(p, "nc1", p.whole(), p.whole(), -1) }

// nc1WithEntropy: among wrong samples NC1 and entropy move together, along the curve and from one
// measured epoch to the next.
func nc1WithEntropy(p pair) finding {
	var parts []finding
	nc1, entropy := of("test_wrong_nc1"), of("test_wrong_entropy")
	for _, l := range p.losses() {
		parts = append(parts, p.trend(l.runs, p.whole(), nc1, entropy, 1, "along the epochs under "+l.name))
		var each []float64
		agree := 0
		for _, r := range l.runs {
			a, b := changes(r, p.whole(), nc1, entropy)
			if c := rho(a, b); defined(c) {
				each = append(each, c)
				if c > 0 {
					agree++
				}
			}
		}
		if len(each) == 0 {
			parts = append(parts, undecided(len(l.runs), "changes between measured epochs under "+l.name+": not "+
				"recorded"))
			continue
		}
		parts = append(parts, shown(mean(each) > 0, mean(each), len(each),
			fmt.Sprintf("changes between measured epochs under %s: ρ = %.2f (%d of %d seeds agree)", l.name, mean(each),
				agree, len(each))))
	}
	return all(parts...)
}

// changes returns the steps of two numbers between the epochs that have both.
func changes(r *record.Record, at phase, u, v value) (du, dv []float64) {
	both := func(e *record.Epoch) bool { return defined(u(e)) && defined(v(e)) }
	var before *record.Epoch
	for i := range r.Epochs {
		e := &r.Epochs[i]
		if x := float64(e.Epoch); x <= at.from || x > at.to || !both(e) {
			continue
		}
		if before != nil {
			du, dv = append(du, u(e)-u(before)), append(dv, v(e)-v(before))
		}
		before = e
	}
	return du, dv
}

// eceRisesLate: the slope of test ECE over the epochs with at most 0.1 % training error.
func eceRisesLate(p pair) finding {
	return atMargins(0.001, "training error", func(most float64) finding {
		var parts []finding
		for _, l := range p.losses() {
			var d []float64
			for _, r := range l.runs {
				x, y := curve(r, p.whole(), func(e *record.Epoch) float64 {
					if of("train_error")(e) > most {
						return nan
					}
					return of("test_ece")(e)
				})
				if line, err := stats.FitLine(x, y); err == nil {
					d = append(d, line.Slope)
				}
			}
			parts = append(parts, above(d, "slope of ECE per epoch in the terminal phase under "+l.name))
		}
		return all(parts...)
	})
}
