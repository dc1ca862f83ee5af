package figures

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gocollapse/collapse/ufm"
)

// UFMNames lists the figures that UFM draws.
func UFMNames() []string { return []string{"norms", "kappa", "spectrum", "map", "dynamics"} }

// UFM draws a figure of the unconstrained feature model by its name. In closed form, where δ of
// the parameters does not matter, since δ is an axis:
//
//   - norms: ‖w‖ and ‖h‖ against δ (Theorem 4.1), for s of the parameters and others;
//   - kappa: the theorem's κ against δ for several K (Eq 15), and, at the
//     parameters, next to those of the objective with its penalties;
//   - spectrum: the non-zero eigenvalues of both blocks against δ (Eq 49, 58);
//   - map: over (δ, s), the condition number relative to δ = 0: the theorem's, and that of the
//     whole objective, with the lines where the order of the losses changes.
//
// And computed, from a random start drawn by the seed:
//
//   - dynamics: gradient descent on the small model (ufm.Params.Dynamics).
func UFM(ctx context.Context, name string, p ufm.Params, seed uint64) (*Figure, error) {
	if name == "dynamics" {
		d, err := p.Dynamics(ctx, seed)
		if err != nil {
			return nil, err
		}
		return UFMDynamics(d)
	}
	p.Delta = 0
	if err := p.Validate(); err != nil {
		return nil, err
	}
	switch name {
	case "norms":
		return ufmNorms(p)
	case "kappa":
		return ufmKappa(p)
	case "spectrum":
		return ufmSpectrum(p)
	case "map":
		return ufmMap(ctx, p)
	}
	return nil, fmt.Errorf("figures: no figure %q of the unconstrained feature model; there are %s",
		name, strings.Join(UFMNames(), ", "))
}

// setting names the parameters in a caption.
func setting(p ufm.Params) string {
	return fmt.Sprintf("Closed form, no training: K = %d, n = %d, d = %d, λ_W = %g, λ_H = %g, λ_b = %g.", p.K, p.N, p.D,
		p.LambdaW, p.LambdaH, p.LambdaB)
}

// deltas are the δ of the curves.
func deltas() []float64 {
	d := make([]float64, 200)
	for i := range d {
		d[i] = float64(i) / 200
	}
	return d
}

// against returns the curve of a number of the minimiser against δ. An s of 0 takes the
// parameters as they are, another one ufm.Params.AtS.
func against(p ufm.Params, s float64, name string, style int, f func(*ufm.Minimiser) float64) (*curve, error) {
	k := &curve{name: name, x: deltas(), line: lineStyle(style)}
	for _, d := range k.x {
		p.Delta = d
		m, err := p.Minimiser()
		if s > 0 {
			m, err = p.AtS(s)
		}
		if err != nil {
			return nil, err
		}
		k.y = append(k.y, f(m))
	}
	return k, nil
}

const deltaAxis = "label smoothing δ"

func ufmNorms(p ufm.Params) (*Figure, error) {
	m, err := p.Minimiser()
	if err != nil {
		return nil, err
	}
	var block []entry
	var w, h []*curve
	for i, s := range []float64{m.S, m.S / 10, 0.3, 0.6} {
		if i >= 2 && s <= m.S*1.5 {
			continue
		}
		name := fmt.Sprintf("s = %.3g", s)
		if i == 0 {
			s = 0
		}
		cw, err := against(p, s, name, i, func(m *ufm.Minimiser) float64 { return m.WNorm })
		if err != nil {
			return nil, err
		}
		ch, err := against(p, s, name, i, func(m *ufm.Minimiser) float64 { return m.HNorm })
		if err != nil {
			return nil, err
		}
		w, h = append(w, cw), append(h, ch)
		block = append(block, entry{name, &curve{line: lineStyle(i)}})
	}
	pw := newChart("(a) Classifier", deltaAxis, "‖w‖")
	addCurves(pw, false, w)
	ph := newChart("(b) Features", deltaAxis, "‖h‖")
	addCurves(ph, false, h)
	f := &Figure{Title: entryOf("thm4.1").Title,
		Alt: "Two panels against label smoothing."}
	f.Caption = "Theorem 4.1: both norms decrease with δ, and are zero from s+δ = 1 on. " + setting(p) +
		fmt.Sprintf(" That is s = %.4g; the other lines multiply λ_W and λ_H by one factor.", m.S)
	return f, f.lay(660, 300, 2, legend{block}, []panel{pw, ph})
}

