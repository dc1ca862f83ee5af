package figures

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/plot/vg"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/ufm"
)

// minimiserOf returns the closed form for a run of the simulated unconstrained feature model under CE
// or LS. It is an error if the run is not of that model, or if its classes are not balanced; what
// needs it.
func minimiserOf(what string, r *record.Record) (*ufm.Minimiser, error) {
	s := r.Spec
	delta, ok := deltaOf(r)
	k := r.Model.Classes
	switch {
	case !s.UFM() || !ok:
		return nil, fmt.Errorf("figures: %s is of runs of the simulated unconstrained feature model under CE or LS; "+
			"%q is not one", what, s.Name)
	case k < 2 || r.Data.Train == 0 || r.Data.Train%k != 0 || s.LongTail > 1:
		return nil, fmt.Errorf("figures: %s compares with the closed form for balanced classes; %q has %d training "+
			"images in %d classes", what, s.Name, r.Data.Train, k)
	}
	p := ufm.Params{K: k, N: r.Data.Train / k, D: r.Model.Features, LambdaW: s.LambdaW, LambdaH: s.LambdaH,
		LambdaB: s.LambdaB, Delta: delta}
	m, err := p.Minimiser()
	if err != nil {
		return nil, fmt.Errorf("figures: %s: run %q: %w", what, s.Name, err)
	}
	return m, nil
}

// isSimulatedUFM reports whether a run has a closed form to compare with.
func isSimulatedUFM(r *record.Record) bool {
	_, err := minimiserOf("", r)
	return err == nil
}

// underOne reports whether s+δ < 1 for a run of the simulated unconstrained feature model.
func underOne(r *record.Record) bool {
	m, err := minimiserOf("", r)
	return err == nil && m.S+m.Delta < 1
}

// normPairs are the norms of Figure 8: of a row of a record, of a step on free features, and in
// closed form.
var normPairs = []struct {
	name, symbol, key string
	free              func(ufm.Row) float64
	theory            func(*ufm.Minimiser) float64
}{
	{"classifier", "‖w‖", "w_norm", func(r ufm.Row) float64 { return r.WNorm },
		func(m *ufm.Minimiser) float64 { return m.WNorm }},
	{"features", "‖h‖", "h_norm", func(r ufm.Row) float64 { return r.HNorm },
		func(m *ufm.Minimiser) float64 { return m.HNorm }},
}

// relative is the relative error of a measured norm, NaN where the closed form is 0.
func relative(measured, theory float64) float64 {
	if theory == 0 {
		return math.NaN()
	}
	return math.Abs(measured-theory) / theory
}

// Figure8 draws the paper's Figure 8 for runs of the simulated unconstrained feature model under CE
// and LS: ‖w‖ and ‖h‖ against the epoch next to the closed form of Theorem 4.1, and their relative
// errors on log axes, in panels for each data set. It is an error if a run is not of that model or has
// unbalanced classes. A planned run that is not recorded is named.
func Figure8(runs ...Series) (*Figure, error) {
	ps, deltas, err := deltaParts("8", runs)
	if err != nil {
		return nil, err
	}
	theory := map[*record.Record]*ufm.Minimiser{}
	with, _ := recorded(runs)
	for _, s := range with {
		if theory[s.Record], err = minimiserOf("Figure 8", s.Record); err != nil {
			return nil, err
		}
	}
	origin, err := originOf(runs)
	if err != nil {
		return nil, err
	}
	f := figure("fig8")
	var panels, absent []panel
	missing := 0
	for _, p := range ps {
		if len(p.groups) == 0 {
			absent = append(absent, missingPanel(p.title(), p.missing))
			continue
		}
		prefix := ""
		if len(ps) > 1 {
			prefix = p.title() + ": "
		}
		for _, w := range normPairs {
			m := metric(w.key)
			drawn, n := alongPanel(fmt.Sprintf("(%c) %s%s", 'a'+len(panels), prefix, w.name), w.symbol, false, p.groups,
				deltas.style, func(_ *record.Record, e *record.Epoch) float64 { return m.Value(e) })
			for _, g := range p.groups {
				drawn.closedForm(g.label, w.theory(theory[g.runs[0]]), deltas)
			}
			panels = append(panels, drawn)
			missing += n
		}
		for _, w := range normPairs {
			m := metric(w.key)
			drawn, n := alongPanel(fmt.Sprintf("(%c) %srelative error of %s", 'a'+len(panels), prefix, w.symbol),
				"relative error", true, p.groups, deltas.style, func(r *record.Record, e *record.Epoch) float64 {
					return relative(m.Value(e), w.theory(theory[r]))
				})
			panels = append(panels, drawn)
			missing += n
		}
	}
	f.Alt = "Norms against the epoch next to their closed form, and their relative errors."
	f.Caption = closedFormNote + partsNote(ps) + origin + undrawn(missing)
	return f, f.layWithMissing(660, 235, 2, legend{deltas.legend(), closedFormLegend()}, panels, absent)
}

