package figures

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gocollapse/collapse/ufm"
)

// LossShape draws the loss of one sample against the margin m by which the target's logit is above
// the others, which are equal (Eq 3): log(1 + (K−1)e^−m) + δm(K−1)/K. Next to δ it draws CE. Its
// least value is the entropy of the smoothed target, at m = log(K/δ − K + 1). K is at least 2 and δ
// in [0, 1).
func LossShape(k int, delta float64) (*Figure, error) {
	if k < 2 || !(delta >= 0 && delta < 1) {
		return nil, fmt.Errorf("figures: K = %d and δ = %g; want K of at least 2 and δ in [0, 1)", k, delta)
	}
	others := float64(k - 1)
	loss := func(m, d float64) float64 { return math.Log1p(others*math.Exp(-m)) + d*m*others/float64(k) }
	ce, ls := &curve{line: lineStyle(0)}, &curve{line: lineStyle(1)}
	top := loss(lossMargins[0], 0) // the axis is the same for every δ
	for i := range 321 {
		m := lossMargins[0] + (lossMargins[1]-lossMargins[0])*float64(i)/320
		ce.x, ce.y = append(ce.x, m), append(ce.y, loss(m, 0))
		ls.x, ls.y = append(ls.x, m), append(ls.y, within(loss(m, delta), top))
	}
	curves, block := []*curve{ce}, []entry{{"CE", ce}}
	words := "The loss of CE decreases towards 0 and has no least value."
	if delta > 0 {
		least := math.Log(float64(k)/delta - float64(k) + 1)
		floor := loss(least, delta)
		g := draw.GlyphStyle{Color: ink, Radius: vg.Points(3.5), Shape: draw.CircleGlyph{}}
		curves = append(curves, ls)
		if least < lossMargins[1] {
			curves = append(curves, &curve{x: []float64{least}, y: []float64{within(floor, top)}, glyph: &g})
		}
		block = append(block, entry{fmt.Sprintf("LS (δ = %g)", delta), ls})
		words += fmt.Sprintf(" That of LS is least at a margin of %.2f, where it is %.3f and the target has the "+
			"probability %.4f.", least, floor, 1-delta*others/float64(k))
	}
	p := newChart("", "margin: target's logit less the others'", "loss")
	addCurves(p, false, curves)
	p.Y.Max = top
	f := &Figure{Title: fmt.Sprintf("One sample's loss, K = %d, δ = %g", k, delta), Caption: words,
		Alt: "Loss against the margin, under cross entropy and under label smoothing."}
	return f, f.draw(400, 280, func(c draw.Canvas) {
		c.Max.Y -= legend{block}.draw(c)
		drawPanels(c, 1, []panel{p})
	})
}

// lossMargins are the ends of LossShape's axis of margins.
var lossMargins = [2]float64{-2, 14}

// within is y, or NaN, which leaves a gap, where it is above a panel's top.
func within(y, top float64) float64 {
	if y > top {
		return math.NaN()
	}
	return y
}

// MinimiserAt draws what Theorems 4.1 and 4.2 say at the δ of the parameters, on axes that are the
// same for every δ: both norms, κ, and the probabilities of the target class and of one other.
func MinimiserAt(p ufm.Params) (*Figure, error) {
	m, err := p.Minimiser()
	if err != nil {
		return nil, err
	}
	b := rowBars{}
	for i, of := range []struct {
		name  string
		value float64
	}{{"‖w‖", m.WNorm}, {"‖h‖", m.HNorm}, {"κ", m.KappaH}, {"target", m.PT}, {"other", m.PN}} {
		b = append(b, rowGroup{name: of.name, bars: []rowBar{{value: of.value, colour: min(i, 3)}}})
	}
	c := newChart("", "value", "")
	c.X.Min, c.X.Max = 0.001, 100
	c.X.Scale, c.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
	c.Y.Min, c.Y.Max = -b.rows(), 0
	c.Y.Tick.Marker = plot.ConstantTicks(b.ticks())
	c.Add(grid{}, b)
	f := &Figure{Title: fmt.Sprintf("The minimiser at δ = %g", p.Delta),
		Caption: fmt.Sprintf("‖w‖ = %s, ‖h‖ = %s, κ = %s; the target class has the probability %s, "+
			"each other %s.",
			significant(m.WNorm), significant(m.HNorm), significant(m.KappaH), significant(m.PT), significant(m.PN)),
		Alt: "Bars on a log axis: the norms of classifier and features, the condition number, and two probabilities."}
	return f, f.draw(400, vg.Length(56+17*b.rows()), func(cv draw.Canvas) { drawPanels(cv, 1, []panel{c}) })
}
