package figures

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gocollapse/collapse/calib"
)

// temperatureNote is given wherever a temperature is shown.
const temperatureNote = "T divides the logits: T > 1 means that the model was over-confident."

// Reliability draws the paper's Figure 7: for each summary a reliability diagram over
// the share of samples in every bin. The bars are the accuracy of a bin, the line is
// that of a calibrated model; a bin without samples has no bar. origin says how the
// numbers came about. At most six summaries; more are an error, as is none.
func Reliability(origin string, names []string, summaries []*calib.Summary) (*Figure, error) {
	if len(summaries) == 0 || len(summaries) > 6 || len(names) != len(summaries) {
		return nil, fmt.Errorf("figures: want 1 to 6 summaries with a name each, found %d and %d", len(summaries),
			len(names))
	}
	f := figure("fig7")
	f.Caption = fmt.Sprintf("Bars: share of correct samples among those of a confidence (%d bins of equal width); "+
		"line: a calibrated model. Below: share of all samples. %s", len(summaries[0].Bins), origin)
	f.Alt = "Reliability diagrams over histograms of confidence."
	if len(summaries[0].Bins) == 0 {
		return nil, fmt.Errorf("figures: %s has no bins", names[0])
	}
	var top, bottom []panel
	for i, s := range summaries {
		p := newChart(fmt.Sprintf("(%c) %s", 'a'+i, names[i]), "confidence", "accuracy")
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
		p.addHistogram(s.Bins, func(b calib.Bin) float64 { return b.Accuracy })
		p.shown.says = fmt.Sprintf("ECE %s %%, accuracy %s %%, mean confidence %s %%", three(100*s.ECE),
			three(100*s.Accuracy), three(100*s.Confidence))
		p.Add(
			&curve{x: []float64{0, 1}, y: []float64{0, 1}, line: lineStyle(1)},
			corner(fmt.Sprintf("ECE %.1f %%\nacc. %.1f %%\nconf. %.1f %%", 100*s.ECE,
				100*s.Accuracy, 100*s.Confidence)))
		top = append(top, p)
		q := newChart("", "confidence", "share of samples (%)")
		q.X.Min, q.X.Max, q.Y.Min, q.Y.Max = 0, 1, 0, 100
		q.addHistogram(s.Bins, func(b calib.Bin) float64 { return 100 * b.Count / float64(s.N) })
		last := len(s.Bins) - 1
		q.shown.says = fmt.Sprintf("%s: %s %% of the samples have a confidence above %s", names[i],
			three(100*s.Bins[last].Count/float64(s.N)), three(s.Bins[last].Lo))
		bottom = append(bottom, q)
	}
	cols := min(len(summaries), 3)
	if len(summaries) == 4 {
		cols = 2
	}
	var panels []panel
	for i := 0; i < len(top); i += cols {
		for _, row := range [][]panel{top, bottom} {
			for j := range cols {
				if i+j < len(top) {
					panels = append(panels, row[i+j])
				} else {
					panels = append(panels, panel{}) // no plot
				}
			}
		}
	}
	rows := len(panels) / cols
	return f, f.lay(vg.Length(230*cols+20), vg.Length(210*rows), cols, nil, panels)
}

// histogram draws a bar over every bin.
type histogram struct {
	bins  calib.Diagram
	value func(calib.Bin) float64
}

func (h *histogram) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	for _, b := range h.bins {
		v := h.value(b)
		if b.Count == 0 || !finite(v) {
			continue
		}
		r := vg.Rectangle{Min: vg.Point{X: tx(b.Lo), Y: ty(0)}, Max: vg.Point{X: tx(b.Hi), Y: ty(v)}}
		c.SetColor(palette[5])
		c.Fill(r.Path())
		c.SetLineStyle(draw.LineStyle{Color: ink, Width: vg.Points(0.5)})
		c.Stroke(r.Path())
	}
}

