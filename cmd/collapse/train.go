package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
)

func trainCommand() *cobra.Command {
	s := record.DefaultSpec()
	var specFile, out string
	var resume, quiet, asJSON bool
	c := &cobra.Command{
		Use:   "train",
		Short: "Train a network and record its collapse, epoch by epoch",
		Long: `Train a network and record its collapse, epoch by epoch.

The defaults are the paper's setting for CIFAR-10 (800 epochs, rate 0.05 divided
by 10 after epochs 150 and 350). The record goes to OUT/record.json after every
epoch, the state to OUT/checkpoint.safetensors. Ctrl-C stops with a checkpoint
(exit code 3), --resume goes on from it to the numbers of a straight run.`,
		Example: `  collapse train --dataset cifar10 --model resnet18 --width 16 --train-per-class 500 \
      --loss ls --delta 0.05 --epochs 20 --seed 2021 --out runs/x
  collapse train --spec experiments/fashion-resnet18-ce.json --out runs/ce
  collapse train --resume --out runs/x`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			spec, err := resolveSpec(c, s, specFile, out, resume)
			if err != nil {
				return err
			}
			if out == "" {
				out = filepath.Join("runs", spec.Name)
			}
			return runTraining(c, spec, out, resume, quiet, asJSON)
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&specFile, "spec", "", "specification `file` (JSON); flags given as well override its fields")
	f.StringVar(&out, "out", "", "`folder` of the record and the checkpoint (default runs/NAME)")
	f.BoolVar(&resume, "resume", false, "go on from the checkpoint in --out")
	addSpecFlags(f, &s)
	f.BoolVar(&quiet, "quiet", false, "no progress on standard error")
	f.BoolVar(&asJSON, "json", false, "print the record to standard output at the end")
	return c
}

// addSpecFlags gives every field of a specification its flag.
func addSpecFlags(f *pflag.FlagSet, s *record.Spec) {
	f.StringVar(&s.Name, "name", s.Name, "name of the run (default made from the settings)")
	f.StringVar(&s.Dataset, "dataset", s.Dataset, "one of "+strings.Join(record.Datasets, ", "))
	f.IntVar(&s.TrainPerClass, "train-per-class", s.TrainPerClass, "training images a class, a seeded stratified choice; 0 takes all")
	f.StringVar(&s.Model, "model", s.Model, "one of "+strings.Join(record.Models, ", "))
	f.IntVar(&s.Width, "width", s.Width, "channels of the first stage; the paper's is 64")
	f.StringVar(&s.Loss, "loss", s.Loss, "one of "+strings.Join(record.Losses, ", "))
	f.Float64Var(&s.Delta, "delta", s.Delta, "label smoothing δ in [0, 1); the paper's default is 0.05")
	f.IntVar(&s.Epochs, "epochs", s.Epochs, "passes over the training images")
	f.IntVar(&s.Batch, "batch", s.Batch, "images a step")
	f.Float64Var(&s.Rate, "rate", s.Rate, "initial learning rate")
	f.IntSliceVar(&s.Milestones, "milestones", s.Milestones, "epochs after which the rate is multiplied by --gamma")
	f.Float64Var(&s.Gamma, "gamma", s.Gamma, "factor of the rate at a milestone")
	f.Float64Var(&s.Momentum, "momentum", s.Momentum, "momentum of SGD, PyTorch's recurrence")
	f.Float64Var(&s.Decay, "decay", s.Decay, "L2 weight decay, on all parameters")
	f.Int64Var(&s.Seed, "seed", s.Seed, "seed of initial weights, order of images and choice of a subset")
}

// resolveSpec merges the sources of a specification: the resumed record or the
// file first, then every flag that was given.
func resolveSpec(c *cobra.Command, flags record.Spec, specFile, out string, resume bool) (record.Spec, error) {
	spec := flags
	switch {
	case resume && specFile != "":
		return spec, usageError{fmt.Errorf("--resume takes the specification from the record in --out; leave --spec away")}
	case resume && out == "":
		return spec, usageError{fmt.Errorf("--resume needs --out, the folder with the record")}
	case resume:
		rec, err := record.ReadFile(out)
		if err != nil {
			return spec, fmt.Errorf("nothing to resume: %w", err)
		}
		spec = rec.Spec
	case specFile != "":
		f, err := os.Open(specFile)
		if err != nil {
			return spec, err
		}
		defer f.Close()
		if spec, err = record.ReadSpec(f); err != nil {
			return spec, fmt.Errorf("%s: %w", specFile, err)
		}
	}
	if resume || specFile != "" {
		if err := overrideSpec(c.Flags(), &spec); err != nil {
			return spec, usageError{err}
		}
	}
	// Loss ls without a δ means the paper's; saying so beats refusing.
	if spec.Loss == "ls" && spec.Delta == 0 && !c.Flags().Changed("delta") {
		spec.Delta = 0.05
	}
	if spec.Name == "" {
		spec.Name = specName(spec)
	}
	if err := spec.Validate(); err != nil {
		return spec, usageError{err}
	}
	return spec, nil
}

