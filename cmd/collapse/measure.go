package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/internal/atomic"
	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/nc/measure"
	"github.com/gocollapse/collapse/report"
)

// measureFlags are the flags of collapse measure.
type measureFlags struct {
	measure.Options
	patterns, merge        []string
	folder, global, memory string
	state, html, plot      string
	asJSON, asCSV          bool
}

func measureCommand() *cobra.Command {
	var m measureFlags
	c := &cobra.Command{
		Use:   "measure --features FILE.npz",
		Short: "Measure collapse in features of any model, from .npz files",
		Long: `Measure collapse in features of any model, from .npz files as numpy.savez writes them:

  features N×d, labels N            float32 or float64, integers 0…K−1
  weight K×d, bias K                optional: the classifier, as PyTorch stores it
  test_features M×d, test_labels M  optional
  ood_features M×d                  optional: out-of-distribution samples, for NC5
  features_NAME N×d_NAME            optional: another layer's features of the same samples
  targets N×t                       in place of labels: regression, NRC1 to NRC3

Several files (or a quoted pattern, 'shard-*.npz') are parts of one data set; with
--csv each is a data set of its own, such as an epoch. The files are streamed: memory
does not grow with N. docs/measure.md explains every figure.`,
		Example: `  collapse measure --features features.npz
  collapse measure --features 'shard-*.npz' --bootstrap 200 --json
  collapse measure --features 'features-epoch*.npz' --csv
  collapse measure --features features.npz --html collapse.html --plot collapse.svg`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return m.run(c) },
	}
	f := c.Flags()
	f.StringArrayVar(&m.patterns, "features", nil, ".npz `file` or pattern; may be given several times")
	f.StringVar(&m.folder, "features-dir", "", "`folder` with one .npz (or .npy beside labels.npy) for each layer")
	f.IntVar(&m.K, "k", 0, "number of classes (default: the rows of weight, else the largest label + 1)")
	f.StringVar(&m.global, "global-mean", "samples", "h_G of unbalanced classes: mean over samples or over classes")
	f.BoolVar(&m.Full, "full", false, "also what needs the d×d covariance: spectrum of Σ_W, VCI, MSE decomposition")
	f.Float64Var(&m.Decay, "decay", 0, "weight decay λ of the MSE decomposition")
	f.BoolVar(&m.Outcomes, "outcomes", false, "also the correctly and the wrongly classified samples apart")
	f.StringVar(&m.Margins, "margins", "", "write the margin of every training sample to this .npz `file`")
	f.IntVar(&m.Bootstrap, "bootstrap", 0, "`replicates` for intervals of every figure, such as 200")
	f.Int64Var(&m.Seed, "seed", 1, "seed of the bootstrap")
	f.StringVar(&m.memory, "memory", "4GiB", "refuse --full and --bootstrap over this `size`")
	f.StringVar(&m.state, "state", "", "write the state of the training samples to this `file`, for --merge")
	f.StringArrayVar(&m.merge, "merge", nil, "state `file` or pattern: alone, the figures of all; with --features, the second pass around their means")
	f.BoolVar(&m.asJSON, "json", false, "every figure, as JSON")
	f.BoolVar(&m.asCSV, "csv", false, "one line a file, for a series over epochs")
	f.StringVar(&m.html, "html", "", "write a page with tables and heat maps to this `file`")
	f.StringVar(&m.plot, "plot", "", "write the picture to this .svg or .png `file`")
	return c
}

func (m *measureFlags) run(c *cobra.Command) error {
	if err := m.check(); err != nil {
		return usageError{err}
	}
	m.Log = func(s string) { fmt.Fprintln(c.ErrOrStderr(), s) }
	if w := c.ErrOrStderr(); isTerminal(w) {
		bar := progressbar.NewOptions64(-1, progressbar.OptionSetWriter(w), progressbar.OptionClearOnFinish())
		defer func() { _ = bar.Finish() }()
		m.Progress = func(done, total int64) { bar.ChangeMax64(total); _ = bar.Set64(done) }
	}
	out := c.OutOrStdout()
	files, err := expand("features", m.patterns)
	if err != nil {
		return err
	}
	switch {
	case len(m.merge) > 0:
		return m.mergeStates(c, files)
	case m.folder != "":
		sum, err := measure.Folder(c.Context(), m.folder, m.Options)
		if err != nil {
			return err
		}
		return m.show(out, sum, nil)
	case m.asCSV:
		return m.series(c.Context(), out, files)
	}
	switch regression, err := measure.IsRegression(files[0]); {
	case err != nil:
		return err
	case regression:
		return m.regression(c.Context(), out, files)
	}
	sum, acc, err := measure.Accumulated(c.Context(), files, m.Options)
	if err != nil {
		return err
	}
	if m.state != "" {
		if acc == nil {
			return errors.New("only features_NAME were found, of which no state is kept")
		}
		if err := writeState(m.state, acc); err != nil {
			return err
		}
	}
	return m.show(out, sum, acc)
}