const closedFormNote = "δ = 0 is CE. Norms are means over classes; thin dotted lines are the global minimiser of " +
	"Theorem 4.1, the relative error is that of the norm to it. "

func closedFormLegend() []entry {
	k := &curve{line: lineStyle(2)}
	k.line.Color, k.line.Width = ink, vg.Points(thinWidth)
	return []entry{{"closed form", k}}
}

// closedForm draws the value of the closed form for a label across a panel.
func (p panel) closedForm(label string, v float64, deltas deltaLabels) {
	k := &curve{name: label + ", closed form", silent: true, x: []float64{p.X.Min, p.X.Max}, y: []float64{v, v},
		line: deltas.style(label)}
	k.line.Dashes, k.line.Width = dashes[2], vg.Points(thinWidth)
	p.Add(k)
	p.shown.curves = append(p.shown.curves, k)
	p.Y.Min, p.Y.Max = min(p.Y.Min, 1.06*v), max(p.Y.Max, 1.06*v)
}

// freeFigure8 draws Figure 8 for free features: gradient descent on the small unconstrained feature
// model, from one start.
func freeFigure8(p ufm.Params) (*Figure, error) {
	d, err := p.Dynamics(context.Background(), freeSeed, 0, 0.05, 0.1)
	if err != nil {
		return nil, err
	}
	minima := map[float64]*ufm.Minimiser{}
	for _, path := range d.Paths {
		q := d.Params
		q.Delta = path.Delta
		if minima[path.Delta], err = q.Minimiser(); err != nil {
			return nil, err
		}
	}
	labels := freeLabels(d)
	var panels []panel
	for i, w := range normPairs {
		drawn := freePanel(fmt.Sprintf("(%c) %s", 'a'+i, w.name), w.symbol, false, d, labels,
			func(_ ufm.DynamicsPath, r ufm.Row) float64 { return w.free(r) })
		for _, path := range d.Paths {
			drawn.closedForm(deltaLabel(path.Delta), w.theory(minima[path.Delta]), labels)
		}
		panels = append(panels, drawn)
	}
	for i, w := range normPairs {
		panels = append(panels, freePanel(fmt.Sprintf("(%c) relative error of %s", 'c'+i, w.symbol), "relative error",
			true, d, labels, func(path ufm.DynamicsPath, r ufm.Row) float64 {
				return relative(w.free(r), w.theory(minima[path.Delta]))
			}))
	}
	f := &Figure{Number: entryOf("fig8").Number, Title: entryOf("fig8").Title + ", free features",
		Alt: "Norms against the step of gradient descent next to their closed form, and their relative errors."}
	f.Caption = closedFormNote + freeCaption(d)
	return f, f.lay(660, 560, 2, legend{labels.legend(), closedFormLegend()}, panels)
}
