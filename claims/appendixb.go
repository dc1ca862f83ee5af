package claims

import (
	"fmt"
	"math"
	"slices"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/stats"
)

// ownDistancesFall: the distances of W and of H̄ from an ETF fall with NC2, under each loss.
func ownDistancesFall(p pair) finding {
	var parts []finding
	for _, l := range p.losses() {
		for _, key := range []string{"nc2_w", "nc2_h"} {
			parts = append(parts, p.trend(l.runs, p.whole(), of("nc2"), of(key), 1,
				said(key)+" with NC2 under "+l.name))
		}
	}
	return all(parts...)
}

// leastLoss is the least training loss of a run's rows.
func leastLoss(r *record.Record) float64 {
	low := math.Inf(1)
	for i := range r.Epochs {
		if v := float64(r.Epochs[i].TrainLoss); v < low {
			low = v
		}
	}
	return low
}

// wholeSchedule reports whether runs get to the end of their schedule, so that their least loss is
// L_min.
func (g *group) wholeSchedule() bool {
	return g.spec.ScheduleEpochs > 0 && !g.cut() && g.milestone(0) > 0
}

// logLossLower compares log(L − L_min + c) up to the first milestone, as it is and with L − L_min
// divided by its first value, which takes out LS's head start.
func logLossLower(p pair) finding {
	if !p.wholeSchedule() {
		return undecided(len(p.ce), "L_min is the smallest loss of the whole schedule, and the runs stop before "+
			"its end")
	}
	first := p.milestone(0)
	c := record.PaperSets[p.spec.Dataset].LogOffset
	differences := func(fromStart bool) (d []float64) {
		for i := range p.ce {
			var mean [2]float64
			for j, r := range []*record.Record{p.ce[i], p.ls[i]} {
				low := leastLoss(r)
				start := 1.0
				if fromStart {
					start = float64(r.Epochs[0].TrainLoss) - low
				}
				mean[j] = average(curve(r, phase{"", 0, first}, func(e *record.Epoch) float64 {
					return math.Log((float64(e.TrainLoss)-low)/start + c)
				}))
			}
			if v := mean[1] - mean[0]; defined(v) {
				d = append(d, v)
			}
		}
		return d
	}
	return all(
		below(differences(false), fmt.Sprintf("mean difference of log(L − L_min + %g) to epoch %.0f", c, first)),
		below(differences(true), "the same with L − L_min divided by its value at epoch 1"))
}

// lateFluctuation compares the standard deviation of the log-scaled loss's changes from epoch to
// epoch, less their mean, after the first milestone and before it.
func lateFluctuation(p pair) finding {
	if !p.wholeSchedule() {
		return undecided(len(p.ce), "the runs do not reach the end of their schedule")
	}
	c, first := record.PaperSets[p.spec.Dataset].LogOffset, int(p.milestone(0))
	var parts []finding
	for _, l := range p.losses() {
		var d, near []float64
		for _, r := range l.runs {
			ratio, left, ok := fluctuation(r, c, first)
			if ok {
				d, near = append(d, ratio), append(near, left)
			}
		}
		if len(d) == 0 {
			return undecided(0, "the loss of every epoch is not recorded")
		}
		parts = append(parts, above(d, fmt.Sprintf("log(fluctuation after epoch %d / fluctuation before it) under %s",
			first, l.name)),
			atMargins(0.1, "share of the decrease left", func(share float64) finding {
				return shown(mean(near) < share, mean(near), len(near),
					fmt.Sprintf("after the milestone %.3g of the decrease of the loss is left under %s",
						mean(near), l.name))
			}))
	}
	return all(parts...)
}

// fluctuation returns log(sd after / sd before) of a run's steps of log(L − L_min + c), and the
// mean share of L − L_min that is left after the milestone. L is the mean loss of an epoch's steps.
func fluctuation(r *record.Record, c float64, milestone int) (ratio, left float64, ok bool) {
	loss := make([]float64, len(r.StepLosses))
	for i, v := range r.StepLosses {
		loss[i] = float64(v)
		if !defined(loss[i]) {
			return 0, 0, false
		}
	}
	if milestone < 4 || len(loss) < milestone+4 {
		return 0, 0, false
	}
	low := slices.Min(loss)
	scaled := func(part []float64) (v []float64) {
		for _, l := range part {
			v = append(v, math.Log(l-low+c))
		}
		return v
	}
	before, after := deviation(scaled(loss[:milestone])), deviation(scaled(loss[milestone:]))
	if before == 0 || after == 0 || loss[0] == low {
		return 0, 0, false
	}
	return math.Log(after / before), (mean(loss[milestone:]) - low) / (loss[0] - low), true
}

// deviation is the standard deviation of a curve's second differences over √6: independent noise
// of standard deviation σ about a straight line gives σ.
func deviation(v []float64) float64 {
	var sum float64
	for i := 2; i < len(v); i++ {
		d := v[i] - 2*v[i-1] + v[i-2]
		sum += d * d
	}
	return math.Sqrt(sum / 6 / float64(len(v)-2))
}

