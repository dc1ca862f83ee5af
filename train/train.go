// Package train trains a network as the paper does and measures it after every
// epoch.
//
// Run takes a specification to a folder with a record and a checkpoint. It stops
// cleanly when its context is cancelled, and continues to the same numbers as a
// run that was never stopped. Engine is the part underneath, for other loops.
package train

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gomlx/compute"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/record"
)

// ErrStopped says that the context was cancelled. A checkpoint that continues
// the run and a readable record with status stopped were written.
var ErrStopped = errors.New("train: stopped; a checkpoint was written, resume continues from it")

// ErrDiverged says that the loss or the features became infinite or NaN. The
// record holds the epochs before.
var ErrDiverged = errors.New("train: the run diverged; try a lower rate")

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
	// Out is the folder for the record and the checkpoint. It is created.
	Out string
	// Set holds the images; nil opens the specification's data set. It must be
	// that data set, whole or already reduced to the specification's
	// TrainPerClass.
	Set *data.Set
	// Backend runs the graphs, and Choice says what it is; a nil Backend opens
	// the one that package backend chooses.
	Backend compute.Backend
	Choice  backend.Choice
	// Progress is called from the training goroutine after each step and each
	// epoch; nil is allowed.
	Progress func(Event)
	// Resume continues from Out's checkpoint. Without it a folder that holds a
	// run is an error.
	Resume bool
}

// Run trains the specification's network and measures it after every epoch, in
// evaluation mode over both splits. Record and checkpoint are written after each
// epoch, each whole or not at all, the checkpoint first. The features of one
// split are held in memory while they are measured: 4·N·d bytes.
//
// Run returns the record as far as it got, also with an error: ErrStopped where
// ctx was cancelled, ErrDiverged where numbers became infinite or NaN, others
// for bad options, data and failed writes.
func Run(ctx context.Context, spec record.Spec, o Options) (rec *record.Record, err error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	spec = spec.Resolve()
	if err := checkFolder(o.Out, o.Resume); err != nil {
		return nil, err
	}
	set, err := openSet(ctx, spec, o.Set)
	if err != nil {
		return nil, err
	}
	b, choice := o.Backend, o.Choice
	if b == nil {
		if b, choice, err = backend.Open(); err != nil {
			return nil, err
		}
		defer b.Finalize()
	}
	if choice.Name == "" {
		choice.Name, choice.Reason = b.Name(), "given by the program"
	}
	engine, err := NewEngine(b, spec, set)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()

	r := &run{options: o, spec: spec, set: set, engine: engine}
	r.steps = (len(set.Train.Labels) + spec.Batch - 1) / spec.Batch
	r.rec = &record.Record{
		Format: record.Format, Version: record.Version,
		Spec: spec, Scale: spec.Scale(), Status: record.Running,
		Environment: choice.Environment(b),
		Data:        set.Info,
		Model:       record.Model{Parameters: engine.Network.Parameters(), Features: engine.Network.Features, Classes: engine.Network.Classes},
		Started:     time.Now().UTC().Truncate(time.Second),
		Epochs:      []record.Epoch{},
	}
	if o.Resume {
		if err := r.resume(); err != nil {
			return nil, err
		}
	} else {
		if err := os.MkdirAll(o.Out, 0o777); err != nil {
			return nil, fmt.Errorf("train: folder for the run: %w", err)
		}
		if err := r.writeRecord(); err != nil {
			return nil, err
		}
	}
	return r.rec, r.loop(ctx)
}

// checkFolder reports a folder that a new run would overwrite, or that holds
// nothing to resume.
func checkFolder(out string, resume bool) error {
	if out == "" {
		return errors.New("train: no folder for the run was given")
	}
	exists := func(name string) (bool, error) {
		_, err := os.Stat(filepath.Join(out, name))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	}
	checkpoint, err := exists(CheckpointFile)
	if err != nil {
		return fmt.Errorf("train: folder for the run: %w", err)
	}
	if resume {
		if !checkpoint {
			return fmt.Errorf("train: %s holds no %s to resume from; run without resume in a new folder", out, CheckpointFile)
		}
		return nil
	}
	rec, err := exists(RecordFile)
	if err != nil {
		return fmt.Errorf("train: folder for the run: %w", err)
	}
	if rec || checkpoint {
		return fmt.Errorf("train: %s holds a run already; resume it, or take another folder", out)
	}
	return nil
}

