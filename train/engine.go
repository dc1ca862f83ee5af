package train

import (
	"errors"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/models"
	"github.com/gocollapse/collapse/record"
)

// evalBatch is the number of images of an evaluation batch. Larger ones are no
// faster and need more memory (width·4 kB an image and activation).
const evalBatch = 250

// Engine holds a network's values, the optimiser's slots and the images on its
// devices, and runs training steps and evaluations there. It is the part of
// training that knows GoMLX; Run is the loop around it. It is not safe for use
// by several goroutines at once; several Engines on one backend are.
//
// With several devices each holds all of it. A batch that divides evenly is split across
// them. Batch normalisation's statistics, the gradient and the loss are averaged over all
// devices, so the numbers are those of one device up to the order of sums. Any other batch,
// such as an epoch's last, is computed in full on every device.
type Engine struct {
	Network *models.Network

	backend     compute.Backend
	builder     *stepBuilder
	devices     []*device
	steps       int64 // of the optimiser so far
	train, test []int32
	programs    programs
	loops       bool // several steps can be one call
}

// device is what one device holds.
type device struct {
	values      []*tensors.Tensor // of all tensors of the network
	slots       []*tensors.Tensor // of the parameters: all of the first slot, then all of the second
	sum         []*tensors.Tensor // of a step's gradients so far; where steps are in parts
	train, test split
}

// split is one part of a data set: n×H×W×C uint8, n int32. Both are nil where it has no images.
type split struct{ images, labels *tensors.Tensor }

// programs are the graphs, which compile at their first use, once for each size of a batch. Three
// pairs could be one, and are not:
//
//   - step is part and finish in one. Two calls would hand the gradients out and in again (3 to
//     4 % of a step's processor time at width 16 and batch 128), and could not be looped on a GPU.
//   - alone is part on the whole of a batch. Part itself, given the same images on each device,
//     would take them for more images, in the unbiased variance of batch normalisation.
//   - stages is evaluate with more outputs, which cost 2 to 5 % of an evaluation.
type programs struct {
	step     *graph.Exec // steps of whole batches: several of one device, or one that the devices share
	part     *graph.Exec // a part of a batch, which the devices share
	alone    *graph.Exec // a part of a batch in full on each of several devices; nil with one device
	finish   *graph.Exec // the step of the optimiser after a batch's parts
	evaluate *graph.Exec
	stages   *graph.Exec // evaluate with the outputs of the network's stages
}

func (p *programs) all() []*graph.Exec {
	return []*graph.Exec{p.step, p.part, p.alone, p.finish, p.evaluate, p.stages}
}

// NewEngine uploads a data set and prepares the training of spec's network from
// its initial values. The graphs compile at their first use.
//
// It is an error if the specification or the set is not valid, if they do not go
// together (a batch larger than the training split, padding larger than an
// image, fewer features than head etf needs), and if the backend has fewer devices than
// the specification asks for or no bfloat16.
func NewEngine(b compute.Backend, spec record.Spec, set *data.Set) (*Engine, error) {
	spec, err := resolve(spec)
	if err != nil {
		return nil, err
	}
	return newEngine(b, spec, set)
}

