package models

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
)

// block is one residual block of torchvision's ResNets.
type block struct {
	name         string
	in, mid, out int // channels: of the input, of the 3×3 convolutions, of the output
	stride       int
	bottleneck   bool
	stage        int // 1 to 4 if the block is the last of its stage, else 0
}

// projects reports whether the shortcut is a 1×1 convolution.
func (b block) projects() bool { return b.stride != 1 || b.in != b.out }

// resnet adds the body of a ResNet with the given number of blocks in its stages.
func (n *Network) resnet(o Options, bottleneck bool, depths ...int) {
	expansion := 1
	if bottleneck {
		expansion = 4
	}
	size := 3
	if o.Stem == StemOriginal {
		size = 7
	}
	n.addConv("conv1", size, o.Channels, o.Width)
	n.addNorm("bn1", o.Width)
	n.Stages = append(n.Stages, Stage{"stem", o.Width})
	var blocks []block
	in := o.Width
	for s, depth := range depths {
		layer := fmt.Sprintf("layer%d", s+1)
		for i := range depth {
			mid := o.Width << s
			b := block{name: fmt.Sprintf("%s.%d", layer, i), in: in, mid: mid, out: mid * expansion, stride: 1}
			b.bottleneck = bottleneck
			if s > 0 && i == 0 {
				b.stride = 2
			}
			if i == depth-1 {
				b.stage = s + 1
			}
			n.addBlock(b)
			blocks = append(blocks, b)
			in = b.out
		}
		n.Stages = append(n.Stages, Stage{layer, in})
	}
	n.Features = in
	n.kept = func(h, w int) int {
		stride, pooled := 1, 0
		if o.Stem == StemOriginal {
			stride = 2
			pooled = after(h, 4) * after(w, 4) * o.Width
		}
		sum := 2*after(h, stride)*after(w, stride)*o.Width + pooled
		if pooled > 0 {
			h, w = after(h, 4), after(w, 4)
		}
		for _, b := range blocks {
			before := h * w
			h, w = after(h, b.stride), after(w, b.stride)
			sum += 2 * h * w * (b.mid + b.out)
			if b.bottleneck {
				sum += 2 * before * b.mid
			}
			if b.projects() {
				sum += h * w * b.out
			}
		}
		return sum
	}
	n.forward = func(p *pass, x *graph.Node) *graph.Node {
		if o.Stem == StemOriginal {
			x = MaxPool(ReLU(p.norm("bn1", p.conv("conv1", x, 2))), 3, 2, 1)
		} else {
			x = ReLU(p.norm("bn1", p.conv("conv1", x, 1)))
		}
		p.stage(x)
		for _, b := range blocks {
			x = p.block(b, x)
			if b.stage > 0 {
				p.stage(x)
			}
		}
		return average(x)
	}
}

// addBlock adds a block's tensors in the order of PyTorch's state dictionary.
func (n *Network) addBlock(b block) {
	if b.bottleneck {
		n.addConv(b.name+".conv1", 1, b.in, b.mid)
		n.addNorm(b.name+".bn1", b.mid)
		n.addConv(b.name+".conv2", 3, b.mid, b.mid)
		n.addNorm(b.name+".bn2", b.mid)
		n.addConv(b.name+".conv3", 1, b.mid, b.out)
		n.addNorm(b.name+".bn3", b.out)
	} else {
		n.addConv(b.name+".conv1", 3, b.in, b.mid)
		n.addNorm(b.name+".bn1", b.mid)
		n.addConv(b.name+".conv2", 3, b.mid, b.out)
		n.addNorm(b.name+".bn2", b.out)
	}
	if b.projects() {
		n.addConv(b.name+".downsample.0", 1, b.in, b.out)
		n.addNorm(b.name+".downsample.1", b.out)
	}
}

// block applies torchvision's BasicBlock or Bottleneck. Bottleneck has its stride in the 3×3
// convolution; the ResNet paper has it in the first 1×1 convolution.
func (p *pass) block(b block, x *graph.Node) *graph.Node {
	first, second := b.stride, 1
	if b.bottleneck {
		first, second = 1, b.stride
	}
	y := ReLU(p.norm(b.name+".bn1", p.conv(b.name+".conv1", x, first)))
	y = p.norm(b.name+".bn2", p.conv(b.name+".conv2", y, second))
	if b.bottleneck {
		y = p.norm(b.name+".bn3", p.conv(b.name+".conv3", ReLU(y), 1))
	}
	if b.projects() {
		x = p.norm(b.name+".downsample.1", p.conv(b.name+".downsample.0", x, b.stride))
	}
	return ReLU(graph.Add(y, x))
}
