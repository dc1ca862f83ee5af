package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/internal/project"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/reproduce"
)

// reproduceFlags are the flags of collapse reproduce.
type reproduceFlags struct {
	out        string
	format     choice
	json       bool
	scale      choice
	twoScales  bool
	run, queue bool
	budget     time.Duration
	list       bool
}

func reproduceCommand() *cobra.Command {
	r := reproduceFlags{format: formats(), scale: choice{"", []string{"paper", "reduced"}}}
	c := &cobra.Command{
		Use:   "reproduce ID [RECORD…]",
		Short: "Reproduce a figure, table, theorem or claim of the paper",
		Long: `Say which training runs a figure, table, theorem or claim of the paper needs, which are
recorded and what the others cost on this machine; draw it from the records; and give
the verdicts on the claims that depend on it.

ID is a claim of 'collapse claims', "all", or one of

` + entryList() + `
Each run is there twice: at the paper's scale, for a GPU, and as a reduced twin that a
laptop trains. Figures and tables take the records at the paper's scale where there are
any, else the twins; --scale chooses, and --two-scales shows both, labelled. Records of
your own, given as files or run folders, take the place of the project's.

--run trains the missing runs that fit into --budget, the most valuable first, and goes
on with what was begun. --queue works through all runs in this way, one at a time, and
needs no ID. Both train the reduced twins unless --scale paper is given. A finished run's record is copied
from runs/NAME to records/NAME.json. Ctrl-C stops with a checkpoint (exit code 3); the
same command goes on from it.`,
		Example: `  collapse reproduce fig6 --out fig6
  collapse reproduce table1 --format md
  collapse reproduce all --out build/reproduce
  collapse reproduce fig1 records/cifar10-resnet18-w16-500-*-2023.json --out fig1
  collapse reproduce c3.1-ls-faster-nc2 --run --budget 30m
  nice -n 19 collapse reproduce --queue`,
		Args: usageArgs(cobra.ArbitraryArgs),
		RunE: func(c *cobra.Command, args []string) error { return r.command(c, args) },
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&r.out, "out", "", "`folder` of the pictures and tables; without it none is written")
	f.Var(&r.format, "format", "of the answer: text, json, md, html or tex")
	f.BoolVar(&r.json, "json", false, "the same as --format json")
	f.Var(&r.scale, "scale", "take runs and records of one scale, paper or reduced, alone")
	f.BoolVar(&r.twoScales, "two-scales", false, "draw records of both scales together, labelled")
	f.BoolVar(&r.run, "run", false, "train the missing runs that fit into --budget")
	f.DurationVar(&r.budget, "budget", 2*time.Hour, "longest `time` that --run trains, such as 90m or 2h")
	f.BoolVar(&r.queue, "queue", false, "train all missing runs, the most valuable first, without a limit of time")
	f.BoolVar(&r.list, "list", false, "print the names of the runs, the most valuable first, and do nothing else")
	return c
}

// formats are the formats of tables.
func formats() choice { return choice{"text", []string{"text", "json", "md", "html", "tex"}} }

// entryList lists figures, tables and theorems, one line each, for the help.
func entryList() string {
	var b strings.Builder
	for _, e := range figures.All() {
		fmt.Fprintf(&b, "  %-8s %s\n", e.ID, e.Title)
	}
	return b.String()
}

func (r *reproduceFlags) command(c *cobra.Command, args []string) error {
	if r.queue && len(args) == 0 {
		args = []string{reproduce.Everything}
	}
	if err := r.check(args); err != nil {
		return usageError{err}
	}
	item, err := reproduce.ByID(args[0])
	if err != nil {
		return usageError{err}
	}
	if r.list {
		return r.printRuns(c.OutOrStdout(), item)
	}
	choice, err := backend.Choose(backend.Options{})
	if err != nil {
		return err
	}
	o := reproduce.Options{Out: r.out, Scale: record.Scale(r.scale.value), TwoScales: r.twoScales}
	var state *reproduce.State
	var stopped error
	if o.Given = len(args) > 1; o.Given {
		state, err = reproduce.Given(args[1:], choice.Environment(nil))
	} else {
		root, err := project.Root()
		if err != nil {
			return err
		}
		here := choice.Environment(nil)
		if r.run || r.queue {
			stopped = r.train(c, root, item, here)
		}
		state, err = reproduce.Load(root, here)
		if err != nil {
			return errors.Join(stopped, err)
		}
	}
	if err != nil {
		return err
	}
	if r.queue {
		return stopped
	}
	answer, err := reproduce.Ask(item, state, o)
	if err != nil {
		return errors.Join(stopped, err)
	}
	return errors.Join(stopped, r.print(c, answer))
}

// check reports arguments and flags that do not go together.
func (r *reproduceFlags) check(args []string) error {
	switch {
	case len(args) == 0:
		return errors.New("want an ID such as fig6, table1, a claim's id or all; see 'collapse reproduce --help'")
	case len(args) > 1 && (r.run || r.queue):
		return errors.New("--run and --queue train the project's runs; leave the records away")
	case r.run && r.queue:
		return errors.New("--run and --queue: give one of them")
	case r.scale.value != "" && r.twoScales:
		return errors.New("--scale and --two-scales: give one of them")
	case r.budget <= 0:
		return fmt.Errorf("--budget %v: want a time above 0", r.budget)
	}
	if r.json {
		r.format.value = "json"
	}
	return nil
}

// printRuns prints the names of an item's runs.
func (r *reproduceFlags) printRuns(w io.Writer, item reproduce.Item) error {
	for _, run := range item.Runs {
		if r.scale.value != "" && string(run.Scale) != r.scale.value {
			continue
		}
		if _, err := fmt.Fprintln(w, run.Name); err != nil {
			return err
		}
	}
	return nil
}

// print prints the answer in the format that is asked for.
func (r *reproduceFlags) print(c *cobra.Command, a *reproduce.Answer) error {
	w := c.OutOrStdout()
	if r.format.value == "json" {
		return printJSON(w, a)
	}
	if err := printFormat(w, r.format.value, a.Tables()...); err != nil {
		return err
	}
	for _, n := range a.Notes {
		fmt.Fprintln(c.ErrOrStderr(), "note:", n)
	}
	for _, path := range a.Files() {
		fmt.Fprintln(c.ErrOrStderr(), filepath.ToSlash(path))
	}
	return nil
}

// printFormat prints tables in one of formats but JSON, with an empty line between them.
func printFormat(w io.Writer, format string, tables ...*figures.Table) error {
	for i, t := range tables {
		text := map[string]func() string{"text": t.Text, "md": t.Markdown, "html": t.HTML, "tex": t.TeX}[format]()
		if i > 0 {
			text = "\n" + text
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	return nil
}
