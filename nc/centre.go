package nc

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// means is what Centre fixes. Forks of a Scatter share it.
type means struct {
	over    GlobalMean
	scale   float64   // power of two that brings H̄ near 1: no square over- or underflows
	mean    []float64 // K×d, h̄_k
	global  []float64 // d, h_G
	centred []float64 // K×d, scale·(h̄_k − h_G)
	norm2   []float64 // K, squared norms of centred
	longest float64   // the largest of their roots
	// magnitude has the largest magnitude of the class means in each dimension, d; what rounding of
	// the features leaves open is relative to it.
	magnitude []float64
	noise     float64   // bound of the rounding in a row of centred, a length
	quiet     []float64 // K, squared lengths of scale·(h−h̄_k) up to which a sample may differ by rounding alone
	dist2     []float64 // K×K, scale²·‖h̄_j − h̄_k‖²
	rank      int
	singular  []float64 // singular values of scale·H̄, descending; see singularValues
	// tr(Σ_k (H̄H̄ᵀ)†) is the mean of ‖lower·p‖² over class k, with p the products of
	// scale·(h−h̄_k) with the rows of centred (K), or scale·(h−h̄_k) itself where
	// d < K; or that of ‖dirs·(h−h̄_k)‖².
	gram  *mat.SymDense // H̄ᵀH̄ (K×K), or H̄H̄ᵀ (d×d) where d < K
	lower []float64     // of gram's order, lower triangular; nil where dirs are used
	dirs  []float64     // rank×d

	clf        *Classifier
	meanLogits []float64 // K×K, row k: the classifier's logits of h̄_k
	// The classifier's weight in float32, over a power of two that brings it near
	// 1, where the processor has a kernel for that: a decision is made in float32,
	// and in float64 only where float32 leaves it open.
	single      []float32 // K×d
	singleScale float64
	longestRow  float64 // of the rows of single
}

// Centre ends the first pass: it fixes the class means, and returns the second pass around them.
// clf may be nil: the metrics that need a classifier are then not defined. It is read until the
// second pass ends. A class without a sample is an *EmptyClassError, which names it. The sums may
// take more samples afterwards; the second pass does not see those.
func (a *Sums) Centre(clf *Classifier) (*Scatter, error) {
	if err := a.checkClasses(); err != nil {
		return nil, err
	}
	f, err := a.centre(a.Global)
	if err != nil {
		return nil, err
	}
	if clf != nil {
		if err := clf.check(a.k, a.d); err != nil {
			return nil, err
		}
		f.know(clf, a.k, a.d)
	}
	a.shared = true
	return newScatter(a.classSums, f), nil
}

// centre computes the means and what depends on them alone.
func (a *classSums) centre(over GlobalMean) (*means, error) {
	k, d := a.k, a.d
	f := &means{over: over, mean: make([]float64, k*d), global: make([]float64, d), centred: make([]float64, k*d),
		magnitude: make([]float64, d), scale: 1}
	var largest float64
	column, rest := make([]float64, k), make([]float64, k)
	for j := range d {
		f.global[j] = a.column(over, j, column, rest)
		if math.IsNaN(f.global[j]) || math.IsInf(f.global[j], 0) {
			return nil, fmt.Errorf("nc: the sums of dimension %d overflow float64; divide the features by a constant",
				j)
		}
		for c := range column {
			f.mean[c*d+j] = a.classMean(c, j)
			f.magnitude[j] = max(f.magnitude[j], math.Abs(f.mean[c*d+j]))
		}
		bound := rounding * f.magnitude[j]
		f.global[j] = settle(f.global[j], bound)
		for c, v := range column {
			f.centred[c*d+j] = settle(v, bound)
			largest = max(largest, math.Abs(f.centred[c*d+j]))
		}
	}
	if largest > 0 {
		_, e := math.Frexp(largest)
		f.scale = math.Ldexp(1, -min(max(e, -1000), 1000))
	}
	floats.Scale(f.scale, f.centred)
	varying := scaled(f.magnitude, f.scale)
	for j := range d {
		if equal := func(c int) bool { return f.centred[c*d+j] == 0 }; allOf(k, equal) {
			varying[j] = 0
		}
	}
	f.noise = rounding * floats.Norm(varying, 2)
	f.quiet = lengths(f.mean, k, d)
	for c, v := range f.quiet {
		f.quiet[c] = rounding * f.scale * v * (rounding * f.scale * v)
	}
	dots := make([]float64, k*k)
	product(k, k, d, f.centred, f.centred, dots)
	f.distances(k, d, dots)
	return f, a.decompose(f, dots)
}

