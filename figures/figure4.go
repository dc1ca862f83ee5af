package figures

import (
	"fmt"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gocollapse/collapse/record"
)

// Figure4 draws the paper's Figure 4 for the given runs, each against the epoch:
// mean cross entropy and mean entropy of the predictions of the test images that
// are classified correctly and of those that are not, NC1 of the test features,
// whole and of the two groups (those of wrong predictions gathered by the predicted
// class), and training error, test error and ECE of the test split in percent.
// Runs with the same label share a colour. It takes what Epoch.Test holds: a
// record without it, as those of older versions, leaves all but the errors empty, and the
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
	correct := func(r *record.Calibration) record.Outcome { return r.Correct }
	wrong := func(r *record.Calibration) record.Outcome { return r.Wrong }
	outcome := func(side func(*record.Calibration) record.Outcome, figure func(record.Outcome) record.Number) rowValue {
		return ofTest(func(c *record.Calibration) record.Number { return figure(side(c)) })
	}
	nll := func(o record.Outcome) record.Number { return o.NLL }
	entropy := func(o record.Outcome) record.Number { return o.Entropy }
	nc1 := func(o record.Outcome) record.Number { return o.NC1 }

	f := &Figure{Number: "4", Title: "Calibration along training, by outcome"}
	missing := 0
	draws := func(title, axis string, log bool, of ...marked) panel {
		p := newPanel(title, axis)
		var curves []*curve
		for i, g := range gs {
			for _, r := range g.runs {
				for _, m := range of {
					k := &curve{line: lineStyle(i), log: log}
					if m.thin {
						k.line.Width = vg.Points(0.9)
					}
					if m.shape != nil {
						k.glyph = &draw.GlyphStyle{Color: k.line.Color, Radius: vg.Points(2.6), Shape: m.shape}
					}
					for j := range r.Epochs {
						k.x = append(k.x, float64(r.Epochs[j].Epoch))
						k.y = append(k.y, m.value(&r.Epochs[j]))
					}
					curves = append(curves, k)
					missing += k.missing()
				}
			}
		}
		addCurves(p, log, curves)
		return p
	}
	panels := []panel{
		draws("(a) Loss of test images by outcome", "cross entropy (nats)", true,
			marked{value: outcome(correct, nll)}, marked{value: outcome(wrong, nll), shape: ring{}}),
		draws("(b) NC1 of test features by outcome", "NC1 (log scale)", true,
			marked{value: outcome(correct, nc1)}, marked{value: outcome(wrong, nc1), shape: ring{}},
			marked{value: func(e *record.Epoch) float64 { return float64(e.TestNC1) }, thin: true}),
		draws("(c) Entropy of predictions by outcome", "entropy (nats)", true,
			marked{value: outcome(correct, entropy)}, marked{value: outcome(wrong, entropy), shape: ring{}}),
		draws("(d) Errors and ECE of the test split", "%", false,
			marked{value: metrics[TrainError].value, thin: true}, marked{value: metrics[TestError].value, shape: ring{}},
			marked{value: metrics[TestECE].value, shape: draw.TriangleGlyph{}}),
	}
	sample := func(name string, width float64, shape draw.GlyphDrawer) entry {
		k := &curve{line: draw.LineStyle{Color: ink, Width: vg.Points(width)}}
		if shape != nil {
			k.glyph = &draw.GlyphStyle{Color: ink, Radius: vg.Points(2.6), Shape: shape}
		}
		return entry{name, k}
	}
	legend := append(runsLegend(gs),
		sample("in (a) to (c): correctly classified", 1.6, nil), sample("wrongly classified", 1.6, ring{}), sample("all", 0.9, nil),
		sample("in (d): training error", 0.9, nil), sample("test error", 1.6, ring{}), sample("ECE", 1.6, draw.TriangleGlyph{}))

	f.Caption = "Test images split by whether the network classifies them correctly; loss is cross entropy whatever the training loss was, " +
		"NC1 (Equation 4) of those classified wrongly gathers them by the predicted class, ECE has 15 bins of equal width. " + origin
	if missing > 0 {
		f.Caption += fmt.Sprintf(" Values not drawn because the record does not hold them, they are not defined or, on a log axis, not above zero: %d.", missing)
	}
	f.Alt = "Four panels against the epoch: loss, NC1 and entropy of test images by outcome; errors and ECE. Runs: " + strings.Join(names(gs), "; ") + "."
	err = f.draw(vg.Length(660), vg.Length(540), func(c draw.Canvas) {
		c.Max.Y -= drawLegend(c, legend)
		drawPanels(c, 2, panels)
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// rowValue takes a number out of a row.
type rowValue func(*record.Epoch) float64

// marked is a curve of each run in a panel.
type marked struct {
	value rowValue
	shape draw.GlyphDrawer // nil for a plain line
	thin  bool
}
