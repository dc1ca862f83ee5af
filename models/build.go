package models

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/internal/edit"
)

// Stems of a ResNet.
const (
	StemPaper    = "3x3" // the paper's, for images of 32 to 96 pixels: 3×3 convolution of stride 1, no pooling
	StemOriginal = "7x7" // torchvision's: 7×7 convolution of stride 2, then 3×3 max-pooling of stride 2
)

// Heads: how features become logits.
const (
	HeadLinear     = "linear"     // z = W h + b, both trained: the paper's
	HeadETF        = "etf"        // z = W h, W a fixed simplex ETF
	HeadNormalised = "normalised" // z = W h + b with h on a sphere
)

// Options says which network to build. Width, Channels and Classes have no default; the zero value
// of the others is the paper's choice.
type Options struct {
	// Width is the number of channels of the first stage, 64 in the paper and in torchvision; for
	// mlp the number of units of a hidden layer.
	Width    int
	Channels int // of the images
	Classes  int // K

	Stem string // of ResNets: StemPaper or StemOriginal, "" is StemPaper
	Head string // HeadLinear, HeadETF or HeadNormalised, "" is HeadLinear

	// FeatureNorm puts batch normalisation (PyTorch's BatchNorm1d with scale and shift, named
	// feature_norm) on the features, as in the paper's simulation of the unconstrained feature
	// model. Without it the features of a ResNet are not negative.
	FeatureNorm bool

	// Scale is the norm of the classifier's rows with HeadETF and of the features with
	// HeadNormalised; 0 is 1. With HeadLinear it must be 0.
	Scale float64

	Size  int // height and width of the images in pixels; needed by mlp, ignored by others
	Depth int // hidden layers of mlp, 0 is 2; for others it must be 0
}

// builders make the body of each network: its tensors and its forward pass, up to the features.
var builders = map[string]func(*Network, Options){
	"resnet18": func(n *Network, o Options) { n.resnet(o, false, 2, 2, 2, 2) },
	"resnet34": func(n *Network, o Options) { n.resnet(o, false, 3, 4, 6, 3) },
	"resnet50": func(n *Network, o Options) { n.resnet(o, true, 3, 4, 6, 3) },
	"cnn":      (*Network).cnn,
	"mlp":      (*Network).mlp,
}

// Names lists the networks that Build knows.
func Names() []string { return []string{"resnet18", "resnet34", "resnet50", "cnn", "mlp"} }

// Build returns the network of a name that Names lists. The error names every option outside its
// range, and for an unknown name the nearest one.
//
//   - resnet18, resnet34 and resnet50 are torchvision's, with the same parameters at width 64. d is
//     8·width; for resnet50, whose blocks are bottlenecks with the stride in the 3×3 convolution
//     ("v1.5"), d is 32·width.
//   - cnn has four 3×3 convolutions with batch normalisation and ReLU, of width, 2·width, 4·width
//     and 8·width channels, with 2×2 max-pooling between them, then the average over the image. d
//     is 8·width.
//   - mlp has Depth linear layers with ReLU on the pixels. d is width.
func Build(name string, o Options) (*Network, error) {
	body, ok := builders[name]
	if !ok {
		return nil, fmt.Errorf("models: unknown model %q; did you mean %s? Known are %s",
			name, edit.Nearest(name, Names()), strings.Join(Names(), ", "))
	}
	if o.Stem == "" {
		o.Stem = StemPaper
	}
	if o.Head == "" {
		o.Head = HeadLinear
	}
	if o.Scale == 0 && o.Head != HeadLinear {
		o.Scale = 1
	}
	if name == "mlp" && o.Depth == 0 {
		o.Depth = 2
	}
	if err := o.check(name); err != nil {
		return nil, err
	}
	n := &Network{Name: name, Classes: o.Classes, Options: o}
	body(n, o)
	if o.Head == HeadETF && n.Features < o.Classes-1 {
		return nil, fmt.Errorf("models: head etf of %d classes needs at least %d features, "+
			"%s of width %d has %d; take a larger width", o.Classes, o.Classes-1, name, o.Width, n.Features)
	}
	n.addHead(o)
	return n, nil
}

// check reports every option outside its range, after the defaults.
func (o Options) check(name string) error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("models: %s: "+format, append([]any{name}, args...)...))
	}
	for _, v := range []struct {
		name string
		n    int
	}{{"width", o.Width}, {"channels", o.Channels}, {"classes", o.Classes}} {
		if v.n < 1 || v.n > 1<<20 {
			bad("%s is %d, want 1 to %d", v.name, v.n, 1<<20)
		}
	}
	if !slices.Contains([]string{StemPaper, StemOriginal}, o.Stem) {
		bad("unknown stem %q; known are %s, %s", o.Stem, StemPaper, StemOriginal)
	} else if o.Stem != StemPaper && !strings.HasPrefix(name, "resnet") {
		bad("stem %s belongs to ResNets", o.Stem)
	}
	if heads := []string{HeadLinear, HeadETF, HeadNormalised}; !slices.Contains(heads, o.Head) {
		bad("unknown head %q; known are %s", o.Head, strings.Join(heads, ", "))
	}
	switch {
	case o.Head == HeadLinear && o.Scale != 0:
		bad("scale is %v with head linear, which has none; leave it 0", o.Scale)
	case o.Head != HeadLinear && (!(o.Scale > 0) || math.IsInf(o.Scale, 0)):
		bad("scale is %v, want a value in (0, ∞)", o.Scale)
	}
	switch {
	case name != "mlp" && o.Depth != 0:
		bad("depth is %d, which belongs to mlp; leave it 0", o.Depth)
	case name == "mlp" && (o.Depth < 1 || o.Depth > 100):
		bad("depth is %d, want 1 to 100", o.Depth)
	}
	if name == "mlp" && (o.Size < 1 || o.Size > 4096) {
		bad("size of the images is %d pixels, want 1 to 4096", o.Size)
	}
	return errors.Join(errs...)
}

// New is Build with the paper's stem and head.
func New(name string, width, channels, classes int) (*Network, error) {
	return Build(name, Options{Width: width, Channels: channels, Classes: classes})
}

// ResNet18 returns the paper's ResNet-18: torchvision's, with a 3×3 convolution of stride 1 and no
// max-pooling as its stem. Its stages have width, 2·width, 4·width and 8·width channels, so that d
// = 8·width. At width 64, with 3 channels and 10 classes, it has 11,173,962 parameters.
func ResNet18(width, channels, classes int) (*Network, error) {
	return New("resnet18", width, channels, classes)
}