func ufmKappa(p ufm.Params) (*Figure, error) {
	var a []*curve
	var blockA, blockB []entry
	for i, k := range []int{2, 3, 10, 100, 1000} {
		q := p
		q.K, q.D = k, k
		// The same s for every K.
		m, err := p.Minimiser()
		if err != nil {
			return nil, err
		}
		name := "K = " + strconv.Itoa(k)
		c, err := against(q, m.S, name, i, func(m *ufm.Minimiser) float64 { return m.KappaH })
		if err != nil {
			return nil, err
		}
		a = append(a, c)
		blockA = append(blockA, entry{"(a) " + name, &curve{line: c.line}})
	}
	var b []*curve
	for i, of := range []struct {
		name string
		f    func(*ufm.Minimiser) float64
	}{
		{"(b) theorem, a block of the loss", func(m *ufm.Minimiser) float64 { return m.KappaH }},
		{"block H + λ_H", (*ufm.Minimiser).KappaHL2},
		{"W, H, b with L2", (*ufm.Minimiser).KappaFull},
	} {
		name := strings.TrimPrefix(of.name, "(b) ")
		c, err := against(p, 0, name, i, of.f)
		if err != nil {
			return nil, err
		}
		g := glyphStyle(i)
		c.glyph = &g
		b = append(b, c)
		blockB = append(blockB, entry{of.name, &curve{line: c.line, glyph: &g}})
	}
	pa := newChart("(a) Theorem 4.2", deltaAxis, "condition number κ")
	addCurves(pa, true, a)
	pb := newChart(fmt.Sprintf("(b) K = %d, with the penalties", p.K), deltaAxis, "condition number κ")
	addCurves(pb, true, b)
	f := &Figure{Title: entryOf("thm4.2").Title, Alt: "Two panels of condition numbers against label " +
		"smoothing."}
	f.Caption = "(a) κ = K − (K−1)(s+δ) (Eq 15), on the non-zero eigenvalues of a block of the loss without " +
		"penalties; 1 for K = 2. " +
		"(b) The same next to the block with λ_H added, whose null space then has the eigenvalue λ_H, and the whole " +
		"objective in W, H and b (units 1/√λ) on its non-zero eigenvalues: not in the paper. " + setting(p)
	return f, f.lay(660, 350, 2, legend{blockA, blockB}, []panel{pa, pb})
}

func ufmSpectrum(p ufm.Params) (*Figure, error) {
	// The i-th non-zero eigenvalue in ascending order.
	nth := func(s ufm.Spectrum, i int) float64 {
		for _, e := range s {
			if e.Value > 0 {
				if i == 0 {
					return e.Value
				}
				i--
			}
		}
		return math.NaN()
	}
	ph := newChart("(a) in H, W fixed", deltaAxis, "eigenvalue")
	pw := newChart("(b) in W, H fixed", deltaAxis, "eigenvalue")
	var h, w []*curve
	names := []string{"smallest non-zero", "second", "third"}
	for i, name := range names {
		ch, err := against(p, 0, name, i, func(m *ufm.Minimiser) float64 { return nth(m.HessianH, i) })
		if err != nil {
			return nil, err
		}
		cw, err := against(p, 0, name, i, func(m *ufm.Minimiser) float64 { return nth(m.HessianW, i) })
		if err != nil {
			return nil, err
		}
		if i < 2 {
			h = append(h, ch)
		}
		w = append(w, cw)
	}
	addCurves(ph, true, h)
	addCurves(pw, true, w)
	var block []entry
	for i, name := range names {
		block = append(block, entry{name, &curve{line: lineStyle(i)}})
	}
	f := &Figure{Title: "Non-zero eigenvalues of the Hessian's blocks",
		Alt: "Two panels of eigenvalues against label smoothing."}
	f.Caption = "Of the mean loss without penalties at the global minimiser (Eq 49, 58), in the plain coordinates. " +
		setting(p)
	return f, f.lay(660, 300, 2, legend{block}, []panel{ph, pw})
}