func openSet(ctx context.Context, spec record.Spec, set *data.Set) (*data.Set, error) {
	if set == nil {
		var err error
		if set, err = data.Open(ctx, spec.Dataset, data.Options{}); err != nil {
			return nil, err
		}
	}
	if set.Info.Name != spec.Dataset {
		return nil, fmt.Errorf("train: the specification names data set %q, given is %q", spec.Dataset, set.Info.Name)
	}
	if spec.TrainPerClass == 0 || len(set.Train.Labels) == spec.TrainPerClass*len(set.Info.Classes) {
		return set, nil
	}
	return set.PerClass(spec.TrainPerClass, spec.Seed)
}

// run is one call of Run.
type run struct {
	options Options
	spec    record.Spec
	set     *data.Set
	engine  *Engine
	rec     *record.Record
	steps   int // of an epoch

	epoch   int     // complete epochs
	step    int     // complete steps of the epoch after them
	partial Partial // of those steps

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

// resume takes up the checkpoint in the run's folder.
func (r *run) resume() error {
	path := filepath.Join(r.options.Out, CheckpointFile)
	c, sum, err := ReadCheckpoint(path, r.engine.Network)
	if err != nil {
		return err
	}
	// A run may be given more epochs or another name; all else makes its numbers.
	want, have := r.spec, c.Record.Spec.Resolve()
	want.Name, want.Epochs = have.Name, have.Epochs
	if !sameSpec(want, have) {
		return fmt.Errorf("train: %s was trained under another specification (%+v) than is to be resumed (%+v)", path, have, r.spec)
	}
	if c.Epoch > r.spec.Epochs || (c.Epoch == r.spec.Epochs && c.Step > 0) {
		return fmt.Errorf("train: %s has %d complete epochs, the specification asks for %d", path, c.Epoch, r.spec.Epochs)
	}
	if len(c.Record.Epochs) != c.Epoch || c.Step > r.steps {
		return fmt.Errorf("train: %s has %d complete epochs, %d rows and %d of %d steps, which do not go together", path, c.Epoch, len(c.Record.Epochs), c.Step, r.steps)
	}
	if have, want := c.Record.Data, r.rec.Data; have.Train != want.Train || !slices.Equal(have.Files, want.Files) {
		return fmt.Errorf("train: %s was trained on other images than those of %q now", path, want.Name)
	}
	// Where the record names this checkpoint or a later one, its hash must match.
	// A kill between the two writes leaves a checkpoint later than the record's.
	if old, err := record.ReadFile(r.options.Out); err == nil && old.Checkpoint != nil {
		k := old.Checkpoint
		newer := c.Epoch > k.Epoch || (c.Epoch == k.Epoch && c.Step > k.Step)
		if k.SHA256 != sum && !newer {
			return fmt.Errorf("train: %s has SHA-256 %s, the record says %s: the file was changed after it was written", path, sum, k.SHA256)
		}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := r.engine.SetState(&c.State); err != nil {
		return err
	}
	environment := r.rec.Environment
	if old := c.Record.Environment; old.Backend != environment.Backend || old.PluginVersion != environment.PluginVersion || old.CPU != environment.CPU {
		environment.BackendReason += fmt.Sprintf("; epochs up to %d ran on %s %s (%s)", c.Epoch, old.Backend, old.PluginVersion, old.CPU)
	}
	r.rec.Environment = environment
	r.rec.Started, r.rec.Seconds = c.Record.Started, c.Record.Seconds
	r.rec.Epochs = append(r.rec.Epochs, c.Record.Epochs...)
	r.rec.Checkpoint = &record.Checkpoint{File: CheckpointFile, SHA256: sum, Epoch: c.Epoch, Step: c.Step}
	r.epoch, r.step, r.partial = c.Epoch, c.Step, c.Partial
	return nil
}

func sameSpec(a, b record.Spec) bool {
	am, bm := a.Milestones, b.Milestones
	a.Milestones, b.Milestones = nil, nil
	return slices.Equal(am, bm) && fmt.Sprintf("%+v", a) == fmt.Sprintf("%+v", b)
}

// loop runs the epochs that are left.
func (r *run) loop(ctx context.Context) error {
	for r.epoch < r.spec.Epochs {
		err := r.trainEpoch(ctx)
		if err == nil {
			err = r.measure(ctx)
		}
		switch {
		case err == nil:
		case ctx.Err() != nil && errors.Is(err, ctx.Err()):
			r.rec.Status = record.Stopped
			if err := r.save(); err != nil {
				return err
			}
			return ErrStopped
		case errors.Is(err, ErrDiverged):
			r.rec.Status = record.Failed
			return errors.Join(err, r.writeRecord())
		default:
			return err
		}
	}
	if r.rec.Status != record.Finished {
		r.rec.Status = record.Finished
		return r.writeRecord()
	}
	return nil
}

// trainEpoch runs the steps that are left of the current epoch. A context that
// is cancelled ends it with the context's error after the current step.
func (r *run) trainEpoch(ctx context.Context) error {
	epoch := r.epoch + 1
	rate := r.spec.RateAt(epoch)
	order := data.Permutation(len(r.set.Train.Labels), r.spec.Seed, epoch)
	for r.step < r.steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		start := time.Now()
		from := r.step * r.spec.Batch
		loss, err := r.engine.Step(order[from:min(from+r.spec.Batch, len(order))], epoch, rate)
		if err != nil {
			return err
		}
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return fmt.Errorf("%w: loss %v at epoch %d, step %d, rate %v", ErrDiverged, loss, epoch, r.step+1, rate)
		}
		took := time.Since(start)
		r.step++
		r.partial.Loss += loss
		r.partial.Seconds += took.Seconds()
		r.rec.Seconds += took.Seconds()
		r.stepTime.add(took)
		r.report(Event{Epoch: epoch, Step: r.step, Loss: loss})
	}
	return nil
}

