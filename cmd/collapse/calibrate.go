package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/calib/files"
	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/internal/atomic"
	"github.com/gocollapse/collapse/report"
)

func calibrateCommand() *cobra.Command {
	var patterns []string
	var fit, split, html, plot string
	var asJSON bool
	var o calib.Options
	c := &cobra.Command{
		Use:   "calibrate --logits FILE.npz",
		Short: "Measure calibration in logits of any model, before and after scaling",
		Long: `Measure calibration in logits of any model, from .npz files as numpy.savez writes them:

  logits N×K, labels N    float32 or float64, integers 0…K−1
  test_logits, test_labels    with --split test, as collapse features writes them

Several files are models that are compared side by side. A temperature T is fitted on
one half of the samples and measured on the other; T divides the logits, and T > 1
means that the model was over-confident. docs/calibrate.md explains every figure.`,
		Example: `  collapse calibrate --logits test.npz
  collapse calibrate --logits ce.npz --logits ls.npz --bootstrap 200 --consistency 999 --html page.html
  collapse calibrate --logits test.npz --bins 20 --json`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case len(patterns) == 0:
				return usageError{errors.New("--logits names no file")}
			case fit != "split" && fit != "all":
				return usageError{fmt.Errorf("--fit %q: want split or all", fit)}
			case split != "labels" && split != "test":
				return usageError{fmt.Errorf("--split %q: want labels or test", split)}
			case o.Bins < 1:
				return usageError{fmt.Errorf("--bins %d: want at least 1", o.Bins)}
			case o.Bootstrap < 0 || o.Bootstrap == 1 || o.Consistency < 0:
				return usageError{errors.New("--bootstrap wants at least 2 replicates, --consistency at least 1")}
			}
			if plot != "" {
				if err := checkPlot("plot", plot); err != nil {
					return err
				}
			}
			o.FitAll = fit == "all"
			// Few and large arrays: what the collector lets lie would be as large again.
			defer debug.SetGCPercent(debug.SetGCPercent(10))
			paths, err := expand("logits", patterns)
			if err != nil {
				return err
			}
			var models []figures.Calibrated
			for _, path := range paths {
				open := files.Open
				if split == "test" {
					open = files.OpenTest
				}
				f, err := open(c.Context(), path, o.Probabilities)
				if err != nil {
					return err
				}
				r, err := calib.Measure(f, o)
				if err = errors.Join(err, f.Close()); err != nil {
					return err
				}
				models = append(models, figures.Calibrated{Label: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), Report: r})
			}
			var compared []*calib.Difference
			if o.Bootstrap > 0 {
				for _, m := range models[1:] {
					d, err := calib.Compare(m.Summary, models[0].Summary, o.Bootstrap, o.Seed)
					if err != nil {
						return fmt.Errorf("%s beside %s: %w", m.Label, models[0].Label, err)
					}
					compared = append(compared, d)
				}
			}
			return showCalibration(c.OutOrStdout(), models, compared, asJSON, html, plot)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&patterns, "logits", nil, ".npz `file` or pattern; several are models to compare")
	f.IntVar(&o.Bins, "bins", calib.DefaultBins, "bins of every binned error (the paper's figures have 20)")
	f.StringVar(&split, "split", "labels", "read logits and labels (labels), or test_logits and test_labels (test)")
	f.StringVar(&fit, "fit", "split", "fit scalings on half of the samples (split), or on all, which is optimistic")
	f.Int64Var(&o.Seed, "seed", 1, "seed of the split and of the replicates")
	f.BoolVar(&o.Grid, "grid", false, "also the temperature of the paper's public code: a grid on ECE")
	f.BoolVar(&o.Vector, "vector", false, "also vector scaling")
	f.IntVar(&o.Bootstrap, "bootstrap", 0, "`replicates` for intervals of ECE and T, and for the difference of models")
	f.IntVar(&o.Consistency, "consistency", 0, "`replicates` of the test of calibration")
	f.BoolVar(&o.Probabilities, "probabilities", false, "the files hold probabilities in place of logits")
	f.BoolVar(&o.Fast, "fast", false, "leave out ACE, class-wise and smooth ECE, which take most of the time")
	f.BoolVar(&asJSON, "json", false, "every figure, as JSON (a list for several files)")
	f.StringVar(&html, "html", "", "write a page with tables and diagrams to this `file`")
	f.StringVar(&plot, "plot", "", "write the reliability diagrams to this .svg or .png `file`")
	return c
}

// showCalibration prints the figures and writes the page and the picture.
func showCalibration(out io.Writer, models []figures.Calibrated, compared []*calib.Difference, asJSON bool, html, plot string) error {
	table := figures.CalibrationTable(models...)
	for i, d := range compared {
		table.Notes = append(table.Notes, fmt.Sprintf("ECE of %s less that of %s: %.4g, %.0f %% of %d paired replicates in %.4g to %.4g, p = %.2g.",
			models[i+1].Label, models[0].Label, d.ECE, 100*d.Level, d.Replicates, d.Interval[0], d.Interval[1], d.P))
	}
	var figs []*figures.Figure
	if html != "" || plot != "" {
		var names []string
		var sums []*calib.Summary
		for _, m := range models[:min(len(models), 3)] {
			names = append(names, m.Label, m.Label+", T = "+fmt.Sprintf("%.3g", m.Temperature.T))
			sums = append(sums, m.Unscaled, m.Scaled)
		}
		origin := "On the samples that T was not fitted on; T divides the logits, T > 1 means over-confident."
		if models[0].FitAll {
			origin = "T was fitted on the same samples, which is optimistic; T divides the logits, T > 1 means over-confident."
		}
		fig, err := figures.Reliability(origin, names, sums)
		if err != nil {
			return err
		}
		figs = append(figs, fig)
		if html != "" {
			for _, m := range models {
				fig, err := figures.Confidence(m.Label+".", m.Summary)
				if err != nil {
					return err
				}
				figs = append(figs, fig)
			}
		}
	}
	if plot != "" {
		if err := writePlot(plot, figs[0]); err != nil {
			return err
		}
	}
	if html != "" {
		sheet := report.Sheet{Title: "Calibration", Lead: "Measured by collapse calibrate.",
			Sections: []report.Section{{Title: "Figures", Figures: figs, Tables: []*figures.Table{table}}}}
		for _, m := range models {
			bins := figures.BinTable(m.Summary)
			bins.Title = "Bins of " + m.Label
			sheet.Sections = append(sheet.Sections, report.Section{Tables: []*figures.Table{bins}})
		}
		page, err := sheet.HTML()
		if err != nil {
			return err
		}
		if err := atomic.WriteFile(html, page); err != nil {
			return err
		}
	}
	if !asJSON {
		_, err := io.WriteString(out, table.Text())
		return err
	}
	if len(models) == 1 {
		return printJSON(out, models[0].Report)
	}
	type named struct {
		Name   string            `json:"name"`
		Report *calib.Report     `json:"report"`
		ECE    *calib.Difference `json:"ece_less_first,omitempty"`
	}
	var all []named
	for i, m := range models {
		n := named{Name: m.Label, Report: m.Report}
		if i > 0 && compared != nil {
			n.ECE = compared[i-1]
		}
		all = append(all, n)
	}
	return printJSON(out, all)
}
