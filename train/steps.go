package train

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/models"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Steps does as many steps as there are batches and returns their losses, as Step does one
// after the other: the same numbers up to rounding. The batches are of one size.
//
// Where it can, on one device and with Accumulate of 1, the device does them all at a single
// call of the host, which otherwise has to wait for each step before it can hand over
// the next: a GPU would stand idle meanwhile. Each number of batches compiles once.
func (e *Engine) Steps(batches [][]int32, epoch int, rate float64) (losses []float64, err error) {
	for _, b := range batches {
		if len(b) != len(batches[0]) {
			return nil, fmt.Errorf("train: steps: batches of %d and of %d images; want one size", len(batches[0]), len(b))
		}
	}
	if e.programs.steps == nil || len(batches) < 2 || len(batches[0]) == 0 {
		for _, b := range batches {
			loss, err := e.Step(b, epoch, rate)
			if err != nil {
				return nil, err
			}
			losses = append(losses, loss)
		}
		return losses, nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("train: %d steps: %w", len(batches), err)
		}
	}()
	spec := e.builder.spec
	var rows [4][]int32 // indices, then moves
	var allRates []float32
	for i, b := range batches {
		rows[0] = append(rows[0], b...)
		if a := e.builder.augment; a != (data.Augmentation{}) {
			for j, v := range drawn(a, spec.Seed, epoch, b) {
				rows[j+1] = append(rows[j+1], v...)
			}
		}
		allRates = append(allRates, rates(spec, rate, e.steps+1+int64(i))...)
	}
	d := e.devices[0]
	args := append(join(nil, d.values, d.slots), d.train.images, d.train.labels)
	for _, r := range rows {
		if r != nil {
			args = append(args, tensors.FromFlatDataAndDimensions(r, len(batches), len(batches[0])))
		}
	}
	args = append(args, tensors.FromFlatDataAndDimensions(allRates, len(batches), len(allRates)/len(batches)))
	out, err := e.programs.steps.Call(args...)
	if err != nil {
		return nil, err
	}
	values, last := len(e.Network.Tensors), len(out)-1
	err = errors.Join(replace(&d.values, out[:values:values]), replace(&d.slots, out[values:last:last]))
	e.steps += int64(len(batches))
	err = errors.Join(err, tensors.ConstFlatData(out[last], func(v []float32) {
		for _, l := range v {
			losses = append(losses, float64(l))
		}
	}), out[last].FinalizeAll())
	return losses, err
}

// steps is several steps, one after the other. It takes the network's values, the
// optimiser's slots, the images and labels, and then of every step the batch's indices
// (S×B), its moves, where there are any (S×B each), and its rates (S×R). It returns new
// values, new slots and the S losses. The number of steps is fixed, so that XLA need not ask
// after each whether another follows.
func (m *stepBuilder) steps(nodes []*graph.Node) []*graph.Node {
	in := inputs(nodes)
	tensors := len(m.net.Tensors)
	state := in.take(tensors + m.slots())
	images, labels, perStep := in.one(), in.one(), []*graph.Node(in)
	g, count := images.Graph(), perStep[0].Shape().Dim(0)
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
		values, losses, i := all.take(tensors+m.slots()), all.one(), all.one()
		own := append(slices.Clip(values), images, labels)
		for _, of := range perStep {
			length := of.Shape().Dim(1)
			row := graph.DynamicSlice(of, []*graph.Node{i, graph.Const(g, int32(0))}, []int{1, length})
			own = append(own, graph.Reshape(row, length))
		}
		out := m.step(1, false)(own)
		last := len(out) - 1
		losses = graph.DynamicUpdateSlice(losses, graph.Reshape(out[last], 1), []*graph.Node{i})
		return append(out[:last:last], losses, graph.AddScalar(i, 1))
	})
	out := graph.While(cond, body, state...)
	return out[:len(out)-1]
}

// cut divides a batch into parts, the first ones larger by one image where they
// are not equal, each of at least two images where there are so many.
func cut(index []int32, parts int) [][]int32 {
	n := max(min(parts, len(index)/2), 1)
	out := make([][]int32, 0, n)
	for ; n > 0; n-- {
		size := (len(index) + n - 1) / n
		out, index = append(out, index[:size]), index[size:]
	}
	return out
}

// call runs a step or part on all devices: shared where the batch divides into
// equal shares, else same. state gives what of a device comes first, last what comes last.
func (e *Engine) call(shared, same *graph.Exec, index []int32, epoch int, last any, state func(*device) [][]*tensors.Tensor) ([][]*tensors.Tensor, error) {
	n := len(e.devices)
	program, share := shared, len(index)/n
	if share*n != len(index) {
		program, share = same, len(index)
	}
	var args []any
	for i, d := range e.devices {
		own := index
		if program == shared {
			own = index[i*share : (i+1)*share]
		}
		args = append(join(args, state(d)...), d.train.images, d.train.labels, own)
		if a := e.builder.augment; a != (data.Augmentation{}) {
			for _, v := range drawn(a, e.builder.spec.Seed, epoch, own) {
				args = append(args, v)
			}
		}
		args = append(args, last)
	}
	out, err := program.Call(args...)
	return e.perDevice(out), err
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

// lossOf reads the loss, each device's last result, and frees them.
func lossOf(out [][]*tensors.Tensor) (loss float64, err error) {
	for i, o := range out {
		t := o[len(o)-1]
		if i == 0 {
			loss = float64(tensors.ToScalar[float32](t))
		}
		err = errors.Join(err, t.FinalizeAll())
	}
	return loss, err
}

// part is the forward and backward pass of one part of a batch. It takes the network's
// values, the sum of the gradients so far, a batch and its share of the whole batch,
// and returns the new running averages, the new sum and the part's share of the loss.
func (m *stepBuilder) part(devices int, same bool) func([]*graph.Node) []*graph.Node {
	return func(nodes []*graph.Node) []*graph.Node {
		in := inputs(nodes)
		values, sum := in.take(len(m.net.Tensors)), in.take(m.parameters())
		x, y := m.batch(&in)
		loss, grads, running := m.gradients(values, x, y, devices, same)
		share := in.one()
		for i, g := range grads {
			running = append(running, graph.Add(sum[i], graph.Mul(share, g)))
		}
		return append(running, graph.Mul(share, loss))
	}
}

// finish is the step after its parts. It takes the network's values, the slots,
// the sum of the gradients and the rates, and returns new values, new slots and an
// empty sum.
func (m *stepBuilder) finish(nodes []*graph.Node) []*graph.Node {
	in := inputs(nodes)
	values, slots, grads := in.take(len(m.net.Tensors)), in.take(m.slots()), in.take(m.parameters())
	var running []*graph.Node
	for i, t := range m.net.Tensors {
		if !t.Trained() {
			running = append(running, values[i])
		}
	}
	values, slots = m.apply(values, running, slots, grads, in.one())
	out := append(values, slots...)
	for _, g := range grads {
		out = append(out, graph.ZerosLike(g))
	}
	return out
}
