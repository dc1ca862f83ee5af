package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/record/summary"
	"github.com/gocollapse/collapse/train"
)

// trainFlags are the flags of collapse train.
type trainFlags struct {
	trainOptions
	specFile, out         string
	seeds                 []int64
	jobs                  int
	resume, quiet, asJSON bool
}

func trainCommand() *cobra.Command {
	s := record.DefaultSpec()
	var t trainFlags
	c := &cobra.Command{
		Use:   "train",
		Short: "Train a network and record its collapse, epoch by epoch",
		Long: `Train a network and record its collapse, epoch by epoch.

The defaults are the paper's setting for CIFAR-10 (800 epochs, rate 0.05 divided
by 10 after epochs 150 and 350). The record goes to OUT/record.json after every
measured epoch, the state to a checkpoint in the same folder. Ctrl-C, SIGTERM or a lost
terminal (SIGHUP) stops with a checkpoint (exit code 3), and so does the signal of
--checkpoint-signal, as Slurm's --signal sends one; --resume continues from it to the
same numbers as an uninterrupted run.

With --seeds each seed is a run of its own in OUT/seed-N, --jobs of them at once;
Ctrl-C stops all of them, and --resume continues all. 'collapse records summary OUT'
compares them.`,
		Example: `  collapse train --dataset cifar10 --model resnet18 --width 16 --train-per-class 500 \
      --loss ls --delta 0.05 --epochs 20 --seed 2021 --out runs/x
  collapse train --spec fashion-resnet18-ce --out runs/ce
  collapse train --spec fashion-resnet18-ce --loss ls --seeds 2021,2022,2023 --out runs/ls
  collapse train --dataset folder:pictures --model resnet34 --epochs 50 --pad 4 --flip
  collapse train --resume --out runs/x`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return t.run(c, s) },
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&t.specFile, "spec", "", "specification: a JSON `file`, or the bare name of one in experiments/ "+
		"or of a run of 'collapse reproduce'; flags override its fields")
	f.StringVar(&t.out, "out", "", "`folder` of the record and the checkpoint (default runs/NAME)")
	f.BoolVar(&t.resume, "resume", false, "continue from the checkpoint in --out, or from those of its seeds")
	f.Int64SliceVar(&t.seeds, "seeds", nil, "`seeds` of several runs, such as 2021,2022,2023")
	f.IntVar(&t.jobs, "jobs", 0, "runs of --seeds at once; 0 is one on a CPU, and as many as fit on a GPU")
	t.add(f)
	f.BoolVar(&t.quiet, "quiet", false, "no progress on standard error")
	f.BoolVar(&t.asJSON, "json", false,
		"print the record to standard output at the end (for several seeds, their summary)")
	addSpecFlags(f, &s)
	return c
}

func (t *trainFlags) run(c *cobra.Command, flags record.Spec) error {
	from := specSources{file: t.specFile}
	switch {
	case t.resume && t.specFile != "":
		return usageError{errors.New("--resume takes the specification from the record in --out; leave --spec away")}
	case t.resume && t.out == "":
		return usageError{errors.New("--resume needs --out, the folder with the record")}
	case t.resume && t.initial != "":
		return usageError{errors.New("--init: a run that continues starts from its checkpoint; " +
			"leave one of --init and --resume away")}
	case t.resume:
		from.resume = t.out
	}
	spec, err := resolveSpec(c, flags, from)
	if err != nil {
		return err
	}
	if err := t.check(spec); err != nil {
		return usageError{err}
	}
	if t.resume && len(t.seeds) == 0 {
		if t.seeds, _, err = train.FindSeeds(t.out); err != nil {
			return err
		}
	}
	several := len(t.seeds) > 0
	switch {
	case several && c.Flags().Changed("seed"):
		return usageError{errors.New("--seed and --seeds: give one of them")}
	case t.jobs < 0 || (!several && t.jobs != 0):
		return usageError{fmt.Errorf("--jobs %d: want at least 1, and --seeds", t.jobs)}
	}
	if several && !t.resume && !c.Flags().Changed("name") && spec.Name == spec.DefaultName() {
		spec.Name = spec.SettingsName()
	}
	if t.out == "" {
		t.out = filepath.Join("runs", spec.Name)
	}
	return t.train(c, spec, several)
}