// addHistogram puts a bar over every bin into a panel, and the bars' middles into its data.
func (p panel) addHistogram(bins calib.Diagram, value func(calib.Bin) float64) {
	p.Add(grid{}, &histogram{bins, value})
	k := &curve{name: "bins", hidden: true, silent: true}
	for _, b := range bins {
		v := value(b)
		if b.Count == 0 {
			v = math.NaN()
		}
		k.x, k.y = append(k.x, (b.Lo+b.Hi)/2), append(k.y, v)
	}
	p.shown.curves = append(p.shown.curves, k)
}

// corner writes lines of text at the top left of a panel.
type corner string

func (t corner) Plot(c draw.Canvas, p *plot.Plot) {
	sty := textStyle(9.5, false)
	sty.XAlign, sty.YAlign = draw.XLeft, draw.YTop
	c.FillText(sty, vg.Point{X: c.Min.X + 6, Y: c.Max.Y - 6}, string(t))
}

// Confidence draws the histogram of the confidence of correctly and of wrongly predicted
// samples of one model, as shares of each.
func Confidence(origin string, s *calib.Summary) (*Figure, error) {
	if s == nil {
		return nil, fmt.Errorf("figures: no summary")
	}
	f := &Figure{Title: "Confidence of correct and wrong samples", Alt: "Two histograms of confidence."}
	f.Caption = fmt.Sprintf("Shares of the %d correctly and of the %d wrongly predicted samples. %s",
		s.Correct.N, s.Wrong.N, origin)
	var panels []panel
	for i, part := range []struct {
		name string
		of   calib.Outcome
		in   func(calib.Bin) float64
	}{
		{"correct", s.Correct, func(b calib.Bin) float64 { return b.Count * b.Accuracy }},
		{"wrong", s.Wrong, func(b calib.Bin) float64 { return b.Count * (1 - b.Accuracy) }},
	} {
		p := newChart(fmt.Sprintf("(%c) %s", 'a'+i, part.name), "confidence", "share (%)")
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 100
		if part.of.N == 0 {
			p.Add(grid{}, note("no such sample"))
			p.shown.says = "no such sample"
		} else {
			p.addHistogram(s.Bins, func(b calib.Bin) float64 { return 100 * part.in(b) / float64(part.of.N) })
			p.shown.says = fmt.Sprintf("%d samples, mean confidence %s %%", part.of.N, three(100*part.of.Confidence))
		}
		panels = append(panels, p)
	}
	return f, f.lay(520, 230, 2, nil, panels)
}

// DeltaPoint is a model trained with label smoothing δ.
type DeltaPoint struct {
	Delta float64 // in [0, 1)
	*calib.Report
}

// ECEDelta draws the paper's Figure 3: ECE before and after temperature scaling, on the
// same held-out samples, and the fitted T, against δ. Points are in ascending order of δ. What is
// not defined is not drawn; the caption gives the note that T has.
func ECEDelta(origin string, points ...DeltaPoint) (*Figure, error) {
	if len(points) == 0 {
		return nil, fmt.Errorf("figures: no model given")
	}
	var x, before, after, t []float64
	for i, p := range points {
		if i > 0 && !(p.Delta > points[i-1].Delta) {
			return nil, fmt.Errorf("figures: δ = %v after %v; want ascending values", p.Delta, points[i-1].Delta)
		}
		x = append(x, p.Delta)
		before, after, t = append(before, 100*p.Unscaled.ECE),
			append(after, 100*p.Scaled.ECE), append(t, p.Temperature.T)
	}
	f := figure("fig3")
	f.Alt = "Two panels against δ."
	f.Caption = "ECE on the samples that T was not fitted on. " + temperatureNote + " " + origin
	for _, p := range points {
		if p.Temperature.Note != "" {
			f.Caption += fmt.Sprintf(" At δ = %g: %s.", p.Delta, p.Temperature.Note)
		}
	}
	a, b := newChart("(a) ECE", deltaAxis, "ECE (%)"), newChart("(b) fitted temperature", deltaAxis, "T")
	marked := func(i int, name string, y []float64) *curve {
		g := glyphStyle(i)
		return &curve{name: name, x: x, y: y, line: lineStyle(i), glyph: &g}
	}
	first, second := marked(0, "before scaling", before), marked(1, "after scaling", after)
	addCurves(a, false, []*curve{first, second})
	addCurves(b, true, []*curve{marked(2, "T", t)})
	return f, f.lay(560, 270, 2, legend{{{first.name, first}, {second.name, second}}}, []panel{a, b})
}

