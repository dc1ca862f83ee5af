package train

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/losses"
	"github.com/gocollapse/collapse/models"
	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/record"
)

// evalBatch is the number of images of an evaluation batch. Larger ones are no
// faster and need more memory (width·4 kB an image and activation).
const evalBatch = 250

// Engine holds a network's values, the optimiser's momentum and the images on a
// device, and runs training steps and evaluations there. It is the part of
// training that knows GoMLX; Run is the loop around it. It is not safe for use
// by several goroutines at once.
type Engine struct {
	Network *models.Network

	backend  compute.Backend
	values   []*tensors.Tensor // all tensors of the network
	velocity []*tensors.Tensor // momentum buffers of the trained ones
	steps    int64             // of the optimiser that were done
	train    split
	test     split
	step     *graph.Exec
	eval     *graph.Exec
}

// split is one half of a data set on the device.
type split struct {
	n              int
	images, labels *tensors.Tensor // n×H×W×C uint8, n int32
	host           []int32         // labels
}

// NewEngine uploads a data set and prepares the training of spec's network from
// its initial values. The graphs compile at their first use.
func NewEngine(b compute.Backend, spec record.Spec, set *data.Set) (*Engine, error) {
	if err := checkSet(set); err != nil {
		return nil, err
	}
	net, err := models.New(spec.Model, spec.Width, set.Channels, len(set.Info.Classes))
	if err != nil {
		return nil, err
	}
	e := &Engine{Network: net, backend: b}
	e.train = upload(set, set.Train)
	e.test = upload(set, set.Test)
	velocity := make([][]float32, 0, len(net.Tensors))
	for _, t := range net.Tensors {
		if t.Trained() {
			velocity = append(velocity, make([]float32, t.Size()))
		}
	}
	if err := e.SetState(&State{Values: net.Initial(spec.Seed), Slots: []Slot{{Momentum, velocity}}}); err != nil {
		return nil, err
	}
	if e.step, err = graph.NewExec(b, stepGraph(net, spec, set.Info)); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	if e.eval, err = graph.NewExec(b, evalGraph(net, spec, set.Info)); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return e, nil
}

// checkSet reports a data set that does not fit together, since a graph would
// clamp a wrong label or index in silence.
func checkSet(set *data.Set) error {
	k, pixels := len(set.Info.Classes), set.Height*set.Width*set.Channels
	if k < 2 {
		return fmt.Errorf("train: data set %q names %d classes, want at least 2", set.Info.Name, k)
	}
	if len(set.Info.Mean) != set.Channels || len(set.Info.Std) != set.Channels {
		return fmt.Errorf("train: data set %q has %d channels, %d means and %d deviations", set.Info.Name, set.Channels, len(set.Info.Mean), len(set.Info.Std))
	}
	for _, s := range set.Info.Std {
		if !(s > 0) {
			return fmt.Errorf("train: data set %q has a channel of deviation %v, want above 0", set.Info.Name, s)
		}
	}
	for name, s := range map[string]data.Split{"training": set.Train, "test": set.Test} {
		if len(s.Labels) == 0 || len(s.Images) != len(s.Labels)*pixels {
			return fmt.Errorf("train: the %s split of %q has %d labels and %d bytes, want at least one image of %d bytes a label",
				name, set.Info.Name, len(s.Labels), len(s.Images), pixels)
		}
		for i, l := range s.Labels {
			if l < 0 || int(l) >= k {
				return fmt.Errorf("train: label %d of the %s split of %q is %d, want 0 to %d", i, name, set.Info.Name, l, k-1)
			}
		}
	}
	return nil
}

func upload(set *data.Set, s data.Split) split {
	n := len(s.Labels)
	return split{
		n:      n,
		images: tensors.FromFlatDataAndDimensions(s.Images, n, set.Height, set.Width, set.Channels),
		labels: tensors.FromFlatDataAndDimensions(s.Labels, n),
		host:   s.Labels,
	}
}

// lossFunc returns the specification's loss, B losses from logits B×K and labels B.
func lossFunc(spec record.Spec) func(logits, labels *graph.Node) *graph.Node {
	if spec.Loss == "ls" {
		return func(logits, labels *graph.Node) *graph.Node {
			return losses.LabelSmoothing(logits, labels, spec.Delta)
		}
	}
	return losses.CrossEntropy
}

// gather picks a batch out of a split and normalises its pixels:
// (x/255 − mean)/std, as torchvision's ToTensor and Normalize.
func gather(images, labels, index *graph.Node, info record.Data) (x, y *graph.Node) {
	g := images.Graph()
	index = graph.InsertAxes(index, -1)
	x = graph.ConvertDType(graph.Gather(images, index), models.DType)
	y = graph.Gather(labels, index)
	mean, std := make([]float32, len(info.Mean)), make([]float32, len(info.Std))
	for c := range mean {
		mean[c], std[c] = float32(info.Mean[c]), float32(info.Std[c])
	}
	x = graph.DivScalar(x, 255)
	x = graph.Sub(x, graph.ExpandLeftToRank(graph.Const(g, mean), x.Rank()))
	x = graph.Div(x, graph.ExpandLeftToRank(graph.Const(g, std), x.Rank()))
	return x, y
}

