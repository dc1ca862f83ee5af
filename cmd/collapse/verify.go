package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/internal/project"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/reproduce"
	"github.com/gocollapse/collapse/train"
)

func verifyCommand() *cobra.Command {
	var rerun string
	c := &cobra.Command{
		Use:   "verify",
		Short: "Check the committed records, and train one of them again",
		Long: fmt.Sprintf(`Read every record of the project and refuse one that is damaged, newer or mislabelled.

--rerun also trains one of them again and compares: bit for bit where backend, kind of
machine and number of threads are the record's, within %g of each metric (of its value,
or of 1 where that is larger) elsewhere. Other machines add in another order, and training
enlarges such differences: after twenty steps they are below that, after a whole run
they are as large as between two seeds. The run is trained in runs/again-NAME; Ctrl-C
stops with a checkpoint, and the same command goes on from it.`, reproduce.Tolerance),
		Example: "  collapse records verify\n  collapse records verify --rerun fashion-cnn-tiny",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			root, err := project.Root()
			if err != nil {
				return err
			}
			state, err := reproduce.Load(root, record.Environment{})
			if err != nil {
				return err
			}
			if rerun == "" {
				_, err = fmt.Fprintf(c.OutOrStdout(), "%d records can be read and say what they are\n",
					len(state.Records))
				return err
			}
			old, err := state.ByName(rerun)
			if err != nil {
				return usageError{err}
			}
			again, out, err := trainAgain(c.Context(), c.ErrOrStderr(), root, old)
			if err != nil {
				return err
			}
			compared, err := reproduce.Compare(old, again)
			if err == nil {
				err = compared.Err()
			}
			if err != nil {
				return fmt.Errorf("%s: %w; what was trained now is in %s", rerun, err, out)
			}
			if _, err := fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", rerun, compared); err != nil {
				return err
			}
			return os.RemoveAll(out)
		},
	}
	c.Flags().StringVar(&rerun, "rerun", "", "train this record again: its `name` in records/, without .json")
	return c
}

// trainAgain trains the run of a record as it was trained, in a folder of its own.
func trainAgain(ctx context.Context, log io.Writer, root string, old *record.Record) (*record.Record, string, error) {
	out := filepath.Join(root, reproduce.RunsFolder, "again-"+old.Spec.Name)
	switch {
	case old.Status != record.Finished:
		return nil, out, fmt.Errorf("%s is not finished: %s", old.Spec.Name, old.Status)
	case old.Initial != nil:
		return nil, out, fmt.Errorf("%s began from weights in %s, which are not in the project", old.Spec.Name,
			old.Initial.Name)
	}
	choose := backend.For(old.Spec)
	choose.Deterministic = old.Environment.Deterministic
	set, err := train.OpenImages(ctx, old.Spec, data.Options{Log: log, Progress: byteProgress(log)})
	if err != nil {
		return nil, out, err
	}
	o := train.Options{Out: out, Log: log, Set: set, StepsPerCall: old.Environment.StepsPerCall,
		LayerProfile: old.Final != nil && len(old.Final.Depth) > 0}
	if _, err := train.SpecOf(out); err == nil {
		o.Resume = true
	}
	if o.Backend, o.Choice, err = backend.Open(choose); err != nil {
		return nil, out, err
	}
	defer o.Backend.Finalize()
	printChoice(log, o.Choice)
	p := newProgress(log, old.Spec, 0)
	o.Progress = p.event
	again, err := train.Run(ctx, old.Spec, o)
	p.close()
	if errors.Is(err, train.ErrStopped) {
		err = fmt.Errorf("%w in %s", err, out)
	}
	return again, out, err
}
