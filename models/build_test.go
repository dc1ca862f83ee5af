package models_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/losses"
	"github.com/gocollapse/collapse/models"
)

// torchNetworks is testdata/torch_networks.json.
type torchNetworks struct {
	Networks []struct {
		Name, Stem                    string
		Classes, Features, Parameters int
		StateDict                     string `json:"state_dict"`
	}
	Pools []struct {
		Size, Stride, Pad      int
		Shape                  []int
		X, Y, Weight, Gradient []float32
	}
}

func loadNetworks(t *testing.T) (n torchNetworks) {
	t.Helper()
	b, err := os.ReadFile("testdata/torch_networks.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &n); err != nil {
		t.Fatal(err)
	}
	if len(n.Networks) != 12 || len(n.Pools) != 4 {
		t.Fatalf("%d networks and %d pools, want 12 and 4", len(n.Networks), len(n.Pools))
	}
	return n
}

// Parameters, names, shapes and their order are torchvision's.
func TestAsTorchvision(t *testing.T) {
	for _, want := range loadNetworks(t).Networks {
		o := models.Options{Width: 64, Channels: 3, Classes: want.Classes, Stem: want.Stem}
		n, err := models.Build(want.Name, o)
		if err != nil {
			t.Fatal(err)
		}
		where := fmt.Sprintf("%s, stem %s, %d classes", want.Name, want.Stem, want.Classes)
		if n.Parameters() != want.Parameters || n.Features != want.Features {
			t.Errorf("%s: %d parameters and %d features, torchvision's has %d and %d",
				where, n.Parameters(), n.Features, want.Parameters, want.Features)
		}
		h := sha256.New()
		for _, x := range n.Tensors {
			fmt.Fprintf(h, "%s %v\n", x.Name, x.TorchShape())
		}
		if hex.EncodeToString(h.Sum(nil)) != want.StateDict {
			t.Errorf("%s: the names and shapes of the tensors are not those of torchvision's state dictionary", where)
		}
	}
}

func TestMaxPoolAsPyTorch(t *testing.T) {
	want := loadNetworks(t)
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		for _, w := range want.Pools {
			exec, err := graph.NewExec(b, func(x, weight *graph.Node) (*graph.Node, *graph.Node) {
				y := models.MaxPool(x, w.Size, w.Stride, w.Pad)
				sum := graph.ReduceAllSum(graph.Mul(y, graph.Reshape(weight, y.Shape().Dimensions...)))
				return y, graph.Gradient(sum, x)[0]
			})
			if err != nil {
				t.Fatal(err)
			}
			defer exec.Finalize()
			res, err := exec.Call(tensors.FromFlatDataAndDimensions(w.X, w.Shape...), w.Weight)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "maxima", tensors.MustCopyFlatData[float32](res[0]), w.Y, 0)
			near(t, "gradient with ties", tensors.MustCopyFlatData[float32](res[1]), w.Gradient, 0)
		}
	})
}

// A number that is not one passes through ReLU and max-pooling, as in PyTorch: a
// zero in its place would hide that a run diverged.
func TestNaNShows(t *testing.T) {
	nan := float32(math.NaN())
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		for at := range 4 {
			x := []float32{-1, 2, 0, 1}
			x[at] = nan
			exec, err := graph.NewExec(b, func(x *graph.Node) (*graph.Node, *graph.Node) {
				return models.ReLU(x), models.MaxPool(x, 2, 2, 0)
			})
			if err != nil {
				t.Fatal(err)
			}
			defer exec.Finalize()
			res, err := exec.Call(tensors.FromFlatDataAndDimensions(x, 1, 2, 2, 1))
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range tensors.MustCopyFlatData[float32](res[0]) {
				if want := max(0, x[i]); v != want && !(i == at && v != v) {
					t.Errorf("ReLU of %v is %v at %d", x, v, i)
				}
			}
			if v := tensors.MustCopyFlatData[float32](res[1])[0]; v == v {
				t.Errorf("the maximum of %v is %v, want NaN", x, v)
			}
		}
	})
}