// CalibrationTable returns the metrics of models side by side: without scaling on all samples,
// then before and after each scaling on the samples on which it was not fitted. Rows of what was
// not asked for are left out. Without a model it has no rows.
func CalibrationTable(models ...calib.Model) *Table {
	t := &Table{Title: "Calibration", Header: []string{"metric"}}
	for _, m := range models {
		t.Header = append(t.Header, m.Name)
	}
	t.Header = append(t.Header, "what it is")
	if len(models) == 0 {
		return t
	}
	for _, r := range slices.Concat(unscaledRows(), scaledRows(), optionalRows(models[0].Report)) {
		cells := []string{r.name}
		for _, m := range models {
			cells = append(cells, r.cell(m.Report))
		}
		t.Rows = append(t.Rows, append(cells, r.what))
	}
	first := models[0].Report
	fit := fmt.Sprintf("fitted on one half of the samples (seed %d) and measured on the other", first.Seed)
	if first.FitAll {
		fit = "fitted on the samples on which it is measured, which is optimistic"
	}
	t.Caption = fmt.Sprintf("%d bins. The temperature was %s. %s", len(first.Bins), fit, temperatureNote)
	for _, m := range models {
		for _, note := range m.Report.Reservations() {
			t.Notes = append(t.Notes, m.Name+": "+note+".")
		}
	}
	for _, m := range models {
		if note := differenceNote(m, models[0]); note != "" {
			t.Notes = append(t.Notes, note)
		}
	}
	return t
}

// calibrationRow is a row of CalibrationTable: a name, what it is, and the cell of a model.
type calibrationRow struct {
	name, what string
	cell       func(*calib.Report) string
}

// numberRow is a row with a number in each cell.
func numberRow(name, what string, value func(*calib.Report) float64) calibrationRow {
	return calibrationRow{name, what, func(r *calib.Report) string { return shown(value(r)) }}
}

// unscaledRows are those of all samples as they are.
func unscaledRows() []calibrationRow {
	rows := []calibrationRow{{"samples N", "", func(r *calib.Report) string { return strconv.FormatInt(r.N, 10) }}}
	for _, m := range calib.Metrics() {
		if !m.Detail {
			rows = append(rows, numberRow(m.Symbol, m.Meaning,
				func(r *calib.Report) float64 { return m.Value(r.Summary) }))
		}
	}
	for _, outcome := range []struct {
		name string
		of   func(*calib.Report) calib.Outcome
	}{
		{"correct", func(r *calib.Report) calib.Outcome { return r.Correct }},
		{"wrong", func(r *calib.Report) calib.Outcome { return r.Wrong }},
	} {
		of := outcome.of
		rows = append(rows,
			numberRow("loss, "+outcome.name, "mean over "+outcome.name+"ly predicted samples",
				func(r *calib.Report) float64 { return of(r).Loss }),
			numberRow("entropy, "+outcome.name, "", func(r *calib.Report) float64 { return of(r).Entropy }),
			numberRow("confidence, "+outcome.name, "", func(r *calib.Report) float64 { return of(r).Confidence }))
	}
	return rows
}

// scaledRows are those of temperature scaling.
func scaledRows() []calibrationRow {
	return []calibrationRow{
		numberRow("T", "temperature with the least NLL", func(r *calib.Report) float64 { return r.Temperature.T }),
		numberRow("ECE before", "on the samples on which T was not fitted",
			func(r *calib.Report) float64 { return r.Unscaled.ECE }),
		numberRow("ECE after", "the same samples with T", func(r *calib.Report) float64 { return r.Scaled.ECE }),
		numberRow("NLL before", "", func(r *calib.Report) float64 { return r.Unscaled.NLL }),
		numberRow("NLL after", "", func(r *calib.Report) float64 { return r.Scaled.NLL }),
	}
}

