package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/internal/atomic"
	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/npz"
	"github.com/gocollapse/collapse/report"
	"github.com/gocollapse/collapse/ufm"
)

func ufmCommand() *cobra.Command {
	p := ufm.Params{K: 10, N: 5000, D: 512, LambdaW: 1e-3, LambdaH: 1e-6, LambdaB: 1e-2, Delta: 0.05}
	var asJSON, solve, spectra bool
	var figure, plot, page, compare string
	var seed uint64
	c := &cobra.Command{
		Use:   "ufm",
		Short: "The theory: global minimiser, Hessian spectra and condition number",
		Long: `The unconstrained feature model of the paper's Section 4 in closed form, for any
K, n (samples of a class), d, penalties and δ. Without flags it answers for the
paper's simulated setting at δ = 0.05.

--solve minimises the model from a random start, every sample free, and says how far it
ends from the closed form; where n > 3 or d > K+1 it solves the small model with
the same s (λ_H grows as n shrinks), and says so.

--compare takes an .npz as 'collapse measure' does (features, labels, weight, bias), with
K, n and d from the file, and compares the trained network with the minimiser.

--plot writes one of the figures norms, kappa, spectrum, map (closed form) and dynamics
(gradient descent on the small model for δ = 0, 0.05, 0.1 and --delta).`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if !slices.Contains(ufmFigures(), figure) {
				return usageError{fmt.Errorf("--figure %q; known are %s", figure, strings.Join(ufmFigures(), ", "))}
			}
			if plot != "" {
				if err := checkPlot("plot", plot); err != nil {
					return err
				}
			}
			var compared *ufm.Comparison
			if compare != "" {
				var err error
				if compared, err = compareFile(compare, &p); err != nil {
					return err
				}
			}
			if err := p.Validate(); err != nil {
				return usageError{err}
			}
			m, err := p.Minimiser()
			if err != nil {
				return err
			}
			conditions, err := figures.UFMConditions(p)
			if err != nil {
				return err
			}
			extra := map[string]any{"conditions": conditionsOf(m)}
			tables := []*figures.Table{figures.UFMTable(m), conditions}
			if spectra || page != "" {
				tables = append(tables, figures.UFMSpectrumTable(m))
			}
			if compared != nil {
				tables = append(tables, figures.UFMComparison(compared))
				extra["compared"] = compared
			}
			if solve {
				t, v, err := solved(p, seed)
				if err != nil {
					return err
				}
				tables = append(tables, t)
				extra["solver"] = v
			}
			if plot != "" {
				f, err := ufmFigure(c.Context(), figure, p, seed)
				if err != nil {
					return err
				}
				if err := writePlot(plot, f); err != nil {
					return err
				}
				fmt.Fprintf(c.ErrOrStderr(), "%s: %s\n", plot, f.Caption)
			}
			if page != "" {
				s := &report.Sheet{Title: "The unconstrained feature model", Lead: fmt.Sprintf("K = %d, n = %d, d = %d, λ_W = %g, λ_H = %g, λ_b = %g, δ = %g.", p.K, p.N, p.D, p.LambdaW, p.LambdaH, p.LambdaB, p.Delta)}
				s.Sections = append(s.Sections, report.Section{Tables: tables})
				for _, name := range ufmFigures() {
					f, err := ufmFigure(c.Context(), name, p, seed)
					if err != nil {
						return err
					}
					s.Sections = append(s.Sections, report.Section{Figures: []*figures.Figure{f}})
				}
				b, err := s.HTML()
				if err != nil {
					return err
				}
				if err := atomic.WriteFile(page, b); err != nil {
					return err
				}
				fmt.Fprintln(c.ErrOrStderr(), page)
			}
			if asJSON {
				return printUFM(c, m, extra)
			}
			for i, t := range tables {
				if i > 0 {
					fmt.Fprintln(c.OutOrStdout())
				}
				fmt.Fprint(c.OutOrStdout(), t.Text())
			}
			return nil
		},
	}
	f := c.Flags()
	f.IntVar(&p.K, "k", p.K, "classes")
	f.IntVar(&p.N, "n", p.N, "samples of a class")
	f.IntVar(&p.D, "d", p.D, "feature dimension, at least K−1")
	f.Float64Var(&p.LambdaW, "lambda-w", p.LambdaW, "L2 penalty of the classifier")
	f.Float64Var(&p.LambdaH, "lambda-h", p.LambdaH, "L2 penalty of the features")
	f.Float64Var(&p.LambdaB, "lambda-b", p.LambdaB, "L2 penalty of the bias")
	f.Float64Var(&p.Delta, "delta", p.Delta, "label smoothing, in [0, 1)")
	f.BoolVar(&asJSON, "json", false, "every figure and spectrum, as JSON")
	f.BoolVar(&spectra, "spectra", false, "print the eigenvalues with their multiplicities too")
	f.BoolVar(&solve, "solve", false, "minimise from a random start and compare with the closed form")
	f.Uint64Var(&seed, "seed", 1, "of the random start")
	f.StringVar(&compare, "compare", "", "`.npz` of a trained network to compare with the closed form")
	f.StringVar(&plot, "plot", "", "`file` to draw the figure to, .svg or .png")
	f.StringVar(&figure, "figure", "norms", "what --plot draws: "+strings.Join(ufmFigures(), ", "))
	f.StringVar(&page, "html", "", "`file` for one page with all tables and figures")
	return c
}

