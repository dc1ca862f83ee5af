package figures

import (
	"fmt"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// AgainstTime draws one metric against the intrinsic time of the runs, record.Spec.IntrinsicTime,
// under which runs of other decay, rate and number of images are as far into the terminal phase. key
// is one of record.Metrics. Give runs of one loss and several settings labels of their own.
func AgainstTime(key string, runs ...Series) (*Figure, error) {
	m, err := FindMetric(key)
	if err != nil {
		return nil, err
	}
	gs, err := grouped(runs)
	if err != nil {
		return nil, err
	}
	p := newChart(m.Title, "intrinsic time: Σ rate × decay over the steps", m.Axis)
	var curves []*curve
	var ends []string
	for i, g := range gs {
		for _, r := range g.runs {
			k := &curve{line: lineStyle(i), log: m.Log}
			for j := range r.Epochs {
				e := &r.Epochs[j]
				k.x, k.y = append(k.x, r.Spec.IntrinsicTime(r.Data.Train, e.Epoch)), append(k.y, m.Shown(e))
			}
			curves = append(curves, k)
			if n := len(k.x); n > 0 {
				ends = append(ends, fmt.Sprintf("%s ends at time %s with %s", g.label, significant(k.x[n-1]),
					significant(k.y[n-1])))
			}
		}
	}
	addCurves(p, m.Log, curves)
	f := &Figure{Title: m.Title + " against intrinsic time",
		Caption: "Where a curve ends, its run ended. The time is that of record.Spec.IntrinsicTime.",
		Alt:     m.Title + " against the sum of rate times decay. " + strings.Join(ends, "; ") + "."}
	return f, f.draw(vg.Length(520), vg.Length(320), func(c draw.Canvas) {
		c.Max.Y -= legend{runsLegend(gs)}.draw(c)
		drawPanels(c, 1, []panel{p})
	})
}
