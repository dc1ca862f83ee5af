package figures

import (
	"cmp"
	"context"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/ufm"
)

// freeSeed draws the start of the descents on free features.
const freeSeed = 2021

// alongPanels are the panels of Figures 9 and 10.
var alongPanels = []struct {
	title, axis string
	log         bool
	key         string
	free        func(ufm.Row) float64
}{
	{"training error", "error (%)", false, "train_error", func(r ufm.Row) float64 { return 100 * r.Error }},
	{"NC1", "NC1 (log scale)", true, "nc1", func(r ufm.Row) float64 { return r.NC1 }},
	{"NC2", "NC2 (log scale)", true, "nc2", func(r ufm.Row) float64 { return r.NC2 }},
	{"NC3", "NC3 (log scale)", true, "nc3", func(r ufm.Row) float64 { return r.NC3 }},
}

// Figure9 draws the paper's Figure 9 for runs under CE (δ = 0) and LS without the penalties of the
// simulated unconstrained feature model: training error, NC1, NC2 and NC3 against the epoch, a line
// for each δ, in panels for each data set. From three seeds of a δ on the line is their mean with its
// band. A planned run that is not recorded is named.
func Figure9(runs ...Series) (*Figure, error) {
	with, _ := recorded(runs)
	for _, s := range with {
		if s.Record != nil && s.Record.Spec.UFM() {
			return nil, fmt.Errorf("figures: Figure 9 is of runs with weight decay; %q is of the simulated "+
				"unconstrained feature model, which is Figure 10", s.Record.Spec.Name)
		}
	}
	return alongFigure("fig9", "", runs)
}

// Figure10 draws the paper's Figure 10, which is Figure9 under the simulated unconstrained feature
// model where s+δ < 1. It is an error if a run is not of that model, or if s+δ ≥ 1 in it.
func Figure10(runs ...Series) (*Figure, error) {
	with, _ := recorded(runs)
	for _, s := range with {
		if s.Record == nil {
			continue // alongFigure reports it
		}
		m, err := minimiserOf("Figure 10", s.Record)
		if err != nil {
			return nil, err
		}
		if m.S+m.Delta >= 1 {
			return nil, fmt.Errorf("figures: Figure 10 is of s+δ < 1; run %q has s = %.3g and δ = %g",
				s.Record.Spec.Name, m.S, m.Delta)
		}
	}
	return alongFigure("fig10", "Weight decay is replaced by the penalties of the unconstrained feature model. ", runs)
}

// alongFigure draws Figure 9 or 10.
func alongFigure(id, caption string, runs []Series) (*Figure, error) {
	f := figure(id)
	ps, deltas, err := deltaParts(f.Number, runs)
	if err != nil {
		return nil, err
	}
	origin, err := originOf(runs)
	if err != nil {
		return nil, err
	}
	var panels, absent []panel
	missing := 0
	for _, p := range ps {
		if len(p.groups) == 0 {
			absent = append(absent, missingPanel(p.title(), p.missing))
			continue
		}
		for _, w := range alongPanels {
			title := fmt.Sprintf("(%c) %s", 'a'+len(panels), w.title)
			if len(ps) > 1 {
				title = fmt.Sprintf("(%c) %s: %s", 'a'+len(panels), p.title(), w.title)
			}
			m := metric(w.key)
			drawn, n := alongPanel(title, w.axis, w.log, p.groups, deltas.style,
				func(_ *record.Record, e *record.Epoch) float64 { return m.Shown(e) })
			panels = append(panels, drawn)
			missing += n
		}
	}
	f.Alt = "Panels against the epoch, a line for each δ."
	f.Caption = "δ = 0 is CE. " + caption + "NC1 to NC3 by Equations 4 to 6 on the training features. " +
		partsNote(ps) + origin + undrawn(missing)
	return f, f.layWithMissing(660, 235, 2, legend{deltas.legend()}, panels, absent)
}

// deltaLabels are the labels of a figure with a line for each δ, in increasing order of δ.
type deltaLabels []string

// deltaLabel is the label of the runs of a δ.
func deltaLabel(delta float64) string {
	if delta == 0 {
		return "δ = 0 (CE)"
	}
	return "δ = " + strconv.FormatFloat(delta, 'g', -1, 64)
}

// deltaParts sorts runs under CE and LS by data set and δ. number is that of the figure, for errors.
func deltaParts(number string, runs []Series) ([]part, deltaLabels, error) {
	runs = slices.Clone(runs)
	for i, s := range runs {
		if s.Record == nil {
			continue // a missing run, or one that parts reports
		}
		delta, ok := deltaOf(s.Record)
		if !ok {
			return nil, nil, fmt.Errorf("figures: Figure %s is of losses ce and ls; a run has loss %s", number,
				s.Record.Spec.Loss.Name)
		}
		if s.Label == "" {
			runs[i].Label = deltaLabel(delta)
		}
	}
	ps, err := parts(runs)
	if err != nil {
		return nil, nil, err
	}
	byDelta := map[string]float64{}
	var deltas deltaLabels
	for _, p := range ps {
		slices.SortStableFunc(p.groups, func(a, b group) int {
			return cmp.Compare(a.runs[0].Spec.Delta, b.runs[0].Spec.Delta)
		})
		for _, g := range p.groups {
			if _, ok := byDelta[g.label]; !ok {
				deltas = append(deltas, g.label)
				byDelta[g.label] = g.runs[0].Spec.Loss.Delta
			}
		}
	}
	slices.SortStableFunc(deltas, func(a, b string) int { return cmp.Compare(byDelta[a], byDelta[b]) })
	return ps, deltas, nil
}

