package figures

import (
	"fmt"
	"slices"

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
	gs, origin, err := groupedOrigin(runs)
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
		"bins of equal width. " + seedsNote(gs) + origin
	if slices.ContainsFunc(runs, func(s Series) bool { return s.Record.Spec.Batch == publicBatch }) {
		f.Caption += " The paper's text says batches of 128, its public code has 64 for most curves."
	}
	if missing > 0 {
		f.Caption += fmt.Sprintf(" Values not drawn because the record does not hold them, they are not defined or, "+
			"on a log axis, not above zero: %d.", missing)
	}
	f.Alt = "Four panels against the epoch: loss, NC1 and entropy of test images by outcome; errors and ECE."
	legend := append(legend{runsLegend(gs)}, figure4Legend()...)
	if err := f.lay(660, 560, 2, legend, panels); err != nil {
		return nil, err
	}
	return f, nil
}

// publicBatch is the batch of the authors' public code for most curves; the text says 128.
const publicBatch = 64

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
		for _, m := range p.curves {
			ks, n := m.curves(i, g, p.log)
			curves = append(curves, ks...)
			missing += n
		}
	}
	drawn := newPanel(p.title, p.axis)
	addCurves(drawn, p.log, curves)
	return drawn, missing
}

// curves returns the curves of the i-th group and how many values they leave out.
func (m marked) curves(i int, g group, log bool) ([]*curve, int) {
	l := lookOf(i, metric(m.key), log)
	if m.thin {
		l.line.Width = vg.Points(thinError)
	}
	if m.shape != nil {
		l.glyph = &draw.GlyphStyle{Color: l.line.Color, Radius: vg.Points(2.6), Shape: m.shape}
	}
	ks, missing := g.spread(g.of(metric(m.key)), l)
	for _, k := range ks {
		k.name += ", " + m.name()
	}
	return ks, missing
}

// name says what the marks of a curve mean.
func (m marked) name() string { return markNames[m.key] }

var markNames = map[string]string{
	"train_error": "training error", "test_error": "test error", "test_ece": "ECE", "test_nc1": "all",
	"test_correct_nll": "correctly classified", "test_wrong_nll": "wrongly classified",
	"test_correct_nc1": "correctly classified", "test_wrong_nc1": "wrongly classified",
	"test_correct_entropy": "correctly classified", "test_wrong_entropy": "wrongly classified",
}

// figure4Legend says what the marks mean.
func figure4Legend() legend {
	return legend{
		{sample("in (a) to (c): correctly classified", lineWidth, nil), sample("wrongly classified", lineWidth, ring{}),
			sample("all", thinError, nil)},
		{sample("in (d): training error", thinError, nil), sample("test error", lineWidth, ring{}),
			sample("ECE", lineWidth, draw.TriangleGlyph{})},
	}
}
