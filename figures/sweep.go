package figures

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/record/summary"
)

// sweep is runs of one setting that differ in δ and seed.
type sweep struct {
	label string // the data set, and what tells the setting from others
	arms  []arm  // in increasing order of δ
}

// arm is the runs of one δ; δ = 0 is CE.
type arm struct {
	delta float64
	runs  []*record.Record
}

// sweeps gathers the runs of a part, which are under CE or LS, by setting and number of epochs.
func (p part) sweeps() (list []sweep) {
	var relabelled []Series
	for _, s := range p.runs {
		s.Label = p.title()
		relabelled = append(relabelled, s)
	}
	gs, err := grouped(relabelled)
	if err != nil {
		panic(err) // parts has checked the runs
	}
	for _, g := range gs {
		byEpochs := map[int]*sweep{}
		var epochs []int
		for _, r := range g.runs {
			n := r.Spec.Epochs
			s := byEpochs[n]
			if s == nil {
				s = &sweep{label: g.label}
				byEpochs[n] = s
				epochs = append(epochs, n)
			}
			s.add(r)
		}
		for _, n := range epochs {
			s := byEpochs[n]
			if len(epochs) > 1 {
				s.label += fmt.Sprintf(", %d epochs", n)
			}
			slices.SortFunc(s.arms, func(a, b arm) int { return cmp.Compare(a.delta, b.delta) })
			list = append(list, *s)
		}
	}
	return list
}

func (s *sweep) add(r *record.Record) {
	delta, _ := deltaOf(r)
	i := slices.IndexFunc(s.arms, func(a arm) bool { return a.delta == delta })
	if i < 0 {
		i = len(s.arms)
		s.arms = append(s.arms, arm{delta: delta})
	}
	s.arms[i].runs = append(s.arms[i].runs, r)
}

// swept reports whether runs have at least two δ of one setting.
func swept(runs []Series) bool {
	with, missing := recorded(runs)
	if len(missing) > 0 {
		return true
	}
	ps, err := parts(with)
	return err == nil && slices.ContainsFunc(ps, func(p part) bool {
		return slices.ContainsFunc(p.sweeps(), func(s sweep) bool { return len(s.arms) > 1 })
	})
}

// sweepValue is a number at the end of a run.
type sweepValue struct {
	name  string // "" for the only one of its panel
	value func(*record.Record) float64
}

// sweepPanel is what a panel shows against δ.
type sweepPanel struct {
	title, axis string
	log         bool
	values      []sweepValue
}

// ofLast is a metric of the last row.
func ofLast(key string) func(*record.Record) float64 {
	m := metric(key)
	return func(r *record.Record) float64 {
		if l := r.Last(); l != nil {
			return m.Shown(l)
		}
		return math.NaN()
	}
}

// ofHalf is a metric of the calibration at the end, in percent, after a scaling, on the half of the test split
// on which T was not fitted.
func ofHalf(scaling string) func(*record.Record) float64 {
	return func(r *record.Record) float64 {
		if c := r.Calibration(record.TestHalf, scaling, calib.PaperBins); c != nil {
			return 100 * float64(c.Metrics["ece"])
		}
		return math.NaN()
	}
}

func finalTemperature(r *record.Record) float64 {
	if c := r.Calibration(record.TestHalf, record.ScaledByNLL, calib.PaperBins); c != nil {
		return float64(c.Temperature)
	}
	return math.NaN()
}

var normPanels = []sweepPanel{
	{"norm of the classifier", "‖w‖, mean over classes", false, []sweepValue{{"", ofLast("w_norm")}}},
	{"norm of the features", "‖h‖, mean over classes", false, []sweepValue{{"", ofLast("h_norm")}}},
}

var figure3Panels = append([]sweepPanel{
	{"test ECE", "ECE (%)", false, []sweepValue{{"before T", ofHalf(record.Unscaled)},
		{"after T", ofHalf(record.ScaledByNLL)}}},
	{"fitted temperature", "T", true, []sweepValue{{"", finalTemperature}}},
}, normPanels...)

var figure6Panels = append([]sweepPanel{
	{"NC1", "NC1 (log scale)", true, []sweepValue{{"", ofLast("nc1")}}},
	{"NC2", "NC2 (log scale)", true, []sweepValue{{"", ofLast("nc2")}}},
	{"NC3", "NC3 (log scale)", true, []sweepValue{{"", ofLast("nc3")}}},
	{"test error", "error (%)", false, []sweepValue{{"", ofLast("test_error")}}},
}, normPanels...)

