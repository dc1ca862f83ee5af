package train

import (
	"errors"
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/losses"
	"github.com/gocollapse/collapse/models"
)

// This file is one training step, from the indices of a batch to new parameters:
//
//	Engine.Steps      the host: hands indices, moves and rates to the device, keeps what comes back
//	stepBuilder.step  the device: batch, gradients, apply, in one compiled graph
//
// parts.go has the step of a batch that is cut into parts, loop.go the epochs around steps.

// Step trains on the training images of the given indices and returns their mean
// loss before the step, without weight decay and without the UFM's penalty, which are in
// the gradient alone. epoch, from 1, decides how images are augmented, rate is the
// learning rate.
//
// With Accumulate above 1 the batch is cut into so many parts, as equal as possible and of
// at least two images. They pass through the network one after the other, so batch
// normalisation sees a part at a time. The step is that of their mean gradient, as
// PyTorch's backward of each part's loss times its share of the batch gives it.
//
// Each size of a batch or part compiles once. After an error the state may be that
// of half a step.
func (e *Engine) Step(index []int32, epoch int, rate float64) (loss float64, err error) {
	losses, err := e.Steps([][]int32{index}, epoch, rate)
	if err != nil {
		return 0, err
	}
	return losses[0], nil
}

// Steps does as many steps as there are batches and returns their losses: the numbers of Step
// called once for each, up to rounding. The batches are of one size.
//
// Where it can, on one device and with Accumulate of 1, the device does them all at a single
// call of the host. Otherwise the host waits for each step before it hands over the next, and
// a GPU is idle meanwhile. Each number of batches compiles once.
func (e *Engine) Steps(batches [][]int32, epoch int, rate float64) (losses []float64, err error) {
	for _, b := range batches {
		if len(b) == 0 {
			return nil, errors.New("train: step: no images given")
		}
		if len(b) != len(batches[0]) {
			return nil, fmt.Errorf("train: steps: batches of %d and of %d images; want one size", len(batches[0]),
				len(b))
		}
	}
	for len(batches) > 0 {
		n := 1
		if e.loops {
			n = len(batches)
		}
		some, err := e.call(batches[:n], epoch, rate)
		if err != nil {
			return nil, fmt.Errorf("train: step: %w", err)
		}
		losses, batches = append(losses, some...), batches[n:]
	}
	return losses, nil
}

// call takes steps at one call of the device, or one step in parts.
func (e *Engine) call(batches [][]int32, epoch int, rate float64) ([]float64, error) {
	if parts := cut(batches[0], e.builder.spec.Accumulate); len(parts) > 1 || !e.divides(batches[0]) {
		loss, err := e.stepInParts(parts, epoch, rate)
		return []float64{loss}, err
	}
	var args []any
	for i, d := range e.devices {
		args = append(join(args, d.values, d.slots), e.images(d, e.share(batches, i), epoch)...)
		args = append(args, e.rates(rate, len(batches)))
	}
	all, err := e.programs.step.Call(args...)
	if err != nil {
		return nil, err
	}
	e.steps += int64(len(batches))
	values := len(e.Network.Tensors)
	var losses []*tensors.Tensor
	for i, out := range e.perDevice(all) {
		d, last := e.devices[i], len(out)-1
		err = errors.Join(err, replace(&d.values, out[:values]), replace(&d.slots, out[values:last]))
		losses = append(losses, out[last])
	}
	read, rerr := readLosses(losses)
	return read, errors.Join(err, rerr)
}

// step is one step of the optimiser on a batch that the devices share. It takes the network's
// values, the optimiser's slots, a batch as batch reads it, and the rates. It returns new
// values, new slots and the batch's mean loss.
func (b *stepBuilder) step(devices int, nodes []*graph.Node) []*graph.Node {
	in := inputs(nodes)
	values, slots := in.take(len(b.net.Tensors)), in.take(b.slots())
	x, y := b.batch(&in)
	loss, grads, running := b.gradients(values, x, y, devices)
	values, slots = b.apply(values, running, slots, grads, in.row())
	return append(append(values, slots...), loss)
}

// batch takes from in all images, all labels, the batch's indices (1×B) and, where there is
// augmentation, its moves (1×B each), and returns the batch's normalised images and its labels.
func (b *stepBuilder) batch(in *inputs) (x, y *graph.Node) {
	images, labels, index := in.one(), in.one(), in.row()
	y = graph.Gather(labels, graph.InsertAxes(index, -1))
	if b.augment == (data.Augmentation{}) {
		x = graph.Gather(images, graph.InsertAxes(index, -1))
	} else {
		x = moved(images, index, in.row(), in.row(), in.row())
	}
	x = normalise(x, b.info)
	if b.spec.Precision == "bfloat16" {
		x = graph.ConvertDType(x, dtypes.BFloat16)
	}
	return x, y
}

// gradients returns the mean loss of a batch that the devices share, its gradient with the
// penalty's for each parameter, and the new running averages. The devices join their
// statistics, gradients and losses.
func (b *stepBuilder) gradients(values []*graph.Node, x, y *graph.Node, devices int) (
	loss *graph.Node, grads, running []*graph.Node) {
	out := b.net.ForwardShared(values, x, devices)
	loss = graph.ReduceAllMean(losses.Each(b.loss, out.Logits, y))
	objective := loss
	if b.penalty != (losses.Penalty{}) {
		var bias *graph.Node
		w, at := b.net.Classifier()
		if at >= 0 {
			bias = values[at]
		}
		// The features' term is scaled to all N samples, so the mean over devices and
		// parts is the whole batch's.
		objective = graph.Add(loss, losses.UFM(out.Features, values[w], bias, b.samples, b.penalty))
	}
	grads = graph.Gradient(objective, trained(b.net, values)...)
	joined := models.MeanOverDevices(devices, append(grads, loss)...)
	return joined[len(grads)], joined[:len(grads):len(grads)], out.Running
}

// apply lets the optimiser change the parameters, and puts them in order with
// the running averages.
func (b *stepBuilder) apply(values, running, slots, grads []*graph.Node, rates *graph.Node) (
	newValues, newSlots []*graph.Node) {
	n := len(grads)
	newSlots = make([]*graph.Node, len(slots))
	i := 0
	for at, t := range b.net.Tensors {
		if !t.Trained() {
			newValues, running = append(newValues, running[0]), running[1:]
			continue
		}
		var own []*graph.Node
		for s := i; s < len(slots); s += n {
			own = append(own, slots[s])
		}
		theta, own := update(b.spec, t, values[at], grads[i], own, rates)
		newValues = append(newValues, theta)
		for s, v := range own {
			newSlots[s*n+i] = v
		}
		i++
	}
	return newValues, newSlots
}
