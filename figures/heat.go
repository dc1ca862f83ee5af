package figures

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot"
	plotpalette "gonum.org/v1/plot/palette"
	"gonum.org/v1/plot/palette/moreland"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// heatColours decrease in luminance, from nearly white through the palette's blue to
// nearly black, so that a heat map reads in grey and by the colour-blind.
var heatColours = func() plotpalette.Palette {
	m, err := moreland.NewLuminance([]color.Color{
		color.NRGBA{0x03, 0x14, 0x2E, 0xFF}, palette[0], color.NRGBA{0x8F, 0xC7, 0xE8, 0xFF},
		color.NRGBA{0xF4, 0xF9, 0xFD, 0xFF},
	})
	if err != nil {
		panic(err) // the luminance of the colours above does not increase
	}
	m.SetMin(0)
	m.SetMax(1)
	return plotpalette.Reverse(m).Palette(256)
}()

// vectorCells is how many cells of a heat map are rectangles of their own in SVG;
// a larger one is a picture.
const vectorCells = 2500

// heatPanel returns a panel with a heat map of g between least and most; equal
// values make a range of their own. A NaN is left white. The x and y values of g
// are the cells' middles. drawScale explains the colours.
func heatPanel(title, x, y string, g plotter.GridXYZ, least, most float64) panel {
	p := newChart(title, x, y)
	if !(most > least) {
		least, most = least-0.5, least+0.5
	}
	h := plotter.NewHeatMap(g, heatColours)
	h.Min, h.Max = least, most
	h.Underflow, h.Overflow, h.NaN = heatColours.Colors()[0],
		heatColours.Colors()[len(heatColours.Colors())-1], color.White
	cols, rows := g.Dims()
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
}

func (m matrix) Dims() (c, r int)   { return m.cols, m.rows }
func (m matrix) Z(c, r int) float64 { return m.values[(m.rows-1-r)*m.cols+c] }
func (m matrix) X(c int) float64    { return float64(c) }
func (m matrix) Y(r int) float64    { return float64(r) }

// matrixPanel is heatPanel for a matrix, with row 0 at the top.
func matrixPanel(title, x, y string, m matrix, least, most float64) panel {
	p := heatPanel(title, x, y, m, least, most)
	p.X.Tick.Marker = plot.TickerFunc(wholeTicks)
	p.Y.Tick.Marker = plot.TickerFunc(func(min, max float64) []plot.Tick {
		var t []plot.Tick
		for _, k := range wholeTicks(0, float64(m.rows-1)) {
			t = append(t, plot.Tick{Value: float64(m.rows-1) - k.Value, Label: k.Label})
		}
		return t
	})
	return p
}

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

// drawScale draws the colours of a heat map between least and most at the top of
// the canvas, with what they mean, and returns the height it took.
func drawScale(c draw.Canvas, meaning string, least, most float64) vg.Length {
	if !(most > least) {
		least, most = least-0.5, least+0.5
	}
	const width, height = vg.Length(160), vg.Length(9)
	sty := textStyle(9.5, false)
	sty.YAlign = draw.YCenter
	low, high := strings.Replace(fmt.Sprintf("%.3g", least), "-", "−", 1),
		strings.Replace(fmt.Sprintf("%.3g", most), "-", "−", 1)
	const gap = vg.Length(6)
	total := sty.Width(meaning) + 3*gap + sty.Width(low) + gap + width + gap + sty.Width(high)
	x, y := c.Center().X-total/2, c.Max.Y-12
	write := func(s string) {
		c.FillText(sty, vg.Point{X: x, Y: y}, s)
		x += sty.Width(s) + gap
	}
	write(meaning)
	x += 2 * gap
	write(low)
	all := heatColours.Colors()
	const steps = 32
	for i := range steps {
		c.SetColor(all[i*(len(all)-1)/(steps-1)])
		// A little wider than its share, so that no white line shows between two.
		r := vg.Rectangle{Min: vg.Point{X: x + width*vg.Length(i)/steps, Y: y - height/2},
			Max: vg.Point{X: x + width*vg.Length(i+1)/steps + 0.3, Y: y + height/2}}
		c.Fill(r.Path())
	}
	x += width + gap
	write(high)
	return 26
}
