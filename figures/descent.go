package figures

import (
	"fmt"
	"math"

	"github.com/gocollapse/collapse/ufm"
)

// collapseOf are the three metrics of a descent's row, in the order in which figures show them.
var collapseOf = []struct {
	name string
	of   func(ufm.Row) float64
}{
	{"NC1", func(r ufm.Row) float64 { return r.NC1 }},
	{"NC2", func(r ufm.Row) float64 { return r.NC2 }},
	{"NC3", func(r ufm.Row) float64 { return r.NC3 }},
}

// DescentAt draws NC1, NC2 and NC3 against δ after a number of steps of the descents of d, which begin
// at one start and take one step size. A descent that ended before, or was not measured at this step,
// shows its last row up to it. step is at least 0.
func DescentAt(d *ufm.Dynamics, step int) (*Figure, error) {
	if step < 0 {
		return nil, fmt.Errorf("figures: step %d, want at least 0", step)
	}
	f := &Figure{Title: fmt.Sprintf("After %d steps", step), Alt: fmt.Sprintf("After %d steps.", step),
		Caption: descentCaption(d) + fmt.Sprintf(" After %d steps, one point per δ.", step)}
	return f, f.againstDelta(d, "NC1, NC2, NC3", true, func(p ufm.DynamicsPath, of func(ufm.Row) float64) float64 {
		var value float64
		for _, r := range p.Rows {
			if r.Step <= step {
				value = of(r)
			}
		}
		return value
	})
}

// StepsTo draws against δ after how many steps the descents of d have NC1, NC2 and NC3 at or below a
// level for the first time. A descent that does not get there has no point. level is above 0.
func StepsTo(d *ufm.Dynamics, level float64) (*Figure, error) {
	if !(level > 0) {
		return nil, fmt.Errorf("figures: level %g, want above 0", level)
	}
	f := &Figure{Title: fmt.Sprintf("Steps to %g", level), Alt: fmt.Sprintf("Steps to a level of %g.", level),
		Caption: descentCaption(d) + " A δ at which a metric does not get there has no point."}
	return f, f.againstDelta(d, "steps", false, func(p ufm.DynamicsPath, of func(ufm.Row) float64) float64 {
		for _, r := range p.Rows {
			if of(r) <= level {
				return float64(r.Step)
			}
		}
		return math.NaN()
	})
}

func descentCaption(d *ufm.Dynamics) string {
	s := float64(d.K) * math.Sqrt(float64(d.N)*d.LambdaW*d.LambdaH)
	return fmt.Sprintf("Unconstrained features, K = %d, n = %d, d = %d, s = %.3g; gradient descent from one random "+
		"start (seed %d) at one step size.", d.K, d.N, d.D, s, d.Seed)
}

// againstDelta draws a number of each descent for the three metrics against δ.
func (f *Figure) againstDelta(d *ufm.Dynamics, axis string, log bool,
	number func(ufm.DynamicsPath, func(ufm.Row) float64) float64) error {
	if len(d.Paths) < 2 {
		return fmt.Errorf("figures: descents for %d δ, want at least 2", len(d.Paths))
	}
	p := newChart("", "label smoothing δ", axis)
	var curves []*curve
	var block []entry
	for i, m := range collapseOf {
		mark := glyphStyle(i)
		k := &curve{name: m.name, line: lineStyle(i), glyph: &mark, log: log}
		for _, path := range d.Paths {
			k.x, k.y = append(k.x, path.Delta), append(k.y, number(path, m.of))
		}
		curves, block = append(curves, k), append(block, entry{m.name, k})
	}
	addCurves(p, log, curves)
	if !log {
		p.Y.Min = 0
	}
	return f.lay(440, 280, 1, legend{block}, []panel{p})
}
