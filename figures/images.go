package figures

import (
	"fmt"
	"image"
	"image/color"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Samples are pictures for Images.
type Samples struct {
	Title    string
	Caption  string
	Pixels   []byte   // N×H×W×C, row-major, 0 to 255
	Labels   []int32  // N, 0…K−1
	Classes  []string // K names
	Height   int      // H, pixels
	Width    int      // W, pixels
	Channels int      // C: 1 (grey) or 3 (red, green, blue)
	PerClass int      // pictures per class; 0 takes 8
}

// Images draws the first PerClass pictures of every class, one class per row, with the classes'
// names. Sizes that do not fit together are errors that name the expected and the found length.
func Images(s Samples) (*Figure, error) {
	if s.PerClass == 0 {
		s.PerClass = 8
	}
	rows, err := s.rows()
	if err != nil {
		return nil, err
	}
	sheet := s.sheet(rows)
	w, h := sheet.Bounds().Dx(), sheet.Bounds().Dy()

	sty := textStyle(10.5, false)
	sty.XAlign, sty.YAlign = draw.XRight, draw.YCenter
	var names vg.Length
	for _, n := range s.Classes {
		names = max(names, sty.Width(n))
	}
	const margin = vg.Length(6)
	zoom := vg.Length(32) / vg.Length(s.Height) // 32 points per picture, whatever its pixels
	iw, ih := vg.Length(w)*zoom, vg.Length(h)*zoom
	cw, ch := names+iw+3*margin, ih+2*margin

	f := &Figure{Title: s.Title, Caption: s.Caption, Width: cw.Points() * pxPerPoint, Height: ch.Points() * pxPerPoint}
	if f.Title == "" {
		f.Title = "Sample pictures"
	}
	f.Alt = fmt.Sprintf("%d pictures of each class: %s.", s.PerClass, strings.Join(s.Classes, ", "))
	f.SVG, f.PNG, err = render(cw, ch, 1, f.Alt, func(c draw.Canvas) {
		c.SetColor(color.White)
		c.Fill(c.Rectangle.Path())
		x0 := c.Min.X + names + 2*margin
		for r, n := range s.Classes {
			y := c.Max.Y - margin - (vg.Length(r*(s.Height+sheetGap))+vg.Length(s.Height)/2)*zoom
			c.FillText(sty, vg.Point{X: x0 - margin, Y: y}, n)
		}
		low, high := vg.Point{X: x0, Y: c.Max.Y - margin - ih}, vg.Point{X: x0 + iw, Y: c.Max.Y - margin}
		c.DrawImage(vg.Rectangle{Min: low, Max: high}, sheet)
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// rows returns the indices of the first PerClass pictures of each class, or what is wrong with the
// samples.
func (s Samples) rows() ([][]int, error) {
	if s.Height < 1 || s.Width < 1 || s.Height > 4096 || s.Width > 4096 || (s.Channels != 1 && s.Channels != 3) {
		return nil, fmt.Errorf("figures: pictures of %d×%d pixels and %d channels; "+
			"want 1 to 4096 pixels and 1 or 3 channels", s.Height, s.Width, s.Channels)
	}
	if len(s.Classes) == 0 || len(s.Labels) == 0 {
		return nil, fmt.Errorf("figures: %d pictures of %d classes; want at least one of each",
			len(s.Labels), len(s.Classes))
	}
	if want := s.Height * s.Width * s.Channels * len(s.Labels); len(s.Pixels) != want {
		return nil, fmt.Errorf("figures: %d bytes of pixels; %d pictures of %d×%d×%d take %d",
			len(s.Pixels), len(s.Labels), s.Height, s.Width, s.Channels, want)
	}
	if s.PerClass < 1 || s.PerClass > 100 {
		return nil, fmt.Errorf("figures: %d pictures per class; want 1 to 100, or 0 for 8", s.PerClass)
	}
	rows := make([][]int, len(s.Classes))
	for i, l := range s.Labels {
		if l < 0 || int(l) >= len(rows) {
			return nil, fmt.Errorf("figures: picture %d has label %d; want 0 to %d", i, l, len(rows)-1)
		}
		if len(rows[l]) < s.PerClass {
			rows[l] = append(rows[l], i)
		}
	}
	return rows, nil
}

// sheetGap is the white between two pictures of a sheet, in pixels.
const sheetGap = 2

// sheet returns one picture of all pictures: hundreds of small images would make the SVG slow.
func (s Samples) sheet(rows [][]int) *image.NRGBA {
	one := s.Height * s.Width * s.Channels
	w, h := s.PerClass*(s.Width+sheetGap)-sheetGap, len(rows)*(s.Height+sheetGap)-sheetGap
	sheet := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range sheet.Pix {
		sheet.Pix[i] = 0xFF
	}
	for r, ids := range rows {
		for col, id := range ids {
			px := s.Pixels[id*one : (id+1)*one]
			for y := range s.Height {
				for x := range s.Width {
					at := (y*s.Width + x) * s.Channels
					c := color.NRGBA{px[at], px[at], px[at], 0xFF}
					if s.Channels == 3 {
						c.G, c.B = px[at+1], px[at+2]
					}
					sheet.SetNRGBA(col*(s.Width+sheetGap)+x, r*(s.Height+sheetGap)+y, c)
				}
			}
		}
	}
	return sheet
}
