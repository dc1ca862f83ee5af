package figures

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gocollapse/collapse/record"
)

// Figure2 draws the paper's Figure 2: NC1 against NC2 of the training features, a point for each
// measured epoch, on log axes, in a panel for each data set. The line of a label goes through its
// runs' geometric means at the epochs that all have. A planned run that is not recorded is named, in
// a panel of its own where a data set has no other. No series at all is ErrNoSeries.
func Figure2(runs ...Series) (*Figure, error) {
	ps, origin, err := partsOrigin(runs)
	if err != nil {
		return nil, err
	}
	f := figure("fig2")
	f.Alt = "NC1 against NC2 along training, on log axes."
	f.Caption = "Each point is the training features at a measured epoch, NC1 by Equation 4 and NC2 by Equation 5; " +
		"the numbers at a line's ends are its first and last epoch. With several seeds the line is their geometric " +
		"mean. " + origin
	names, missing := labels(ps), 0
	var panels, absent []panel
	for _, p := range ps {
		if len(p.groups) == 0 {
			absent = append(absent, missingPanel(p.title(), p.missing))
			continue
		}
		title := fmt.Sprintf("(%c) %s", 'a'+len(panels), p.title())
		drawn, n := planePanel(title, p.groups, names)
		panels = append(panels, drawn)
		missing += n
	}
	f.Caption += undrawn(missing)
	block := partsLegend(ps)
	for i := range block {
		g := glyphStyle(i)
		block[i].curve.glyph = &g
	}
	cols := min(max(len(panels), len(absent)), 2)
	if err := f.layWithMissing(vg.Length(100+280*cols), 290, cols, legend{block}, panels, absent); err != nil {
		return nil, err
	}
	return f, nil
}

// trail is a run's, or the mean run's, way through the plane of NC2 and NC1.
type trail struct {
	epochs   []int
	nc2, nc1 []float64
}

// trailOf returns a run's way, and how many rows have no point on log axes.
func trailOf(r *record.Record) (t trail, missing int) {
	for _, e := range r.Epochs {
		x, y := float64(e.NC2), float64(e.NC1)
		if !finite(x) || !finite(y) || x <= 0 || y <= 0 {
			missing++
			continue
		}
		t.epochs, t.nc2, t.nc1 = append(t.epochs, e.Epoch), append(t.nc2, x), append(t.nc1, y)
	}
	return t, missing
}

// meanTrail returns the geometric means at the epochs that all trails have.
func meanTrail(all []trail) (m trail) {
	for i, epoch := range all[0].epochs {
		x, y := []float64{all[0].nc2[i]}, []float64{all[0].nc1[i]}
		for _, t := range all[1:] {
			if j := slices.Index(t.epochs, epoch); j >= 0 {
				x, y = append(x, t.nc2[j]), append(y, t.nc1[j])
			}
		}
		if len(x) == len(all) {
			nc2, _, _ := meanOf(x, true)
			nc1, _, _ := meanOf(y, true)
			m.epochs, m.nc2, m.nc1 = append(m.epochs, epoch), append(m.nc2, nc2), append(m.nc1, nc1)
		}
	}
	return m
}

// planePanel is a panel of NC1 against NC2, and how many rows it leaves out. names are the labels of
// the whole figure in the order of their colours.
func planePanel(title string, gs []group, names []string) (panel, int) {
	p := newChart(title, "NC2 (log scale)", "NC1 (log scale)")
	var curves []*curve
	var means []trail
	var ends []endLabel
	missing := 0
	for _, g := range gs {
		i := slices.Index(names, g.label)
		glyph := glyphStyle(i)
		if glyph.Radius = vg.Points(2.2); len(g.runs) > 1 {
			glyph.Radius = vg.Points(1.7)
		}
		var all []trail
		for _, r := range g.runs {
			t, n := trailOf(r)
			missing += n
			all = append(all, t)
			curves = append(curves, &curve{name: g.label, seed: seedText(r), x: t.nc2, y: t.nc1,
				line: lineStyle(i), glyph: &glyph, points: true})
		}
		m := meanTrail(all)
		line := lineStyle(i)
		line.Width = vg.Points(1)
		k := &curve{x: m.nc2, y: m.nc1, line: line}
		if len(g.runs) > 1 {
			k.name, k.seed = g.label, fmt.Sprintf("mean of %d", len(g.runs))
		}
		curves, means = append(curves, k), append(means, m)
		ends = append(ends, endLabel{m, line})
	}
	addCurves(p, true, curves)
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
	if p.X.Min > 0 {
		p.X.Min, p.X.Max = p.X.Min/1.12, p.X.Max*1.12
	} else { // no run has a point
		p.X.Min, p.X.Max = 0.1, 1
	}
	for _, e := range ends {
		p.Add(e)
	}
	p.shown.says = planeWords(gs, means)
	return p, missing
}

// endLabel writes the first and the last epoch next to the ends of a trail.
type endLabel struct {
	trail
	line draw.LineStyle
}

func (e endLabel) Plot(c draw.Canvas, p *plot.Plot) {
	n := len(e.epochs)
	if n == 0 {
		return
	}
	tx, ty := p.Transforms(&c)
	sty := textStyle(8.5, false)
	sty.Color = e.line.Color
	sty.XAlign, sty.YAlign = draw.XLeft, draw.YCenter
	for _, i := range []int{0, n - 1} {
		c.FillText(sty, vg.Point{X: tx(e.nc2[i]) + 5, Y: ty(e.nc1[i]) - 5}, strconv.Itoa(e.epochs[i]))
	}
}

// planeWords says where trails begin and end, and which has the smaller NC2 at an equal NC1.
func planeWords(gs []group, means []trail) string {
	var s string
	low, high := 0.0, math.Inf(1)
	for i, t := range means {
		if len(t.epochs) == 0 {
			return "there is no epoch with a point for each of the runs"
		}
		last := len(t.epochs) - 1
		if i > 0 {
			s += "; "
		}
		s += fmt.Sprintf("%s: from NC1 %s and NC2 %s at epoch %d to NC1 %s and NC2 %s at epoch %d", gs[i].label,
			three(t.nc1[0]), three(t.nc2[0]), t.epochs[0], three(t.nc1[last]), three(t.nc2[last]), t.epochs[last])
		low, high = math.Max(low, slices.Min(t.nc1)), math.Min(high, slices.Max(t.nc1))
	}
	if len(means) < 2 || !(low < high) {
		return s
	}
	level := math.Sqrt(low * high)
	for i, t := range means {
		word := ", "
		if i == 0 {
			word = fmt.Sprintf("; where NC1 is %s, NC2 is ", three(level))
		}
		s += fmt.Sprintf("%s%s for %s", word, three(t.at(level)), gs[i].label)
	}
	return s
}

// at returns NC2 where the trail first comes down to a level of NC1, NaN where it does not. Between
// epochs both are taken as straight in their logarithms.
func (t trail) at(level float64) float64 {
	for i, v := range t.nc1 {
		if v > level {
			continue
		}
		if i == 0 {
			return t.nc2[0]
		}
		share := math.Log(t.nc1[i-1]/level) / math.Log(t.nc1[i-1]/v)
		return math.Exp(math.Log(t.nc2[i-1]) + share*math.Log(t.nc2[i]/t.nc2[i-1]))
	}
	return math.NaN()
}