func ufmFigures() []string { return append(figures.UFMNames(), "dynamics") }

// conditionsOf returns the condition numbers beyond the theorem's under JSON names.
func conditionsOf(m *ufm.Minimiser) map[string]any {
	if m.A == 0 {
		return map[string]any{"kappa_h_l2": nil, "kappa_w_l2": nil, "kappa_full": nil, "kappa_full_raw": nil, "note": m.Notes["kappa_h"]}
	}
	c := m.Conditions()
	return map[string]any{"kappa_h_l2": c.HL2, "kappa_w_l2": c.WL2, "kappa_full": c.Full, "kappa_full_raw": c.FullRaw}
}

// printUFM prints the minimiser's object with further keys at its end.
func printUFM(c *cobra.Command, m *ufm.Minimiser, extra map[string]any) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	more, err := json.Marshal(extra)
	if err != nil {
		return err
	}
	joined := append(append(b[:len(b)-1], ','), more[1:]...)
	return printJSON(c.OutOrStdout(), json.RawMessage(joined))
}

// solved runs the solver on the small model.
func solved(p ufm.Params, seed uint64) (*figures.Table, map[string]any, error) {
	small := p.Small(3, p.K+1)
	m, err := small.Minimiser()
	if err != nil {
		return nil, nil, err
	}
	prob := small.Problem()
	if prob.Size() > 1<<20 {
		return nil, nil, usageError{fmt.Errorf("--solve with K = %d has %d variables, more than 2^20; take a smaller --k", p.K, prob.Size())}
	}
	sol, err := prob.Solve(ufm.SolveOptions{Seed: seed})
	if err != nil {
		return nil, nil, err
	}
	d, err := m.Distance(prob, sol.X)
	if err != nil {
		return nil, nil, err
	}
	t := &figures.Table{Title: fmt.Sprintf("Solver against closed form, seed %d", seed), Header: []string{"figure", "value"},
		Caption: fmt.Sprintf("L-BFGS, then Newton, from a random start; all %d variables free: K = %d, n = %d, d = %d, λ_H = %g.", prob.Size(), small.K, small.N, small.D, small.LambdaH)}
	if small != p {
		t.Notes = []string{"This is the small model with the same s: λ_H·n is the same, and with it the minimiser."}
	}
	if !sol.Converged {
		t.Notes = append(t.Notes, "The solver did not reach its tolerance.")
	}
	for _, r := range []struct {
		name  string
		value float64
	}{{"objective", sol.Objective}, {"objective − closed form", d.Objective}, {"relative error of WWᵀ", d.W}, {"relative error of H̄ᵀH̄", d.H},
		{"relative error of the logits", d.Logits}, {"within-class distance / ‖h‖", d.Within}, {"bias / a", d.Bias}, {"‖gradient‖, scaled", sol.GradientNorm}} {
		t.Rows = append(t.Rows, []string{r.name, fmt.Sprintf("%.6g", r.value)})
	}
	return t, map[string]any{"seed": seed, "n": small.N, "d": small.D, "lambda_h": small.LambdaH, "objective": sol.Objective, "objective_error": d.Objective,
		"w_error": d.W, "h_error": d.H, "logits_error": d.Logits, "within": d.Within, "bias": d.Bias, "gradient_norm": sol.GradientNorm,
		"iterations": sol.Iterations, "converged": sol.Converged}, nil
}

