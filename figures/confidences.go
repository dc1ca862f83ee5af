package figures

import (
	"fmt"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// confidenceBins is how many bars Confidences draws.
const confidenceBins = 20

// Confidences draws how the probabilities of predictions are distributed, in 20 bins from 0 to 1: those
// of correct predictions upward, those of wrong ones downward, both as a share of all. Two lines are
// the mean probability and the accuracy. The axes are the same for every picture.
func Confidences(title, caption string, confidence []float64, correct []bool) (*Figure, error) {
	if len(confidence) == 0 || len(confidence) != len(correct) {
		return nil, fmt.Errorf("figures: %d probabilities and %d outcomes; want as many, and at least one",
			len(confidence), len(correct))
	}
	h := &mirror{up: make([]float64, confidenceBins), down: make([]float64, confidenceBins)}
	one := 1 / float64(len(confidence))
	var right float64
	for i, v := range confidence {
		if !(v >= 0 && v <= 1) {
			return nil, fmt.Errorf("figures: probability %d is %g; want 0 to 1", i+1, v)
		}
		bin := min(int(v*confidenceBins), confidenceBins-1)
		h.mean += v * one
		if correct[i] {
			h.up[bin] += one
			right++
		} else {
			h.down[bin] += one
		}
	}
	h.accuracy = right * one
	p := newChart("", "probability of the predicted class", "share of the samples")
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, -0.5, 0.7
	p.Y.Tick.Marker = plot.ConstantTicks([]plot.Tick{{Value: -0.4, Label: "0.4"}, {Value: -0.2, Label: "0.2"},
		{Value: 0, Label: "0"}, {Value: 0.2, Label: "0.2"}, {Value: 0.4, Label: "0.4"}, {Value: 0.6, Label: "0.6"}})
	p.Add(grid{}, h)
	f := &Figure{Title: title, Caption: caption,
		Alt: fmt.Sprintf("Histogram of the probabilities of predictions, correct ones upward and wrong ones downward; "+
			"mean %s, accuracy %s.", three(h.mean), three(h.accuracy))}
	block := []entry{{"mean probability", &curve{line: h.line(0)}}, {"accuracy", &curve{line: h.line(1)}}}
	return f, f.draw(400, 260, func(c draw.Canvas) {
		c.Max.Y -= legend{block}.draw(c)
		drawPanels(c, 1, []panel{p})
	})
}

// mirror is a plot.Plotter: bars of equal width from 0 to 1, upward and downward, with two lines.
type mirror struct {
	up, down       []float64
	mean, accuracy float64
}

func (h *mirror) line(i int) draw.LineStyle {
	return draw.LineStyle{Color: ink, Width: vg.Points(1.4), Dashes: dashes[i]}
}

// Plot implements plot.Plotter.
func (h *mirror) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	n := float64(len(h.up))
	for i := range h.up {
		left, right := tx((float64(i)+0.08)/n), tx((float64(i)+0.92)/n)
		c.SetColor(palette[2])
		c.Fill(vg.Rectangle{Min: vg.Point{X: left, Y: ty(0)},
			Max: vg.Point{X: right, Y: ty(min(h.up[i], p.Y.Max))}}.Path())
		c.SetColor(palette[1])
		c.Fill(vg.Rectangle{Min: vg.Point{X: left, Y: ty(max(-h.down[i], p.Y.Min))},
			Max: vg.Point{X: right, Y: ty(0)}}.Path())
	}
	sty := textStyle(10, true)
	sty.XAlign = draw.XLeft
	c.FillText(sty, vg.Point{X: tx(0.02), Y: ty(0.62)}, "correct")
	c.FillText(sty, vg.Point{X: tx(0.02), Y: ty(-0.45)}, "wrong")
	c.StrokeLine2(draw.LineStyle{Color: ink, Width: vg.Points(0.8)}, c.Min.X, ty(0), c.Max.X, ty(0))
	for i, v := range []float64{h.mean, h.accuracy} {
		c.StrokeLine2(h.line(i), tx(v), c.Min.Y, tx(v), c.Max.Y)
	}
}
