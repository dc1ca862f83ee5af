package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/experiments"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/reproduce"
	"github.com/gocollapse/collapse/train"
)

// errBudget is the cause of a stop at the end of the budget.
var errBudget = errors.New("the budget is used up")

// noImages is the error of a data set that cannot be opened: none of its runs can be trained.
type noImages struct{ error }

func (e noImages) Unwrap() error { return e.error }

// train trains an item's missing runs one after another, in the order of their worth. A run that
// cannot be trained is named and left out, and so are all runs of a data set that is not here. It returns
// train.ErrStopped for a stop by a signal, and nil at the end of the budget.
func (r *reproduceFlags) train(c *cobra.Command, root string, item reproduce.Item, here record.Environment) error {
	ctx, log := c.Context(), c.ErrOrStderr()
	begun := time.Now()
	if r.run {
		limited, cancel := context.WithTimeoutCause(ctx, r.budget, errBudget)
		defer cancel()
		ctx = limited
	}
	scale := record.Scale(r.scale.value)
	if scale == "" {
		scale = record.ReducedScale
	}
	var failed []error
	absent := map[string]bool{} // data sets without images here
	for _, run := range item.Runs {
		if run.Scale != scale || absent[run.Spec.Dataset] {
			continue
		}
		// Others may train here too, and each finished record makes the rate better known.
		state, err := reproduce.Load(root, here)
		if err != nil {
			return err
		}
		status, hours := state.Status(run)
		if status == reproduce.Recorded {
			continue
		}
		if left := r.budget - time.Since(begun); r.run && hours > left.Hours() {
			fmt.Fprintf(log, "left out %s: about %.1f hours, %.1f are left of the budget\n", run.Name, hours,
				left.Hours())
			continue
		}
		err = trainPlanned(ctx, log, root, run)
		switch {
		case errors.Is(err, train.ErrStopped) && errors.Is(context.Cause(ctx), errBudget):
			fmt.Fprintf(log, "%s: the budget is used up; the same command goes on from its checkpoint\n", run.Name)
			return errors.Join(failed...)
		case errors.Is(err, train.ErrStopped) || ctx.Err() != nil:
			return err
		case errors.Is(err, train.ErrInUse):
			fmt.Fprintf(log, "left out %s: %v\n", run.Name, err)
		case err != nil:
			absent[run.Spec.Dataset] = errors.As(err, &noImages{})
			fmt.Fprintf(log, "%s: %v\n", run.Name, err)
			failed = append(failed, fmt.Errorf("%s: %w", run.Name, err))
		}
	}
	return errors.Join(failed...)
}

// trainPlanned trains one run in its folder, from its checkpoint where there is one, and copies its
// record to the records folder.
func trainPlanned(ctx context.Context, log io.Writer, root string, run experiments.Run) error {
	out := filepath.Join(root, filepath.FromSlash(run.Folder()))
	set, err := train.OpenImages(ctx, run.Spec, data.Options{Log: log, Progress: byteProgress(log)})
	if err != nil {
		return noImages{err}
	}
	o := train.Options{Out: out, Log: log, LayerProfile: true, Set: set}
	if _, err := train.SpecOf(out); err == nil {
		o.Resume = true
	}
	if o.Backend, o.Choice, err = backend.Open(backend.For(run.Spec)); err != nil {
		return err
	}
	defer o.Backend.Finalize()
	fmt.Fprintf(log, "run      %s, %d epochs → %s\n", run.Name, run.Spec.Epochs, out)
	p := newProgress(log, run.Spec, 0)
	o.Progress = p.event
	_, err = train.Run(ctx, run.Spec, o)
	p.close()
	if err != nil {
		return err
	}
	to, err := reproduce.Commit(root, run)
	if err == nil {
		fmt.Fprintf(log, "record   %s\n", to)
	}
	return err
}
