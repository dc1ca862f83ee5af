package models

import (
	"errors"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
)

// New returns the network called name ("resnet18") of the given width (channels
// of the first stage; the paper's is 64), image channels and classes.
func New(name string, width, channels, classes int) (*Network, error) {
	switch name {
	case "resnet18":
		return ResNet18(width, channels, classes)
	}
	return nil, fmt.Errorf("models: unknown model %q; known is resnet18", name)
}

// ResNet18 returns the paper's ResNet-18: torchvision's, with the stem replaced
// by a 3×3 convolution of stride 1 and no max-pooling. Stages have width, 2·width,
// 4·width and 8·width channels, so d = 8·width. At width 64, 3 channels and 10
// classes it has 11,173,962 parameters.
func ResNet18(width, channels, classes int) (*Network, error) {
	if width < 1 || channels < 1 || classes < 1 {
		return nil, errors.New("models: ResNet-18 needs a width, image channels and classes of at least 1")
	}
	n := &Network{Name: "resnet18", Classes: classes, Features: 8 * width}
	n.addConv("conv1", 3, channels, width)
	n.addNorm("bn1", width)
	in := width
	for stage := range 4 {
		out := width << stage
		for block := range 2 {
			name := fmt.Sprintf("layer%d.%d", stage+1, block)
			n.addConv(name+".conv1", 3, in, out)
			n.addNorm(name+".bn1", out)
			n.addConv(name+".conv2", 3, out, out)
			n.addNorm(name+".bn2", out)
			if in != out {
				n.addConv(name+".downsample.0", 1, in, out)
				n.addNorm(name+".downsample.1", out)
			}
			in = out
		}
	}
	n.addLinear("fc", n.Features, classes)
	n.forward = func(p *pass, x *graph.Node) *graph.Node {
		x = ReLU(p.norm("bn1", p.conv("conv1", x, 1)))
		in := width
		for stage := range 4 {
			out := width << stage
			for block := range 2 {
				x = p.basicBlock(fmt.Sprintf("layer%d.%d", stage+1, block), x, in != out)
				in = out
			}
		}
		return graph.ReduceMean(x, 1, 2)
	}
	return n, nil
}

// basicBlock is torchvision's BasicBlock; a block that widens also halves the
// image.
func (p *pass) basicBlock(name string, x *graph.Node, widens bool) *graph.Node {
	stride, shortcut := 1, x
	if widens {
		stride = 2
	}
	y := ReLU(p.norm(name+".bn1", p.conv(name+".conv1", x, stride)))
	y = p.norm(name+".bn2", p.conv(name+".conv2", y, 1))
	if widens {
		shortcut = p.norm(name+".downsample.1", p.conv(name+".downsample.0", x, stride))
	}
	return ReLU(graph.Add(y, shortcut))
}
