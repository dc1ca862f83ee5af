package figures

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/gocollapse/collapse/ufm"
)

// sixDigits writes a number with up to six digits, "–" where it is not defined.
func sixDigits(v float64) string {
	if !finite(v) {
		return "–"
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}

// UFMTables returns the tables of a report: closed form, condition numbers, with spectra the
// eigenvalues, and what else the report holds.
func UFMTables(r *ufm.Report, spectra bool) ([]*Table, error) {
	conditions, err := UFMConditions(r.Params)
	if err != nil {
		return nil, err
	}
	tables := []*Table{UFMTable(r.Minimiser), conditions}
	if spectra {
		tables = append(tables, UFMSpectrumTable(r.Minimiser))
	}
	if r.Compared != nil {
		tables = append(tables, UFMComparison(r.Compared))
	}
	if r.Solved != nil {
		tables = append(tables, UFMSolverTable(r.Solved))
	}
	return tables, nil
}

// UFMTable lists the closed form.
func UFMTable(m *ufm.Minimiser) *Table {
	t := &Table{
		Title:   "Global minimiser of the unconstrained feature model (Theorems 4.1 and 4.2)",
		Header:  []string{"metric", "value", "what it is"},
		Caption: fmt.Sprintf("%s δ = %g.", setting(m.Params), m.Delta),
	}
	for _, metric := range ufm.Metrics() {
		what := metric.Meaning
		if note := m.Notes[metric.Key]; note != "" {
			what += ". " + upperFirst(note)
		}
		t.Rows = append(t.Rows, []string{metric.Symbol, sixDigits(metric.Value(m)), what})
	}
	return t
}

// UFMSolverTable compares the solver's solution with the closed form.
func UFMSolverTable(s *ufm.SmallSolution) *Table {
	t := &Table{
		Title:  fmt.Sprintf("Solver compared with the closed form, seed %d", s.Seed),
		Header: []string{"metric", "value"},
		Caption: fmt.Sprintf("L-BFGS, then Newton, from a random start; all %d variables free: K = %d, n = "+
			"%d, d = %d, λ_H = %g.",
			s.Variables, s.K, s.N, s.D, s.LambdaH),
	}
	if s.Params != s.Original {
		t.Notes = []string{"This is the small model with the same s: λ_H·n is the same, so the minimiser is too."}
	}
	if !s.Converged {
		t.Notes = append(t.Notes, "The solver did not reach its tolerance.")
	}
	for _, r := range []struct {
		name  string
		value float64
	}{
		{"objective", s.Objective},
		{"objective − closed form", s.Distance.Objective},
		{"relative error of WWᵀ", s.Distance.W},
		{"relative error of H̄ᵀH̄", s.Distance.H},
		{"relative error of the logits", s.Distance.Logits},
		{"within-class distance / ‖h‖", s.Distance.Within},
		{"bias / a", s.Distance.Bias},
		{"‖gradient‖, scaled", s.GradientNorm},
	} {
		t.Rows = append(t.Rows, []string{r.name, sixDigits(r.value)})
	}
	return t
}

// UFMSpectrumTable lists the eigenvalues of both blocks and of the whole objective.
func UFMSpectrumTable(m *ufm.Minimiser) *Table {
	t := &Table{Title: "Spectra at the global minimiser", Header: []string{"Hessian", "eigenvalue", "multiplicity"},
		Caption: "Blocks: mean loss without penalties (Eq 49, 58). Objective: W, H and b together with the " +
			"penalties, plain coordinates; not in the paper."}
	for _, b := range []struct {
		name string
		s    ufm.Spectrum
	}{{"block H", m.HessianH}, {"block W", m.HessianW},
		{"objective", m.FullHessian(ufm.FullOptions{L2: true, Bias: true})}} {
		for _, e := range b.s {
			t.Rows = append(t.Rows, []string{b.name, sixDigits(e.Value), strconv.FormatInt(e.Count, 10)})
		}
	}
	return t
}

// UFMConditions is the table of the theorem's two caveats: condition numbers for
// several δ, without and with the penalties, and the null spaces that the theorem
// leaves out. Without δ it takes 0, 0.05, 0.1, 0.2, 0.4 and that of the parameters.
func UFMConditions(p ufm.Params, delta ...float64) (*Table, error) {
	if len(delta) == 0 {
		delta = []float64{0, 0.05, 0.1, 0.2, 0.4}
		if !slices.Contains(delta, p.Delta) {
			delta = append(delta, p.Delta)
		}
	}
	t := &Table{Title: "What the condition number is of",
		Header: []string{"δ", "theorem (Eq 15)", "H + λ_H", "W + λ_W", "W, H, b with L2",
			"plain coordinates", "nullity H", "nullity W"},
		Caption: setting(p) + " The theorem's κ is of a block of the loss without penalties, on its non-zero " +
			"eigenvalues. H + λ_H, W + λ_W: the blocks with their penalties and with the null space, whose " +
			"eigenvalue is then λ. W, H, b: whole objective in units of 1/√λ, then in plain coordinates, on its " +
			"non-zero eigenvalues. “–”: s+δ ≥ 1."}
	var first, last ufm.Conditions
	for i, d := range delta {
		p.Delta = d
		m, err := p.Minimiser()
		if err != nil {
			return nil, err
		}
		c := m.Conditions()
		if i == 0 {
			first = c
		}
		if i <= 1 {
			last = c
		}
		t.Rows = append(t.Rows, []string{sixDigits(d), sixDigits(c.H), sixDigits(c.HL2),
			sixDigits(c.WL2), sixDigits(c.Full),
			sixDigits(c.FullRaw), strconv.FormatInt(c.NullH, 10), strconv.FormatInt(c.NullW, 10)})
	}
	if len(delta) > 1 && finite(first.Full) && finite(last.Full) {
		verb := "decreases too"
		if last.Full > first.Full {
			verb = "increases: the order of the two losses is reversed"
		}
		t.Notes = append(t.Notes, fmt.Sprintf("From δ = %g to %g the theorem's κ goes from %.4g to %.4g. With the "+
			"penalties, in all variables, it goes from %.4g to %.4g: it %s.", delta[0], delta[1], first.H, last.H,
			first.Full, last.Full, verb))
	}
	if !finite(first.Full) {
		t.Notes = append(t.Notes, fmt.Sprintf("At δ = %g the minimiser is zero already: smaller penalties are needed "+
			"for a condition number.", delta[0]))
		return t, nil
	}
	t.Notes = append(t.Notes, fmt.Sprintf("The non-zero eigenvalues are few: of the %d of the block in H, %d are "+
		"zero, along which the loss is flat.", int64(p.K)*int64(p.N)*int64(p.D), first.NullH))
	return t, nil
}

// UFMComparison lists metrics of a trained network and those of the closed form.
func UFMComparison(c *ufm.Comparison) *Table {
	t := &Table{
		Title:   "The trained network compared with the global minimiser",
		Header:  []string{"metric", "measured", "closed form", "relative error", ""},
		Caption: fmt.Sprintf("%s δ = %g. As in the paper's Figure 8.", setting(c.Theory.Params), c.Theory.Delta),
	}
	for _, p := range c.Pairs {
		m, _ := ufm.MetricByKey(p.Key)
		t.Rows = append(t.Rows,
			[]string{m.Symbol, sixDigits(p.Measured), sixDigits(p.Theory), significant(p.Relative), c.Notes[p.Key]})
	}
	return t
}
