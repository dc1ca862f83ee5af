package figures

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/stats"
)

// AtEqualNC1 draws the way of each label's runs (their geometric means) through the plane of NC2 and
// NC1, as Figure 2 does, with a line at one level of NC1 and a mark where each way first comes down
// to it. The axes are the same for every level. The caption gives NC2 there.
func AtEqualNC1(level float64, runs ...Series) (*Figure, error) {
	if !(level > 0) || math.IsInf(level, 1) {
		return nil, fmt.Errorf("figures: a level of NC1 is %g; want a number above 0", level)
	}
	gs, err := grouped(runs)
	if err != nil {
		return nil, err
	}
	p, means := waysPanel(gs, math.MaxInt)
	p.Add(levelLine(level))
	var parts []string
	for i, m := range means {
		nc2 := m.at(level)
		if !finite(nc2) {
			parts = append(parts, gs[i].label+" does not come down to it")
			continue
		}
		g := glyphStyle(i)
		g.Radius, g.Shape = vg.Points(5), draw.CircleGlyph{}
		p.Add(&curve{x: []float64{nc2}, y: []float64{level}, glyph: &g, points: true, log: true})
		parts = append(parts, fmt.Sprintf("%s has NC2 %s", gs[i].label, three(nc2)))
	}
	f := &Figure{Title: "NC2 where NC1 is " + three(level),
		Caption: fmt.Sprintf("Where NC1 is first %s, %s.", three(level), strings.Join(parts, ", ")),
		Alt:     "NC1 against NC2 along training, with a horizontal line at one level of NC1."}
	return f, f.layWays(p, gs)
}

// WaysUntil draws the ways of AtEqualNC1 up to an epoch; what comes later is pale. The axes are the
// same for every epoch. It is an error if a label's runs do not all have the epoch.
func WaysUntil(epoch int, runs ...Series) (*Figure, error) {
	gs, err := grouped(runs)
	if err != nil {
		return nil, err
	}
	p, means := waysPanel(gs, epoch)
	var parts []string
	for i, m := range means {
		at := -1
		for j, e := range m.epochs {
			if e == epoch {
				at = j
			}
		}
		if at < 0 {
			return nil, fmt.Errorf("figures: runs of %s have no point at epoch %d", gs[i].label, epoch)
		}
		g := glyphStyle(i)
		g.Radius, g.Shape = vg.Points(5), draw.CircleGlyph{}
		p.Add(&curve{x: m.nc2[at : at+1], y: m.nc1[at : at+1], glyph: &g, points: true, log: true})
		parts = append(parts, fmt.Sprintf("%s has NC1 %s and NC2 %s", gs[i].label, three(m.nc1[at]), three(m.nc2[at])))
	}
	f := &Figure{Title: fmt.Sprintf("NC1 and NC2 up to epoch %d", epoch),
		Caption: fmt.Sprintf("At epoch %d %s.", epoch, strings.Join(parts, ", ")),
		Alt:     "NC1 against NC2 along training, up to one epoch."}
	return f, f.layWays(p, gs)
}

func (f *Figure) layWays(p panel, gs []group) error {
	return f.draw(400, 310, func(c draw.Canvas) {
		c.Max.Y -= legend{runsLegend(gs)}.draw(c)
		drawPanels(c, 1, []panel{p})
	})
}

// waysPanel draws the mean trail of each group, pale after an epoch.
func waysPanel(gs []group, until int) (panel, []trail) {
	p := newChart("", "NC2 (log scale)", "NC1 (log scale)")
	var curves []*curve
	var means []trail
	for i, g := range gs {
		var all []trail
		for _, r := range g.runs {
			t, _ := trailOf(r)
			all = append(all, t)
		}
		m := meanTrail(all)
		means = append(means, m)
		n := 0
		for n < len(m.epochs) && m.epochs[n] <= until {
			n++
		}
		glyph := glyphStyle(i)
		glyph.Radius = vg.Points(2.2)
		after := max(n-1, 0) // the pale line begins at the last point of the other
		grey := draw.LineStyle{Color: pale, Width: vg.Points(1.2)}
		curves = append(curves, &curve{x: m.nc2[after:], y: m.nc1[after:], line: grey},
			&curve{name: g.label, x: m.nc2[:n], y: m.nc1[:n], line: lineStyle(i), glyph: &glyph})
	}
	addCurves(p, true, curves)
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
	if p.X.Min > 0 {
		p.X.Min, p.X.Max = p.X.Min/1.12, p.X.Max*1.12
	} else { // no run has a point
		p.X.Min, p.X.Max = 0.1, 1
	}
	return p, means
}

// levelLine is a plot.Plotter: a horizontal line over the whole width.
type levelLine float64

// Plot implements plot.Plotter.
func (l levelLine) Plot(c draw.Canvas, p *plot.Plot) {
	if v := float64(l); v >= p.Y.Min && v <= p.Y.Max {
		_, ty := p.Transforms(&c)
		line := draw.LineStyle{Color: ink, Width: vg.Points(0.8), Dashes: dashes[1]}
		c.StrokeLine2(line, c.Min.X, ty(v), c.Max.X, ty(v))
	}
}

// NC2AtEqualNC1 compares the runs of two labels seed by seed: NC2 of the second over that of the first
// at some levels of NC1, each where NC1 first comes down to the level, and the geometric mean of this
// ratio over all of the range of NC1 that both runs pass, which is what the claim c3.2-nc2-at-equal-nc1
// rests on. Seeds of one label alone are left out; no seed in common is an error.
func NC2AtEqualNC1(levels []float64, runs ...Series) (*Table, error) {
	gs, err := grouped(runs)
	if err != nil {
		return nil, err
	}
	if len(gs) != 2 {
		return nil, fmt.Errorf("figures: runs of %d labels; want two, such as CE and LS", len(gs))
	}
	t := &Table{Title: fmt.Sprintf("NC2 of %s over NC2 of %s at equal NC1", gs[1].label, gs[0].label),
		Caption: "Between epochs both are taken as straight on log axes.",
		Groups:  []Span{{Columns: 1}, {Name: "where NC1 is first", Columns: len(levels)}, {Name: "mean", Columns: 2}},
		Header:  []string{"seed"}}
	if len(levels) == 0 {
		t.Groups = nil
	}
	for _, l := range levels {
		t.Header = append(t.Header, significant(l))
	}
	t.Header = append(t.Header, "ratio", "share of the range")
	for _, a := range gs[0].runs {
		for _, b := range gs[1].runs {
			if a.Spec.Seed != b.Spec.Seed {
				continue
			}
			t.Rows = append(t.Rows, equalRow(levels, a, b))
		}
	}
	if len(t.Rows) == 0 {
		return nil, fmt.Errorf("figures: the runs of %s and of %s have no seed in common", gs[0].label, gs[1].label)
	}
	return t, nil
}

// equalRow is the row of a seed.
func equalRow(levels []float64, a, b *record.Record) []string {
	first, _ := trailOf(a)
	second, _ := trailOf(b)
	row := []string{seedText(a)}
	for _, l := range levels {
		row = append(row, fixed(second.at(l)/first.at(l), 2))
	}
	gap, err := stats.CurveGap(logs(first.nc1), logs(first.nc2), logs(second.nc1), logs(second.nc2))
	if err != nil { // the ranges do not meet, or a run is too short
		return append(row, "–", "–")
	}
	return append(row, fixed(math.Exp(gap.Mean), 2), fixed(100*gap.Share, 0)+" %")
}

// logs returns the natural logarithms.
func logs(v []float64) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		out[i] = math.Log(v[i])
	}
	return out
}
