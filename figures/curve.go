package figures

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// curve draws y against x, broken where y is not drawable on the axis (NaN,
// infinite or, on a log axis, not above 0). A point without neighbours is drawn
// as a dot, so that a run of one epoch is seen.
type curve struct {
	name string // in words and data; "" leaves the curve out of them
	seed string // whose values it has: 2021, mean of 5

	x, y      []float64
	low, high []float64 // interval of each point, NaN for none; nil for none at all
	bars      bool      // the interval is a bar at each point, else a band
	bandless  bool      // the interval is in the data alone
	points    bool      // points without a line
	hidden    bool      // in data and words alone
	silent    bool      // not in words
	line      draw.LineStyle
	glyph     *draw.GlyphStyle // marks about eight of the points, or all of a short curve; nil for none
	log       bool
}

func (k *curve) ok(i int) bool { return k.drawable(k.y[i]) }

func (k *curve) drawable(v float64) bool { return finite(v) && (!k.log || v > 0) }

// missing returns how many points cannot be drawn.
func (k *curve) missing() (n int) {
	for i := range k.y {
		if !k.ok(i) {
			n++
		}
	}
	return n
}

// interval returns the interval of a point and whether it has one that can be drawn.
func (k *curve) interval(i int) (low, high float64, ok bool) {
	if k.low == nil || k.bandless || !k.ok(i) || !k.drawable(k.low[i]) || !k.drawable(k.high[i]) {
		return 0, 0, false
	}
	return k.low[i], k.high[i], true
}

// Plot draws the curve; it implements plot.Plotter.
func (k *curve) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	at := func(i int) vg.Point { return vg.Point{X: tx(k.x[i]), Y: ty(k.y[i])} }
	n := len(k.y)
	for i := 0; i < n && !k.points; {
		if !k.ok(i) {
			i++
			continue
		}
		j := i
		var pts []vg.Point
		for ; j < n && k.ok(j); j++ {
			pts = append(pts, at(j))
		}
		if len(pts) == 1 && k.glyph == nil {
			c.DrawGlyph(draw.GlyphStyle{Color: k.line.Color, Radius: vg.Points(2.2), Shape: draw.CircleGlyph{}}, pts[0])
		} else {
			c.StrokeLines(k.line, pts)
		}
		i = j
	}
	if k.bars {
		bar := draw.LineStyle{Color: k.line.Color, Width: vg.Points(1.1)}
		for i := range n {
			if low, high, ok := k.interval(i); ok {
				x := tx(k.x[i])
				c.StrokeLine2(bar, x, ty(low), x, ty(high))
				for _, y := range []vg.Length{ty(low), ty(high)} {
					c.StrokeLine2(bar, x-3, y, x+3, y)
				}
			}
		}
	}
	if k.glyph == nil {
		return
	}
	step := (n + 7) / 8
	if k.points || n <= 16 {
		step = 1
	}
	for i := range n {
		if k.ok(i) && (i%step == 0 || i == n-1) {
			c.DrawGlyph(*k.glyph, at(i))
		}
	}
}

// Thumbnail draws the curve's style in a legend; it implements plot.Thumbnailer.
func (k *curve) Thumbnail(c *draw.Canvas) {
	y := c.Center().Y
	if !k.points {
		c.StrokeLine2(k.line, c.Min.X, y, c.Max.X, y)
	}
	if k.glyph != nil {
		c.DrawGlyph(*k.glyph, c.Center())
	}
}

// band fills a curve's interval in a pale tone of its colour.
type band struct{ *curve }

func (b band) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	fill := color.NRGBAModel.Convert(b.line.Color).(color.NRGBA)
	fill.A = 0x38
	n := len(b.y)
	for i := 0; i < n; {
		if _, _, ok := b.interval(i); !ok {
			i++
			continue
		}
		j := i
		var up, down []vg.Point
		for ; j < n; j++ {
			low, high, ok := b.interval(j)
			if !ok {
				break
			}
			up = append(up, vg.Point{X: tx(b.x[j]), Y: ty(high)})
			down = append(down, vg.Point{X: tx(b.x[j]), Y: ty(low)})
		}
		i = j
		if len(up) < 2 {
			continue
		}
		var path vg.Path
		path.Move(up[0])
		for _, pt := range up[1:] {
			path.Line(pt)
		}
		for m := len(down) - 1; m >= 0; m-- {
			path.Line(down[m])
		}
		path.Close()
		c.SetColor(fill)
		c.Fill(path)
	}
}

// extent is the range of what curves draw.
type extent struct{ xmin, xmax, ymin, ymax float64 }

// extentOf returns the range of all x, and of the drawable y with their intervals. A range without
// values is the wrong way round.
func extentOf(curves []*curve) extent {
	e := extent{math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)}
	for _, k := range curves {
		if k.hidden {
			continue
		}
		for i := range k.x {
			e.xmin, e.xmax = math.Min(e.xmin, k.x[i]), math.Max(e.xmax, k.x[i])
			if k.ok(i) {
				e.ymin, e.ymax = math.Min(e.ymin, k.y[i]), math.Max(e.ymax, k.y[i])
			}
			if low, high, ok := k.interval(i); ok {
				e.ymin, e.ymax = math.Min(e.ymin, low), math.Max(e.ymax, high)
			}
		}
	}
	return e
}

// addCurves puts the curves into a panel and chooses its ranges: all x, and the
// drawable y with a margin, from 0 on a linear axis.
func addCurves(p panel, log bool, curves []*curve) {
	for _, k := range curves {
		k.log = log
	}
	e := extentOf(curves)
	if e.xmin > e.xmax {
		e.xmin, e.xmax = 0, 1
	}
	if e.xmin == e.xmax {
		e.xmin, e.xmax = e.xmin-1, e.xmax+1
	}
	p.X.Min, p.X.Max = e.xmin, e.xmax
	empty := e.ymin > e.ymax
	if log {
		if empty {
			e.ymin, e.ymax = 0.1, 1
		}
		// A tenth of the range on both sides, and never less than a factor 1.5
		// in all, so that a flat curve does not fill the panel with noise.
		m := math.Max(math.Pow(e.ymax/e.ymin, 0.06), 1.22)
		p.Y.Min, p.Y.Max = e.ymin/m, e.ymax*m
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
	} else {
		if empty {
			e.ymin, e.ymax = 0, 1
		}
		p.Y.Min, p.Y.Max = math.Min(0, e.ymin*1.06), math.Max(0, e.ymax*1.06)
		if p.Y.Min == p.Y.Max {
			p.Y.Max = 1
		}
		p.Y.Tick.Marker = plot.TickerFunc(linearTicks)
	}
	p.Add(grid{})
	for _, k := range curves {
		if !k.hidden && k.low != nil && !k.bars && !k.bandless {
			p.Add(band{k})
		}
	}
	for _, k := range curves {
		if !k.hidden {
			p.Add(k)
		}
	}
	if empty {
		p.Add(note("nothing measured to draw"))
	}
	p.shown.curves = append(p.shown.curves, curves...)
}
