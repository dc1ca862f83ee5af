package figures

import (
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Colours of Okabe and Ito, without yellow, which is too pale on white.
// Source: M. Okabe and K. Ito, Color Universal Design, 2008.
var palette = []color.NRGBA{
	{0x00, 0x72, 0xB2, 0xFF}, // blue
	{0xD5, 0x5E, 0x00, 0xFF}, // vermillion
	{0x00, 0x9E, 0x73, 0xFF}, // bluish green
	{0xCC, 0x79, 0xA7, 0xFF}, // reddish purple
	{0xE6, 0x9F, 0x00, 0xFF}, // orange
	{0x56, 0xB4, 0xE9, 0xFF}, // sky blue
	{0x00, 0x00, 0x00, 0xFF}, // black
}

// Colour returns the colour of the i-th run of a figure as #rrggbb, for pictures that others draw.
func Colour(i int) string {
	c := palette[i%len(palette)]
	return fmt.Sprintf("#%02X%02X%02X", c.R, c.G, c.B)
}

// Dash patterns tell the runs apart where colour does not.
var dashes = [][]vg.Length{
	nil,
	{vg.Points(6), vg.Points(3)},
	{vg.Points(1.5), vg.Points(2.5)},
	{vg.Points(8), vg.Points(2.5), vg.Points(1.5), vg.Points(2.5)},
	{vg.Points(12), vg.Points(3)},
	{vg.Points(3), vg.Points(1.5)},
	{vg.Points(6), vg.Points(2), vg.Points(1.5), vg.Points(2), vg.Points(1.5), vg.Points(2)},
}

var markers = []draw.GlyphDrawer{ring{}, draw.TriangleGlyph{}, draw.SquareGlyph{}, draw.PlusGlyph{}, draw.CrossGlyph{}}

// ring is an open circle filled with white, so that the line below does not
// run through it.
type ring struct{}

func (ring) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, pt vg.Point) {
	var p vg.Path
	p.Move(vg.Point{X: pt.X + sty.Radius, Y: pt.Y})
	p.Arc(pt, sty.Radius, 0, 2*math.Pi)
	p.Close()
	c.SetColor(color.White)
	c.Fill(p)
	c.SetColor(sty.Color)
	c.SetLineStyle(draw.LineStyle{Color: sty.Color, Width: vg.Points(1.1)})
	c.Stroke(p)
}

// lineWidth is the width of a curve in points.
const lineWidth = 1.6

func lineStyle(i int) draw.LineStyle {
	return draw.LineStyle{Color: palette[i%len(palette)], Width: vg.Points(lineWidth), Dashes: dashes[i%len(dashes)]}
}

func glyphStyle(i int) draw.GlyphStyle {
	return draw.GlyphStyle{Color: palette[i%len(palette)], Radius: vg.Points(2.6), Shape: markers[i%len(markers)]}
}

var (
	ink  = color.Gray{0x22}
	pale = color.Gray{0xDD}
)

func textStyle(size float64, bold bool) text.Style {
	return text.Style{Color: ink, Font: sans(size, bold), Handler: plot.DefaultTextHandler}
}

// panel is a plot whose title and y label are written by drawPanels.
type panel struct {
	*plot.Plot
	title, y string
	shown    *contents
}

// contents is what a panel shows, for the alternative text and the data of its figure.
type contents struct {
	curves []*curve
	says   string // in place of words on the curves, or of a panel without curves
}

// newPanel returns an empty panel in the house style with epochs on its x axis.
func newPanel(title, y string) panel {
	p := newChart(title, "epoch", y)
	p.X.Tick.Marker = plot.TickerFunc(wholeTicks)
	return p
}

// newChart returns an empty panel in the house style; x and y label its axes.
func newChart(title, x, y string) panel {
	p := plot.New()
	p.X.Label.Text = x
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font, a.Label.TextStyle.Color = sans(10.5, false), ink
		a.Tick.Label.Font, a.Tick.Label.Color = sans(9.5, false), ink
		a.Tick.Length = vg.Points(4)
		a.Padding = vg.Points(3)
		a.LineStyle.Color, a.Tick.LineStyle.Color = ink, ink
		a.Tick.Marker = plot.TickerFunc(linearTicks)
	}
	return panel{p, title, y, &contents{}}
}

// drawPanels draws panels in rows of cols on the canvas, data areas aligned.
// Titles and y labels are written here because gonum/plot makes room for the y
// label at the middle of the range and not of the axis, which on a log axis is
// near the top and would push the panels apart.
func drawPanels(c draw.Canvas, cols int, panels []panel) {
	const title, label = vg.Length(20), vg.Length(20)
	var rows [][]*plot.Plot
	for i := 0; i < len(panels); i += cols {
		row := make([]*plot.Plot, cols)
		for j := range row {
			if i+j < len(panels) {
				row[j] = panels[i+j].Plot
			}
		}
		rows = append(rows, row)
	}
	tiles := draw.Tiles{Rows: len(rows), Cols: cols, PadX: label + 14, PadY: title + 12,
		PadTop: title, PadBottom: 4, PadLeft: label, PadRight: 10}
	at := plot.Align(rows, tiles, c)
	head, side := textStyle(11, true), textStyle(10.5, false)
	head.XAlign, head.YAlign = draw.XCenter, draw.YBottom
	side.XAlign, side.YAlign, side.Rotation = draw.XCenter, draw.YTop, math.Pi/2
	for i, p := range panels {
		if p.Plot == nil {
			continue
		}
		tile := at[i/cols][i%cols]
		p.Draw(tile)
		area := p.DataCanvas(tile)
		c.FillText(head, vg.Point{X: area.Center().X, Y: area.Max.Y + 6}, p.title)
		c.FillText(side, vg.Point{X: tile.Min.X - label + 2, Y: area.Center().Y}, p.y)
	}
}

