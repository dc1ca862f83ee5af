package nc

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/floats"
)

// Summary ends the second pass. It is an error if the two passes did not see the same samples.
func (a *Scatter) Summary() (*Summary, error) {
	if err := a.checkPasses(); err != nil {
		return nil, err
	}
	s := &Summary{
		N: int(a.n), D: a.d, K: a.k, Counts: slices.Clone(a.count), Classes: a.classes, Notes: map[string]string{},
	}
	if a.differ(a.spread()) {
		s.Rank = a.rank
	}
	if a.k == 1 {
		s.lacks(NeedsClasses)
	} else if s.Rank == 0 {
		s.lacks(NeedsMeans)
	}
	if a.clf == nil {
		s.lacks(NeedsClassifier)
	}
	s.NCCTestError, s.NC5 = math.NaN(), math.NaN()
	if err := a.variability(s); err != nil {
		return nil, err
	}
	a.decisions(s)
	if err := a.ofMeans(s); err != nil {
		return nil, err
	}
	a.ofClassifier(s)
	a.groups(s)
	if a.k > 1 && a.d < a.k-1 {
		for _, m := range metrics {
			if m.Needs&NeedsETF != 0 && s.Notes[m.Key] == "" {
				s.Notes[m.Key] = fmt.Sprintf("d = %d is less than K−1 = %d: no simplex ETF of K classes fits into d "+
					"dimensions",
					a.d, a.k-1)
			}
		}
	}
	for _, m := range metrics {
		// A metric without a reason so far can only have overflowed.
		if v := *m.at(s); (math.IsNaN(v) && s.Note(m.Key) == "") || math.IsInf(v, 0) {
			s.undefined("the squares of the features overflow float64 in units of the distances between classes", m.Key)
		}
	}
	return s, nil
}

// variability fills NC1 in its forms, and CDNV.
func (a *Scatter) variability(s *Summary) error {
	s.NC1PerClass = make([]float64, a.k)
	if a.k == 1 || s.Rank == 0 {
		for c := range s.NC1PerClass {
			s.NC1PerClass[c] = math.NaN()
		}
		s.Notes["nc1_per_class"] = s.Notes["nc1"]
		return nil
	}
	singular, err := a.singularValues()
	if err != nil {
		return err
	}
	// What the product of a sample with a direction, over the least σ_r, has of rounding.
	relative := sumError(a.d) / singular[a.rank-1]
	var within, between, scatter float64
	variance := make([]float64, a.k)
	for c := range a.k {
		n := float64(a.count[c])
		inside, total := a.within[c].value(), a.scatter[c].value()
		inside = settle(inside, relative*total*relative)
		scatter += total / float64(a.n)
		between += a.norm2[c] / float64(a.k)
		// Σ_B† = K·Σ_r u_r u_rᵀ/σ_r², whose K the 1/K of Eq 4 takes away.
		within += inside / float64(a.n)
		s.NC1PerClass[c] = inside / n
		variance[c] = total / n
	}
	s.NC1 = within
	s.NC1Quotient = scatter / between
	if a.rank < min(a.d, a.k-1) {
		s.Notes["nc1"] = fmt.Sprintf("the centred class means have rank %d, less than min(d, K−1) = %d: NC1 is over "+
			"the directions that they span",
			a.rank, min(a.d, a.k-1))
	}
	if single := a.singletons(); len(single) == a.k {
		s.undefined("every class has one sample: there is no variability within classes to measure", "nc1",
			"nc1_quotient", "cdnv")
		s.Notes["nc1_per_class"] = s.Notes["nc1"]
		for c := range s.NC1PerClass {
			s.NC1PerClass[c] = math.NaN()
		}
		return nil
	} else if len(single) > 0 {
		s.Notes["nc1_per_class"] = fmt.Sprintf("%s one sample only, whose variability is 0 whatever the network",
			classesHave(single))
	}
	var cdnv exact
	for i := range a.k {
		for j := range i {
			dist := a.dist2[i*a.k+j]
			if dist == 0 {
				s.undefined(fmt.Sprintf("classes %d and %d have the same mean", a.name(j), a.name(i)), "cdnv")
				return nil
			}
			cdnv.add((variance[i] + variance[j]) / (2 * dist))
		}
	}
	s.CDNV = cdnv.value() / float64(a.k*(a.k-1)/2)
	return nil
}