// ordinal are colours in an order, from dark to light, that read in grey and by the colour-blind.
var ordinal = []color.NRGBA{{0x2D, 0x0B, 0x59, 0xFF}, {0x36, 0x4B, 0x9A, 0xFF}, {0x1F, 0x8A, 0x8C, 0xFF},
	{0x5A, 0xB8, 0x5C, 0xFF}, {0xE0, 0xB0, 0x10, 0xFF}}

// ordinalStyle is the line of the i-th of n values in an order.
func ordinalStyle(i, n int) draw.LineStyle {
	l := lineStyle(i)
	l.Color = between(ordinal, float64(i)/float64(max(n-1, 1)))
	l.Width = vg.Points(1.4)
	return l
}

// style is the line of a label.
func (d deltaLabels) style(label string) draw.LineStyle {
	return ordinalStyle(slices.Index(d, label), len(d))
}

func (d deltaLabels) legend() (block []entry) {
	for _, label := range d {
		block = append(block, entry{label, &curve{line: d.style(label)}})
	}
	return block
}

// leastNC1 is the least NC1 that is drawn of free features: below it is rounding.
const leastNC1 = 1e-12

// freeFigure10 draws Figure 10 for free features: gradient descent on the small unconstrained feature
// model, from one start, for each δ of the paper's with s+δ < 1.
func freeFigure10(p ufm.Params) (*Figure, error) {
	m, err := p.Minimiser()
	if err != nil {
		return nil, err
	}
	deltas := slices.DeleteFunc([]float64{0, 0.05, 0.1, 0.2, 0.3, 0.4}, func(d float64) bool { return m.S+d >= 1 })
	if len(deltas) == 0 {
		return nil, fmt.Errorf("figures: Figure 10 is of s+δ < 1; here s = %.3g: take smaller penalties", m.S)
	}
	d, err := p.Dynamics(context.Background(), freeSeed, deltas...)
	if err != nil {
		return nil, err
	}
	var panels []panel
	labels := freeLabels(d)
	for i, w := range alongPanels {
		panels = append(panels, freePanel(fmt.Sprintf("(%c) %s", 'a'+i, w.title), w.axis, w.log, d, labels,
			func(_ ufm.DynamicsPath, r ufm.Row) float64 {
				if v := w.free(r); w.key != "nc1" || v >= leastNC1 {
					return v
				}
				return math.NaN()
			}))
	}
	f := &Figure{Number: entryOf("fig10").Number, Title: entryOf("fig10").Title + ", free features",
		Alt: "Four panels against the step of gradient descent, a line for each δ."}
	f.Caption = fmt.Sprintf("δ = 0 is CE; NC1 below %g, which is rounding, is not drawn. ", leastNC1) + freeCaption(d)
	return f, f.lay(660, 540, 2, legend{labels.legend()}, panels)
}

// freeCaption says how descents on free features came about.
func freeCaption(d *ufm.Dynamics) string {
	return fmt.Sprintf("Free features, no network and no images: gradient descent on the unconstrained feature model "+
		"from a random start (seed %d), step size %.3g in units of 1/√λ, K = %d, n = %d, d = %d; the paper's λ_W, "+
		"and λ_H such that s is that of n = 5000. The step axis is logarithmic.", d.Seed, d.Rate, d.K, d.N, d.D)
}

// freeLabels are the labels of descents.
func freeLabels(d *ufm.Dynamics) (labels deltaLabels) {
	for _, p := range d.Paths {
		labels = append(labels, deltaLabel(p.Delta))
	}
	return labels
}

// freePanel is a panel of a number along descents, against the step on a log axis.
func freePanel(title, axis string, log bool, d *ufm.Dynamics, labels deltaLabels,
	value func(ufm.DynamicsPath, ufm.Row) float64) panel {
	p := newChart(title, "step", axis)
	var curves []*curve
	for _, path := range d.Paths {
		label := deltaLabel(path.Delta)
		k := &curve{name: label, seed: strconv.FormatUint(d.Seed, 10), line: labels.style(label)}
		last := 0.0 // points closer than 4 % of their step are not seen apart
		for i, r := range path.Rows {
			if step := float64(r.Step); step > 1.04*last || i == len(path.Rows)-1 {
				last = step
				k.x, k.y = append(k.x, float64(r.Step)), append(k.y, value(path, r))
			}
		}
		curves = append(curves, k)
	}
	addCurves(p, log, curves)
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
	return p
}
