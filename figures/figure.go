package figures

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"image/color"
	"slices"
	"strings"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A Figure is a picture with its words and its numbers. SVG, PNG and PDF hold the same picture.
type Figure struct {
	Number  string  // the paper's number, "1", or "" for a figure that is not in the paper
	Title   string  // one line
	Caption string  // plain text: what is drawn and how the numbers came about
	Alt     string  // plain text for readers who do not see the picture
	SVG     []byte  // one <svg> element, without XML declaration, ready for HTML
	PNG     []byte  // Width by Height pixels times Scale, or times 1 where the figure is made of pictures
	Width   float64 // in CSS pixels
	Height  float64 // in CSS pixels
	// Data is the numbers behind the picture under a header, see CSV; nil for a figure without numbers.
	Data [][]string

	paint func(draw.Canvas)
}

// Scale is the number of PNG pixels for one CSS pixel of a figure.
const Scale = 2

// ErrNoSeries is the error of a figure or table without any run.
var ErrNoSeries = errors.New("figures: no run given; want at least one Series with a record")

// HTML returns the figure as a <figure> element: inline SVG and the caption.
func (f *Figure) HTML() string {
	return "<figure class=\"collapse-figure\">\n" + string(f.SVG) + "\n<figcaption>" + f.captionHTML() +
		"</figcaption>\n</figure>\n"
}

func (f *Figure) captionHTML() string {
	return captionHTML("Figure", f.Number, f.Title, f.Caption)
}

// captionHTML writes "Figure 1. Title. Caption" with the number and title set off.
func captionHTML(kind, number, title, caption string) string {
	head := title
	if number != "" {
		head = kind + " " + number + ". " + title
	}
	return "<strong>" + html.EscapeString(head) + ".</strong> " + html.EscapeString(caption)
}

// draw runs paint on a canvas of w by h points and sets the figure's pictures and
// size. Alt must be set before.
func (f *Figure) draw(w, h vg.Length, paint func(draw.Canvas)) (err error) {
	f.Width, f.Height, f.paint = w.Points()*pxPerPoint, h.Points()*pxPerPoint, paint
	f.SVG, f.PNG, err = render(w, h, Scale, f.Alt, paint)
	return err
}

// lay draws panels in rows of cols under a legend, on a canvas of w by h points. It adds what the
// panels show to the alternative text, and sets the data.
func (f *Figure) lay(w, h vg.Length, cols int, legend legend, panels []panel) error {
	f.Alt = strings.TrimSpace(f.Alt + " " + words(panels))
	f.Data = data(panels)
	return f.draw(w, h, func(c draw.Canvas) {
		c.Max.Y -= legend.draw(c)
		drawPanels(c, cols, panels)
	})
}

// missingRow is the height of a row of panels that name missing runs.
const missingRow = vg.Length(134)

// layWithMissing is lay with panels that name missing runs: in the last row of the others where that has
// room, else in low rows below. row is the height of a row of the others.
func (f *Figure) layWithMissing(w, row vg.Length, cols int, legend legend, panels, absent []panel) error {
	f.Alt = strings.TrimSpace(f.Alt + " " + words(panels) + " " + words(absent))
	f.Data = data(panels)
	if (len(panels)+len(absent)+cols-1)/cols == (len(panels)+cols-1)/cols {
		panels, absent = slices.Concat(panels, absent), nil // the last row has room
	}
	rows := func(list []panel) vg.Length { return vg.Length((len(list) + cols - 1) / cols) }
	below := missingRow * rows(absent)
	head := vg.Length(0)
	if len(panels) == 0 {
		legend = nil
	} else {
		head = legend.height(w)
	}
	return f.draw(w, head+row*rows(panels)+below, func(c draw.Canvas) {
		c.Max.Y -= legend.draw(c)
		if len(absent) > 0 {
			low := c
			low.Max.Y = low.Min.Y + below
			c.Min.Y += below
			drawPanels(low, cols, absent)
		}
		if len(panels) > 0 {
			drawPanels(c, cols, panels)
		}
	})
}

// pxPerPoint turns points, in which gonum/plot measures, into CSS pixels.
const pxPerPoint = 96.0 / 72.0

// render runs paint on an SVG and on a PNG canvas of w by h points; scale is the
// PNG's pixels for one CSS pixel.
func render(w, h vg.Length, scale int, alt string, paint func(draw.Canvas)) (svg, png []byte, err error) {
	// gonum/plot reports impossible input by panicking. Input is checked before
	// it gets here, so a panic is a fault of this package: say so as an error
	// instead of taking down a notebook's cell or a half-written report.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("figures: drawing failed: %v", r)
		}
	}()
	vec := vgsvg.New(w, h)
	paint(draw.New(vec))
	var b bytes.Buffer
	if _, err := vec.WriteTo(&b); err != nil {
		return nil, nil, fmt.Errorf("figures: SVG: %w", err)
	}
	svg = tidySVG(b.String(), w, h, alt)

	img := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(96*scale),
		vgimg.UseBackgroundColor(color.White))}
	paint(draw.New(img))
	b = bytes.Buffer{}
	if _, err := img.WriteTo(&b); err != nil {
		return nil, nil, fmt.Errorf("figures: PNG: %w", err)
	}
	return svg, b.Bytes(), nil
}

// tidySVG makes vgsvg's document one element for HTML: no XML declaration, a
// picture role with a text for screen readers, fonts with the same widths where
// Liberation is not installed, and a size in CSS pixels that may shrink.
func tidySVG(s string, w, h vg.Length, alt string) []byte {
	if i := strings.Index(s, "<svg"); i >= 0 {
		s = s[i:]
	}
	if i := strings.Index(s, ">"); i >= 0 {
		s = fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" `+
			`role="img" aria-label="%s" width="%.0f" height="%.0f" viewBox="0 0 %.5g %.5g" `+
			`style="max-width:100%%;height:auto;background:#fff">`,
			html.EscapeString(alt), w.Points()*pxPerPoint, h.Points()*pxPerPoint, w.Points(), h.Points()) + s[i+1:]
	}
	s = strings.NewReplacer(
		"font-family:Liberation Sans;font-variant:normal;", "font-family:Liberation Sans,Arial,Helvetica,sans-serif;",
		"font-weight:normal;font-style:normal;", "",
		"<image ", `<image preserveAspectRatio="none" `, // a heat map fills its panel
		"data:image/jpg;base64", "data:image/png;base64", // vgsvg writes PNG and calls it jpg
		"\n\tstyle=", " style=",
	).Replace(s)
	return []byte(strings.TrimSpace(s))
}

// sans is the face of all texts: Liberation Sans, which comes with gonum/plot.
func sans(size float64, bold bool) font.Font {
	f := font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, vg.Points(size))
	if bold {
		f.Weight = 3 // golang.org/x/image/font.WeightBold
	}
	return f
}
