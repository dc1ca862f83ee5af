package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/nc/files"
	"github.com/gocollapse/collapse/ood"
	"github.com/gocollapse/collapse/report"
)

// namedFiles is a flag that may be given several times, each time as NAME=FILE.
type namedFiles struct{ names, paths []string }

func (f *namedFiles) String() string {
	var all []string
	for i, name := range f.names {
		all = append(all, name+"="+f.paths[i])
	}
	return strings.Join(all, " ")
}

func (f *namedFiles) Type() string { return "name=file" }

func (f *namedFiles) Set(text string) error {
	name, path, ok := strings.Cut(text, "=")
	if !ok || name == "" || path == "" {
		return errors.New("want NAME=FILE.npz, such as svhn=svhn.npz")
	}
	for _, other := range f.names {
		if other == name {
			return fmt.Errorf("the name %q is given twice", name)
		}
	}
	f.names, f.paths = append(f.names, name), append(f.paths, path)
	return nil
}

// oodFlags are the flags of collapse ood.
type oodFlags struct {
	ood.Options
	id     fileList
	sets   namedFiles
	answer answer
}

func oodCommand() *cobra.Command {
	var flags oodFlags
	c := &cobra.Command{
		Use:   "ood --id ID.npz --ood NAME=OTHER.npz",
		Short: "Measure how well ten scores tell a model's data from foreign data",
		Long: `Measure out-of-distribution detection from features of any model, in .npz files:

  --id    features N×d, labels N    the training samples, on which the scores are fitted
          test_features M×d         the in-distribution side
          weight K×d, bias K        the classifier, as PyTorch stores it; without it,
                                    only the scores that need none
  --ood   features M×d              foreign samples; several files are several sets

A larger score means in-distribution. The files are streamed. docs/ood.md explains
every score and metric.`,
		Example: `  collapse ood --id features.npz --ood svhn=svhn.npz
  collapse ood --id features.npz --ood svhn=svhn.npz --ood textures=textures.npz --html ood.html
  collapse ood --id features.npz --ood svhn=svhn.npz --json --bootstrap 1000`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := flags.check(); err != nil {
				return usageError{err}
			}
			r, err := flags.measure(c)
			if err != nil {
				return err
			}
			return flags.answer.write(c, r)
		},
	}
	f := c.Flags()
	f.Var(&flags.id, "id", ".npz `file` or pattern of the model's data; several are parts of it")
	f.Var(&flags.sets, "ood", "foreign samples: `NAME=FILE.npz`; may be given several times")
	f.StringSliceVar(&flags.Only, "scores", nil, "`keys` of the scores to measure, such as msp,knn (default: all)")
	f.Float64Var(&flags.T, "temperature", 1, "temperature of Energy")
	f.IntVar(&flags.Neighbours, "neighbours", 0, "`k` of k-NN (default 50, or all samples if there are fewer)")
	f.IntVar(&flags.Bank, "bank", ood.DefaultBank, "training samples that k-NN compares with, drawn by the seed")
	f.IntVar(&flags.VimDim, "vim-dim", 0, "dimension of ViM's data `space` (default: 1000, 512 or d/2, by d)")
	f.IntVar(&flags.NecoDim, "neco-dim", 0, "`directions` of NECO (default: those with 90 % of the variance)")
	f.BoolVar(&flags.NecoMaxLogit, "neco-max-logit", false, "multiply NECO by the largest logit, for transformers")
	f.Float64Var(&flags.NCIAlpha, "nci-alpha", 0, "`α` of NCI, the weight of ‖h‖₁")
	f.IntVar(&flags.Bootstrap, "bootstrap", 200, "`replicates` for intervals; 0 for none")
	f.Int64Var(&flags.Seed, "seed", 1, "seed of the replicates and of the bank")
	flags.answer.addFlags(f, "AUROC and FPR95 of every score")
	return c
}

// check reports flags that are missing or out of range.
func (f *oodFlags) check() error {
	switch {
	case len(f.id.files) == 0:
		return errors.New("--id names no file")
	case len(f.sets.names) == 0:
		return errors.New("--ood names no file: say --ood NAME=FILE.npz")
	case !(f.T > 0):
		return fmt.Errorf("--temperature %v: want a number above 0", f.T)
	case f.Bank < 1:
		return fmt.Errorf("--bank %d: want at least 1", f.Bank)
	}
	return f.Options.Check()
}

func (f *oodFlags) measure(c *cobra.Command) (result, error) {
	ctx := c.Context()
	bar, end := countProgress[int64](c.ErrOrStderr(), "rows")
	defer end()
	r, err := f.detect(ctx, bar)
	if err != nil {
		return result{}, err
	}
	lead := fmt.Sprintf("Measured by collapse ood: %s next to %s.", f.id.String(), f.sets.String())
	return result{
		value:   r,
		tables:  []*figures.Table{figures.DetectionTable(r)},
		picture: func() (*figures.Figure, error) { return figures.DetectionFigure(r) },
		page:    func() (*report.Sheet, error) { return report.DetectionSheet(lead, r) },
	}, nil
}

// detect opens the files and measures.
func (f *oodFlags) detect(ctx context.Context, progress func(done, total int64)) (*ood.Result, error) {
	id, err := files.OpenSet(ctx, f.id.files, files.Options{})
	if err != nil {
		return nil, err
	}
	defer id.Close()
	if id.Test() == nil {
		return nil, fmt.Errorf("%s: no array \"test_features\": the in-distribution side is the features of test "+
			"samples (M×d), which no score was fitted on; save them too", f.id.String())
	}
	var sets []ood.Set
	for i, path := range f.sets.paths {
		s, err := files.OpenFeatures(ctx, path, files.Options{})
		if err != nil {
			return nil, err
		}
		defer s.Close()
		sets = append(sets, ood.Set{Name: f.sets.names[i], Source: s.Train()})
	}
	o := f.Options
	o.K, o.Context, o.Progress = id.K(), ctx, progress
	return ood.Measure(id.Train(), id.Test(), sets, id.Classifier(), o)
}
