package train

import (
	"math"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/gocollapse/collapse/models"
	"github.com/gocollapse/collapse/record"
)

// Names of the slots: what an optimiser keeps for each parameter, called as in
// PyTorch's.
const (
	Momentum     = "momentum"   // of sgd, PyTorch's momentum_buffer
	FirstMoment  = "exp_avg"    // of adam and adamw: running mean of the gradient
	SecondMoment = "exp_avg_sq" // running mean of its square
)

// Adam's constants, PyTorch's defaults. β₁ is the specification's momentum.
const (
	adamBeta2   = 0.999
	adamEpsilon = 1e-8
)

// slotNames returns the names of the slots that the specification's optimiser keeps.
func slotNames(spec record.Spec) []string {
	if adaptive(spec) {
		return []string{FirstMoment, SecondMoment}
	}
	return []string{Momentum}
}

func adaptive(spec record.Spec) bool { return spec.Optimizer == "adam" || spec.Optimizer == "adamw" }

// decayed says whether the specification's weight decay is on a parameter.
func decayed(spec record.Spec, t models.Tensor) bool {
	weight := t.Kind == models.Kernel || t.Kind == models.Weight
	return spec.Decay > 0 && (weight || spec.DecayOn != "weights")
}

// rates returns what update needs of the rate and the number of the step, from 1.
// They are computed here in float64: 1 − β^t has few digits in float32.
func rates(spec record.Spec, rate float64, step int64) []float32 {
	if !adaptive(spec) {
		return []float32{float32(rate)}
	}
	t := float64(step)
	return []float32{
		float32(rate * spec.Decay),
		float32(rate / (1 - math.Pow(spec.Momentum, t))),
		float32(math.Sqrt(1 - math.Pow(adamBeta2, t))),
	}
}

// update is one step of the specification's optimiser on one parameter θ with
// gradient g, in PyTorch's recurrences. It returns the new θ and the new slots.
//
// sgd, with momentum μ; the last line with nesterov is θ ← θ − rate·(g + μv):
//
//	g ← g + decay·θ;  v ← μv + g;  θ ← θ − rate·v
//
// adam at step t, with μ as β₁:
//
//	g ← g + decay·θ;  m ← β₁m + (1−β₁)g;  s ← β₂s + (1−β₂)g²
//	θ ← θ − rate/(1−β₁ᵗ) · m / (√s/√(1−β₂ᵗ) + ε)
//
// adamw decays θ ← (1 − rate·decay)θ before the last line instead of adding to g
// (Loshchilov and Hutter, Decoupled weight decay regularization, ICLR 2019).
//
// GoMLX's own optimizers are not used: its Adam takes the gradient of a loss itself, from
// variables of a model.Store, where gradients here are sums over parts and means over devices;
// it decays every variable or none and has no L2 in the gradient; and its SGD has no
// momentum. Values that go in and come out are what makes a step resumable to the bit.
func update(spec record.Spec, t models.Tensor, theta, g *graph.Node, slots []*graph.Node,
	rates *graph.Node) (*graph.Node, []*graph.Node) {
	rate := func(i int) *graph.Node { return graph.Reshape(graph.Slice(rates, graph.AxisElem(i))) }
	mix := func(old *graph.Node, share float64, fresh *graph.Node) *graph.Node {
		return graph.Add(graph.MulScalar(old, 1-share), graph.MulScalar(fresh, share))
	}
	if decayed(spec, t) && spec.Optimizer != "adamw" {
		g = graph.Add(g, graph.MulScalar(theta, spec.Decay))
	}
	if !adaptive(spec) {
		v := graph.Add(graph.MulScalar(slots[0], spec.Momentum), g)
		direction := v
		if spec.Nesterov {
			direction = graph.Add(g, graph.MulScalar(v, spec.Momentum))
		}
		return graph.Sub(theta, graph.Mul(rate(0), direction)), []*graph.Node{v}
	}
	if decayed(spec, t) && spec.Optimizer == "adamw" {
		theta = graph.Sub(theta, graph.Mul(rate(0), theta))
	}
	m := mix(slots[0], 1-spec.Momentum, g)
	s := mix(slots[1], 1-adamBeta2, graph.Square(g))
	size := graph.AddScalar(graph.Div(graph.Sqrt(s), rate(2)), adamEpsilon)
	return graph.Sub(theta, graph.Mul(rate(1), graph.Div(m, size))), []*graph.Node{m, s}
}