// Figure3 draws the paper's Figure 3 for runs under CE (δ = 0) and LS, against δ: ECE before and
// after temperature scaling and the fitted T, on the half of the test split on which T was not
// fitted, and ‖w‖ and ‖h‖ after the last epoch, in panels for each data set. From three seeds of a δ
// on a point is their mean with its interval; a mean is not defined where a number of one seed is not,
// and the caption says why, and which T is at a bound. It is an error if a record does not hold the
// calibration at its end, or if its loss is neither CE nor LS. A planned run that is not recorded is
// named.
func Figure3(runs ...Series) (*Figure, error) {
	with, _ := recorded(runs)
	notes := ""
	for _, s := range with {
		if s.Record == nil {
			continue // sweepFigure reports it
		}
		if err := finalError("Figure 3", s.Record); err != nil {
			return nil, err
		}
		_, after := finalCalibrations(s.Record)
		for _, note := range temperatureOf(s.Record, after) {
			notes += fmt.Sprintf("%s, %s. ", s.Record.Spec.Loss, note)
		}
	}
	return sweepFigure("fig3", 2, figure3Panels, fmt.Sprintf("ECE (%d bins) on the test images on which T was not "+
		"fitted; T has the least NLL on the others. %s Norms after the last epoch. ", calib.PaperBins,
		temperatureNote)+notes, runs)
}

// Figure6 draws the paper's Figure 6 for runs under CE (δ = 0) and LS, against δ: NC1, NC2, NC3, test
// error, ‖w‖ and ‖h‖ after the last epoch, in panels for each data set. From three seeds of a δ on a
// point is their mean with its interval. It is an error if a loss is neither CE nor LS. A planned run
// that is not recorded is named.
func Figure6(runs ...Series) (*Figure, error) {
	return sweepFigure("fig6", 3, figure6Panels, "After the last epoch; NC1 to NC3 by Equations 4 to 6 on the "+
		"training features. ", runs)
}

// sweepFigure draws panels against δ, in rows of cols, for every data set.
func sweepFigure(id string, cols int, what []sweepPanel, caption string, runs []Series) (*Figure, error) {
	f := figure(id)
	ps, err := parts(runs)
	if err != nil {
		return nil, err
	}
	with, _ := recorded(runs)
	for _, s := range with {
		if _, ok := deltaOf(s.Record); !ok {
			return nil, fmt.Errorf("figures: Figure %s is of losses ce and ls; a run has loss %s", f.Number,
				s.Record.Spec.Loss.Name)
		}
	}
	origin, err := originOf(runs)
	if err != nil {
		return nil, err
	}
	var panels, absent []panel
	var settings []entry // of data sets that have several
	missing := 0
	var all []sweep
	for _, p := range ps {
		if len(p.runs) == 0 {
			absent = append(absent, missingPanel(p.title(), p.missing))
			continue
		}
		list := p.sweeps()
		all = append(all, list...)
		for i, s := range list {
			if g := glyphStyle(i); len(list) > 1 {
				settings = append(settings, entry{s.label, &curve{line: lineStyle(i), glyph: &g}})
			}
		}
		for _, w := range what {
			letter := 'a' + rune(len(panels))
			title := fmt.Sprintf("(%c) %s", letter, w.title)
			if len(ps) > 1 {
				title = fmt.Sprintf("(%c) %s: %s", letter, p.title(), w.title)
			}
			drawn, n := w.draw(title, list, cols)
			panels = append(panels, drawn)
			missing += n
		}
	}
	f.Alt = "Panels against δ."
	f.Caption = "δ = 0 is CE; the axis of δ is one of square roots. " + caption + armsNote(all) + origin +
		undrawn(missing)
	width := map[int]vg.Length{2: 660, 3: 780}[cols]
	return f, f.layWithMissing(width, 225, cols, sweepLegend(settings, what), panels, absent)
}

// sweepLegend names the settings, where there are several, and the numbers of a panel that has several.
func sweepLegend(settings []entry, what []sweepPanel) (l legend) {
	if len(settings) > 0 {
		for i := range settings {
			settings[i].curve.line.Dashes = nil // a line's pattern tells the numbers of a panel apart
		}
		l = append(l, settings)
	}
	for _, w := range what {
		if len(w.values) < 2 {
			continue
		}
		var block []entry
		for j, v := range w.values {
			block = append(block, entry{v.name, &curve{line: valueLine(0, j), glyph: valueGlyph(0, j)}})
			if len(settings) > 0 {
				k := block[j].curve
				k.line.Color, k.glyph.Color = ink, ink
			}
		}
		l = append(l, block)
	}
	return l
}

// valueLine is the line of the j-th number of a panel, of the i-th setting.
func valueLine(i, j int) draw.LineStyle {
	line := lineStyle(i)
	line.Dashes = dashes[j%len(dashes)]
	return line
}

// valueGlyph is the mark of the j-th number of a panel: open before, filled after.
func valueGlyph(i, j int) *draw.GlyphStyle {
	g := glyphStyle(i)
	if j > 0 {
		g.Shape = draw.CircleGlyph{}
	}
	return &g
}

