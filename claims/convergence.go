package claims

import (
	"fmt"
	"math"

	"github.com/gocollapse/collapse/stats"
)

// bothCollapse: each of NC1 to NC3 ends below a tenth of its first value and falls late, under each
// loss.
func bothCollapse(p pair) finding {
	return atMargins(0.1, "share of the first value", func(share float64) finding {
		var parts []finding
		worst, where := 0.0, ""
		for _, l := range p.losses() {
			for _, key := range []string{"nc1", "nc2", "nc3"} {
				_, first := meanCurve(l.runs, phase{"", 0, 1}, of(key))
				last := mean(p.finals(l.runs, of(key)))
				if len(first) == 0 || !defined(last) {
					return undecided(len(l.runs), said(key)+" is not measured both at epoch 1 and in the last tenth")
				}
				ratio := last / first[0]
				if ratio > worst {
					worst, where = ratio, said(key)+" under "+l.name
				}
				fell := shown(ratio < share, ratio, len(l.runs), "")
				trend := p.trend(l.runs, p.late(), nil, of(key), -1, said(key)+" under "+l.name)
				parts = append(parts, fell, trend)
			}
		}
		f := all(parts...)
		f.effect = worst
		f.note = fmt.Sprintf("largest ratio of the mean over the last tenth to the value at epoch 1: %.3g (%s); "+
			"along the epochs, %s", worst, where, f.note)
		return f
	})
}

func lowerTestError(p pair) finding {
	return below(p.differences(p.final(), of("test_error")), "mean difference of the test error, "+p.final().name)
}

func fasterTrainError(p pair) finding {
	return p.sooner(p.early(), of("train_error"), "the training error")
}

// fasterTestError also counts the epochs of Table 1 that the runs have.
func fasterTestError(p pair) finding {
	f := below(p.differences(p.early(), of("test_error")), "mean difference of the test error, "+p.early().name)
	lower, measured := 0, 0
	for _, epoch := range []float64{10, 20, 50, 100} {
		if d := p.differences(phase{"", epoch - 1, epoch}, of("test_error")); len(d) > 0 {
			measured++
			if mean(d) < 0 {
				lower++
			}
		}
	}
	f.note += fmt.Sprintf("; of the epochs 10, 20, 50 and 100, %[2]d were measured, and LS is lower at %[1]d of "+
		"them", lower, measured)
	return f
}

func fasterNCCError(p pair) finding {
	at := p.early()
	return all(below(p.differences(at, of("ncc_error")), "training images: mean difference of the NCC error, "+at.name),
		below(p.differences(at, of("ncc_test_error")), "test images: the same"))
}

// disagreementFalls: NC4, the share on which classifier and nearest mean disagree, falls with NC1
// and ends below 1 % on the training samples.
func disagreementFalls(p pair) finding {
	return atMargins(0.01, "final disagreement below", func(share float64) finding {
		var parts []finding
		worst := 0.0
		for _, l := range p.losses() {
			last := mean(p.finals(l.runs, of("nc4")))
			if !defined(last) {
				return undecided(len(l.runs), "NC4, the share on which classifier and nearest class mean "+
					"disagree, is not recorded")
			}
			worst = max(worst, last)
			parts = append(parts, shown(last < share, last, len(l.runs), ""),
				p.trend(l.runs, p.whole(), of("nc1"), of("nc4"), 1, "NC4 with NC1 under "+l.name))
		}
		f := all(parts...)
		f.effect = worst
		f.note = fmt.Sprintf("classifier and nearest class mean disagree in the end on at most %.2g %% of the "+
			"training images; %s", 100*worst, f.note)
		return f
	})
}

func fasterNC(key string) func(pair) finding {
	return func(p pair) finding { return p.sooner(p.late(), logOf(key), "log "+said(key)) }
}

func lowerFinalNC(p pair) finding {
	var parts []finding
	for _, key := range []string{"nc1", "nc2"} {
		parts = append(parts, below(p.differences(p.final(), logOf(key)),
			"mean difference of log "+said(key)+", "+p.final().name))
	}
	return all(parts...)
}

