package train

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/models"
)

// steps is the program of S steps at one call. It takes the network's values, the optimiser's
// slots, the images and labels, and then of every step the batch's indices (S×B), its moves,
// where there are any (S×B each), and its rates (S×R). It returns new values, new slots and the
// losses. For one step the graph is step alone: the pure Go backend and several devices have no
// loop.
func (b *stepBuilder) steps(devices int) func([]*graph.Node) []*graph.Node {
	return func(nodes []*graph.Node) []*graph.Node {
		in := inputs(nodes)
		state := in.take(len(b.net.Tensors) + b.slots())
		images, labels := in.one(), in.one()
		if in[0].Shape().Dim(0) == 1 {
			return b.step(devices, nodes)
		}
		return b.loop(state, images, labels, in)
	}
}

// loop is several steps of one device, one after the other. perStep is what follows the labels
// in the arguments of steps. The number of steps is fixed, so XLA need not ask after each
// whether another follows.
func (b *stepBuilder) loop(state []*graph.Node, images, labels *graph.Node, perStep []*graph.Node) []*graph.Node {
	g, count, held := images.Graph(), perStep[0].Shape().Dim(0), len(state)
	state = append(state, graph.Zeros(g, shapes.Make(models.DType, count)), graph.Const(g, int32(0)))
	parameters := func(g *graph.Graph) inputs {
		var all inputs
		for i, s := range state {
			all = append(all, graph.Parameter(g, fmt.Sprintf("state%d", i), s.Shape()))
		}
		return all
	}
	cond := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		all := parameters(g)
		return []*graph.Node{graph.LessThan(all[len(all)-1], graph.Const(g, int32(count)))}
	})
	body := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		all := parameters(g)
		values, losses, i := all.take(held), all.one(), all.one()
		own := append(slices.Clip(values), images, labels)
		for _, of := range perStep {
			at := []*graph.Node{i, graph.Const(g, int32(0))}
			own = append(own, graph.DynamicSlice(of, at, []int{1, of.Shape().Dim(1)}))
		}
		out := b.step(1, own)
		losses = graph.DynamicUpdateSlice(losses, graph.Reshape(out[held], 1), []*graph.Node{i})
		return append(out[:held:held], losses, graph.AddScalar(i, 1))
	})
	out := graph.While(cond, body, state...)
	return out[:len(out)-1]
}

// loops says whether the device can take several steps at one call.
func loops(b compute.Backend, devices, parts int) bool {
	can := b.Capabilities().Operations
	return devices == 1 && parts == 1 && can[compute.OpTypeWhile] && can[compute.OpTypeDynamicSlice]
}

// images is a device's arguments for batches of one size: all images and labels, then the
// indices and, where there is augmentation, the moves (S×B each).
func (e *Engine) images(d *device, batches [][]int32, epoch int) []any {
	var rows [4][]int32 // indices, dy, dx, flip
	for _, index := range batches {
		rows[0] = append(rows[0], index...)
		if a := e.builder.augment; a != (data.Augmentation{}) {
			for j, v := range drawn(a, e.builder.spec.Seed, epoch, index) {
				rows[j+1] = append(rows[j+1], v...)
			}
		}
	}
	args := []any{d.train.images, d.train.labels}
	for _, r := range rows {
		if r != nil {
			args = append(args, tensors.FromFlatDataAndDimensions(r, len(batches), len(batches[0])))
		}
	}
	return args
}

// rates are the rates of the next n steps (n×R).
func (e *Engine) rates(rate float64, n int) *tensors.Tensor {
	var all []float32
	for i := range n {
		all = append(all, rates(e.builder.spec, rate, e.steps+1+int64(i))...)
	}
	return tensors.FromFlatDataAndDimensions(all, n, len(all)/n)
}

// divides says whether the devices can share a batch equally.
func (e *Engine) divides(index []int32) bool { return len(index)%len(e.devices) == 0 }

// share returns device i's equal share of a batch, or of each batch.
func (e *Engine) share(batches [][]int32, i int) [][]int32 {
	own := make([][]int32, len(batches))
	for j, index := range batches {
		n := len(index) / len(e.devices)
		own[j] = index[i*n : (i+1)*n]
	}
	return own
}

// join appends tensors to a call's arguments.
func join(args []any, lists ...[]*tensors.Tensor) []any {
	for _, list := range lists {
		for _, t := range list {
			args = append(args, t)
		}
	}
	return args
}

// perDevice divides a call's results into those of each device.
func (e *Engine) perDevice(out []*tensors.Tensor) [][]*tensors.Tensor {
	each := len(out) / len(e.devices)
	var parts [][]*tensors.Tensor
	for range e.devices {
		parts, out = append(parts, out[:each:each]), out[each:]
	}
	return parts
}

// readLosses reads the losses of the first device, which are the others' too, and frees them all.
func readLosses(ofDevice []*tensors.Tensor) (losses []float64, err error) {
	err = tensors.ConstFlatData(ofDevice[0], func(v []float32) {
		for _, l := range v {
			losses = append(losses, float64(l))
		}
	})
	return losses, errors.Join(err, free(ofDevice))
}
