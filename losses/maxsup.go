package losses

import (
	"github.com/gomlx/gomlx/core/graph"

	"github.com/gocollapse/collapse/record"
)

// MaxSup returns cross entropy with max suppression for each sample,
// −log p_y + δ(max_j z_j − (1/K) Σ_j z_j), p being the softmax of the logits z. logits is B×K,
// labels is B; the result is B. delta is δ in [0, 1); 0 gives CrossEntropy. For others it panics,
// as graph functions do. A gradient is at most 1+δ in size.
//
// Label smoothing is the same with z_y in place of max_j z_j. The two losses are therefore equal
// where the label has the largest logit. Elsewhere MaxSup is the larger one: it pulls a wrong
// class's largest logit down. Both have the same infimum, which they reach where the softmax is the
// smoothed label. If several logits are the largest, the gradient takes the first of them.
//
// The authors raise δ from 0.1 to 0.2 in the course of training; here it is constant.
//
// Reference: Y. Zhou et al., MaxSup: Overcoming Representation Collapse in Label Smoothing, 2025,
// https://arxiv.org/abs/2502.15798.
func MaxSup(logits, labels *graph.Node, delta float64) *graph.Node {
	if delta == 0 {
		return CrossEntropy(logits, labels)
	}
	must(record.Loss{Name: "maxsup", Delta: delta})
	each := CrossEntropy(logits, labels)
	// The penalty's weights δ(e_max − 1/K) add up to 0. Logits less their largest give the same
	// penalty, without the rounding of a large constant.
	k := logits.Shape().Dim(-1)
	z := graph.Sub(logits, graph.StopGradient(graph.ReduceAndKeep(logits, graph.ReduceMax, -1)))
	largest := graph.OneHot(graph.ArgMax(logits, -1), k, logits.DType())
	weights := graph.MulScalar(graph.AddScalar(largest, -1/float64(k)), delta)
	return graph.Add(each, graph.ReduceSum(graph.Mul(z, weights), -1))
}
