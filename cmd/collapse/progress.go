package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
)

// progress prints a line for each measured epoch, and on a terminal shows a bar. With several seeds
// the bar is that of all runs, and every line begins with its seed.
type progress struct {
	w      io.Writer
	batch  int // images per step
	seeds  int // number of runs; 0 for a single one, whose lines show no seed
	bar    *progressbar.ProgressBar
	header bool
	last   *record.Epoch
	of     map[int64]*runProgress
}

// runProgress is the progress of one run.
type runProgress struct {
	done, total int // steps
	left        time.Duration
	step        float64   // moving average of the seconds per step
	last        time.Time // of the last step; zero after a measurement, which is not a step
}

func newProgress(w io.Writer, spec record.Spec, seeds int) *progress {
	return &progress{w: w, batch: spec.Batch, seeds: seeds, of: map[int64]*runProgress{}}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (p *progress) event(e train.Event) { p.seedEvent(0, e) }

func (p *progress) seedEvent(seed int64, e train.Event) {
	r := p.of[seed]
	if r == nil {
		r = &runProgress{total: e.Epochs * e.Steps}
		p.of[seed] = r
	}
	r.done, r.left = (e.Epoch-1)*e.Steps+e.Step, e.Remaining
	now := time.Now()
	if took := now.Sub(r.last).Seconds(); !r.last.IsZero() {
		if r.step == 0 {
			r.step = took
		}
		r.step += (min(took, 3*r.step) - r.step) / 20 // bounded, since the first step also compiles
	}
	if r.last = now; e.Row != nil {
		r.last = time.Time{}
	}
	if e.Row != nil {
		p.row(seed, e)
	} else if isTerminal(p.w) {
		p.show(seed, e)
	}
}

// row prints a measured epoch.
func (p *progress) row(seed int64, e train.Event) {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	prefix := ""
	if p.seeds > 0 {
		prefix = fmt.Sprintf("%-8d", seed)
	}
	if !p.header {
		p.header = true
		head := "epoch      train loss  error%   test error%   " +
			"NC1        NC2      NC3      ‖w‖    ‖h‖     s     images/s  left"
		if p.seeds > 0 {
			head = "seed    " + head
		}
		fmt.Fprintln(p.w, head)
	}
	r := e.Row
	rate := "–"
	if r.Seconds > 0 {
		rate = fmt.Sprintf("%.0f", float64(e.Steps*p.batch)/r.Seconds)
	}
	// A metric that is not defined is a dash.
	show := func(format string, v float64) string {
		if math.IsNaN(v) {
			return "–"
		}
		return fmt.Sprintf(format, v)
	}
	fmt.Fprintf(p.w, "%s%4d/%-5d %10.4f %7.2f %13s   %-10s %-8s %-8s %-6s %-6s %5.1f %9s  %s\n",
		prefix, e.Epoch, e.Epochs, float64(r.TrainLoss), 100*float64(r.TrainError),
		show("%.2f", 100*float64(r.TestError)), show("%.3g", float64(r.NC1)), show("%.3f", float64(r.NC2)),
		show("%.3f", float64(r.NC3)), show("%.2f", float64(r.WNorm)), show("%.2f", float64(r.HNorm)),
		r.Seconds+r.MeasureSeconds, rate, short(e.Remaining))
	p.last = r
}

// show moves the bar.
func (p *progress) show(seed int64, e train.Event) {
	done, total, rate := 0, 0, 0.0 // rate in steps per second
	var left time.Duration
	for _, r := range p.of {
		done, total, left = done+r.done, total+r.total, max(left, r.left)
		if r.step > 0 && r.done < r.total {
			rate += 1 / r.step
		}
	}
	if waiting := p.seeds - len(p.of); waiting > 0 {
		total += waiting * e.Epochs * e.Steps
		if left = 0; rate > 0 {
			left = time.Duration(float64(total-done) / rate * float64(time.Second))
		}
	}
	if p.bar == nil {
		p.bar = bar(p.w, int64(total), 24,
			progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false))
	}
	p.bar.ChangeMax(total)
	text := fmt.Sprintf("epoch %d/%d", e.Epoch, e.Epochs)
	if p.seeds > 0 {
		text = fmt.Sprintf("seed %d, %s", seed, text)
	}
	text += fmt.Sprintf(" loss %.4f", e.Loss)
	if rate > 0 {
		text += fmt.Sprintf(", %.0f images/s", rate*float64(p.batch))
	}
	if left > 0 {
		text += ", " + short(left) + " left"
	}
	if p.last != nil {
		if v := float64(p.last.NC1); !math.IsNaN(v) {
			text += fmt.Sprintf(", NC1 %.3g", v)
		}
		if v := 100 * float64(p.last.TestError); !math.IsNaN(v) {
			text += fmt.Sprintf(", test error %.1f %%", v)
		}
	}
	p.bar.Describe(text)
	_ = p.bar.Set(done)
}

func short(d time.Duration) string { return d.Round(time.Second).String() }

func (p *progress) close() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

// bar returns a bar of a given width on w, which disappears at its end.
func bar(w io.Writer, total int64, width int, more ...progressbar.Option) *progressbar.ProgressBar {
	return progressbar.NewOptions64(total, append([]progressbar.Option{
		progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(width), progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(200 * time.Millisecond),
	}, more...)...)
}

// countProgress shows a pass over rows, such as images: a bar on a terminal, else nothing.
func countProgress[N int | int64](w io.Writer, what string) (tell func(done, total N), end func()) {
	if !isTerminal(w) {
		return nil, func() {}
	}
	b := bar(w, -1, 32, progressbar.OptionSetDescription(what), progressbar.OptionShowCount())
	return func(done, total N) { b.ChangeMax64(int64(total)); _ = b.Set64(int64(done)) }, func() { _ = b.Clear() }
}

// byteProgress shows a download: a bar on a terminal, else nothing between its first and its last
// line, which package data logs.
func byteProgress(w io.Writer) func(done, total int64) {
	if !isTerminal(w) {
		return nil
	}
	var b *progressbar.ProgressBar
	return func(done, total int64) {
		if b == nil {
			b = bar(w, total, 32, progressbar.OptionShowBytes(true))
		}
		_ = b.Set64(done)
	}
}
