package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/calib/files"
	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/report"
)

// calibrateFlags are the flags of collapse calibrate.
type calibrateFlags struct {
	files.Options
	logits           fileList
	fit, split, kind choice
	probabilities    bool
	answer           answer
}

func calibrateCommand() *cobra.Command {
	flags := calibrateFlags{
		fit:   choice{"split", []string{"split", "all"}},
		split: choice{"labels", []string{"labels", "test"}},
		kind:  choice{"", files.Kinds()},
	}
	c := &cobra.Command{
		Use:   "calibrate --logits FILE.npz",
		Short: "Measure calibration in logits of any model, before and after scaling",
		Long: `Measure calibration in logits of any model, from .npz files as numpy.savez writes them:

  logits N×K, labels N    labels 0…K−1; any type of number; −inf masks a class
  logits N                one score per sample of two classes: becomes two columns
  test_logits, test_labels    with --split test, as collapse features writes them

Several files are several models, which are compared. A temperature T is fitted on one
half of the samples and measured on the other. T divides the logits; T > 1 means that
the model was over-confident. Numbers that look like probabilities, percentages or
outputs of sigmoids are refused; --logits-are says what they are. A second table says how
well each model knows when it is wrong: risk and coverage of selective classification.
docs/calibrate.md explains every metric.`,
		Example: `  collapse calibrate --logits test.npz
  collapse calibrate --logits ce.npz --logits ls.npz --bootstrap 200 --consistency 999 --html page.html
  collapse calibrate --logits test.npz --bins 20 --json`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := flags.check(); err != nil {
				return usageError{err}
			}
			result, err := flags.measure(c.Context())
			if err != nil {
				return err
			}
			return flags.answer.write(c, result)
		},
	}
	f := c.Flags()
	f.Var(&flags.logits, "logits", ".npz `file` or pattern; several are models to compare")
	f.IntVar(&flags.Bins, "bins", calib.DefaultBins, "bins of every binned error (the paper's figures have 20)")
	f.Var(&flags.split, "split", "read logits and labels (labels), or test_logits and test_labels (test)")
	f.Var(&flags.fit, "fit", "fit scalings on half of the samples (split), or on all, which is optimistic (all)")
	f.Int64Var(&flags.Seed, "seed", 1, "seed of the split and of the replicates")
	f.BoolVar(&flags.Grid, "grid", false, "also fit the temperature of the paper's public code: a grid on ECE")
	f.BoolVar(&flags.Vector, "vector", false, "also fit vector scaling")
	f.IntVar(&flags.Bootstrap, "bootstrap", 0, "intervals of ECE, accuracy and T; `replicates` to compare models")
	f.IntVar(&flags.Consistency, "consistency", 0, "`replicates` of the test of calibration")
	f.Var(&flags.kind, "logits-are", "what the numbers are, in place of a look at them")
	f.BoolVar(&flags.probabilities, "probabilities", false, "the same as --logits-are probabilities")
	f.StringArrayVar(&flags.Names, "name", nil, "`name` of a model, once for each file in its order")
	f.BoolVar(&flags.Fast, "fast", false,
		"leave out what takes most of the time: ACE, class-wise and smooth ECE, selective classification")
	flags.answer.addFlags(f, "the reliability diagrams")
	return c
}

// check reports flags that are missing or out of range.
func (f *calibrateFlags) check() error {
	if len(f.logits.files) == 0 {
		return errors.New("--logits names no file")
	}
	if f.Bins < 1 {
		return fmt.Errorf("--bins %d: want at least 1", f.Bins)
	}
	f.FitAll, f.Test, f.Kind = f.fit.value == "all", f.split.value == "test", files.Kind(f.kind.value)
	if f.probabilities {
		if f.Kind != files.Guess && f.Kind != files.Probabilities {
			return fmt.Errorf("--probabilities contradicts --logits-are %s; give one of them", f.Kind)
		}
		f.Kind = files.Probabilities
	}
	if f.Names != nil {
		if err := files.CheckNames(f.Names, len(f.logits.files)); err != nil {
			return fmt.Errorf("--name: %w", err)
		}
	}
	return f.Options.Check()
}

func (f *calibrateFlags) measure(ctx context.Context) (result, error) {
	// The arrays are few and large: with the collector's default, garbage would double the memory.
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	models, err := files.Measure(ctx, f.logits.files, f.Options)
	if err != nil {
		return result{}, err
	}
	r := result{
		value:   models,
		tables:  []*figures.Table{figures.CalibrationTable(models...)},
		picture: func() (*figures.Figure, error) { return figures.CalibrationDiagrams(models...) },
		page:    func() (*report.Sheet, error) { return report.CalibrationSheet(models...) },
	}
	if !f.Fast {
		r.tables = append(r.tables, figures.SelectiveTable(models...))
	}
	if len(models) == 1 {
		r.value = models[0].Report
	}
	return r, nil
}