// ufmGrid is a map over (δ, log10 s).
type ufmGrid struct {
	cols, rows int
	z          []float64
}

func (g ufmGrid) Dims() (c, r int)   { return g.cols, g.rows }
func (g ufmGrid) Z(c, r int) float64 { return g.z[r*g.cols+c] }
func (g ufmGrid) X(c int) float64    { return (float64(c) + 0.5) / float64(g.cols) * 0.98 }
func (g ufmGrid) Y(r int) float64    { return -4 + 4*(float64(r)+0.5)/float64(g.rows) }

// words says on how much of the map the condition number is smaller than at δ = 0.
func (g ufmGrid) words() string {
	smaller, cells := 0, 0
	for _, z := range g.z {
		if finite(z) {
			cells++
			if z < 0 {
				smaller++
			}
		}
	}
	least, most := valueRange(g.z)
	return fmt.Sprintf("from %s to %s; below 0 on %.0f %% of the map", three(least), three(most),
		100*float64(smaller)/float64(max(cells, 1)))
}

func ufmMap(ctx context.Context, p ufm.Params) (*Figure, error) {
	const cols, rows = 52, 52
	theorem, full := ufmGrid{cols, rows, make([]float64, cols*rows)}, ufmGrid{cols, rows, make([]float64, cols*rows)}
	at := func(delta, s float64) (kappa, whole float64, err error) { // NaN where the minimiser is zero
		q := p
		q.Delta = delta
		m, err := q.AtS(s)
		if err != nil {
			return 0, 0, err
		}
		return m.KappaH, m.KappaFull(), nil
	}
	for r := range rows {
		s := math.Pow(10, theorem.Y(r))
		kappa0, whole0, err := at(0, s)
		if err != nil {
			return nil, err
		}
		for c := range cols {
			kappa, whole, err := at(theorem.X(c), s)
			if err != nil {
				return nil, err
			}
			theorem.z[r*cols+c], full.z[r*cols+c] = math.Log10(kappa/kappa0), math.Log10(whole/whole0)
		}
	}
	least, most := valueRange(slices.Concat(theorem.z, full.z))
	lines, err := ufmBranches(ctx, p, full)
	if err != nil {
		return nil, err
	}
	const s = "log10 s"
	scale := diverging(least, 0, most, "as at δ = 0")
	pt := heatPanel("(a) Theorem 4.2: block of the loss", deltaAxis, s, theorem, scale)
	pf := heatPanel("(b) objective in W, H, b", deltaAxis, s, full, scale)
	pt.shown.says, pf.shown.says = theorem.words(), full.words()
	for _, k := range lines {
		pf.Add(k)
	}
	f := &Figure{Title: "Where label smoothing improves the conditioning",
		Alt: "Two maps over label smoothing and s. " + words([]panel{pt, pf}), Data: data([]panel{pt, pf})}
	f.Caption = "log10 of the condition number at δ over that at δ = 0 and the same s = K√(nλ_Wλ_H): below 0, label " +
		"smoothing is better conditioned. (a) Eq 15. " +
		"(b) The Hessian of the whole objective, penalties included, in units of 1/√λ, on its non-zero eigenvalues; " +
		"not in the paper. Between the lines label smoothing is better, outside worse. White: s+δ ≥ " +
		"1, where all is zero. " + setting(p) + " s scales λ_W and λ_H by one factor."
	block := []entry{{"(b) better above", &curve{line: lines[0].line}},
		{"(b) worse above", &curve{line: lines[1].line}}}
	return f, f.draw(660, 380, func(c draw.Canvas) {
		c.Max.Y -= scale.draw(c, "log10 κ(δ)/κ(0):")
		c.Max.Y -= legend{block}.draw(c)
		drawPanels(c, 2, []panel{pt, pf})
	})
}

