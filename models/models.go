// Package models holds the paper's networks as GoMLX graph functions.
//
// A Network lists its tensors (parameters and batch normalisation's running
// averages) under torchvision's names and computes the forward pass from their
// values; it keeps no values itself. Training code passes the values in and
// gets the new running averages back, so a step is a pure function.
//
// Images are B×H×W×C. Convolution kernels are kh×kw×in×out in the graph and the
// classifier's weight is K×d; Torch and FromTorch convert to and from PyTorch's
// layouts (out×in×kh×kw, K×d).
package models

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"github.com/gomlx/gomlx/core/graph"
)

// Kind says what a tensor of a network is for.
type Kind int

// The kinds of tensors. Weight, Bias, Gamma and Beta are trained; Mean and
// Variance are batch normalisation's running averages.
const (
	Kernel   Kind = iota // convolution, kh×kw×in×out
	Weight               // linear, K×d
	Bias                 // linear, K
	Gamma                // batch normalisation's scale
	Beta                 // batch normalisation's shift
	Mean                 // running mean
	Variance             // running variance, unbiased
)

// Tensor describes one tensor of a network.
type Tensor struct {
	Name  string // torchvision's, for example layer1.0.conv1.weight
	Kind  Kind
	Shape []int // as in the graph
}

// Trained reports whether the optimiser changes the tensor.
func (t Tensor) Trained() bool { return t.Kind != Mean && t.Kind != Variance }

// Size returns the number of elements.
func (t Tensor) Size() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// TorchShape returns the shape in PyTorch's layout.
func (t Tensor) TorchShape() []int {
	if t.Kind == Kernel {
		return []int{t.Shape[3], t.Shape[2], t.Shape[0], t.Shape[1]}
	}
	return append([]int(nil), t.Shape...)
}

// Torch returns the values of v, which are in the graph's layout, in PyTorch's.
// v must have Size elements.
func (t Tensor) Torch(v []float32) []float32 { return t.permute(v, true) }

// FromTorch is the inverse of Torch.
func (t Tensor) FromTorch(v []float32) []float32 { return t.permute(v, false) }

func (t Tensor) permute(v []float32, toTorch bool) []float32 {
	if len(v) != t.Size() {
		panic(fmt.Sprintf("models: %s has %d elements, given %d", t.Name, t.Size(), len(v)))
	}
	out := make([]float32, len(v))
	if t.Kind != Kernel {
		copy(out, v)
		return out
	}
	area, in, o := t.Shape[0]*t.Shape[1], t.Shape[2], t.Shape[3]
	for p := range area {
		for c := range in {
			for k := range o {
				g, q := (p*in+c)*o+k, (k*in+c)*area+p
				if toTorch {
					out[q] = v[g]
				} else {
					out[g] = v[q]
				}
			}
		}
	}
	return out
}

// initial returns the tensor's first values, in the graph's layout; features is
// the network's d. Each tensor has a random stream of its own, keyed by the seed
// and its name, so that its values depend neither on the other tensors nor on
// the backend.
func (t Tensor) initial(seed int64, features int) []float32 {
	v := make([]float32, t.Size())
	h := fnv.New64a()
	h.Write([]byte(t.Name))
	rng := rand.New(rand.NewPCG(uint64(seed), h.Sum64()))
	switch t.Kind {
	case Kernel: // Kaiming normal, fan out: variance 2/(kh·kw·out)
		sd := math.Sqrt(2 / float64(t.Shape[0]*t.Shape[1]*t.Shape[3]))
		for i := range v {
			v[i] = float32(rng.NormFloat64() * sd)
		}
	case Weight, Bias: // PyTorch's Linear
		bound := 1 / math.Sqrt(float64(features))
		for i := range v {
			v[i] = float32((2*rng.Float64() - 1) * bound)
		}
	case Gamma, Variance:
		for i := range v {
			v[i] = 1
		}
	}
	return v
}

// Network is an architecture: its tensors and its forward pass.
type Network struct {
	Name     string
	Classes  int      // K
	Features int      // d, the dimension of the last-layer features
	Tensors  []Tensor // in the order of PyTorch's state dictionary

	index   map[string]int
	forward func(p *pass, x *graph.Node) *graph.Node // images → features
}