// draw returns the panel for the settings of a data set, one of cols in a row, and how many values it
// leaves out.
func (w sweepPanel) draw(title string, list []sweep, cols int) (panel, int) {
	p := newChart(title, deltaAxis, w.axis)
	var curves []*curve
	var deltas []float64
	missing := 0
	for i, s := range list {
		for j, v := range w.values {
			name := s.label
			if v.name != "" {
				name += ", " + v.name
			}
			ks, n := s.curves(name, v.value, w.log)
			missing += n
			for _, k := range ks {
				k.line = valueLine(i, j)
				if g := valueGlyph(i, j); k.points {
					g.Radius = vg.Points(1.5)
					k.glyph = g
				} else {
					k.glyph = g
				}
			}
			curves = append(curves, ks...)
		}
		for _, a := range s.arms {
			deltas = append(deltas, a.delta)
		}
	}
	addCurves(p, w.log, curves)
	if len(list)*len(w.values) == 1 { // the title names it
		p.shown.says = curves[len(curves)-1].inWords(p.at())
	}
	slices.Sort(deltas)
	p.X.Scale, p.X.Tick.Marker = rootScale{}, deltaTicks(slices.Compact(deltas), 0.04*float64(cols))
	if len(slices.Compact(deltas)) > 1 {
		p.X.Min, p.X.Max = 0, deltas[len(deltas)-1]
	}
	return p, missing
}

// curves returns a number against δ: a line through the means over seeds with the intervals of those
// of at least three, the values of each seed where there are two, and all of them for the data; and
// how many values are not drawn.
func (s sweep) curves(name string, value func(*record.Record) float64, log bool) (list []*curve, missing int) {
	m := &curve{name: name, seed: "mean", low: []float64{}, high: []float64{}, bars: true}
	two := &curve{points: true}
	bySeed := map[int64]*curve{}
	var seeds []*curve
	for _, a := range s.arms {
		var v []float64
		for _, r := range a.runs {
			y := value(r)
			k := bySeed[r.Spec.Seed]
			if k == nil {
				k = &curve{name: name, seed: seedText(r), hidden: true, silent: true}
				bySeed[r.Spec.Seed] = k
				seeds = append(seeds, k)
			}
			k.x, k.y = append(k.x, a.delta), append(k.y, y)
			if !finite(y) || log && y <= 0 {
				missing++
				continue
			}
			v = append(v, y)
		}
		y, low, high := meanOf(v, log)
		if len(v) < len(a.runs) { // the mean of the others would be another number
			y, low, high = math.NaN(), math.NaN(), math.NaN()
		}
		m.x, m.y, m.low, m.high = append(m.x, a.delta), append(m.y, y), append(m.low, low), append(m.high, high)
		if len(a.runs) > 1 && (len(v) < len(a.runs) || len(v) < summary.MinSeeds) {
			for _, y := range v {
				two.x, two.y = append(two.x, a.delta), append(two.y, y)
			}
		}
	}
	if len(seeds) == 1 {
		m.seed, m.low, m.high = seeds[0].seed, nil, nil
		return []*curve{m}, missing
	}
	return append(seeds, two, m), missing
}

// armsNote says in a caption how seeds are shown and how many each δ has.
func armsNote(all []sweep) string {
	var counts []string
	most, least := 0, math.MaxInt
	for _, s := range all {
		for _, a := range s.arms {
			most, least = max(most, len(a.runs)), min(least, len(a.runs))
			counts = append(counts, fmt.Sprintf("%d at δ = %g", len(a.runs), a.delta))
		}
	}
	var note string
	switch {
	case most <= 1:
		return ""
	case most >= summary.MinSeeds:
		note = "A point is the mean over seeds, a bar its 95 % interval by Student's t, on a log axis of the " +
			"logarithms. "
	}
	if least < summary.MinSeeds {
		note += fmt.Sprintf("Fewer than %d seeds have no interval; of two the small points are the seeds. ",
			summary.MinSeeds)
	}
	if least == most {
		return note + strconv.Itoa(most) + " seeds at each δ. "
	}
	return note + "Seeds: " + strings.Join(counts, ", ") + ". "
}

// rootScale spreads small δ: the axis is one of √δ.
type rootScale struct{}

// Normalize implements plot.Normalizer.
func (rootScale) Normalize(min, max, x float64) float64 {
	return (math.Sqrt(x) - math.Sqrt(min)) / (math.Sqrt(max) - math.Sqrt(min))
}

// deltaTicks marks the δ of a sweep, and labels those that leave room for one another, the first and
// the last of them always. room is that of a label, as a share of the axis.
func deltaTicks(deltas []float64, room float64) plot.TickerFunc {
	return func(min, max float64) (t []plot.Tick) {
		at := func(x float64) float64 { return rootScale{}.Normalize(min, max, x) }
		last := math.Inf(-1)
		for i, x := range deltas {
			tick := plot.Tick{Value: x}
			end := i == len(deltas)-1
			if end || at(x)-last >= room && at(deltas[len(deltas)-1])-at(x) >= room {
				tick.Label, last = strconv.FormatFloat(x, 'g', -1, 64), at(x)
			}
			t = append(t, tick)
		}
		return t
	}
}
