package figures

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gocollapse/collapse/record"
)

// mostFilmed is how many runs a film shows next to one another.
const mostFilmed = 3

// filmed is a run in a film.
type filmed struct {
	label string
	run   *record.Record
}

// filmedRuns returns the first run of each of up to mostFilmed labels, and the epochs at which all have
// a picture that has reports.
func filmedRuns(runs []Series, has func(*record.Picture) bool) (shown []filmed, epochs []int, err error) {
	gs, err := grouped(runs)
	if err != nil {
		return nil, nil, err
	}
	for _, g := range gs[:min(len(gs), mostFilmed)] {
		shown = append(shown, filmed{g.label, g.runs[0]})
	}
	for _, e := range shown[0].run.Epochs {
		all := !slices.ContainsFunc(shown, func(f filmed) bool {
			row := f.run.Row(e.Epoch)
			return row == nil || row.Picture == nil || !has(row.Picture)
		})
		if all {
			epochs = append(epochs, e.Epoch)
		}
	}
	if len(epochs) == 0 {
		return nil, nil, errors.New("figures: the runs have no epoch in common whose row holds a picture; " +
			"records of older versions have none")
	}
	return shown, epochs, nil
}

func hasPlane(p *record.Picture) bool { return p.Plane != nil }

func hasProducts(p *record.Picture) bool { return len(p.WH) > 0 }

// hasPicture reports whether a run has a row with a picture that has reports.
func hasPicture(has func(*record.Picture) bool) func(*record.Record) bool {
	return func(r *record.Record) bool {
		return slices.ContainsFunc(r.Epochs, func(e record.Epoch) bool { return e.Picture != nil && has(e.Picture) })
	}
}

// chosenEpochs picks at most n of epochs, the first and the last among them.
func chosenEpochs(epochs []int, n int) []int {
	if len(epochs) <= n {
		return epochs
	}
	var out []int
	for i := range n {
		out = append(out, epochs[(i*(len(epochs)-1)+(n-1)/2)/(n-1)])
	}
	return out
}

// filmCaption says what a plane shows.
const filmCaption = "Classes 0, 1 and 2 in the plane of their mean features: points are training samples, large " +
	"marks the classes' means, arrows the classifier's rows projected on the plane. The origin is the mean of the " +
	"three means, and class 0 lies to the right. Each picture is scaled so that the means are at distance 1 on " +
	"average, and the arrows too; the dashed triangle is a simplex ETF. What is more than 2.3 to a side is not " +
	"drawn. "

// Film draws a strip of pictures along training, a row for each of up to three labels (its first run):
// the features of three classes in the plane of their means, with the classifier's rows. As the network
// collapses, the points shrink to their means, the means and the arrows move to the triangle. Frames has
// every epoch. It is an error if the runs have no epoch with a picture in common.
func Film(runs ...Series) (*Figure, error) {
	shown, epochs, err := filmedRuns(runs, hasPlane)
	if err != nil {
		return nil, err
	}
	const cols = 5
	epochs = chosenEpochs(epochs, cols)
	var panels []panel
	for _, s := range shown {
		for _, epoch := range epochs {
			panels = append(panels, trianglePanel(fmt.Sprintf("%s, epoch %d", s.label, epoch), s.run, epoch))
		}
	}
	return film(shown, panels, len(epochs), 205) // a title is as wide as its panel
}

// Frames draws the film of Film, a figure for every epoch at which all runs have a picture, with the
// epochs.
func Frames(runs ...Series) (frames []*Figure, epochs []int, err error) {
	shown, epochs, err := filmedRuns(runs, hasPlane)
	if err != nil {
		return nil, nil, err
	}
	for _, epoch := range epochs {
		var panels []panel
		for _, s := range shown {
			panels = append(panels, trianglePanel(fmt.Sprintf("%s, epoch %d", s.label, epoch), s.run, epoch))
		}
		f, err := film(shown, panels, len(panels), 260)
		if err != nil {
			return nil, nil, err
		}
		frames = append(frames, f)
	}
	return frames, epochs, nil
}