// stepGraph is one step of SGD in PyTorch's recurrence on every parameter θ:
//
//	g ← ∂loss/∂θ + decay·θ;  v ← momentum·v + g;  θ ← θ − rate·v
//
// It takes the network's values, the momentum buffers, images, labels, the
// batch's indices and the rate, and returns new values, new buffers and the
// batch's mean loss.
func stepGraph(net *models.Network, spec record.Spec, info record.Data) func([]*graph.Node) []*graph.Node {
	loss := lossFunc(spec)
	return func(in []*graph.Node) []*graph.Node {
		values, rest := in[:len(net.Tensors)], in[len(net.Tensors):]
		velocity, rest := rest[:len(rest)-4], rest[len(rest)-4:]
		x, y := gather(rest[0], rest[1], rest[2], info)
		rate := rest[3]

		out := net.Forward(values, x, true)
		mean := graph.ReduceAllMean(loss(out.Logits, y))
		var trained []*graph.Node
		for i, t := range net.Tensors {
			if t.Trained() {
				trained = append(trained, values[i])
			}
		}
		grads := graph.Gradient(mean, trained...)

		newValues := make([]*graph.Node, 0, len(in))
		newVelocity := make([]*graph.Node, 0, len(velocity))
		running := out.Running
		for _, t := range net.Tensors {
			if !t.Trained() {
				newValues, running = append(newValues, running[0]), running[1:]
				continue
			}
			i := len(newVelocity)
			g := graph.Add(grads[i], graph.MulScalar(trained[i], spec.Decay))
			v := graph.Add(graph.MulScalar(velocity[i], spec.Momentum), g)
			newVelocity = append(newVelocity, v)
			newValues = append(newValues, graph.Sub(trained[i], graph.Mul(rate, v)))
		}
		return append(append(newValues, newVelocity...), mean)
	}
}

// evalGraph takes the network's values, images, labels and indices, and returns
// features, logits and the losses of the samples, in evaluation mode.
func evalGraph(net *models.Network, spec record.Spec, info record.Data) func([]*graph.Node) []*graph.Node {
	loss := lossFunc(spec)
	return func(in []*graph.Node) []*graph.Node {
		values, rest := in[:len(net.Tensors)], in[len(net.Tensors):]
		x, y := gather(rest[0], rest[1], rest[2], info)
		out := net.Forward(values, x, false)
		return []*graph.Node{out.Features, out.Logits, loss(out.Logits, y)}
	}
}

// Step trains on the training images of the given indices and returns their mean
// loss before the step. epoch, from 1, decides how images are augmented, rate is the
// learning rate. Each batch size compiles once.
func (e *Engine) Step(index []int32, epoch int, rate float64) (loss float64, err error) {
	args := make([]any, 0, len(e.values)+len(e.velocity)+4)
	for _, t := range e.values {
		args = append(args, t)
	}
	for _, t := range e.velocity {
		args = append(args, t)
	}
	args = append(args, e.train.images, e.train.labels, index, float32(rate))
	out, err := e.step.Call(args...)
	if err != nil {
		return 0, fmt.Errorf("train: step: %w", err)
	}
	last := len(out) - 1
	loss = float64(tensors.ToScalar[float32](out[last]))
	err = errors.Join(free(e.values), free(e.velocity), free(out[last:]))
	e.values, e.velocity = out[:len(e.values)], out[len(e.values):last]
	if err != nil {
		return 0, fmt.Errorf("train: step: %w", err)
	}
	e.steps++
	return loss, nil
}

func free(ts []*tensors.Tensor) error {
	var errs []error
	for _, t := range ts {
		errs = append(errs, t.FinalizeAll())
	}
	return errors.Join(errs...)
}

// Batch is what a network in evaluation mode gives for consecutive images of a
// split. Its slices are overwritten after the visit.
type Batch struct {
	From     int         // index of the first image
	Labels   []int32     // B
	Features []float32   // B×d row-major
	Logits   []float32   // B×K row-major
	Losses   []float32   // B, the run's own loss
	Stages   [][]float32 // of each of the network's Stages B×Features row-major; nil where they were not asked for
}

// Look says what Evaluate looks at.
type Look struct {
	Test   bool // the test split, else the training split
	Stages bool // the outputs of the network's Stages too
}