// wholeTicks labels whole numbers only, at most seven: epochs are whole.
func wholeTicks(min, max float64) []plot.Tick {
	step := niceStep((max-min)/6, 1)
	var t []plot.Tick
	for v := math.Ceil(min/step) * step; v <= max; v += step {
		t = append(t, plot.Tick{Value: v, Label: strconv.FormatFloat(v+0, 'f', 0, 64)}) // −0 becomes 0
	}
	return t
}

// linearTicks labels multiples of 1, 2 or 5 times a power of ten.
func linearTicks(min, max float64) []plot.Tick {
	step := niceStep((max-min)/7, 0)
	prec := 0
	if step < 1 {
		prec = int(math.Ceil(-math.Log10(step) - 1e-9))
	}
	var t []plot.Tick
	for i := math.Ceil(min/step - 1e-9); i*step <= max*(1+1e-12); i++ {
		v := i*step + 0 // −0 becomes 0
		t = append(t, plot.Tick{Value: v, Label: strings.Replace(strconv.FormatFloat(v, 'f', prec, 64), "-", "−", 1)})
	}
	return t
}

// niceStep returns the least of 1, 2, 5 times a power of ten that is not under
// want or floor.
func niceStep(want, floor float64) float64 {
	if want < floor {
		want = floor
	}
	if !(want > 0) {
		return 1
	}
	e := math.Pow(10, math.Floor(math.Log10(want)))
	for _, m := range []float64{1, 2, 5} {
		if m*e >= want*(1-1e-9) {
			return m * e
		}
	}
	return 10 * e
}

// logTicks marks 1 to 9 of every decade. Decades are labelled; where fewer than
// three are in view 2 and 5 are labelled as well, and where even that gives fewer
// than three labels, 1, 2, 3, 4, 6 and 8, or each mark.
func logTicks(min, max float64) []plot.Tick {
	if !(min > 0) || !(max > min) {
		return nil
	}
	lo, hi := int(math.Floor(math.Log10(min))), int(math.Floor(math.Log10(max)))
	count := func(digits ...int) (n int) {
		for e := lo; e <= hi; e++ {
			for _, d := range digits {
				if v := float64(d) * math.Pow10(e); v >= min && v <= max {
					n++
				}
			}
		}
		return n
	}
	labelled := map[int]bool{1: true}
	every := 1
	switch n := count(1); {
	case n > 6:
		every = (n + 5) / 6
	case n < 3 && count(1, 2, 5) >= 3:
		labelled = map[int]bool{1: true, 2: true, 5: true}
	case n < 3 && count(1, 2, 3, 4, 6, 8) >= 3:
		labelled = map[int]bool{1: true, 2: true, 3: true, 4: true, 6: true, 8: true}
	case n < 3:
		labelled = map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 7: true, 8: true, 9: true}
	}
	var t []plot.Tick
	labels := 0
	for e := lo; e <= hi; e++ {
		for d := 1; d <= 9; d++ {
			v, err := strconv.ParseFloat(fmt.Sprintf("%de%d", d, e), 64) // exact decimals, unlike a product
			if err != nil || v < min || v > max {
				continue
			}
			tick := plot.Tick{Value: v}
			if labelled[d] && (d != 1 || e%every == 0) {
				tick.Label = shortNumber(v)
				labels++
			}
			t = append(t, tick)
		}
	}
	if labels < 3 {
		// A range inside few steps of a digit: ordinary ticks are clearer.
		return linearTicks(min, max)
	}
	return t
}

// shortNumber writes a number for an axis or a table: plain where that is
// short, with a power of ten elsewhere.
func shortNumber(v float64) string {
	if a := math.Abs(v); v != 0 && (a < 1e-4 || a >= 1e5) {
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// grid draws pale lines at the labelled ticks.
type grid struct{}

func (grid) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	sty := draw.LineStyle{Color: pale, Width: vg.Points(0.5)}
	for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		if x := tx(t.Value); !t.IsMinor() && c.ContainsX(x) {
			c.StrokeLine2(sty, x, c.Min.Y, x, c.Max.Y)
		}
	}
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		if y := ty(t.Value); !t.IsMinor() && c.ContainsY(y) {
			c.StrokeLine2(sty, c.Min.X, y, c.Max.X, y)
		}
	}
}

// note writes a text in the middle of a panel that has nothing to draw.
type note string

func (n note) Plot(c draw.Canvas, p *plot.Plot) {
	sty := textStyle(10, false)
	sty.XAlign, sty.YAlign = draw.XCenter, draw.YCenter
	c.FillText(sty, c.Center(), string(n))
}
