package figures

import (
	"fmt"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gocollapse/collapse/record"
)

// Figure1 draws the paper's Figure 1 for the given runs: training and test
// error in percent (linear axis from 0, so that an error of 0 is seen), and NC1,
// NC2 and NC3 (Eq 4 to 6, log axes), each against the epoch. Runs with the same
// label share a colour. Values that are not defined, or not above 0 on a log
// axis, leave a gap, and the caption counts them. Records without rows give
// empty panels that say so; no run at all is ErrNoSeries.
func Figure1(runs ...Series) (*Figure, error) {
	gs, err := grouped(runs)
	if err != nil {
		return nil, err
	}
	origin, err := Origin(runs...)
	if err != nil {
		return nil, err
	}

	errs := newPanel("(a) Training and test error", "error (%)")
	var ec []*curve
	marked := false
	for i, g := range gs {
		for _, r := range g.runs {
			x, y := column(r, metric("train_error"))
			thin := lineStyle(i)
			thin.Width = vg.Points(1.3)
			ec = append(ec, &curve{x: x, y: y, line: thin})
			x, y = column(r, metric("test_error"))
			gl := glyphStyle(i)
			ec = append(ec, &curve{x: x, y: y, line: lineStyle(i), glyph: &gl})
			marked = marked || len(x) > 0
		}
	}
	addCurves(errs, false, ec)
	legend := runsLegend(gs)
	if marked {
		plain := draw.LineStyle{Color: ink, Width: vg.Points(1.3)}
		gl := draw.GlyphStyle{Color: ink, Radius: vg.Points(2.6), Shape: ring{}}
		legend = append(legend, entry{"in (a): training error", &curve{line: plain}},
			entry{"test error", &curve{line: plain, glyph: &gl}})
	}

	missing := 0
	panels := []panel{errs}
	for _, k := range ec {
		missing += k.missing()
	}
	for i, key := range []string{"nc1", "nc2", "nc3"} {
		p, n := metricPanel(gs, metric(key), fmt.Sprintf("(%c) ", 'b'+i))
		panels = append(panels, p)
		missing += n
	}

	f := figure("fig1")
	f.Caption = "Error as the network classifies in evaluation mode; NC1, NC2 and NC3 by Equations 4 to 6 on the " +
		"training features. " + origin
	if missing > 0 {
		f.Caption += fmt.Sprintf(" Values not drawn because they are not defined or, on a log "+
			"axis, not above zero: %d.", missing)
	}
	f.Alt = "Four panels against the epoch: training and test error, NC1, NC2, NC3. Runs: " +
		strings.Join(names(gs), "; ") + "."
	err = f.draw(vg.Length(660), vg.Length(520), func(c draw.Canvas) {
		c.Max.Y -= drawLegend(c, legend)
		drawPanels(c, 2, panels)
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Curve draws one metric against the epoch, small and quickly, for a figure that is drawn again
// and again while a network trains. key is one of record.Metrics, which says title, axis and
// scale. The error of an unknown key names the nearest.
func Curve(key string, runs ...Series) (*Figure, error) {
	m, err := findMetric(key)
	if err != nil {
		return nil, err
	}
	gs, err := grouped(runs)
	if err != nil {
		return nil, err
	}
	origin, err := Origin(runs...)
	if err != nil {
		return nil, err
	}
	p, missing := metricPanel(gs, m, "")
	f := &Figure{Title: m.Title, Caption: origin}
	if missing > 0 {
		f.Caption += fmt.Sprintf(" Values not drawn: %d.", missing)
	}
	f.Alt = m.Title + " against the epoch. Runs: " + strings.Join(names(gs), "; ") + "."
	err = f.draw(vg.Length(390), vg.Length(260), func(c draw.Canvas) {
		c.Max.Y -= drawLegend(c, runsLegend(gs))
		drawPanels(c, 1, []panel{p})
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// metricPanel returns a panel of one metric and how many values it leaves out.
func metricPanel(gs []group, m record.Metric, prefix string) (panel, int) {
	p := newPanel(prefix+m.Title, m.Axis)
	var curves []*curve
	missing := 0
	for i, g := range gs {
		for _, r := range g.runs {
			x, y := column(r, m)
			k := &curve{x: x, y: y, line: lineStyle(i), log: m.Log}
			curves = append(curves, k)
			missing += k.missing()
		}
	}
	addCurves(p, m.Log, curves)
	return p, missing
}

// names lists the runs as a legend shows them.
func names(gs []group) []string {
	var s []string
	for _, g := range gs {
		s = append(s, g.name())
	}
	return s
}

// entry is a name in a legend with the line that it names.
type entry struct {
	name  string
	curve *curve
}

func runsLegend(gs []group) (legend []entry) {
	for i, g := range gs {
		legend = append(legend, entry{g.name(), &curve{line: lineStyle(i)}})
	}
	return legend
}

// drawLegend writes the entries in centred rows at the top of the canvas and
// returns the height it took.
func drawLegend(c draw.Canvas, legend []entry) vg.Length {
	sty := textStyle(10.5, false)
	sty.YAlign = draw.YCenter
	const sample, gap, between, row = vg.Length(30), vg.Length(6), vg.Length(20), vg.Length(17)
	width := func(e entry) vg.Length { return sample + gap + sty.Width(e.name) }
	room := c.Max.X - c.Min.X - 12
	y := c.Max.Y - 12
	for i := 0; i < len(legend); {
		j, total := i, vg.Length(0)
		for j < len(legend) && (j == i || total+between+width(legend[j]) <= room) {
			if j > i {
				total += between
			}
			total += width(legend[j])
			j++
		}
		x := c.Center().X - total/2
		for ; i < j; i++ {
			legend[i].curve.Thumbnail(&draw.Canvas{Canvas: c.Canvas,
				Rectangle: vg.Rectangle{Min: vg.Point{X: x, Y: y - 5}, Max: vg.Point{X: x + sample, Y: y + 5}}})
			c.FillText(sty, vg.Point{X: x + sample + gap, Y: y}, legend[i].name)
			x += width(legend[i]) + between
		}
		y -= row
	}
	return c.Max.Y - y - 8
}
