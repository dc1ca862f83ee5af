package train

import (
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/data"
)

// The graph moves images to the bytes of data.Move.Apply.
func TestMoved(t *testing.T) {
	const n, h, w, c = 9, 5, 7, 3
	images := make([]byte, n*h*w*c)
	for i := range images {
		images[i] = byte(i*37 + i/251 + 1)
	}
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		exec, err := graph.NewExec(b,
			func(in []*graph.Node) *graph.Node { return moved(in[0], in[1], in[2], in[3], in[4]) })
		if err != nil {
			t.Fatal(err)
		}
		defer exec.Finalize()
		all := tensors.FromFlatDataAndDimensions(images, n, h, w, c)
		seen := make(map[data.Move]bool)
		for _, a := range []data.Augmentation{{Pad: 2, Flip: true}, {Pad: 5}, {Flip: true}} {
			for epoch := 1; epoch <= 8; epoch++ {
				index := []int32{8, 0, 3, 3, 5, 1}
				moves := drawn(a, 2021, epoch, index)
				dy, dx, flip := moves[0], moves[1], moves[2]
				out, err := exec.Call1(all, index, dy, dx, flip)
				if err != nil {
					t.Fatal(err)
				}
				got := tensors.MustCopyFlatData[float32](out)
				want := make([]byte, h*w*c)
				for i, image := range index {
					m := a.Draw(2021, epoch, int(image))
					seen[m] = true
					m.Apply(want, images[int(image)*len(want):][:len(want)], h, w, c)
					for j, v := range want {
						if g := got[i*len(want)+j]; g != float32(v) {
							t.Fatalf("%+v of image %d: byte %d is %v, want %d", m, image, j, g, v)
						}
					}
				}
			}
		}
		if len(seen) < 50 {
			t.Errorf("only %d different moves were tried", len(seen))
		}
	})
}
