package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gocollapse/collapse/internal/atomic"
	"github.com/gocollapse/collapse/train"
)

// stopSignal is the cause of a context that a signal cancelled.
type stopSignal struct{ os.Signal }

func (s stopSignal) Error() string { return "stopped by " + signalName(s.Signal) }

// grace is how long a command may take to end after a signal. One that is in a computation that
// does not look at its context is then left where it is: it has written no file in part.
const grace = 600 * time.Millisecond

// patience is held by what has to end by itself: a training, which writes a checkpoint.
type patience struct {
	mu   sync.Mutex
	held bool
}

type patienceKey struct{}

// hold says whether the command must be waited for after a signal.
func hold(ctx context.Context, yes bool) {
	if p, ok := ctx.Value(patienceKey{}).(*patience); ok {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.held = yes
	}
}

func (p *patience) isHeld() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held
}

// runSignalled is run with a context that SIGINT, SIGTERM and SIGHUP cancel. It returns within grace
// of the signal, unless the command holds its patience. A SIGINT after the first signal ends it at
// once; other signals are then ignored, so that a scheduler or a lost terminal that repeats itself
// does not cost the checkpoint. ready is called once signals are caught.
func runSignalled(args []string, stdout, stderr io.Writer, ready func()) int {
	p := &patience{}
	ctx, cancel := context.WithCancelCause(context.WithValue(context.Background(), patienceKey{}, p))
	defer cancel(nil)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, stopSignals()...)
	ready()
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, args, stdout, stderr) }()
	var late <-chan time.Time
	var first os.Signal
	for {
		select {
		case code := <-ended:
			return code
		case s := <-signals:
			switch {
			case first == nil:
				first = s
				cancel(stopSignal{s})
				late = time.After(grace)
			case s == os.Interrupt:
				fmt.Fprintln(stderr, "collapse: stopped by a second interrupt")
				atomic.Discard()
				return exitInput
			}
		case <-late:
			if p.isHeld() {
				late = time.After(grace)
				continue
			}
			fmt.Fprintln(stderr, "collapse:", stopSignal{first})
			atomic.Discard()
			return exitInput
		}
	}
}

// signalFlag is a flag that may be given several times: a signal that asks a training for a
// checkpoint, and whether the training then goes on.
type signalFlag struct {
	text string
	goes map[os.Signal]bool
}

func (f *signalFlag) String() string { return f.text }
func (f *signalFlag) Type() string   { return "signal" }

func (f *signalFlag) Set(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		name, goes := strings.CutSuffix(strings.TrimSpace(part), ":continue")
		s, ok := userSignals[strings.TrimPrefix(strings.ToUpper(name), "SIG")]
		switch {
		case len(userSignals) == 0:
			return errors.New("this system has no such signals; --checkpoint-minutes bounds what a kill loses")
		case !ok:
			return errors.New("want USR1 or USR2, or with :continue, such as USR2:continue; " +
				"INT, TERM and HUP leave a checkpoint by themselves")
		}
		if f.goes == nil {
			f.goes = map[os.Signal]bool{}
		}
		f.goes[s] = goes
	}
	f.text = strings.TrimPrefix(f.text+","+text, ",")
	return nil
}

// catch makes the signals of --checkpoint-signal stop the training or ask it for checkpoints. end
// stops listening; it names the signal in an error that says that a context was cancelled.
func (t *trainOptions) catch(ctx context.Context, o *train.Options, log io.Writer) (
	caught context.Context, end func(error) error) {
	caught, cancel := context.WithCancelCause(ctx)
	o.Request = &train.Request{}
	signals := make(chan os.Signal, 4)
	for s := range t.signals.goes {
		signal.Notify(signals, s)
	}
	go func() {
		for {
			select {
			case s := <-signals:
				if !t.signals.goes[s] {
					cancel(stopSignal{s})
					continue
				}
				fmt.Fprintf(log, "note     %s: a checkpoint follows the current step\n", signalName(s))
				o.Request.Ask()
			case <-caught.Done(): // a signal that repeats itself stays caught, and does nothing
				return
			}
		}
	}()
	return caught, func(err error) error {
		cause := context.Cause(caught)
		signal.Stop(signals)
		cancel(nil)
		hold(ctx, false)
		if errors.Is(err, context.Canceled) && !errors.Is(err, train.ErrStopped) && cause != nil {
			return cause
		}
		return err
	}
}

// stopSignals are the signals that end a command. A hangup that the parent ignores, as nohup does,
// stays ignored.
func stopSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}
