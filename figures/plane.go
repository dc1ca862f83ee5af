package figures

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Cloud is features of some classes in the plane, for Plane.
type Cloud struct {
	Title, Caption, Alt string

	Points []float64 // N×2 row-major
	Labels []int32   // N, 0…K−1
	Arrows []float64 // K×2 row-major, drawn from the origin with the class's number at the tip; nil for none
	Edges  [][2]int  // pairs of classes whose arrows' tips are joined by a pale line
	Reach  float64   // both axes go from −Reach to Reach; 0 takes what the points and arrows need
}

// Plane draws features as dots and the classifier's vectors as arrows from the origin, one colour
// and marker for each class, on axes of one scale.
func Plane(c Cloud) (*Figure, error) {
	if len(c.Points) != 2*len(c.Labels) || len(c.Arrows)%2 != 0 {
		return nil, fmt.Errorf("figures: %d numbers for %d points and %d for arrows; want two for each", len(c.Points),
			len(c.Labels), len(c.Arrows))
	}
	reach := c.Reach
	for _, all := range [][]float64{c.Points, c.Arrows} {
		for _, v := range all {
			if !finite(v) {
				return nil, fmt.Errorf("figures: a point of the plane is %g; want finite numbers", v)
			}
			if c.Reach == 0 {
				reach = math.Max(reach, 1.1*math.Abs(v))
			}
		}
	}
	if reach == 0 {
		reach = 1
	}
	for i, l := range c.Labels {
		if l < 0 {
			return nil, fmt.Errorf("figures: point %d has label %d; want 0 or more", i+1, l)
		}
	}
	for _, e := range c.Edges {
		if min(e[0], e[1]) < 0 || 2*max(e[0], e[1]) >= len(c.Arrows) {
			return nil, fmt.Errorf("figures: an edge from %d to %d; there are %d arrows", e[0], e[1], len(c.Arrows)/2)
		}
	}
	p := newChart("", "", "")
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -reach, reach, -reach, reach
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.TickerFunc(linearTicks), plot.TickerFunc(linearTicks)
	p.Add(grid{}, cloud(c))
	f := &Figure{Title: c.Title, Caption: c.Caption, Alt: c.Alt}
	// The axes' labels take as much of the width as the margins of the height.
	return f, f.draw(300, 300, func(c draw.Canvas) { drawPanels(c, 1, []panel{p}) })
}

// cloud is a plot.Plotter.
type cloud Cloud

// Plot implements plot.Plotter.
func (k cloud) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	at := func(xy []float64, i int) vg.Point { return vg.Point{X: tx(xy[2*i]), Y: ty(xy[2*i+1])} }
	for _, e := range k.Edges {
		a, b := at(k.Arrows, e[0]), at(k.Arrows, e[1])
		c.StrokeLine2(draw.LineStyle{Color: pale, Width: vg.Points(1)}, a.X, a.Y, b.X, b.Y)
	}
	origin := vg.Point{X: tx(0), Y: ty(0)}
	for i := range len(k.Arrows) / 2 {
		tip := at(k.Arrows, i)
		sty := draw.LineStyle{Color: palette[i%len(palette)], Width: vg.Points(2.2)}
		c.StrokeLine2(sty, origin.X, origin.Y, tip.X, tip.Y)
	}
	for i, l := range k.Labels {
		g := glyphStyle(int(l))
		g.Radius = vg.Points(2)
		c.DrawGlyph(g, at(k.Points, i))
	}
	sty := textStyle(11, true)
	sty.XAlign, sty.YAlign = draw.XCenter, draw.YCenter
	for i := range len(k.Arrows) / 2 {
		tip := at(k.Arrows, i)
		out := tip.Sub(origin)
		if n := vg.Length(math.Hypot(float64(out.X), float64(out.Y))); n > 0 {
			tip = tip.Add(out.Scale(9 / n))
		}
		c.FillText(sty, tip, strconv.Itoa(i+1))
	}
}
