package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/nc/files"
	"github.com/gocollapse/collapse/report"
)

// measureFlags are the flags of collapse measure.
type measureFlags struct {
	files.Options
	features, merge fileList
	folder, state   string
	global, classes choice
	memory          byteSize
	csv             bool
	answer          answer
}

func measureCommand() *cobra.Command {
	flags := measureFlags{
		global:  choice{"samples", []string{"samples", "classes"}},
		classes: choice{"all", []string{"all", "present"}},
		memory:  byteSize{4 << 30, "4GiB"},
	}
	c := &cobra.Command{
		Use:   "measure --features FILE.npz",
		Short: "Measure collapse in features of any model, from .npz files",
		Long: `Measure collapse in features of any model, from .npz files as numpy.savez writes them:

  features N×d, labels N            labels 0…K−1; any type of number, float16 and bfloat16 too
  weight K×d, bias K                optional: the classifier, as PyTorch stores it
  test_features M×d, test_labels M  optional
  ood_features M×d                  optional: out-of-distribution samples, for NC5
  features_NAME N×d_NAME            optional: another layer's features of the same samples
  targets N×t                       in place of labels: regression, NRC1 to NRC3

Several files (or a quoted pattern, 'shard-*.npz') are parts of one data set; with
--csv each is a data set of its own, such as an epoch. The files are streamed: memory
does not grow with N. docs/measure.md explains every metric.`,
		Example: `  collapse measure --features features.npz
  collapse measure --features 'shard-*.npz' --bootstrap 200 --json
  collapse measure --features 'features-epoch*.npz' --csv
  collapse measure --features features.npz --html collapse.html --plot collapse.svg`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return flags.run(c) },
	}
	f := c.Flags()
	f.Var(&flags.features, "features", ".npz `file` or pattern; may be given several times")
	f.StringVar(&flags.folder, "features-dir", "", "`folder` with one .npz for each layer, or one .npy and labels.npy")
	f.IntVar(&flags.K, "k", 0, "number of classes (default: the rows of weight, else the largest label + 1)")
	f.Var(&flags.classes, "classes", "metrics of all K classes, or of those that are present in the training samples")
	f.Var(&flags.global, "global-mean", "h_G of unbalanced classes: mean over samples or over classes")
	f.BoolVar(&flags.Full, "full", false,
		"also what needs the d×d covariance: spectrum of Σ_W, VCI, MSE decomposition")
	f.Float64Var(&flags.Decay, "decay", 0, "weight decay λ of the MSE decomposition")
	f.BoolVar(&flags.Outcomes, "outcomes", false, "also the correctly and the wrongly classified samples separately")
	f.StringVar(&flags.Margins, "margins", "", "write the margin of every training sample to this .npz `file`")
	f.IntVar(&flags.Bootstrap, "bootstrap", 0, "`replicates` for intervals of every metric, such as 200")
	f.Int64Var(&flags.Seed, "seed", 1, "seed of the bootstrap")
	f.Var(&flags.memory, "memory", "refuse --full and --bootstrap if they need more memory")
	f.StringVar(&flags.state, "state", "", "write the state of the training samples to this `file`, for --merge")
	f.Var(&flags.merge, "merge", "state `file` or pattern: alone, the metrics of all states together; "+
		"with --features, the second pass around their means")
	f.BoolVar(&flags.csv, "csv", false, "one line per file, for a series over epochs")
	flags.answer.addFlags(f, "the picture")
	return c
}

func (f *measureFlags) run(c *cobra.Command) error {
	if err := f.check(); err != nil {
		return usageError{err}
	}
	f.Log = func(s string) { fmt.Fprintln(c.ErrOrStderr(), s) }
	var end func()
	f.Progress, end = countProgress[int64](c.ErrOrStderr(), "rows")
	var r result
	var err error
	switch {
	case len(f.merge.files) > 0 && len(f.features.files) > 0:
		err = f.secondPass(c)
		end()
		return err
	case len(f.merge.files) > 0:
		r, err = f.merged()
	case f.folder != "":
		r, err = f.layers(c.Context())
	case f.csv:
		r, err = f.series(c.Context())
	default:
		r, err = f.data(c.Context())
	}
	end()
	if err != nil {
		return err
	}
	return f.answer.write(c, r)
}

