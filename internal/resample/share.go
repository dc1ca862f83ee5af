package resample

import "gonum.org/v1/gonum/stat/distuv"

// Share returns the bounds of the exact interval of level Level of a share, of which count of n ≥ 1
// independent samples are (Clopper and Pearson 1934). It holds the true share with a probability of
// at least Level for every share and n: where count is 0, its upper bound is about 3.7/n.
func Share(count, n float64) [2]float64 {
	const tail = (1 - Level) / 2
	bounds := [2]float64{0, 1}
	if count > 0 {
		bounds[0] = distuv.Beta{Alpha: count, Beta: n - count + 1}.Quantile(tail)
	}
	if count < n {
		bounds[1] = distuv.Beta{Alpha: count + 1, Beta: n - count}.Quantile(1 - tail)
	}
	return bounds
}
