package models

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// DType is the element type of images, values and results.
const DType = dtypes.Float32

// Batch normalisation's constants, PyTorch's defaults.
const (
	NormEpsilon  = 1e-5 // added to the variance
	NormMomentum = 0.1  // share of the batch in the running averages
)

// ReLU returns x where x > 0, else 0. It is a selection and not a maximum: the
// gradient of a maximum splits ties, which costs time and is ½ at 0 where
// PyTorch's is 0.
func ReLU(x *graph.Node) *graph.Node {
	return graph.Where(graph.IsPositive(x), x, graph.ZerosLike(x))
}

// Conv is a convolution without bias of x (B×H×W×in) with an odd square kernel
// (k×k×in×out), padded with (k−1)/2 zeros on each side as PyTorch pads.
//
// Which operations compute it depends on the backend: XLA's own convolution is
// near the machine's limit, while the pure Go backend's is about 70 times
// slower than the same sums written as shifted matrix products.
func Conv(x, kernel *graph.Node, stride int) *graph.Node {
	k := kernel.Shape().Dimensions
	if len(k) != 4 || k[0] != k[1] || k[0]%2 == 0 {
		panic(fmt.Errorf("models: want an odd square kernel k×k×in×out, found %v", k))
	}
	pad := k[0] / 2
	if x.Graph().Backend().Name() == gobackend.BackendName {
		return convByProducts(x, kernel, stride, pad)
	}
	return graph.Convolve(x, kernel).StridePerAxis(stride, stride).
		PaddingPerDim([][2]int{{pad, pad}, {pad, pad}}).Done()
}

// convByProducts sums, over the kernel's positions, the product of the shifted
// image with the kernel's in×out matrix at that position.
func convByProducts(x, kernel *graph.Node, stride, pad int) *graph.Node {
	d := x.Shape().Dimensions
	k := kernel.Shape().Dimensions
	batch, height, width := d[0], (d[1]-1)/stride+1, (d[2]-1)/stride+1
	x = zeroPad(zeroPad(x, 1, pad), 2, pad)
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

// zeroPad adds n zeros at both ends of an axis. It joins zeros on, since the Go
// backend has no gradient of Pad.
func zeroPad(x *graph.Node, axis, n int) *graph.Node {
	if n == 0 {
		return x
	}
	s := x.Shape().Clone()
	s.Dimensions[axis] = n
	z := graph.Zeros(x.Graph(), shapes.Make(s.DType, s.Dimensions...))
	return graph.Concatenate([]*graph.Node{z, x, z}, axis)
}

// NormEval normalises x (B×H×W×C) by running averages:
// γ (x − mean)/√(variance + ε) + β, each a vector of C.
func NormEval(x, gamma, beta, mean, variance *graph.Node) *graph.Node {
	scale := graph.Div(gamma, graph.Sqrt(graph.AddScalar(variance, NormEpsilon)))
	shift := graph.Sub(beta, graph.Mul(mean, scale))
	return graph.Add(graph.Mul(x, perChannel(scale, x)), perChannel(shift, x))
}

// NormTrain normalises x (B×H×W×C) by the batch's mean and biased variance, and
// returns the new running averages: 0.9·old + 0.1·batch, with the unbiased
// variance, as PyTorch.
//
// Both statistics come from one pass over x − mean, where mean is the old
// running mean: the difference is small, so that E[x²] − E[x]² loses no
// precision to cancellation where |mean| ≫ deviation.
func NormTrain(x, gamma, beta, mean, variance *graph.Node) (y, newMean, newVariance *graph.Node) {
	c := x.Shape().Dim(-1)
	n := x.Shape().Size() / c
	if n < 2 {
		panic(fmt.Errorf("models: batch normalisation in training needs at least 2 values a channel, the batch has %v", x.Shape().Dimensions))
	}
	mean, variance = graph.StopGradient(mean), graph.StopGradient(variance)
	shape := x.Shape().Dimensions
	x = graph.Reshape(graph.Sub(x, perChannel(mean, x)), n, c)
	m := rowMean(x)
	v := graph.Sub(rowMean(graph.Square(x)), graph.Square(m))
	// Rounding may leave −1e-9 for a constant channel.
	v = graph.Where(graph.IsPositive(v), v, graph.ZerosLike(v))
	scale := graph.Div(gamma, graph.Sqrt(graph.AddScalar(v, NormEpsilon)))
	shift := graph.Sub(beta, graph.Mul(m, scale))
	y = graph.Add(graph.Mul(x, rows(scale, n)), rows(shift, n))
	y = graph.Reshape(y, shape...)

	newMean = graph.Add(mean, graph.MulScalar(graph.StopGradient(m), NormMomentum))
	unbiased := graph.MulScalar(graph.StopGradient(v), float64(n)/float64(n-1))
	newVariance = graph.Add(graph.MulScalar(variance, 1-NormMomentum), graph.MulScalar(unbiased, NormMomentum))
	return y, newMean, newVariance
}

// rowMean returns the mean over the rows of x (N×C), as the product with a row
// of 1/N: XLA runs a product on all processors, a reduction over leading axes on
// one.
func rowMean(x *graph.Node) *graph.Node {
	n := x.Shape().Dim(0)
	ones := graph.MulScalar(graph.Ones(x.Graph(), shapes.Make(x.DType(), 1, n)), 1/float64(n))
	return graph.Reshape(graph.Dot(ones, x).Product(), x.Shape().Dim(1))
}

// rows repeats a vector of C as the n rows of a matrix. It is the product with a
// column of ones, so that its gradient is a product too (see rowMean).
func rows(v *graph.Node, n int) *graph.Node {
	ones := graph.Ones(v.Graph(), shapes.Make(v.DType(), n, 1))
	return graph.Dot(ones, graph.Reshape(v, 1, v.Shape().Dim(0))).Product()
}

// perChannel spreads a vector of C over the shape of x.
func perChannel(v, x *graph.Node) *graph.Node {
	return graph.BroadcastToShape(graph.ExpandLeftToRank(v, x.Rank()), x.Shape())
}
