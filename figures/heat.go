package figures

import (
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	plotpalette "gonum.org/v1/plot/palette"
	"gonum.org/v1/plot/palette/moreland"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// heatSteps is how many colours a scale has.
const heatSteps = 256

// heatColours decrease in luminance, from nearly white through the palette's blue to
// nearly black, so that a heat map reads in grey and by the colour-blind.
var heatColours = func() []color.Color {
	m, err := moreland.NewLuminance([]color.Color{
		color.NRGBA{0x03, 0x14, 0x2E, 0xFF}, palette[0], color.NRGBA{0x8F, 0xC7, 0xE8, 0xFF},
		color.NRGBA{0xF4, 0xF9, 0xFD, 0xFF},
	})
	if err != nil {
		panic(err) // the luminance of the colours above does not increase
	}
	m.SetMin(0)
	m.SetMax(1)
	return plotpalette.Reverse(m).Palette(heatSteps).Colors()
}()

// heatScale gives the values of a heat map their colours.
type heatScale struct {
	colours     []color.Color // from least to most
	least, most float64       // values beyond them have the first and the last colour
	neutral     float64       // of a diverging scale the value without colour, else NaN
	name        string        // of the neutral value
}

// sequential is a scale for numbers without a value of their own in between. Equal ends make a range of their own.
func sequential(least, most float64) heatScale {
	if !(most > least) {
		least, most = least-0.5, least+0.5
	}
	return heatScale{colours: heatColours, least: least, most: most, neutral: math.NaN()}
}

// The two sides of a diverging scale, from the neutral colour on. The side of larger values ends
// darker, so that the ends differ in grey.
var (
	belowNeutral = []color.NRGBA{{0xF7, 0xF7, 0xF7, 0xFF}, {0xA9, 0xD3, 0xEA, 0xFF}, {0x4C, 0xA0, 0xD0, 0xFF},
		{0x00, 0x72, 0xB2, 0xFF}}
	aboveNeutral = []color.NRGBA{{0xF7, 0xF7, 0xF7, 0xFF}, {0xFB, 0xC5, 0x8F, 0xFF}, {0xE8, 0x85, 0x2E, 0xFF},
		{0xB3, 0x46, 0x00, 0xFF}, {0x5A, 0x1E, 0x00, 0xFF}}
)

// diverging is a scale from least to most whose colours begin at the neutral value on both sides and
// change at one rate. name says what the neutral value is.
func diverging(least, neutral, most float64, name string) heatScale {
	if !(most > least) {
		least, most = least-0.5, least+0.5
	}
	s := heatScale{least: least, most: most, neutral: neutral, name: name}
	reach := math.Max(most-neutral, neutral-least)
	for i := range heatSteps {
		v := least + (most-least)*float64(i)/(heatSteps-1)
		side := aboveNeutral
		if v < neutral {
			side = belowNeutral
		}
		s.colours = append(s.colours, between(side, math.Abs(v-neutral)/reach))
	}
	return s
}

// cosines is the scale of cosines between K class vectors: neutral is the value of a simplex ETF.
func cosines(k int) heatScale {
	return diverging(-1, -1/float64(max(k-1, 1)), 1, "−1/(K−1), a simplex ETF")
}

// between returns the colour at a share of the way through stops.
func between(stops []color.NRGBA, share float64) color.NRGBA {
	at := math.Min(math.Max(share, 0), 1) * float64(len(stops)-1)
	i := min(int(at), len(stops)-2)
	mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + (at-float64(i))*(float64(b)-float64(a)))) }
	a, b := stops[i], stops[i+1]
	return color.NRGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 0xFF}
}

// of returns the colour of a value, white for NaN.
func (s heatScale) of(v float64) color.Color {
	if math.IsNaN(v) {
		return color.White
	}
	share := math.Min(math.Max((v-s.least)/(s.most-s.least), 0), 1)
	return s.colours[int(math.Round(share*float64(len(s.colours)-1)))]
}

// Colors implements palette.Palette.
func (s heatScale) Colors() []color.Color { return s.colours }

// vectorCells is how many cells of a heat map are rectangles of their own in SVG;
// a larger one is a picture.
const vectorCells = 2500

// heatPanel returns a panel with a heat map of g. A NaN is left white. The x and y values of g are the
// cells' middles. heatScale.draw explains the colours.
func heatPanel(title, x, y string, g plotter.GridXYZ, s heatScale) panel {
	p := newChart(title, x, y)
	h := plotter.NewHeatMap(g, s)
	h.Min, h.Max = s.least, s.most
	h.Underflow, h.Overflow, h.NaN = s.colours[0], s.colours[len(s.colours)-1], color.White
	cols, rows := g.Dims()
	for r := range rows {
		k := &curve{name: y + " " + exact(g.Y(r)), hidden: true, silent: true}
		for c := range cols {
			k.x, k.y = append(k.x, g.X(c)), append(k.y, g.Z(c, r))
		}
		p.shown.curves = append(p.shown.curves, k)
	}
	h.Rasterized = cols*rows > vectorCells
	p.Add(h)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = h.DataRange()
	return p
}

// matrix is a rows×cols matrix as a grid whose first row is at the top, as a matrix
// is written. The axes count from 0.
type matrix struct {
	rows, cols int
	values     []float64 // row-major
	classes    []int     // labels of rows and columns, or nil for 0, 1, …
}

func (m matrix) Dims() (c, r int)   { return m.cols, m.rows }
func (m matrix) Z(c, r int) float64 { return m.values[(m.rows-1-r)*m.cols+c] }
func (m matrix) X(c int) float64    { return float64(c) }
func (m matrix) Y(r int) float64    { return float64(r) }

