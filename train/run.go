// Package train trains a network as the paper does and measures it at the epochs that
// its specification names.
//
// Run takes a specification to a folder with a record and checkpoints. It stops
// cleanly when its context is cancelled, and continues to the same numbers as a
// run that was never stopped, also after a kill at any moment. Engine is the part
// underneath, for other loops. docs/train.md describes the folder.
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

// Run trains the specification's network and measures it in evaluation mode over both
// splits after the epochs that Spec.Measured names. Record and checkpoint are written
// after each of these, at the end, where the run stops and every
// Options.CheckpointEvery, each whole or not at all, the checkpoint first. Of a split
// that is measured the N·K logits are held in memory, and the N·d features where they
// are at most 1 GiB; else the split is evaluated twice.
//
// Run returns the record as far as it got, also with an error: ErrStopped where
// ctx was cancelled or Options.Limit reached, ErrDiverged where numbers became infinite
// or NaN, ErrInUse where another process trains in the folder, others for bad options,
// data and failed writes.
func Run(ctx context.Context, spec record.Spec, o Options) (rec *record.Record, err error) {
	started := time.Now()
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	spec = spec.Resolve()
	if err := o.check(spec); err != nil {
		return nil, err
	}
	if o.CheckpointEvery == 0 {
		o.CheckpointEvery = 10 * time.Minute
	}
	// A folder that is there is locked before anything that takes long; another is
	// made when all else was found good.
	var unlock func()
	take := func() error {
		if unlock, err = lockFolder(o.Out, o.Log); err != nil {
			return err
		}
		return checkFolder(o.Out, o.Resume)
	}
	defer func() {
		if unlock != nil {
			unlock()
		}
	}()
	if _, err := os.Stat(o.Out); err == nil {
		if err := take(); err != nil {
			return nil, err
		}
	} else if err := checkFolder(o.Out, o.Resume); err != nil {
		return nil, err
	}
	set, err := openSet(ctx, spec, o.Set, data.Options{Log: o.Log})
	if err != nil {
		return nil, err
	}
	b, choice := o.Backend, o.Choice
	if b == nil {
		if b, choice, err = backend.Open(backend.For(spec)); err != nil {
			return nil, err
		}
		defer b.Finalize()
	}
	if choice.Name == "" {
		choice.Name, choice.Reason = b.String(), "given by the program"
	}
	if !o.Force && choice.Name != backend.CUDA {
		if err := checkMemory(spec, set); err != nil {
			return nil, err
		}
	}
	engine, err := NewEngine(b, spec, set)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()

	r := &run{options: o, spec: spec, set: set, engine: engine}
	r.steps = (len(set.Train.Labels) + spec.Batch - 1) / spec.Batch
	r.whole = len(set.Train.Labels) / spec.Batch
	if r.stepsPerCall = o.StepsPerCall; r.stepsPerCall == 0 && choice.Name == backend.CUDA {
		r.stepsPerCall = stepsPerCall(r.whole)
	}
	if r.stepsPerCall < 1 || spec.Devices > 1 || spec.Accumulate > 1 { // Engine.Steps takes the latter one by one
		r.stepsPerCall = 1
	}
	r.rec = &record.Record{
		Format: record.Format, Version: record.Version,
		Spec: spec, Scale: scale(spec, set), Status: record.Running,
		Environment: choice.Environment(b),
		Data:        set.Info,
		Model:       record.Model{Parameters: engine.Network.Parameters(), Features: engine.Network.Features, Classes: engine.Network.Classes},
		Started:     time.Now().UTC().Truncate(time.Second),
		Epochs:      []record.Epoch{},
	}
	if r.stepsPerCall > 1 {
		r.rec.Environment.StepsPerCall = r.stepsPerCall
	}
	if !o.Force {
		if err := r.checkDisk(); err != nil {
			return nil, err
		}
	}
	if unlock == nil {
		if err := os.MkdirAll(o.Out, 0o777); err != nil {
			return nil, fmt.Errorf("train: folder for the run: %w", err)
		}
		if err := take(); err != nil {
			return nil, err
		}
	}
	if err := clean(o.Out); err != nil {
		return nil, err
	}
	begin := r.initial
	if o.Resume {
		begin = r.resume
	}
	if err := begin(); err != nil {
		return nil, err
	}
	// From here on the record says what is going on.
	if err := r.writeRecord(); err != nil {
		return nil, err
	}
	if !r.completed { // of an earlier end, where the run is given more epochs
		if err := os.Remove(filepath.Join(o.Out, LogitsFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("train: %w", err)
		}
	}
	if o.Limit > 0 {
		limited, cancel := context.WithDeadlineCause(ctx, started.Add(o.Limit), fmt.Errorf("the limit of %v was reached", o.Limit))
		defer cancel()
		ctx = limited
	}
	return r.rec, r.loop(ctx)
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
	saved     time.Time     // when the last checkpoint was written, or the loop began
	saveCost  time.Duration // how long that took
	completed bool          // the run was finished before

	stepTime, measureTime clock
}
