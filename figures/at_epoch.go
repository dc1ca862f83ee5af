package figures

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gocollapse/collapse/record"
)

// barMetrics are the metrics that AtEpoch draws.
var barMetrics = []string{"nc1", "nc2", "nc3"}

// AtEpoch draws NC1, NC2 and NC3 of runs at one epoch as bars on a log axis that is the same for
// every epoch (0.01 to 1,000; a longer bar is cut), with the errors in the caption. It is drawn for
// every epoch of a slider. A run without that epoch is an error.
func AtEpoch(epoch int, runs ...Series) (*Figure, error) {
	gs, err := grouped(runs)
	if err != nil {
		return nil, err
	}
	var b rowBars
	var errs, words []string
	rows := make([]*record.Epoch, len(runs))
	for i, s := range runs {
		if rows[i] = s.Record.Row(epoch); rows[i] == nil {
			return nil, fmt.Errorf("figures: run %q has no row of epoch %d", s.Record.Spec.Name, epoch)
		}
		errs = append(errs, fmt.Sprintf("%s: training error %s %%, test error %s %%", names(gs)[groupOf(gs, s)],
			cellText(metric("train_error"), rows[i]), cellText(metric("test_error"), rows[i])))
	}
	for _, key := range barMetrics {
		m := metric(key)
		of := rowGroup{name: strings.ToUpper(key)}
		for i, s := range runs {
			name, v := names(gs)[groupOf(gs, s)], m.Value(rows[i])
			of.bars = append(of.bars, rowBar{name: name, value: v, colour: groupOf(gs, s)})
			words = append(words, fmt.Sprintf("%s %s %s", of.name, name, significant(v)))
		}
		b = append(b, of)
	}
	f := &Figure{Title: fmt.Sprintf("NC1, NC2 and NC3 at epoch %d", epoch), Caption: strings.Join(errs, "; ") + "."}
	f.Alt = fmt.Sprintf("Epoch %d. %s.", epoch, strings.Join(words, ", "))
	p := newChart("", "value", "")
	p.X.Min, p.X.Max = 0.01, 1000
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
	p.Y.Min, p.Y.Max = -b.rows(), 0
	p.Y.Tick.Marker = plot.ConstantTicks(b.ticks())
	p.Add(grid{}, b)
	return f, f.draw(400, vg.Length(56+17*b.rows()), func(c draw.Canvas) { drawPanels(c, 1, []panel{p}) })
}

// groupOf returns the index of the group that a series belongs to.
func groupOf(gs []group, s Series) int {
	for i, g := range gs {
		for _, r := range g.runs {
			if r == s.Record {
				return i
			}
		}
	}
	return 0
}

// rowBars are horizontal bars in groups, the first at the top. It is a plot.Plotter whose y axis has
// one unit per bar and one between groups.
type rowBars []rowGroup

type rowGroup struct {
	name string
	bars []rowBar
}

type rowBar struct {
	name   string
	value  float64
	colour int
}

func (b rowBars) rows() float64 {
	n := 0
	for _, g := range b {
		n += len(g.bars) + 1
	}
	return float64(n)
}

// ticks names each group at its middle.
func (b rowBars) ticks() (ticks []plot.Tick) {
	top := 0.5
	for _, g := range b {
		n := float64(len(g.bars))
		ticks = append(ticks, plot.Tick{Value: -(top + n/2), Label: g.name})
		top += n + 1
	}
	return ticks
}

// Plot draws the bars with name and value at their ends; it implements plot.Plotter.
func (b rowBars) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	sty := textStyle(9.5, false)
	sty.YAlign = draw.YCenter
	y := 0.5
	for _, g := range b {
		for _, one := range g.bars {
			text, end := strings.TrimSpace(one.name+"  not defined"), c.Min.X
			if finite(one.value) {
				text = strings.TrimSpace(one.name + "  " + significant(one.value))
				end = tx(math.Min(p.X.Max, math.Max(p.X.Min, one.value)))
			}
			low := vg.Point{X: c.Min.X, Y: ty(-(y + 0.9))}
			c.SetColor(palette[one.colour%len(palette)])
			c.Fill(vg.Rectangle{Min: low, Max: vg.Point{X: end, Y: ty(-(y + 0.1))}}.Path())
			at := vg.Point{X: end + 4, Y: ty(-(y + 0.5))}
			if w := sty.Width(text); at.X+w > c.Max.X { // inside the bar, on white
				at.X = c.Max.X - w - 2
				c.SetColor(color.White)
				back := vg.Rectangle{Min: vg.Point{X: at.X - 2, Y: low.Y}, Max: vg.Point{X: c.Max.X, Y: ty(-(y + 0.1))}}
				c.Fill(back.Path())
			}
			c.FillText(sty, at, text)
			y++
		}
		y++
	}
}
