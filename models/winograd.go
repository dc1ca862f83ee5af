package models

import (
	"path"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
)

// winogradChannels is the least number of channels, of input and output, from
// which convWinograd is faster than XLA's convolution on a CPU: below, the
// transforms cost what the products save (docs/speed.md has the figures).
const winogradChannels = 128

// winogradPixels is the least size of an image times its channels: in a smaller
// layer the time that a step saves is not worth the seconds that XLA compiles.
const winogradPixels = 4 * 4 * 512

// winogradFits reports whether Conv runs as convWinograd: on XLA's CPU plugin,
// for a 3×3 kernel at stride 1 over enough channels and whole tiles of 2×2.
func winogradFits(b compute.Backend, x, kernel []int, stride int) bool {
	return cpuPlugin(b) && kernel[0] == 3 && stride == 1 && x[1]%2 == 0 && x[2]%2 == 0 &&
		min(kernel[2], kernel[3]) >= winogradChannels && x[1]*x[2]*kernel[2] >= winogradPixels
}

// cpuPlugin reports whether b is XLA with a plugin for the CPU.
func cpuPlugin(b compute.Backend) bool {
	p, ok := b.(interface{ PluginName() string })
	return ok && strings.Contains(path.Base(p.PluginName()), "cpu")
}

// convWinograd is the 3×3 convolution of x (B×H×W×C, H and W even) at stride 1
// by Winograd's minimal filtering F(2×2, 3×3) (Lavin and Gray, Fast Algorithms
// for Convolutional Neural Networks, 2016): each tile of 2×2 results takes 16
// products of channels in place of 36,
//
//	Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A
//
// with d the 4×4 pixels around the tile and g the kernel. The sums over channels
// are 16 matrix products, one a place in the transformed tile. All factors are
// 0, ±1 and ½, so that it is as precise as the plain sum to within a factor of 2 or 3.
//
// Both gradients are written out as the same kind of products: that of the
// input is the convolution with the turned kernel, that of the kernel is
//
//	∂g = Gᵀ [Σ (Bᵀ d B)ᵀ (A ∂Y Aᵀ)] G
//
// where the transposes of the transforms that differentiation finds by itself
// would scatter.
func convWinograd(x, kernel *graph.Node) *graph.Node {
	// The result's adjoint is known before those of x and kernel are asked for.
	// What differentiation itself finds for them is not used, and not computed.
	var adjoint *graph.Node
	d := x.Shape().Dimensions
	k := kernel.Shape().Dimensions
	x = graph.IdentityWithCustomGradient(x, func(_, _ *graph.Node) *graph.Node {
		turned := graph.Transpose(graph.Reverse(kernel, 0, 1), 2, 3)
		return winogradProduct(transformPixels(adjoint), turned, d[0], d[1], d[2])
	})
	pixels := transformPixels(x)
	kernel = graph.IdentityWithCustomGradient(kernel, func(_, _ *graph.Node) *graph.Node {
		results := transformResults(adjoint)
		var products [4][4]*graph.Node
		for i := range 4 {
			for j := range 4 {
				products[i][j] = graph.DotGeneral(pixels[i][j], []int{0}, nil, results[i][j], []int{0}, nil)
			}
		}
		return transformKernelBack(products, k)
	})
	y := winogradProduct(pixels, kernel, d[0], d[1], d[2])
	return graph.IdentityWithCustomGradient(y, func(_, v *graph.Node) *graph.Node {
		adjoint = v
		return v
	})
}

// winogradProduct takes the transformed pixels, 4×4 matrices with a row a tile
// and a column an input channel, and a kernel, and returns B×H×W×out.
func winogradProduct(pixels [4][4]*graph.Node, kernel *graph.Node, batch, height, width int) *graph.Node {
	out := kernel.Shape().Dim(3)
	kernels := transformKernel(kernel)
	var sums [2][4]*graph.Node // Aᵀ m
	for j := range 4 {
		var m [4]*graph.Node
		for i := range 4 {
			m[i] = graph.Dot(pixels[i][j], kernels[i][j]).Product()
		}
		sums[0][j] = graph.Add(graph.Add(m[0], m[1]), m[2])
		sums[1][j] = graph.Sub(graph.Sub(m[1], m[2]), m[3])
	}
	var rows [2]*graph.Node
	for i, s := range sums {
		left := graph.Add(graph.Add(s[0], s[1]), s[2])
		right := graph.Sub(graph.Sub(s[1], s[2]), s[3])
		for _, p := range []**graph.Node{&left, &right} {
			*p = graph.Reshape(*p, batch, height/2, 1, width/2, 1, out)
		}
		rows[i] = graph.Concatenate([]*graph.Node{left, right}, 4)
	}
	return graph.Reshape(graph.Concatenate(rows[:], 2), batch, height, width, out)
}