// comparableNC3: the difference of log NC3 lies inside ±log 1.5 and is smaller than that of log
// NC2.
func comparableNC3(p pair) finding {
	at := p.late()
	d := p.differences(at, logOf("nc3"))
	nc2 := mean(p.differences(at, logOf("nc2")))
	return atMargins(math.Log(1.5), "margin", func(margin float64) finding {
		f := within(d, margin, "mean difference of log NC3, "+at.name)
		f.note += fmt.Sprintf("; that of log NC2 is %.3g", nc2)
		if f.verdict == Holds && math.Abs(f.effect) >= math.Abs(nc2) {
			f.verdict = DoesNotHold
		}
		return f
	})
}

// nc2AtEqualNC1: the mean gap of log NC2 over the common range of log NC1.
func nc2AtEqualNC1(p pair) finding {
	var d []float64
	share := 1.0
	for i := range p.ce {
		_, ax := curve(p.ce[i], p.whole(), logOf("nc1"))
		_, ay := curve(p.ce[i], p.whole(), logOf("nc2"))
		_, bx := curve(p.ls[i], p.whole(), logOf("nc1"))
		_, by := curve(p.ls[i], p.whole(), logOf("nc2"))
		if len(ax) != len(ay) || len(bx) != len(by) {
			continue
		}
		if g, err := stats.CurveGap(ax, ay, bx, by); err == nil {
			d, share = append(d, g.Mean), min(share, g.Share)
		}
	}
	return below(d, fmt.Sprintf("mean difference of log NC2 at equal NC1, over at least %.0f %% of the range of "+
		"NC1", 100*share))
}

// equalLogits compares the standard deviation of the non-target logits over the target's margin.
func equalLogits(p pair) finding {
	spread := func(split string) value {
		sd, margin := logOf(split+"_logit_sd"), logOf(split+"_logit_margin")
		return ratioOf(sd, margin)
	}
	what := "log(standard deviation of the non-target logits / margin of the target)"
	return all(below(p.differences(p.whole(), spread("train")), "training images: mean difference of "+what),
		below(p.differences(p.whole(), spread("test")), "test images: the same"))
}

// gainByDataSet needs STL-10, which cannot be had offline. Without it the signs on CIFAR are shown.
func gainByDataSet(e *evidence) Outcome {
	gain := map[string]finding{}
	var stands, caveats []string
	var first *group
	text := ""
	for _, set := range []string{"cifar10", "cifar100", "stl10"} {
		g, others := e.choose(set, false, seedPairs)
		if g != nil && first != nil && g.scale != first.scale {
			g, others = nil, fmt.Sprintf("The runs on %s are left out: scale %s instead of %s", setName(set), g.scale,
				first.scale)
		}
		if caveats = append(caveats, others); g == nil {
			continue
		}
		if first == nil {
			first = g
		}
		p := g.against(0, paperDelta)
		f := lowerTestError(p)
		f.note = setName(set) + ": " + f.note
		gain[set] = f
		stands = append(stands, names(p.ce, p.ls)...)
		text = sentences(text, fmt.Sprintf("%s: mean difference of the final test error %.3g, %s", setName(set),
			f.effect, f.verdict))
	}
	stl, ok := gain["stl10"]
	if !ok {
		o := none("")
		o.Verdict, o.SeedsNeeded = NotMeasurable, 0
		o.Note = sentences("STL-10 is not available offline", text)
		o.StandsOn, o.Caveats = stands, sentences(caveats...)
		if first != nil {
			o.Scale, o.Seeds = first.scale, gain["cifar10"].seeds
		}
		return o
	}
	ten, okTen := gain["cifar10"]
	hundred, okHundred := gain["cifar100"]
	if !okTen || !okHundred {
		o := none(sentences("CIFAR-10 and CIFAR-100 are both needed", text))
		o.Caveats = sentences(caveats...)
		return o
	}
	size := math.Abs(stl.effect) - max(math.Abs(ten.effect), math.Abs(hundred.effect))
	o := first.outcome(all(ten, hundred, stl, shown(size > 0, size, stl.seeds,
		fmt.Sprintf("STL-10's difference is larger in size by %.3g", size))), stands)
	o.Caveats = sentences(caveats...)
	return o
}
