package train

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gocollapse/collapse/losses"
)

// Batch is what a network in evaluation mode gives for consecutive images of a
// split. Its slices are overwritten after the visit.
type Batch struct {
	From     int         // index of the first image
	Labels   []int32     // B
	Features []float32   // B×d row-major
	Logits   []float32   // B×K row-major
	Losses   []float32   // B, the run's own loss
	Stages   [][]float32 // of each of the network's Stages B×Features row-major; nil where they were not asked for
}

// EvaluateOptions says what Evaluate computes.
type EvaluateOptions struct {
	Test   bool // the test split, else the training split
	Stages bool // the outputs of the network's Stages too
}

// Evaluate runs the network in evaluation mode over a split and calls visit with each
// batch, in the order of the images. It stops with visit's error, or with ctx's
// between batches. It computes in float32 whatever the precision of training, to measure the
// weights and not the rounding of activations. Devices take batches in turn, and compute the
// next ones during a visit, which must not change the Engine.
func (e *Engine) Evaluate(ctx context.Context, o EvaluateOptions, visit func(*Batch) error) error {
	labels, program := e.train, e.programs.evaluate
	if o.Test {
		labels = e.test
	}
	widths := []int{e.Network.Features, e.Network.Classes, 1}
	var b Batch
	dst := []*[]float32{&b.Features, &b.Logits, &b.Losses}
	if o.Stages {
		program = e.programs.stages
		b.Stages = make([][]float32, len(e.Network.Stages))
		for i, s := range e.Network.Stages {
			widths, dst = append(widths, s.Features), append(dst, &b.Stages[i])
		}
	}
	size := min(evalBatch, len(labels))
	show := func(from int, out []*tensors.Tensor) (err error) {
		defer func() { err = errors.Join(err, free(out)) }()
		count := min(size, len(labels)-from)
		b.From, b.Labels = from, labels[from:from+count]
		for i, t := range out {
			read := func(v []float32) { *dst[i] = append((*dst[i])[:0], v[:count*widths[i]]...) }
			if err := tensors.ConstFlatData(t, read); err != nil {
				return fmt.Errorf("train: evaluation: %w", err)
			}
		}
		return visit(&b)
	}
	// The devices compute the next batches while the visitor is at these.
	stride := size * len(e.devices)
	begin := func(from int) func() ([][]*tensors.Tensor, error) {
		out := make([][]*tensors.Tensor, len(e.devices))
		errs := make([]error, len(e.devices))
		var wait sync.WaitGroup
		for i := range e.devices {
			if first := from + i*size; first < len(labels) {
				wait.Go(func() { out[i], errs[i] = e.forward(program, i, o.Test, first, size) })
			}
		}
		return func() ([][]*tensors.Tensor, error) {
			wait.Wait()
			return out, errors.Join(errs...)
		}
	}
	next := begin(0)
	for from := 0; from < len(labels); from += stride {
		out, err := next()
		err = errors.Join(err, ctx.Err())
		if more := from + stride; err == nil && more < len(labels) {
			next = begin(more)
		} else {
			next = func() ([][]*tensors.Tensor, error) { return nil, nil }
		}
		for i, batch := range out {
			if err != nil || batch == nil {
				err = errors.Join(err, free(batch))
				continue
			}
			err = show(from+i*size, batch)
		}
		if err != nil {
			out, _ := next()
			for _, batch := range out {
				err = errors.Join(err, free(batch))
			}
			return err
		}
	}
	return nil
}

// forward evaluates the images from first on one device. A batch that reaches beyond the last
// image is filled up with its first one, so that one graph serves all.
func (e *Engine) forward(program *graph.Exec, device int, test bool, first, size int) ([]*tensors.Tensor, error) {
	d := e.devices[device]
	s, labels := d.train, e.train
	if test {
		s, labels = d.test, e.test
	}
	index := make([]int32, size)
	for i := range index {
		index[i] = int32(first)
		if first+i < len(labels) {
			index[i] += int32(i)
		}
	}
	out, err := callOn(program, device, append(join(nil, d.values), s.images, s.labels, index))
	if err != nil {
		return nil, fmt.Errorf("train: evaluation: %w", err)
	}
	return out, nil
}

// evaluate takes the network's values and a batch without moves, and returns features,
// logits and losses of its images in evaluation mode, then the stages' outputs if
// they are looked at. It computes in float32 whatever the training does.
func (b *stepBuilder) evaluate(stages bool) func([]*graph.Node) []*graph.Node {
	return func(nodes []*graph.Node) []*graph.Node {
		in := inputs(nodes)
		forward := b.net.Forward
		if stages {
			forward = b.net.ForwardStages
		}
		values, images, labels, index := in.take(len(b.net.Tensors)), in.one(), in.one(), in.one()
		index = graph.InsertAxes(index, -1)
		out := forward(values, normalise(graph.Gather(images, index), b.info), false)
		each := losses.Each(b.loss, out.Logits, graph.Gather(labels, index))
		return append([]*graph.Node{out.Features, out.Logits, each}, out.Stages...)
	}
}
