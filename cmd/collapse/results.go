package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/internal/project"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/report"
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

func tableCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "table 1|2 RECORD…",
		Short: "Print a table of the paper from records",
		Long: `Print a table of the paper from records, beside the paper's cells: 1 is training,
test and nearest-class-mean errors, 2 is the log-scaled training loss of Appendix B.3,
both at epochs 10, 20, 50 and 100.`,
		Example: `  collapse table 1 records/cifar10-resnet18-w16-500-ce.json records/cifar10-resnet18-w16-500-ls.json
  collapse table 2 records/cifar10-resnet18-w16-500-*.json`,
		Args: usageArgs(cobra.MinimumNArgs(2)),
		RunE: func(c *cobra.Command, args []string) error {
			table, ok := map[string]func(...figures.Series) (*figures.Table, error){"1": figures.Table1, "2": figures.Table2}[args[0]]
			if !ok {
				return usageError{fmt.Errorf("no table %q; there are 1 and 2", args[0])}
			}
			runs, err := series(args[1:])
			if err != nil {
				return err
			}
			t, err := table(runs...)
			if err != nil {
				return err
			}
			w := c.OutOrStdout()
			switch format {
			case "text":
				_, err = fmt.Fprint(w, t.Text())
			case "markdown":
				_, err = fmt.Fprint(w, t.Markdown())
			case "html":
				_, err = fmt.Fprint(w, t.HTML())
			case "json":
				err = printJSON(w, t)
			default:
				err = usageError{fmt.Errorf("--format %q; known are text, markdown, html, json", format)}
			}
			return err
		},
	}
	c.Flags().StringVar(&format, "format", "text", "text, markdown, html or json")
	return c
}

func figuresCommand() *cobra.Command {
	var out pictureFile
	c := &cobra.Command{
		Use:   "figures 1|4 RECORD…",
		Short: "Draw a figure of the paper from records, as SVG or PNG",
		Long: `Draw a figure of the paper from records, as SVG or PNG: 1 is error and NC1 to NC3
along training, 4 is loss, entropy and NC1 of the test images by outcome, and ECE.`,
		Args: usageArgs(cobra.MinimumNArgs(2)),
		RunE: func(c *cobra.Command, args []string) error {
			figure, ok := map[string]func(...figures.Series) (*figures.Figure, error){"1": figures.Figure1, "4": figures.Figure4}[args[0]]
			if !ok {
				return usageError{fmt.Errorf("no figure %q; there are 1 and 4", args[0])}
			}
			if !c.Flags().Changed("out") {
				out = pictureFile("figure" + args[0] + ".svg")
			}
			runs, err := series(args[1:])
			if err != nil {
				return err
			}
			fig, err := figure(runs...)
			if err != nil {
				return err
			}
			if err := writePicture(c, string(out), fig); err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), out)
			return err
		},
	}
	c.Flags().Var(&out, "out", "`file` to write, .svg or .png (default figureN.svg)")
	c.AddCommand(figuresDataCommand())
	return c
}

func reportCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "report",
		Short: "Write the HTML report from the executed notebooks and the records",
		Long: `Write the HTML report from build/notebooks/*.ipynb, build/runs/*/record.json and
records/*.json of the project. 'make report' makes the first two.`,
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
				return fmt.Errorf("no executed notebook under build/notebooks: run 'make report': %w", fs.ErrNotExist)
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
				case "github.com/gomlx/gomlx", "github.com/gomlx/compute", "github.com/gomlx/go-xla", "gonum.org/v1/gonum", "gonum.org/v1/plot":
					fmt.Fprintf(w, "%s %s\n", d.Path, d.Version)
				}
			}
			return nil
		},
	}
}
