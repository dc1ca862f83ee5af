package figures

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gocollapse/collapse/nc"
)

// explained says what the scalars of nc.Summary are, in the order of a table.
var explained = []struct{ key, name, what string }{
	{"nc1", "NC1", "Eq 4: spread of the features within classes, in the directions of the class means; 0 is collapse"},
	{"nc1_quotient", "tr Σ_W / tr Σ_B", "spread within classes over spread between them, in all directions"},
	{"cdnv", "CDNV", "mean over pairs: their variances over the squared distance of their means"},
	{"nc2", "NC2", "Eq 5: distance of WᵀH̄ from a simplex ETF, 0 to 2"},
	{"nc2_w", "ETF distance of W", "the same of the classifier alone"},
	{"nc2_h", "ETF distance of H̄", "the same of the class means alone"},
	{"equinorm_w", "equinorm W", "standard deviation over mean of the ‖w_k‖; 0 is equal lengths"},
	{"equinorm_h", "equinorm H̄", "the same of the class means"},
	{"max_angle_w", "maximal angle W", "mean |cos + 1/(K−1)| over pairs; 0 is the largest angle for K vectors"},
	{"max_angle_h", "maximal angle H̄", "the same of the class means"},
	{"equiangle_w", "equiangle W", "standard deviation of the pairs' cosines; 0 is equal angles"},
	{"equiangle_h", "equiangle H̄", "the same of the class means"},
	{"distance_h", "pair distance H̄", "mean distance of two class means' directions; √(2K/(K−1)) at most"},
	{"distance_std_h", "its deviation", "0 where all pairs are equally far"},
	{"uniformity_h", "uniformity H̄", "mean −log of those distances, also for K > d+1; less is more even"},
	{"uniformity_std_h", "its deviation", "generalised NC2: goes to 0"},
	{"distance_w", "pair distance W", "as for H̄, of the classifier's vectors"},
	{"distance_std_w", "its deviation", ""},
	{"uniformity_w", "uniformity W", ""},
	{"uniformity_std_w", "its deviation", ""},
	{"stable_rank", "stable rank", "‖H̄‖_F² / ‖H̄‖₂², at most K−1"},
	{"effective_rank", "effective rank", "exponential of the entropy of H̄'s singular values, at most K−1"},
	{"nc3", "NC3", "Eq 6: distance of W and H̄, each over its norm, 0 to 2"},
	{"nc3_cosine", "cosine of w and h̄", "mean over classes; 1 is self-duality"},
	{"gnc3", "generalised duality", "mean distance of the directions of w_k and h̄_k; 0 is self-duality"},
	{"unc3", "uniform duality", "variance of those cosines; 0 where all classes are equally aligned"},
	{"w_norm", "‖w‖", "mean length of the classifier's vectors"},
	{"h_norm", "‖h‖", "mean length of the centred class means"},
	{"ncc_error", "NCC error", "share of samples nearer to another class's mean"},
	{"ncc_test_error", "NCC test error", "the same of test samples, to the training means"},
	{"nc4", "NC4", "share of samples on which nearest mean and classifier disagree"},
	{"error", "error", "share of samples that the classifier gives to another class"},
	{"nc5", "NC5", "mean |cos| of class means and the mean of out-of-distribution samples"},
	{"bias_alignment", "‖W h_G + b‖", "length of the global mean's logits"},
}