// optionalRows are those of the options that first, the report of the first model, was measured
// with.
func optionalRows(first *calib.Report) []calibrationRow {
	var rows []calibrationRow
	if first.Grid != nil {
		rows = append(rows,
			numberRow("T, authors' grid", "least ECE on the samples of the fit, as in the paper's public code",
				func(r *calib.Report) float64 { return r.Grid.T }),
			numberRow("ECE after it", "", func(r *calib.Report) float64 { return r.Grid.Scaled.ECE }))
	}
	if first.Vector != nil {
		rows = append(rows,
			numberRow("ECE after vector", "vector scaling, 2K parameters",
				func(r *calib.Report) float64 { return r.Vector.Scaled.ECE }),
			numberRow("NLL after vector", "", func(r *calib.Report) float64 { return r.Vector.Scaled.NLL }))
	}
	if first.Intervals != nil {
		pair := func(v [2]float64) string { return shown(v[0]) + " to " + shown(v[1]) }
		rows = append(rows,
			calibrationRow{"ECE, interval", "95 %, of the true ECE; from 0 where the model may be calibrated",
				func(r *calib.Report) string { return pair(r.Intervals.ECE) }},
			numberRow("ECE's bias", "mean ECE of bootstrap replicates less ECE",
				func(r *calib.Report) float64 { return r.Intervals.ECEBias }),
			calibrationRow{"T, interval", "95 %",
				func(r *calib.Report) string { return pair(r.Intervals.Temperature) }})
	}
	if first.Consistency != nil {
		rows = append(rows,
			numberRow("p of calibration", "share of draws from the model's own probabilities with at least this ECE",
				func(r *calib.Report) float64 { return r.Consistency.P }),
			numberRow("ECE expected", "for a calibrated model with these confidences",
				func(r *calib.Report) float64 { return r.Consistency.Expected }))
	}
	return rows
}

// differenceNote says how the ECE of a model differs from that of the first one, or "".
func differenceNote(m, first calib.Model) string {
	d := m.Difference
	if d == nil {
		return ""
	}
	return fmt.Sprintf(
		"ECE of %s less that of %s: %.4g, %.0f %% interval %.4g to %.4g, p = %.2g (%d paired replicates).",
		m.Name, first.Name, d.ECE, 100*d.Level, d.Interval[0], d.Interval[1], d.P, d.Replicates)
}

// CalibrationDiagrams draws Reliability for the first three models, each before and after T. A model
// whose T is not defined has only the first.
func CalibrationDiagrams(models ...calib.Model) (*Figure, error) {
	if len(models) == 0 {
		return nil, fmt.Errorf("figures: no model given")
	}
	var names []string
	var sums []*calib.Summary
	for _, m := range models[:min(len(models), 3)] {
		names, sums = append(names, m.Name), append(sums, m.Report.Unscaled)
		if t := m.Report.Temperature.T; !math.IsNaN(t) {
			names, sums = append(names, fmt.Sprintf("%s, T = %.3g", m.Name, t)), append(sums, m.Report.Scaled)
		}
	}
	origin := "On the samples on which T was not fitted. "
	if models[0].Report.FitAll {
		origin = "T was fitted on the same samples, which is optimistic. "
	}
	return Reliability(origin+temperatureNote, names, sums)
}

// BinTable returns the bins of a reliability diagram.
func BinTable(s *calib.Summary) *Table {
	t := &Table{Title: "Bins", Header: []string{"over", "up to", "samples", "accuracy", "confidence"}}
	for _, b := range s.Bins {
		t.Rows = append(t.Rows, []string{shown(b.Lo), shown(b.Hi), strconv.Itoa(int(math.Round(b.Count))),
			shown(b.Accuracy), shown(b.Confidence)})
	}
	return t
}
