package figures

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gocollapse/collapse/stats"
)

// PairedDifferences draws the differences d of pairs, one point per pair in its order, their mean with
// Student's 95 % interval, and a line at 0. A margin above 0 is drawn as a band around 0, and the caption
// gives the outcome of the equivalence test (TOST at 5 %) with it; without a margin it gives the t test.
// what says in words what d is, with its unit. There must be two pairs or more, not all equal.
func PairedDifferences(what string, d []float64, margin float64) (*Figure, error) {
	if !(margin >= 0) || math.IsInf(margin, 0) {
		return nil, fmt.Errorf("figures: margin %g, want a finite number of at least 0", margin)
	}
	test, err := stats.PairedT(d, 0.95)
	if err != nil {
		return nil, fmt.Errorf("figures: paired differences: %w", err)
	}
	dot := draw.GlyphStyle{Color: palette[0], Radius: vg.Points(3.5), Shape: draw.CircleGlyph{}}
	whole := draw.GlyphStyle{Color: ink, Radius: vg.Points(4.5), Shape: draw.BoxGlyph{}}
	pairs := &curve{name: "pairs", line: lineStyle(0), glyph: &dot, points: true, silent: true}
	for i, v := range d {
		pairs.x, pairs.y = append(pairs.x, float64(i+1)), append(pairs.y, v)
	}
	at := float64(len(d) + 1)
	mean := &curve{name: "mean", line: draw.LineStyle{Color: ink, Width: vg.Points(1.2)}, glyph: &whole,
		x: []float64{at}, y: []float64{test.Mean}, low: []float64{test.Interval.Low},
		high: []float64{test.Interval.High}, points: true, bars: true, silent: true}
	zero := &curve{line: draw.LineStyle{Color: ink, Width: vg.Points(0.8)}, x: []float64{0.5, at + 0.5},
		y: []float64{0, 0}, silent: true}
	p := newChart("", "pair", what)
	f := &Figure{Title: "Differences of pairs", Alt: "Differences of the pairs:"}
	for _, v := range d {
		f.Alt += " " + three(v)
	}
	f.Alt += fmt.Sprintf("; their mean %s with its interval %s to %s.", three(test.Mean), three(test.Interval.Low),
		three(test.Interval.High))
	f.Caption = fmt.Sprintf("%d pairs: mean %s, 95 %% interval %s to %s, d_z %.2f.", len(d), three(test.Mean),
		three(test.Interval.Low), three(test.Interval.High), test.Effect)
	block := []entry{{"pair", pairs}, {"mean and its 95 % interval", mean}}
	if margin == 0 {
		f.Caption += fmt.Sprintf(" Two-sided p of a mean of 0: %.2g.", test.P)
	} else {
		equal, err := stats.TOST(d, -margin, margin, 0.05)
		if err != nil {
			return nil, fmt.Errorf("figures: paired differences: %w", err)
		}
		verdict := "not shown to be within it"
		if equal.Equivalent {
			verdict = "within it"
		}
		f.Caption += fmt.Sprintf(" Margin ±%.3g: the mean is %s (p %.2g).", margin, verdict, equal.P)
		band := &curve{line: lineStyle(2), x: []float64{0.5, at + 0.5}, y: []float64{0, 0},
			low: []float64{-margin, -margin}, high: []float64{margin, margin}, silent: true}
		addCurves(p, false, []*curve{band})
		block = append(block, entry{"margin", band})
	}
	addCurves(p, false, []*curve{zero, pairs, mean})
	p.X.Min, p.X.Max = 0.5, at+0.5
	low := min(slices.Min(d), test.Interval.Low, -margin, 0)
	high := max(slices.Max(d), test.Interval.High, margin, 0)
	p.Y.Min, p.Y.Max = low-0.05*(high-low), high+0.05*(high-low)
	p.X.Tick.Marker = plot.ConstantTicks(append(numbered(len(d)), plot.Tick{Value: at, Label: "mean"}))
	return f, f.lay(460, 280, 1, legend{block}, []panel{p})
}

// numbered are ticks 1 to n.
func numbered(n int) (ticks []plot.Tick) {
	for i := range n {
		ticks = append(ticks, plot.Tick{Value: float64(i + 1), Label: fmt.Sprint(i + 1)})
	}
	return ticks
}

// mostPairs is how far Power draws.
const mostPairs = 40

// Power draws the power of the two-sided paired t test at 5 % against the number of pairs, 2 to 40, if
// the true effect is d_z = effect: how often a test of so many pairs finds it. The caption names the
// number that has a power of 80 %. effect is above 0.
func Power(effect float64) (*Figure, error) {
	if !(effect > 0) || math.IsInf(effect, 0) {
		return nil, fmt.Errorf("figures: effect %g, want a finite number above 0", effect)
	}
	power := &curve{name: "power", line: lineStyle(0)}
	for n := 2; n <= mostPairs; n++ {
		v, err := stats.Power(effect, n, 0.05)
		if err != nil {
			return nil, fmt.Errorf("figures: power: %w", err)
		}
		power.x, power.y = append(power.x, float64(n)), append(power.y, v)
	}
	needed, err := stats.PairsNeeded(effect, 0.05, 0.8, 1000)
	if err != nil {
		return nil, errors.Join(errors.New("figures: power"), err)
	}
	wanted := &curve{line: lineStyle(1), x: []float64{2, mostPairs}, y: []float64{0.8, 0.8}, silent: true}
	p := newChart("", "pairs", "power at p < 0.05")
	addCurves(p, false, []*curve{wanted, power})
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, mostPairs, 0, 1
	f := &Figure{Title: fmt.Sprintf("Power for d_z = %g", effect),
		Caption: fmt.Sprintf("A power of 80 %% takes %s pairs, if p is not corrected for other claims.", needed),
		Alt:     "Power against the number of pairs."}
	return f, f.lay(400, 260, 1, legend{[]entry{{"power", power}, {"80 %", wanted}}}, []panel{p})
}
