package train

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/internal/atomic"
	"github.com/gocollapse/collapse/record"
)

// resume takes up the newest checkpoint in the run's folder that can be read.
func (r *run) resume() error {
	out := r.options.Out
	old, err := record.ReadFile(out)
	unread := err
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		notef(r.options.Log, "%v; the checkpoint's own copy is taken in its place", err)
	}
	c, settle, err := r.newest(old)
	if err != nil {
		return err
	}
	if c == nil {
		if old == nil {
			return fmt.Errorf("train: %s holds no checkpoint, and its record cannot be read: %w", out, unread)
		}
		if err := sameRun(out, old.Spec, r.spec); err != nil {
			return err
		}
		if old.Initial != nil && r.options.Initial == "" {
			return fmt.Errorf("train: %s ended before its first checkpoint, and it began from the weights in %s: begin"+
				" it again with them, in another folder", out, old.Initial.Name)
		}
		notef(r.options.Log, "%s ended before its first checkpoint; it begins again", out)
		return r.initial()
	}
	if err := sameRun(c.path, c.Record.Spec, r.spec); err != nil {
		return err
	}
	if c.Epoch > r.spec.Epochs || (c.Epoch == r.spec.Epochs && c.Step > 0) {
		return fmt.Errorf("train: %s has %d complete epochs and %d steps, the specification asks for %d epochs; ask"+
			" for more, or train in a new folder", c.path, c.Epoch, c.Step, r.spec.Epochs)
	}
	if last := c.Record.Last(); c.Step > r.steps || last != nil && last.Epoch > c.Epoch {
		return fmt.Errorf("train: %s has %d complete epochs, %d of %d steps and rows %v, which do not go together",
			c.path, c.Epoch, c.Step, r.steps, rowEpochs(&c.Record))
	}
	if err := sameImages(c.path, c.Record.Data, r.rec.Data); err != nil {
		return err
	}
	if err := c.load(r.engine.Network); err != nil {
		return fmt.Errorf("train: checkpoint %w", err)
	}
	if err := r.engine.SetState(&c.State); err != nil {
		return err
	}
	if err := settle(); err != nil {
		return err
	}
	if old != nil && old.Status == record.Failed {
		notef(r.options.Log, "the run diverged after this checkpoint (%s); it takes the same steps again", old.Failure)
	}
	r.rec.Initial = c.Record.Initial
	r.earlier(c)
	r.rec.Started, r.rec.Seconds = c.Record.Started, c.Record.Seconds
	r.rec.StepLosses = append(r.rec.StepLosses, c.Record.StepLosses...)
	r.rec.Epochs = append(r.rec.Epochs, c.Record.Epochs...)
	r.rec.Checkpoint = &record.Checkpoint{File: CheckpointFile, SHA256: c.sha256, Epoch: c.Epoch, Step: c.Step}
	r.epoch, r.step, r.partial = c.Epoch, c.Step, c.Partial
	whole := c.Record.TestLogits != nil || r.set.Test.Len() == 0
	if c.Epoch == r.spec.Epochs && c.Record.Status == record.Finished && whole {
		r.completed = true
		r.rec.Status, r.rec.TestLogits, r.rec.Final = record.Finished, c.Record.TestLogits, c.Record.Final
		notef(r.options.Log, "the run is finished; for more epochs ask for them")
	}
	return r.keep()
}

// earlier says in the record on what else the run went on before.
func (r *run) earlier(c *checkpointFile) {
	const mark = "; up to epoch "
	was, is := c.Record.Environment, &r.rec.Environment
	if _, before, ok := strings.Cut(was.BackendReason, mark); ok {
		is.BackendReason += mark + before
	}
	// What numbers depend on, in words.
	words := func(e *record.Environment) string {
		s := fmt.Sprintf("%s (%s, %d cores, Collapse %s", strings.TrimSpace(e.Backend+" "+e.PluginVersion), e.CPU,
			e.Cores, e.Collapse)
		if e.Backend == backend.CUDA {
			s += ", " + e.Device
		}
		if e.TF32 {
			s += ", TF32"
		}
		if e.Deterministic {
			s += ", deterministic"
		}
		if e.StepsPerCall > 1 {
			s += fmt.Sprintf(", %d steps per call", e.StepsPerCall)
		}
		return s + ")"
	}
	if before := words(&was); before != words(is) {
		is.BackendReason += fmt.Sprintf("%s%d, step %d, on %s", mark, c.Epoch, c.Step, before)
	}
}

