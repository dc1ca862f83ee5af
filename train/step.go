package train

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/losses"
	"github.com/gocollapse/collapse/models"
	"github.com/gocollapse/collapse/record"
)

// method is what a specification says of a step, as graph functions: they take
// values and return new ones, and keep nothing.
type method struct {
	net     *models.Network
	spec    record.Spec
	info    record.Data
	loss    record.Loss
	penalty losses.Penalty    // in place of weight decay, or zero
	augment data.Augmentation // or zero
	samples int               // N, the size of the training split
}

// inputs are the arguments of a graph, taken in the order in which Engine gives them.
type inputs []*graph.Node

func (in *inputs) take(n int) []*graph.Node {
	out := (*in)[:n:n]
	*in = (*in)[n:]
	return out
}

func (in *inputs) one() *graph.Node { return in.take(1)[0] }

// trained returns the entries of values, one a tensor of the network, that the
// optimiser changes.
func trained[T any](net *models.Network, values []T) []T {
	var out []T
	for i, t := range net.Tensors {
		if t.Trained() {
			out = append(out, values[i])
		}
	}
	return out
}

// step is one step on a batch. It takes the network's values, the optimiser's slots,
// a batch and the rates, and returns new values, new slots and the batch's mean
// loss. The batch is shared by devices, or the same one on each.
func (m *method) step(devices int, same bool) func([]*graph.Node) []*graph.Node {
	return func(nodes []*graph.Node) []*graph.Node {
		in := inputs(nodes)
		values, slots := in.take(len(m.net.Tensors)), in.take(m.slots())
		x, y := m.batch(&in)
		loss, grads, running := m.gradients(values, x, y, devices, same)
		values, slots = m.apply(values, running, slots, grads, in.one())
		return append(append(values, slots...), loss)
	}
}

// steps is several steps, one after the other. It takes the network's values, the
// optimiser's slots, the images and labels, and then of every step the batch's indices
// (S×B), its moves, where there are any (S×B each), and its rates (S×R). It returns new
// values, new slots and the S losses. The number of steps is fixed, so that XLA need not ask
// after each whether another follows.
func (m *method) steps(nodes []*graph.Node) []*graph.Node {
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

// part is the forward and backward pass of one part of a batch. It takes the network's
// values, the sum of the gradients so far, a batch and its share of the whole batch,
// and returns the new running averages, the new sum and the part's share of the loss.
func (m *method) part(devices int, same bool) func([]*graph.Node) []*graph.Node {
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
func (m *method) finish(nodes []*graph.Node) []*graph.Node {
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

// evaluate takes the network's values and a batch without moves, and returns features,
// logits and losses of its images in evaluation mode, then the stages' outputs if
// they are looked at. It computes in float32 whatever the training does.
func (m *method) evaluate(stages bool) func([]*graph.Node) []*graph.Node {
	return func(nodes []*graph.Node) []*graph.Node {
		in := inputs(nodes)
		forward := m.net.Forward
		if stages {
			forward = m.net.ForwardStages
		}
		values, images, labels, index := in.take(len(m.net.Tensors)), in.one(), in.one(), in.one()
		index = graph.InsertAxes(index, -1)
		out := forward(values, normalise(graph.Gather(images, index), m.info), false)
		each := losses.Each(m.loss, out.Logits, graph.Gather(labels, index))
		return append([]*graph.Node{out.Features, out.Logits, each}, out.Stages...)
	}
}

// parameters is the number of trained tensors, slots that of their slots.
func (m *method) parameters() int { return len(trained(m.net, m.net.Tensors)) }
func (m *method) slots() int      { return m.parameters() * len(slotNames(m.spec)) }

// batch takes images, labels, the batch's indices and, where there is augmentation, moves from in, and
// returns normalised images and labels.
func (m *method) batch(in *inputs) (x, y *graph.Node) {
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
func (m *method) gradients(values []*graph.Node, x, y *graph.Node, devices int, same bool) (loss *graph.Node, grads, running []*graph.Node) {
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
func (m *method) apply(values, running, slots, grads []*graph.Node, rates *graph.Node) (newValues, newSlots []*graph.Node) {
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
