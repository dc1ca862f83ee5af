package losses_test

import (
	"math"
	"strings"
	"testing"

	_ "github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/losses"
)

// call returns losses and the gradient of their sum with respect to the logits.
func call(t *testing.T, logits [][]float32, labels []int32, delta float64) (each, grad []float32, err error) {
	t.Helper()
	b := backendtest.Go(t)
	exec, err := graph.NewExec(b, func(z, y *graph.Node) (*graph.Node, *graph.Node) {
		l := losses.LabelSmoothing(z, y, delta)
		return l, graph.Gradient(graph.ReduceAllSum(l), z)[0]
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	res, err := exec.Call(logits, labels)
	if err != nil {
		return nil, nil, err
	}
	return tensors.MustCopyFlatData[float32](res[0]), tensors.MustCopyFlatData[float32](res[1]), nil
}

// Eq 3 written out in float64, and its gradient p − y.
func TestLabelSmoothing(t *testing.T) {
	logits := [][]float32{{1, -2, 0.5}, {0, 0, 0}, {-3, 4, 2}}
	labels := []int32{0, 2, 2}
	for _, delta := range []float64{0, 0.05, 0.9} {
		each, grad, err := call(t, logits, labels, delta)
		if err != nil {
			t.Fatal(err)
		}
		for i, z := range logits {
			var sum, want float64
			for _, v := range z {
				sum += math.Exp(float64(v))
			}
			for k, v := range z {
				y := delta / 3
				if k == int(labels[i]) {
					y += 1 - delta
				}
				want -= y * (float64(v) - math.Log(sum))
				if p := math.Exp(float64(v)) / sum; math.Abs(float64(grad[3*i+k])-(p-y)) > 1e-6 {
					t.Errorf("δ %v: gradient %d, %d is %v, want p − y = %v", delta, i, k, grad[3*i+k], p-y)
				}
			}
			if math.Abs(float64(each[i])-want) > 1e-6*(1+want) {
				t.Errorf("δ %v: loss %d is %v, Eq 3 gives %v", delta, i, each[i], want)
			}
		}
	}
}

func TestLargeLogits(t *testing.T) {
	logits := [][]float32{{1e30, 0, -1e30}, {1e30, 0, -1e30}, {-3e4, -3e4, -3e4}}
	each, grad, err := call(t, logits, []int32{0, 2, 1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if each[0] != 0 {
		t.Errorf("loss of a certain and right answer is %v, want 0", each[0])
	}
	if each[1] != 2e30 {
		t.Errorf("loss of a certain and wrong answer is %v, want 2e30", each[1])
	}
	if math.Abs(float64(each[2])-math.Log(3)) > 1e-6 {
		t.Errorf("loss of equal logits is %v, want log 3", each[2])
	}
	for i, g := range grad {
		if math.IsNaN(float64(g)) || math.Abs(float64(g)) > 1 {
			t.Errorf("gradient %d is %v", i, g)
		}
	}
}

func TestBadDelta(t *testing.T) {
	for _, delta := range []float64{-0.1, 1, math.NaN()} {
		_, _, err := call(t, [][]float32{{0, 1}}, []int32{0}, delta)
		if err == nil || !strings.Contains(err.Error(), "(0, 1)") {
			t.Errorf("δ %v: error %v, want one that names (0, 1)", delta, err)
		}
	}
}
