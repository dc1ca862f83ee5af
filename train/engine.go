package train

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/losses"
	"github.com/gocollapse/collapse/models"
	"github.com/gocollapse/collapse/nc"
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
// With several devices each holds all of it. A batch that divides into equal shares is
// shared, with the statistics of batch normalisation, the gradient and the loss of the whole
// batch, so that the numbers are those of one device up to the order of sums; another
// one, as an epoch's last, is computed on each.
type Engine struct {
	Network *models.Network

	backend     compute.Backend
	method      *method
	devices     []*device
	steps       int64 // of the optimiser that were done
	train, test []int32
	programs    programs
}

// device is what one device holds.
type device struct {
	values      []*tensors.Tensor // of all tensors of the network
	slots       []*tensors.Tensor // of the parameters: all of the first slot, then all of the second
	sum         []*tensors.Tensor // of a step's gradients so far; where batches are cut into parts
	train, test split
}

// split is one half of a data set: n×H×W×C uint8, n int32.
type split struct{ images, labels *tensors.Tensor }

// programs are the graphs, which compile at their first use.
type programs struct {
	step, part         *graph.Exec // a batch that is shared by the devices
	steps              *graph.Exec // several batches, of one device
	sameStep, samePart *graph.Exec // the same one on each; nil with one device
	finish             *graph.Exec
	evaluate, stages   *graph.Exec
}

func (p *programs) all() []*graph.Exec {
	return []*graph.Exec{p.step, p.part, p.steps, p.sameStep, p.samePart, p.finish, p.evaluate, p.stages}
}

