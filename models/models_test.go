package models_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/losses"
	"github.com/gocollapse/collapse/models"
	"github.com/gocollapse/collapse/train/safetensors"
)

func TestResNet18Parameters(t *testing.T) {
	n, err := models.ResNet18(64, 3, 10)
	if err != nil {
		t.Fatal(err)
	}
	if got := n.Parameters(); got != 11_173_962 {
		t.Errorf("%d parameters, torchvision's with the 3×3 stem has 11,173,962", got)
	}
	if n.Features != 512 {
		t.Errorf("d = %d, want 512", n.Features)
	}
	if _, err := models.New("vgg", 64, 3, 10); err == nil {
		t.Error("an unknown model was taken")
	}
	if _, err := models.ResNet18(0, 3, 10); err == nil {
		t.Error("width 0 was taken")
	}
}

func TestInitial(t *testing.T) {
	n, err := models.ResNet18(16, 3, 10)
	if err != nil {
		t.Fatal(err)
	}
	a, b, other := n.Initial(2021), n.Initial(2021), n.Initial(2022)
	for i, x := range n.Tensors {
		if !slices.Equal(a[i], b[i]) {
			t.Errorf("%s differs between two calls with one seed", x.Name)
		}
		var sum, square, largest float64
		for _, v := range a[i] {
			sum += float64(v)
			square += float64(v) * float64(v)
			largest = max(largest, math.Abs(float64(v)))
		}
		size := float64(len(a[i]))
		switch x.Kind {
		case models.Kernel:
			want := math.Sqrt(2 / float64(9*x.Shape[3]))
			if x.Shape[0] == 1 {
				want *= 3
			}
			// Six standard errors of the deviation and of the mean.
			if got := math.Sqrt(square / size); math.Abs(got/want-1) > 6/math.Sqrt(2*size) {
				t.Errorf("%s has deviation %v, Kaiming's with fan out is %v", x.Name, got, want)
			}
			if math.Abs(sum/size) > 6*want/math.Sqrt(size) {
				t.Errorf("%s has mean %v", x.Name, sum/size)
			}
		case models.Weight, models.Bias:
			if bound := 1 / math.Sqrt(128); largest > bound || largest < 0.7*bound {
				t.Errorf("%s reaches %v, want nearly 1/√d = %v", x.Name, largest, bound)
			}
		case models.Gamma, models.Variance:
			if sum != size || square != size {
				t.Errorf("%s is not all 1", x.Name)
			}
		default:
			if square != 0 {
				t.Errorf("%s is not all 0", x.Name)
			}
		}
		if (x.Kind == models.Kernel || x.Kind == models.Weight) && slices.Equal(a[i], other[i]) {
			t.Errorf("%s is the same under another seed", x.Name)
		}
	}
}

func TestTorchLayout(t *testing.T) {
	x := models.Tensor{Name: "c", Kind: models.Kernel, Shape: []int{1, 2, 3, 4}} // kh kw in out
	v := make([]float32, x.Size())
	for i := range v {
		v[i] = float32(i)
	}
	torch := x.Torch(v)
	// Element (out 3, in 1, kh 0, kw 1) of 4×3×1×2 is (0, 1, 1, 3) of 1×2×3×4.
	if got, want := torch[(3*3+1)*2+1], v[(1*3+1)*4+3]; got != want {
		t.Errorf("out 3, in 1, kw 1 is %v, want %v", got, want)
	}
	if !slices.Equal(x.FromTorch(torch), v) {
		t.Error("FromTorch does not invert Torch")
	}
	if got := x.TorchShape(); !slices.Equal(got, []int{4, 3, 1, 2}) {
		t.Errorf("PyTorch's shape is %v", got)
	}
}

const batch = 6 // of testdata/torch_parity.py

// parity holds what PyTorch computed, and the network in GoMLX's layouts.
type parity struct {
	torch          *safetensors.File
	net            *models.Network
	values         []any
	images, labels *tensors.Tensor
}

