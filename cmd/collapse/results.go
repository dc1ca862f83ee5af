package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/gocollapse/collapse/internal/project"
	"github.com/gocollapse/collapse/report"
)

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
