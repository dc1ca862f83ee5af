package figures

import (
	"fmt"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Figure4 draws the paper's Figure 4 for the given runs, each against the epoch:
// mean cross entropy and mean entropy of the predictions of the test images that
// are classified correctly and of those that are not, NC1 of the test features,
// whole and of the two groups (those of wrong predictions gathered by the predicted
// class), and training error, test error and ECE of the test split in percent.
// Runs with the same label share a colour. It reads Epoch.Test: a record without it,
// such as those of older versions, leaves all but the errors empty, and the
// caption says so. No run at all is ErrNoSeries.
func Figure4(runs ...Series) (*Figure, error) {
	gs, err := grouped(runs)
	if err != nil {
		return nil, err
	}
	origin, err := Origin(runs...)
	if err != nil {
		return nil, err
	}
	f := figure("fig4")
	missing := 0
	var panels []panel
	for _, p := range figure4Panels {
		drawn, n := p.draw(gs)
		panels = append(panels, drawn)
		missing += n
	}
	f.Caption = "Test images split by whether the network classifies them correctly; " +
		"loss is cross entropy whatever the training loss was, " +
		"NC1 (Equation 4) of those classified wrongly gathers them by the predicted class, ECE has 15 " +
		"bins of equal width. " + origin
	if missing > 0 {
		f.Caption += fmt.Sprintf(" Values not drawn because the record does not hold them, they are not defined or, "+
			"on a log axis, not above zero: %d.", missing)
	}
	f.Alt = "Four panels against the epoch: loss, NC1 and entropy of test images by outcome; errors and ECE. Runs: " +
		strings.Join(names(gs), "; ") + "."
	legend := append(runsLegend(gs), figure4Legend()...)
	err = f.draw(vg.Length(660), vg.Length(540), func(c draw.Canvas) {
		c.Max.Y -= drawLegend(c, legend)
		drawPanels(c, 2, panels)
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// marked is a curve of each run in a panel.
type marked struct {
	key   string           // of record.Metrics
	shape draw.GlyphDrawer // nil for a line without marks
	thin  bool
}

// markedPanel is a panel of several metrics.
type markedPanel struct {
	title, axis string
	log         bool
	curves      []marked
}

var figure4Panels = []markedPanel{
	{"(a) Loss of test images by outcome", "cross entropy (nats)", true,
		[]marked{{key: "test_correct_nll"}, {key: "test_wrong_nll", shape: ring{}}}},
	{"(b) NC1 of test features by outcome", "NC1 (log scale)", true,
		[]marked{{key: "test_correct_nc1"}, {key: "test_wrong_nc1", shape: ring{}}, {key: "test_nc1", thin: true}}},
	{"(c) Entropy of predictions by outcome", "entropy (nats)", true,
		[]marked{{key: "test_correct_entropy"}, {key: "test_wrong_entropy", shape: ring{}}}},
	{"(d) Errors and ECE of the test split", "%", false,
		[]marked{{key: "train_error", thin: true}, {key: "test_error", shape: ring{}},
			{key: "test_ece", shape: draw.TriangleGlyph{}}}},
}

// draw returns the panel for the runs and how many values it leaves out.
func (p markedPanel) draw(gs []group) (panel, int) {
	var curves []*curve
	missing := 0
	for i, g := range gs {
		for _, r := range g.runs {
			for _, m := range p.curves {
				k := &curve{line: lineStyle(i), log: p.log}
				if m.thin {
					k.line.Width = vg.Points(0.9)
				}
				if m.shape != nil {
					k.glyph = &draw.GlyphStyle{Color: k.line.Color, Radius: vg.Points(2.6), Shape: m.shape}
				}
				k.x, k.y = column(r, metric(m.key))
				curves = append(curves, k)
				missing += k.missing()
			}
		}
	}
	drawn := newPanel(p.title, p.axis)
	addCurves(drawn, p.log, curves)
	return drawn, missing
}

// figure4Legend says what the marks mean.
func figure4Legend() []entry {
	sample := func(name string, width float64, shape draw.GlyphDrawer) entry {
		k := &curve{line: draw.LineStyle{Color: ink, Width: vg.Points(width)}}
		if shape != nil {
			k.glyph = &draw.GlyphStyle{Color: ink, Radius: vg.Points(2.6), Shape: shape}
		}
		return entry{name, k}
	}
	return []entry{
		sample("in (a) to (c): correctly classified", 1.6, nil), sample("wrongly classified", 1.6, ring{}),
		sample("all", 0.9, nil), sample("in (d): training error", 0.9, nil), sample("test error", 1.6, ring{}),
		sample("ECE", 1.6, draw.TriangleGlyph{}),
	}
}
