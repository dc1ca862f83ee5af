package figures

import (
	"fmt"
	"image/color"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gocollapse/collapse/nc"
)

// Collapse draws what NC1 to NC3 measure: WᵀH̄ and the cosines of the class means,
// which for a simplex ETF have one value on the diagonal and one elsewhere; the
// spectrum of Σ_B (and of Σ_W where s has it); and NC1 class by class. Without a
// classifier the first panel says so.
func Collapse(g *nc.Geometry, s *nc.Summary) (*Figure, error) {
	if g == nil || s == nil || g.K != s.K {
		return nil, fmt.Errorf("figures: want the geometry and the summary of the same classes")
	}
	k := g.K
	heat := func(title, rows string, m []float64) panel {
		if m == nil {
			p := newChart(title, "class", rows)
			p.Add(note("no classifier was given"))
			p.shown.says = "no classifier was given"
			p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, float64(max(k-1, 1)), 0, float64(max(k-1, 1))
			return p
		}
		p := matrixPanel(title, "class", rows, matrix{k, k, m, g.Classes}, cosines(k))
		p.shown.says = matrixWords(m, k)
		return p
	}
	panels := []panel{
		heat("(a) classifier times class means", "class of w", asCosines(g.WH, k)),
		heat("(b) cosines of the class means", "class", g.CosineH),
		spectrumPanel(s), classPanel(s),
	}
	f := &Figure{Title: "The geometry of collapse", Alt: fmt.Sprintf("Four panels for %d classes.", k)}
	f.Caption = fmt.Sprintf("%d samples of %d features in %d classes. (a) is WᵀH̄ over its norm, times K/√(K−1). "+
		"In (a) and (b) a simplex ETF has 1 on the diagonal and %s elsewhere, where the colours are neutral; what is "+
		"over 1 is drawn as 1. (c) Eigenvalues of Σ_B that are not 0. (d) NC1 of each class, whose mean over "+
		"samples is NC1 (line).", s.N, s.D, k, shown(-1/float64(max(k-1, 1))))
	f.Alt += " " + words(panels)
	f.Data = data(panels)
	return f, f.draw(660, 640, func(c draw.Canvas) {
		c.Max.Y -= cosines(k).draw(c, "(a), (b):")
		drawPanels(c, 2, panels)
	})
}

// asCosines scales WᵀH̄·√(K−1)/‖WᵀH̄‖_F, K×K, so that a simplex ETF has the values of its cosines: 1 on
// the diagonal and −1/(K−1) elsewhere. It returns nil for nil.
func asCosines(wh []float64, k int) []float64 {
	if wh == nil || k < 2 {
		return wh
	}
	out := make([]float64, len(wh))
	for i, v := range wh {
		out[i] = v * float64(k) / float64(k-1)
	}
	return out
}

// matrixWords gives the mean of a K×K matrix on the diagonal, and mean and range elsewhere.
func matrixWords(m []float64, k int) string {
	var diagonal float64
	var others []float64
	for i, v := range m {
		if i/k == i%k {
			diagonal += v / float64(k)
		} else {
			others = append(others, v)
		}
	}
	least, most := valueRange(others)
	return fmt.Sprintf("mean %s on the diagonal; elsewhere %s, from %s to %s", three(diagonal),
		three(stat.Mean(others, nil)), three(least), three(most))
}

func spectrumPanel(s *nc.Summary) panel {
	p := newChart("(c) eigenvalues between classes", "index", "eigenvalue")
	p.X.Tick.Marker = plot.TickerFunc(wholeTicks)
	var cs []*curve
	add := func(values []float64) {
		x := make([]float64, len(values))
		for i := range x {
			x[i] = float64(i + 1)
		}
		i := len(cs)
		gl := glyphStyle(i)
		cs = append(cs, &curve{name: []string{"Σ_B", "Σ_W"}[i], x: x, y: values, line: lineStyle(i), glyph: &gl})
	}
	add(s.SpectrumB)
	if s.Covariance != nil {
		p.title = "(c) eigenvalues of Σ_B and, dashed, Σ_W"
		add(s.Covariance.SpectrumW)
	}
	addCurves(p, true, cs)
	if len(cs) > 1 { // d eigenvalues next to K−1
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
		p.X.Min = 0.9
	}
	return p
}

// classPanel is a panel of NC1 by class.
func classPanel(s *nc.Summary) panel {
	p := newChart("(d) NC1 by class", "class", "NC1")
	p.X.Tick.Marker = plot.TickerFunc(func(_, _ float64) []plot.Tick {
		return named(classTicks(len(s.NC1PerClass)), s.Classes)
	})
	if len(s.NC1PerClass) > 12 {
		smallClassLabels(p, len(s.NC1PerClass))
		p.Y.Tick.Label.Font.Size = vg.Points(9.5)
	}
	b := &bars{y: s.NC1PerClass, mean: s.NC1}
	k := &curve{name: "NC1", y: b.y, hidden: true, silent: true}
	for i := range b.y {
		k.x = append(k.x, float64(i))
	}
	p.shown.curves = []*curve{k}
	least, most := valueRange(b.y)
	p.shown.says = fmt.Sprintf("from %s to %s, mean %s", three(least), three(most), three(s.NC1))
	p.X.Min, p.X.Max = -0.6, float64(len(b.y))-0.4
	p.Y.Min, p.Y.Max = 0, 1
	if most > 0 {
		p.Y.Max = 1.06 * most
	}
	p.Add(grid{}, b)
	if !slices.ContainsFunc(b.y, finite) {
		p.Add(note("NC1 is not defined"))
	}
	return p
}

// bars draws one bar per class from 0, and a line at the mean.
type bars struct {
	y    []float64
	mean float64
}

func (b *bars) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	fill := palette[5]
	for i, v := range b.y {
		if !finite(v) {
			continue
		}
		r := vg.Rectangle{Min: vg.Point{X: tx(float64(i) - 0.4), Y: ty(0)},
			Max: vg.Point{X: tx(float64(i) + 0.4), Y: ty(v)}}
		c.SetColor(fill)
		c.Fill(r.Path())
		if len(b.y) <= 40 {
			c.SetColor(color.Color(ink))
			c.SetLineStyle(draw.LineStyle{Color: ink, Width: vg.Points(0.5)})
			c.Stroke(r.Path())
		}
	}
	if finite(b.mean) {
		y := ty(b.mean)
		c.StrokeLine2(draw.LineStyle{Color: palette[1], Width: vg.Points(1.4),
			Dashes: dashes[1]}, c.Min.X, y, c.Max.X, y)
	}
}
