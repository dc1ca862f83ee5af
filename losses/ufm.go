package losses

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/graph"
)

// Penalty holds the coefficients of the unconstrained feature model's L2 terms
// (Eq 9 and 10), each in [0, ∞). The paper's simulation has W 1e-3, H 1e-6 and B 1e-2.
type Penalty struct {
	W float64 // λ_W, of the classifier's weight
	H float64 // λ_H, of the features of all N samples
	B float64 // λ_b, of the classifier's bias
}

// Validate reports a coefficient outside [0, ∞), or returns nil.
func (p Penalty) Validate() error {
	for _, c := range []struct {
		name string
		v    float64
	}{{"λ_W", p.W}, {"λ_H", p.H}, {"λ_b", p.B}} {
		if !(c.v >= 0) || math.IsInf(c.v, 0) {
			return fmt.Errorf("losses: %s is %v, want a value in [0, ∞)", c.name, c.v)
		}
	}
	return nil
}

// UFM returns the penalty of one batch, a scalar to add to the mean of its losses
// in place of weight decay:
//
//	(λ_W/2)‖W‖² + (λ_b/2)‖b‖² + (λ_H/2)(N/B) Σ_batch ‖h‖²
//
// features is the batch's B×d, weight is K×d, bias is K or nil where the layer has
// none, and samples is N, the size of the training set. The factor N/B makes the
// expectation over uniformly drawn batches, and the mean over an epoch's equal ones, the
// penalty of Eq 10, (λ_W/2)‖W‖² + (λ_H/2)‖H‖² + (λ_b/2)‖b‖² with the H of all N
// samples; a plain mean over the batch would have its minimum elsewhere. It
// panics for coefficients that Validate reports and N < 1, as graph functions do.
func UFM(features, weight, bias *graph.Node, samples int, p Penalty) *graph.Node {
	if err := p.Validate(); err != nil {
		panic(err)
	}
	if features.Rank() != 2 || features.Shape().Dim(0) < 1 || samples < 1 {
		panic(fmt.Errorf("losses: want features B×d of at least one of N ≥ 1 samples, found shape %v and N = %d",
			features.Shape().Dimensions, samples))
	}
	half := func(x *graph.Node, c float64) *graph.Node {
		return graph.MulScalar(graph.ReduceAllSum(graph.Square(x)), c/2)
	}
	batch := features.Shape().Dim(0)
	sum := graph.Add(half(weight, p.W), half(features, p.H*float64(samples)/float64(batch)))
	if bias != nil {
		sum = graph.Add(sum, half(bias, p.B))
	}
	return sum
}