// CollapseTable returns the scalars of s with one line on what each is. Those of
// test samples and bootstrap intervals stand in columns of their own where they were
// measured; what is not defined is a dash with the reason.
func CollapseTable(s *nc.Summary) *Table {
	t := &Table{Title: "Neural collapse", Header: []string{"figure", "value"}}
	t.Caption = fmt.Sprintf("N = %d samples of d = %d features in K = %d classes; the class means span %d directions.", s.N, s.D, s.K, s.Rank)
	if s.Intervals != nil {
		t.Header = append(t.Header, "interval")
		t.Caption += fmt.Sprintf(" Intervals: %.0f %% of %d bootstrap replicates of the samples, seed %d. "+
			"A replicate's class means are noisier than the data's own, which moves figures to one side: "+
			"with few samples a class an interval need not hold the value.",
			100*s.Bootstrap.Level, s.Bootstrap.Replicates, s.Bootstrap.Seed)
	}
	if s.Test != nil {
		t.Header = append(t.Header, "test")
		t.Caption += fmt.Sprintf(" Test: %d samples around their own class means.", s.Test.N)
	}
	t.Header = append(t.Header, "what it is")
	for _, e := range explained {
		v, _ := s.Value(e.key)
		what := e.what
		note := s.Note(e.key)
		if math.IsNaN(v) {
			if what = "not defined: " + note; (e.key == "nc5" || e.key == "ncc_test_error") && strings.HasPrefix(note, "no ") {
				continue // not asked for
			}
		} else if note != "" {
			t.Notes = append(t.Notes, e.name+": "+note+".")
		}
		row := []string{e.name, shown(v)}
		if s.Intervals != nil {
			interval := "–"
			if ci, ok := s.Intervals[e.key]; ok {
				interval = shown(ci[0]) + " to " + shown(ci[1])
			}
			row = append(row, interval)
		}
		if s.Test != nil {
			v, _ := s.Test.Value(e.key)
			row = append(row, shown(v))
		}
		t.Rows = append(t.Rows, append(row, what))
	}
	for _, f := range covarianceRows(s) {
		row := []string{f.name, shown(f.value(s))}
		if s.Intervals != nil {
			row = append(row, "–")
		}
		if s.Test != nil {
			row = append(row, shown(f.value(s.Test)))
		}
		t.Rows = append(t.Rows, append(row, f.what))
	}
	var other []string
	for k := range s.Notes {
		if _, isFigure := s.Value(k); !isFigure && !slices.Contains([]string{"correct", "wrong"}, k) {
			other = append(other, k)
		}
	}
	slices.Sort(other)
	for _, k := range other {
		name := upperFirst(k)
		if k == "nc1_per_class" {
			name = "NC1 by class"
			if math.IsNaN(s.NC1) {
				continue // the reason stands with NC1
			}
		}
		t.Notes = append(t.Notes, name+": "+s.Notes[k]+".")
	}
	// Figures that share a reason share its note.
	t.Notes = slices.Compact(t.Notes)
	return t
}

// derived is a row of a table whose number is not a scalar of nc.Summary.
type derived struct {
	name  string
	value func(*nc.Summary) float64
	what  string
}

// covarianceRows are the figures of the d×d covariance, as far as s has them.
func covarianceRows(s *nc.Summary) (rows []derived) {
	if s.Covariance != nil {
		rows = append(rows,
			derived{"VCI", func(s *nc.Summary) float64 { return s.Covariance.VCI }, "variability collapse index, 0 to 1; 0 is collapse"},
			derived{"stable rank Σ_W", func(s *nc.Summary) float64 { return s.Covariance.StableRankW }, "its trace over its largest eigenvalue"},
			derived{"effective rank Σ_W", func(s *nc.Summary) float64 { return s.Covariance.EffectiveRankW }, "exponential of the entropy of the within-class singular values"})
	}
	if s.MSE != nil {
		rows = append(rows,
			derived{"MSE loss", func(s *nc.Summary) float64 { return s.MSE.Loss }, "with one-hot targets and weight decay: the sum of the three below"},
			derived{"its NC1 part", func(s *nc.Summary) float64 { return s.MSE.NC1 }, "what the spread within classes costs"},
			derived{"its NC2/3 part", func(s *nc.Summary) float64 { return s.MSE.NC23 }, "what class means cost that are no simplex ETF"},
			derived{"its L_⊥ part", func(s *nc.Summary) float64 { return s.MSE.Perp }, "what the classifier loses on the best one for these features"})
	}
	return rows
}

