package losses_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/losses"
	"github.com/gocollapse/collapse/record"
)

// value returns the losses and the gradient of their sum.
func value(b compute.Backend, l record.Loss, logits [][]float32, labels []int32) (each, grad []float32, err error) {
	exec, err := graph.NewExec(b, func(z, y *graph.Node) (*graph.Node, *graph.Node) {
		each := losses.Each(l, z, y)
		return each, graph.Gradient(graph.ReduceAllSum(each), z)[0]
	})
	if err != nil {
		return nil, nil, err
	}
	defer exec.Finalize()
	res, err := exec.Call(logits, labels)
	if err != nil {
		return nil, nil, err
	}
	return tensors.MustCopyFlatData[float32](res[0]), tensors.MustCopyFlatData[float32](res[1]), nil
}

// torchLosses is a file of losses and gradients that PyTorch computed, with the script that made it
// next to it.
type torchLosses struct {
	Logits [][]float32 `json:"logits"`
	Labels []int32     `json:"labels"`
	Cases  []struct {
		Loss     record.Loss `json:"loss"`
		Each     []float64   `json:"each"`
		Gradient [][]float64 `json:"gradient"`
	} `json:"cases"`
}

func TestAsPyTorch(t *testing.T) {
	paths, err := filepath.Glob("testdata/torch_*.json")
	if err != nil {
		t.Fatal(err)
	}
	var files []torchLosses
	cases, tested := 0, map[string]bool{}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var f torchLosses
		if err := json.Unmarshal(b, &f); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, c := range f.Cases {
			tested[c.Loss.Name] = true
		}
		cases += len(f.Cases)
		files = append(files, f)
	}
	names := slices.Sorted(slices.Values(record.LossNames()))
	if cases < 8 || !slices.Equal(slices.Sorted(maps.Keys(tested)), names) {
		t.Fatalf("PyTorch's values are %d cases of losses %v, want at least 8 of %v", cases, tested, names)
	}
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		for _, f := range files {
			f.compare(t, b)
		}
	})
}

// compare holds losses and gradients to 1e-5 of PyTorch's.
func (f torchLosses) compare(t *testing.T, b compute.Backend) {
	for _, c := range f.Cases {
		each, grad, err := value(b, c.Loss, f.Logits, f.Labels)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range c.Each {
			if got := float64(each[i]); !(math.Abs(got-want) <= 1e-5*max(math.Abs(want), 1e-2)) {
				t.Errorf("%+v: loss %d is %v, PyTorch's is %v", c.Loss, i, got, want)
			}
			// The gradient's scale is that of the sample.
			scale := 1e-2
			for _, g := range c.Gradient[i] {
				scale = max(scale, math.Abs(g))
			}
			for k, want := range c.Gradient[i] {
				if got := float64(grad[i*len(c.Gradient[i])+k]); !(math.Abs(got-want) <= 1e-5*scale) {
					t.Errorf("%+v: gradient %d, %d is %v, PyTorch's is %v", c.Loss, i, k, got, want)
				}
			}
		}
	}
}

// No loss and no gradient is NaN or beyond its bound, however large the logits.
func TestHugeLogits(t *testing.T) {
	logits := [][]float32{
		{0, 0, 0}, {1e30, 0, -1e30}, {-1e30, 1e30, 0}, {1e17, 1e17, 1e17},
		{88, -104, 0}, {-200, 0, 1}, {3e4, -3e4, 3e4}, {17, 0, 0},
	}
	labels := []int32{0, 0, 0, 1, 0, 0, 1, 0}
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		list := []record.Loss{{Name: "focal", FocalGamma: 0.5}, {Name: "focal", FocalGamma: 40}}
		for _, l := range slices.DeleteFunc(append(list, everyLoss(t)...), squares) {
			each, grad, err := value(b, l, logits, labels)
			if err != nil {
				t.Fatal(err)
			}
			floor, err := l.Floor(3)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range each {
				if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) || float64(v) < floor-1e-6 {
					t.Errorf("%+v: loss of %v is %v, the floor is %v", l, logits[i], v, floor)
				}
			}
			bound := 1 + l.FocalGamma
			if l.Name != "ls" { // its gradient is p − y^δ
				bound += l.Delta
			}
			for i, g := range grad {
				if !(math.Abs(float64(g)) <= bound) {
					t.Errorf("%+v: gradient %d at %v is %v", l, i%3, logits[i/3], g)
				}
			}
		}
		each, grad, err := value(b, record.Loss{Name: "mse"}, logits, labels)
		if err != nil {
			t.Fatal(err)
		}
		if v := float64(each[1]); !math.IsInf(v, 1) {
			t.Errorf("the square of 1e30 in float32 is %v, want +Inf", v)
		}
		for i, g := range grad {
			want := float64(logits[i/3][i%3])
			if int32(i%3) == labels[i/3] {
				want--
			}
			if want *= 2. / 3; math.Abs(float64(g)-want) > 1e-6*math.Abs(want) {
				t.Errorf("mse: gradient %d at %v is %v, want 2(z − y)/K = %v", i%3, logits[i/3], g, want)
			}
		}
	})
}

