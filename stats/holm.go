package stats

import (
	"fmt"
	"math"
	"slices"
)

// Holm returns the p values adjusted for their number by Holm's step-down method (1979),
// in the order of the input: the i-th smallest of m becomes the largest of
// (m−j+1)·p(j) over j ≤ i, at most 1. Rejecting where the adjusted value is at most α keeps
// the chance of any false rejection at most α, however the tests depend on each other.
//
// A p that is NaN or outside [0, 1] is an error: a claim without a test is no member of
// the family, and the caller leaves it out.
func Holm(p []float64) ([]float64, error) {
	if err := checkValues("p value", p, 1); err != nil {
		return nil, err
	}
	for i, x := range p {
		if x < 0 || x > 1 {
			return nil, fmt.Errorf("stats: p value %d of %d is %v, want it between 0 and 1", i+1, len(p), x)
		}
	}
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case p[i] < p[j]:
			return -1
		case p[i] > p[j]:
			return 1
		}
		return 0
	})
	adjusted := make([]float64, len(p))
	var largest float64
	for rank, i := range order {
		largest = math.Max(largest, math.Min(1, float64(len(p)-rank)*p[i]))
		adjusted[i] = largest
	}
	return adjusted, nil
}