// ClassTable returns the figures that s has of each class.
func ClassTable(s *nc.Summary) *Table {
	t := &Table{Title: "Class by class", Header: []string{"class", "samples"},
		Caption: "Shares are of the samples of a class."}
	columns := []struct {
		name   string
		values []float64
	}{
		{"NC1", s.NC1PerClass}, {"‖h̄−h_G‖", s.HNormPerClass}, {"‖w‖", s.WNormPerClass}, {"cos(w, h̄)", s.NC3CosinePerClass},
		{"logit of h_G", s.GlobalLogits}, {"NCC error", s.NCCErrorPerClass}, {"NC4", s.NC4PerClass}, {"error", s.ErrorPerClass},
	}
	for _, c := range columns {
		if c.values != nil {
			t.Header = append(t.Header, c.name)
		}
	}
	for k, n := range s.Counts {
		row := []string{strconv.Itoa(k), strconv.FormatInt(n, 10)}
		for _, c := range columns {
			if c.values != nil {
				row = append(row, shown(c.values[k]))
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// GroupTable returns the figures of the majority and the minority classes of
// unbalanced data; s must have them.
func GroupTable(s *nc.Summary) *Table {
	t := &Table{Title: "Majority and minority classes", Header: []string{"group", "classes", "samples", "NC1", "‖h̄−h_G‖", "‖w‖", "cosine H̄", "cosine W", "NCC error", "error"},
		Caption: "The majority are the classes of at least N/K samples. Cosines are means over a group's pairs; of collapsed minority classes that of W goes to 1."}
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

// RegressionTable returns the figures of neural regression collapse with one line on
// what each is.
func RegressionTable(s *nc.RegressionSummary) *Table {
	t := &Table{Title: "Neural regression collapse", Header: []string{"figure", "value", "what it is"},
		Caption: fmt.Sprintf("N = %d samples of d = %d features and t = %d targets; definitions of Andriopoulos et al. 2024.", s.N, s.D, s.T)}
	for _, e := range []struct{ key, name, what string }{
		{"nrc1", "NRC1", "share of the features' directions outside their first t principal components; 0 is collapse"},
		{"nrc2", "NRC2", "share of them outside the rows of W; 0 is collapse"},
		{"nrc3", "NRC3", "squared distance of WWᵀ from Σ^{1/2} − √γ I, each over its norm, at the best γ; 0 is collapse"},
		{"nrc3_gamma", "its γ", "in [0, λ_min] of the targets' covariance Σ"},
		{"nrc1_centred", "NRC1, centred", "NRC1 of the features less their mean"},
		{"nrc2_centred", "NRC2, centred", "NRC2 of the features less their mean"},
		{"explained_variance", "explained variance", "share of the features' variance along their first t principal components; 1 is collapse"},
	} {
		v, _ := s.Value(e.key)
		what := e.what
		if note := s.Notes[e.key]; math.IsNaN(v) {
			what = "not defined: " + note
		} else if note != "" {
			t.Notes = append(t.Notes, e.name+": "+note+".")
		}
		t.Rows = append(t.Rows, []string{e.name, shown(v), what})
	}
	return t
}

// OutcomeTable returns the figures of correctly and of wrongly classified samples
// side by side, as far as s has them.
func OutcomeTable(s *nc.Summary) *Table {
	t := &Table{Title: "Correctly and wrongly classified samples", Header: []string{"figure"},
		Caption: "Samples are grouped by the class that the classifier gives, around the means of those groups (footnote 3 of the paper)."}
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
	for _, e := range explained {
		switch e.key {
		case "nc1", "nc1_quotient", "cdnv", "nc2", "nc2_h", "nc3", "nc3_cosine", "h_norm", "ncc_error":
			row(e.name, func(s *nc.Summary) string { v, _ := s.Value(e.key); return shown(v) })
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

// LayerTable returns the profile of a network: the figures that need no classifier,
// layer by layer. what names the first column.
func LayerTable(layers []nc.Layer, what string) *Table {
	t := &Table{Title: "Collapse by " + what, Header: []string{what, "d", "NC1", "tr Σ_W / tr Σ_B", "CDNV", "ETF distance of H̄", "effective rank", "NCC error"}}
	if what != "layer" {
		t.Header = append(t.Header, "NC2", "NC3")
	}
	for _, l := range layers {
		row := []string{l.Name, strconv.Itoa(l.D), shown(l.NC1), shown(l.NC1Quotient), shown(l.CDNV), shown(l.NC2H), shown(l.EffectiveRank), shown(l.NCCError)}
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
	f := &Figure{Title: "Collapse by " + what, Caption: "NC1 by Equation 4, the distance of the class means from a simplex ETF, and the share of samples nearer to another class's mean."}
	var panels []panel
	for i, m := range []struct {
		title, axis string
		log         bool
		value       func(nc.Layer) float64
	}{
		{"NC1", "NC1", true, func(l nc.Layer) float64 { return l.NC1 }},
		{"ETF distance of H̄", "distance", false, func(l nc.Layer) float64 { return l.NC2H }},
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
		addCurves(p, m.log, []*curve{{x: x, y: y, line: lineStyle(0), glyph: &gl}})
		if len(layers) > 1 && what == "layer" {
			p.X.Min, p.X.Max = 0.7, float64(len(layers))+0.3
		}
		panels = append(panels, p)
	}
	f.Alt = fmt.Sprintf("Three panels against the %s: NC1, ETF distance of the class means, NCC error; %d points.", what, len(layers))
	return f, f.draw(760, 240, func(c draw.Canvas) { drawPanels(c, 3, panels) })
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

// Collapse draws what NC1 to NC3 measure: WᵀH̄ and the cosines of the class means,
// which for a simplex ETF have one value on the diagonal and one beside it; the
// spectrum of Σ_B (and of Σ_W where s has it); and NC1 class by class. Without a
// classifier the first panel says so.
func Collapse(g *nc.Geometry, s *nc.Summary) (*Figure, error) {
	if g == nil || s == nil || g.K != s.K {
		return nil, fmt.Errorf("figures: want the geometry and the summary of the same classes")
	}
	k := g.K
	heat := func(title, rows string, m []float64) panel {
		if m == nil {
			p := newChart(title, "class", rows)
			p.Add(note("no classifier was given"))
			p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, float64(max(k-1, 1)), 0, float64(max(k-1, 1))
			return p
		}
		return matrixPanel(title, "class", rows, matrix{k, k, m}, -1, 1)
	}
	panels := []panel{
		heat("(a) classifier times class means", "class of w", g.WH),
		heat("(b) cosines of the class means", "class", g.CosineH),
		spectrumPanel(s), classPanel(s),
	}
	f := &Figure{Title: "The geometry of collapse"}
	f.Caption = fmt.Sprintf("%d samples of %d features in %d classes. (a) is WᵀH̄ over its norm, times √(K−1): a simplex ETF has %s on the diagonal and %s elsewhere, in (b) 1 and %s; "+
		"what is over 1 is drawn as 1. (c) Eigenvalues of Σ_B that are not 0. (d) NC1 of each class, whose mean over samples is NC1 (line).",
		s.N, s.D, k, shown(1-1/float64(k)), shown(-1/float64(k)), shown(-1/float64(max(k-1, 1))))
	f.Alt = fmt.Sprintf("Four panels for %d classes: heat map of the classifier's products with the class means, heat map of the class means' cosines, spectrum, NC1 of each class.", k)
	return f, f.draw(660, 620, func(c draw.Canvas) {
		c.Max.Y -= drawScale(c, "(a), (b):", -1, 1)
		drawPanels(c, 2, panels)
	})
}

func spectrumPanel(s *nc.Summary) panel {
	p := newChart("(c) eigenvalues between classes", "index", "eigenvalue")
	p.X.Tick.Marker = plot.TickerFunc(wholeTicks)
	var cs []*curve
	add := func(values []float64) {
		x := make([]float64, len(values))
		for i := range x {
			x[i] = float64(i + 1)
		}
		i := len(cs)
		gl := glyphStyle(i)
		cs = append(cs, &curve{x: x, y: values, line: lineStyle(i), glyph: &gl})
	}
	add(s.SpectrumB)
	if s.Covariance != nil {
		p.title = "(c) eigenvalues of Σ_B and, dashed, Σ_W"
		add(s.Covariance.SpectrumW)
	}
	addCurves(p, true, cs)
	if len(cs) > 1 { // d eigenvalues beside K−1
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
		p.X.Min = 0.9
	}
	return p
}

// classPanel is a panel of NC1 by class.
func classPanel(s *nc.Summary) panel {
	p := newChart("(d) NC1 by class", "class", "NC1")
	p.X.Tick.Marker = plot.TickerFunc(wholeTicks)
	b := &bars{y: s.NC1PerClass, mean: s.NC1}
	p.X.Min, p.X.Max = -0.6, float64(len(b.y))-0.4
	p.Y.Min, p.Y.Max = 0, 1
	if _, most := valueRange(b.y); most > 0 {
		p.Y.Max = 1.06 * most
	}
	p.Add(grid{}, b)
	if !slices.ContainsFunc(b.y, finite) {
		p.Add(note("NC1 is not defined"))
	}
	return p
}

// bars draws one bar a class from 0, and a line at the mean.
type bars struct {
	y    []float64
	mean float64
}

func (b *bars) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	fill := palette[5]
	for i, v := range b.y {
		if !finite(v) {
			continue
		}
		r := vg.Rectangle{Min: vg.Point{X: tx(float64(i) - 0.4), Y: ty(0)}, Max: vg.Point{X: tx(float64(i) + 0.4), Y: ty(v)}}
		c.SetColor(fill)
		c.Fill(r.Path())
		if len(b.y) <= 40 {
			c.SetColor(color.Color(ink))
			c.SetLineStyle(draw.LineStyle{Color: ink, Width: vg.Points(0.5)})
			c.Stroke(r.Path())
		}
	}
	if finite(b.mean) {
		y := ty(b.mean)
		c.StrokeLine2(draw.LineStyle{Color: palette[1], Width: vg.Points(1.4), Dashes: dashes[1]}, c.Min.X, y, c.Max.X, y)
	}
}
