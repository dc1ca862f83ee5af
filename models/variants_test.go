package models_test

import (
	"fmt"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/losses"
	"github.com/gocollapse/collapse/models"
	"github.com/gocollapse/collapse/train/safetensors"
)

// torchBatch is a batch of testdata/torch_variants.py, by its own formula.
func torchBatch(batch, size int) (images, labels *tensors.Tensor) {
	const n = 8
	pixels := make([]float32, n*size*size*3)
	for i := range pixels {
		v := uint64(batch*len(pixels) + i)
		v = v * 2654435761 % (1 << 32) >> 12
		v = v * 40503 % (1 << 16) >> 8
		pixels[i] = float32(v)/64 - 2
	}
	y := make([]int32, n)
	for i := range y {
		y[i] = int32(i % 5)
	}
	return tensors.FromFlatDataAndDimensions(pixels, n, size, size, 3), tensors.FromFlatDataAndDimensions(y, n)
}

// Both modes, every stage, losses, every gradient and ten steps of SGD are
// PyTorch's: for ResNet-50 with the paper's stem, and for ResNet-18 with the
// original one and BatchNorm1d on the features.
func TestVariantsAsPyTorch(t *testing.T) {
	original := models.Options{Width: 2, Channels: 3, Classes: 5, Stem: models.StemOriginal, FeatureNorm: true}
	for _, c := range []struct {
		name    string
		options models.Options
		size    int
	}{
		{"resnet50", models.Options{Width: 2, Channels: 3, Classes: 5}, 16},
		{"resnet18", original, 32},
	} {
		t.Run(c.name, func(t *testing.T) {
			backendtest.Each(t, func(t *testing.T, b compute.Backend) {
				variantAsPyTorch(t, b, c.name, c.options, c.size)
			})
		})
	}
}

func variantAsPyTorch(t *testing.T, b compute.Backend, name string, o models.Options, size int) {
	net, err := models.Build(name, o)
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.ReadFile("testdata/torch_" + name + ".safetensors")
	if err != nil {
		t.Fatal(err)
	}
	v := &variant{net, f}
	exec, err := graph.NewExec(b, v.step)
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	state := v.initial(t)
	var stepLosses []float32
	for step := range 10 {
		x, y := torchBatch(step%4, size)
		res, err := exec.Call(append(append([]any{}, state...), x, y)...)
		if err != nil {
			t.Fatal(err)
		}
		for i := range state {
			state[i] = res[i]
		}
		var values [][]float32
		for _, r := range res[len(state):] {
			values = append(values, tensors.MustCopyFlatData[float32](r))
		}
		var mean float32
		for _, l := range values[4] {
			mean += l / float32(len(values[4]))
		}
		stepLosses = append(stepLosses, mean)
		if step == 0 {
			v.checkFirst(t, values)
		}
	}
	near(t, "ten losses", stepLosses, f.Arrays["step_losses"].F32, 1e-4)
	for i, want := range v.flat(t, "final", func(models.Tensor) bool { return true }) {
		x := net.Tensors[i]
		got := x.Torch(tensors.MustCopyFlatData[float32](state[i].(*tensors.Tensor)))
		near(t, fmt.Sprintf("%s after ten steps", x.Name), got, want, 1e-4)
	}
}

// variant is a network and what PyTorch recorded for it.
type variant struct {
	net   *models.Network
	torch *safetensors.File
}

// flat cuts a recorded array, in the state dictionary's order, into those tensors that use picks.
func (v *variant) flat(t *testing.T, key string, use func(models.Tensor) bool) (parts [][]float32) {
	t.Helper()
	values := v.torch.Arrays[key].F32
	for _, x := range v.net.Tensors {
		if !use(x) {
			continue
		}
		if len(values) < x.Size() {
			t.Fatalf("%s ends before %s", key, x.Name)
		}
		parts, values = append(parts, values[:x.Size()]), values[x.Size():]
	}
	if len(values) != 0 {
		t.Fatalf("%s has %d numbers more than the network", key, len(values))
	}
	return parts
}

// trained returns the tensors that are trained.
func (v *variant) trained() (all []models.Tensor) {
	for _, x := range v.net.Tensors {
		if x.Trained() {
			all = append(all, x)
		}
	}
	return all
}

// initial returns the recorded initial values of all tensors, then a velocity of 0 for each trained
// one.
func (v *variant) initial(t *testing.T) (state []any) {
	t.Helper()
	for i, values := range v.flat(t, "initial", func(models.Tensor) bool { return true }) {
		x := v.net.Tensors[i]
		state = append(state, tensors.FromFlatDataAndDimensions(x.FromTorch(values), x.Shape...))
	}
	for _, x := range v.trained() {
		state = append(state, tensors.FromFlatDataAndDimensions(make([]float32, x.Size()), x.Shape...))
	}
	return state
}

// step is a step of SGD, and everything that is compared, in one graph, so that it compiles once.
// It takes values, velocities, images and labels. It returns new values and velocities; features
// and logits in both modes; losses; stages in evaluation mode; gradients.
func (v *variant) step(in []*graph.Node) []*graph.Node {
	const rate, momentum, decay, delta = 0.01, 0.9, 5e-4, 0.05
	net, n := v.net, len(v.net.Tensors)
	values, velocity, x, y := in[:n], in[n:len(in)-2], in[len(in)-2], in[len(in)-1]
	eval := net.ForwardStages(values, x, false)
	train := net.Forward(values, x, true)
	each := losses.LabelSmoothing(train.Logits, y, delta)
	var trained []*graph.Node
	for i, x := range net.Tensors {
		if x.Trained() {
			trained = append(trained, values[i])
		}
	}
	grads := graph.Gradient(graph.ReduceAllMean(each), trained...)
	var next, nextVelocity []*graph.Node
	running := train.Running
	for _, x := range net.Tensors {
		if !x.Trained() {
			next, running = append(next, running[0]), running[1:]
			continue
		}
		i := len(nextVelocity)
		g := graph.Add(grads[i], graph.MulScalar(trained[i], decay))
		v := graph.Add(graph.MulScalar(velocity[i], momentum), g)
		nextVelocity = append(nextVelocity, v)
		next = append(next, graph.Sub(trained[i], graph.MulScalar(v, rate)))
	}
	out := append(next, nextVelocity...)
	out = append(out, eval.Features, eval.Logits, train.Features, train.Logits, each)
	return append(append(out, eval.Stages...), grads...)
}

// checkFirst compares what the first step returns, after the state, with PyTorch's.
func (v *variant) checkFirst(t *testing.T, values [][]float32) {
	t.Helper()
	for i, key := range []string{"eval.features", "eval.logits", "train.features", "train.logits", "losses"} {
		near(t, key, values[i], v.torch.Arrays[key].F32, 3e-5)
	}
	stages := v.torch.Arrays["eval.stages"].F32
	for i, s := range v.net.Stages {
		n := 8 * s.Features
		near(t, "stage "+s.Name, values[5+i], stages[:n], 1e-5)
		stages = stages[n:]
	}
	gradients := v.flat(t, "gradient", models.Tensor.Trained)
	for i, x := range v.trained() {
		near(t, "gradient of "+x.Name, x.Torch(values[5+len(v.net.Stages)+i]), gradients[i], 2e-4)
	}
}