// film lays panels of planes out, each of a side in points.
func film(shown []filmed, panels []panel, cols int, side vg.Length) (*Figure, error) {
	var drawn []Series
	for _, s := range shown {
		drawn = append(drawn, Series{Label: s.label, Record: s.run})
	}
	origin, err := Origin(drawn...)
	if err != nil {
		return nil, err
	}
	f := figure("film")
	f.Alt = "Features and classifier of three classes in their plane."
	f.Caption = filmCaption + origin
	var block []entry
	for c := range 3 {
		block = append(block, entry{fmt.Sprintf("class %d", c), &curve{points: true, glyph: classGlyph(c, 3)}})
	}
	rows := vg.Length(len(panels) / cols)
	w := max(vg.Length(cols)*side, 360)
	return f, f.lay(w, 24+rows*(side*w/(vg.Length(cols)*side)), cols, legend{block}, panels)
}

// classGlyph is the mark of a class in a plane.
func classGlyph(c int, radius float64) *draw.GlyphStyle {
	shapes := []draw.GlyphDrawer{draw.CircleGlyph{}, draw.PyramidGlyph{}, draw.BoxGlyph{}}
	return &draw.GlyphStyle{Color: palette[c], Radius: vg.Points(radius), Shape: shapes[c]}
}

// filmReach is how far a plane reaches, in mean distances of the class means.
const filmReach = 2.3

// trianglePanel is the plane of a run at an epoch.
func trianglePanel(title string, r *record.Record, epoch int) panel {
	p := newChart(title, "", "")
	p.HideAxes()
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -filmReach, filmReach, -filmReach, filmReach
	s := newScene(r.Row(epoch).Picture.Plane)
	p.Add(s)
	p.shown.says = s.words()
	p.shown.curves = s.curves()
	return p
}

// scene is a plane in units of the mean distance of its class means.
type scene struct {
	means, weights [3][2]float64
	points         [3][][2]float64
}

func newScene(p *record.Plane) *scene {
	scaled := func(v [3][2]float64) [3][2]float64 {
		unit := 0.0
		for _, x := range v {
			unit += math.Hypot(x[0], x[1]) / 3
		}
		for i := range v {
			v[i] = [2]float64{v[i][0] / unit, v[i][1] / unit}
		}
		return v
	}
	s := &scene{means: scaled(p.Means), weights: scaled(p.Weights)}
	unit := 0.0
	for _, x := range p.Means {
		unit += math.Hypot(x[0], x[1]) / 3
	}
	for c, points := range p.Points {
		for _, x := range points {
			s.points[c] = append(s.points[c], [2]float64{x[0] / unit, x[1] / unit})
		}
	}
	return s
}

// words says how close the three classes are to the triangle: the angles between means, and the spread
// of the samples around them.
func (s *scene) words() string {
	angle := func(a, b [2]float64) float64 {
		cos := (a[0]*b[0] + a[1]*b[1]) / math.Hypot(a[0], a[1]) / math.Hypot(b[0], b[1])
		return 180 / math.Pi * math.Acos(math.Min(math.Max(cos, -1), 1))
	}
	var spread, n, turn float64
	for c, points := range s.points {
		for _, x := range points {
			spread += math.Pow(x[0]-s.means[c][0], 2) + math.Pow(x[1]-s.means[c][1], 2)
			n++
		}
		turn = math.Max(turn, angle(s.means[c], s.weights[c]))
	}
	return fmt.Sprintf("angles between the means %.0f°, %.0f° and %.0f°; samples %s from their mean, in units of the "+
		"means' distance from the middle; arrows within %.0f° of their mean", angle(s.means[0], s.means[1]),
		angle(s.means[1], s.means[2]), angle(s.means[2], s.means[0]), three(math.Sqrt(spread/math.Max(n, 1))), turn)
}

// curves are the numbers of the scene, for the data.
func (s *scene) curves() (list []*curve) {
	add := func(name string, points ...[2]float64) {
		k := &curve{name: name, hidden: true, silent: true}
		for _, x := range points {
			k.x, k.y = append(k.x, x[0]), append(k.y, x[1])
		}
		list = append(list, k)
	}
	for c := range 3 {
		add(fmt.Sprintf("class %d, mean", c), s.means[c])
		add(fmt.Sprintf("class %d, classifier", c), s.weights[c])
		add(fmt.Sprintf("class %d, samples", c), s.points[c]...)
	}
	return list
}