// ufmFigure draws a figure by its name.
func ufmFigure(ctx context.Context, name string, p ufm.Params, seed uint64) (*figures.Figure, error) {
	if name != "dynamics" {
		return figures.UFM(name, p)
	}
	deltas := []float64{0, 0.05, 0.1}
	if p.Delta != 0 && p.Delta != 0.05 && p.Delta != 0.1 {
		deltas = append(deltas, p.Delta)
	}
	small := p.Small(3, p.K+1)
	if v := small.Problem().Size(); v > 1<<14 {
		return nil, fmt.Errorf("the dynamics of K = %d have %d variables, more than 2^14; take a smaller --k", p.K, v)
	}
	// One step size for all, at most half of what is stable near any minimiser.
	spectra := make([]ufm.Spectrum, len(deltas))
	top := 0.0
	for i, d := range deltas {
		q := small
		q.Delta = d
		m, err := q.Minimiser()
		if err != nil {
			return nil, err
		}
		spectra[i] = m.FullHessian(ufm.FullOptions{L2: true, Bias: true, Scaled: true})
		top = max(top, spectra[i][len(spectra[i])-1].Value)
	}
	// One step size for all. The objective can curve more on the way than at its minimiser,
	// so that it may have to be smaller than what is stable there. The slowest direction
	// has curvature 1 at most: 12/rate steps shrink it by e⁻¹².
	rate := 1 / top
	var paths []figures.UFMPath
	for {
		var err error
		if paths, err = descents(ctx, small, deltas, spectra, seed, rate); err != nil {
			return nil, err
		}
		if paths != nil {
			break
		}
		rate /= 2
	}
	return figures.UFMDynamics(fmt.Sprintf("Computed: gradient descent from a random start (seed %d) at step size %.3g in units of 1/√λ, all variables free; K = %d, n = %d, d = %d, s as in the model asked for. "+
		"The factor a step is that of the gradient's norm over the last third; the prediction is the Hessian's at the minimiser, penalties included.", seed, rate, small.K, small.N, small.D), paths...)
}

// descents runs one descent for each δ, or returns nil where one of them does not go down.
func descents(ctx context.Context, p ufm.Params, deltas []float64, spectra []ufm.Spectrum, seed uint64, rate float64) ([]figures.UFMPath, error) {
	var paths []figures.UFMPath
	steps := int(12/rate) + 1
	for i, d := range deltas {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p.Delta = d
		prob := p.Problem()
		path, err := prob.Descend(prob.Random(seed), ufm.DescentOptions{Rate: rate, Steps: steps, Every: max(1, steps/200), Scaled: true})
		if errors.Is(err, ufm.ErrDiverged) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if last := path.Rows[len(path.Rows)-1]; !(last.GradientNorm < path.Rows[0].GradientNorm/10) {
			return nil, nil
		}
		predicted := spectra[i].Rate(rate, 0)
		paths = append(paths, figures.UFMPath{Label: fmt.Sprintf("δ = %g: %.5f a step, predicted %.5f", d, path.Rate(), predicted), Path: path, Predicted: predicted})
	}
	return paths, nil
}

// compareFile compares a trained network in an .npz with the closed form, and sets
// K, n and d from the file.
func compareFile(path string, p *ufm.Params) (*ufm.Comparison, error) {
	f, err := npz.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	floats := func(name string, dims int) (*npz.Array, []float64, error) {
		a, err := f.Array(name)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
		if len(a.Shape) != dims {
			return nil, nil, fmt.Errorf("%s: %s has %d dimensions, want %d", path, name, len(a.Shape), dims)
		}
		v, err := a.Float64s()
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %s: %w", path, name, err)
		}
		return a, v, nil
	}
	w, weight, err := floats("weight", 2)
	if err != nil {
		return nil, err
	}
	_, features, err := floats("features", 2)
	if err != nil {
		return nil, err
	}
	a, err := f.Array("labels")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	labels, err := a.Int32s()
	if err != nil {
		return nil, fmt.Errorf("%s: labels: %w", path, err)
	}
	clf := &nc.Classifier{K: w.Shape[0], D: w.Shape[1], W: weight}
	if f.Has("bias") {
		if _, clf.B, err = floats("bias", 1); err != nil {
			return nil, err
		}
	}
	if clf.K == 0 || len(labels)%clf.K != 0 {
		return nil, fmt.Errorf("%s: %d samples of K = %d classes are not balanced; the closed form needs n of each", path, len(labels), clf.K)
	}
	p.K, p.D, p.N = clf.K, clf.D, len(labels)/clf.K
	c, err := ufm.Compare(clf, features, labels, *p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}
