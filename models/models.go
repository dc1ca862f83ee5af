// Package models holds the paper's networks, and two small ones for teaching, as GoMLX graph
// functions. [Build] makes one from its name and [Options].
//
// A Network lists its tensors (parameters and the running averages of batch normalisation) under
// torchvision's names, and computes the forward pass from their values. It keeps no values itself:
// training code passes them in and gets the new running averages back, so that a step is a pure
// function.
//
// Images are B×H×W×C. In the graph, convolution kernels are kh×kw×in×out and the classifier's
// weight is K×d. Torch and FromTorch convert to and from PyTorch's layouts (out×in×kh×kw, K×d).
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

// The kinds of tensors. Kernel, Weight, Bias, Gamma and Beta are trained; Mean and Variance are the
// running averages of batch normalisation.
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
	Name   string // torchvision's, for example layer1.0.conv1.weight
	Kind   Kind
	Shape  []int // as in the graph
	Frozen bool  // keeps its initial values: the weight of HeadETF

	fanIn int     // of a Weight or Bias
	scale float64 // norm of a frozen weight's rows
}

// Trained reports whether the optimiser changes the tensor.
func (t Tensor) Trained() bool { return !t.Frozen && t.Kind != Mean && t.Kind != Variance }

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

// Torch converts values from the graph's layout to PyTorch's. v must have Size elements.
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

