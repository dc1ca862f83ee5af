package train

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/compute"

	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/npz"
	"github.com/gocollapse/collapse/record"
)

// Loaded is a network with the images it is for.
type Loaded struct {
	*Engine
	Record      *record.Record // as far as the checkpoint got; nil from OpenWeights
	Set         *data.Set
	Epoch, Step int // complete epochs, and steps of the one after them
}

// OpenRun opens the network of a run's folder at a checkpoint, one of the folder's
// files or "" for the latest, with the images that its record names, opened as o says. It is
// an error if they are not the images that the network was trained on. The caller closes it.
func OpenRun(ctx context.Context, b compute.Backend, run, checkpoint string, o data.Options) (*Loaded, error) {
	rec, err := record.ReadFile(run)
	if err != nil {
		return nil, err
	}
	set, err := OpenSet(ctx, rec.Spec, o)
	if err != nil {
		return nil, err
	}
	if err := sameImages(run, rec.Data, set.Info); err != nil {
		return nil, err
	}
	spec := rec.Spec.Resolve()
	// How it was trained does not matter here, and another machine may have fewer devices.
	spec.Devices, spec.Accumulate = 1, 1
	e, err := newEngine(b, spec, set)
	if err != nil {
		return nil, err
	}
	c, _, err := ReadCheckpoint(checkpointPath(run, checkpoint), e.Network)
	if err == nil {
		err = e.SetState(&c.State)
	}
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return &Loaded{Engine: e, Record: &c.Record, Set: set, Epoch: c.Epoch, Step: c.Step}, nil
}

// OpenWeights opens a specification's network with the values of a file that
// ReadWeights reads, and the images that the specification names. The caller closes it.
func OpenWeights(ctx context.Context, b compute.Backend, spec record.Spec, path string,
	o data.Options) (*Loaded, error) {
	spec, err := resolve(spec)
	if err != nil {
		return nil, err
	}
	set, err := OpenSet(ctx, spec, o)
	if err != nil {
		return nil, err
	}
	// How it would be trained does not matter, and need not fit the images.
	spec.Batch, spec.Accumulate, spec.Devices = max(2, min(spec.Batch, set.Train.Len())), 1, 1
	e, err := newEngine(b, spec, set)
	if err != nil {
		return nil, err
	}
	if _, err := e.Load(path); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return &Loaded{Engine: e, Set: set}, nil
}

// Load takes the network's values from a file that ReadWeights reads, and returns its
// name and hash for the record; what the optimiser keeps stays.
func (e *Engine) Load(path string) (*record.File, error) {
	values, err := ReadWeights(path, e.Network)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("train: weights: %w", err)
	}
	state, err := e.State()
	if err != nil {
		return nil, err
	}
	state.Values = values
	return &record.File{Name: filepath.Base(path), Size: int64(len(b)), SHA256: hash(b)}, e.SetState(state)
}

// checkpointPath is the path of a run's checkpoint: of the latest for "", and of a bare name
// that is no file here, of the file in the run's folder.
func checkpointPath(run, checkpoint string) string {
	if checkpoint == "" {
		return filepath.Join(run, CheckpointFile)
	}
	if _, err := os.Stat(checkpoint); err != nil && filepath.Base(checkpoint) == checkpoint {
		return filepath.Join(run, checkpoint)
	}
	return checkpoint
}

// ExportRun writes the network of a run's folder at a checkpoint, named as OpenRun's, to
// a file for PyTorch, see WriteWeights. It needs neither the images nor a backend.
func ExportRun(run, checkpoint, path string) error {
	rec, err := record.ReadFile(run)
	if err != nil {
		return err
	}
	net, err := network(rec.Spec.Resolve(), rec.Data.Channels, rec.Data.Height, len(rec.Data.Classes))
	if err != nil {
		return err
	}
	c, _, err := ReadCheckpoint(checkpointPath(run, checkpoint), net)
	if err != nil {
		return err
	}
	return WriteWeights(path, net, c.Values)
}

// FeatureOptions says what WriteFeatures writes.
type FeatureOptions struct {
	Split  string   // train, test or both; "" is both, or train where there are no test images
	Layers []string // of the network's Stages, or all
	// Progress is told how many images of how many are done; nil is allowed.
	Progress func(done, total int)
}

// check returns the places of the layers among the network's Stages, or an error that
// says what does not fit the network.
func (o FeatureOptions) check(e *Engine, set *data.Set) ([]int, error) {
	if !slices.Contains([]string{"", "train", "test", "both"}, o.Split) {
		return nil, fmt.Errorf("train: split %q; want train, test or both", o.Split)
	}
	if (o.Split == "test" || o.Split == "both") && set.Test.Len() == 0 {
		return nil, errors.New("train: there are no test images; take split train")
	}
	var names []string
	for _, s := range e.Network.Stages {
		names = append(names, s.Name)
	}
	var stages []int
	for _, l := range o.Layers {
		i := slices.Index(names, l)
		switch {
		case l == "all":
			for i := range names {
				stages = append(stages, i)
			}
		case i < 0:
			return nil, fmt.Errorf("train: %s has no layer %q; there are %s, and all", e.Network.Name, l,
				strings.Join(names, ", "))
		default:
			stages = append(stages, i)
		}
	}
	slices.Sort(stages)
	return slices.Compact(stages), nil
}