// innerMinimum decides whether the final number at its best inner δ lies below that at δ = 0 and,
// if asked, at the largest δ, each by the interval over seeds. The best δ is picked on the same
// runs, which favours the claim.
func (g *group) innerMinimum(key string, v value, bothEnds bool) finding {
	arms := g.sweep()
	if len(arms) < minDeltas || arms[0].delta != 0 {
		return undecided(g.most(), key+": "+fewDeltas(len(arms), minDeltas)+", with δ = 0 among them")
	}
	best, low := nan, math.Inf(1)
	for _, a := range arms[1 : len(arms)-1] {
		if m := mean(g.finals(a.runs, v)); m < low {
			best, low = a.delta, m
		}
	}
	if !defined(best) {
		return undecided(least(arms), key+" is not recorded")
	}
	f := below(g.against(0, best).differences(g.final(), v),
		fmt.Sprintf("%s at δ = %g, where it is smallest inside the range, minus that at δ = 0", key, best))
	if !bothEnds {
		return f
	}
	end := arms[len(arms)-1].delta
	return all(f, below(g.against(end, best).differences(g.final(), v),
		fmt.Sprintf("%s there minus that at δ = %g", key, end)))
}

func ncUShape(g *group) finding {
	return all(g.innerMinimum("log NC1", logOf("nc1"), true), g.innerMinimum("log NC2", logOf("nc2"), true))
}

// nc3Flat: the largest NC3 over δ is less than twice the least, and this ratio is below NC1's and
// NC2's.
func nc3Flat(g *group) finding {
	ratio := func(key string) float64 {
		x, y := byDelta(g.sweep(), func(r *record.Record) float64 { return average(curve(r, g.final(), of(key))) })
		if len(x) < minDeltas {
			return nan
		}
		return slices.Max(y) / slices.Min(y)
	}
	r, one, two := ratio("nc3"), ratio("nc1"), ratio("nc2")
	if !defined(r) || !defined(one) || !defined(two) {
		return undecided(g.most(), fewDeltas(len(g.sweep()), minDeltas))
	}
	return atRatios(2, "ratio", func(most float64) finding {
		return shown(r < most && r < one && r < two, r, least(g.sweep()),
			fmt.Sprintf("largest divided by smallest seed mean over δ: NC3 %.3g, NC1 %.3g, NC2 %.3g", r, one, two))
	})
}

// testErrorUShape: the test error at an inner δ is below that at 0; near δ = 1 it is higher again,
// and both norms are less than half of those at 0.
func testErrorUShape(g *group) finding {
	arms := g.sweep()
	if len(arms) < minDeltas || arms[len(arms)-1].delta < 0.9 {
		return undecided(g.most(), "no δ of 0.9 or more has three seeds")
	}
	f := g.innerMinimum("test error", of("test_error"), true)
	return atMargins(0.5, "norms at the largest δ below", func(share float64) finding {
		parts := []finding{f}
		for _, key := range []string{"w_norm", "h_norm"} {
			_, y := byDelta(arms, func(r *record.Record) float64 { return average(curve(r, g.final(), of(key))) })
			left := y[len(y)-1] / y[0]
			parts = append(parts, shown(left < share, left, least(arms),
				fmt.Sprintf("%s at δ = %g is %.3g of that at δ = 0", said(key), arms[len(arms)-1].delta, left)))
		}
		return all(parts...)
	})
}

// robustDelta compares on how wide a range of δ the test error is within a point of the best one
// and NC1 and NC2 within twice theirs, on CIFAR-100 and on CIFAR-10.
func robustDelta(e *evidence) Outcome {
	var groups []*group
	var caveats []string
	for _, set := range []string{"cifar10", "cifar100"} {
		g, others := e.choose(set, false, deltas)
		switch {
		case g != nil && len(g.sweep()) >= minDeltas:
			groups = append(groups, g)
			caveats = append(caveats, g.caveats(), others)
		case g == nil && others != "":
			caveats = append(caveats, setName(set)+": "+others)
		}
	}
	if len(groups) < 2 {
		need := "A δ sweep of CIFAR-10 and one of CIFAR-100 are needed, with three seeds"
		return none(sentences(append([]string{need}, caveats...)...))
	}
	if a, b := groups[0].scale, groups[1].scale; a != b {
		return none(fmt.Sprintf("The two δ sweeps are at different scales: CIFAR-10 %s, CIFAR-100 %s", a, b))
	}
	at := func(points, ratio float64) finding {
		ten, hundred := groups[0].nearBest(points, ratio), groups[1].nearBest(points, ratio)
		return shown(hundred > ten, hundred-ten, min(least(groups[0].sweep()), least(groups[1].sweep())),
			fmt.Sprintf("near-best metrics over a width in δ of %.3g on CIFAR-100 and %.3g on CIFAR-10", hundred, ten))
	}
	f := atMargins(0.01, "test error within", func(points float64) finding {
		return atRatios(2, "NC within a ratio of", func(ratio float64) finding { return at(points, ratio) })
	})
	o := groups[0].outcome(f, names(runs(groups[0].arms), runs(groups[1].arms)))
	o.Caveats = sentences(caveats...)
	return o
}

