package models

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
)

// cnn adds the body of the plain convolutional network that Build describes.
func (n *Network) cnn(o Options) {
	in := o.Channels
	for i := range 4 {
		out := o.Width << i
		n.addConv(fmt.Sprintf("conv%d", i+1), 3, in, out)
		n.addNorm(fmt.Sprintf("bn%d", i+1), out)
		n.Stages = append(n.Stages, Stage{fmt.Sprintf("layer%d", i+1), out})
		in = out
	}
	n.Features = in
	n.Smallest = 8 // pooling halves it three times
	n.kept = func(h, w int) int {
		sum := 0
		for i := range 4 {
			if i > 0 {
				h, w = h/2, w/2
				sum += h * w * o.Width << (i - 1)
			}
			sum += 2 * h * w * o.Width << i
		}
		return sum
	}
	n.forward = func(p *pass, x *graph.Node) *graph.Node {
		for i := range 4 {
			if i > 0 {
				x = MaxPool(x, 2, 2, 0)
			}
			x = p.conv(fmt.Sprintf("conv%d", i+1), x, 1)
			x = p.stage(ReLU(p.norm(fmt.Sprintf("bn%d", i+1), x)))
		}
		return average(x)
	}
}

// mlp adds the body of the multi-layer perceptron that Build describes. Its input is the image in
// the order H, W, C.
func (n *Network) mlp(o Options) {
	pixels := o.Size * o.Size * o.Channels
	in := pixels
	for i := range o.Depth {
		n.addLinear(fmt.Sprintf("layers.%d", i), in, o.Width)
		n.Stages = append(n.Stages, Stage{fmt.Sprintf("layer%d", i+1), o.Width})
		in = o.Width
	}
	n.Features = in
	n.kept = func(h, w int) int { return 2 * o.Depth * o.Width }
	n.forward = func(p *pass, x *graph.Node) *graph.Node {
		if d := x.Shape().Dimensions; d[1] != o.Size || d[2] != o.Size {
			panic(fmt.Errorf("models: mlp was built for images of %d×%d pixels, found shape %v", o.Size, o.Size, d))
		}
		x = graph.Reshape(x, x.Shape().Dim(0), pixels)
		for i := range o.Depth {
			x = p.stage(ReLU(p.linear(fmt.Sprintf("layers.%d", i), x)))
		}
		return x
	}
}