// check reads the flags that are not of a flag's type and reports what does not go
// together.
func (m *measureFlags) check() error {
	var err error
	if m.Global, err = nc.ParseGlobalMean(m.global); err != nil {
		return err
	}
	if m.Memory, err = parseSize(m.memory); err != nil {
		return fmt.Errorf("--memory %w", err)
	}
	if err := m.Options.Check(); err != nil {
		return err
	}
	sources := 0
	for _, given := range []bool{len(m.patterns) > 0, m.folder != "", len(m.merge) > 0} {
		if given {
			sources++
		}
	}
	switch {
	case sources == 0:
		return errors.New("--features names no file")
	case m.folder != "" && sources > 1:
		return errors.New("--features-dir stands alone")
	case m.asCSV && (m.asJSON || m.html != "" || m.state != "" || m.Margins != "" || m.folder != "" || len(m.merge) > 0):
		return errors.New("--csv takes --features and --plot only")
	case m.folder != "" && (m.state != "" || m.Margins != ""):
		return errors.New("--features-dir knows no --state and no --margins")
	case len(m.merge) > 0 && (m.Full || m.Outcomes || m.Bootstrap > 0 || m.Margins != ""):
		return errors.New("--merge knows no --full, --outcomes, --bootstrap and --margins: a state holds no samples")
	case len(m.merge) > 0 && len(m.patterns) > 0 && m.state == "":
		return errors.New("--merge with --features writes the second pass of a part; --state names the file")
	}
	if m.plot != "" {
		return checkPlot("plot", m.plot)
	}
	return nil
}