// The mean of a first layer's batch keeps float32's digits: one product over
// 131072 rows loses two of them.
func TestNormTrainManyRows(t *testing.T) {
	backendtest.EachForm(t, func(t *testing.T, b compute.Backend) {
		const n, c = 131072, 2
		x := make([]float32, n*c)
		var mean [c]float64
		rng := rand.New(rand.NewPCG(1, 2))
		for i := range x {
			x[i] = float32(1 + 0.1*rng.NormFloat64())
			mean[i%c] += float64(x[i]) / n
		}
		exec, err := graph.NewExec(b, func(x, one, zero *graph.Node) *graph.Node {
			_, m, _ := models.NormTrain(x, one, zero, zero, one)
			return m
		})
		if err != nil {
			t.Fatal(err)
		}
		defer exec.Finalize()
		res, err := exec.Call(tensors.FromFlatDataAndDimensions(x, n, c), []float32{1, 1}, []float32{0, 0})
		if err != nil {
			t.Fatal(err)
		}
		m := tensors.MustCopyFlatData[float32](res[0])
		near(t, "running mean", m, []float32{float32(0.1 * mean[0]), float32(0.1 * mean[1])}, 2e-6)
	})
}

// forward returns features, logits and stages in evaluation mode on the Go
// backend, and the network's values.
func forward(t *testing.T, n *models.Network, batch, size int) (out [][]float32, values [][]float32, err error) {
	t.Helper()
	b := backendtest.Go(t)
	exec, err := graph.NewExec(b, func(in []*graph.Node) []*graph.Node {
		o := n.ForwardStages(in[:len(in)-1], in[len(in)-1], false)
		return append([]*graph.Node{o.Features, o.Logits}, o.Stages...)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	values = n.Initial(2021)
	var args []any
	for i, v := range values {
		args = append(args, tensors.FromFlatDataAndDimensions(v, n.Tensors[i].Shape...))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, batch*size*size*n.Options.Channels)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	res, err := exec.Call(append(args, tensors.FromFlatDataAndDimensions(x, batch, size, size, n.Options.Channels))...)
	if err != nil {
		return nil, values, err
	}
	for _, r := range res {
		out = append(out, tensors.MustCopyFlatData[float32](r))
	}
	return out, values, nil
}

// Every network takes the paper's image sizes, gives features and stages of the
// sizes it says, and logits that are its classifier's product with the features.
func TestShapes(t *testing.T) {
	for _, c := range []struct {
		name     string
		options  models.Options
		size     int
		features int
	}{
		{"resnet18", models.Options{Width: 2}, 32, 16},
		{"resnet18", models.Options{Width: 2, Stem: models.StemOriginal}, 96, 16},
		{"resnet34", models.Options{Width: 2, Head: models.HeadNormalised, Scale: 3}, 64, 16},
		{"resnet50", models.Options{Width: 1, Stem: models.StemOriginal, FeatureNorm: true}, 64, 32},
		{"cnn", models.Options{Width: 2, Head: models.HeadETF}, 28, 16},
		{"mlp", models.Options{Width: 9, Size: 8, FeatureNorm: true, Head: models.HeadNormalised}, 8, 9},
		{"mlp", models.Options{Width: 9, Size: 8, Depth: 3}, 8, 9},
	} {
		c.options.Channels, c.options.Classes = 3, 5
		n, err := models.Build(c.name, c.options)
		if err != nil {
			t.Fatal(err)
		}
		const batch = 2
		out, values, err := forward(t, n, batch, c.size)
		if err != nil {
			t.Fatal(err)
		}
		h, z, stages := out[0], out[1], out[2:]
		if n.Features != c.features || len(h) != batch*c.features {
			t.Errorf("%s: %d features announced, %d numbers found, want %d per sample",
				c.name, n.Features, len(h), c.features)
		}
		if len(stages) != len(n.Stages) {
			t.Fatalf("%s: %d stages, want %d", c.name, len(stages), len(n.Stages))
		}
		for i, s := range n.Stages {
			if len(stages[i]) != batch*s.Features {
				t.Errorf("%s: stage %s has %d numbers, want %d a sample", c.name, s.Name, len(stages[i]), s.Features)
			}
		}
		if !c.options.FeatureNorm && n.Options.Head != models.HeadNormalised {
			near(t, c.name+"'s last stage", stages[len(stages)-1], h, 0)
		}
		wi, bi := n.Classifier()
		want := make([]float32, 0, len(z))
		for i := range batch {
			var square float64
			for _, v := range h[i*n.Features : (i+1)*n.Features] {
				square += float64(v) * float64(v)
			}
			if n.Options.Head == models.HeadNormalised && math.Abs(math.Sqrt(square)/n.Options.Scale-1) > 1e-5 {
				t.Errorf("%s: ‖h‖ is %v, want %v", c.name, math.Sqrt(square), n.Options.Scale)
			}
			for k := range 5 {
				var sum float64
				for j := range n.Features {
					sum += float64(h[i*n.Features+j]) * float64(values[wi][k*n.Features+j])
				}
				if bi >= 0 {
					sum += float64(values[bi][k])
				}
				want = append(want, float32(sum))
			}
		}
		near(t, c.name+"'s logits", z, want, 1e-5)
	}
	mlp, err := models.Build("mlp", models.Options{Width: 4, Channels: 3, Classes: 2, Size: 8})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := forward(t, mlp, 1, 9); err == nil || !strings.Contains(err.Error(), "8×8") {
		t.Errorf("images of another size: error %v, want one that names 8×8", err)
	}
	cnn, err := models.Build("cnn", models.Options{Width: 2, Channels: 3, Classes: 2})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := forward(t, cnn, 1, 7); err == nil || !strings.Contains(err.Error(), "smaller") {
		t.Errorf("images too small for the pooling: error %v", err)
	}
}

// The fixed classifier is a simplex ETF (unit rows times Scale, cosines
// −1/(K−1), sum zero), in a rotation of its own for each seed.
func TestETF(t *testing.T) {
	for _, c := range []struct {
		classes, width int
		scale          float64
	}{{10, 16, 0}, {9, 1, 5}, {2, 1, 1}, {1, 1, 1}, {100, 25, 2}} {
		o := models.Options{Width: c.width, Channels: 3, Classes: c.classes, Head: models.HeadETF, Scale: c.scale}
		n, err := models.Build("resnet18", o)
		if err != nil {
			t.Fatal(err)
		}
		linear, err := models.ResNet18(c.width, 3, c.classes)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := n.Parameters(), linear.Parameters()-c.classes*(n.Features+1); got != want {
			t.Errorf("%d parameters are trained, want %d: all but the classifier's", got, want)
		}
		i, bias := n.Classifier()
		if bias != -1 || n.Tensors[i].Trained() || n.Tensors[i].Kind != models.Weight {
			t.Errorf("the classifier is %+v with bias at %d, want a weight that is not trained and no bias",
				n.Tensors[i], bias)
		}
		w, d := n.Initial(2021)[i], n.Features
		scale := c.scale
		if scale == 0 {
			scale = 1
		}
		if c.classes == 1 {
			continue
		}
		differs := false
		for j, v := range n.Initial(2022)[i] {
			differs = differs || v != w[j]
		}
		if !differs {
			t.Error("two seeds give one rotation")
		}
		for a := range c.classes {
			for b := range c.classes {
				var got float64
				for j := range d {
					got += float64(w[a*d+j]) * float64(w[b*d+j])
				}
				want := scale * scale
				if a != b {
					want /= -float64(c.classes - 1)
				}
				if math.Abs(got-want) > 1e-6*scale*scale {
					t.Fatalf("K %d, d %d: w_%dᵀw_%d is %v, want %v", c.classes, d, a, b, got, want)
				}
			}
		}
	}
}

// Gradient descent on a few images lowers the loss of every network and head, and leaves
// the fixed classifier as it was. It needs a gradient of every operation.
func TestTrains(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		for _, c := range []struct {
			name    string
			options models.Options
		}{
			{"cnn", models.Options{Width: 2, Head: models.HeadETF, FeatureNorm: true, Scale: 2}},
			{"mlp", models.Options{Width: 8, Size: 8, Head: models.HeadNormalised, Scale: 4}},
		} {
			c.options.Channels, c.options.Classes = 1, 4
			n, err := models.Build(c.name, c.options)
			if err != nil {
				t.Fatal(err)
			}
			exec, err := graph.NewExec(b, func(in []*graph.Node) []*graph.Node {
				v, x, y := in[:len(in)-2], in[len(in)-2], in[len(in)-1]
				o := n.Forward(v, x, true)
				loss := graph.ReduceAllMean(losses.CrossEntropy(o.Logits, y))
				var trained []*graph.Node
				for i, x := range n.Tensors {
					if x.Trained() {
						trained = append(trained, v[i])
					}
				}
				grads := graph.Gradient(loss, trained...)
				out := make([]*graph.Node, 0, len(v)+1)
				for i, x := range n.Tensors {
					if x.Trained() {
						out, grads = append(out, graph.Sub(v[i], graph.MulScalar(grads[0], 0.1))), grads[1:]
					} else {
						out, o.Running = append(out, o.Running[0]), o.Running[1:]
					}
				}
				return append(out, loss)
			})
			if err != nil {
				t.Fatal(err)
			}
			defer exec.Finalize()
			var state []any
			initial := n.Initial(1)
			for i, v := range initial {
				state = append(state, tensors.FromFlatDataAndDimensions(v, n.Tensors[i].Shape...))
			}
			rng := rand.New(rand.NewPCG(3, 4))
			x := make([]float32, 8*8*8)
			for i := range x {
				x[i] = float32(rng.NormFloat64())
			}
			images := tensors.FromFlatDataAndDimensions(x, 8, 8, 8, 1)
			var first, last float32
			for step := range 60 {
				res, err := exec.Call(append(append([]any{}, state...), images, []int32{0, 1, 2, 3, 0, 1, 2, 3})...)
				if err != nil {
					t.Fatal(err)
				}
				for i := range state {
					state[i] = res[i]
				}
				last = tensors.ToScalar[float32](res[len(state)])
				if step == 0 {
					first = last
				}
			}
			if !(last < 0.5*first) {
				t.Errorf("%s: the loss went from %v to %v in 60 steps", c.name, first, last)
			}
			if w, _ := n.Classifier(); c.options.Head == models.HeadETF {
				weight := tensors.MustCopyFlatData[float32](state[w].(*tensors.Tensor))
				near(t, "fixed classifier", weight, initial[w], 0)
			}
		}
	})
}

