// Package losses holds the paper's losses, and those it is compared with, as
// GoMLX graph functions.
//
// Each takes logits (B×K) and labels (B integers in 0…K−1) and returns B losses,
// one for each sample, in natural logarithms; the training loss is their mean. A label
// outside 0…K−1 counts as no class: callers check labels before they reach the
// graph. [Each] calls the one that a specification names, and [Register] adds one of
// your own. Their names, parameters and infima are the table record.Losses.
//
// With float32 logits up to 1e37/K in size, losses and gradients are finite, and no
// gradient is larger than its bound in exact arithmetic, which is 1 where a loss does
// not name another one. MSE grows as the square: its value reaches +Inf near 1e19
// while its gradient stays right.
//
// [UFM] is the L2 penalty that replaces weight decay in the unconstrained feature
// model.
package losses

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/gocollapse/collapse/record"
)

// CrossEntropy returns −log p_y for each sample, p being the softmax of the
// logits (Eq 3 with δ = 0). logits is B×K, labels is B; the result is B, at least 0.
func CrossEntropy(logits, labels *graph.Node) *graph.Node {
	logp := logSoftmax(logits)
	oneHot := graph.OneHot(labels, logits.Shape().Dim(-1), logits.DType())
	return graph.Neg(graph.ReduceSum(graph.Mul(oneHot, logp), -1))
}

// LabelSmoothing returns the cross entropy against the smoothed target
// (1−δ)e_y + δ/K (Eq 3): −(1−δ) log p_y − (δ/K) Σ_k log p_k. delta is in [0, 1);
// 0 gives CrossEntropy. Outside it panics, as graph functions do, and graph.Exec
// returns the panic as an error.
func LabelSmoothing(logits, labels *graph.Node, delta float64) *graph.Node {
	if delta == 0 {
		return CrossEntropy(logits, labels)
	}
	must(record.Loss{Name: "ls", Delta: delta})
	k := logits.Shape().Dim(-1)
	logp := logSoftmax(logits)
	oneHot := graph.OneHot(labels, k, logits.DType())
	target := graph.AddScalar(graph.MulScalar(oneHot, 1-delta), delta/float64(k))
	return graph.Neg(graph.ReduceSum(graph.Mul(target, logp), -1))
}

// logSoftmax subtracts the largest logit first, so that no exponential
// overflows and at least one is 1. The shift has no gradient: the result does
// not depend on it.
func logSoftmax(logits *graph.Node) *graph.Node {
	if logits.Rank() != 2 {
		panic(fmt.Errorf("losses: want logits B×K, found shape %v", logits.Shape().Dimensions))
	}
	top := graph.StopGradient(graph.ReduceAndKeep(logits, graph.ReduceMax, -1))
	z := graph.Sub(logits, top)
	return graph.Sub(z, graph.Log(graph.ReduceAndKeep(graph.Exp(z), graph.ReduceSum, -1)))
}
