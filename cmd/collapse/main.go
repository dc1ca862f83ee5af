// Command collapse is the front door of the Collapse research environment for neural collapse: it
// checks the machine, fetches data, trains networks, measures features and logits, and writes
// figures, tables and the report.
//
// Results go to standard output, logs and progress to standard error. The exit code is 0, or 1 if
// an input or the machine is at fault or a signal ended the command, 2 for a usage error, and 3 for a
// run that was stopped with a checkpoint.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gocollapse/collapse/internal/edit"
	_ "github.com/gocollapse/collapse/internal/heap" // keeps memory from step to step
	"github.com/gocollapse/collapse/train"
)

// Exit codes, as docs and --help promise.
const (
	exitInput   = 1
	exitUsage   = 2
	exitStopped = 3
)

// usageError marks an error that the user can fix on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func main() {
	os.Exit(runSignalled(os.Args[1:], os.Stdout, os.Stderr, func() {}))
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return execute(ctx, newRoot(), args, stdout, stderr)
}

// execute executes one command line of a root and returns its exit code.
func execute(ctx context.Context, root *cobra.Command, args []string, stdout, stderr io.Writer) int {
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	cancelled := errors.Is(err, context.Canceled) && !errors.Is(err, train.ErrStopped)
	if cause := context.Cause(ctx); cancelled && cause != nil {
		err = cause // not that a context was cancelled, but by what
	}
	fmt.Fprintln(stderr, "collapse:", err)
	var usage usageError
	switch {
	case errors.Is(err, train.ErrStopped):
		return exitStopped
	case errors.As(err, &usage):
		return exitUsage
	}
	return exitInput
}

func newRoot() *cobra.Command {
	return rootOf(
		doctorCommand(), kernelCommand(), fetchCommand(), trainCommand(), featuresCommand(), weightsCommand(),
		measureCommand(), calibrateCommand(), oodCommand(), ufmCommand(), reproduceCommand(), claimsCommand(),
		recordsCommand(), imagesCommand(), reportCommand(), versionCommand())
}

// rootOf returns the program with some of its commands.
func rootOf(commands ...*cobra.Command) *cobra.Command {
	root := &cobra.Command{
		Use:   "collapse",
		Short: "A research environment for neural collapse",
		Long: `Collapse trains classifiers to neural collapse under cross entropy and label
smoothing, measures it, and compares it with the paper "Cross Entropy versus
Label Smoothing: A Neural Collapse Perspective".

Exit codes: 1 input or machine at fault, or ended by a signal; 2 usage; 3 stopped with a
checkpoint.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          usageArgs(cobra.NoArgs),
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(commands...)
	return root
}

// flagError makes the error of a flag a usage error; for an unknown flag it names the nearest one.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "" {
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := edit.Nearest(unknown.GetSpecifiedName(), names); near != "" {
			err = fmt.Errorf("%w; did you mean --%s? '%s --help' lists all", err, near, c.CommandPath())
		}
	}
	return usageError{err}
}

// usageArgs makes a wrong number of arguments a usage error.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			if c.HasSubCommands() && len(args) > 0 {
				var names []string
				for _, sub := range c.Commands() {
					if sub.IsAvailableCommand() {
						names = append(names, sub.Name())
					}
				}
				err = fmt.Errorf("%w; did you mean %s?", err, edit.Nearest(args[0], names))
			}
			return usageError{fmt.Errorf("%w; see '%s --help'", err, c.CommandPath())}
		}
		return nil
	}
}
