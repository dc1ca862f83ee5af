package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/report"
	"github.com/gocollapse/collapse/ufm"
	"github.com/gocollapse/collapse/ufm/files"
)

// ufmFlags are the flags of collapse ufm.
type ufmFlags struct {
	ufm.Params
	compare        string
	solve, spectra bool
	seed           uint64
	figure         choice
	answer         answer
}

func ufmCommand() *cobra.Command {
	flags := ufmFlags{Params: ufm.PaperParams(), figure: choice{"norms", figures.UFMNames()}}
	c := &cobra.Command{
		Use:   "ufm",
		Short: "The theory: global minimiser, Hessian spectra and condition number",
		Long: `The unconstrained feature model of the paper's Section 4 in closed form, for any K,
n (samples per class), d, penalties and δ. Without flags it answers for the paper's
simulated setting at δ = 0.05.

--solve minimises the model from a random start, with every sample free, and compares
the result with the closed form. Where n > 3 or d > K+1 it solves the small model with
the same s (λ_H grows as n shrinks), and says so.

--compare reads an .npz as 'collapse measure' does (features, labels, weight, bias),
takes K, n and d from it, and compares the trained network with the minimiser.

--plot writes the figure that --figure names: norms, kappa, spectrum or map in closed
form, or dynamics: gradient descent on the small model for δ = 0, 0.05, 0.1 and --delta.
docs/ufm.md explains every metric.`,
		Example: `  collapse ufm
  collapse ufm --k 100 --n 500 --delta 0.1 --spectra
  collapse ufm --solve --json
  collapse ufm --compare features.npz --lambda-w 1e-3 --lambda-h 1e-6
  collapse ufm --figure kappa --plot kappa.svg`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := flags.Validate(); err != nil {
				return usageError{err}
			}
			result, err := flags.result(c.Context())
			if err == nil {
				err = flags.answer.write(c, result)
			}
			if errors.Is(err, ufm.ErrTooLarge) || errors.Is(err, ufm.ErrTooLong) {
				return usageError{err}
			}
			return err
		},
	}
	f := c.Flags()
	f.IntVar(&flags.K, "k", flags.K, "classes")
	f.IntVar(&flags.N, "n", flags.N, "samples per class")
	f.IntVar(&flags.D, "d", flags.D, "feature dimension, at least K−1")
	f.Float64Var(&flags.LambdaW, "lambda-w", flags.LambdaW, "L2 penalty of the classifier")
	f.Float64Var(&flags.LambdaH, "lambda-h", flags.LambdaH, "L2 penalty of the features")
	f.Float64Var(&flags.LambdaB, "lambda-b", flags.LambdaB, "L2 penalty of the bias")
	f.Float64Var(&flags.Delta, "delta", flags.Delta, "label smoothing, in [0, 1)")
	f.BoolVar(&flags.spectra, "spectra", false, "also print the eigenvalues with their multiplicities")
	f.BoolVar(&flags.solve, "solve", false, "minimise from a random start and compare with the closed form")
	f.Uint64Var(&flags.seed, "seed", 1, "seed of the random start")
	f.StringVar(&flags.compare, "compare", "", "`.npz` of a trained network to compare with the closed form")
	f.Var(&flags.figure, "figure", "the figure that --plot draws")
	flags.answer.addFlags(f, "the figure")
	return c
}

func (f *ufmFlags) result(ctx context.Context) (result, error) {
	var r ufm.Report
	var err error
	p := f.Params
	if f.compare != "" {
		if r.Compared, err = files.Compare(f.compare, p); err != nil {
			return result{}, err
		}
		p = r.Compared.Theory.Params // K, n and d are those of the file
	}
	if r.Minimiser, err = p.Minimiser(); err != nil {
		return result{}, err
	}
	if f.solve {
		if r.Solved, err = p.SolveSmall(ctx, f.seed); err != nil {
			return result{}, err
		}
	}
	var tables []*figures.Table
	if !f.answer.json {
		if tables, err = figures.UFMTables(&r, f.spectra); err != nil {
			return result{}, err
		}
	}
	return result{
		value:   &r,
		tables:  tables,
		picture: func() (*figures.Figure, error) { return figures.UFM(ctx, f.figure.value, p, f.seed) },
		page:    func() (*report.Sheet, error) { return report.UFMSheet(ctx, &r, f.seed) },
	}, nil
}
