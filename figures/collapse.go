package figures

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"

	"github.com/gocollapse/collapse/nc"
)

// meaning says what a metric is, after the number of the paper's equation.
func meaning(m nc.Metric) string {
	if strings.HasPrefix(m.Source, "Eq ") {
		return m.Source + ": " + m.Meaning
	}
	return m.Meaning
}

// CollapseTables returns the tables of a summary for a terminal: its scalars and, as far as it has
// them, outcomes, groups of classes and layers.
func CollapseTables(s *nc.Summary) []*Table {
	tables := []*Table{CollapseTable(s)}
	if s.Correct != nil || s.Wrong != nil {
		tables = append(tables, OutcomeTable(s))
	}
	if s.Majority != nil {
		tables = append(tables, GroupTable(s))
	}
	if len(s.Layers) > 0 {
		tables = append(tables, LayerTable(s.Layers, "layer"))
	}
	return tables
}

// CollapseFigures draws what a summary has: Collapse of the geometry, unless that is nil, and the
// profile of its layers. Without either the error is ErrNoSeries.
func CollapseFigures(g *nc.Geometry, s *nc.Summary) ([]*Figure, error) {
	var drawn []*Figure
	if g != nil {
		f, err := Collapse(g, s)
		if err != nil {
			return nil, err
		}
		drawn = append(drawn, f)
	}
	if len(s.Layers) > 0 {
		f, err := Profile(s.Layers, "layer")
		if err != nil {
			return nil, err
		}
		drawn = append(drawn, f)
	}
	if len(drawn) == 0 {
		return nil, ErrNoSeries
	}
	return drawn, nil
}

// CollapseTable returns the scalars of s with one line on what each is. Those of
// test samples and bootstrap intervals have columns of their own where they were
// measured; what is not defined is a dash with the reason.
func CollapseTable(s *nc.Summary) *Table {
	t := &Table{Title: "Neural collapse", Header: []string{"metric", "value"}}
	t.Caption = fmt.Sprintf("N = %d samples of d = %d features in K = %d classes; the class means span %d directions.",
		s.N, s.D, s.K, s.Rank)
	if s.Intervals != nil {
		t.Header = append(t.Header, "interval")
		t.Caption += fmt.Sprintf(" Intervals: %.0f %% of %d bootstrap replicates of the samples, seed %d. "+
			"A replicate's class means are noisier than the data's own, which moves metrics to one side: "+
			"with few samples per class an interval need not hold the value.",
			100*s.Bootstrap.Level, s.Bootstrap.Replicates, s.Bootstrap.Seed)
	}
	if s.Test != nil {
		t.Header = append(t.Header, "test")
		t.Caption += fmt.Sprintf(" Test: %d samples around their own class means.", s.Test.N)
	}
	t.Header = append(t.Header, "what it is")
	for _, m := range nc.Metrics() {
		v, _ := s.Value(m.Key)
		what := meaning(m)
		note := s.Note(m.Key)
		if math.IsNaN(v) {
			if m.Needs&(nc.NeedsTest|nc.NeedsOOD) != 0 && strings.HasPrefix(note, "no ") {
				continue // not asked for
			}
			what = "not defined: " + note
		} else if note != "" {
			t.Notes = append(t.Notes, m.Symbol+": "+note+".")
		}
		row := []string{m.Symbol, shown(v)}
		if s.Intervals != nil {
			interval := "–"
			if ci, ok := s.Intervals[m.Key]; ok {
				interval = shown(ci[0]) + " to " + shown(ci[1])
			}
			row = append(row, interval)
		}
		if s.Test != nil {
			v, _ := s.Test.Value(m.Key)
			row = append(row, shown(v))
		}
		t.Rows = append(t.Rows, append(row, what))
	}
	t.Rows = append(t.Rows, covarianceRows(s)...)
	var other []string
	for k := range s.Notes {
		if _, isMetric := s.Value(k); !isMetric && !slices.Contains([]string{"correct", "wrong"}, k) {
			other = append(other, k)
		}
	}
	slices.Sort(other)
	for _, k := range other {
		name := upperFirst(k)
		if k == "nc1_per_class" {
			name = "NC1 by class"
			if math.IsNaN(s.NC1) {
				continue // the note of NC1 says why
			}
		}
		t.Notes = append(t.Notes, name+": "+s.Notes[k]+".")
	}
	// Metrics that share a reason share its note.
	t.Notes = slices.Compact(t.Notes)
	return t
}

