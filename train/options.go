package train

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/gomlx/compute"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/record"
)

// Event tells how far a run is.
type Event struct {
	Epoch, Epochs int           // the current one, from 1, and how many
	Step, Steps   int           // complete steps of this epoch, and how many it has
	Loss          float64       // mean loss of the last step's batch, in training mode
	Row           *record.Epoch // what was measured, nil after a step
	Remaining     time.Duration // estimate for the whole run, 0 where there is none yet
}

// A Request asks trainings that go on for a checkpoint, as a signal does. It is safe for concurrent
// use.
type Request struct{ asked atomic.Int64 }

// Ask has every run with this Request write a checkpoint after its current step.
func (r *Request) Ask() { r.asked.Add(1) }

// times returns how often it was asked.
func (r *Request) times() int64 {
	if r == nil {
		return 0
	}
	return r.asked.Load()
}

// Options says where and on what a run takes place.
type Options struct {
	// Out is the folder for the record and the checkpoints. It is created, and locked
	// while the run goes on.
	Out string
	// Set holds the images of the specification's data set as OpenImages opens it; nil
	// opens it. Run holds out TestShare, takes TrainPerClass images of each class, then
	// the long tail, then corrupts the labels; a set that has TrainPerClass images of each
	// class already is not reduced again. Without test images the test metrics are null.
	Set *data.Set
	// Backend runs the graphs, and Choice says what it is; a nil Backend opens the one that
	// package backend chooses. One that is given must be opened with backend.For(spec), which
	// knows the precision.
	Backend compute.Backend
	Choice  backend.Choice
	// Progress is called from the training goroutine after each step, or each StepsPerCall of
	// them, and each measured epoch; nil is allowed.
	Progress func(Event)
	// Log, if not nil, gets a line for each thing a user would want to know of: a
	// checkpoint that could not be read and what is done instead, for instance.
	Log io.Writer
	// Resume continues from Out's newest checkpoint that can be read. A run that was
	// killed before its first one begins again. Without Resume a folder that holds a run is
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
	// StepsPerCall is how many steps the device takes at one call, see Engine.Steps. Progress,
	// checkpoints and stops come between calls. 0 is 1 on a CPU, which loses nothing between
	// steps, and on CUDA a number up to 32 that divides an epoch. The steps that are left of an
	// epoch run one by one, so a resumed run repeats an uninterrupted one exactly.
	StepsPerCall int
	// LayerProfile measures NC1 of every layer's features after the last epoch, which
	// compiles one more graph and evaluates the training split twice.
	LayerProfile bool
	// Request, if not nil, asks for checkpoints from outside. Several runs may share one.
	Request *Request
	// Force trains even where memory or disk seem too small.
	Force bool
}

// check reports bad options.
func (o *Options) check(spec record.Spec) error {
	if o.Out == "" {
		return errors.New("train: no folder for the run was given")
	}
	if o.StepsPerCall < 0 {
		return fmt.Errorf("train: %d steps per call; want at least 1, or 0", o.StepsPerCall)
	}
	if o.Limit < 0 || o.CheckpointEvery < 0 {
		return fmt.Errorf("train: limit %v and checkpoints every %v; want times above 0, or 0 for none and for ten"+
			" minutes", o.Limit, o.CheckpointEvery)
	}
	if want := backend.For(spec).TF32; o.Choice.Name == backend.CUDA && o.Choice.TF32 != want {
		return fmt.Errorf("train: precision %s: the backend was opened with TF32 %t, want %t; open it with"+
			" backend.For(spec)", spec.Precision, o.Choice.TF32, want)
	}
	for _, e := range o.KeepEpochs {
		if e < 1 || e > spec.Epochs {
			return fmt.Errorf("train: the checkpoint of epoch %d is to be kept; the run has epochs 1 to %d", e,
				spec.Epochs)
		}
	}
	return nil
}
