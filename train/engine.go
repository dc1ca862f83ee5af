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
	train    split
	test     split
	step     *graph.Exec
	eval     *graph.Exec
}

// split is one half of a data set on the device.
type split struct {
	n              int
	images, labels *tensors.Tensor // n×H×W×C uint8, n int32
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
	if err := e.SetState(net.Initial(spec.Seed), velocity); err != nil {
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
// loss before the step. rate is the learning rate. Each batch size compiles once.
func (e *Engine) Step(index []int32, rate float64) (loss float64, err error) {
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
	return loss, nil
}

func free(ts []*tensors.Tensor) error {
	var errs []error
	for _, t := range ts {
		errs = append(errs, t.FinalizeAll())
	}
	return errors.Join(errs...)
}

// Evaluation is what a network in evaluation mode gives for a whole split, in
// the order of its images.
type Evaluation struct {
	Features []float32 // N×d row-major
	Logits   []float32 // N×K row-major
	Losses   []float32 // N, the run's own loss
}

// Evaluate runs the network in evaluation mode over the training split, or the
// test split. It stops with ctx's error between batches.
func (e *Engine) Evaluate(ctx context.Context, test bool) (*Evaluation, error) {
	s := e.train
	if test {
		s = e.test
	}
	d, k := e.Network.Features, e.Network.Classes
	out := &Evaluation{
		Features: make([]float32, 0, s.n*d),
		Logits:   make([]float32, 0, s.n*k),
		Losses:   make([]float32, 0, s.n),
	}
	size := min(evalBatch, s.n)
	index := make([]int32, size)
	for from := 0; from < s.n; from += size {
		if err := ctx.Err(); err != nil {
			return nil, err
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
			return nil, fmt.Errorf("train: evaluation: %w", err)
		}
		for i, dst := range []*[]float32{&out.Features, &out.Logits, &out.Losses} {
			width := []int{d, k, 1}[i]
			err := tensors.ConstFlatData(res[i], func(v []float32) { *dst = append(*dst, v[:count*width]...) })
			if err != nil {
				return nil, fmt.Errorf("train: evaluation: %w", err)
			}
		}
		if err := free(res); err != nil {
			return nil, fmt.Errorf("train: evaluation: %w", err)
		}
	}
	return out, nil
}

// State returns copies of the network's values, in the order of its Tensors,
// and of the momentum buffers, in the order of its trained Tensors, both in the
// graph's layouts.
func (e *Engine) State() (values, velocity [][]float32, err error) {
	read := func(ts []*tensors.Tensor) [][]float32 {
		out := make([][]float32, len(ts))
		for i, t := range ts {
			v, cerr := tensors.CopyFlatData[float32](t)
			err = errors.Join(err, cerr)
			out[i] = v
		}
		return out
	}
	values, velocity = read(e.values), read(e.velocity)
	if err != nil {
		return nil, nil, fmt.Errorf("train: reading the state from the device: %w", err)
	}
	return values, velocity, nil
}

// SetState replaces values and momentum buffers; the order and layout are State's.
func (e *Engine) SetState(values, velocity [][]float32) error {
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
	e.values, e.velocity = newValues, newVelocity
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
