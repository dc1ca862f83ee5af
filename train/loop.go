package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/internal/atomic"
	"github.com/gocollapse/collapse/record"
)

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
		last = fmt.Sprintf("the last good checkpoint is %s (epoch %d, step %d)", filepath.Join(r.options.Out, c.File),
			c.Epoch, c.Step)
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
		case row != nil,
			r.due(),
			slices.Contains(r.options.KeepEpochs, epoch),
			time.Since(r.saved) >= saveShare*r.saveCost:
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

// due says whether the last checkpoint is too old, or another one is asked for.
func (r *run) due() bool {
	return time.Since(r.saved) >= r.options.CheckpointEvery || r.options.Request.times() > r.served
}

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
		if r.step%r.stepsPerCall == 0 && r.step+r.stepsPerCall <= r.whole {
			n = r.stepsPerCall
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
				return 0, fmt.Errorf("%w: loss %v at epoch %d, step %d, rate %v", ErrDiverged, loss, epoch, r.step+i+1,
					rate)
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

// stepsPerCall returns how many of an epoch's steps of whole batches CUDA takes at one call: the
// largest number up to 32 that divides them, 16 where that is below 8.
func stepsPerCall(steps int) int {
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
	r.served = r.options.Request.times()
	state, err := r.engine.State()
	if err != nil {
		return err
	}
	epoch, step := r.epoch, r.step
	if name := state.infinite(r.engine.Network); name != "" {
		return fmt.Errorf("%w: %s is NaN or infinite after epoch %d and %d steps, rate %v", ErrDiverged, name, epoch,
			step, r.spec.RateAt(min(epoch+1, r.spec.Epochs)))
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
		err = atomic.WriteFile(filepath.Join(r.options.Out, KeptFile(epoch)), b)
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
