package models

import (
	"fmt"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// DType is the element type of values and results, and of images unless activations are bfloat16.
const DType = dtypes.Float32

// Batch normalisation's constants, PyTorch's defaults.
const (
	NormEpsilon  = 1e-5 // added to the variance
	NormMomentum = 0.1  // share of the batch in the running averages
)

// ReLU returns 0 where x ≤ 0, else x. NaN stays NaN, so that a diverged run is visible. It selects
// instead of taking a maximum: the gradient of a maximum splits ties, which costs time, and at 0 it
// is ½ where PyTorch's is 0.
func ReLU(x *graph.Node) *graph.Node {
	return graph.Where(graph.IsNonPositive(x), graph.ZerosLike(x), x)
}

// Conv is a convolution without bias of x (B×H×W×in) with an odd square kernel (k×k×in×out), padded
// with (k−1)/2 zeros on each side as in PyTorch.
//
// The backend decides how it is computed. XLA's own convolution is near the machine's limit, except
// for some gradients on a CPU (see convCPU). The convolution of the pure Go backend is about 70
// times slower than the same sums as shifted matrix products.
func Conv(x, kernel *graph.Node, stride int) *graph.Node {
	k := kernel.Shape().Dimensions
	if len(k) != 4 || k[0] != k[1] || k[0]%2 == 0 {
		panic(fmt.Errorf("models: want an odd square kernel k×k×in×out, found %v", k))
	}
	n := k[0] / 2
	if pureGo(x.Graph().Backend()) {
		return convByProducts(x, kernel, stride, n)
	}
	if cpuPlugin(x.Graph().Backend()) {
		return convCPU(x, kernel, stride, n)
	}
	return convXLA(x, kernel, stride, n)
}

// pureGo reports whether b is the Go backend. Its Name is for people ("Go Backend"); its String is
// the name in GOMLX_BACKEND.
func pureGo(b compute.Backend) bool { return b.String() == gobackend.BackendName }

// convByProducts sums, over the kernel's positions, the product of the shifted image and the
// kernel's in×out matrix at that position.
func convByProducts(x, kernel *graph.Node, stride, n int) *graph.Node {
	d := x.Shape().Dimensions
	k := kernel.Shape().Dimensions
	batch, height, width := d[0], (d[1]-1)/stride+1, (d[2]-1)/stride+1
	x = pad(pad(x, 1, n, 0), 2, n, 0)
	var sum *graph.Node
	for i := range k[0] {
		for j := range k[1] {
			t := graph.Slice(x, graph.AxisRange(),
				graph.AxisRange(i, i+(height-1)*stride+1).Stride(stride),
				graph.AxisRange(j, j+(width-1)*stride+1).Stride(stride))
			w := graph.Reshape(graph.Slice(kernel, graph.AxisElem(i), graph.AxisElem(j)), k[2], k[3])
			t = graph.Dot(graph.Reshape(t, batch*height*width, k[2]), w).Product()
			if sum == nil {
				sum = t
			} else {
				sum = graph.Add(sum, t)
			}
		}
	}
	return graph.Reshape(sum, batch, height, width, k[3])
}

// MaxPool returns the largest value of each size×size window of x (B×H×W×C), the windows stride
// apart, as torch.nn.MaxPool2d with the given padding: values outside the image are −∞, and the
// result has (H + 2·pad − size)/stride + 1 rows, rounded down. As in PyTorch, the gradient goes to
// the first of equal values in a window, by row and then by column, and NaN is larger than all
// numbers.
//
// It takes maxima of shifted slices, along the columns and then along the rows, because the pure Go
// backend has no gradient of a window's maximum.
func MaxPool(x *graph.Node, size, stride, pad int) *graph.Node {
	if x.Rank() != 4 || size < 1 || stride < 1 || pad < 0 || 2*pad > size {
		panic(fmt.Errorf("models: want max-pooling of B×H×W×C with size and stride at least 1 and padding at most "+
			"half the size, found shape %v, size %d, stride %d, padding %d", x.Shape().Dimensions, size, stride, pad))
	}
	return maxAlong(maxAlong(x, 2, size, stride, pad), 1, size, stride, pad)
}

func maxAlong(x *graph.Node, axis, size, stride, n int) *graph.Node {
	length := x.Shape().Dim(axis) + 2*n
	if length < size {
		panic(fmt.Errorf("models: an image %v is smaller than the %d×%d window of its max-pooling",
			x.Shape().Dimensions, size, size))
	}
	x = pad(x, axis, n, math.Inf(-1))
	out := (length-size)/stride + 1
	var m *graph.Node
	for i := range size {
		ranges := []graph.SliceAxisSpec{graph.AxisRange(), graph.AxisRange(), graph.AxisRange(), graph.AxisRange()}
		ranges[axis] = graph.AxisRange(i, i+(out-1)*stride+1).Stride(stride)
		t := graph.Slice(x, ranges...)
		if m == nil {
			m = t
			continue
		}
		larger := graph.LogicalOr(graph.GreaterThan(t, m), graph.NotEqual(t, t))
		m = graph.Where(larger, t, m)
	}
	return m
}

// pad adds n entries of the given value at both ends of an axis. It concatenates them, because the
// Go backend has no gradient of Pad.
func pad(x *graph.Node, axis, n int, value float64) *graph.Node {
	if n == 0 {
		return x
	}
	s := x.Shape().Clone()
	s.Dimensions[axis] = n
	z := graph.Zeros(x.Graph(), shapes.Make(s.DType, s.Dimensions...))
	if value != 0 {
		z = graph.AddScalar(z, value)
	}
	return graph.Concatenate([]*graph.Node{z, x, z}, axis)
}

// NormEval normalises x (B×H×W×C, or B×C) by running averages:
// γ (x − mean)/√(variance + ε) + β, each a vector of C.
func NormEval(x, gamma, beta, mean, variance *graph.Node) *graph.Node {
	scale := graph.Div(gamma, graph.Sqrt(graph.AddScalar(variance, NormEpsilon)))
	shift := graph.Sub(beta, graph.Mul(mean, scale))
	return graph.Add(graph.Mul(x, perChannel(scale, x)), perChannel(shift, x))
}

// NormTrain normalises x (B×H×W×C, or B×C) by the batch's mean and biased variance. It returns the
// new running averages, 0.9·old + 0.1·batch with the unbiased variance, as in PyTorch.
//
// Both statistics come from one pass over x − mean, where mean is the old running mean. That
// difference is small, so that E[x²] − E[x]² loses no digits where |mean| ≫ deviation.
func NormTrain(x, gamma, beta, mean, variance *graph.Node) (y, newMean, newVariance *graph.Node) {
	return normTrain(x, gamma, beta, mean, variance, 1)
}

// normTrain is NormTrain of a batch that is split across devices.
func normTrain(x, gamma, beta, mean, variance *graph.Node, devices int) (y, newMean, newVariance *graph.Node) {
	c := x.Shape().Dim(-1)
	n := x.Shape().Size() / c
	whole := n * devices
	if whole < 2 {
		panic(fmt.Errorf("models: batch normalisation in training needs at least 2 values per channel, "+
			"the batch has %v", x.Shape().Dimensions))
	}
	mean, variance = graph.StopGradient(mean), graph.StopGradient(variance)
	shape := x.Shape().Dimensions
	// Of the batch: mean less the old mean, variance, x less the old mean, √(v + ε).
	var m, v, centred, deviation *graph.Node
	// The gradient is written out, so that each sum over the batch is taken once:
	//
	//	∂γ = Σ ∂y x̂,  ∂β = Σ ∂y,  ∂x = γ/σ (∂y − ∂β/n − x̂ ∂γ/n)
	//
	// ∂y is known before the others are asked for. On several devices ∂γ and ∂β are those of the
	// device's part, which the step averages, and ∂x takes their means.
	var dy, dGamma, dBeta, scale *graph.Node
	x = graph.IdentityWithCustomGradient(x, func(_, _ *graph.Node) *graph.Node {
		sums := MeanOverDevices(devices, dBeta, dGamma)
		mean := graph.MulScalar(graph.Mul(scale, sums[0]), 1/float64(n))
		slope := graph.MulScalar(graph.Div(graph.Mul(scale, sums[1]), deviation), 1/float64(n))
		dx := graph.Sub(graph.Mul(dy, perChannel(scale, dy)), perChannel(mean, dy))
		dx = graph.Sub(dx, graph.Mul(graph.Sub(centred, perChannel(m, dy)), perChannel(slope, dy)))
		return graph.Reshape(dx, shape...)
	})
	gamma = graph.IdentityWithCustomGradient(gamma, func(_, _ *graph.Node) *graph.Node { return dGamma })
	beta = graph.IdentityWithCustomGradient(beta, func(_, _ *graph.Node) *graph.Node { return dBeta })

	if onCPU(x) {
		x = graph.Reshape(x, shape[0], -1)
	}
	centred = graph.Sub(x, perChannel(mean, x))
	fixed := graph.StopGradient(centred)
	moments := MeanOverDevices(devices,
		graph.MulScalar(channelSum(fixed, c), 1/float64(n)),
		graph.MulScalar(channelSum(graph.Square(fixed), c), 1/float64(n)))
	m = moments[0]
	v = graph.Sub(moments[1], graph.Square(m))
	// Rounding may leave −1e-9 for a constant channel.
	v = graph.Where(graph.IsPositive(v), v, graph.ZerosLike(v))
	deviation = graph.Sqrt(graph.AddScalar(v, NormEpsilon))
	scale = graph.Div(gamma, deviation)
	shift := graph.Sub(beta, graph.Mul(m, scale))
	y = graph.Add(graph.Mul(centred, perChannel(scale, centred)), perChannel(shift, centred))
	y = graph.IdentityWithCustomGradient(y, func(_, v *graph.Node) *graph.Node {
		dy = v
		dBeta = channelSum(dy, c)
		dGamma = graph.Div(channelSum(graph.Mul(dy, graph.Sub(centred, perChannel(m, dy))), c), deviation)
		return v
	})
	y = graph.Reshape(y, shape...)

	newMean = graph.Add(mean, graph.MulScalar(graph.StopGradient(m), NormMomentum))
	unbiased := graph.MulScalar(graph.StopGradient(v), float64(whole)/float64(whole-1))
	newVariance = graph.Add(graph.MulScalar(variance, 1-NormMomentum), graph.MulScalar(unbiased, NormMomentum))
	return y, newMean, newVariance
}

// onCPU reports whether x is computed by XLA's CPU plugin or by the Go backend.
func onCPU(x *graph.Node) bool {
	b := x.Graph().Backend()
	return pureGo(b) || cpuPlugin(b)
}

// channelSum returns the sum of x over images and pixels. On a GPU that is a reduction of B×H×W×C
// (or B×C), which XLA fuses with the computation of x for any order of its axes in memory. A
// product would round to 10 bits of mantissa where TF32 is on.
//
// On a CPU, x is B×PC, each row an image with its C channels pixel after pixel, and is multiplied
// by rows of ones: XLA runs a product on all processors but a reduction over leading axes on one.
// The pixels are summed in two steps, in parts of about √P. A product adds its terms one by one:
// over the 131072 pixels of a first layer (128 images of 32×32) a single product has an error of
// 1e-5 of the mean, two steps have 1e-6.
//
// The four quarters of x are added first. XLA fuses that with the computation of x, so that a
// product such as a square is never written to memory.
func channelSum(x *graph.Node, c int) *graph.Node {
	if !onCPU(x) {
		axes := []int{0, 1, 2}
		return graph.ReduceSum(x, axes[:x.Rank()-1]...)
	}
	n, pixels := x.Shape().Dim(0), x.Shape().Dim(1)/c
	if n%4 == 0 {
		n /= 4
		quarter := func(i int) *graph.Node { return graph.Slice(x, graph.AxisRange(i*n, (i+1)*n)) }
		x = graph.Add(graph.Add(quarter(0), quarter(1)), graph.Add(quarter(2), quarter(3)))
	}
	part := int(math.Sqrt(float64(pixels)))
	for pixels%part != 0 {
		part--
	}
	row := func(n int) *graph.Node { return graph.Ones(x.Graph(), shapes.Make(x.DType(), 1, n)) }
	for _, rows := range []int{n, part, pixels / part} {
		if rows > 1 {
			x = graph.Dot(row(rows), graph.Reshape(x, rows, -1)).Product()
		}
	}
	return graph.Reshape(x, c)
}

// perChannel broadcasts a vector of C to the shape of x, whose last axis has C entries or, pixel
// after pixel, a multiple of C.
func perChannel(v, x *graph.Node) *graph.Node {
	c, last := v.Shape().Dim(0), x.Shape().Dim(-1)
	v = graph.BroadcastToShape(graph.ExpandLeftToRank(v, 2), shapes.Make(v.DType(), last/c, c))
	return graph.BroadcastToShape(graph.ExpandLeftToRank(graph.Reshape(v, last), x.Rank()), x.Shape())
}