// singletons returns the classes that have one sample.
func (a *Scatter) singletons() (classes []int) {
	for c, n := range a.count {
		if n == 1 {
			classes = append(classes, a.name(c))
		}
	}
	return classes
}

// classesHave names up to ten classes as the subject of a sentence.
func classesHave(classes []int) string {
	if len(classes) == 1 {
		return fmt.Sprintf("class %d has", classes[0])
	}
	names := strings.ReplaceAll(strings.Trim(fmt.Sprint(classes[:min(len(classes), 10)]), "[]"), " ", ", ")
	if len(classes) > 10 {
		names += fmt.Sprintf(" and %d others", len(classes)-10)
	}
	return "classes " + names + " have"
}

// decisions fills the shares of samples.
func (a *Scatter) decisions(s *Summary) {
	shares := func(counts []int64) (all float64, perClass []float64) {
		var sum int64
		perClass = make([]float64, a.k)
		for c, n := range counts {
			sum += n
			perClass[c] = float64(n) / float64(a.count[c])
		}
		return float64(sum) / float64(a.n), perClass
	}
	if s.Notes["ncc_error"] == "" {
		s.NCCError, s.NCCErrorPerClass = shares(a.wrong)
	}
	if a.clf == nil {
		return
	}
	if s.Notes["nc4"] == "" {
		s.NC4, s.NC4PerClass = shares(a.apart)
	}
	s.Error, s.ErrorPerClass = shares(a.misled)
}

// means fills the metrics of the class means alone.
func (a *Scatter) ofMeans(s *Summary) error {
	s.HNormPerClass = make([]float64, a.k)
	if s.Rank == 0 { // K = 1 too
		return nil
	}
	for c, n := range a.norm2 {
		s.HNormPerClass[c] = math.Sqrt(n) / a.scale
		s.HNorm += math.Sqrt(n) / float64(a.k)
	}
	s.HNorm /= a.scale
	singular, err := a.singularValues()
	if err != nil {
		return err
	}
	s.FrameH = frameOf(s, "h", a.centred, a.k, a.d, a.relativeNoise())
	singular = singular[:a.rank]
	s.SpectrumB = make([]float64, a.rank)
	for r, v := range singular {
		s.StableRank += v / singular[0] * (v / singular[0])
		s.SpectrumB[r] = v / a.scale * (v / a.scale) / float64(a.k)
	}
	s.EffectiveRank = effectiveRank(singular)
	return nil
}

// classifier fills the metrics that need the classifier.
func (a *Scatter) ofClassifier(s *Summary) {
	c := a.clf
	if c == nil {
		return
	}
	k, d := a.k, a.d
	s.GlobalLogits = make([]float64, k)
	s.WNormPerClass = make([]float64, k)
	for i := range k {
		row := c.W[i*d : (i+1)*d]
		s.WNormPerClass[i] = floats.Norm(row, 2)
		s.WNorm += s.WNormPerClass[i] / float64(k)
		s.GlobalLogits[i] = a.globalLogit(c, i)
	}
	s.BiasAlignment = floats.Norm(s.GlobalLogits, 2)
	s.NC0 = nc0(c)
	if s.WNorm == 0 {
		s.lacks(NeedsWeight)
		return
	}
	s.NC0Relative = s.NC0 / s.WNorm
	if k == 1 {
		return
	}
	largest := 0.0
	for _, v := range c.W {
		largest = max(largest, math.Abs(v))
	}
	// A power of two brings W near 1, as the features: no square over- or
	// underflows.
	_, e := math.Frexp(largest)
	w := make([]float64, k*d)
	for i, v := range c.W {
		w[i] = math.Ldexp(v, -e)
	}
	s.FrameW = frameOf(s, "w", w, k, d, 0)
	if s.Rank == 0 {
		return
	}
	a.duality(s, w)
	wNorm, hNorm := floats.Norm(w, 2), floats.Norm(a.centred, 2)
	diff := make([]float64, k*d)
	for i, v := range a.centred {
		diff[i] = w[i]/wNorm - v/hNorm
	}
	root := math.Sqrt(float64(k))
	s.NC3 = settle(floats.Norm(diff, 2), 2*(sumError(k*d)+root*a.noise/hNorm))
	wh := make([]float64, k*k)
	product(k, k, d, w, a.centred, wh)
	norm := floats.Norm(wh, 2)
	if norm <= a.orthogonal(wNorm) {
		s.undefined("WᵀH̄ = 0: the classifier is orthogonal to the class means", "nc2")
		return
	}
	s.NC2 = settle(etfDistance(wh, norm, k), root*sumError(d)+2*a.orthogonal(wNorm)/norm)
}