// transformPixels returns Bᵀ d B of every tile's 4×4 pixels, zeros around the image.
func transformPixels(x *graph.Node) [4][4]*graph.Node {
	dims := x.Shape().Dimensions
	x = pad(pad(x, 1, 1, 0), 2, 1, 0)
	pixel := func(i, j int) *graph.Node {
		p := graph.Slice(x, graph.AxisRange(), graph.AxisRange(i, i+dims[1]-1).Stride(2), graph.AxisRange(j, j+dims[2]-1).Stride(2))
		return graph.Reshape(p, dims[0]*dims[1]*dims[2]/4, dims[3])
	}
	var rows, out [4][4]*graph.Node
	for j := range 4 {
		c := filterPixels(pixel(0, j), pixel(1, j), pixel(2, j), pixel(3, j))
		for i := range 4 {
			rows[i][j] = c[i]
		}
	}
	for i, r := range rows {
		out[i] = filterPixels(r[0], r[1], r[2], r[3])
	}
	return out
}

// filterPixels is Bᵀ times a column of 4.
func filterPixels(a, b, c, d *graph.Node) [4]*graph.Node {
	return [4]*graph.Node{graph.Sub(a, c), graph.Add(b, c), graph.Sub(c, b), graph.Sub(b, d)}
}

// transformResults returns A v Aᵀ of every tile's 2×2 results v (B×H×W×out).
func transformResults(v *graph.Node) [4][4]*graph.Node {
	dims := v.Shape().Dimensions
	result := func(i, j int) *graph.Node {
		p := graph.Slice(v, graph.AxisRange(), graph.AxisRange(i, dims[1]).Stride(2), graph.AxisRange(j, dims[2]).Stride(2))
		return graph.Reshape(p, dims[0]*dims[1]*dims[2]/4, dims[3])
	}
	spread := func(a, b *graph.Node) [4]*graph.Node {
		return [4]*graph.Node{a, graph.Add(a, b), graph.Sub(a, b), graph.Neg(b)}
	}
	left, right := spread(result(0, 0), result(1, 0)), spread(result(0, 1), result(1, 1))
	var out [4][4]*graph.Node
	for i := range 4 {
		out[i] = spread(left[i], right[i])
	}
	return out
}

// transformKernel returns G g Gᵀ, 4×4 matrices in×out.
func transformKernel(kernel *graph.Node) [4][4]*graph.Node {
	k := kernel.Shape().Dimensions
	at := func(i, j int) *graph.Node {
		return graph.Reshape(graph.Slice(kernel, graph.AxisElem(i), graph.AxisElem(j)), k[2], k[3])
	}
	spread := func(a, b, c *graph.Node) [4]*graph.Node {
		ends, middle := graph.MulScalar(graph.Add(a, c), 0.5), graph.MulScalar(b, 0.5)
		return [4]*graph.Node{a, graph.Add(ends, middle), graph.Sub(ends, middle), c}
	}
	var columns [3][4]*graph.Node
	for j := range 3 {
		columns[j] = spread(at(0, j), at(1, j), at(2, j))
	}
	var out [4][4]*graph.Node
	for i := range 4 {
		out[i] = spread(columns[0][i], columns[1][i], columns[2][i])
	}
	return out
}

// transformKernelBack returns Gᵀ u G as a kernel of shape 3×3×in×out.
func transformKernelBack(u [4][4]*graph.Node, shape []int) *graph.Node {
	gather := func(a, b, c, d *graph.Node) [3]*graph.Node {
		sum, difference := graph.MulScalar(graph.Add(b, c), 0.5), graph.MulScalar(graph.Sub(b, c), 0.5)
		return [3]*graph.Node{graph.Add(a, sum), difference, graph.Add(sum, d)}
	}
	var rows [3][4]*graph.Node
	for j := range 4 {
		c := gather(u[0][j], u[1][j], u[2][j], u[3][j])
		for i := range 3 {
			rows[i][j] = c[i]
		}
	}
	var all []*graph.Node
	for _, r := range rows {
		for _, n := range gather(r[0], r[1], r[2], r[3]) {
			all = append(all, graph.Reshape(n, 1, shape[2], shape[3]))
		}
	}
	return graph.Reshape(graph.Concatenate(all, 0), shape...)
}
