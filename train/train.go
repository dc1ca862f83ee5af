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
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gomlx/compute"

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

// Event tells how far a run is.
type Event struct {
	Epoch, Epochs int           // the current one, from 1, and how many
	Step, Steps   int           // complete steps of this epoch, and how many it has
	Loss          float64       // mean loss of the last step's batch, in training mode
	Row           *record.Epoch // what was measured, nil after a step
	Remaining     time.Duration // estimate for the whole run, 0 where there is none yet
}

// Options says where and on what a run takes place.
type Options struct {
	// Out is the folder for the record and the checkpoints. It is created, and locked
	// while the run goes on.
	Out string
	// Set holds the images of the specification's data set as package data opens it;
	// nil opens it. Run takes TrainPerClass images of each class, then the long tail,
	// then corrupts the labels; a set that has TrainPerClass images of each class
	// already is not reduced again.
	Set *data.Set
	// Backend runs the graphs, and Choice says what it is; a nil Backend opens
	// the one that package backend chooses. For precision tf32 a Backend that is given must
	// be one that was chosen WithTF32.
	Backend compute.Backend
	Choice  backend.Choice
	// Progress is called from the training goroutine after each step, or each Together of
	// them, and each measured epoch; nil is allowed.
	Progress func(Event)
	// Log, if not nil, gets a line for each thing a user would want to know of: a
	// checkpoint that could not be read and what is done instead, for instance.
	Log io.Writer
	// Resume continues from Out's newest checkpoint that can be read; a run that was
	// killed before its first one begins anew. Without it a folder that holds a run is
	// an error.
	Resume bool
	// CheckpointEvery is the most time between two checkpoints, 0 is ten minutes: a
	// kill loses no more. There is one after each measured epoch in any case.
	CheckpointEvery time.Duration
	// KeepEpochs are epochs whose checkpoint is kept under KeptFile's name.
	KeepEpochs []int
	// Limit, if not 0, stops the run after this time as a cancelled context does.
	Limit time.Duration
	// Initial, if not "", is a file that ReadWeights reads: the network begins from its
	// values in place of the seed's. A run that is resumed takes its checkpoint's, if it has one.
	Initial string
	// Together is the number of steps that the device takes at one call of the host, see
	// Engine.Steps: progress, checkpoints and stops come between calls. 0 is 1 on a CPU, which
	// loses nothing between steps, and on CUDA what divides an epoch, up to 32. What is left of an
	// epoch is taken one by one, so that a resumed run takes each step as a straight one.
	Together int
	// LayerProfile measures NC1 of every layer's features after the last epoch, which
	// compiles one more graph and evaluates the training split twice.
	LayerProfile bool
	// Force trains even where memory or disk seem too small.
	Force bool
}

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
		if b, choice, err = openBackend(spec); err != nil {
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
	if r.together = o.Together; r.together == 0 && choice.Name == backend.CUDA {
		r.together = together(r.whole)
	}
	if r.together < 1 || spec.Devices > 1 || spec.Accumulate > 1 { // Engine.Steps takes the latter one by one
		r.together = 1
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
	if r.together > 1 {
		r.rec.Environment.Together = r.together
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

// openBackend opens the backend that package backend chooses, with the specification's precision.
func openBackend(spec record.Spec) (compute.Backend, backend.Choice, error) {
	choice, err := backend.Choose()
	if err != nil {
		return nil, choice, err
	}
	if spec.Precision == "tf32" {
		choice, _ = choice.WithTF32()
	}
	b, err := choice.Open()
	return b, choice, err
}

// scale is the specification's, but reduced where the set is a part of the one that it names,
// as Tiny ImageNet may be.
func scale(spec record.Spec, set *data.Set) record.Scale {
	for _, about := range data.List() {
		if about.Name == spec.Dataset && spec.Scale() == record.PaperScale && len(set.Train.Labels) < about.Train {
			return record.ReducedScale
		}
	}
	return spec.Scale()
}

// check reports bad options.
func (o *Options) check(spec record.Spec) error {
	if o.Out == "" {
		return errors.New("train: no folder for the run was given")
	}
	if o.Together < 0 {
		return fmt.Errorf("train: %d steps together; want at least 1, or 0", o.Together)
	}
	if o.Limit < 0 || o.CheckpointEvery < 0 {
		return fmt.Errorf("train: limit %v and checkpoints every %v; want times above 0, or 0 for none and for ten minutes", o.Limit, o.CheckpointEvery)
	}
	for _, e := range o.KeepEpochs {
		if e < 1 || e > spec.Epochs {
			return fmt.Errorf("train: the checkpoint of epoch %d is to be kept; the run has epochs 1 to %d", e, spec.Epochs)
		}
	}
	return nil
}

// run is one call of Run.
type run struct {
	options  Options
	spec     record.Spec
	set      *data.Set
	engine   *Engine
	rec      *record.Record
	steps    int // of an epoch
	whole    int // those of whole batches
	together int // steps at one call

	epoch   int     // complete epochs
	step    int     // complete steps of the epoch after them
	partial Partial // of those steps

	measures  int           // rows that are still to come
	saved     time.Time     // when the last checkpoint was written, or the loop began
	saveCost  time.Duration // how long that took
	completed bool          // the run was finished before

	stepTime, measureTime clock
}

// clock averages durations. The first is left out where there are more, since
// it includes compilation.
type clock struct {
	first, sum time.Duration
	n          int
}

func (c *clock) add(d time.Duration) {
	if c.n == 0 {
		c.first = d
	} else {
		c.sum += d
	}
	c.n++
}

func (c *clock) mean() time.Duration {
	if c.n < 2 {
		return c.first
	}
	return c.sum / time.Duration(c.n-1)
}

// loop runs the epochs that are left and ends the run, one way or another.
func (r *run) loop(ctx context.Context) error {
	if r.completed {
		return nil
	}
	r.saved = time.Now()
	for epoch := r.epoch + 1; epoch <= r.spec.Epochs; epoch++ {
		if r.spec.Measured(epoch) {
			r.measures++
		}
	}
	err := r.epochs(ctx)
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		r.rec.Status = record.Stopped
		if err = r.save(); err == nil {
			err = ErrStopped
			if cause := context.Cause(ctx); cause != ctx.Err() {
				err = fmt.Errorf("%w (%w)", ErrStopped, cause)
			}
		}
	}
	if errors.Is(err, ErrDiverged) {
		return r.fail(err)
	}
	return err
}

// fail ends a run that diverged. Its checkpoints stay as they are.
func (r *run) fail(err error) error {
	r.rec.Status = record.Failed
	r.rec.Failure = strings.TrimPrefix(err.Error(), ErrDiverged.Error()+": ")
	last := "there is no checkpoint before it"
	if c := r.rec.Checkpoint; c != nil {
		last = fmt.Sprintf("the last good checkpoint is %s (epoch %d, step %d)", filepath.Join(r.options.Out, c.File), c.Epoch, c.Step)
	}
	err = fmt.Errorf("%w; %s. Resuming takes the same steps again; train with a lower rate in a new folder", err, last)
	return errors.Join(err, r.writeRecord())
}

// epochs runs the epochs that are left and finishes the run.
func (r *run) epochs(ctx context.Context) error {
	for r.epoch < r.spec.Epochs {
		loss, err := r.trainEpoch(ctx)
		if err != nil {
			return err
		}
		epoch := r.epoch + 1
		r.keepLoss(epoch, loss)
		var row *record.Epoch
		if r.spec.Measured(epoch) {
			row, err = r.measure(ctx, epoch, loss, r.partial.Seconds)
			if err != nil {
				return err
			}
		}
		r.epoch, r.step, r.partial = epoch, 0, Partial{}
		switch {
		case epoch == r.spec.Epochs: // finish writes
		case row != nil, r.due(), slices.Contains(r.options.KeepEpochs, epoch), time.Since(r.saved) >= saveShare*r.saveCost:
			if err := r.save(); err != nil {
				return err
			}
		}
		if row != nil && epoch < r.spec.Epochs {
			r.report(Event{Epoch: epoch, Step: r.steps, Loss: loss, Row: row})
		}
	}
	return r.finish(ctx)
}

// keepLoss keeps the mean loss of an epoch's steps. Epochs before it whose loss is not known,
// as of a checkpoint by an older version, are NaN.
func (r *run) keepLoss(epoch int, loss float64) {
	for len(r.rec.StepLosses) < epoch-1 {
		r.rec.StepLosses = append(r.rec.StepLosses, record.Number(math.NaN()))
	}
	r.rec.StepLosses = append(r.rec.StepLosses[:epoch-1], record.Number(loss))
}

// saveShare bounds the cost of checkpoints after epochs that are not measured: one for
// as many times the time that it takes.
const saveShare = 50

// due says whether the last checkpoint is too old.
func (r *run) due() bool { return time.Since(r.saved) >= r.options.CheckpointEvery }

// trainEpoch runs the steps that are left of the current epoch and returns the mean loss
// of all. A context that is cancelled ends it with the context's error after the current
// step.
func (r *run) trainEpoch(ctx context.Context) (float64, error) {
	epoch := r.epoch + 1
	rate := r.spec.RateAt(epoch)
	order := data.Permutation(len(r.set.Train.Labels), r.spec.Seed, epoch)
	for r.step < r.steps {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		start := time.Now()
		n := 1
		if r.step%r.together == 0 && r.step+r.together <= r.whole {
			n = r.together
		}
		var batches [][]int32
		for i := range n {
			from := (r.step + i) * r.spec.Batch
			batches = append(batches, order[from:min(from+r.spec.Batch, len(order))])
		}
		losses, err := r.engine.Steps(batches, epoch, rate)
		if err != nil {
			return 0, err
		}
		for i, loss := range losses {
			if math.IsNaN(loss) || math.IsInf(loss, 0) {
				return 0, fmt.Errorf("%w: loss %v at epoch %d, step %d, rate %v", ErrDiverged, loss, epoch, r.step+i+1, rate)
			}
		}
		took := time.Since(start)
		r.step += n
		for _, loss := range losses {
			r.partial.Loss += loss
		}
		r.partial.Seconds += took.Seconds()
		r.rec.Seconds += took.Seconds()
		r.stepTime.add(took / time.Duration(n))
		if r.step < r.steps && r.due() {
			if err := r.save(); err != nil {
				return 0, err
			}
		}
		r.report(Event{Epoch: epoch, Step: r.step, Loss: losses[n-1]})
	}
	return r.partial.Loss / float64(r.steps), nil
}

// together returns how many of an epoch's steps of whole batches CUDA takes at one call: the
// largest number up to 32 that divides them, 16 where that is below 8.
func together(steps int) int {
	for n := min(steps, 32); n >= 8; n-- {
		if steps%n == 0 {
			return n
		}
	}
	return max(min(steps, 16), 1)
}

// measure evaluates the network after an epoch's last step and appends the row. loss and
// seconds are of the epoch's steps.
func (r *run) measure(ctx context.Context, epoch int, loss, seconds float64) (*record.Epoch, error) {
	start := time.Now()
	row := record.Epoch{Epoch: epoch, Rate: r.spec.RateAt(epoch), StepLoss: record.Number(loss), Seconds: seconds}
	if err := r.fill(ctx, &row); err != nil {
		return nil, err
	}
	took := time.Since(start)
	row.MeasureSeconds = took.Seconds()
	r.measureTime.add(took)
	r.measures--
	r.rec.Seconds += took.Seconds()
	r.rec.Epochs = append(r.rec.Epochs, row)
	return &row, nil
}

// finish ends a run whose epochs are complete: with the last row, where the run was cut
// short at an epoch that had none, and the test logits.
func (r *run) finish(ctx context.Context) error {
	row := r.rec.Row(r.epoch)
	if row == nil {
		loss := math.NaN()
		if r.epoch <= len(r.rec.StepLosses) {
			loss = float64(r.rec.StepLosses[r.epoch-1])
		}
		if _, err := r.measure(ctx, r.epoch, loss, 0); err != nil {
			return err
		}
		row = r.rec.Last()
		if math.IsNaN(loss) {
			addNote(row, "step_loss", "the run was cut short after this epoch, whose steps' losses were not kept")
		}
	}
	logits, file, err := r.writeLogits(ctx)
	if err != nil {
		return err
	}
	if r.rec.Final, err = r.final(ctx, logits); err != nil {
		return err
	}
	r.rec.TestLogits, r.rec.Status = file, record.Finished
	if err := r.save(); err != nil {
		r.rec.Final, r.rec.TestLogits, r.rec.Status = nil, nil, record.Running
		return err
	}
	r.report(Event{Epoch: row.Epoch, Step: r.steps, Loss: float64(row.StepLoss), Row: row})
	return nil
}

// save writes the checkpoint, then the record that names it. A state that holds a NaN or
// an infinity is not written.
func (r *run) save() error {
	start := time.Now()
	state, err := r.engine.State()
	if err != nil {
		return err
	}
	epoch, step := r.epoch, r.step
	if name := state.infinite(r.engine.Network); name != "" {
		return fmt.Errorf("%w: %s is NaN or infinite after epoch %d and %d steps, rate %v", ErrDiverged, name, epoch, step, r.spec.RateAt(min(epoch+1, r.spec.Epochs)))
	}
	before := r.rec.Checkpoint
	r.rec.Checkpoint = nil // the file cannot hold its own hash
	c := Checkpoint{Epoch: epoch, Step: step, Partial: r.partial, Record: *r.rec, State: *state}
	b, err := c.marshal(r.engine.Network, r.steps)
	r.rec.Checkpoint = before
	if err == nil {
		err = writeCheckpoint(r.options.Out, b)
	}
	if err == nil && step == 0 && slices.Contains(r.options.KeepEpochs, epoch) {
		moment("keep checkpoint")
		err = record.WriteFileAtomic(filepath.Join(r.options.Out, KeptFile(epoch)), b)
	}
	if err != nil {
		return fmt.Errorf("train: writing the checkpoint after epoch %d, step %d: %w", epoch, step, err)
	}
	r.rec.Checkpoint = &record.Checkpoint{File: CheckpointFile, SHA256: hash(b), Epoch: epoch, Step: step}
	r.saved, r.saveCost = time.Now(), time.Since(start)
	moment("write record")
	err = r.writeRecord()
	moment("record written")
	return err
}

func (r *run) writeRecord() error {
	if err := r.rec.WriteFile(filepath.Join(r.options.Out, RecordFile)); err != nil {
		return fmt.Errorf("train: writing the record after epoch %d: %w", r.epoch, err)
	}
	return nil
}

// report completes an event and hands it to the caller.
func (r *run) report(e Event) {
	if r.options.Progress == nil {
		return
	}
	e.Epochs, e.Steps = r.spec.Epochs, r.steps
	stepsLeft := (r.spec.Epochs-r.epoch)*r.steps - r.step
	measure := r.measureTime.mean()
	if r.measureTime.n == 0 {
		// An evaluation's forward pass is about a third of a step.
		images := float64(len(r.set.Train.Labels)+len(r.set.Test.Labels)) / float64(r.spec.Batch)
		measure = time.Duration(images / 3 * float64(r.stepTime.mean()))
	}
	e.Remaining = time.Duration(stepsLeft)*r.stepTime.mean() + time.Duration(r.measures)*measure
	r.options.Progress(e)
}