// check reports flags that do not go together.
func (f *measureFlags) check() error {
	var err error
	if f.Global, err = nc.ParseGlobalMean(f.global.value); err != nil {
		return err
	}
	f.Memory, f.Present = f.memory.bytes, f.classes.value == "present"
	if err := f.Options.Check(); err != nil {
		return err
	}
	features, merge, folder := len(f.features.files) > 0, len(f.merge.files) > 0, f.folder != ""
	switch {
	case !features && !merge && !folder:
		return errors.New("--features names no file")
	case folder && (features || merge):
		return errors.New("--features-dir does not go with --features or --merge")
	case f.csv && (f.answer.json || f.answer.page != "" || f.state != "" || f.Margins != "" || folder || merge):
		return errors.New("--csv takes --features and --plot only")
	case folder && (f.state != "" || f.Margins != ""):
		return errors.New("--features-dir does not go with --state or --margins")
	case merge && (f.Full || f.Outcomes || f.Bootstrap > 0 || f.Margins != ""):
		return errors.New("--merge does not go with --full, --outcomes, --bootstrap or --margins: " +
			"a state holds no samples")
	case f.Present && (merge || f.state != ""):
		return errors.New("--classes present does not go with --state or --merge: " +
			"the states of all parts are of the same K classes")
	case merge && features && f.state == "":
		return errors.New("--merge with --features writes the second pass of a part; --state names the file")
	case merge && features && (f.answer.json || f.answer.page != "" || f.answer.picture != ""):
		return errors.New("--merge with --features writes a state and no metrics, so that --json, --html and --plot " +
			"do not go with it; 'collapse measure --merge' of the states that it writes has the metrics")
	}
	return nil
}

// data measures the files of --features, for classification or regression.
func (f *measureFlags) data(ctx context.Context) (result, error) {
	regression, err := files.IsRegression(f.features.files[0])
	if err != nil {
		return result{}, err
	}
	if regression {
		return f.regression(ctx)
	}
	sum, err := files.Measure(ctx, f.features.files, f.Options)
	if err != nil {
		return result{}, err
	}
	if f.state != "" {
		if sum.Scatter == nil {
			return result{}, errors.New("--state: the files have only features_NAME, for which there is no state")
		}
		if err := files.WriteState(f.state, sum.Scatter); err != nil {
			return result{}, err
		}
	}
	return f.result(sum), nil
}

func (f *measureFlags) regression(ctx context.Context) (result, error) {
	a := f.answer
	if a.page != "" || a.picture != "" || f.state != "" || f.Margins != "" || f.Outcomes || f.Bootstrap > 0 ||
		f.Present {
		err := errors.New("a regression (targets in place of labels) takes only --json and --memory")
		return result{}, usageError{err}
	}
	sum, err := files.Regression(ctx, f.features.files, f.Options)
	if err != nil {
		return result{}, err
	}
	return result{value: sum, tables: []*figures.Table{figures.RegressionTable(sum)}}, nil
}

// merged returns the metrics of states together.
func (f *measureFlags) merged() (result, error) {
	states, err := files.ReadStates(f.merge.files)
	if err != nil {
		return result{}, err
	}
	scatter, err := files.Merge(states)
	if err != nil {
		return result{}, err
	}
	if f.state != "" {
		if err := files.WriteState(f.state, scatter); err != nil {
			return result{}, err
		}
	}
	sum, err := scatter.Summary()
	if err != nil {
		return result{}, err
	}
	sum.Scatter = scatter
	return f.result(sum), nil
}

// secondPass runs a part's second pass around the means of all states, and writes its state.
func (f *measureFlags) secondPass(c *cobra.Command) error {
	states, err := files.ReadStates(f.merge.files)
	if err != nil {
		return err
	}
	scatter, err := files.Around(c.Context(), f.features.files, states, f.Options)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.ErrOrStderr(), "second pass over %d of %d samples written to %s\n",
		scatter.Seen(), scatter.N(), f.state)
	return files.WriteState(f.state, scatter)
}

// layers measures the layers in the folder of --features-dir. Its only table is their profile.
func (f *measureFlags) layers(ctx context.Context) (result, error) {
	sum, err := files.Folder(ctx, f.folder, f.Options)
	if err != nil {
		return result{}, err
	}
	r := f.result(sum)
	r.tables = []*figures.Table{figures.LayerTable(sum.Layers, "layer")}
	return r, nil
}

// series measures every file by itself.
func (f *measureFlags) series(ctx context.Context) (result, error) {
	points, err := files.Series(ctx, f.features.files, f.Options)
	if err != nil {
		return result{}, err
	}
	var text strings.Builder
	if err := files.WriteCSV(&text, points); err != nil {
		return result{}, err
	}
	return result{
		text:    text.String(),
		picture: func() (*figures.Figure, error) { return figures.Profile(points, "epoch") },
	}, nil
}

// result answers with a summary, whose Scatter is nil where there are only layers.
func (f *measureFlags) result(sum *nc.Summary) result {
	drawn := func() ([]*figures.Figure, error) {
		var g *nc.Geometry
		if sum.Scatter != nil {
			g = sum.Scatter.Geometry()
		}
		return figures.CollapseFigures(g, sum)
	}
	return result{
		value:  sum,
		tables: figures.CollapseTables(sum),
		picture: func() (*figures.Figure, error) {
			all, err := drawn()
			if err != nil {
				return nil, err
			}
			return all[0], nil
		},
		page: func() (*report.Sheet, error) {
			all, err := drawn()
			if err != nil {
				return nil, err
			}
			from := strings.TrimSpace(f.features.String() + " " + f.merge.String() + " " + f.folder)
			return report.CollapseSheet("Measured by collapse measure on "+from+".", sum, all), nil
		},
	}
}