// Evaluate runs the network in evaluation mode over a split and calls visit with each
// batch, in the order of the images. It stops with visit's error, or with ctx's
// between batches.
func (e *Engine) Evaluate(ctx context.Context, look Look, visit func(*Batch) error) error {
	s := e.train
	if look.Test {
		s = e.test
	}
	d, k := e.Network.Features, e.Network.Classes
	size := min(evalBatch, s.n)
	index := make([]int32, size)
	var b Batch
	for from := 0; from < s.n; from += size {
		if err := ctx.Err(); err != nil {
			return err
		}
		// The last batch is filled up with its first image, so that one graph
		// serves all batches.
		count := min(size, s.n-from)
		for i := range index {
			index[i] = int32(from)
			if i < count {
				index[i] += int32(i)
			}
		}
		args := make([]any, 0, len(e.values)+3)
		for _, t := range e.values {
			args = append(args, t)
		}
		args = append(args, s.images, s.labels, index)
		res, err := e.eval.Call(args...)
		if err != nil {
			return fmt.Errorf("train: evaluation: %w", err)
		}
		b.From, b.Labels = from, s.host[from:from+count]
		for i, dst := range []*[]float32{&b.Features, &b.Logits, &b.Losses} {
			width := []int{d, k, 1}[i]
			err := tensors.ConstFlatData(res[i], func(v []float32) { *dst = append((*dst)[:0], v[:count*width]...) })
			if err != nil {
				return fmt.Errorf("train: evaluation: %w", err)
			}
		}
		if err := free(res); err != nil {
			return fmt.Errorf("train: evaluation: %w", err)
		}
		if err := visit(&b); err != nil {
			return err
		}
	}
	return nil
}

// Momentum is the name of the slot that holds SGD's momentum buffers.
const Momentum = "momentum"

// State is all that continues a training: the network's values and what the optimiser
// keeps beside them, in the graph's layouts.
type State struct {
	Values [][]float32 // of the network's Tensors, in their order
	Slots  []Slot
	Steps  int64 // of the optimiser that were done
}

// Slot is what an optimiser keeps for each trained tensor, in their order.
type Slot struct {
	Name   string // Momentum
	Values [][]float32
}

// State returns a copy of the state from the device.
func (e *Engine) State() (*State, error) {
	var err error
	read := func(ts []*tensors.Tensor) [][]float32 {
		out := make([][]float32, len(ts))
		for i, t := range ts {
			v, cerr := tensors.CopyFlatData[float32](t)
			err = errors.Join(err, cerr)
			out[i] = v
		}
		return out
	}
	s := &State{Values: read(e.values), Slots: []Slot{{Momentum, read(e.velocity)}}, Steps: e.steps}
	if err != nil {
		return nil, fmt.Errorf("train: reading the state from the device: %w", err)
	}
	return s, nil
}

// SetState replaces the state. Slots must be those that State returns.
func (e *Engine) SetState(s *State) error {
	if len(s.Slots) != 1 || s.Slots[0].Name != Momentum {
		return fmt.Errorf("train: state has slots %v, want %s", s.Slots, Momentum)
	}
	values, velocity := s.Values, s.Slots[0].Values
	newValues := make([]*tensors.Tensor, 0, len(values))
	newVelocity := make([]*tensors.Tensor, 0, len(velocity))
	for i, t := range e.Network.Tensors {
		if i >= len(values) || len(values[i]) != t.Size() {
			return fmt.Errorf("train: state of %s does not hold %d values", t.Name, t.Size())
		}
		newValues = append(newValues, tensors.FromFlatDataAndDimensions(values[i], t.Shape...))
		if !t.Trained() {
			continue
		}
		j := len(newVelocity)
		if j >= len(velocity) || len(velocity[j]) != t.Size() {
			return fmt.Errorf("train: momentum of %s does not hold %d values", t.Name, t.Size())
		}
		newVelocity = append(newVelocity, tensors.FromFlatDataAndDimensions(velocity[j], t.Shape...))
	}
	err := errors.Join(free(e.values), free(e.velocity))
	e.values, e.velocity, e.steps = newValues, newVelocity, s.Steps
	return err
}

// Close frees the device's memory. The Engine cannot be used after it.
func (e *Engine) Close() error {
	err := errors.Join(free(e.values), free(e.velocity),
		free([]*tensors.Tensor{e.train.images, e.train.labels, e.test.images, e.test.labels}))
	e.step.Finalize()
	e.eval.Finalize()
	return err
}

// Classifier returns the network's last layer as package nc takes it.
func (e *Engine) Classifier() (*nc.Classifier, error) {
	c := &nc.Classifier{K: e.Network.Classes, D: e.Network.Features}
	for i, t := range e.Network.Tensors {
		if t.Kind != models.Weight && t.Kind != models.Bias {
			continue
		}
		v, err := tensors.CopyFlatData[float32](e.values[i])
		if err != nil {
			return nil, fmt.Errorf("train: reading %s from the device: %w", t.Name, err)
		}
		wide := make([]float64, len(v))
		for j := range v {
			wide[j] = float64(v[j])
		}
		if t.Kind == models.Weight {
			c.W = wide
		} else {
			c.B = wide
		}
	}
	return c, nil
}