// Output is what a forward pass computes.
type Output struct {
	Features *graph.Node // B×d, after global average pooling
	Logits   *graph.Node // B×K
	// Running holds the new running averages, in the order of those Tensors that
	// are not Trained. It is nil in evaluation mode.
	Running []*graph.Node
}

// Parameters returns the number of trained numbers.
func (n *Network) Parameters() int {
	sum := 0
	for _, t := range n.Tensors {
		if t.Trained() {
			sum += t.Size()
		}
	}
	return sum
}

// Initial returns the first values of all tensors, in the order of Tensors and
// in the graph's layouts: convolutions Kaiming normal with fan out, batch
// normalisation 1 and 0, the classifier uniform in ±1/√d (weight and bias), as
// torchvision's ResNet. The values depend on the seed alone.
func (n *Network) Initial(seed int64) [][]float32 {
	out := make([][]float32, len(n.Tensors))
	for i, t := range n.Tensors {
		out[i] = t.initial(seed, n.Features)
	}
	return out
}

// Forward builds the network's graph on images x (B×H×W×C, normalised) with the
// values of all Tensors, in their order and in the graph's layouts.
//
// In training mode batch normalisation uses the batch's statistics and Output
// holds the new running averages; in evaluation mode it uses the running
// averages. Like all GoMLX graph functions it panics where shapes do not fit;
// graph.Exec turns the panic into an error.
func (n *Network) Forward(values []*graph.Node, x *graph.Node, training bool) Output {
	if len(values) != len(n.Tensors) {
		panic(fmt.Errorf("models: %s has %d tensors, given %d", n.Name, len(n.Tensors), len(values)))
	}
	p := &pass{net: n, values: values, training: training, running: make(map[string]*graph.Node)}
	h := n.forward(p, x)
	logits := graph.Dot(h, graph.Transpose(p.value("fc.weight"), 0, 1)).Product()
	logits = graph.Add(logits, graph.ExpandLeftToRank(p.value("fc.bias"), 2))
	out := Output{Features: h, Logits: logits}
	if training {
		for _, t := range n.Tensors {
			if !t.Trained() {
				out.Running = append(out.Running, p.running[t.Name])
			}
		}
	}
	return out
}

// pass is one construction of a network's graph.
type pass struct {
	net      *Network
	values   []*graph.Node
	training bool
	running  map[string]*graph.Node // new running averages by name
}

func (p *pass) value(name string) *graph.Node { return p.values[p.net.index[name]] }

// conv applies the convolution called name.
func (p *pass) conv(name string, x *graph.Node, stride int) *graph.Node {
	return Conv(x, p.value(name+".weight"), stride)
}

// norm applies the batch normalisation called name.
func (p *pass) norm(name string, x *graph.Node) *graph.Node {
	gamma, beta := p.value(name+".weight"), p.value(name+".bias")
	mean, variance := p.value(name+".running_mean"), p.value(name+".running_var")
	if !p.training {
		return NormEval(x, gamma, beta, mean, variance)
	}
	y, m, v := NormTrain(x, gamma, beta, mean, variance)
	p.running[name+".running_mean"], p.running[name+".running_var"] = m, v
	return y
}

// add registers a tensor.
func (n *Network) add(name string, kind Kind, shape ...int) {
	if n.index == nil {
		n.index = make(map[string]int)
	}
	n.index[name] = len(n.Tensors)
	n.Tensors = append(n.Tensors, Tensor{Name: name, Kind: kind, Shape: shape})
}

func (n *Network) addConv(name string, size, in, out int) {
	n.add(name+".weight", Kernel, size, size, in, out)
}

func (n *Network) addNorm(name string, channels int) {
	n.add(name+".weight", Gamma, channels)
	n.add(name+".bias", Beta, channels)
	n.add(name+".running_mean", Mean, channels)
	n.add(name+".running_var", Variance, channels)
}

func (n *Network) addLinear(name string, in, out int) {
	n.add(name+".weight", Weight, out, in)
	n.add(name+".bias", Bias, out)
}
