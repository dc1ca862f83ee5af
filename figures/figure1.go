package figures

import (
	"fmt"

	"github.com/gocollapse/collapse/record"
)

// Figure1 draws the paper's Figure 1 for the given runs: training and test
// error in percent (linear axis from 0, so that an error of 0 is seen), and NC1,
// NC2 and NC3 (Eq 4 to 6, log axes), each against the epoch. Runs with the same
// label share a colour; from three seeds on their mean is drawn with its interval.
// Values that are not defined, or not above 0 on a log axis, leave a gap, and the
// caption counts them. Records without rows give empty panels that say so; no run
// at all is ErrNoSeries.
func Figure1(runs ...Series) (*Figure, error) {
	gs, origin, err := groupedOrigin(runs)
	if err != nil {
		return nil, err
	}

	errs, missing := errorPanel(gs)
	panels := []panel{errs}
	for i, key := range []string{"nc1", "nc2", "nc3"} {
		p, n := metricPanel(gs, metric(key), fmt.Sprintf("(%c) ", 'b'+i))
		panels = append(panels, p)
		missing += n
	}

	f := figure("fig1")
	f.Caption = "Error as the network classifies in evaluation mode; NC1, NC2 and NC3 by Equations 4 to 6 on the " +
		"training features. " + seedsNote(gs) + origin + undrawn(missing)
	f.Alt = "Four panels against the epoch: training and test error, NC1, NC2, NC3."
	legend := legend{runsLegend(gs), {
		sample("in (a): training error", thinError, nil), sample("test error", lineWidth, ring{}),
	}}
	if err := f.lay(660, 540, 2, legend, panels); err != nil {
		return nil, err
	}
	return f, nil
}

// thinError is the width of the lines of training errors next to those of test errors.
const thinError = 1.1

// errorPanel is a panel of training and test error, and how many values it leaves out.
func errorPanel(gs []group) (panel, int) {
	p := newPanel("(a) Training and test error", "error (%)")
	var curves []*curve
	missing := 0
	for i, g := range gs {
		for _, m := range []marked{{key: "train_error", thin: true}, {key: "test_error", shape: ring{}}} {
			ks, n := m.curves(i, g, false)
			curves = append(curves, ks...)
			missing += n
		}
	}
	addCurves(p, false, curves)
	return p, missing
}

// undrawn counts in a caption the values that a figure leaves out.
func undrawn(missing int) string {
	if missing == 0 {
		return ""
	}
	return fmt.Sprintf(" Values not drawn because they are not defined or, on a log axis, not above zero: %d.", missing)
}

// Curve draws one metric against the epoch, small and quickly, for a figure that is drawn again
// and again while a network trains. key is one of record.Metrics, which says title, axis and
// scale. The error of an unknown key names the nearest.
func Curve(key string, runs ...Series) (*Figure, error) {
	m, err := FindMetric(key)
	if err != nil {
		return nil, err
	}
	gs, origin, err := groupedOrigin(runs)
	if err != nil {
		return nil, err
	}
	p, missing := metricPanel(gs, m, "")
	f := &Figure{Title: m.Title, Caption: seedsNote(gs) + origin + undrawn(missing)}
	if err := f.lay(390, 260, 1, legend{runsLegend(gs)}, []panel{p}); err != nil {
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
		ks, n := g.spread(g.of(m), lookOf(i, m, m.Log))
		curves = append(curves, ks...)
		missing += n
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