// Plot implements plot.Plotter.
func (s *scene) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	at := func(x [2]float64) vg.Point { return vg.Point{X: tx(x[0]), Y: ty(x[1])} }
	c.SetLineStyle(draw.LineStyle{Color: pale, Width: vg.Points(1)})
	c.Stroke(c.Rectangle.Path())
	var triangle []vg.Point
	for i := range 4 {
		sin, cos := math.Sincos(2 * math.Pi / 3 * float64(i))
		triangle = append(triangle, at([2]float64{cos, sin}))
	}
	c.StrokeLines(draw.LineStyle{Color: color.Gray{0x88}, Width: vg.Points(0.9), Dashes: dashes[1]}, triangle)
	for class, points := range s.points {
		g := *classGlyph(class, 1.7)
		faded := g.Color.(color.NRGBA)
		faded.A = 0x90
		g.Color = faded
		for _, x := range points {
			if math.Abs(x[0]) <= filmReach && math.Abs(x[1]) <= filmReach {
				c.DrawGlyph(g, at(x))
			}
		}
	}
	origin := at([2]float64{0, 0})
	for class := range 3 {
		arrow(c, draw.LineStyle{Color: ink, Width: vg.Points(1.6)}, origin, at(s.weights[class]))
	}
	for class, x := range s.means {
		c.DrawGlyph(draw.GlyphStyle{Color: color.White, Radius: vg.Points(5), Shape: draw.CircleGlyph{}}, at(x))
		c.DrawGlyph(*classGlyph(class, 3.8), at(x))
	}
}

// arrow draws a line with a head.
func arrow(c draw.Canvas, line draw.LineStyle, from, to vg.Point) {
	c.StrokeLines(line, []vg.Point{from, to})
	length := math.Hypot(float64(to.X-from.X), float64(to.Y-from.Y))
	if length == 0 {
		return
	}
	x, y := (to.X-from.X)/vg.Length(length), (to.Y-from.Y)/vg.Length(length)
	const head = 6
	c.FillPolygon(line.Color, []vg.Point{to, {X: to.X - head*x + head*y/2, Y: to.Y - head*y - head*x/2},
		{X: to.X - head*x - head*y/2, Y: to.Y - head*y + head*x/2}})
}

// filmDelay is how long a frame of an animation is shown, in hundredths of a second, and filmEnd the
// last one.
const (
	filmDelay = 60
	filmEnd   = 250
)

// FilmGIF returns the frames of Frames as an animated GIF that runs without end, for places where a
// slider cannot be.
func FilmGIF(runs ...Series) ([]byte, error) {
	frames, _, err := Frames(runs...)
	if err != nil {
		return nil, err
	}
	g := &gif.GIF{}
	colours := filmPalette()
	for i, f := range frames {
		img, err := png.Decode(bytes.NewReader(f.PNG))
		if err != nil {
			return nil, fmt.Errorf("figures: a frame: %w", err)
		}
		delay := filmDelay
		if i == len(frames)-1 {
			delay = filmEnd
		}
		g.Image, g.Delay = append(g.Image, halved(img, colours)), append(g.Delay, delay)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		return nil, fmt.Errorf("figures: GIF: %w", err)
	}
	return b.Bytes(), nil
}

// filmPalette is the colours of a frame: greys, and those of the three classes on the way to white.
func filmPalette() (all color.Palette) {
	for i := range 64 {
		all = append(all, color.Gray{uint8(i * 255 / 63)})
	}
	for c := range 3 {
		for i := range 32 {
			all = append(all, between([]color.NRGBA{palette[c], {0xFF, 0xFF, 0xFF, 0xFF}}, float64(i)/32))
		}
	}
	return all
}

// halved returns a picture of half the width and height, each pixel the mean of four, in the nearest
// colours of a palette.
func halved(img image.Image, colours color.Palette) *image.Paletted {
	b := img.Bounds()
	out := image.NewPaletted(image.Rect(0, 0, b.Dx()/2, b.Dy()/2), colours)
	nearest := map[color.NRGBA]uint8{}
	for y := range b.Dy() / 2 {
		for x := range b.Dx() / 2 {
			var r, g, bl uint32
			for i := range 4 {
				pr, pg, pb, _ := img.At(b.Min.X+2*x+i%2, b.Min.Y+2*y+i/2).RGBA()
				r, g, bl = r+pr, g+pg, bl+pb
			}
			c := color.NRGBA{uint8(r / 4 >> 8), uint8(g / 4 >> 8), uint8(bl / 4 >> 8), 0xFF}
			index, ok := nearest[c]
			if !ok {
				index = uint8(colours.Index(c))
				nearest[c] = index
			}
			out.SetColorIndex(x, y, index)
		}
	}
	return out
}