// ufmBranches returns the lines of the map where the order of the losses changes: from worse to
// better, and from better to worse, as s grows.
func ufmBranches(ctx context.Context, p ufm.Params, grid ufmGrid) (lines []*curve, err error) {
	for branch := range 2 {
		lines = append(lines, &curve{
			line: draw.LineStyle{Color: palette[branch], Width: vg.Points(2), Dashes: dashes[branch]}})
	}
	for c := range grid.cols {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p.Delta = grid.X(c)
		_, all, err := p.Crossings((*ufm.Minimiser).KappaFull)
		if err != nil {
			return nil, err
		}
		for branch, up := range []bool{false, true} {
			k, y := lines[branch], math.NaN()
			for _, x := range all {
				if l := math.Log10(x.S); x.Worse == up && l > -4 {
					y = l
				}
			}
			// A branch ends where the two meet; lone points behind it are at the edge of
			// what float64 resolves.
			if n := len(k.y); n > 1 && math.IsNaN(k.y[n-1]) && slices.ContainsFunc(k.y, finite) {
				y = math.NaN()
			}
			k.x, k.y = append(k.x, p.Delta), append(k.y, y)
		}
	}
	return lines, nil
}

// UFMDynamics draws descents: NC1 to NC3 and the norm of the gradient against the step. In the last
// panel a thin line through the last point of each path has the predicted slope. Without a path the
// error is ErrNoSeries.
func UFMDynamics(d *ufm.Dynamics) (*Figure, error) {
	if len(d.Paths) == 0 {
		return nil, ErrNoSeries
	}
	columns := []struct {
		title, y string
		value    func(ufm.Row) float64
	}{
		{"(a) NC1", "NC1", func(r ufm.Row) float64 { return r.NC1 }},
		{"(b) NC2", "NC2", func(r ufm.Row) float64 { return r.NC2 }},
		{"(c) NC3", "NC3", func(r ufm.Row) float64 { return r.NC3 }},
		{"(d) Gradient", "‖gradient‖", func(r ufm.Row) float64 { return r.GradientNorm }},
	}
	thin := draw.LineStyle{Color: ink, Width: vg.Points(0.7)}
	var panels []panel
	missing := 0
	for c, col := range columns {
		var curves []*curve
		for i, p := range d.Paths {
			k := &curve{name: fmt.Sprintf("δ = %g", p.Delta), seed: strconv.FormatUint(d.Seed, 10), line: lineStyle(i)}
			for _, r := range p.Rows {
				k.x, k.y = append(k.x, float64(r.Step)), append(k.y, col.value(r))
			}
			k.log = true
			missing += k.missing()
			curves = append(curves, k)
			if c == 3 && len(p.Rows) > 1 && p.Predicted > 0 && p.Predicted < 1 {
				curves = append(curves, predictedSlope(p, thin))
			}
		}
		pl := newChart(col.title, "step", col.y)
		addCurves(pl, true, curves)
		panels = append(panels, pl)
	}
	var block []entry
	for i, p := range d.Paths {
		label := fmt.Sprintf("δ = %g: %.5f per step, predicted %.5f", p.Delta, p.Path.Rate(), p.Predicted)
		block = append(block, entry{label, &curve{line: lineStyle(i)}})
	}
	block = append(block, entry{"(d) predicted slope", &curve{line: thin}})
	f := &Figure{
		Title: "Descent on the unconstrained feature model", Caption: dynamicsCaption(d),
		Alt: "Four panels against the step: NC1, NC2, NC3 and the gradient's norm, on log axes.",
	}
	if missing > 0 {
		f.Caption += fmt.Sprintf(" Values not drawn because they are not defined or not above zero: %d.", missing)
	}
	return f, f.lay(660, 520, 2, legend{block}, panels)
}

// predictedSlope is a line of the predicted slope through the last point of a path.
func predictedSlope(p ufm.DynamicsPath, line draw.LineStyle) *curve {
	last := p.Rows[len(p.Rows)-1]
	from, to := float64(last.Step)*0.4, float64(last.Step)
	return &curve{line: line, x: []float64{from, to},
		y: []float64{last.GradientNorm * math.Pow(p.Predicted, from-to), last.GradientNorm}}
}

// dynamicsCaption says how the descents came about.
func dynamicsCaption(d *ufm.Dynamics) string {
	return fmt.Sprintf("Computed: gradient descent from a random start (seed %d) at step size %.3g in units of 1/√λ, "+
		"all variables free; K = %d, n = %d, d = %d, s as in the model asked for. The factor per step is that of "+
		"the gradient's norm over the last third of the steps. The prediction comes from the Hessian at the "+
		"minimiser, penalties included.", d.Seed, d.Rate, d.K, d.N, d.D)
}
