package losses

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/gocollapse/collapse/record"
)

// Focal returns the focal loss of Lin et al. (2017) without class weights,
// −(1−p_y)^γ log p_y for each sample, p being the softmax of the logits. logits is
// B×K with K ≥ 2, labels is B; the result is B, at least 0. gamma is γ in [0, ∞),
// 2 in that paper and 3 in most work on calibration; 0 gives CrossEntropy. For
// others it panics, as graph functions do. A gradient is at most 1+γ in size.
//
// It is computed from the margin m = z_y − log Σ_{j≠y} exp z_j, since p_y = σ(m):
// a power of 1 − p_y loses all its digits, and has an infinite derivative for
// γ < 1, where p_y rounds to 1.
//
// Reference: T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollár, Focal loss for
// dense object detection, ICCV 2017, https://arxiv.org/abs/1708.02002.
func Focal(logits, labels *graph.Node, gamma float64) *graph.Node {
	if gamma == 0 {
		return CrossEntropy(logits, labels)
	}
	must(record.Loss{Name: "focal", FocalGamma: gamma})
	m := margin(logits, labels)
	return graph.Mul(
		graph.Exp(graph.MulScalar(softplus(m), -gamma)), // (1 − p_y)^γ
		softplus(graph.Neg(m)),                          // −log p_y
	)
}

// margin returns z_y − log Σ_{j≠y} exp z_j for each sample, B values.
func margin(logits, labels *graph.Node) *graph.Node {
	if logits.Rank() != 2 || logits.Shape().Dim(1) < 2 {
		panic(fmt.Errorf("losses: want logits B×K of at least 2 classes, found shape %v", logits.Shape().Dimensions))
	}
	target := isTarget(logits, labels)
	zero := graph.ZerosLike(logits)
	lowest := graph.BroadcastToShape(graph.Infinity(logits.Graph(), logits.DType(), -1), logits.Shape())
	others := graph.Where(target, lowest, logits)
	top := graph.StopGradient(graph.ReduceAndKeep(others, graph.ReduceMax, -1))
	// The target is masked before the exponential too: its own might overflow,
	// and 0·Inf is NaN in the gradient.
	e := graph.Where(target, zero, graph.Exp(graph.Sub(others, top)))
	rest := graph.Add(graph.Log(graph.ReduceSum(e, -1)), graph.Squeeze(top, -1))
	return graph.Sub(graph.ReduceSum(graph.Where(target, logits, zero), -1), rest)
}

// isTarget is B×K, true where the column is the row's label.
func isTarget(logits, labels *graph.Node) *graph.Node {
	return graph.IsPositive(graph.OneHot(labels, logits.Shape().Dim(-1), logits.DType()))
}

// softplus returns log(1 + exp x), exact to rounding at both ends, with the
// logistic function as its gradient everywhere, 0 included.
func softplus(x *graph.Node) *graph.Node {
	positive := graph.IsPositive(x)
	small := graph.Where(positive, graph.Neg(x), x) // −|x|, with a slope at 0
	return graph.Add(graph.Where(positive, x, graph.ZerosLike(x)), graph.Log1p(graph.Exp(small)))
}