// classMean returns h̄_c in dimension j, rounded once: the mean of equal features is their value.
func (a *classSums) classMean(c, j int) float64 {
	n, s := float64(a.count[c]), a.high[c*a.d+j]
	m := s / n
	return m + (math.FMA(-m, n, s)+a.low[c*a.d+j])/n
}

// column writes h̄_k − h_G in dimension j to high and what rounding took from it
// to low, for each class, and returns h_G. The differences keep all their digits
// whatever offset the features have.
func (a *classSums) column(over GlobalMean, j int, high, low []float64) (global float64) {
	// The class means as a double each and the rest, relative to one near all.
	about := a.high[j] / float64(a.count[0])
	var sum exact
	var total float64
	for c := range a.k {
		n, s := float64(a.count[c]), a.high[c*a.d+j]
		m := s / n
		diff, e := twoSum(m, -about)
		high[c], low[c] = twoSum(diff, e+(math.FMA(-m, n, s)+a.low[c*a.d+j])/n)
		weight := n
		if over == OverClasses {
			weight = 1
		}
		sum.addProduct(weight, high[c])
		sum.add(weight * low[c])
		total += weight
	}
	s, e := twoSum(sum.high, sum.low)
	g := s / total
	gLow := (math.FMA(-g, total, s) + e) / total
	for c := range a.k {
		diff, e := twoSum(high[c], -g)
		high[c], low[c] = twoSum(diff, e+(low[c]-gLow))
	}
	return about + g
}

// distances fills norm2 and dist2 from the K×K products of the centred means. Near
// means, whose distance would lose digits in that difference, are subtracted first.
func (f *means) distances(k, d int, dots []float64) {
	f.norm2 = make([]float64, k)
	f.dist2 = make([]float64, k*k)
	for i := range k {
		f.norm2[i] = dots[i*k+i]
		f.longest = max(f.longest, math.Sqrt(f.norm2[i]))
	}
	parallel(k, k*k*d/2, func(from, to int) {
		for i := from; i < to; i++ {
			for j := range k {
				sum := f.norm2[i] + f.norm2[j]
				v := sum - 2*dots[i*k+j]
				if v < 0.05*sum {
					v = squaredDistance(f.centred[i*d:(i+1)*d], f.centred[j*d:(j+1)*d])
				}
				if v <= 4*f.noise*f.noise && sameMean(f.mean[i*d:(i+1)*d], f.mean[j*d:(j+1)*d]) {
					v = 0
				}
				f.dist2[i*k+j] = v
			}
		}
	})
}

// know sets the classifier and what belongs to it.
func (f *means) know(c *Classifier, k, d int) {
	f.clf = c
	f.meanLogits = make([]float64, k*k)
	product(k, k, d, f.mean, c.W, f.meanLogits)
	for i := range f.meanLogits {
		if c.B != nil {
			f.meanLogits[i] += c.B[i%k]
		}
	}
	f.narrowWeight(k, d)
}

// narrowWeight sets single and what belongs to it.
func (f *means) narrowWeight(k, d int) {
	f.single = nil
	largest := 0.0
	for _, v := range f.clf.W {
		largest = max(largest, math.Abs(v))
	}
	if !hasKernel || largest == 0 {
		return
	}
	_, e := math.Frexp(largest)
	f.singleScale = math.Ldexp(1, e)
	f.single = make([]float32, k*d)
	f.longestRow = 0
	for c := range k {
		var sum float64
		for j := c * d; j < (c+1)*d; j++ {
			v := math.Ldexp(f.clf.W[j], -e)
			f.single[j] = float32(v)
			sum += v * v
		}
		f.longestRow = max(f.longestRow, math.Sqrt(sum))
	}
}
