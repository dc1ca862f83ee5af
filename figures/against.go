package figures

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gocollapse/collapse/record"
)

// Against draws one metric of runs against another along training, both keys of record.Metrics: a
// point for each epoch at which all runs of a label have both, as the mean over the runs (of the
// logarithms where the metric's axis is a log axis). The numbers at a line's ends are its first and
// last epoch.
func Against(xKey, yKey string, runs ...Series) (*Figure, error) {
	mx, err := FindMetric(xKey)
	if err != nil {
		return nil, err
	}
	my, err := FindMetric(yKey)
	if err != nil {
		return nil, err
	}
	gs, err := grouped(runs)
	if err != nil {
		return nil, err
	}
	p := newChart("", mx.Axis, my.Axis)
	var curves []*curve
	var ends []endPair
	var parts []string
	for i, g := range gs {
		epochs, x, y := meanPairs(g, mx, my)
		glyph := glyphStyle(i)
		k := &curve{name: g.label, x: x, y: y, line: lineStyle(i), glyph: &glyph}
		curves = append(curves, k)
		ends = append(ends, endPair{epochs, k})
		if n := len(epochs); n > 0 {
			parts = append(parts, fmt.Sprintf("%s goes from (%s, %s) at epoch %d to (%s, %s) at epoch %d", g.label,
				three(x[0]), three(y[0]), epochs[0], three(x[n-1]), three(y[n-1]), epochs[n-1]))
		} else {
			parts = append(parts, g.label+" has no epoch with both")
		}
	}
	addCurves(p, my.Log, curves)
	if !my.Log { // a line of some width, away from 0, fills the panel
		if e := extentOf(curves); e.ymin < e.ymax {
			margin := 0.08 * (e.ymax - e.ymin)
			p.Y.Min, p.Y.Max = e.ymin-margin, e.ymax+margin
		}
	}
	if margin := 0.06 * (p.X.Max - p.X.Min); mx.Log && p.X.Min > 0 {
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
		wide := math.Pow(p.X.Max/p.X.Min, 0.06)
		p.X.Min, p.X.Max = p.X.Min/wide, p.X.Max*wide
	} else {
		p.X.Min, p.X.Max = p.X.Min-margin, p.X.Max+margin
	}
	for _, e := range ends {
		p.Add(e)
	}
	f := &Figure{Title: my.Title + " against " + mx.Title,
		Caption: "A point for each measured epoch; with several seeds it is their mean. The numbers at a line's ends " +
			"are its first and last epoch.",
		Alt: my.Title + " against " + mx.Title + " along training. " + strings.Join(parts, "; ") + "."}
	return f, f.draw(480, 340, func(c draw.Canvas) {
		c.Max.Y -= legend{runsLegend(gs)}.draw(c)
		drawPanels(c, 1, []panel{p})
	})
}

// meanPairs returns the means of two metrics at the epochs at which all runs of a group have both.
func meanPairs(g group, mx, my record.Metric) (epochs []int, x, y []float64) {
	usable := func(m record.Metric, e *record.Epoch) bool {
		v := m.Shown(e)
		return finite(v) && (!m.Log || v > 0)
	}
	for _, first := range g.runs[0].Epochs {
		var vx, vy []float64
		for _, r := range g.runs {
			if e := r.Row(first.Epoch); e != nil && usable(mx, e) && usable(my, e) {
				vx, vy = append(vx, mx.Shown(e)), append(vy, my.Shown(e))
			}
		}
		if len(vx) < len(g.runs) {
			continue
		}
		ax, _, _ := meanOf(vx, mx.Log)
		ay, _, _ := meanOf(vy, my.Log)
		epochs, x, y = append(epochs, first.Epoch), append(x, ax), append(y, ay)
	}
	return epochs, x, y
}

// endPair writes the first and the last epoch next to the ends of a curve. It is a plot.Plotter.
type endPair struct {
	epochs []int
	*curve
}

// Plot implements plot.Plotter.
func (e endPair) Plot(c draw.Canvas, p *plot.Plot) {
	endLabel{trail{e.epochs, e.x, e.y}, e.line}.Plot(c, p)
}

// OutcomesAt draws what a run says of its test images at one epoch, of those that it classifies
// correctly and of the others: cross entropy, entropy and NC1 as bars on a log axis that is the same
// for every epoch (0.1 to 10; a longer bar is cut). A bar is the mean over the runs of a label. The
// caption has the errors and ECE. A run without that epoch, or whose record lacks the calibration of
// its test images, is an error.
func OutcomesAt(epoch int, runs ...Series) (*Figure, error) {
	gs, err := grouped(runs)
	if err != nil {
		return nil, err
	}
	for _, s := range runs {
		if e := s.Record.Row(epoch); e == nil || e.Test == nil {
			return nil, fmt.Errorf("figures: run %q has no calibration of the test images at epoch %d",
				s.Record.Spec.Name, epoch)
		}
	}
	var b rowBars
	var heard, errs []string
	for _, key := range []string{"nll", "entropy", "nc1"} {
		for _, side := range []string{"correct", "wrong"} {
			name := map[string]string{"nll": "loss", "entropy": "entropy", "nc1": "NC1"}[key] + ", " + side
			of := rowGroup{name: name}
			for i, g := range gs {
				v := g.meanAt("test_"+side+"_"+key, epoch)
				of.bars = append(of.bars, rowBar{name: g.label, value: v, colour: i})
				heard = append(heard, fmt.Sprintf("%s %s %s", name, g.label, significant(v)))
			}
			b = append(b, of)
		}
	}
	for _, g := range gs {
		percent := func(key string) string { return fixed(g.meanAt(key, epoch), 1) }
		errs = append(errs, fmt.Sprintf("%s: training error %s %%, test error %s %%, ECE %s %%", g.label,
			percent("train_error"), percent("test_error"), percent("test_ece")))
	}
	f := &Figure{Title: fmt.Sprintf("Correct and wrong test images at epoch %d", epoch),
		Caption: strings.Join(errs, "; ") + ".", Alt: fmt.Sprintf("Epoch %d. %s.", epoch, strings.Join(heard, ", "))}
	p := newChart("", "value (log scale)", "")
	p.X.Min, p.X.Max = 0.1, 10
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
	p.Y.Min, p.Y.Max = -b.rows(), 0
	p.Y.Tick.Marker = plot.ConstantTicks(b.ticks())
	p.Add(grid{}, b)
	return f, f.draw(400, vg.Length(56+14*b.rows()), func(c draw.Canvas) { drawPanels(c, 1, []panel{p}) })
}

// meanAt is the mean of a metric over a group's runs at an epoch, in the unit of its axis.
func (g group) meanAt(key string, epoch int) float64 {
	m := metric(key)
	var v []float64
	for _, r := range g.runs {
		v = append(v, m.Shown(r.Row(epoch)))
	}
	mean, _, _ := meanOf(v, m.Log)
	return mean
}
