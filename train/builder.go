package train

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/losses"
	"github.com/gocollapse/collapse/models"
	"github.com/gocollapse/collapse/record"
)

// stepBuilder turns a specification into the graphs of training steps and evaluations. The
// graphs are pure: state in, state out.
type stepBuilder struct {
	net     *models.Network
	spec    record.Spec
	info    record.Data
	loss    record.Loss
	penalty losses.Penalty    // in place of weight decay, or zero
	augment data.Augmentation // or zero
	samples int               // N, the size of the training split
}

// newStepBuilder returns the graphs of a resolved specification on a set. It is an error if the
// two do not fit together.
func newStepBuilder(spec record.Spec, set *data.Set) (*stepBuilder, error) {
	if err := checkSet(set); err != nil {
		return nil, err
	}
	if n := len(set.Train.Labels); spec.Batch > n {
		return nil, fmt.Errorf("train: batch: %d is larger than the %d training images; give a smaller batch",
			spec.Batch, n)
	}
	if spec.Model == "mlp" && set.Height != set.Width {
		return nil, fmt.Errorf("train: model mlp takes square images, those of %q are %d×%d",
			set.Info.Name, set.Height, set.Width)
	}
	net, err := network(spec, set.Channels, set.Height, len(set.Info.Classes))
	if err != nil {
		return nil, err
	}
	if side := min(set.Height, set.Width); side < net.Smallest {
		return nil, fmt.Errorf("train: model %s takes images of at least %d×%[2]d pixels, those of %q are %d×%d; "+
			"take another model or larger images", spec.Model, net.Smallest, set.Info.Name, set.Height, set.Width)
	}
	b := &stepBuilder{
		net: net, spec: spec, info: set.Info, samples: len(set.Train.Labels),
		loss:    spec.Loss,
		penalty: losses.Penalty{W: spec.LambdaW, H: spec.LambdaH, B: spec.LambdaB},
		augment: data.Augmentation{Pad: spec.Pad, Flip: spec.Flip},
	}
	if err := b.augment.Validate(set.Height, set.Width); err != nil {
		return nil, err
	}
	return b, losses.Check(b.loss)
}

// network returns a specification's network for square images of the given channels and
// pixels a side, untrained.
func network(spec record.Spec, channels, size, classes int) (*models.Network, error) {
	return models.Build(spec.Model, models.Options{
		Width: spec.Width, Channels: channels, Classes: classes, Size: size, Depth: spec.Depth,
		Stem: spec.Stem, Head: spec.Head, Scale: spec.HeadScale, FeatureNorm: spec.FeatureNorm,
	})
}

// trained returns the entries of values, one a tensor of the network, that the
// optimiser changes.
func trained[T any](net *models.Network, values []T) []T {
	var out []T
	for i, t := range net.Tensors {
		if t.Trained() {
			out = append(out, values[i])
		}
	}
	return out
}

// parameters is the number of trained tensors, slots that of their slots.
func (b *stepBuilder) parameters() int { return len(trained(b.net, b.net.Tensors)) }

func (b *stepBuilder) slots() int { return b.parameters() * len(slotNames(b.spec)) }

// inputs are the arguments of a graph, taken in the order in which Engine gives them.
type inputs []*graph.Node

func (in *inputs) take(n int) []*graph.Node {
	out := (*in)[:n:n]
	*in = (*in)[n:]
	return out
}

func (in *inputs) one() *graph.Node { return in.take(1)[0] }

// row is the next argument, 1×n, as a vector.
func (in *inputs) row() *graph.Node {
	v := in.one()
	return graph.Reshape(v, v.Shape().Dim(-1))
}