// measure evaluates the network after an epoch's last step, appends the row and
// writes checkpoint and record.
func (r *run) measure(ctx context.Context) error {
	start := time.Now()
	row := record.Epoch{
		Epoch:    r.epoch + 1,
		Rate:     r.spec.RateAt(r.epoch + 1),
		StepLoss: record.Number(r.partial.Loss / float64(r.steps)),
		Seconds:  r.partial.Seconds,
	}
	if err := r.fill(ctx, &row); err != nil {
		return err
	}
	took := time.Since(start)
	row.MeasureSeconds = took.Seconds()
	r.measureTime.add(took)
	r.rec.Seconds += took.Seconds()
	r.rec.Epochs = append(r.rec.Epochs, row)
	loss := r.partial.Loss / float64(r.steps)
	r.epoch, r.step, r.partial = row.Epoch, 0, Partial{}
	if r.epoch == r.spec.Epochs {
		r.rec.Status = record.Finished
	}
	if err := r.save(); err != nil {
		return err
	}
	r.report(Event{Epoch: row.Epoch, Step: r.steps, Loss: loss, Row: &row})
	return nil
}

// fill evaluates both splits into a row.
func (r *run) fill(ctx context.Context, row *record.Epoch) error {
	k, d := r.engine.Network.Classes, r.engine.Network.Features
	ev, err := r.evaluate(ctx, false)
	if err != nil {
		return err
	}
	loss, share, err := ev.score(r.set.Train.Labels, k)
	if err != nil {
		return fmt.Errorf("%w: training split after epoch %d: %w", ErrDiverged, row.Epoch, err)
	}
	row.TrainLoss, row.TrainError = record.Number(loss), record.Number(share)

	acc, err := nc.NewAccumulator(k, d)
	if err != nil {
		return err
	}
	if err := acc.Add(ev.Features, r.set.Train.Labels); err != nil {
		return err
	}
	if err := acc.BeginSecond(); err != nil {
		return err
	}
	if err := acc.AddSecond(ev.Features, r.set.Train.Labels); err != nil {
		return err
	}
	clf, err := r.engine.Classifier()
	if err != nil {
		return err
	}
	sum, err := acc.Summary(clf)
	if err != nil {
		return err
	}
	row.NC1, row.NC2, row.NC3 = record.Number(sum.NC1), record.Number(sum.NC2), record.Number(sum.NC3)
	row.WNorm, row.HNorm, row.NCCError = record.Number(sum.WNorm), record.Number(sum.HNorm), record.Number(sum.NCCError)
	// Of the notes, those on figures that the row has.
	for _, name := range []string{"nc1", "nc2", "nc3", "w_norm", "h_norm", "ncc_error"} {
		if note := sum.Note(name); note != "" {
			if row.Notes == nil {
				row.Notes = make(map[string]string)
			}
			row.Notes[name] = note
		}
	}

	if ev, err = r.evaluate(ctx, true); err != nil {
		return err
	}
	if loss, share, err = ev.score(r.set.Test.Labels, k); err != nil {
		return fmt.Errorf("%w: test split after epoch %d: %w", ErrDiverged, row.Epoch, err)
	}
	row.TestLoss, row.TestError = record.Number(loss), record.Number(share)
	if note := row.Notes["ncc_error"]; note != "" { // no nearest mean
		row.NCCTestError = record.Number(math.NaN())
		row.Notes["ncc_test_error"] = note
		return nil
	}
	nearest := make([]int32, len(r.set.Test.Labels))
	if err := acc.NearestMean(ev.Features, nearest); err != nil {
		return err
	}
	wrong := 0
	for i, y := range r.set.Test.Labels {
		if nearest[i] != y {
			wrong++
		}
	}
	row.NCCTestError = record.Number(float64(wrong) / float64(len(nearest)))
	return nil
}

