package figures

import (
	"bytes"
	"fmt"
	"image/color"
	"image/png"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Captioned is a figure of a Sheet with the line above it.
type Captioned struct {
	Text   string
	Figure *Figure
}

// Sheet returns one PNG of some figures, each under a line of text, at one pixel for one CSS pixel:
// two in a row where they are narrow. It stands for a slider where scripts are stripped.
func Sheet(figs ...Captioned) ([]byte, error) {
	if len(figs) == 0 {
		return nil, fmt.Errorf("figures: no figure for a sheet; want at least one")
	}
	const line, gap = vg.Length(18), vg.Length(8)
	var w, h vg.Length
	for _, f := range figs {
		w, h = max(w, vg.Length(f.Figure.Width/pxPerPoint)), max(h, vg.Length(f.Figure.Height/pxPerPoint))
	}
	cols := 1
	if len(figs) > 1 && w <= 400 {
		cols = 2
	}
	rows := (len(figs) + cols - 1) / cols
	img := vgimg.PngCanvas{Canvas: vgimg.NewWith(
		vgimg.UseWH(vg.Length(cols)*(w+gap)-gap, vg.Length(rows)*(h+line+gap)-gap), vgimg.UseDPI(96),
		vgimg.UseBackgroundColor(color.White))}
	c := draw.New(img)
	sty := textStyle(11, true)
	sty.YAlign = draw.YCenter
	for i, f := range figs {
		picture, err := png.Decode(bytes.NewReader(f.Figure.PNG))
		if err != nil {
			return nil, fmt.Errorf("figures: the PNG of %q: %w", f.Text, err)
		}
		x := c.Min.X + vg.Length(i%cols)*(w+gap)
		top := c.Max.Y - vg.Length(i/cols)*(h+line+gap)
		c.FillText(sty, vg.Point{X: x + 2, Y: top - line/2}, f.Text)
		size := vg.Point{X: vg.Length(f.Figure.Width / pxPerPoint), Y: vg.Length(f.Figure.Height / pxPerPoint)}
		low := vg.Point{X: x, Y: top - line - size.Y}
		c.DrawImage(vg.Rectangle{Min: low, Max: low.Add(size)}, picture)
	}
	var b bytes.Buffer
	if _, err := img.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("figures: PNG: %w", err)
	}
	return b.Bytes(), nil
}