// The focal loss of a nearly certain sample keeps its digits: with p_y = σ(m) and
// m large, it is exp(−(γ+1)m) to first order, where 1 − p_y in float32 is 0.
func TestFocalTail(t *testing.T) {
	const m, gamma = 30, 0.5
	focal := record.Loss{Name: "focal", FocalGamma: gamma}
	each, grad, err := value(backendtest.Go(t), focal, [][]float32{{m, 0}}, []int32{0})
	if err != nil {
		t.Fatal(err)
	}
	want := math.Exp(-(gamma + 1) * m)
	if math.Abs(float64(each[0])/want-1) > 1e-5 {
		t.Errorf("loss %v, want %v", each[0], want)
	}
	if want *= -(gamma + 1); math.Abs(float64(grad[0])/want-1) > 1e-5 || grad[1] != -grad[0] {
		t.Errorf("gradient %v, want ±%v", grad, want)
	}
}

// The floor is the loss where the softmax is the target.
func TestFloor(t *testing.T) {
	for _, c := range []struct {
		classes int
		delta   float64
	}{{2, 0.1}, {10, 0.05}, {100, 0.05}, {5, 0.999}, {1000, 1e-6}} {
		l := record.Loss{Name: "ls", Delta: c.delta}
		floor, err := l.Floor(c.classes)
		if err != nil {
			t.Fatal(err)
		}
		z := make([]float32, c.classes)
		k := float64(c.classes)
		z[0] = float32(math.Log((1 - c.delta + c.delta/k) / (c.delta / k)))
		each, _, err := value(backendtest.Go(t), l, [][]float32{z}, []int32{0})
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(float64(each[0])-floor) > 5e-6 { // float32's, with logits of up to 20
			t.Errorf("K %d, δ %v: the loss at the target is %v, the floor %v", c.classes, c.delta, each[0], floor)
		}
	}
}

// A loss that Validate refuses has no graph, and the error names the parameter.
func TestEachRefuses(t *testing.T) {
	for _, c := range []struct {
		loss record.Loss
		want string
	}{
		{record.Loss{Name: "hinge"}, `"hinge"`},
		{record.Loss{Name: "ls"}, "delta"},
		{record.Loss{Name: "focal", FocalGamma: math.Inf(1)}, "focal_gamma"},
		{record.Loss{Name: "ce", Delta: 0.1}, "delta"},
		{record.Loss{Name: "mse-resc"}, "mse_target"},
		{record.Loss{Name: "own:absent"}, `losses.Register("absent"`},
	} {
		if err := losses.Check(c.loss); !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%+v: error %v does not name %s", c.loss, err, c.want)
		}
		if _, _, err := value(backendtest.Go(t), c.loss, [][]float32{{0, 1}}, []int32{0}); err == nil {
			t.Errorf("%+v has a graph", c.loss)
		}
	}
	focal := record.Loss{Name: "focal", FocalGamma: 2}
	if _, _, err := value(backendtest.Go(t), focal, [][]float32{{1}}, []int32{0}); err == nil {
		t.Error("the focal loss of one class was taken")
	}
}

// Graph functions that are called by themselves refuse what Validate does.
func TestParametersRefused(t *testing.T) {
	for what, f := range map[string]func(z, y *graph.Node) *graph.Node{
		"focal_gamma": func(z, y *graph.Node) *graph.Node { return losses.Focal(z, y, -1) },
		"mse_weight":  func(z, y *graph.Node) *graph.Node { return losses.RescaledMSE(z, y, 0, 1) },
		"mse_target":  func(z, y *graph.Node) *graph.Node { return losses.RescaledMSE(z, y, 1, math.NaN()) },
	} {
		exec, err := graph.NewExec(backendtest.Go(t), f)
		if err != nil {
			t.Fatal(err)
		}
		defer exec.Finalize()
		if _, err := exec.Call([][]float32{{0, 1}}, []int32{0}); !strings.Contains(fmt.Sprint(err), what) {
			t.Errorf("error %v does not name %s", err, what)
		}
	}
}
