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
	for _, c := range []struct {
		name    string
		options models.Options
		size    int
	}{
		{"resnet50", models.Options{Width: 2, Channels: 3, Classes: 5}, 16},
		{"resnet18", models.Options{Width: 2, Channels: 3, Classes: 5, Stem: models.StemOriginal, FeatureNorm: true}, 32},
	} {
		t.Run(c.name, func(t *testing.T) {
			backendtest.Each(t, func(t *testing.T, b compute.Backend) { variantAsPyTorch(t, b, c.name, c.options, c.size) })
		})
	}
}

func variantAsPyTorch(t *testing.T, b compute.Backend, name string, o models.Options, size int) {
	const rate, momentum, decay, delta = 0.01, 0.9, 5e-4, 0.05
	net, err := models.Build(name, o)
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.ReadFile("testdata/torch_" + name + ".safetensors")
	if err != nil {
		t.Fatal(err)
	}
	// flat cuts an array in the state dictionary's order into tensors.
	flat := func(key string, use func(models.Tensor) bool) (parts [][]float32) {
		v := f.Arrays[key].F32
		for _, x := range net.Tensors {
			if !use(x) {
				continue
			}
			if len(v) < x.Size() {
				t.Fatalf("%s ends before %s", key, x.Name)
			}
			parts, v = append(parts, v[:x.Size()]), v[x.Size():]
		}
		if len(v) != 0 {
			t.Fatalf("%s has %d numbers more than the network", key, len(v))
		}
		return parts
	}
	all := func(models.Tensor) bool { return true }

	// One graph holds all, so that it compiles once.
	nTensors, nStages := len(net.Tensors), len(net.Stages)
	exec, err := graph.NewExec(b, func(in []*graph.Node) []*graph.Node {
		values, velocity, x, y := in[:nTensors], in[nTensors:len(in)-2], in[len(in)-2], in[len(in)-1]
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
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()

	var state []any
	for i, v := range flat("initial", all) {
		state = append(state, tensors.FromFlatDataAndDimensions(net.Tensors[i].FromTorch(v), net.Tensors[i].Shape...))
	}
	var trained []models.Tensor
	for _, x := range net.Tensors {
		if x.Trained() {
			trained = append(trained, x)
			state = append(state, tensors.FromFlatDataAndDimensions(make([]float32, x.Size()), x.Shape...))
		}
	}
	gradient := flat("gradient", models.Tensor.Trained)
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
		res = res[len(state):]
		values := make([][]float32, len(res))
		for i, r := range res {
			values[i] = tensors.MustCopyFlatData[float32](r)
		}
		var mean float32
		for _, l := range values[4] {
			mean += l / float32(len(values[4]))
		}
		stepLosses = append(stepLosses, mean)
		if step > 0 {
			continue
		}
		for i, key := range []string{"eval.features", "eval.logits", "train.features", "train.logits", "losses"} {
			near(t, key, values[i], f.Arrays[key].F32, 3e-5)
		}
		stages := f.Arrays["eval.stages"].F32
		for i, s := range net.Stages {
			n := 8 * s.Features
			near(t, "stage "+s.Name, values[5+i], stages[:n], 1e-5)
			stages = stages[n:]
		}
		for i, x := range trained {
			near(t, "gradient of "+x.Name, x.Torch(values[5+nStages+i]), gradient[i], 2e-4)
		}
	}
	near(t, "ten losses", stepLosses, f.Arrays["step_losses"].F32, 1e-4)
	for i, want := range flat("final", all) {
		x := net.Tensors[i]
		near(t, fmt.Sprintf("%s after ten steps", x.Name), x.Torch(tensors.MustCopyFlatData[float32](state[i].(*tensors.Tensor))), want, 1e-4)
	}
}
