package main

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
	"github.com/gocollapse/collapse/train/tensorboard"
)

// trainOptions are the flags of collapse train that do not change what a run computes: how it is
// stopped, saved and observed.
type trainOptions struct {
	maxMinutes, checkpointMinutes float64
	keep                          []int
	force, deterministic, layers  bool
	stepsPerCall                  int
	initial, tensorboard          string
	signals                       signalFlag
}

func (t *trainOptions) add(f *pflag.FlagSet) {
	f.Float64Var(&t.maxMinutes, "max-minutes", 0,
		"stop with a checkpoint after this time (exit code 3); 0 is no limit")
	f.Float64Var(&t.checkpointMinutes, "checkpoint-minutes", 0,
		"longest time between two checkpoints; 0 is ten minutes")
	f.Var(&t.signals, "checkpoint-signal", "a `signal`, USR1 or USR2, that stops with a checkpoint (exit code 3); "+
		"with :continue, as in USR2:continue, one that writes a checkpoint and goes on; may be given several times")
	f.IntSliceVar(&t.keep, "keep", nil, "`epochs` after which a checkpoint is kept for good, such as 10,100")
	f.BoolVar(&t.force, "force", false, "train even if memory or disk seem too small")
	f.StringVar(&t.tensorboard, "tensorboard", "",
		"also write the metrics of every measured epoch to a TensorBoard event file in this `folder`")
	f.StringVar(&t.initial, "init", "",
		"start from the `weights` in a .safetensors or .npz with PyTorch's names, in place of the seed's")
	f.IntVar(&t.stepsPerCall, "together", 0,
		"`steps` per device call; 0 is 1 on a CPU and up to 32 on a GPU")
	f.BoolVar(&t.layers, "layer-profile", false, "also measure NC1 of every layer's features after the last epoch")
	f.BoolVar(&t.deterministic, "deterministic", false,
		"make CUDA give the same bits at each call; changes nothing on a CPU")
}

// check reports what does not fit a flag's range.
func (t *trainOptions) check(spec record.Spec) error {
	var errs []error
	for _, m := range []struct {
		name string
		v    float64
	}{{"max-minutes", t.maxMinutes}, {"checkpoint-minutes", t.checkpointMinutes}} {
		if !(m.v >= 0) || m.v > math.MaxInt64/float64(time.Minute)/2 {
			errs = append(errs, fmt.Errorf("--%s %v: want a number of minutes above 0", m.name, m.v))
		}
	}
	if t.stepsPerCall < 0 {
		errs = append(errs, fmt.Errorf("--together %d: want at least 1, or 0", t.stepsPerCall))
	}
	for _, e := range t.keep {
		if e < 1 || e > spec.Epochs {
			errs = append(errs, fmt.Errorf("--keep %d: the run has epochs 1 to %d", e, spec.Epochs))
		}
	}
	return errors.Join(errs...)
}

// backend says which backend a run needs.
func (t *trainOptions) backend(spec record.Spec) backend.Options {
	o := backend.For(spec)
	o.Deterministic = t.deterministic
	return o
}

// apply sets the options of a run that the flags give.
func (t *trainOptions) apply(o *train.Options) error {
	minutes := func(v float64) time.Duration { return time.Duration(v * float64(time.Minute)) }
	o.Limit, o.CheckpointEvery = minutes(t.maxMinutes), minutes(t.checkpointMinutes)
	o.KeepEpochs, o.Force, o.Initial, o.StepsPerCall = t.keep, t.force, t.initial, t.stepsPerCall
	o.LayerProfile = t.layers
	return nil
}

// live updates the event file of the run in a folder after each measured row. Errors are left to
// export, which writes the file again at the end.
func (t *trainOptions) live(several bool, folder string, e train.Event) {
	if t.tensorboard == "" || e.Row == nil {
		return
	}
	if rec, err := record.ReadFile(folder); err == nil {
		_ = tensorboard.Write(t.eventFolder(several, rec), rec)
	}
}

// eventFolder returns the folder of a run's event file: the one that was asked for, or with several
// runs a folder in it for each seed.
func (t *trainOptions) eventFolder(several bool, r *record.Record) string {
	if several {
		return filepath.Join(t.tensorboard, "seed-"+strconv.FormatInt(r.Spec.Seed, 10))
	}
	return t.tensorboard
}

// export writes the event files of runs that have ended, if they were asked for.
func (t *trainOptions) export(several bool, records ...*record.Record) error {
	if t.tensorboard == "" {
		return nil
	}
	var errs []error
	for _, r := range records {
		if r != nil {
			errs = append(errs, tensorboard.Write(t.eventFolder(several, r), r))
		}
	}
	return errors.Join(errs...)
}
