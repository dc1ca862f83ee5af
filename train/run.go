// Package train trains a network as the paper does and measures it at the epochs that
// its specification names.
//
// Run takes a specification to a folder with a record and checkpoints. It stops
// cleanly when its context is cancelled, and continues to the same numbers as a
// run that was never stopped, also after a kill at any moment. Engine is the part
// underneath, for other loops. docs/train.md describes the folder.
//
// To follow one training step, read step.go: Engine.Steps on the host, stepBuilder.step on the
// device. loop.go holds the epochs around it, evaluate.go what is measured on.
package train

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/record"
)

// ErrStopped says that the context was cancelled or Options.Limit was reached. A
// checkpoint that continues the run and a readable record with status stopped were
// written.
var ErrStopped = errors.New("train: stopped; a checkpoint was written, resume continues from it")

// ErrDiverged says that a loss, feature or parameter became infinite or NaN. The
// record's Failure says which and where; the checkpoints are of before.
var ErrDiverged = errors.New("train: the run diverged")

// Run trains the specification's network and measures it in evaluation mode over the
// training split, and the test split where there is one, after the epochs that
// Spec.Measured names. Record and checkpoint are written after each of these, at the
// end, where the run stops and every Options.CheckpointEvery, each whole or not at all,
// the checkpoint first. Of a split that is measured the N·K logits are held in memory, and the N·d features where they
// are at most 1 GiB; else the split is evaluated twice.
//
// Run returns the record as far as it got, also with an error: ErrStopped where
// ctx was cancelled or Options.Limit reached, ErrDiverged where numbers became infinite
// or NaN, ErrInUse where another process trains in the folder, others for bad options,
// data and failed writes.
func Run(ctx context.Context, spec record.Spec, o Options) (*record.Record, error) {
	spec, err := resolve(spec)
	if err != nil {
		return nil, err
	}
	return runResolved(ctx, spec, o)
}

// resolve validates a specification and writes out what its zero values mean. Each door of the
// package calls it once; what is behind takes a resolved specification.
func resolve(spec record.Spec) (record.Spec, error) {
	if err := spec.Validate(); err != nil {
		return spec, err
	}
	return spec.Resolve(), nil
}

func runResolved(ctx context.Context, spec record.Spec, o Options) (rec *record.Record, err error) {
	started := time.Now()
	if err := o.check(spec); err != nil {
		return nil, err
	}
	if o.CheckpointEvery == 0 {
		o.CheckpointEvery = 10 * time.Minute
	}
	// A folder that is there is locked before anything that takes long. Another is made when
	// all else is found good.
	folder := runFolder{out: o.Out, resume: o.Resume, log: o.Log}
	defer folder.unlock()
	if err := folder.lockOld(); err != nil {
		return nil, err
	}
	set, err := openSet(ctx, spec, o.Set, data.Options{Log: o.Log})
	if err != nil {
		return nil, err
	}
	done, err := o.openBackend(spec)
	if err != nil {
		return nil, err
	}
	defer done()
	if !o.Force && o.Choice.Name != backend.CUDA {
		if err := checkMemory(spec, set); err != nil {
			return nil, err
		}
	}
	engine, err := newEngine(o.Backend, spec, set)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	r := newRun(spec, o, set, engine)
	if !o.Force {
		if err := r.checkDisk(); err != nil {
			return nil, err
		}
	}
	if err := folder.lockNew(); err != nil {
		return nil, err
	}
	if err := r.begin(); err != nil {
		return nil, err
	}
	if o.Limit > 0 {
		limited, cancel := context.WithDeadlineCause(ctx, started.Add(o.Limit),
			fmt.Errorf("the limit of %v was reached", o.Limit))
		defer cancel()
		ctx = limited
	}
	return r.rec, r.loop(ctx)
}

// openBackend opens a backend for a specification where none is given. done closes it.
func (o *Options) openBackend(spec record.Spec) (done func(), err error) {
	done = func() {}
	if o.Backend == nil {
		if o.Backend, o.Choice, err = backend.Open(backend.For(spec)); err != nil {
			return nil, err
		}
		done = o.Backend.Finalize
	}
	if o.Choice.Name == "" {
		o.Choice.Name, o.Choice.Reason = o.Backend.String(), "given by the program"
	}
	return done, nil
}

// run is one call of Run.
type run struct {
	options      Options
	spec         record.Spec
	set          *data.Set
	engine       *Engine
	rec          *record.Record
	steps        int // of an epoch
	whole        int // those of whole batches
	stepsPerCall int // see Options.StepsPerCall

	epoch   int     // complete epochs
	step    int     // complete steps of the epoch after them
	partial Partial // of those steps

	measures  int           // rows that are still to come
	served    int64         // requests for a checkpoint that there is one for
	saved     time.Time     // when the last checkpoint was written, or the loop began
	saveCost  time.Duration // how long that took
	completed bool          // the run was finished before

	stepTime, measureTime clock
}

// newRun is a run before its first step, with the record's head.
func newRun(spec record.Spec, o Options, set *data.Set, engine *Engine) *run {
	images, net := len(set.Train.Labels), engine.Network
	r := &run{options: o, spec: spec, set: set, engine: engine}
	r.steps, r.whole = (images+spec.Batch-1)/spec.Batch, images/spec.Batch
	if r.stepsPerCall = o.StepsPerCall; r.stepsPerCall == 0 && o.Choice.Name == backend.CUDA {
		r.stepsPerCall = stepsPerCall(r.whole)
	}
	if r.stepsPerCall < 1 || spec.Devices > 1 || spec.Accumulate > 1 { // Engine.Steps takes the latter one by one
		r.stepsPerCall = 1
	}
	r.rec = &record.Record{
		Format: record.Format, Version: record.Version,
		Spec: spec, Scale: scale(spec, set), Status: record.Running,
		Environment: o.Choice.Environment(o.Backend),
		Data:        set.Info,
		Model:       record.Model{Parameters: net.Parameters(), Features: net.Features, Classes: net.Classes},
		Started:     time.Now().UTC().Truncate(time.Second),
		Epochs:      []record.Epoch{},
	}
	if r.stepsPerCall > 1 {
		r.rec.Environment.StepsPerCall = r.stepsPerCall
	}
	return r
}

// begin takes the weights that the run begins with or goes on from, and writes the record, which
// says from here on what is going on.
func (r *run) begin() error {
	if err := clean(r.options.Out); err != nil {
		return err
	}
	start := r.initial
	if r.options.Resume {
		start = r.resume
	}
	if err := start(); err != nil {
		return err
	}
	if err := r.writeRecord(); err != nil {
		return err
	}
	if r.completed {
		return nil
	}
	// Test logits are of an earlier end, where the run is given more epochs.
	err := os.Remove(filepath.Join(r.options.Out, LogitsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}
