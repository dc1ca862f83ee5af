package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/nc/measure"
)

func measureCommand() *cobra.Command {
	var patterns []string
	var global string
	var o measure.Options
	var asJSON bool
	c := &cobra.Command{
		Use:   "measure --features FILE.npz",
		Short: "Measure collapse in features of any model, from .npz files",
		Long: `Measure collapse in features of any model, from .npz files as numpy.savez writes them:

  features N×d, labels N            float32 or float64, integers 0…K−1
  weight K×d, bias K                optional: the classifier, as PyTorch stores it
  test_features M×d, test_labels M  optional

Several files (or a quoted pattern, 'shard-*.npz') are parts of one data set. The
files are streamed: memory does not grow with N.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if len(patterns) == 0 {
				return usageError{fmt.Errorf("--features names no file")}
			}
			var err error
			if o.Global, err = nc.ParseGlobalMean(global); err != nil {
				return usageError{err}
			}
			files, err := expand(patterns)
			if err != nil {
				return err
			}
			if w := c.ErrOrStderr(); isTerminal(w) {
				bar := progressbar.NewOptions64(-1, progressbar.OptionSetWriter(w), progressbar.OptionClearOnFinish())
				defer func() { _ = bar.Finish() }()
				o.Progress = func(done, total int64) { bar.ChangeMax64(total); _ = bar.Set64(done) }
			}
			sum, err := measure.Files(c.Context(), files, o)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), sum)
			}
			return printSummary(c.OutOrStdout(), sum)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&patterns, "features", nil, ".npz `file` or pattern; may be given several times")
	f.IntVar(&o.K, "k", 0, "number of classes (default: the rows of weight, else the largest label + 1)")
	f.StringVar(&global, "global-mean", "samples", "h_G of unbalanced classes: mean over samples or over classes")
	f.BoolVar(&asJSON, "json", false, "every figure, as JSON")
	return c
}

// expand resolves patterns that the shell left alone. A pattern without a match
// stays as it is, so that the error of opening it names it.
func expand(patterns []string) ([]string, error) {
	var files []string
	for _, p := range patterns {
		m, err := filepath.Glob(p)
		if err != nil {
			return nil, usageError{fmt.Errorf("--features %s: %w", p, err)}
		}
		if len(m) == 0 {
			m = []string{p}
		}
		files = append(files, m...)
	}
	return files, nil
}

// printSummary prints the figures that most users look for, with the notes.
func printSummary(w io.Writer, s *nc.Summary) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "samples N\t%d\nfeatures d\t%d\nclasses K\t%d\n", s.N, s.D, s.K)
	for _, f := range []struct {
		key, name string
		value     float64
	}{
		{"nc1", "NC1 (Eq 4)", s.NC1},
		{"nc1_quotient", "tr Σ_W / tr Σ_B", s.NC1Quotient},
		{"cdnv", "CDNV, mean over pairs", s.CDNV},
		{"nc2", "NC2 (Eq 5)", s.NC2},
		{"nc2_w", "ETF distance of W", s.NC2W},
		{"nc2_h", "ETF distance of H̄", s.NC2H},
		{"nc3", "NC3 (Eq 6)", s.NC3},
		{"w_norm", "‖w‖", s.WNorm},
		{"h_norm", "‖h‖", s.HNorm},
		{"ncc_error", "NCC error", s.NCCError},
		{"nc4", "NC4, NCC against classifier", s.NC4},
	} {
		value := fmt.Sprintf("%.6g", f.value)
		if note := s.Note(f.key); note != "" {
			value += "\t" + note
		}
		fmt.Fprintf(t, "%s\t%s\n", f.name, strings.Replace(value, "NaN", "—", 1))
	}
	return t.Flush()
}
