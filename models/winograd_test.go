package models_test

import (
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/models"
)

// A convolution of a wide layer, and both its gradients, are what the backend's
// own convolution and differentiation give.
func TestConvOfWideLayer(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		const batch, height, width, in, out = 2, 10, 8, 128, 136
		rng := rand.New(rand.NewPCG(1, 2))
		random := func(dims ...int) *tensors.Tensor {
			size := 1
			for _, d := range dims {
				size *= d
			}
			v := make([]float32, size)
			for i := range v {
				v[i] = float32(rng.NormFloat64())
			}
			return tensors.FromFlatDataAndDimensions(v, dims...)
		}
		exec, err := graph.NewExec(b, func(x, k, w *graph.Node) (all []*graph.Node) {
			plain := graph.Convolve(x, k).PaddingPerDim([][2]int{{1, 1}, {1, 1}}).Done()
			for _, y := range []*graph.Node{models.Conv(x, k, 1), plain} {
				all = append(all, y)
				all = append(all, graph.Gradient(graph.ReduceAllSum(graph.Mul(graph.Square(y), w)), x, k)...)
			}
			return all
		})
		if err != nil {
			t.Fatal(err)
		}
		defer exec.Finalize()
		res, err := exec.Call(random(batch, height, width, in), random(3, 3, in, out), random(batch, height, width, out))
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{"convolution", "gradient of x", "gradient of the kernel"} {
			near(t, name, tensors.MustCopyFlatData[float32](res[i]), tensors.MustCopyFlatData[float32](res[i+3]), 3e-6)
		}
	})
}