// globalLogit returns the classifier's logit k of h_G.
func (f *means) globalLogit(c *Classifier, k int) float64 {
	var b, size, noise float64
	if c.B != nil {
		b = c.B[k]
	}
	row := c.W[k*c.D : (k+1)*c.D]
	for j, w := range row {
		size += math.Abs(w * f.global[j])
		noise += math.Abs(w) * f.magnitude[j]
	}
	return settle(floats.Dot(row, f.global)+b, sumError(c.D)*(size+math.Abs(b))+rounding*noise)
}

// nc0 returns ‖Σ_k w_k‖₂.
func nc0(c *Classifier) float64 {
	total, size := make([]float64, c.D), make([]float64, c.D)
	for i, w := range c.W {
		total[i%c.D] += w
		size[i%c.D] += math.Abs(w)
	}
	for j, v := range total {
		total[j] = settle(v, sumError(c.K)*size[j])
	}
	return floats.Norm(total, 2)
}

// duality fills the metrics of the angles between w_k, scaled, and h̄_k−h_G.
func (a *Scatter) duality(s *Summary, w []float64) {
	cosines := make([]float64, a.k)
	var bound float64
	for c := range a.k {
		x, h := w[c*a.d:(c+1)*a.d], a.centred[c*a.d:(c+1)*a.d]
		nx, nh := floats.Norm(x, 2), floats.Norm(h, 2)
		if nx == 0 || nh == 0 {
			s.undefined(fmt.Sprintf("the vector of class %d is zero and has no direction", a.name(c)), "nc3_cosine",
				"gnc3", "unc3")
			return
		}
		error := sumError(a.d) + 2*a.noise/nh
		bound = max(bound, error)
		cosines[c] = max(-1, min(1, floats.Dot(x, h)/nx/nh))
		s.GNC3 += settle(directionDistance(x, h, nx, nh), 2*error) / float64(a.k)
	}
	s.NC3CosinePerClass = cosines
	s.NC3Cosine = floats.Sum(cosines) / float64(a.k)
	std := settle(deviation(cosines, s.NC3Cosine), 2*bound)
	s.UNC3 = std * std
}

// groups fills Majority and Minority.
func (a *Scatter) groups(s *Summary) {
	if slices.Min(a.count) == slices.Max(a.count) {
		return
	}
	s.Majority, s.Minority = new(Group), new(Group)
	for y, n := range a.count {
		g := s.Majority
		if n*int64(a.k) < a.n {
			g = s.Minority
		}
		g.Classes = append(g.Classes, a.name(y))
		g.places = append(g.places, y)
		g.Samples += n
	}
	for _, g := range []*Group{s.Majority, s.Minority} {
		mean := func(perClass []float64, weight func(y int) float64) float64 {
			if perClass == nil {
				return math.NaN()
			}
			var sum, total float64
			for _, y := range g.places {
				sum += weight(y) * perClass[y]
				total += weight(y)
			}
			return sum / total
		}
		once := func(int) float64 { return 1 }
		samples := func(y int) float64 { return float64(a.count[y]) }
		g.NC1, g.HNorm, g.WNorm = mean(s.NC1PerClass, samples), mean(s.HNormPerClass, once), mean(s.WNormPerClass, once)
		g.NCCError, g.Error = mean(s.NCCErrorPerClass, samples), mean(s.ErrorPerClass, samples)
		g.CosineH, g.CosineW = math.NaN(), math.NaN()
		if s.Rank > 0 {
			g.CosineH = meanCosine(a.centred, a.d, g.places)
		}
		if c := a.clf; c != nil {
			g.CosineW = meanCosine(c.W, a.d, g.places)
		}
	}
}

// meanCosine returns the mean cosine over pairs of the given rows of m, NaN where
// there is no pair or a row is zero. It is (‖Σ u‖² − k)/(k(k−1)) of the directions u.
func meanCosine(m []float64, d int, rows []int) float64 {
	k := float64(len(rows))
	if k < 2 {
		return math.NaN()
	}
	sum := make([]float64, d)
	for _, r := range rows {
		row := m[r*d : (r+1)*d]
		n := floats.Norm(row, 2)
		for j, v := range row {
			sum[j] += v / n
		}
	}
	cos := (floats.Dot(sum, sum) - k) / (k * (k - 1))
	return max(-1, min(1, cos)) // NaN stays
}
