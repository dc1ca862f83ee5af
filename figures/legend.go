package figures

import (
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"
)

// entry is a name in a legend with the line that it names.
type entry struct {
	name  string
	curve *curve
}

// A legend is blocks of entries, each on lines of its own.
type legend [][]entry

// runsLegend names the groups.
func runsLegend(gs []group) (block []entry) {
	for i, g := range gs {
		block = append(block, entry{g.name(), &curve{line: lineStyle(i)}})
	}
	return block
}

// sample is an entry about a line of any colour: its width and its mark, nil for none.
func sample(name string, width float64, shape draw.GlyphDrawer) entry {
	k := &curve{line: draw.LineStyle{Color: ink, Width: vg.Points(width)}}
	if shape != nil {
		k.glyph = &draw.GlyphStyle{Color: ink, Radius: vg.Points(2.6), Shape: shape}
	}
	return entry{name, k}
}

// Sizes in a legend. The margin is wide because a browser without Liberation Sans takes another
// font, whose letters may be wider.
const (
	legendSample  = vg.Length(30)
	legendGap     = vg.Length(6)
	legendBetween = vg.Length(20)
	legendRow     = vg.Length(17)
	legendMargin  = vg.Length(24)
)

// height is how much draw takes of a canvas of a width.
func (l legend) height(w vg.Length) vg.Length {
	return l.draw(draw.NewCanvas(new(recorder.Canvas), w, 1000))
}

// draw writes the blocks in centred rows at the top of the canvas and returns the height it took.
func (l legend) draw(c draw.Canvas) vg.Length {
	if len(l) == 0 {
		return 0
	}
	sty := textStyle(10.5, false)
	sty.YAlign = draw.YCenter
	width := func(e entry) vg.Length { return legendSample + legendGap + sty.Width(e.name) }
	room := c.Max.X - c.Min.X - 2*legendMargin
	y := c.Max.Y - 12
	for _, block := range l {
		for i := 0; i < len(block); {
			j, total := i, vg.Length(0)
			for j < len(block) && (j == i || total+legendBetween+width(block[j]) <= room) {
				if j > i {
					total += legendBetween
				}
				total += width(block[j])
				j++
			}
			x := c.Center().X - total/2
			for ; i < j; i++ {
				block[i].curve.Thumbnail(&draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
					Min: vg.Point{X: x, Y: y - 5}, Max: vg.Point{X: x + legendSample, Y: y + 5}}})
				c.FillText(sty, vg.Point{X: x + legendSample + legendGap, Y: y}, block[i].name)
				x += width(block[i]) + legendBetween
			}
			y -= legendRow
		}
	}
	return c.Max.Y - y - 8
}