// parseSize reads a positive number of bytes such as 512MiB, 4GiB or 1e9.
func parseSize(text string) (int64, error) {
	number, unit := strings.TrimSpace(text), 1.0
	for i, suffix := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if n, ok := strings.CutSuffix(number, suffix); ok {
			number, unit = strings.TrimSpace(n), math.Pow(1024, float64(i+1))
			break
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if v *= unit; err != nil || !(v >= 1) || v > math.MaxInt64/2 {
		return 0, fmt.Errorf("%q: want a size such as 512MiB or 4GiB", text)
	}
	return int64(v), nil
}

// mergeStates shows the figures of states or, with files, runs a part's second pass.
func (m *measureFlags) mergeStates(c *cobra.Command, files []string) error {
	paths, err := expand("merge", m.merge)
	if err != nil {
		return err
	}
	states, err := measure.ReadStates(paths)
	if err != nil {
		return err
	}
	if len(files) > 0 {
		acc, err := measure.Around(c.Context(), files, states, m.Options)
		if err != nil {
			return err
		}
		first, second := acc.N()
		fmt.Fprintf(c.ErrOrStderr(), "second pass over %d of %d samples written to %s\n", second, first, m.state)
		return writeState(m.state, acc)
	}
	acc, err := measure.Merge(states)
	if err != nil {
		return err
	}
	if m.state != "" {
		if err := writeState(m.state, acc); err != nil {
			return err
		}
	}
	sum, err := acc.Summary(nil)
	if err != nil {
		return err
	}
	return m.show(c.OutOrStdout(), sum, acc)
}

func writeState(path string, acc *nc.Accumulator) error {
	b, err := acc.MarshalBinary()
	if err != nil {
		return err
	}
	return atomic.WriteFile(path, b)
}

// show prints the figures and writes the page and the picture that were asked for.
// acc is nil where there are only layers.
func (m *measureFlags) show(out io.Writer, sum *nc.Summary, acc *nc.Accumulator) error {
	var figs []*figures.Figure
	if m.html != "" || m.plot != "" {
		if acc != nil {
			g, err := acc.Geometry(acc.Classifier())
			if err != nil {
				return err
			}
			fig, err := figures.Collapse(g, sum)
			if err != nil {
				return err
			}
			figs = append(figs, fig)
		}
		if len(sum.Layers) > 0 {
			fig, err := figures.Profile(sum.Layers, "layer")
			if err != nil {
				return err
			}
			figs = append(figs, fig)
		}
	}
	if m.plot != "" {
		if err := writePlot(m.plot, figs[0]); err != nil {
			return err
		}
	}
	tables := summaryTables(sum)
	if m.html != "" {
		sheet := report.Sheet{
			Title: "Neural collapse",
			Lead:  "Measured by collapse measure on " + strings.TrimSpace(strings.Join(slices.Concat(m.patterns, m.merge, []string{m.folder}), " ")) + ".",
			Sections: []report.Section{
				{Title: "Figures", Figures: figs, Tables: tables[:1]},
				{Title: "Details", Tables: append(tables[1:], figures.ClassTable(sum))},
			},
		}
		page, err := sheet.HTML()
		if err != nil {
			return err
		}
		if err := atomic.WriteFile(m.html, page); err != nil {
			return err
		}
	}
	if m.asJSON {
		return printJSON(out, sum)
	}
	if m.folder != "" {
		tables = tables[len(tables)-1:] // the profile is what was asked for
	}
	for i, t := range tables {
		if i > 0 {
			fmt.Fprintln(out)
		}
		if _, err := io.WriteString(out, t.Text()); err != nil {
			return err
		}
	}
	return nil
}

// summaryTables are the tables of a terminal.
func summaryTables(sum *nc.Summary) []*figures.Table {
	tables := []*figures.Table{figures.CollapseTable(sum)}
	if sum.Correct != nil || sum.Wrong != nil {
		tables = append(tables, figures.OutcomeTable(sum))
	}
	if sum.Majority != nil {
		tables = append(tables, figures.GroupTable(sum))
	}
	if len(sum.Layers) > 0 {
		tables = append(tables, figures.LayerTable(sum.Layers, "layer"))
	}
	return tables
}

// series prints one line a file.
func (m *measureFlags) series(ctx context.Context, out io.Writer, files []string) error {
	points, err := measure.Series(ctx, files, m.Options)
	if err != nil {
		return err
	}
	if m.plot != "" {
		fig, err := figures.Profile(points, "epoch")
		if err != nil {
			return err
		}
		if err := writePlot(m.plot, fig); err != nil {
			return err
		}
	}
	w := csv.NewWriter(out)
	header := []string{"file", "n", "d", "k"}
	for _, metric := range nc.Metrics() {
		header = append(header, metric.Key)
	}
	_ = w.Write(header)
	for _, p := range points {
		row := []string{p.Name, strconv.Itoa(p.N), strconv.Itoa(p.D), strconv.Itoa(p.K)}
		for _, metric := range nc.Metrics() {
			v, _ := p.Value(metric.Key)
			text := ""
			if !math.IsNaN(v) {
				text = strconv.FormatFloat(v, 'g', -1, 64)
			}
			row = append(row, text)
		}
		_ = w.Write(row)
	}
	w.Flush()
	return w.Error()
}

// regression prints NRC1 to NRC3.
func (m *measureFlags) regression(ctx context.Context, out io.Writer, files []string) error {
	if m.html != "" || m.plot != "" || m.state != "" || m.Margins != "" || m.Outcomes || m.Bootstrap > 0 {
		return usageError{errors.New("for a regression (targets in place of labels) there are --json, --memory and the table only")}
	}
	sum, err := measure.Regression(ctx, files, m.Options)
	if err != nil {
		return err
	}
	if m.asJSON {
		return printJSON(out, sum)
	}
	_, err = io.WriteString(out, figures.RegressionTable(sum).Text())
	return err
}

// expand resolves patterns that the shell left alone. A pattern without a match
// stays as it is, so that the error of opening it names it.
func expand(flag string, patterns []string) ([]string, error) {
	var files []string
	for _, p := range patterns {
		m, err := filepath.Glob(p)
		if err != nil {
			return nil, usageError{fmt.Errorf("--%s %s: %w", flag, p, err)}
		}
		if len(m) == 0 {
			m = []string{p}
		}
		files = append(files, m...)
	}
	return files, nil
}