// NewEngine uploads a data set and prepares the training of spec's network from
// its initial values. The graphs compile at their first use.
//
// It is an error if the specification or the set is not valid, if they do not go
// together (a batch larger than the training split, padding larger than an
// image, fewer features than head etf needs), and if the backend has fewer devices than
// the specification asks for or no bfloat16.
func NewEngine(b compute.Backend, spec record.Spec, set *data.Set) (*Engine, error) {
	spec = spec.Resolve()
	m, err := newMethod(spec, set)
	if err != nil {
		return nil, err
	}
	if n := b.NumDevices(); spec.Devices > n {
		return nil, fmt.Errorf("train: devices: %d asked for, backend %s has %d", spec.Devices, b.Name(), n)
	}
	if spec.Precision == "bfloat16" && !b.Capabilities().DTypes[dtypes.BFloat16] {
		return nil, fmt.Errorf("train: precision: backend %s has no bfloat16; take float32 or XLA", b.Name())
	}
	e := &Engine{Network: m.net, backend: b, method: m, train: set.Train.Labels, test: set.Test.Labels}
	if err := e.start(set); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// start brings images and initial values to the devices and makes the programs.
func (e *Engine) start(set *data.Set) error {
	m := e.method
	for i := range m.spec.Devices {
		d := new(device)
		e.devices = append(e.devices, d)
		for dst, s := range map[*split]data.Split{&d.train: set.Train, &d.test: set.Test} {
			n := len(s.Labels)
			dst.images = tensors.FromFlatDataAndDimensions(s.Images, n, set.Height, set.Width, set.Channels)
			dst.labels = tensors.FromFlatDataAndDimensions(s.Labels, n)
			for _, t := range []*tensors.Tensor{dst.images, dst.labels} {
				if err := t.ToDevice(e.backend, compute.DeviceNum(i)); err != nil {
					return fmt.Errorf("train: uploading %d images: %w", n, err)
				}
			}
		}
		if m.spec.Accumulate > 1 {
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

// newMethod checks specification and set, and puts together what a step is.
func newMethod(spec record.Spec, set *data.Set) (*method, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	if err := checkSet(set); err != nil {
		return nil, err
	}
	if n := len(set.Train.Labels); spec.Batch > n {
		return nil, fmt.Errorf("train: batch: %d is larger than the %d training images; give a smaller batch", spec.Batch, n)
	}
	if spec.Model == "mlp" && set.Height != set.Width {
		return nil, fmt.Errorf("train: model mlp takes square images, those of %q are %d×%d", set.Info.Name, set.Height, set.Width)
	}
	net, err := network(spec, set.Channels, set.Height, len(set.Info.Classes))
	if err != nil {
		return nil, err
	}
	m := &method{
		net: net, spec: spec, info: set.Info, samples: len(set.Train.Labels),
		loss:    spec.Loss,
		penalty: losses.Penalty{W: spec.LambdaW, H: spec.LambdaH, B: spec.LambdaB},
		augment: data.Augmentation{Pad: spec.Pad, Flip: spec.Flip},
	}
	if err := m.augment.Validate(set.Height, set.Width); err != nil {
		return nil, err
	}
	return m, losses.Check(m.loss)
}

// network returns a specification's network for square images of the given channels and
// pixels a side, untrained.
func network(spec record.Spec, channels, size, classes int) (*models.Network, error) {
	return models.Build(spec.Model, models.Options{
		Width: spec.Width, Channels: channels, Classes: classes, Size: size, Depth: spec.Depth,
		Stem: spec.Stem, Head: spec.Head, Scale: spec.HeadScale, FeatureNorm: spec.FeatureNorm,
	})
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
	program := func(dst **graph.Exec, f func([]*graph.Node) []*graph.Node, spread bool) {
		x, err := graph.NewExec(e.backend, f)
		if errs = append(errs, err); err != nil {
			return
		}
		if spread && n > 1 {
			x = x.SPMD(mesh)
		}
		*dst = x
	}
	p, m := &e.programs, e.method
	program(&p.step, m.step(n, false), true)
	program(&p.part, m.part(n, false), true)
	if n > 1 {
		program(&p.sameStep, m.step(n, true), true)
		program(&p.samePart, m.part(n, true), true)
	}
	// The pure Go backend has no loop over slices, and spends no time between steps.
	can := e.backend.Capabilities().Operations
	if n == 1 && m.spec.Accumulate == 1 && can[compute.OpTypeWhile] && can[compute.OpTypeDynamicSlice] {
		program(&p.steps, m.steps, false)
	}
	program(&p.finish, m.finish, true)
	program(&p.evaluate, m.evaluate(false), false)
	program(&p.stages, m.evaluate(true), false)
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

// checkSet reports a data set that does not fit together, since a graph would
// clamp a wrong label or index in silence.
func checkSet(set *data.Set) error {
	k, pixels := len(set.Info.Classes), set.Height*set.Width*set.Channels
	if k < 2 {
		return fmt.Errorf("train: data set %q names %d classes, want at least 2", set.Info.Name, k)
	}
	if len(set.Info.Mean) != set.Channels || len(set.Info.Std) != set.Channels {
		return fmt.Errorf("train: data set %q has %d channels, %d means and %d deviations", set.Info.Name, set.Channels, len(set.Info.Mean), len(set.Info.Std))
	}
	for _, s := range set.Info.Std {
		if !(s > 0) {
			return fmt.Errorf("train: data set %q has a channel of deviation %v, want above 0", set.Info.Name, s)
		}
	}
	for name, s := range map[string]data.Split{"training": set.Train, "test": set.Test} {
		if len(s.Labels) == 0 || len(s.Images) != len(s.Labels)*pixels {
			return fmt.Errorf("train: the %s split of %q has %d labels and %d bytes, want at least one image of %d bytes a label",
				name, set.Info.Name, len(s.Labels), len(s.Images), pixels)
		}
		for i, l := range s.Labels {
			if l < 0 || int(l) >= k {
				return fmt.Errorf("train: label %d of the %s split of %q is %d, want 0 to %d", i, name, set.Info.Name, l, k-1)
			}
		}
	}
	return nil
}

// Step trains on the training images of the given indices and returns their mean
// loss before the step, without weight decay and without the UFM's penalty, which are in
// the gradient alone. epoch, from 1, decides how images are augmented, rate is the
// learning rate.
//
// With Accumulate above 1 the batch is cut into so many parts, as equal as possible and of
// at least two images. They pass through the network one after the other, so that batch
// normalisation sees a part at a time, and the step is that of their mean gradient,
// as PyTorch's backward of each part's loss times its share of the batch does.
//
// Each size of a batch or part compiles once. After an error the state may be that
// of half a step.
func (e *Engine) Step(index []int32, epoch int, rate float64) (loss float64, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("train: step: %w", err)
		}
	}()
	if len(index) == 0 {
		return 0, errors.New("no images given")
	}
	m, p := e.method, &e.programs
	rates := rates(m.spec, rate, e.steps+1)
	values, parameters := len(e.Network.Tensors), m.parameters()
	parts := cut(index, m.spec.Accumulate)
	if len(parts) == 1 {
		out, err := e.call(p.step, p.sameStep, index, epoch, rates, func(d *device) [][]*tensors.Tensor {
			return [][]*tensors.Tensor{d.values, d.slots}
		})
		if err != nil {
			return 0, err
		}
		for i, d := range e.devices {
			err = errors.Join(err, replace(&d.values, out[i][:values]), replace(&d.slots, out[i][values:len(out[i])-1]))
		}
		loss, lerr := lossOf(out)
		e.steps++
		return loss, errors.Join(err, lerr)
	}
	for _, part := range parts {
		share := float32(len(part)) / float32(len(index))
		out, err := e.call(p.part, p.samePart, part, epoch, share, func(d *device) [][]*tensors.Tensor {
			return [][]*tensors.Tensor{d.values, d.sum}
		})
		if err != nil {
			return 0, err
		}
		for i, d := range e.devices {
			rest := out[i]
			for j, t := range e.Network.Tensors {
				if !t.Trained() {
					err = errors.Join(err, d.values[j].FinalizeAll())
					d.values[j], rest = rest[0], rest[1:]
				}
			}
			err = errors.Join(err, replace(&d.sum, rest[:parameters]))
		}
		l, lerr := lossOf(out)
		if err := errors.Join(err, lerr); err != nil {
			return 0, err
		}
		loss += l
	}
	var args []any
	for _, d := range e.devices {
		args = append(join(args, d.values, d.slots, d.sum), rates)
	}
	all, err := p.finish.Call(args...)
	if err != nil {
		return 0, err
	}
	for i, out := range e.perDevice(all) {
		d := e.devices[i]
		err = errors.Join(err, replace(&d.values, out[:values]),
			replace(&d.slots, out[values:len(out)-parameters]), replace(&d.sum, out[len(out)-parameters:]))
	}
	e.steps++
	return loss, err
}

// Steps does as many steps as there are batches and returns their losses, as Step does one
// after the other: the same numbers up to rounding. The batches are of one size.
//
// Where it can, on one device and with Accumulate of 1, the device does them all at a single
// call of the host, which otherwise has to wait for each step before it can hand over
// the next: a GPU would stand idle meanwhile. Each number of batches compiles once.
func (e *Engine) Steps(batches [][]int32, epoch int, rate float64) (losses []float64, err error) {
	for _, b := range batches {
		if len(b) != len(batches[0]) {
			return nil, fmt.Errorf("train: steps: batches of %d and of %d images; want one size", len(batches[0]), len(b))
		}
	}
	if e.programs.steps == nil || len(batches) < 2 || len(batches[0]) == 0 {
		for _, b := range batches {
			loss, err := e.Step(b, epoch, rate)
			if err != nil {
				return nil, err
			}
			losses = append(losses, loss)
		}
		return losses, nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("train: %d steps: %w", len(batches), err)
		}
	}()
	spec := e.method.spec
	var rows [4][]int32 // indices, then moves
	var allRates []float32
	for i, b := range batches {
		rows[0] = append(rows[0], b...)
		if a := e.method.augment; a != (data.Augmentation{}) {
			for j, v := range drawn(a, spec.Seed, epoch, b) {
				rows[j+1] = append(rows[j+1], v...)
			}
		}
		allRates = append(allRates, rates(spec, rate, e.steps+1+int64(i))...)
	}
	d := e.devices[0]
	args := append(join(nil, d.values, d.slots), d.train.images, d.train.labels)
	for _, r := range rows {
		if r != nil {
			args = append(args, tensors.FromFlatDataAndDimensions(r, len(batches), len(batches[0])))
		}
	}
	args = append(args, tensors.FromFlatDataAndDimensions(allRates, len(batches), len(allRates)/len(batches)))
	out, err := e.programs.steps.Call(args...)
	if err != nil {
		return nil, err
	}
	values, last := len(e.Network.Tensors), len(out)-1
	err = errors.Join(replace(&d.values, out[:values:values]), replace(&d.slots, out[values:last:last]))
	e.steps += int64(len(batches))
	err = errors.Join(err, tensors.ConstFlatData(out[last], func(v []float32) {
		for _, l := range v {
			losses = append(losses, float64(l))
		}
	}), out[last].FinalizeAll())
	return losses, err
}

// cut divides a batch into parts, the first ones larger by one image where they
// are not equal, each of at least two images where there are so many.
func cut(index []int32, parts int) [][]int32 {
	n := max(min(parts, len(index)/2), 1)
	out := make([][]int32, 0, n)
	for ; n > 0; n-- {
		size := (len(index) + n - 1) / n
		out, index = append(out, index[:size]), index[size:]
	}
	return out
}

// call runs a step or part on all devices: shared where the batch divides into
// equal shares, else same. state gives what of a device comes first, last what comes last.
func (e *Engine) call(shared, same *graph.Exec, index []int32, epoch int, last any, state func(*device) [][]*tensors.Tensor) ([][]*tensors.Tensor, error) {
	n := len(e.devices)
	program, share := shared, len(index)/n
	if share*n != len(index) {
		program, share = same, len(index)
	}
	var args []any
	for i, d := range e.devices {
		own := index
		if program == shared {
			own = index[i*share : (i+1)*share]
		}
		args = append(join(args, state(d)...), d.train.images, d.train.labels, own)
		if a := e.method.augment; a != (data.Augmentation{}) {
			for _, v := range drawn(a, e.method.spec.Seed, epoch, own) {
				args = append(args, v)
			}
		}
		args = append(args, last)
	}
	out, err := program.Call(args...)
	return e.perDevice(out), err
}

// join appends tensors to a call's arguments.
func join(args []any, lists ...[]*tensors.Tensor) []any {
	for _, list := range lists {
		for _, t := range list {
			args = append(args, t)
		}
	}
	return args
}

// perDevice divides a call's results into those of each device.
func (e *Engine) perDevice(out []*tensors.Tensor) [][]*tensors.Tensor {
	each := len(out) / len(e.devices)
	var parts [][]*tensors.Tensor
	for range e.devices {
		parts, out = append(parts, out[:each:each]), out[each:]
	}
	return parts
}

// replace frees what a device holds and puts others in their place.
func replace(held *[]*tensors.Tensor, by []*tensors.Tensor) error {
	err := free(*held)
	*held = by
	return err
}

// lossOf reads the loss, each device's last result, and frees them.
func lossOf(out [][]*tensors.Tensor) (loss float64, err error) {
	for i, o := range out {
		t := o[len(o)-1]
		if i == 0 {
			loss = float64(tensors.ToScalar[float32](t))
		}
		err = errors.Join(err, t.FinalizeAll())
	}
	return loss, err
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

// Look says what Evaluate looks at.
type Look struct {
	Test   bool // the test split, else the training split
	Stages bool // the outputs of the network's Stages too
}

// Evaluate runs the network in evaluation mode over a split and calls visit with each
// batch, in the order of the images. It stops with visit's error, or with ctx's
// between batches. It computes in float32 whatever the precision of the training is, so
// that what is measured is the weights and not the rounding of activations. Devices take batches in
// turn, and compute the next ones during a visit, which must not change the Engine.
func (e *Engine) Evaluate(ctx context.Context, look Look, visit func(*Batch) error) error {
	labels, program := e.train, e.programs.evaluate
	if look.Test {
		labels = e.test
	}
	widths := []int{e.Network.Features, e.Network.Classes, 1}
	var b Batch
	dst := []*[]float32{&b.Features, &b.Logits, &b.Losses}
	if look.Stages {
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
			if err := tensors.ConstFlatData(t, func(v []float32) { *dst[i] = append((*dst[i])[:0], v[:count*widths[i]]...) }); err != nil {
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
				wait.Go(func() { out[i], errs[i] = e.forward(program, i, look.Test, first, size) })
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
		for i, o := range out {
			if err != nil || o == nil {
				err = errors.Join(err, free(o))
				continue
			}
			err = show(from+i*size, o)
		}
		if err != nil {
			out, _ := next()
			for _, o := range out {
				err = errors.Join(err, free(o))
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
	// Not CallOnDevice: GoMLX 0.28.2 forgets the device there.
	out, _, err := program.CallWithGraphOnDevice(compute.DeviceNum(device), append(join(nil, d.values), s.images, s.labels, index)...)
	if err != nil {
		return nil, fmt.Errorf("train: evaluation: %w", err)
	}
	return out, nil
}

// State is all that continues a training: the network's values and what the optimiser
// keeps beside them, in the graph's layouts.
type State struct {
	Values [][]float32 // of the network's Tensors, in their order
	Slots  []Slot
	Steps  int64 // of the optimiser that were done
}

// Slot is what an optimiser keeps for each trained tensor, in their order.
type Slot struct {
	Name   string // Momentum, or FirstMoment and SecondMoment
	Values [][]float32
}

// State returns a copy of the state from the device.
func (e *Engine) State() (*State, error) {
	var err error
	read := func(ts []*tensors.Tensor) [][]float32 {
		out := make([][]float32, len(ts))
		for i, t := range ts {
			v, cerr := tensors.CopyFlatData[float32](t)
			err = errors.Join(err, cerr)
			out[i] = v
		}
		return out
	}
	d, n := e.devices[0], e.method.parameters()
	s := &State{Values: read(d.values), Steps: e.steps}
	for i, name := range slotNames(e.method.spec) {
		s.Slots = append(s.Slots, Slot{name, read(d.slots[i*n : (i+1)*n])})
	}
	if err != nil {
		return nil, fmt.Errorf("train: reading the state from the device: %w", err)
	}
	return s, nil
}

// SetState replaces the state. Slots must be those that State returns. A state that does not fit is
// an error that changes nothing.
func (e *Engine) SetState(s *State) error {
	var names []string
	for _, slot := range s.Slots {
		names = append(names, slot.Name)
	}
	if want := slotNames(e.method.spec); !slices.Equal(names, want) {
		return fmt.Errorf("train: the state has slots %q, optimizer %s keeps %q", names, e.method.spec.Optimizer, want)
	}
	all := e.Network.Tensors
	parameters := trained(e.Network, all)
	fits := func(what string, ts []models.Tensor, values [][]float32) error {
		if len(values) != len(ts) {
			return fmt.Errorf("train: the state has %d tensors of %s, want %d", len(values), what, len(ts))
		}
		for i, t := range ts {
			if len(values[i]) != t.Size() {
				return fmt.Errorf("train: the state's %s of %s has %d numbers, want %d", what, t.Name, len(values[i]), t.Size())
			}
		}
		return nil
	}
	if err := fits("values", all, s.Values); err != nil {
		return err
	}
	var slots [][]float32
	var shapes []models.Tensor
	for _, slot := range s.Slots {
		if err := fits(slot.Name, parameters, slot.Values); err != nil {
			return err
		}
		slots, shapes = append(slots, slot.Values...), append(shapes, parameters...)
	}
	for i, d := range e.devices {
		newValues, err := upload(e.backend, i, all, s.Values)
		if err != nil {
			return err
		}
		newSlots, err := upload(e.backend, i, shapes, slots)
		if err != nil {
			return errors.Join(err, free(newValues))
		}
		if err := errors.Join(replace(&d.values, newValues), replace(&d.slots, newSlots)); err != nil {
			return err
		}
	}
	e.steps = s.Steps
	return nil
}

// Close frees the devices' memory. The Engine cannot be used after it.
func (e *Engine) Close() error {
	var err error
	for _, d := range e.devices {
		for _, held := range [][]*tensors.Tensor{d.values, d.slots, d.sum, {d.train.images, d.train.labels, d.test.images, d.test.labels}} {
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

// Classifier returns the network's last layer as package nc takes it. With head etf
// it is the fixed weight, without a bias.
func (e *Engine) Classifier() (*nc.Classifier, error) {
	c := &nc.Classifier{K: e.Network.Classes, D: e.Network.Features}
	weight, bias := e.Network.Classifier()
	for i, dst := range map[int]*[]float64{weight: &c.W, bias: &c.B} {
		if i < 0 {
			continue
		}
		v, err := tensors.CopyFlatData[float32](e.devices[0].values[i])
		if err != nil {
			return nil, fmt.Errorf("train: reading %s from the device: %w", e.Network.Tensors[i].Name, err)
		}
		for _, x := range v {
			*dst = append(*dst, float64(x))
		}
	}
	return c, nil
}