// covarianceRows are the metrics of the d×d covariance, as far as s has them.
func covarianceRows(s *nc.Summary) (rows [][]string) {
	add := func(metrics []nc.Metric, value func(s *nc.Summary, key string) (float64, bool)) {
		for _, m := range metrics {
			v, _ := value(s, m.Key)
			row := []string{m.Symbol, shown(v)}
			if s.Intervals != nil {
				row = append(row, "–")
			}
			if s.Test != nil {
				v, _ := value(s.Test, m.Key)
				row = append(row, shown(v))
			}
			rows = append(rows, append(row, meaning(m)))
		}
	}
	if s.Covariance != nil {
		add(nc.CovarianceMetrics(), func(s *nc.Summary, key string) (float64, bool) { return s.Covariance.Value(key) })
	}
	if s.MSE != nil {
		add(nc.MSEMetrics(), func(s *nc.Summary, key string) (float64, bool) { return s.MSE.Value(key) })
	}
	return rows
}

// ClassTable returns the metrics that s has of each class.
func ClassTable(s *nc.Summary) *Table {
	t := &Table{Title: "Class by class", Header: []string{"class", "samples"},
		Caption: "Shares are of the samples of a class."}
	columns := []struct {
		name   string
		values []float64
	}{
		{"NC1", s.NC1PerClass}, {"‖h̄−h_G‖", s.HNormPerClass}, {"‖w‖", s.WNormPerClass},
		{"cos(w, h̄)", s.NC3CosinePerClass},
		{"logit of h_G", s.GlobalLogits}, {"NCC error", s.NCCErrorPerClass},
		{"NC4", s.NC4PerClass}, {"error", s.ErrorPerClass},
	}
	for _, c := range columns {
		if c.values != nil {
			t.Header = append(t.Header, c.name)
		}
	}
	for k, n := range s.Counts {
		row := []string{strconv.Itoa(s.Class(k)), strconv.FormatInt(n, 10)}
		for _, c := range columns {
			if c.values != nil {
				row = append(row, shown(c.values[k]))
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// GroupTable returns the metrics of the majority and the minority classes of
// unbalanced data; s must have them.
func GroupTable(s *nc.Summary) *Table {
	t := &Table{Title: "Majority and minority classes",
		Header: []string{"group", "classes", "samples", "NC1", "‖h̄−h_G‖", "‖w‖", "cosine H̄",
			"cosine W", "NCC error", "error"},
		Caption: "The majority are the classes of at least N/K samples. Cosines are means over a group's pairs; of " +
			"collapsed minority classes that of W goes to 1."}
	for _, g := range []struct {
		name string
		*nc.Group
	}{{"majority", s.Majority}, {"minority", s.Minority}} {
		row := []string{g.name, strconv.Itoa(len(g.Classes)), strconv.FormatInt(g.Samples, 10)}
		for _, v := range []float64{g.NC1, g.HNorm, g.WNorm, g.CosineH, g.CosineW, g.NCCError, g.Error} {
			row = append(row, shown(v))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// RegressionTable returns the metrics of neural regression collapse with one line on
// what each is.
func RegressionTable(s *nc.RegressionSummary) *Table {
	t := &Table{Title: "Neural regression collapse", Header: []string{"metric", "value", "what it is"},
		Caption: fmt.Sprintf("N = %d samples of d = %d features and t = %d targets; definitions of "+
			"Andriopoulos et al. 2024.", s.N, s.D, s.T)}
	for _, m := range nc.RegressionMetrics() {
		v, _ := s.Value(m.Key)
		what := m.Meaning
		if note := s.Notes[m.Key]; math.IsNaN(v) {
			what = "not defined: " + note
		} else if note != "" {
			t.Notes = append(t.Notes, m.Symbol+": "+note+".")
		}
		t.Rows = append(t.Rows, []string{m.Symbol, shown(v), what})
	}
	return t
}

// OutcomeTable returns the metrics of correctly and of wrongly classified samples
// side by side, as far as s has them.
func OutcomeTable(s *nc.Summary) *Table {
	t := &Table{Title: "Correctly and wrongly classified samples", Header: []string{"metric"},
		Caption: "Samples are grouped by the class that the classifier gives, around the means of those groups " +
			"(footnote 3 of the paper)."}
	var columns []*nc.Summary
	for _, set := range []struct {
		name string
		sum  *nc.Summary
	}{{"training", s}, {"test", s.Test}} {
		if set.sum == nil {
			continue
		}
		for _, part := range []struct {
			name string
			sum  *nc.Summary
		}{{"correct", set.sum.Correct}, {"wrong", set.sum.Wrong}} {
			if part.sum != nil {
				t.Header = append(t.Header, set.name+", "+part.name)
				columns = append(columns, part.sum)
			} else if note := set.sum.Notes[part.name]; note != "" {
				t.Notes = append(t.Notes, upperFirst(set.name)+", "+part.name+": "+note+".")
			}
		}
	}
	row := func(name string, value func(*nc.Summary) string) {
		cells := []string{name}
		for _, c := range columns {
			cells = append(cells, value(c))
		}
		t.Rows = append(t.Rows, cells)
	}
	row("samples", func(s *nc.Summary) string { return strconv.Itoa(s.N) })
	for _, m := range nc.Metrics() {
		switch m.Key {
		case "nc1", "nc1_quotient", "cdnv", "nc2", "nc2_h", "nc3", "nc3_cosine", "h_norm", "ncc_error":
			row(m.Symbol, func(s *nc.Summary) string { v, _ := s.Value(m.Key); return shown(v) })
		}
	}
	return t
}

// shown writes a number for a table, a dash for NaN.
func shown(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return strings.Replace(fmt.Sprintf("%.4g", v), "-", "−", 1)
}

// LayerTable returns the profile of a network: the metrics that need no classifier,
// layer by layer. what names the first column.
func LayerTable(layers []nc.Layer, what string) *Table {
	t := &Table{Title: "Collapse by " + what,
		Header: []string{what, "d", "NC1", "tr Σ_W / tr Σ_B", "CDNV", "ETF distance of H̄",
			"effective rank", "NCC error"}}
	if what != "layer" {
		t.Header = append(t.Header, "NC2", "NC3")
	}
	for _, l := range layers {
		row := []string{l.Name, strconv.Itoa(l.D), shown(l.NC1), shown(l.NC1Quotient), shown(l.CDNV),
			shown(l.FrameH.ETF), shown(l.EffectiveRank), shown(l.NCCError)}
		if what != "layer" {
			row = append(row, shown(l.NC2), shown(l.NC3))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// Profile draws NC1, the ETF distance of H̄ and the NCC error of layers, or of the
// points of a series, in their order. what is layer or epoch.
func Profile(layers []nc.Layer, what string) (*Figure, error) {
	if len(layers) == 0 {
		return nil, fmt.Errorf("figures: no %s was measured", what)
	}
	x := make([]float64, len(layers))
	for i := range x {
		x[i] = float64(i + 1)
	}
	if what == "epoch" {
		for i, l := range layers {
			if n := trailingNumber(l.Name); n >= 0 {
				x[i] = n
			}
		}
	}
	f := &Figure{Title: "Collapse by " + what, Caption: "NC1 by Equation 4, the distance of the class means from a " +
		"simplex ETF, and the share of samples nearer to another class's mean."}
	var panels []panel
	for i, m := range []struct {
		title, axis string
		log         bool
		value       func(nc.Layer) float64
	}{
		{"NC1", "NC1", true, func(l nc.Layer) float64 { return l.NC1 }},
		{"ETF distance of H̄", "distance", false, func(l nc.Layer) float64 { return l.FrameH.ETF }},
		{"NCC error", "error (%)", false, func(l nc.Layer) float64 { return 100 * l.NCCError }},
	} {
		p := newPanel(fmt.Sprintf("(%c) %s", 'a'+i, m.title), m.axis)
		p.X.Label.Text = what
		if what == "layer" {
			p.X.Tick.Marker = plot.TickerFunc(func(float64, float64) (t []plot.Tick) {
				every := (len(layers) + 5) / 6
				for i, l := range layers {
					tick := plot.Tick{Value: x[i]}
					if i%every == 0 {
						tick.Label = l.Name
					}
					t = append(t, tick)
				}
				return t
			})
		}
		y := make([]float64, len(layers))
		for j, l := range layers {
			y[j] = m.value(l)
		}
		gl := glyphStyle(0)
		addCurves(p, m.log, []*curve{{name: m.title, x: x, y: y, line: lineStyle(0), glyph: &gl}})
		if len(layers) > 1 && what == "layer" {
			p.X.Min, p.X.Max = 0.7, float64(len(layers))+0.3
		}
		panels = append(panels, p)
	}
	f.Alt = fmt.Sprintf("Three panels against the %s; %d points.", what, len(layers))
	return f, f.lay(760, 240, 3, nil, panels)
}

// trailingNumber returns the number at the end of a name, or −1.
func trailingNumber(name string) float64 {
	i := len(name)
	for i > 0 && name[i-1] >= '0' && name[i-1] <= '9' {
		i--
	}
	n, err := strconv.ParseFloat(name[i:], 64)
	if err != nil {
		return -1
	}
	return n
}
