package models

import (
	"math"
	"math/rand/v2"

	"github.com/gomlx/gomlx/core/graph"
)

// addHead adds the tensors between the body's features and the logits.
func (n *Network) addHead(o Options) {
	if o.FeatureNorm {
		n.addNorm("feature_norm", n.Features)
	}
	if o.Head == HeadETF {
		shape := []int{o.Classes, n.Features}
		n.add(Tensor{Name: "fc.weight", Kind: Weight, Shape: shape, Frozen: true, scale: o.Scale})
		return
	}
	n.addLinear("fc", n.Features, o.Classes)
}

// head returns the last-layer features from the features h of the body.
func (p *pass) head(h *graph.Node) *graph.Node {
	o := p.net.Options
	if o.FeatureNorm {
		h = p.norm("feature_norm", h)
	}
	if o.Head == HeadNormalised {
		// The small number under the root keeps the gradient at h = 0 finite.
		square := graph.AddScalar(graph.ReduceAndKeep(graph.Square(h), graph.ReduceSum, -1), 1e-12)
		h = graph.MulScalar(graph.Div(h, graph.Sqrt(square)), o.Scale)
	}
	return h
}

// simplexETF returns a K×d matrix of unit rows w_k with w_iᵀw_j = −1/(K−1) for i ≠ j, row-major and
// uniform over all rotations; d is at least K−1. It is √(K/(K−1)) Q Rᵀ, where Q is Helmert's
// K×(K−1) orthonormal basis of the vectors that sum to 0, and R is a random d×(K−1) orthonormal
// matrix. K = 1 gives zeros.
func simplexETF(k, d int, rng *rand.Rand) []float64 {
	w := make([]float64, k*d)
	rotation := make([][]float64, 0, k-1)
	for len(rotation) < k-1 {
		r := make([]float64, d)
		for i := range r {
			r[i] = rng.NormFloat64()
		}
		// Gram–Schmidt, twice against rounding.
		for range 2 {
			for _, q := range rotation {
				c := dot(q, r)
				for i := range r {
					r[i] -= c * q[i]
				}
			}
		}
		norm := math.Sqrt(dot(r, r))
		if norm < 1e-6 { // in the span of the others up to rounding: draw again
			continue
		}
		for i := range r {
			r[i] /= norm
		}
		rotation = append(rotation, r)
	}
	scale := math.Sqrt(float64(k) / float64(k-1))
	for j, r := range rotation { // column j of Q: 1 in rows 0…j, −(j+1) in row j+1
		c := scale / math.Sqrt(float64((j+1)*(j+2)))
		for row := range j + 2 {
			q := c
			if row == j+1 {
				q = -c * float64(j+1)
			}
			for i := range d {
				w[row*d+i] += q * r[i]
			}
		}
	}
	return w
}

func dot(a, b []float64) float64 {
	var sum float64
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}