// evaluation is a whole split's batches, joined.
type evaluation struct{ Features, Logits, Losses []float32 }

func (r *run) evaluate(ctx context.Context, test bool) (*evaluation, error) {
	ev := new(evaluation)
	return ev, r.engine.Evaluate(ctx, Look{Test: test}, func(b *Batch) error {
		ev.Features = append(ev.Features, b.Features...)
		ev.Logits = append(ev.Logits, b.Logits...)
		ev.Losses = append(ev.Losses, b.Losses...)
		return nil
	})
}

// score returns the mean loss and the share of misclassified samples. Of equal
// logits the first counts. Numbers that are not finite are an error.
func (ev *evaluation) score(labels []int32, k int) (loss, share float64, err error) {
	wrong := 0
	for i, y := range labels {
		l := float64(ev.Losses[i])
		if math.IsNaN(l) || math.IsInf(l, 0) {
			return 0, 0, fmt.Errorf("the loss of image %d is %v", i, l)
		}
		loss += l
		z := ev.Logits[i*k : (i+1)*k]
		best := 0
		for j, v := range z {
			if v > z[best] {
				best = j
			}
		}
		if best != int(y) {
			wrong++
		}
	}
	for i, h := range ev.Features {
		if math.IsNaN(float64(h)) || math.IsInf(float64(h), 0) {
			return 0, 0, fmt.Errorf("a feature of image %d is %v", i/(len(ev.Features)/len(labels)), h)
		}
	}
	n := float64(len(labels))
	return loss / n, float64(wrong) / n, nil
}

// save writes the checkpoint, then the record that names it.
func (r *run) save() error {
	state, err := r.engine.State()
	if err != nil {
		return err
	}
	r.rec.Checkpoint = nil // the file cannot hold its own hash
	c := Checkpoint{Epoch: r.epoch, Step: r.step, Partial: r.partial, Record: *r.rec, State: *state}
	b, err := c.marshal(r.engine.Network, r.steps)
	if err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	if err := record.WriteFileAtomic(filepath.Join(r.options.Out, CheckpointFile), b); err != nil {
		return fmt.Errorf("train: writing the checkpoint after epoch %d, step %d: %w", r.epoch, r.step, err)
	}
	r.rec.Checkpoint = &record.Checkpoint{File: CheckpointFile, SHA256: hash(b), Epoch: r.epoch, Step: r.step}
	return r.writeRecord()
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
	measuresLeft := r.spec.Epochs - r.epoch
	measure := r.measureTime.mean()
	if r.measureTime.n == 0 {
		// An evaluation's forward pass is about a third of a step.
		images := float64(len(r.set.Train.Labels)+len(r.set.Test.Labels)) / float64(r.spec.Batch)
		measure = time.Duration(images / 3 * float64(r.stepTime.mean()))
	}
	e.Remaining = time.Duration(stepsLeft)*r.stepTime.mean() + time.Duration(measuresLeft)*measure
	r.options.Progress(e)
}
