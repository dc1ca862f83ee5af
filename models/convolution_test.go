package models_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/models"
)

// A convolution and both its gradients are what the backend's own convolution
// and differentiation give: at every stride and size of kernel, where the stride
// does not divide the image, and where the kernel's gradient is summed in parts.
func TestConv(t *testing.T) {
	cases := []struct{ batch, height, width, in, out, k, stride int }{
		{2, 10, 8, 5, 7, 3, 1},
		{2, 10, 8, 5, 7, 3, 2},
		{2, 9, 7, 5, 7, 3, 2},
		{2, 12, 9, 5, 7, 3, 3},
		{3, 8, 6, 4, 6, 1, 1},
		{3, 8, 6, 4, 6, 1, 2},
		{3, 9, 7, 4, 6, 1, 2},
		{2, 12, 8, 3, 4, 7, 2},
		{2, 12, 8, 3, 4, 5, 4},
		{32, 32, 32, 4, 36, 3, 1},
		{24, 32, 32, 48, 8, 3, 2},
		{24, 32, 32, 48, 8, 1, 2},
		{33, 32, 32, 4, 36, 3, 1},
	}
	for _, c := range cases {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			backendtest.Each(t, func(t *testing.T, b compute.Backend) {
				if b.String() == gobackend.BackendName && c.batch > 3 {
					t.Skip("one form for all sizes on the Go backend, and its own convolution is slow")
				}
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
				n := (c.k - 1) / 2
				exec, err := graph.NewExec(b, func(x, k, w *graph.Node) (all []*graph.Node) {
					plain := graph.Convolve(x, k).StridePerAxis(c.stride, c.stride).
						PaddingPerDim([][2]int{{n, n}, {n, n}}).Done()
					for _, y := range []*graph.Node{models.Conv(x, k, c.stride), plain} {
						all = append(all, y)
						all = append(all, graph.Gradient(graph.ReduceAllSum(graph.Mul(graph.Square(y), w)), x, k)...)
					}
					return all
				})
				if err != nil {
					t.Fatal(err)
				}
				defer exec.Finalize()
				results := random(c.batch, (c.height-1)/c.stride+1, (c.width-1)/c.stride+1, c.out)
				res, err := exec.Call(random(c.batch, c.height, c.width, c.in), random(c.k, c.k, c.in, c.out), results)
				if err != nil {
					t.Fatal(err)
				}
				tolerance := 3e-6
				if c.batch > 3 { // the sums of 32768 terms are themselves no better
					tolerance = 1e-5
				}
				for i, name := range []string{"convolution", "gradient of the image", "gradient of the kernel"} {
					got, want := tensors.MustCopyFlatData[float32](res[i]), tensors.MustCopyFlatData[float32](res[i+3])
					near(t, name, got, want, tolerance)
				}
			})
		})
	}
}

// The pure Go backend is given products in place of its own convolution, many times
// slower: no gradient brings one back.
func TestGoHasNoConvolution(t *testing.T) {
	b, err := gobackend.New("")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	g := graph.NewGraph(b, "")
	defer g.Finalize()
	parameter := func(name string, dims ...int) *graph.Node {
		return graph.Parameter(g, name, shapes.Make(dtypes.Float32, dims...))
	}
	x, kernel := parameter("x", 2, 8, 8, 3), parameter("kernel", 3, 3, 3, 4)
	graph.Gradient(graph.ReduceAllSum(models.Conv(x, kernel, 2)), x, kernel)
	for _, node := range g.Nodes() {
		if node.Type() == graph.NodeTypeConvGeneral {
			t.Fatalf("a convolution: %s", node)
		}
	}
}