func (t *trainFlags) train(c *cobra.Command, spec record.Spec, several bool) (err error) {
	log := c.ErrOrStderr()
	if t.quiet {
		log = io.Discard
	}
	o := train.Options{Out: t.out, Resume: t.resume, Log: log}
	if err := t.apply(&o); err != nil {
		return usageError{err}
	}
	ctx, end := t.catch(c.Context(), &o, log)
	defer func() { err = end(err) }()
	c.SetContext(ctx)
	images := data.Options{Log: log, Progress: byteProgress(log)}
	if o.Set, err = train.OpenImages(ctx, spec, images); err != nil {
		return err
	}
	printData(log, spec, o.Set.Info)
	if o.Backend, o.Choice, err = backend.Open(t.backend(spec)); err != nil {
		return err
	}
	printChoice(log, o.Choice)
	if several {
		return t.trainSeeds(c, spec, o, log)
	}
	fmt.Fprintf(log, "run      %s, %d epochs → %s\n", spec.Name, spec.Epochs, t.out)
	p := newProgress(log, spec, 0)
	o.Progress = func(e train.Event) {
		hold(ctx, true) // from the first step on a signal leaves a checkpoint
		t.live(false, t.out, e)
		p.event(e)
	}
	rec, err := train.Run(ctx, spec, o)
	p.close()
	if rec != nil {
		err = errors.Join(err, t.export(false, rec))
	}
	if err != nil {
		return err
	}
	if t.asJSON {
		return printJSON(c.OutOrStdout(), rec)
	}
	fmt.Fprintln(c.OutOrStdout(), filepath.Join(t.out, train.RecordFile))
	return nil
}

func (t *trainFlags) trainSeeds(c *cobra.Command, spec record.Spec, o train.Options, log io.Writer) error {
	jobs, reason := t.jobs, "asked for"
	if jobs == 0 {
		var err error
		if jobs, reason, err = train.Jobs(o.Choice, spec, o.Set, len(t.seeds)); err != nil {
			return err
		}
	}
	fmt.Fprintf(log, "runs     %s, seeds %v, %d epochs, %d at once (%s) → %s\n",
		spec.Name, t.seeds, spec.Epochs, min(jobs, len(t.seeds)), reason, t.out)
	p := newProgress(log, spec, len(t.seeds))
	records, err := train.Seeds(c.Context(), spec, t.seeds, jobs, o, func(seed int64, e train.Event) {
		hold(c.Context(), true)
		t.live(true, train.SeedFolder(t.out, seed), e)
		p.seedEvent(seed, e)
	})
	p.close()
	if err = errors.Join(err, t.export(true, records...)); err != nil {
		return err
	}
	if !t.asJSON {
		for _, s := range t.seeds {
			fmt.Fprintln(c.OutOrStdout(), filepath.Join(train.SeedFolder(t.out, s), train.RecordFile))
		}
		fmt.Fprintln(c.OutOrStdout())
	}
	return printSummary(c.OutOrStdout(), records, t.asJSON)
}

// printSummary prints the summary of runs.
func printSummary(w io.Writer, runs []*record.Record, asJSON bool) error {
	sum, err := summary.Of(runs...)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(w, sum)
	}
	return printTables(w, figures.SummaryTables(sum)...)
}

func recordsCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "records", Short: "Compare and check records",
		Args: usageArgs(cobra.NoArgs), RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	summary := &cobra.Command{
		Use:   "summary RECORD…",
		Short: "Mean and 95 % interval over seeds, and CE versus LS on the same seeds",
		Long: `Group runs that differ only in their seeds and print, for every metric of the last
epoch, the mean and the 95 % interval over seeds (Student's t, from two seeds). If CE
and LS were run on the same seeds, also print the paired differences LS − CE and, from
three seeds, which loss is ahead.

RECORD is a record, a run's folder, or a folder of runs, as 'train --seeds' makes.`,
		Example: "  collapse records summary runs/ce runs/ls",
		Args:    usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, paths []string) error {
			runs, err := record.ReadAll(paths...)
			if err != nil {
				return err
			}
			return printSummary(c.OutOrStdout(), runs, asJSON)
		},
	}
	summary.Flags().BoolVar(&asJSON, "json", false, "the same as JSON, the numbers in full")
	c.AddCommand(summary, verifyCommand())
	return c
}

// printData says which images are trained and tested on.
func printData(log io.Writer, spec record.Spec, in record.Data) {
	test := fmt.Sprintf("%d test images", in.Test)
	if in.Test == 0 {
		test = fmt.Sprintf("%g %% of each class held out as test images", 100*spec.TestShare)
	}
	if in.Test == 0 && spec.TestShare == 0 {
		test = "no test images"
	}
	fmt.Fprintf(log, "data     %s, %s, %s; %d classes, %s\n", in.Name, in.Source, in.Bytes, len(in.Classes), test)
	if in.Test == 0 && spec.TestShare == 0 {
		fmt.Fprintln(log, "note     test metrics will be null; --test-share 0.2 holds out a fifth of each class")
	}
}

// printChoice says which backend was chosen and why, what its options mean there, and what the
// user should know of it.
func printChoice(log io.Writer, c backend.Choice) {
	fmt.Fprintf(log, "backend  %s: %s\n", c.Name, c.Reason)
	for _, n := range c.Notes {
		fmt.Fprintf(log, "note     %s\n", n)
	}
	if c.Warning != "" {
		fmt.Fprintf(log, "warning  %s\n", c.Warning)
	}
}
