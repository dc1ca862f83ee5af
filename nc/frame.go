package nc

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// Frame says how far K vectors, the classifier's w_k or the centred class means h̄_k−h_G, are from
// a simplex ETF. Pairs are those of classes i < j.
type Frame struct {
	// ETF is ‖VᵀV/‖VᵀV‖_F − J/√(K−1)‖_F of the d×K matrix V of the vectors, in [0, 2]. The
	// classifier's vectors are not centred.
	ETF float64
	// Equinorm is the standard deviation (over K−1) of the norms over their mean (Papyan, Han and
	// Donoho 2020).
	Equinorm float64
	// MaxAngle is the mean over pairs of |cos + 1/(K−1)|: 0 at the maximal angle (Papyan, Han and
	// Donoho 2020).
	MaxAngle float64
	// Equiangle is the standard deviation (over pairs − 1) of the pairs' cosines (Papyan, Han and
	// Donoho 2020).
	Equiangle float64
	// Distance is the mean over pairs of the distance between their directions, vectors of length
	// 1; in [0, 2], √(2K/(K−1)) for a simplex ETF, the largest that there is. DistanceStd is its
	// standard deviation (over pairs − 1).
	Distance, DistanceStd float64
	// Uniformity is the mean over pairs of −log of those distances, the log-distance kernel of
	// hyperspherical uniformity (Liu et al. 2023), smaller where the directions are more evenly
	// spread; it is defined for any K, also K > d+1, where no simplex ETF exists. UniformityStd is
	// its standard deviation (over pairs − 1), which generalised collapse GNC2 takes to 0 (Wu and
	// Papyan 2024).
	Uniformity, UniformityStd float64
}

// frameOf returns how far the k > 1 rows of m (k×d, numbers near 1, not all zero) are from a simplex
// ETF. side, w or h, names the metrics in the notes. noise bounds the error of a row relative to its
// length.
func frameOf(s *Summary, side string, m []float64, k, d int, noise float64) Frame {
	// Of a cosine, and of a length relative to it.
	bound := sumError(d) + 2*noise
	gram := make([]float64, k*k)
	product(k, k, d, m, m, gram)
	norms := lengths(m, k, d)
	nan := math.NaN()
	mean := floats.Sum(norms) / float64(k)
	f := Frame{
		ETF:      settle(etfDistance(gram, floats.Norm(gram, 2), k), math.Sqrt(float64(k))*bound),
		Equinorm: settle(deviation(norms, mean)/mean, bound),
		MaxAngle: nan, Equiangle: nan, Distance: nan, DistanceStd: nan, Uniformity: nan, UniformityStd: nan,
	}
	ofPairs := []string{"max_angle_" + side, "equiangle_" + side, "distance_" + side, "distance_std_" + side,
		"uniformity_" + side, "uniformity_std_" + side}
	if i := slices.Index(norms, 0); i >= 0 {
		s.undefined(fmt.Sprintf("the vector of class %d is zero and has no direction", s.Class(i)), ofPairs...)
		return f
	}
	pairs := k * (k - 1) / 2
	cosines := make([]float64, 0, pairs)
	distances := make([]float64, 0, pairs)
	f.MaxAngle = 0
	for i := range k {
		for j := range i {
			c := gram[i*k+j] / norms[i] / norms[j]
			cosines = append(cosines, c)
			f.MaxAngle += math.Abs(c+1/float64(k-1)) / float64(pairs)
			distance := math.Sqrt(max(2-2*c, 0))
			if c > 0.9 {
				distance = directionDistance(m[i*d:(i+1)*d], m[j*d:(j+1)*d], norms[i], norms[j])
			}
			distances = append(distances, settle(distance, 2*bound))
		}
	}
	f.MaxAngle = settle(f.MaxAngle, bound)
	f.Distance = floats.Sum(distances) / float64(pairs)
	logs := make([]float64, pairs)
	for i, v := range distances {
		logs[i] = -math.Log(v)
	}
	least := slices.Min(distances)
	if least == 0 {
		s.undefined("two classes have the same direction", "uniformity_"+side, "uniformity_std_"+side)
	} else {
		f.Uniformity = floats.Sum(logs) / float64(pairs)
	}
	if pairs == 1 {
		s.undefined("K = 2: there is one pair of classes",
			"equiangle_"+side, "distance_std_"+side, "uniformity_std_"+side)
		return f
	}
	// A distance r has the error of its cosine over r, its logarithm that over r².
	f.Equiangle = settle(deviation(cosines, floats.Sum(cosines)/float64(pairs)), 2*bound)
	f.DistanceStd = settle(deviation(distances, f.Distance), 4*bound)
	if !math.IsNaN(f.Uniformity) {
		f.UniformityStd = settle(deviation(logs, f.Uniformity), 4*bound/(least*least))
	}
	return f
}

// effectiveRank returns the exponential of the entropy of the singular values over
// their sum (Roy and Vetterli 2007), for values that are not all zero.
func effectiveRank(singular []float64) float64 {
	sum := floats.Sum(singular)
	var entropy float64
	for _, v := range singular {
		if p := v / sum; p > 0 {
			entropy -= p * math.Log(p)
		}
	}
	return math.Exp(entropy)
}

// directionDistance returns the distance of x/nx and y/ny.
func directionDistance(x, y []float64, nx, ny float64) float64 {
	var sum float64
	for j, v := range x {
		diff := v/nx - y[j]/ny
		sum += diff * diff
	}
	return math.Sqrt(sum)
}

// deviation returns the standard deviation of v, over len(v)−1.
func deviation(v []float64, mean float64) float64 {
	var s float64
	for _, x := range v {
		s += (x - mean) * (x - mean)
	}
	return math.Sqrt(s / float64(len(v)-1))
}

// etfDistance returns ‖M/norm − J/√(K−1)‖_F of a K×K matrix M.
func etfDistance(m []float64, norm float64, k int) float64 {
	off := -1 / (float64(k) * math.Sqrt(float64(k-1)))
	on := float64(k-1) / (float64(k) * math.Sqrt(float64(k-1)))
	diff := make([]float64, len(m))
	for i, v := range m {
		want := off
		if i/k == i%k {
			want = on
		}
		diff[i] = v/norm - want
	}
	return floats.Norm(diff, 2)
}