// initial returns the tensor's initial values in the graph's layout. Each tensor has its own random
// stream, keyed by the seed and its name, so that its values depend neither on the other tensors
// nor on the backend.
func (t Tensor) initial(seed int64) []float32 {
	v := make([]float32, t.Size())
	h := fnv.New64a()
	h.Write([]byte(t.Name))
	rng := rand.New(rand.NewPCG(uint64(seed), h.Sum64()))
	switch t.Kind {
	case Weight:
		if t.Frozen {
			for i, w := range simplexETF(t.Shape[0], t.Shape[1], rng) {
				v[i] = float32(w * t.scale)
			}
			return v
		}
		fallthrough
	case Bias: // PyTorch's Linear
		bound := 1 / math.Sqrt(float64(t.fanIn))
		for i := range v {
			v[i] = float32((2*rng.Float64() - 1) * bound)
		}
	case Kernel: // Kaiming normal, fan out: variance 2/(kh·kw·out)
		sd := math.Sqrt(2 / float64(t.Shape[0]*t.Shape[1]*t.Shape[3]))
		for i := range v {
			v[i] = float32(rng.NormFloat64() * sd)
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
	Stages   []Stage  // in the order of the forward pass
	Options  Options  // with which it was built
	Smallest int      // the fewest pixels that a side of an image must have

	index   map[string]int
	forward func(p *pass, x *graph.Node) *graph.Node // images → features before the head
	kept    func(height, width int) int              // see Kept
}

// Stage is a place in the network whose output ForwardStages returns: the stem, a group of residual
// blocks, or a layer.
type Stage struct {
	Name     string // stem, layer1, …
	Features int    // channels or units
}

// Output is what a forward pass computes.
type Output struct {
	// Features is h, B×d, the input of the last layer: with every head, Logits = h Wᵀ + b.
	Features *graph.Node
	Logits   *graph.Node // B×K
	// Running holds the new values of the Tensors that are not Trained, in their order: running
	// averages, and frozen weights unchanged. It is nil in evaluation mode.
	Running []*graph.Node
	// Stages holds the outputs of the network's Stages, each B×Features, averaged over the image.
	// Only ForwardStages sets it.
	Stages []*graph.Node
}

// Parameters returns the number of trained numbers. With the linear head and without feature
// normalisation it is torchvision's.
func (n *Network) Parameters() int {
	sum := 0
	for _, t := range n.Tensors {
		if t.Trained() {
			sum += t.Size()
		}
	}
	return sum
}

// Kept returns the number of activations that the forward pass of one image, of the given size in
// pixels, keeps for the backward pass: the image, and the outputs of convolutions and linear layers
// before and after ReLU. They are the part of a training step's memory that does not depend on the
// backend.
func (n *Network) Kept(height, width int) int {
	return height*width*n.Options.Channels + n.kept(height, width) + n.Features + n.Classes
}

// after is the length of an axis after convolutions of the given stride.
func after(length, stride int) int { return (length-1)/stride + 1 }

// Initial returns the initial values of all tensors, in the order of Tensors and in the graph's
// layouts, as torchvision's ResNet: convolutions are Kaiming normal with fan out, batch
// normalisation is 1 and 0, linear layers (weight and bias) are uniform in ±1/√inputs. A frozen
// classifier is a simplex ETF in a random rotation. The values depend only on the seed.
func (n *Network) Initial(seed int64) [][]float32 {
	out := make([][]float32, len(n.Tensors))
	for i, t := range n.Tensors {
		out[i] = t.initial(seed)
	}
	return out
}

// Forward builds the network's graph on images x (B×H×W×C, normalised) with the values of all
// Tensors, in their order and in the graph's layouts.
//
// In training mode batch normalisation uses the statistics of the batch, and Output holds the new
// running averages; in evaluation mode it uses the running averages. Like all GoMLX graph functions
// it panics if shapes do not fit; graph.Exec turns the panic into an error.
//
// Activations have the type of x; values are float32. With x in bfloat16, convolutions and hidden
// linear layers multiply in bfloat16. Batch normalisation, the averages over the image, the head
// and the last layer compute in float32, so that features, logits and running averages are always
// float32.
func (n *Network) Forward(values []*graph.Node, x *graph.Node, training bool) Output {
	return n.run(values, x, &pass{training: training})
}

// ForwardShared is Forward in training mode on one device's part of a batch, in an SPMD graph that
// splits the batch equally across devices. The statistics of batch normalisation are those of the
// whole batch; the other results are those of the part.
func (n *Network) ForwardShared(values []*graph.Node, x *graph.Node, devices int) Output {
	return n.run(values, x, &pass{training: true, devices: devices})
}

// ForwardStages is Forward with Output.Stages, for layerwise neural collapse.
func (n *Network) ForwardStages(values []*graph.Node, x *graph.Node, training bool) Output {
	return n.run(values, x, &pass{training: training, looking: true})
}

func (n *Network) run(values []*graph.Node, x *graph.Node, p *pass) Output {
	if len(values) != len(n.Tensors) {
		panic(fmt.Errorf("models: %s has %d tensors, given %d", n.Name, len(n.Tensors), len(values)))
	}
	if x.Rank() != 4 || x.Shape().Dim(3) != n.Options.Channels {
		panic(fmt.Errorf("models: %s wants images B×H×W×%d, found shape %v",
			n.Name, n.Options.Channels, x.Shape().Dimensions))
	}
	p.net, p.values, p.running = n, values, make(map[string]*graph.Node)
	h := p.head(wide(n.forward(p, x)))
	out := Output{Features: h, Logits: p.linear("fc", h), Stages: p.stages}
	if p.training {
		for i, t := range n.Tensors {
			switch {
			case t.Trained():
			case t.Frozen:
				out.Running = append(out.Running, values[i])
			default:
				out.Running = append(out.Running, p.running[t.Name])
			}
		}
	}
	return out
}

// Classifier returns the indices in Tensors of the last layer's weight (K×d) and bias (K). bias is
// −1 if there is none.
func (n *Network) Classifier() (weight, bias int) {
	bias = -1
	if i, ok := n.index["fc.bias"]; ok {
		bias = i
	}
	return n.index["fc.weight"], bias
}

// pass is one construction of a network's graph.
type pass struct {
	net      *Network
	values   []*graph.Node
	training bool
	devices  int                    // across which the batch is split; 0 is 1
	running  map[string]*graph.Node // new running averages by name
	looking  bool                   // whether stages are kept
	stages   []*graph.Node
}

func (p *pass) value(name string) *graph.Node { return p.values[p.net.index[name]] }

// stage keeps x as the output of the next Stage if stages are kept, and returns x.
func (p *pass) stage(x *graph.Node) *graph.Node {
	if p.looking {
		pooled := x
		if x.Rank() == 4 {
			pooled = average(x)
		}
		p.stages = append(p.stages, wide(pooled))
	}
	return x
}

// linear applies the linear layer called name, with its bias if it has one.
func (p *pass) linear(name string, x *graph.Node) *graph.Node {
	weight := graph.ConvertDType(p.value(name+".weight"), x.DType())
	y := graph.Dot(x, graph.Transpose(weight, 0, 1)).Product()
	if _, ok := p.net.index[name+".bias"]; ok {
		y = graph.Add(y, graph.ExpandLeftToRank(graph.ConvertDType(p.value(name+".bias"), x.DType()), 2))
	}
	return y
}

// conv applies the convolution called name.
func (p *pass) conv(name string, x *graph.Node, stride int) *graph.Node {
	return Conv(x, graph.ConvertDType(p.value(name+".weight"), x.DType()), stride)
}

// norm applies the batch normalisation called name.
func (p *pass) norm(name string, x *graph.Node) *graph.Node {
	gamma, beta := p.value(name+".weight"), p.value(name+".bias")
	mean, variance := p.value(name+".running_mean"), p.value(name+".running_var")
	if !p.training {
		return graph.ConvertDType(NormEval(wide(x), gamma, beta, mean, variance), x.DType())
	}
	y, m, v := normTrain(wide(x), gamma, beta, mean, variance, max(p.devices, 1))
	p.running[name+".running_mean"], p.running[name+".running_var"] = m, v
	return graph.ConvertDType(y, x.DType())
}

// wide returns x as float32, for sums of many terms and for what is measured.
func wide(x *graph.Node) *graph.Node { return graph.ConvertDType(x, DType) }

// average returns the mean of x (B×H×W×C) over the image, B×C in float32.
func average(x *graph.Node) *graph.Node { return graph.ReduceMean(wide(x), 1, 2) }

// add registers a tensor.
func (n *Network) add(t Tensor) {
	if n.index == nil {
		n.index = make(map[string]int)
	}
	n.index[t.Name] = len(n.Tensors)
	n.Tensors = append(n.Tensors, t)
}

func (n *Network) addConv(name string, size, in, out int) {
	n.add(Tensor{Name: name + ".weight", Kind: Kernel, Shape: []int{size, size, in, out}})
}

func (n *Network) addNorm(name string, channels int) {
	n.add(Tensor{Name: name + ".weight", Kind: Gamma, Shape: []int{channels}})
	n.add(Tensor{Name: name + ".bias", Kind: Beta, Shape: []int{channels}})
	n.add(Tensor{Name: name + ".running_mean", Kind: Mean, Shape: []int{channels}})
	n.add(Tensor{Name: name + ".running_var", Kind: Variance, Shape: []int{channels}})
}

func (n *Network) addLinear(name string, in, out int) {
	n.add(Tensor{Name: name + ".weight", Kind: Weight, Shape: []int{out, in}, fanIn: in})
	n.add(Tensor{Name: name + ".bias", Kind: Bias, Shape: []int{out}, fanIn: in})
}