// nearBest is the width of the range of δ around the best test error with near-best metrics
// throughout.
func (g *group) nearBest(points, ratio float64) float64 {
	arms := g.sweep()
	level := func(a arm, key string) float64 { return mean(g.finals(a.runs, of(key))) }
	least := func(key string) float64 {
		low := math.Inf(1)
		for _, a := range arms {
			low = min(low, level(a, key))
		}
		return low
	}
	err, one, two := least("test_error"), least("nc1"), least("nc2")
	from, to := nan, nan
	for _, a := range arms {
		if level(a, "test_error") <= err+points && level(a, "nc1") <= ratio*one && level(a, "nc2") <= ratio*two {
			if !defined(from) {
				from = a.delta
			}
			to = a.delta
		}
	}
	if !defined(from) {
		return 0
	}
	return to - from
}

// lessConfident compares the mean confidence and the share of samples in the top bin of 20.
func lessConfident(p pair) finding {
	confidence := below(p.differences(p.final(), of("test_confidence")),
		"mean difference of the confidence on the test set, "+p.final().name)
	var d []float64
	for i := range p.ce {
		if v := topShare(p.ls[i]) - topShare(p.ce[i]); defined(v) {
			d = append(d, v)
		}
	}
	return all(confidence, below(d, "difference of the share of samples in the top one of 20 bins"))
}

func topShare(r *record.Record) float64 {
	c := r.Calibration(record.TestSplit, record.Unscaled, 20)
	if c == nil || c.N == 0 {
		return nan
	}
	return float64(c.Bins[len(c.Bins)-1].Count) / float64(c.N)
}

// speedFrom is the least δ up to which "a wide range" must reach.
const speedFrom = 0.2

// largerDeltaFaster: the area under each logarithmic curve falls with δ up to some δ, which is
// reported.
func largerDeltaFaster(g *group) finding {
	arms := g.sweep()
	if len(arms) < minDeltas {
		return undecided(g.most(), fewDeltas(len(arms), minDeltas))
	}
	reach := math.Inf(1)
	for _, key := range []string{"train_error", "nc1", "nc2", "nc3"} {
		x, y := byDelta(arms, func(r *record.Record) float64 { return areaUnderLog(r, g.whole(), key) })
		if len(x) < len(arms) {
			return undecided(least(arms), said(key)+" is not recorded, or 0, at a δ")
		}
		reach = min(reach, fallsUpTo(x, y))
	}
	return atMargins(speedFrom, "range of δ up to", func(need float64) finding {
		return shown(reach >= need, reach, least(arms),
			fmt.Sprintf("the areas under the curves of log training error (an error of 0 counts as half a sample), "+
				"log NC1, log NC2 and log NC3 all decrease with δ up to δ = %g", reach))
	})
}

// fallsUpTo is the largest δ up to which ρ(δ, area) < 0, over at least three δ; 0 where there is
// none.
func fallsUpTo(x, y []float64) (reach float64) {
	for n := 3; n <= len(x); n++ {
		if rho(x[:n], y[:n]) < 0 {
			reach = x[n-1]
		}
	}
	return reach
}

// areaUnderLog is the area under a logarithmic curve. A training error of 0 counts as half a sample, as
// the claim's note says; no other metric has a floor, and the area of one that is 0 is not defined.
func areaUnderLog(r *record.Record, at phase, key string) float64 {
	x, y := curve(r, at, of(key))
	if key == "train_error" {
		for i := range y {
			y[i] = max(y[i], 0.5/float64(max(1, r.Data.Train)))
		}
	}
	a, err := stats.AreaUnderLog(x, y)
	if err != nil {
		return nan
	}
	return a.Area
}

// trainedNormError: both norms of every δ end within 1 % of the closed form, and approach it.
func trainedNormError(g *group) finding {
	arms := g.sweep()
	if len(arms) < 3 {
		return undecided(g.most(), fewDeltas(len(arms), 3))
	}
	return atMargins(0.01, "relative error below", func(most float64) finding {
		var parts []finding
		for _, a := range arms {
			w, h, err := g.closedNorms(a)
			if err != nil {
				return undecided(least(arms), err.Error())
			}
			for i, key := range []string{"w_norm", "h_norm"} {
				norm := []float64{w, h}[i]
				apart := func(e *record.Epoch) float64 { return math.Abs(of(key)(e)-norm) / norm }
				end := mean(g.finals(a.runs, apart))
				what := fmt.Sprintf("%s at δ = %g", said(key), a.delta)
				parts = append(parts, shown(end < most, end, len(a.runs),
					fmt.Sprintf("%s ends at a relative error of %.2g", what, end)),
					g.trend(a.runs, g.whole(), nil, apart, -1, what))
			}
		}
		f := all(parts...)
		f.effect = 0
		for _, p := range parts {
			f.effect = max(f.effect, p.effect)
		}
		return f
	})
}
