package train

import (
	"errors"
	"fmt"

	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/losses"
	"github.com/gocollapse/collapse/models"
	"github.com/gocollapse/collapse/record"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Step trains on the training images of the given indices and returns their mean
// loss before the step, without weight decay and without the UFM's penalty, which are in
// the gradient alone. epoch, from 1, decides how images are augmented, rate is the
// learning rate.
//
// With Accumulate above 1 the batch is cut into so many parts, as equal as possible and of
// at least two images. They pass through the network one after the other, so that batch
// normalisation sees a part at a time, and the step is that of their mean gradient,
// as PyTorch's backward of each part's loss times its share of the batch does.
//
// Each size of a batch or part compiles once. After an error the state may be that
// of half a step.
func (e *Engine) Step(index []int32, epoch int, rate float64) (loss float64, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("train: step: %w", err)
		}
	}()
	if len(index) == 0 {
		return 0, errors.New("no images given")
	}
	m, p := e.builder, &e.programs
	rates := rates(m.spec, rate, e.steps+1)
	values, parameters := len(e.Network.Tensors), m.parameters()
	parts := cut(index, m.spec.Accumulate)
	if len(parts) == 1 {
		out, err := e.call(p.step, p.sameStep, index, epoch, rates, func(d *device) [][]*tensors.Tensor {
			return [][]*tensors.Tensor{d.values, d.slots}
		})
		if err != nil {
			return 0, err
		}
		for i, d := range e.devices {
			err = errors.Join(err, replace(&d.values, out[i][:values]), replace(&d.slots, out[i][values:len(out[i])-1]))
		}
		loss, lerr := lossOf(out)
		e.steps++
		return loss, errors.Join(err, lerr)
	}
	for _, part := range parts {
		share := float32(len(part)) / float32(len(index))
		out, err := e.call(p.part, p.samePart, part, epoch, share, func(d *device) [][]*tensors.Tensor {
			return [][]*tensors.Tensor{d.values, d.sum}
		})
		if err != nil {
			return 0, err
		}
		for i, d := range e.devices {
			rest := out[i]
			for j, t := range e.Network.Tensors {
				if !t.Trained() {
					err = errors.Join(err, d.values[j].FinalizeAll())
					d.values[j], rest = rest[0], rest[1:]
				}
			}
			err = errors.Join(err, replace(&d.sum, rest[:parameters]))
		}
		l, lerr := lossOf(out)
		if err := errors.Join(err, lerr); err != nil {
			return 0, err
		}
		loss += l
	}
	var args []any
	for _, d := range e.devices {
		args = append(join(args, d.values, d.slots, d.sum), rates)
	}
	all, err := p.finish.Call(args...)
	if err != nil {
		return 0, err
	}
	for i, out := range e.perDevice(all) {
		d := e.devices[i]
		err = errors.Join(err, replace(&d.values, out[:values]),
			replace(&d.slots, out[values:len(out)-parameters]), replace(&d.sum, out[len(out)-parameters:]))
	}
	e.steps++
	return loss, err
}

// step is one step on a batch. It takes the network's values, the optimiser's slots,
// a batch and the rates, and returns new values, new slots and the batch's mean
// loss. The batch is shared by devices, or the same one on each.
func (m *stepBuilder) step(devices int, same bool) func([]*graph.Node) []*graph.Node {
	return func(nodes []*graph.Node) []*graph.Node {
		in := inputs(nodes)
		values, slots := in.take(len(m.net.Tensors)), in.take(m.slots())
		x, y := m.batch(&in)
		loss, grads, running := m.gradients(values, x, y, devices, same)
		values, slots = m.apply(values, running, slots, grads, in.one())
		return append(append(values, slots...), loss)
	}
}

// batch takes images, labels, the batch's indices and, where there is augmentation, moves from in, and
// returns normalised images and labels.
func (m *stepBuilder) batch(in *inputs) (x, y *graph.Node) {
	images, labels, index := in.one(), in.one(), in.one()
	y = graph.Gather(labels, graph.InsertAxes(index, -1))
	if m.augment == (data.Augmentation{}) {
		x = graph.Gather(images, graph.InsertAxes(index, -1))
	} else {
		move := in.take(3)
		x = moved(images, index, move[0], move[1], move[2])
	}
	x = normalise(x, m.info)
	if m.spec.Precision == "bfloat16" {
		x = graph.ConvertDType(x, dtypes.BFloat16)
	}
	return x, y
}

// normalise returns (x/255 − mean)/std in float32, as torchvision's ToTensor and
// Normalize.
func normalise(x *graph.Node, info record.Data) *graph.Node {
	mean, std := make([]float32, len(info.Mean)), make([]float32, len(info.Std))
	for c := range mean {
		mean[c], std[c] = float32(info.Mean[c]), float32(info.Std[c])
	}
	channels := func(v []float32) *graph.Node { return graph.ExpandLeftToRank(graph.Const(x.Graph(), v), x.Rank()) }
	x = graph.DivScalar(graph.ConvertDType(x, models.DType), 255)
	return graph.Div(graph.Sub(x, channels(mean)), channels(std))
}

// gradients returns the mean loss of a batch, its gradient with the penalty's for each
// parameter, and the new running averages. Devices that share the batch join their
// statistics, gradients and losses; with the same batch on each they
// average them, so that no rounding makes them drift apart.
func (m *stepBuilder) gradients(values []*graph.Node, x, y *graph.Node, devices int, same bool) (loss *graph.Node, grads, running []*graph.Node) {
	sharing := devices
	if same {
		sharing = 1
	}
	out := m.net.ForwardShared(values, x, sharing)
	loss = graph.ReduceAllMean(losses.Each(m.loss, out.Logits, y))
	objective := loss
	if m.penalty != (losses.Penalty{}) {
		var bias *graph.Node
		w, b := m.net.Classifier()
		if b >= 0 {
			bias = values[b]
		}
		// The features' term is scaled to all N samples, so the mean over devices and
		// parts is the whole batch's.
		objective = graph.Add(loss, losses.UFM(out.Features, values[w], bias, m.samples, m.penalty))
	}
	running = out.Running
	joined := append(graph.Gradient(objective, trained(m.net, values)...), loss)
	if same {
		joined = append(joined, running...)
	}
	joined = models.MeanOverDevices(devices, joined...)
	n := m.parameters()
	if same {
		running = joined[n+1:]
	}
	return joined[n], joined[:n:n], running
}

// apply lets the optimiser change the parameters, and puts them in order with
// the running averages.
func (m *stepBuilder) apply(values, running, slots, grads []*graph.Node, rates *graph.Node) (newValues, newSlots []*graph.Node) {
	n := len(grads)
	newSlots = make([]*graph.Node, len(slots))
	i := 0
	for at, t := range m.net.Tensors {
		if !t.Trained() {
			newValues, running = append(newValues, running[0]), running[1:]
			continue
		}
		var own []*graph.Node
		for s := i; s < len(slots); s += n {
			own = append(own, slots[s])
		}
		theta, own := update(m.spec, t, values[at], grads[i], own, rates)
		newValues = append(newValues, theta)
		for s, v := range own {
			newSlots[s*n+i] = v
		}
		i++
	}
	return newValues, newSlots
}
