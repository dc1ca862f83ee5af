package figures

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot/vg/draw"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/record/summary"
)

// Figure5 draws the paper's Figure 5: the training loss of runs under CE and LS, and the log-scaled
// loss log(L − L_min + c), each against the epoch, in a row for each of the paper's data sets. c and
// L_min are those of Table2. Errors are those of Table2's runs; a planned run that is not recorded is
// named.
func Figure5(runs ...Series) (*Figure, error) {
	ps, origin, err := partsOrigin(runs)
	if err != nil {
		return nil, err
	}
	f := figure("fig5")
	f.Alt = "Training loss and log-scaled training loss against the epoch."
	names, missing := labels(ps), 0
	style := func(label string) draw.LineStyle { return lineStyle(slices.Index(names, label)) }
	var panels, absent []panel
	var constants string
	for _, p := range ps {
		if len(p.groups) == 0 {
			absent = append(absent, missingPanel(p.title(), p.missing))
			continue
		}
		letter := 'a' + rune(len(panels))
		a, b := fmt.Sprintf("(%c) ", letter), fmt.Sprintf("(%c) ", letter+1)
		if len(ps) > 1 {
			a, b = a+p.title()+": ", b+p.title()+": "
		}
		l, err := logScaledOf(p)
		if err != nil {
			return nil, err
		}
		constants += l.constants(p)
		for _, of := range []struct {
			title, axis string
			log         bool
			value       func(*record.Record, *record.Epoch) float64
		}{
			{a + "training loss", "loss (nats)", true,
				func(_ *record.Record, e *record.Epoch) float64 { return float64(e.TrainLoss) }},
			{b + "log-scaled loss", fmt.Sprintf("log(L − L_min + %v)", l.set.LogOffset), false,
				func(r *record.Record, e *record.Epoch) float64 { return l.value(r, e.Epoch) }},
		} {
			drawn, n := alongPanel(of.title, of.axis, of.log, p.groups, style, of.value)
			panels = append(panels, drawn)
			missing += n
		}
	}
	f.Caption = "L is the training loss of the run's own kind, over all training images in evaluation mode, without " +
		"weight decay. Losses of CE and LS do not compare as they are, so log(L − L_min + c) is taken, natural. " +
		constants + partsNote(ps) + origin + undrawn(missing)
	err = f.layWithMissing(660, 240, 2, legend{partsLegend(ps)}, panels, absent)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// logScaledOf returns the log-scaled loss of a part's runs, with L_min as Table2 takes it.
func logScaledOf(p part) (*logScaled, error) {
	c := &comparison{runs: p.runs, groups: p.groups, first: p.runs[0].Record}
	c.set, c.onPaper = paperSetOf(p.dataset)
	if err := c.checkLogScaled("Figure 5"); err != nil {
		return nil, err
	}
	l := &logScaled{comparison: c, least: ownMinimum}
	if slices.ContainsFunc(p.runs, func(s Series) bool { return !wholeSchedule(s.Record) }) {
		l.least = lossFloor
	}
	return l, nil
}

// constants says what c and L_min are for a part, and how much lower LS starts.
func (l *logScaled) constants(p part) string {
	s := fmt.Sprintf("%s: c = %v as in the paper, L_min is the run's own least loss. ", p.title(), l.set.LogOffset)
	if l.least == lossFloor {
		s = fmt.Sprintf("%s: c = %v as in the paper, L_min is the least value that the loss can have, because not all "+
			"runs reach the end of their schedule. ", p.title(), l.set.LogOffset)
	}
	for _, g := range p.groups {
		if d := g.runs[0].Spec.Loss.Delta; d > 0 {
			s += fmt.Sprintf("From uniform logits and L_min at its floor, δ = %g starts lower than CE by %s. ", d,
				fixed(l.set.headStart(d), 2))
		}
	}
	return s
}

// alongPanel is a panel of a number along training, and how many values it leaves out. style gives
// the line of a label.
func alongPanel(title, axis string, log bool, gs []group, style func(label string) draw.LineStyle,
	value func(*record.Record, *record.Epoch) float64) (panel, int) {
	p := newPanel(title, axis)
	var curves []*curve
	missing := 0
	for _, g := range gs {
		var paths []path
		for _, r := range g.runs {
			one := path{seed: seedText(r)}
			for i := range r.Epochs {
				v := value(r, &r.Epochs[i])
				if math.IsInf(v, 0) {
					v = math.NaN()
				}
				one.x, one.y = append(one.x, float64(r.Epochs[i].Epoch)), append(one.y, v)
			}
			paths = append(paths, one)
		}
		ks, n := g.spread(paths, look{line: style(g.label), log: log, share: axis == "error (%)"})
		for _, k := range ks {
			k.bandless = len(gs) > mostBands
		}
		curves = append(curves, ks...)
		missing += n
	}
	addCurves(p, log, curves)
	return p, missing
}

// mostBands is how many groups of a panel have bands; more would hide one another.
const mostBands = 6

// partsNote is seedsNote of the groups of all parts.
func partsNote(ps []part) string {
	var gs []group
	for _, p := range ps {
		gs = append(gs, p.groups...)
	}
	note := seedsNote(gs)
	if note != "" && slices.ContainsFunc(ps, func(p part) bool { return len(p.groups) > mostBands }) {
		return fmt.Sprintf("Lines are means over at least %d seeds, whose 95 %% intervals are in the data; thin lines "+
			"are single runs where there are fewer. ", summary.MinSeeds)
	}
	return note
}
