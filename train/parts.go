package train

import (
	"errors"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gocollapse/collapse/models"
)

// A step in parts is one with Accumulate above 1, or one on a batch that several devices cannot
// share equally: that is a step of one part, in full on each device. Each part's gradient is added
// to a sum on each device, then the optimiser takes the sum.

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

// stepInParts takes one step and returns the mean loss of the whole batch.
func (e *Engine) stepInParts(parts [][]int32, epoch int, rate float64) (loss float64, err error) {
	images := 0
	for _, part := range parts {
		images += len(part)
	}
	for _, part := range parts {
		l, err := e.addPart(part, float32(len(part))/float32(images), epoch)
		if err != nil {
			return 0, err
		}
		loss += l
	}
	var args []any
	for _, d := range e.devices {
		args = append(join(args, d.values, d.slots, d.sum), e.rates(rate, 1))
	}
	all, err := e.programs.finish.Call(args...)
	if err != nil {
		return 0, err
	}
	e.steps++
	values, parameters := len(e.Network.Tensors), e.builder.parameters()
	for i, out := range e.perDevice(all) {
		d, sum := e.devices[i], len(out)-parameters
		err = errors.Join(err, replace(&d.values, out[:values]),
			replace(&d.slots, out[values:sum]), replace(&d.sum, out[sum:]))
	}
	return loss, err
}

// addPart adds a part's gradient to the sum, with the part's share of the whole batch, and
// returns its share of the loss.
func (e *Engine) addPart(part []int32, share float32, epoch int) (float64, error) {
	outs, err := e.runPart(part, share, epoch)
	if err != nil {
		return 0, err
	}
	var losses []*tensors.Tensor
	for i, out := range outs {
		d, last := e.devices[i], len(out)-1
		losses = append(losses, out[last])
		out = out[:last]
		for j, t := range e.Network.Tensors {
			if !t.Trained() {
				err = errors.Join(err, d.values[j].FinalizeAll())
				d.values[j], out = out[0], out[1:]
			}
		}
		err = errors.Join(err, replace(&d.sum, out))
	}
	read, rerr := readLosses(losses)
	if err := errors.Join(err, rerr); err != nil {
		return 0, err
	}
	return read[0], nil
}

// runPart runs a part on all devices: shared where it divides, else in full on each.
func (e *Engine) runPart(part []int32, share float32, epoch int) ([][]*tensors.Tensor, error) {
	if e.divides(part) {
		var args []any
		for i, d := range e.devices {
			args = append(join(args, d.values, d.sum), e.images(d, e.share([][]int32{part}, i), epoch)...)
			args = append(args, share)
		}
		all, err := e.programs.part.Call(args...)
		if err != nil {
			return nil, err
		}
		return e.perDevice(all), nil
	}
	outs, errs := make([][]*tensors.Tensor, len(e.devices)), make([]error, len(e.devices))
	var wait sync.WaitGroup
	for i, d := range e.devices {
		wait.Go(func() {
			args := append(join(nil, d.values, d.sum), e.images(d, [][]int32{part}, epoch)...)
			outs[i], errs[i] = callOn(e.programs.alone, i, append(args, share))
		})
	}
	wait.Wait()
	return outs, errors.Join(errs...)
}

// callOn runs a program of one device on the device of the given number.
func callOn(program *graph.Exec, device int, args []any) ([]*tensors.Tensor, error) {
	// Not CallOnDevice: GoMLX 0.28.2 forgets the device there.
	out, _, err := program.CallWithGraphOnDevice(compute.DeviceNum(device), args...)
	return out, err
}

// part is the program of one part's forward and backward pass. It takes the network's values,
// the sum of the gradients so far, the part as batch reads it and its share of the whole batch.
// It returns the new running averages, the new sum and the part's share of the loss.
func (b *stepBuilder) part(devices int) func([]*graph.Node) []*graph.Node {
	return func(nodes []*graph.Node) []*graph.Node {
		in := inputs(nodes)
		values, sum := in.take(len(b.net.Tensors)), in.take(b.parameters())
		x, y := b.batch(&in)
		loss, grads, running := b.gradients(values, x, y, devices)
		share := in.one()
		for i, g := range grads {
			running = append(running, graph.Add(sum[i], graph.Mul(share, g)))
		}
		return append(running, graph.Mul(share, loss))
	}
}

// finish is the program of the step after its parts. It takes the network's values, the slots,
// the sum of the gradients and the rates (1×R), and returns new values, new slots and an empty
// sum. It takes the mean over devices of what they computed, so that no rounding makes them
// drift apart where each computed a part in full.
func (b *stepBuilder) finish(devices int) func([]*graph.Node) []*graph.Node {
	return func(nodes []*graph.Node) []*graph.Node {
		in := inputs(nodes)
		values, slots, grads := in.take(len(b.net.Tensors)), in.take(b.slots()), in.take(b.parameters())
		joined := grads
		for i, t := range b.net.Tensors {
			if !t.Trained() {
				joined = append(joined, values[i])
			}
		}
		joined = models.MeanOverDevices(devices, joined...)
		n := len(grads)
		values, slots = b.apply(values, joined[n:], slots, joined[:n], in.row())
		out := append(values, slots...)
		for _, g := range grads {
			out = append(out, graph.ZerosLike(g))
		}
		return out
	}
}