// overrideSpec sets the fields of spec whose flags were given.
func overrideSpec(given *pflag.FlagSet, spec *record.Spec) error {
	var err error
	fields := pflag.NewFlagSet("specification", pflag.ContinueOnError)
	addSpecFlags(fields, spec)
	fields.VisitAll(func(f *pflag.Flag) {
		if given.Changed(f.Name) && err == nil {
			err = f.Value.Set(strings.Trim(given.Lookup(f.Name).Value.String(), "[]"))
		}
	})
	return err
}

// specName names a run by what sets it apart.
func specName(s record.Spec) string {
	parts := []string{s.Dataset, s.Model, "w" + strconv.Itoa(s.Width)}
	if s.TrainPerClass > 0 {
		parts = append(parts, strconv.Itoa(s.TrainPerClass))
	}
	loss := s.Loss
	if s.Delta > 0 {
		loss += strconv.FormatFloat(s.Delta, 'g', -1, 64)
	}
	return strings.Join(append(parts, loss, "s"+strconv.FormatInt(s.Seed, 10)), "-")
}

func runTraining(c *cobra.Command, spec record.Spec, out string, resume, quiet, asJSON bool) error {
	ctx, log := c.Context(), c.ErrOrStderr()
	if quiet {
		log = io.Discard
	}
	set, err := data.Open(ctx, spec.Dataset, data.Options{Log: log, Progress: byteProgress(log)})
	if err != nil {
		return err
	}
	fmt.Fprintf(log, "data     %s, %s, %s; %d classes, %d test images\n",
		set.Info.Name, set.Info.Source, set.Info.Bytes, len(set.Info.Classes), set.Info.Test)
	b, choice, err := backend.Open()
	if err != nil {
		return err
	}
	fmt.Fprintf(log, "backend  %s: %s\n", choice.Name, choice.Reason)
	if choice.Warning != "" {
		fmt.Fprintf(log, "warning  %s\n", choice.Warning)
	}
	fmt.Fprintf(log, "run      %s, %d epochs → %s\n", spec.Name, spec.Epochs, out)
	p := newProgress(log)
	rec, err := train.Run(ctx, spec, train.Options{
		Out: out, Set: set, Backend: b, Choice: choice, Resume: resume, Progress: p.event,
	})
	p.close()
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(c.OutOrStdout(), rec)
	}
	fmt.Fprintln(c.OutOrStdout(), filepath.Join(out, "record.json"))
	return nil
}

// progress shows a bar on a terminal, and everywhere a line an epoch.
type progress struct {
	w      io.Writer
	bar    *progressbar.ProgressBar
	header bool
}

func newProgress(w io.Writer) *progress { return &progress{w: w} }

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (p *progress) event(e train.Event) {
	if e.Row != nil {
		if p.bar != nil {
			_ = p.bar.Clear()
		}
		if !p.header {
			p.header = true
			fmt.Fprintln(p.w, "epoch      train loss  error%   test error%   NC1        NC2      NC3      ‖w‖    ‖h‖     s     left")
		}
		r := e.Row
		fmt.Fprintf(p.w, "%4d/%-5d %10.4f %7.2f %13.2f   %-10.3g %-8.3f %-8.3f %-6.2f %-6.2f %5.1f  %s\n",
			e.Epoch, e.Epochs, float64(r.TrainLoss), 100*float64(r.TrainError), 100*float64(r.TestError),
			float64(r.NC1), float64(r.NC2), float64(r.NC3), float64(r.WNorm), float64(r.HNorm),
			r.Seconds+r.MeasureSeconds, e.Remaining.Round(time.Second))
		return
	}
	if !isTerminal(p.w) {
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions(e.Epochs*e.Steps, progressbar.OptionSetWriter(p.w),
			progressbar.OptionSetWidth(32), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(200*time.Millisecond),
			progressbar.OptionSetPredictTime(false))
	}
	p.bar.Describe(fmt.Sprintf("epoch %d/%d loss %.4f", e.Epoch, e.Epochs, e.Loss))
	_ = p.bar.Set((e.Epoch-1)*e.Steps + e.Step)
}

func (p *progress) close() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

// byteProgress shows a download: a bar on a terminal, else nothing between its
// first and its last line, which package data logs.
func byteProgress(w io.Writer) func(done, total int64) {
	if !isTerminal(w) {
		return nil
	}
	var bar *progressbar.ProgressBar
	return func(done, total int64) {
		if bar == nil {
			bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(w), progressbar.OptionShowBytes(true),
				progressbar.OptionSetWidth(32), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(200*time.Millisecond))
		}
		_ = bar.Set64(done)
	}
}
