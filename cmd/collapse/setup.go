package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/gocollapse/collapse/doctor"
	"github.com/gocollapse/collapse/kernels"
)

func doctorCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine has, what is wrong, and the command that fixes it",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			checks := doctor.Examine(c.Context(), doctor.Options{})
			if asJSON {
				if err := printJSON(c.OutOrStdout(), checks); err != nil {
					return err
				}
			} else {
				printChecks(c.OutOrStdout(), checks)
			}
			faults := 0
			for _, k := range checks {
				if k.Status == kernels.Fault {
					faults++
				}
			}
			if faults > 0 {
				return fmt.Errorf("%d of %d checks found a fault", faults, len(checks))
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "the same as JSON")
	return c
}

func printChecks(w io.Writer, checks []kernels.Check) {
	width := 0
	for _, k := range checks {
		width = max(width, len(k.Name))
	}
	for _, k := range checks {
		fmt.Fprintf(w, "%-5s  %-*s  %s\n", k.Status, width, k.Name, k.Found)
		if k.Fix != "" {
			fmt.Fprintf(w, "%-5s  %-*s  → %s\n", "", width, "", k.Fix)
		}
	}
}

func kernelCommand() *cobra.Command {
	var o kernels.Options
	var asJSON bool
	c := &cobra.Command{Use: "kernel", Short: "Install, inspect or remove the Jupyter kernel \"Collapse (Go)\"",
		Args: usageArgs(cobra.NoArgs), RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.PersistentFlags().BoolVar(&o.User, "user", false, "in the user's Jupyter folder instead of the project's .venv")
	install := &cobra.Command{Use: "install", Short: "Write the kernelspec", Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := kernels.Install(c.Context(), o)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), dir)
			return err
		}}
	status := &cobra.Command{Use: "status", Short: "Say whether the kernelspec is there and fits this clone",
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			k := kernels.Status(o)
			if asJSON {
				if err := printJSON(c.OutOrStdout(), k); err != nil {
					return err
				}
			} else {
				printChecks(c.OutOrStdout(), []kernels.Check{k})
			}
			if k.Status == kernels.Fault {
				return errors.New("the kernel does not work")
			}
			return nil
		}}
	status.Flags().BoolVar(&asJSON, "json", false, "the same as JSON")
	remove := &cobra.Command{Use: "remove", Short: "Remove the kernelspec", Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return kernels.Remove(o) }}
	c.AddCommand(install, status, remove)
	return c
}
