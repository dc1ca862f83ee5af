// Package nc measures neural collapse: how far the last-layer features and the
// classifier of a trained network are from a simplex equiangular tight frame.
//
// Symbols are the paper's. There are K classes and N samples; h_{k,i} ∈ ℝ^d is
// the feature of sample i of class k, h̄_k its class mean, h_G the global mean,
// H̄ the d×K matrix of the h̄_k − h_G, W the d×K matrix of the classifier's
// vectors w_k, and J = I − 11ᵀ/K. Features are given N×d row-major with labels
// 0…K−1, the classifier K×d row-major, as PyTorch stores it (the paper's Wᵀ).
//
// An Accumulator takes the features in batches of any size, twice: the first
// pass gives the class means, the second what is measured around them. Memory is
// O(K·d + K²), whatever N is; neither the N×d features nor a d×d covariance is
// ever held. All figures are computed in float64, whatever the input's type.
//
//	acc, err := nc.NewAccumulator(k, d)
//	for batch := range batches { err = acc.Add(batch.Features, batch.Labels) }
//	err = acc.BeginSecond()
//	for batch := range batches { err = acc.AddSecond(batch.Features, batch.Labels) }
//	sum, err := acc.Summary(&nc.Classifier{K: k, D: d, W: w, B: b})
//
// A figure that is not defined for the input is NaN, and Summary.Notes says why.
// SetClassifier, between the passes, adds the figures that compare the classifier
// with the nearest class mean; Fork and Merge have several goroutines take a part
// of the samples each. Package nc/measure does all this for .npz files.
package nc

import (
	"fmt"
	"math"
)

// Classifier is the last layer of a network: logits z = W·h + B.
type Classifier struct {
	K, D int       // classes, dimension of the features
	W    []float64 // K×D row-major: row k is w_k (PyTorch's layout, the paper's Wᵀ)
	B    []float64 // K, or nil for a layer without bias
}

// check reports a classifier that does not fit k classes and d features.
func (c *Classifier) check(k, d int) error {
	if c.K != k || c.D != d {
		return fmt.Errorf("nc: classifier is %d×%d, the features have K = %d classes and d = %d dimensions", c.K, c.D, k, d)
	}
	if len(c.W) != k*d {
		return fmt.Errorf("nc: classifier's weight has %d numbers, want K·d = %d·%d", len(c.W), k, d)
	}
	if c.B != nil && len(c.B) != k {
		return fmt.Errorf("nc: classifier's bias has %d numbers, want K = %d or none", len(c.B), k)
	}
	for i, v := range c.W {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("nc: classifier's weight of class %d, dimension %d is %v", i/d, i%d, v)
		}
	}
	for i, v := range c.B {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("nc: classifier's bias of class %d is %v", i, v)
		}
	}
	return nil
}
