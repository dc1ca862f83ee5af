package losses

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/gocollapse/collapse/record"
)

// MSE returns the mean squared error against the one-hot label for each sample,
// (1/K)‖z − e_y‖². logits is B×K, labels is B; the result is B, at least 0. Its
// mean over the batch is PyTorch's mse_loss. Papers that write ½‖z − e_y‖² have
// K/2 times this.
func MSE(logits, labels *graph.Node) *graph.Node { return RescaledMSE(logits, labels, 1, 1) }

// RescaledMSE returns the rescaled square loss of Hui and Belkin (2021), for each
// sample (1/K)(k(z_y − M)² + Σ_{j≠y} z_j²). weight is k and target is M, both in
// (0, ∞); 1 and 1 give MSE. That paper takes M above 1, and k above 1, where there
// are many classes (ImageNet: k = 15, M = 30), so that the target is not lost among
// the others. For other values it panics, as graph functions do.
//
// Reference: L. Hui, M. Belkin, Evaluation of neural architectures trained with
// square loss vs cross-entropy in classification tasks, ICLR 2021,
// https://arxiv.org/abs/2006.07322, Section 3.
func RescaledMSE(logits, labels *graph.Node, weight, target float64) *graph.Node {
	must(record.Loss{Name: "mse-resc", MSEWeight: weight, MSETarget: target})
	if logits.Rank() != 2 {
		panic(fmt.Errorf("losses: want logits B×K, found shape %v", logits.Shape().Dimensions))
	}
	k := logits.Shape().Dim(-1)
	oneHot := graph.OneHot(labels, k, logits.DType())
	square := graph.Square(graph.Sub(logits, graph.MulScalar(oneHot, target)))
	if weight != 1 {
		square = graph.Mul(square, graph.AddScalar(graph.MulScalar(oneHot, weight-1), 1))
	}
	return graph.DivScalar(graph.ReduceSum(square, -1), float64(k))
}
