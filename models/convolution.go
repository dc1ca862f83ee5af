package models

import (
	"path"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// cpuPlugin reports whether b is XLA with a plugin for the CPU.
func cpuPlugin(b compute.Backend) bool {
	p, ok := b.(interface{ PluginName() string })
	return ok && strings.Contains(path.Base(p.PluginName()), "cpu")
}

// convXLA is XLA's convolution of x with kernel at the given stride, padded with n zeros on each
// side.
func convXLA(x, kernel *graph.Node, stride, n int) *graph.Node {
	return graph.Convolve(x, kernel).StridePerAxis(stride, stride).
		PaddingPerDim([][2]int{{n, n}, {n, n}}).Done()
}

// convCPU is convXLA with the gradients that are fastest on a CPU; see imageGradient and
// kernelGradient.
func convCPU(x, kernel *graph.Node, stride, n int) *graph.Node {
	image, weight := x, kernel
	d, k := x.Shape().Dimensions, kernel.Shape().Dim(0)
	// The result's adjoint is known before those of x and kernel are asked for. XLA does not
	// compute their automatic gradients, since nothing uses them.
	var adjoint *graph.Node
	if stride > 1 && d[1]%stride == 0 && d[2]%stride == 0 {
		x = graph.IdentityWithCustomGradient(x, func(_, _ *graph.Node) *graph.Node {
			return imageGradient(weight, adjoint, d, stride, n)
		})
	}
	kernel = graph.IdentityWithCustomGradient(kernel, func(_, _ *graph.Node) *graph.Node {
		return kernelGradient(image, adjoint, k, stride, n)
	})
	return graph.IdentityWithCustomGradient(convXLA(x, kernel, stride, n), func(_, v *graph.Node) *graph.Node {
		adjoint = v
		return v
	})
}

// imageGradient returns the gradient, of dimensions d (B×H×W×in), of the image of a convolution
// with a stride that divides H and W, from the result's gradient v.
//
// All image rows with the same remainder r modulo the stride use the same kernel rows: those equal
// to (r + n) modulo the stride. The same holds for columns, so that the gradient is stride²
// convolutions of stride 1 whose results are interleaved. XLA's own way, with zeros between the
// pixels of v, takes 1.5 times as long on a CPU.
func imageGradient(kernel, v *graph.Node, d []int, stride, n int) *graph.Node {
	k := kernel.Shape().Dim(0)
	turned := graph.Transpose(graph.Reverse(kernel, 0, 1), 2, 3)
	type phase struct {
		taps    graph.SliceAxisSpec // of the turned kernel
		count   int
		results graph.SliceAxisSpec // of v
		padding [2]int
	}
	phases := func(size, results int) (out []phase) {
		for r := range stride {
			first := (r + n) % stride
			count := (k - first + stride - 1) / stride
			last := first + (count-1)*stride
			// The results that use the first of these pixels.
			from, to := (r+n-last)/stride, (r+n-first)/stride
			out = append(out, phase{
				taps:    graph.AxisRange(k-1-last, k-first).Stride(stride),
				count:   count,
				results: graph.AxisRange(max(from, 0), results),
				padding: [2]int{max(-from, 0), size/stride + to - results},
			})
		}
		return out
	}
	o := v.Shape().Dimensions
	var rows []*graph.Node
	for _, r := range phases(d[1], o[1]) {
		var row []*graph.Node
		for _, c := range phases(d[2], o[2]) {
			var y *graph.Node
			if r.count < 1 || c.count < 1 { // no kernel position covers these pixels
				y = graph.Zeros(v.Graph(), shapes.Make(v.DType(), d[0], d[1]/stride, d[2]/stride, d[3]))
			} else {
				results := graph.Slice(v, graph.AxisRange(), r.results, c.results)
				taps := graph.Slice(turned, r.taps, c.taps)
				y = graph.Convolve(results, taps).PaddingPerDim([][2]int{r.padding, c.padding}).Done()
			}
			row = append(row, graph.Reshape(y, d[0], d[1]/stride, 1, d[2]/stride, 1, d[3]))
		}
		rows = append(rows, graph.Concatenate(row, 4))
	}
	return graph.Reshape(graph.Concatenate(rows, 2), d...)
}

// The gradient of a kernel is a convolution of the image with the result's gradient as its kernel,
// which is read once per channel of x. Where it is larger than the processor's cache, memory is the
// limit. A gradient of more than gradientWhole bytes is therefore summed over parts of the batch of
// at most gradientPart bytes and gradientPixels pixels (measured in docs/speed.md).
const (
	gradientWhole  = 4 << 20
	gradientPart   = 2 << 20
	gradientPixels = 16 << 10
)

// kernelGradient returns the gradient k×k×in×out of a convolution's kernel from the image x
// (B×H×W×in) and the result's gradient v (B×H'×W'×out).
func kernelGradient(x, v *graph.Node, k, stride, n int) *graph.Node {
	d, o := x.Shape().Dimensions, v.Shape().Dimensions
	parts, size := 1, int(max(x.Shape().ByteSize(), v.Shape().ByteSize()))
	if size > gradientWhole && x.DType() == DType { // a sum of parts in bfloat16 would lose digits
		for d[0]%(2*parts) == 0 && (size/parts > gradientPart || d[0]*d[1]*d[2]/parts > gradientPixels) {
			parts *= 2
		}
	}
	if k == 1 { // only these pixels count
		x = graph.Slice(x, graph.AxisRange(), graph.AxisRange().Stride(stride), graph.AxisRange().Stride(stride))
		d, stride = x.Shape().Dimensions, 1
	}
	// Rows and columns at the end that no kernel position reaches are dropped.
	end := func(axis int) (keep, padding int) {
		e := (o[axis]-1)*stride + k - n - d[axis]
		return min(d[axis], d[axis]+e), max(e, 0)
	}
	height, low := end(1)
	width, right := end(2)
	axes := compute.ConvolveAxesConfig{
		InputBatch: 3, InputChannels: 0, InputSpatial: []int{1, 2},
		KernelInputChannels: 0, KernelOutputChannels: 3, KernelSpatial: []int{1, 2},
		OutputBatch: 2, OutputChannels: 3, OutputSpatial: []int{0, 1},
	}
	var sum *graph.Node
	for i := range parts {
		images := graph.AxisRange(i*d[0]/parts, (i+1)*d[0]/parts)
		pixels := graph.Slice(x, images, graph.AxisRange(0, height), graph.AxisRange(0, width))
		part := graph.Convolve(pixels, graph.Slice(v, images)).
			AxesConfig(axes).DilationPerAxis(stride, stride).PaddingPerDim([][2]int{{n, low}, {n, right}}).Done()
		if sum == nil {
			sum = part
		} else {
			sum = graph.Add(sum, part)
		}
	}
	return sum
}
