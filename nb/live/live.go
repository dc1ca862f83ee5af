// Package live holds what a notebook cell calls to use the machine: training with
// a curve that draws while it runs, and the check of the machine. It is apart from
// package nb because it needs GoMLX, which a cell that only shows need not link.
package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/janpfeifer/gonb/gonbui"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/nb"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
)

// redraw is the least time between two drawings of the live curve: often enough
// to look alive, seldom enough to cost training nothing that can be measured.
const redraw = 300 * time.Millisecond

// openBackend is backend.Open; a test looks at what is asked for.
var openBackend = backend.Open

// Train trains spec and draws while it does: the loss of every step, the errors
// and NC1 to NC3 of every measured epoch, and how long it will still take. At the end the
// same place in the output shows one lasting figure. It returns the record.
//
// The run is written to the folder out, relative to the project; it should be
// under build/ or runs/. Interrupting the kernel stops the training with a
// checkpoint and an error that wraps train.ErrStopped; running the cell again
// with the same specification continues it. Any other run that out holds is moved
// to out.before, in place of what was there. Outside a notebook Train prints a
// line per measured epoch.
func Train(spec record.Spec, out string) (*record.Record, error) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	return runIn(ctx, os.Stdout, spec, out, nil)
}

// runIn is Train on a set of images that the caller may give; nil opens the
// specification's.
func runIn(ctx context.Context, terminal io.Writer, spec record.Spec, out string,
	set *data.Set) (*record.Record, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	out, err := nb.Path(out)
	if err != nil {
		return nil, err
	}
	resume, err := makeRoom(out, spec)
	if err != nil {
		return nil, err
	}
	b, choice, err := openBackend(backend.For(spec))
	if err != nil {
		return nil, err
	}
	d := newDrawing(terminal, spec, choice)
	if resume {
		old, err := record.ReadFile(out)
		if err != nil {
			return nil, err
		}
		d.rows = old.Epochs
	}
	rec, err := train.Run(ctx, spec, train.Options{
		Out: out, Set: set, Backend: b, Choice: choice, Progress: d.event, Resume: resume, Log: terminal,
	})
	if errors.Is(err, train.ErrStopped) {
		d.show(fmt.Sprintf("Stopped after epoch %d of %d. Run the cell again to continue.",
			rec.Checkpoint.Epoch, spec.Epochs))
		return rec, err
	}
	if err != nil {
		return rec, err
	}
	return rec, d.finish(rec)
}

// makeRoom prepares the folder out for spec. It reports true where out holds an
// unfinished run of the same specification, to be continued.
func makeRoom(out string, spec record.Spec) (resume bool, err error) {
	old, err := record.ReadFile(out)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%w; move the folder away to train there", err)
	}
	if sameSpec(old.Spec, spec) && old.Status != record.Finished &&
		old.Status != record.Failed && old.Checkpoint != nil {
		return true, nil
	}
	if err := train.InUse(out); err != nil {
		return false, err
	}
	before := out + ".before"
	if err := os.RemoveAll(before); err != nil {
		return false, fmt.Errorf("making room for the run: %w", err)
	}
	if err := os.Rename(out, before); err != nil {
		return false, fmt.Errorf("making room for the run: %w", err)
	}
	return false, nil
}

func sameSpec(a, b record.Spec) bool { return record.Differences(a.Resolve(), b.Resolve()) == nil }

// drawing is the state of a live curve.
type drawing struct {
	terminal io.Writer
	spec     record.Spec
	choice   backend.Choice
	id       string         // of the place in the notebook's output
	steps    []point        // loss against epochs done
	rows     []record.Epoch // measured so far
	drawn    time.Time      // of the last drawing
}

type point struct{ x, y float64 }

func newDrawing(terminal io.Writer, spec record.Spec, choice backend.Choice) *drawing {
	d := &drawing{terminal: terminal, spec: spec, choice: choice, id: "collapse-train-" + gonbui.UniqueId()}
	if choice.Warning != "" {
		fmt.Fprintln(terminal, choice.Warning)
	}
	d.show("Compiling the network …")
	return d
}

// event takes in one event of the training and redraws where it is time.
func (d *drawing) event(e train.Event) {
	if e.Row != nil {
		// A run may go on from before the last rows that it had.
		d.rows = slices.DeleteFunc(d.rows, func(r record.Epoch) bool { return r.Epoch >= e.Row.Epoch })
		d.rows = append(d.rows, *e.Row)
	} else if e.Steps > 0 {
		d.steps = append(d.steps, point{float64(e.Epoch-1) + float64(e.Step)/float64(e.Steps), e.Loss})
	}
	// A terminal gets one line per measured epoch, a notebook a drawing as often as it may.
	if e.Row == nil && (!nb.InNotebook() || time.Since(d.drawn) < redraw) {
		return
	}
	d.show(d.status(e))
}

// status says in one line how far the training is.
func (d *drawing) status(e train.Event) string {
	s := fmt.Sprintf("epoch %d of %d", e.Epoch, e.Epochs)
	if e.Row == nil {
		s += fmt.Sprintf(", step %d of %d, loss %.3f", e.Step, e.Steps, e.Loss)
	}
	// The first step includes the compilation, so it foretells nothing.
	if e.Remaining > 0 && len(d.steps) > 2 {
		s += fmt.Sprintf(" · about %v left", e.Remaining.Round(time.Second))
	}
	return s
}

// measured says in a line what the last measured epoch was.
func (d *drawing) measured() string {
	if len(d.rows) == 0 {
		return ""
	}
	r := &d.rows[len(d.rows)-1]
	text := fmt.Sprintf("after epoch %d", r.Epoch)
	separator := ": "
	for _, m := range []struct{ key, format string }{
		{"train_error", "training error %.2f %%"}, {"test_error", "test error %.2f %%"}, {"nc1", "NC1 %.3g"},
		{"nc2", "NC2 %.3g"}, {"nc3", "NC3 %.3g"},
	} {
		metric, _ := record.MetricByKey(m.key)
		if v := metric.Shown(r); !math.IsNaN(v) { // there may be no test images
			text += separator + fmt.Sprintf(m.format, v)
			separator = ", "
		}
	}
	return text
}

// show draws the curve with a line of text above it.
func (d *drawing) show(status string) {
	d.drawn = time.Now()
	if !nb.InNotebook() {
		fmt.Fprintln(d.terminal, strings.TrimSuffix(status+" · "+d.measured(), " · "))
		return
	}
	nb.Display(d.id, nb.Bundle{HTML: d.html(status), Text: status})
}

// finish replaces the live curve by the lasting figure.
func (d *drawing) finish(rec *record.Record) error {
	f, err := figures.Figure1(figures.Of(rec)...)
	if err != nil {
		return err
	}
	b := nb.FigureBundle(f)
	if !nb.InNotebook() {
		fmt.Fprintln(d.terminal, b.Text)
		return nil
	}
	nb.Display(d.id, b)
	return nil
}

// LoadOrTrain returns the record of a run that experiments/ specifies, by name,
// for instance "fashion-resnet18-ce". Where it has not been trained to its end
// (make report trains the runs that the notebooks show), it is trained here, into
// build/runs, with the live curve of Train.
func LoadOrTrain(name string) (*record.Record, error) {
	rec, err := nb.LoadRun(name)
	if err == nil && rec.Status == record.Finished {
		return rec, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	spec, err := nb.ReadSpec(name)
	if err != nil {
		return nil, err
	}
	return Train(spec, filepath.Join("build", "runs", name))
}