// WriteFeatures writes what e's network computes in evaluation mode from the images in
// set, with which e was made, to a .npz file as collapse measure and collapse calibrate read
// it, whole or not at all:
//
//	features N×d, labels N           of the training split (of the test split with split test)
//	weight K×d, bias K               the classifier
//	logits N×K                       of the same images
//	features_NAME N×d_NAME           the layers asked for, averaged over the image
//	test_features M×d, test_labels M, test_logits M×K   with split both
//
// Numbers are float32, labels int64. The network runs once over the images. Memory does not
// grow with their number: what cannot go straight into the file waits in temporary files
// next to it.
func WriteFeatures(ctx context.Context, e *Engine, set *data.Set, path string, o FeatureOptions) (err error) {
	stages, err := o.check(e, set)
	if err != nil {
		return err
	}
	w, err := npz.Create(path)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Abort())
		}
	}()
	clf, err := e.Classifier()
	if err != nil {
		return err
	}
	if err := npz.Write(w, "weight", []int{clf.K, clf.D}, narrow(clf.W)); err != nil {
		return err
	}
	if clf.B != nil {
		if err := npz.Write(w, "bias", []int{clf.K}, narrow(clf.B)); err != nil {
			return err
		}
	}
	f := &featureWriter{engine: e, set: set, w: w, dir: filepath.Dir(path), progress: o.Progress}
	switch {
	case o.Split == "test" || o.Split == "train" || set.Test.Len() == 0:
		f.total = f.split(o.Split == "test").Len()
		err = f.write(ctx, o.Split == "test", "", stages)
	default:
		f.total = set.Train.Len() + set.Test.Len()
		if err = f.write(ctx, false, "", stages); err == nil {
			err = f.write(ctx, true, "test_", nil)
		}
	}
	if err != nil {
		return err
	}
	return w.Close()
}

func narrow(v []float64) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	return out
}

// featureWriter is one call of WriteFeatures.
type featureWriter struct {
	engine      *Engine
	set         *data.Set
	w           *npz.Writer
	dir         string
	progress    func(done, total int)
	done, total int
}

func (f *featureWriter) split(test bool) data.Split {
	if test {
		return f.set.Test
	}
	return f.set.Train
}

// write writes the arrays of one split, whose names begin with prefix.
func (f *featureWriter) write(ctx context.Context, test bool, prefix string, stages []int) (err error) {
	net, split := f.engine.Network, f.split(test)
	n := split.Len()
	labels := make([]int64, n)
	for i, y := range split.Labels {
		labels[i] = int64(y)
	}
	if err := npz.Write(f.w, prefix+"labels", []int{n}, labels); err != nil {
		return err
	}
	features, err := npz.NewStream[float32](f.w, prefix+"features", []int{n, net.Features})
	if err != nil {
		return err
	}
	// The file holds one array after the other: those after the features wait.
	waiting := []*spool{{name: prefix + "logits", width: net.Classes}}
	for _, i := range stages {
		waiting = append(waiting,
			&spool{name: prefix + "features_" + net.Stages[i].Name, width: net.Stages[i].Features})
	}
	defer func() {
		for _, p := range waiting {
			err = errors.Join(err, p.close())
		}
	}()
	for _, p := range waiting {
		if err := p.open(f.dir); err != nil {
			return err
		}
	}
	err = f.engine.Evaluate(ctx, EvaluateOptions{Test: test, Stages: len(stages) > 0}, func(b *Batch) error {
		for i, h := range b.Features {
			if math.IsNaN(float64(h)) || math.IsInf(float64(h), 0) {
				return fmt.Errorf("%w: a feature of image %d is %v", ErrDiverged, b.From+i/net.Features, h)
			}
		}
		if err := features.Write(b.Features); err != nil {
			return err
		}
		if err := waiting[0].write(b.Logits); err != nil {
			return err
		}
		if len(stages) > 0 && len(b.Stages) != len(net.Stages) {
			return fmt.Errorf("train: the evaluation gave %d of the %d layers of %s", len(b.Stages), len(net.Stages),
				net.Name)
		}
		for j, i := range stages {
			if err := waiting[1+j].write(b.Stages[i]); err != nil {
				return err
			}
		}
		if f.done += len(b.Labels); f.progress != nil {
			f.progress(f.done, f.total)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range waiting {
		if err := p.copyTo(f.w, n); err != nil {
			return err
		}
	}
	return nil
}

// spool holds the rows of an array until their turn comes.
type spool struct {
	name  string
	width int
	file  *os.File
	w     *bufio.Writer
}

func (p *spool) open(dir string) error {
	f, err := os.CreateTemp(dir, ".features.*")
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	p.file, p.w = f, bufio.NewWriterSize(f, 1<<18)
	return nil
}

func (p *spool) close() error {
	if p.file == nil {
		return nil
	}
	return errors.Join(p.file.Close(), os.Remove(p.file.Name()))
}

func (p *spool) write(v []float32) error {
	if err := binary.Write(p.w, binary.LittleEndian, v); err != nil {
		return fmt.Errorf("train: %s: %w", p.name, err)
	}
	return nil
}

// copyTo writes the n rows as an array.
func (p *spool) copyTo(w *npz.Writer, n int) error {
	if err := p.w.Flush(); err != nil {
		return fmt.Errorf("train: %s: %w", p.name, err)
	}
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("train: %s: %w", p.name, err)
	}
	out, err := npz.NewStream[float32](w, p.name, []int{n, p.width})
	if err != nil {
		return err
	}
	r := bufio.NewReaderSize(p.file, 1<<18)
	row := make([]float32, p.width)
	for range n {
		if err := binary.Read(r, binary.LittleEndian, row); err != nil {
			return fmt.Errorf("train: %s: %w", p.name, err)
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	return nil
}
