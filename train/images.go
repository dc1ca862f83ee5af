package train

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/models"
	"github.com/gocollapse/collapse/record"
)

// drawn returns the moves of the images of given indices in an epoch: dy, dx and flip, as
// moved takes them.
func drawn(a data.Augmentation, seed int64, epoch int, index []int32) [3][]int32 {
	var moves [3][]int32
	for i := range moves {
		moves[i] = make([]int32, len(index))
	}
	for i, image := range index {
		m := a.Draw(seed, epoch, int(image))
		moves[0][i], moves[1][i] = int32(m.DY), int32(m.DX)
		if m.Flip {
			moves[2][i] = 1
		}
	}
	return moves
}

// moved picks a batch out of images (N×H×W×C bytes) and moves it as data.Move.Apply
// does: index, dy, dx and flip (0 or 1) are B int32 each. The result is B×H×W×C in
// float32, from 0 to 255 without a fraction.
func moved(images, index, dy, dx, flip *graph.Node) *graph.Node {
	g := images.Graph()
	d := images.Shape().Dimensions
	batch, height, width := index.Shape().Dim(0), d[1], d[2]
	whole := func(v *graph.Node) *graph.Node { // B×1 or B×length spread over B×H×W
		return graph.BroadcastToDims(v, batch, height, width)
	}
	column := func(v *graph.Node) *graph.Node { return graph.Reshape(v, batch, 1, 1) }
	row := graph.Add(column(dy), graph.Iota(g, shapes.Make(dtypes.Int32, batch, height, 1), 1))
	x := graph.Iota(g, shapes.Make(dtypes.Int32, batch, 1, width), 2)
	last := graph.Scalar(g, dtypes.Int32, width-1)
	// x becomes W−1−x where flip is 1.
	x = graph.Add(x, graph.Mul(column(flip), graph.Sub(last, graph.MulScalar(x, 2))))
	x = graph.Add(column(dx), x)

	inside := func(v *graph.Node, size int) *graph.Node {
		return graph.LogicalAnd(graph.GreaterOrEqual(v, graph.ZerosLike(v)),
			graph.LessThan(v, graph.Scalar(g, dtypes.Int32, size)))
	}
	within := graph.LogicalAnd(whole(inside(row, height)), whole(inside(x, width)))
	at := func(v *graph.Node, size int) *graph.Node {
		return graph.InsertAxes(whole(graph.ClipScalar(v, 0, float64(size-1))), -1)
	}
	where := graph.Concatenate([]*graph.Node{graph.InsertAxes(whole(column(index)), -1), at(row, height), at(x, width)},
		-1)
	pixels := graph.ConvertDType(graph.Gather(images, where), dtypes.Float32)
	within = graph.BroadcastToShape(graph.InsertAxes(within, -1), pixels.Shape())
	return graph.Where(within, pixels, graph.ZerosLike(pixels))
}

// normalise returns (x/255 − mean)/std in float32, as torchvision's ToTensor and
// Normalize.
func normalise(x *graph.Node, info record.Data) *graph.Node {
	mean, std := make([]float32, len(info.Mean)), make([]float32, len(info.Std))
	for c := range mean {
		mean[c], std[c] = float32(info.Mean[c]), float32(info.Std[c])
	}
	channels := func(v []float32) *graph.Node { return graph.ExpandLeftToRank(graph.Const(x.Graph(), v), x.Rank()) }
	x = graph.DivScalar(graph.ConvertDType(x, models.DType), 255)
	return graph.Div(graph.Sub(x, channels(mean)), channels(std))
}