func TestBuildErrors(t *testing.T) {
	good := models.Options{Width: 4, Channels: 3, Classes: 10}
	for _, c := range []struct {
		name string
		edit func(*models.Options)
		want []string
	}{
		{"resnet-50", func(*models.Options) {}, []string{`"resnet-50"`, "did you mean resnet50?"}},
		{"", func(*models.Options) {}, []string{"Known are"}},
		{"resnet18", func(o *models.Options) { *o = models.Options{} },
			[]string{"width is 0", "channels is 0", "classes is 0"}},
		{"resnet18", func(o *models.Options) { o.Stem = "5x5" }, []string{"stem", "3x3, 7x7"}},
		{"resnet18", func(o *models.Options) { o.Head = "cosine" }, []string{"head", "normalised"}},
		{"resnet18", func(o *models.Options) { o.Scale = 2 }, []string{"scale", "linear"}},
		{"resnet18", func(o *models.Options) { o.Head, o.Scale = models.HeadETF, math.Inf(1) },
			[]string{"scale", "(0, ∞)"}},
		{"resnet18", func(o *models.Options) { o.Head, o.Scale = models.HeadNormalised, math.NaN() },
			[]string{"scale", "NaN"}},
		{"resnet18", func(o *models.Options) { o.Head, o.Width, o.Classes = models.HeadETF, 1, 10 },
			[]string{"9 features", "has 8"}},
		{"resnet18", func(o *models.Options) { o.Depth = 2 }, []string{"depth", "mlp"}},
		{"mlp", func(*models.Options) {}, []string{"size"}},
		{"mlp", func(o *models.Options) { o.Size, o.Depth = 8, -1 }, []string{"depth is -1"}},
		{"cnn", func(o *models.Options) { o.Stem = models.StemOriginal }, []string{"stem 7x7"}},
	} {
		o := good
		c.edit(&o)
		_, err := models.Build(c.name, o)
		for _, part := range c.want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s %+v: error %v does not say %q", c.name, o, err, part)
			}
		}
	}
	for _, name := range models.Names() {
		o := good
		o.Size = 8
		if _, err := models.Build(name, o); err != nil {
			t.Error(err)
		}
	}
}