func loadParity(t *testing.T) *parity {
	t.Helper()
	f, err := safetensors.ReadFile("testdata/torch_parity.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	p := &parity{torch: f}
	if p.net, err = models.ResNet18(2, 3, 5); err != nil {
		t.Fatal(err)
	}
	for _, x := range p.net.Tensors {
		a, ok := f.Arrays["initial."+x.Name]
		if !ok || !slices.Equal(a.Shape, x.TorchShape()) {
			t.Fatalf("PyTorch's %s has shape %v, want %v", x.Name, a.Shape, x.TorchShape())
		}
		p.values = append(p.values, tensors.FromFlatDataAndDimensions(x.FromTorch(a.F32), x.Shape...))
	}
	mean, std := []float32{.4914, .4822, .4465}, []float32{.247, .243, .261}
	pixels := f.Arrays["images"].F32[:batch*8*8*3]
	for i := range pixels {
		pixels[i] = (pixels[i]/255 - mean[i%3]) / std[i%3]
	}
	p.images = tensors.FromFlatDataAndDimensions(pixels, batch, 8, 8, 3)
	labels := make([]int32, batch)
	for i := range labels {
		labels[i] = int32(f.Arrays["labels"].I64[i])
	}
	p.labels = tensors.FromFlatDataAndDimensions(labels, batch)
	return p
}

// run builds a graph of the network's values, images and labels.
func (p *parity) run(t *testing.T, b compute.Backend,
	f func(values []*graph.Node, x, y *graph.Node) []*graph.Node) [][]float32 {
	t.Helper()
	exec, err := graph.NewExec(b, func(in []*graph.Node) []*graph.Node {
		n := len(in) - 2
		return f(in[:n], in[n], in[n+1])
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	res, err := exec.Call(append(slices.Clone(p.values), p.images, p.labels)...)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]float32
	for _, r := range res {
		v, err := tensors.CopyFlatData[float32](r)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// near compares with PyTorch, relative to the largest value.
func near(t *testing.T, name string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Errorf("%s has %d values, PyTorch's has %d", name, len(got), len(want))
		return
	}
	var scale, worst float64
	for i := range want {
		scale = max(scale, math.Abs(float64(want[i])))
		d := math.Abs(float64(got[i]) - float64(want[i]))
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		worst = max(worst, d)
	}
	if !(worst <= tolerance*max(scale, 1e-3)) {
		t.Errorf("%s differs by %.2g from PyTorch's, whose largest value is %.2g", name, worst, scale)
	}
}

// Both modes, both losses and every gradient of either, in one graph, so that it
// compiles once. Package train's tests hold the ten steps.
func TestResNet18AsPyTorch(t *testing.T) {
	backendtest.EachForm(t, func(t *testing.T, b compute.Backend) {
		p := loadParity(t)
		kinds := []struct {
			name  string
			delta float64
		}{{"ce", 0}, {"ls", 0.05}}
		got := p.run(t, b, func(v []*graph.Node, x, y *graph.Node) []*graph.Node {
			eval, train := p.net.Forward(v, x, false), p.net.Forward(v, x, true)
			out := []*graph.Node{eval.Features, eval.Logits, train.Features, train.Logits}
			var trained []*graph.Node
			for i, x := range p.net.Tensors {
				if x.Trained() {
					trained = append(trained, v[i])
				}
			}
			for _, loss := range kinds {
				each := losses.LabelSmoothing(train.Logits, y, loss.delta)
				out = append(append(out, each), graph.Gradient(graph.ReduceAllMean(each), trained...)...)
			}
			return out
		})
		next := func() []float32 {
			v := got[0]
			got = got[1:]
			return v
		}
		for _, name := range []string{"eval.features", "eval.logits", "train.features", "train.logits"} {
			near(t, name, next(), p.torch.Arrays[name].F32, 1e-5)
		}
		for _, loss := range kinds {
			near(t, loss.name+" losses", next(), p.torch.Arrays[loss.name+".losses"].F32, 1e-5)
			for _, x := range p.net.Tensors {
				if x.Trained() {
					want := p.torch.Arrays[loss.name+".grad."+x.Name].F32
					near(t, loss.name+" gradient of "+x.Name, x.Torch(next()), want, 2e-4)
				}
			}
		}
	})
}

// A channel whose mean is a thousand deviations keeps its variance: a one-pass
// variance without a pivot has lost it in float32.
func TestNormTrainPrecision(t *testing.T) {
	backendtest.EachForm(t, func(t *testing.T, b compute.Backend) {
		const n = 4096
		x := make([]float32, n)
		var mean, square float64
		for i := range x {
			x[i] = 1000 + float32(i%7)
			mean += float64(x[i]) / n
		}
		for _, v := range x {
			square += (float64(v) - mean) * (float64(v) - mean) / (n - 1)
		}
		exec, err := graph.NewExec(b, func(x, one, zero, old *graph.Node) (*graph.Node, *graph.Node) {
			_, m, v := models.NormTrain(x, one, zero, old, one)
			return m, v
		})
		if err != nil {
			t.Fatal(err)
		}
		defer exec.Finalize()
		images := tensors.FromFlatDataAndDimensions(x, 4, 32, 32, 1)
		res, err := exec.Call(images, []float32{1}, []float32{0}, []float32{1001})
		if err != nil {
			t.Fatal(err)
		}
		m, _ := tensors.CopyFlatData[float32](res[0])
		v, _ := tensors.CopyFlatData[float32](res[1])
		near(t, "running mean", m, []float32{float32(0.9*1001 + 0.1*mean)}, 1e-6)
		near(t, "running variance", v, []float32{float32(0.9 + 0.1*square)}, 1e-5)
	})
}