func newEngine(b compute.Backend, spec record.Spec, set *data.Set) (*Engine, error) {
	m, err := newStepBuilder(spec, set)
	if err != nil {
		return nil, err
	}
	if n := b.NumDevices(); spec.Devices > n {
		return nil, fmt.Errorf("train: devices: %d asked for, backend %s has %d", spec.Devices, b.Name(), n)
	}
	if spec.Precision == "bfloat16" && !b.Capabilities().DTypes[dtypes.BFloat16] {
		return nil, fmt.Errorf("train: precision: backend %s has no bfloat16; take float32 or XLA", b.Name())
	}
	e := &Engine{Network: m.net, backend: b, builder: m, train: set.Train.Labels, test: set.Test.Labels}
	if err := e.start(set); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// start brings images and initial values to the devices and makes the programs.
func (e *Engine) start(set *data.Set) error {
	m := e.builder
	for i := range m.spec.Devices {
		d := new(device)
		e.devices = append(e.devices, d)
		for dst, s := range map[*split]data.Split{&d.train: set.Train, &d.test: set.Test} {
			n := len(s.Labels)
			if n == 0 { // there need be no test images
				continue
			}
			dst.images = tensors.FromFlatDataAndDimensions(s.Images, n, set.Height, set.Width, set.Channels)
			dst.labels = tensors.FromFlatDataAndDimensions(s.Labels, n)
			for _, t := range []*tensors.Tensor{dst.images, dst.labels} {
				if err := t.ToDevice(e.backend, compute.DeviceNum(i)); err != nil {
					return fmt.Errorf("train: uploading %d images: %w", n, err)
				}
			}
		}
		if m.spec.Accumulate > 1 || m.spec.Devices > 1 {
			var err error
			if d.sum, err = upload(e.backend, i, trained(m.net, m.net.Tensors), zeros(m.net)); err != nil {
				return err
			}
		}
	}
	first := &State{Values: m.net.Initial(m.spec.Seed)}
	for _, name := range slotNames(m.spec) {
		first.Slots = append(first.Slots, Slot{name, zeros(m.net)})
	}
	if err := e.SetState(first); err != nil {
		return err
	}
	if err := e.build(); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// build makes the programs.
func (e *Engine) build() error {
	n := len(e.devices)
	var mesh *distributed.DeviceMesh
	if n > 1 {
		var err error
		if mesh, err = distributed.NewDeviceMesh([]int{n}, []string{"batch"}); err != nil {
			return err
		}
	}
	var errs []error
	program := func(dst **graph.Exec, f func([]*graph.Node) []*graph.Node, devices int) {
		x, err := graph.NewExec(e.backend, f)
		if errs = append(errs, err); err != nil {
			return
		}
		if devices > 1 {
			x = x.SPMD(mesh)
		}
		*dst = x
	}
	p, b := &e.programs, e.builder
	program(&p.step, b.steps(n), n)
	program(&p.part, b.part(n), n)
	if n > 1 {
		program(&p.alone, b.part(1), 1)
	}
	program(&p.finish, b.finish(n), n)
	program(&p.evaluate, b.evaluate(false), 1)
	program(&p.stages, b.evaluate(true), 1)
	e.loops = loops(e.backend, n, b.spec.Accumulate)
	return errors.Join(errs...)
}

// zeros returns a zero for each number of each parameter.
func zeros(net *models.Network) [][]float32 {
	var out [][]float32
	for _, t := range trained(net, net.Tensors) {
		out = append(out, make([]float32, t.Size()))
	}
	return out
}

// upload brings values in the shapes of ts to a device.
func upload(b compute.Backend, device int, ts []models.Tensor, values [][]float32) ([]*tensors.Tensor, error) {
	var out []*tensors.Tensor
	for i, t := range ts {
		out = append(out, tensors.FromFlatDataAndDimensions(values[i], t.Shape...))
		if err := out[i].ToDevice(b, compute.DeviceNum(device)); err != nil {
			return nil, fmt.Errorf("train: uploading %s: %w", t.Name, errors.Join(err, free(out)))
		}
	}
	return out, nil
}

// replace frees what a device holds and puts others in their place.
func replace(held *[]*tensors.Tensor, by []*tensors.Tensor) error {
	err := free(*held)
	*held = by
	return err
}

func free(ts []*tensors.Tensor) error {
	var errs []error
	for _, t := range ts {
		if t != nil {
			errs = append(errs, t.FinalizeAll())
		}
	}
	return errors.Join(errs...)
}

// Close frees the devices' memory. The Engine cannot be used after it.
func (e *Engine) Close() error {
	var err error
	for _, d := range e.devices {
		images := []*tensors.Tensor{d.train.images, d.train.labels, d.test.images, d.test.labels}
		for _, held := range [][]*tensors.Tensor{d.values, d.slots, d.sum, images} {
			err = errors.Join(err, free(held))
		}
	}
	for _, x := range e.programs.all() {
		if x != nil {
			x.Finalize()
		}
	}
	return err
}