// newest opens the newest checkpoint that can be read, nil where there is none at all.
// settle, called once the run takes it up, makes it the folder's newest.
func (r *run) newest(old *record.Record) (c *checkpointFile, settle func() error, err error) {
	newest, previous := filepath.Join(r.options.Out, CheckpointFile), filepath.Join(r.options.Out, PreviousFile)
	c, err = openCheckpoint(newest)
	if err == nil {
		err = r.agrees(c, old)
	}
	if err == nil {
		return c, func() error { return nil }, nil
	}
	missing := errors.Is(err, fs.ErrNotExist)
	if !missing && !errors.Is(err, errDamaged) {
		return nil, nil, fmt.Errorf("train: checkpoint %w", err)
	}
	p, perr := openCheckpoint(previous)
	switch {
	case missing && errors.Is(perr, fs.ErrNotExist):
		return nil, nil, nil
	case perr != nil:
		return nil, nil, fmt.Errorf("train: neither checkpoint can be resumed from: %w; %w. Put a kept one in their"+
			" place (checkpoint-epoch-N.safetensors as %s), or train in a new folder", err, perr, CheckpointFile)
	}
	if missing {
		notef(r.options.Log, "%s is missing, as after a kill between two writes", newest)
	} else {
		notef(r.options.Log, "%v; it is moved to %s", err, DamagedFile)
	}
	notef(r.options.Log, "going on from %s: %d complete epochs and %d steps", PreviousFile, p.Epoch, p.Step)
	return p, func() error {
		if !missing {
			if err := os.Rename(newest, filepath.Join(r.options.Out, DamagedFile)); err != nil {
				return fmt.Errorf("train: %w", err)
			}
		}
		if err := os.Rename(previous, newest); err != nil {
			return fmt.Errorf("train: %w", err)
		}
		return nil
	}, nil
}

// agrees compares a checkpoint with the hash in the record. A kill between the two writes
// leaves a checkpoint later than the record's.
func (r *run) agrees(c *checkpointFile, old *record.Record) error {
	if old == nil || old.Checkpoint == nil {
		return nil
	}
	k := old.Checkpoint
	if k.SHA256 == c.sha256 || c.Epoch > k.Epoch || c.Epoch == k.Epoch && c.Step > k.Step {
		return nil
	}
	if !c.checksum {
		return fmt.Errorf("%s: %w: its SHA-256 is %s, the record says %s", c.path, errDamaged, c.sha256, k.SHA256)
	}
	notef(r.options.Log, "%s (epoch %d, step %d) is not the checkpoint that the record names (epoch %d, step %d), but"+
		" whole; going on from it", c.path, c.Epoch, c.Step, k.Epoch, k.Step)
	return nil
}

// keep copies the newest checkpoint to its name where a kill came in between.
func (r *run) keep() error {
	kept := filepath.Join(r.options.Out, KeptFile(r.epoch))
	if _, err := os.Stat(kept); r.step != 0 || !slices.Contains(r.options.KeepEpochs, r.epoch) ||
		!errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	b, err := os.ReadFile(filepath.Join(r.options.Out, CheckpointFile))
	if err == nil {
		err = atomic.WriteFile(kept, b)
	}
	if err != nil {
		return fmt.Errorf("train: keeping the checkpoint of epoch %d: %w", r.epoch, err)
	}
	return nil
}

// sameRun reports the fields of a resolved specification that may not change between sessions of
// a run: a run may get another name, more epochs and other epochs that are measured;
// all else makes its numbers.
func sameRun(where string, have, want record.Spec) error {
	have = have.Resolve()
	free := "name, epochs and measure"
	want.Name, want.Epochs, want.Measure = have.Name, have.Epochs, have.Measure
	if have.Schedule == "multistep" { // its milestones say it all
		free = "name, epochs, schedule_epochs and measure"
		want.ScheduleEpochs = have.ScheduleEpochs
	}
	var differ []string
	for _, d := range record.Differences(have, want) {
		differ = append(differ, fmt.Sprintf("%s is %s there and %s here", d.Field, d.A, d.B))
	}
	if differ == nil {
		return nil
	}
	return fmt.Errorf("train: %s was trained under another specification: %s. Only %s may change; leave the rest as it"+
		" was, or train in a new folder", where, strings.Join(differ, ", "), free)
}

// sameImages reports that the images of a run or checkpoint are not those that are there now.
func sameImages(where string, then, now record.Data) error {
	if then.Train == now.Train && slices.Equal(then.Files, now.Files) {
		return nil
	}
	return fmt.Errorf("train: %s was trained on other images than those of %q now: %d training images of %v then,"+
		" %d of %v now", where, now.Name, then.Train, fileNames(then.Files), now.Train, fileNames(now.Files))
}

func rowEpochs(rec *record.Record) (list []int) {
	for _, e := range rec.Epochs {
		list = append(list, e.Epoch)
	}
	return list
}

func fileNames(files []record.File) (list []string) {
	for _, f := range files {
		list = append(list, f.Name)
	}
	return list
}

// initial puts the weights that were given in place of the seed's.
func (r *run) initial() (err error) {
	if r.options.Initial != "" {
		r.rec.Initial, err = r.engine.Load(r.options.Initial)
	}
	return err
}
