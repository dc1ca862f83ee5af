package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/internal/project"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/report"
	"github.com/gocollapse/collapse/ufm"
)

// series reads records given as files or run folders.
func series(paths []string) ([]figures.Series, error) {
	recs := make([]*record.Record, len(paths))
	for i, p := range paths {
		var err error
		if recs[i], err = record.ReadFile(p); err != nil {
			return nil, err
		}
	}
	return figures.Of(recs...), nil
}

// entryOf returns a figure or table of the paper by its id; a number alone comes after the prefix.
func entryOf(prefix, name string) (figures.Entry, error) {
	if _, err := strconv.Atoi(name); err == nil {
		name = prefix + name
	}
	e, err := figures.ByID(name)
	if err != nil {
		return e, usageError{err}
	}
	return e, nil
}

// entryList lists what a command makes, one line each, for its help.
func entryList(made func(figures.Entry) bool) string {
	var b strings.Builder
	for _, e := range figures.All() {
		if !made(e) {
			continue
		}
		fmt.Fprintf(&b, "  %-8s %s", e.ID, e.Title)
		if e.Needs != "" {
			fmt.Fprintf(&b, "\n           needs %s", e.Needs)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func tableCommand() *cobra.Command {
	format := choice{"text", []string{"text", "markdown", "html", "json"}}
	c := &cobra.Command{
		Use:   "table ID RECORD…",
		Short: "Print a table of the paper from records",
		Long: "Print a table of the paper from records, next to the paper's cells:\n\n" +
			entryList(func(e figures.Entry) bool { return e.Table != nil }),
		Example: `  collapse table table1 records/cifar10-resnet18-w16-500-ce.json \
    records/cifar10-resnet18-w16-500-ls.json
  collapse table 2 records/cifar10-resnet18-w16-500-*.json`,
		Args: usageArgs(cobra.MinimumNArgs(2)),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := entryOf("table", args[0])
			if err != nil {
				return err
			}
			if e.Table == nil {
				return usageError{fmt.Errorf("%s is a figure: 'collapse figures %s' draws it", e.ID, e.ID)}
			}
			runs, err := series(args[1:])
			if err != nil {
				return err
			}
			t, err := e.Table(runs...)
			if err != nil {
				return err
			}
			return printTable(c.OutOrStdout(), t, format.value)
		},
	}
	c.Flags().Var(&format, "format", "text, markdown, html or json")
	return c
}

// printTable prints a table in one of the formats of collapse table.
func printTable(w io.Writer, t *figures.Table, format string) error {
	var text string
	switch format {
	case "markdown":
		text = t.Markdown()
	case "html":
		text = t.HTML()
	case "json":
		return printJSON(w, t)
	default:
		text = t.Text()
	}
	_, err := io.WriteString(w, text)
	return err
}

func figuresCommand() *cobra.Command {
	var out pictureFile
	c := &cobra.Command{
		Use:   "figures ID [RECORD…]",
		Short: "Draw a figure of the paper, as SVG or PNG",
		Long: "Draw a figure of the paper from records, as SVG or PNG:\n\n" +
			entryList(func(e figures.Entry) bool { return e.Figure != nil }) +
			"\nor in closed form, in the paper's simulated setting ('collapse ufm' takes any other):\n\n" +
			entryList(func(e figures.Entry) bool { return e.Theory != nil }),
		Example: `  collapse figures fig1 records/cifar10-resnet18-w16-500-ce.json \
    records/cifar10-resnet18-w16-500-ls.json
  collapse figures thm4.1 --out norms.png`,
		Args: usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := entryOf("fig", args[0])
			if err != nil {
				return err
			}
			f, err := drawEntry(e, args[1:])
			if err != nil {
				return err
			}
			if out == "" {
				out = pictureFile(e.ID + ".svg")
			}
			if err := writePicture(c, string(out), f); err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), out)
			return err
		},
	}
	c.Flags().Var(&out, "out", "`file` to write, .svg or .png (default ID.svg)")
	c.AddCommand(figuresDataCommand())
	return c
}

// drawEntry draws a figure of the paper from records, or in closed form.
func drawEntry(e figures.Entry, records []string) (*figures.Figure, error) {
	switch {
	case e.Table != nil:
		return nil, usageError{fmt.Errorf("%s is a table: 'collapse table %s' prints it", e.ID, e.ID)}
	case e.Theory != nil && len(records) > 0:
		return nil, usageError{fmt.Errorf("%s is a closed form, which takes no record", e.ID)}
	case e.Theory != nil:
		return e.Theory(ufm.PaperParams())
	case len(records) == 0:
		return nil, usageError{fmt.Errorf("%s is drawn from records; give at least one", e.ID)}
	}
	runs, err := series(records)
	if err != nil {
		return nil, err
	}
	return e.Figure(runs...)
}

func reportCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "report",
		Short: "Write the HTML report: claims with verdicts, figures, lessons and runs",
		Long: `Write the HTML report: each of the paper's claims with its verdict, the figures and
tables, the lessons and the runs. It is made from build/notebooks/*.ipynb,
build/runs/*/record.json and records/*.json of the project. 'make report' makes the
first two.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			root, err := project.Root()
			if err != nil {
				return err
			}
			o := report.Options{Root: root, Out: out}
			if out == "" {
				o.Out = filepath.Join(root, "build", "report")
			}
			for _, g := range []struct {
				to      *[]string
				pattern string
			}{
				{&o.Notebooks, "build/notebooks/*.ipynb"},
				{&o.Records, "build/runs/*/record.json"},
				{&o.Records, "records/*.json"},
			} {
				files, err := filepath.Glob(filepath.Join(root, g.pattern))
				if err != nil {
					return err
				}
				*g.to = append(*g.to, files...)
			}
			if len(o.Notebooks) == 0 {
				fmt.Fprintln(c.ErrOrStderr(), "no executed notebook under build/notebooks, so the report has no "+
					"lessons; 'make report' executes them")
			}
			index, err := report.Build(o)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), index)
			return err
		},
	}
	c.Flags().StringVar(&out, "out", "", "`folder` to write (default build/report of the project)")
	return c
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the versions of Collapse and of what it stands on", Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			w := c.OutOrStdout()
			info, ok := debug.ReadBuildInfo()
			if !ok {
				return fmt.Errorf("%s was built without module support", os.Args[0])
			}
			fmt.Fprintf(w, "collapse %s (%s)\n", info.Main.Version, info.GoVersion)
			for _, d := range info.Deps {
				switch d.Path {
				case "github.com/gomlx/gomlx", "github.com/gomlx/compute", "github.com/gomlx/go-xla",
					"gonum.org/v1/gonum", "gonum.org/v1/plot":
					fmt.Fprintf(w, "%s %s\n", d.Path, d.Version)
				}
			}
			return nil
		},
	}
}