// matrixPanel is heatPanel for a matrix of classes, with row 0 at the top. Up to mostNumbers classes
// have their values in the cells.
func matrixPanel(title, x, y string, m matrix, s heatScale) panel {
	p := heatPanel(title, x, y, m, s)
	for i, k := range p.shown.curves {
		c := m.rows - 1 - i
		if m.classes != nil {
			c = m.classes[c]
		}
		k.name = y + " " + strconv.Itoa(c)
	}
	p.X.Tick.Marker = plot.TickerFunc(func(_, _ float64) []plot.Tick { return named(classTicks(m.cols), m.classes) })
	p.Y.Tick.Marker = plot.TickerFunc(func(_, _ float64) []plot.Tick {
		t := named(classTicks(m.rows), m.classes)
		for i := range t {
			t[i].Value = float64(m.rows-1) - t[i].Value
		}
		return t
	})
	smallClassLabels(p, m.cols)
	if max(m.rows, m.cols) <= mostNumbers {
		p.Add(numbers{m, s})
	}
	return p
}

// mostNumbers is how many classes a heat map has with numbers in its cells, and mostClasses how many
// an axis has with a label at each.
const (
	mostNumbers = 10
	mostClasses = 20
)

// classTicks marks the classes 0 to k−1: each where there is room for its label, else some in even
// steps.
func classTicks(k int) (t []plot.Tick) {
	step := 1
	if k > mostClasses {
		step = int(niceStep(float64(k)/10, 1))
	}
	for i := 0; i < k; i += step {
		t = append(t, plot.Tick{Value: float64(i), Label: strconv.Itoa(i)})
	}
	return t
}

// named labels ticks of classTicks with the classes that are there, where these are not 0, 1, ….
func named(t []plot.Tick, classes []int) []plot.Tick {
	for i := range t {
		if classes != nil {
			t[i].Label = strconv.Itoa(classes[int(t[i].Value)])
		}
	}
	return t
}

// smallClassLabels makes room for the labels of many classes.
func smallClassLabels(p panel, k int) {
	if k > 12 && k <= mostClasses {
		p.X.Tick.Label.Font.Size, p.Y.Tick.Label.Font.Size = vg.Points(7.5), vg.Points(7.5)
	}
}

// numbers writes the values of a matrix into the cells of its heat map.
type numbers struct {
	matrix
	scale heatScale
}

func (n numbers) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	sty := textStyle(7, false)
	sty.XAlign, sty.YAlign = draw.XCenter, draw.YCenter
	for row := range n.rows {
		for col := range n.cols {
			v := n.Z(col, row)
			if !finite(v) {
				continue
			}
			sty.Color = ink
			if dark(n.scale.of(v)) {
				sty.Color = color.White
			}
			c.FillText(sty, vg.Point{X: tx(n.X(col)), Y: ty(n.Y(row))}, inCell(v))
		}
	}
}

// inCell writes a number between −1 and 1 with two decimals and no 0 in front: −.11.
func inCell(v float64) string {
	v = math.Round(100*v)/100 + 0 // −0 becomes 0
	return strings.Replace(strings.Replace(strconv.FormatFloat(v, 'f', 2, 64), "-", "−", 1), "0.", ".", 1)
}

// dark reports whether white is easier to read than black on a colour.
func dark(c color.Color) bool { return color.GrayModel.Convert(c).(color.Gray).Y < 0x80 }

// valueRange returns the least and largest number of v that is not NaN, or 0 and 1
// where there is none.
func valueRange(v []float64) (least, most float64) {
	least, most = math.Inf(1), math.Inf(-1)
	for _, x := range v {
		if !math.IsNaN(x) {
			least, most = min(least, x), max(most, x)
		}
	}
	if least > most {
		return 0, 1
	}
	return least, most
}

// draw draws the colours at the top of the canvas, with what they mean, and returns the height it took.
func (s heatScale) draw(c draw.Canvas, meaning string) vg.Length {
	const width, height, gap = vg.Length(200), vg.Length(9), vg.Length(8)
	sty := textStyle(9.5, false)
	sty.YAlign = draw.YCenter
	least, most := three(s.least), three(s.most)
	before := sty.Width(least) + gap/2
	if meaning != "" {
		before += sty.Width(meaning) + gap
	}
	x, y := c.Center().X-(before+width+gap/2+sty.Width(most))/2, c.Max.Y-12
	c.FillText(sty, vg.Point{X: x, Y: y}, meaning)
	x += before
	// The ends are next to the bar, so that the neutral value has the room below to itself.
	c.FillText(sty, vg.Point{X: x - gap/2 - sty.Width(least), Y: y}, least)
	c.FillText(sty, vg.Point{X: x + width + gap/2, Y: y}, most)
	const steps = 64
	for i := range steps {
		c.SetColor(s.colours[i*(len(s.colours)-1)/(steps-1)])
		// A little wider than its share, so that no white line shows between two.
		r := vg.Rectangle{Min: vg.Point{X: x + width*vg.Length(i)/steps, Y: y - height/2},
			Max: vg.Point{X: x + width*vg.Length(i+1)/steps + 0.3, Y: y + height/2}}
		c.Fill(r.Path())
	}
	if s.neutral >= s.least && s.neutral <= s.most {
		at := x + width*vg.Length((s.neutral-s.least)/(s.most-s.least))
		c.StrokeLine2(draw.LineStyle{Color: ink, Width: vg.Points(0.7)}, at, y-height/2-3, at, y-height/2)
		sty.XAlign, sty.YAlign = draw.XCenter, draw.YTop
		c.FillText(sty, vg.Point{X: at, Y: y - height/2 - 4}, three(s.neutral)+" ("+s.name+")")
	}
	return 36
}
