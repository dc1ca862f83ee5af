package nc

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/floats"

	"github.com/gocollapse/collapse/internal/object"
)

// Summary is what Accumulator.Summary measures. A figure that is not defined for
// the input is NaN, and Notes holds the reason under the figure's JSON name;
// Notes also holds what a reader must know of a figure that is defined.
//
// J is I − 11ᵀ/K, H the d×K matrix H̄, pairs are those of classes i < j.
type Summary struct {
	N, D, K int     // samples, dimension, classes
	Counts  []int64 // samples of each class
	Rank    int     // rank of H̄: directions that NC1 sums over, at most min(d, K−1)

	// NC0 is ‖Σ_k w_k‖₂, in [0, ∞); 0 is necessary for collapse, since the rows of a simplex
	// ETF sum to 0. Weight decay that is coupled with the gradient takes it to 0, decoupled
	// decay need not. NC0Relative is NC0 over ‖w‖, the mean norm of the rows, in [0, K].
	NC0, NC0Relative float64

	// NC1 is Eq 4, within-class variability collapse: tr(Σ_W Σ_B†)/K, with
	// Σ_W = (1/N) Σ (h_{k,i}−h̄_k)(h_{k,i}−h̄_k)ᵀ and Σ_B = H̄H̄ᵀ/K. In [0, ∞); 0 is
	// collapse. Rotation, scale and translation of the features do not change it,
	// nor does any invertible linear map where the rank of H̄ is d.
	NC1 float64
	// NC1Quotient is tr Σ_W / tr Σ_B, in [0, ∞).
	NC1Quotient float64
	// NC1PerClass is tr(Σ_k Σ_B†)/K with Σ_k the covariance of class k (over n_k);
	// its mean, weighted with n_k/N, is NC1.
	NC1PerClass []float64
	// CDNV is the class-distance normalised variance (Galanti, György and Hutter
	// 2022): the mean over pairs of (σ_i²+σ_j²)/(2‖h̄_i−h̄_j‖²), with σ_k² the mean
	// of ‖h−h̄_k‖² in class k. In [0, ∞).
	CDNV float64

	// NC2 is Eq 5: ‖WᵀH̄/‖WᵀH̄‖_F − J/√(K−1)‖_F, in [0, 2].
	NC2 float64
	// NC2W and NC2H are the distance of the classifier and of the class means
	// apart from a simplex ETF: ‖WᵀW/‖WᵀW‖_F − J/√(K−1)‖_F and the same of H̄.
	// W is not centred. In [0, 2].
	NC2W, NC2H float64
	// EquinormW and EquinormH are the standard deviation (over K−1) of the norms
	// ‖w_k‖ and ‖h̄_k−h_G‖ through their mean (Papyan, Han and Donoho 2020).
	EquinormW, EquinormH float64
	// MaxAngleW and MaxAngleH are the mean over pairs of |cos + 1/(K−1)| of w_k and
	// of h̄_k−h_G: 0 at the maximal angle (Papyan, Han and Donoho 2020).
	MaxAngleW, MaxAngleH float64
	// EquiangleW and EquiangleH are the standard deviation (over pairs − 1) of the
	// pairs' cosines (Papyan, Han and Donoho 2020).
	EquiangleW, EquiangleH float64
	// StableRank is ‖H̄‖_F²/‖H̄‖₂², in [1, K−1]; K−1 for a simplex ETF.
	StableRank float64
	// EffectiveRank is the exponential of the entropy of H̄'s singular values over
	// their sum (Roy and Vetterli 2007), in [1, K−1]; K−1 for a simplex ETF.
	EffectiveRank float64
	// SpectrumB are the eigenvalues of Σ_B that are not 0, falling: σ_r²/K, Rank of
	// them.
	SpectrumB []float64
	// DistanceW and DistanceH are the mean over pairs of the distance between the
	// directions of w_i and w_j, and of h̄_i−h_G and h̄_j−h_G, vectors of length 1;
	// in [0, 2], √(2K/(K−1)) for a simplex ETF, the largest that there is.
	// DistanceStdW and DistanceStdH are its standard deviation (over pairs − 1).
	DistanceW, DistanceStdW, DistanceH, DistanceStdH float64
	// UniformityW and UniformityH are the mean over pairs of −log of those distances,
	// the log-distance kernel of hyperspherical uniformity (Liu et al. 2023), smaller
	// where the directions are more evenly spread; it is defined for any K, also
	// K > d+1, where no simplex ETF exists. UniformityStdW and UniformityStdH are its
	// standard deviation (over pairs − 1), which generalised collapse GNC2 takes to 0
	// (Wu and Papyan 2024).
	UniformityW, UniformityStdW, UniformityH, UniformityStdH float64

	// NC3 is Eq 6, self-duality: ‖W/‖W‖_F − H̄/‖H̄‖_F‖_F, in [0, 2].
	NC3 float64
	// NC3Cosine is the mean over classes of NC3CosinePerClass, the cosine of w_k and
	// h̄_k−h_G, in [−1, 1]; 1 is self-duality.
	NC3Cosine         float64
	NC3CosinePerClass []float64
	// GNC3 is generalised duality (Liu et al. 2023): the mean over classes of the
	// distance between the directions of w_k and h̄_k−h_G, in [0, 2].
	GNC3 float64
	// UNC3 is uniform duality (Wu and Papyan 2024): the variance (over K−1) over
	// classes of the cosine of w_k and h̄_k−h_G; 0 where all classes are equally
	// aligned, be it badly.
	UNC3 float64
	// WNorm is ‖w‖, the mean over classes of ‖w_k‖.
	WNorm float64
	// HNorm is ‖h‖, the mean over classes of ‖h̄_k − h_G‖.
	HNorm float64
	// WNormPerClass and HNormPerClass are the norms of which these are the means.
	WNormPerClass, HNormPerClass []float64
	// GlobalLogits is W h_G + b, K numbers.
	GlobalLogits []float64
	// BiasAlignment is ‖W h_G + b‖₂, 0 where the global mean has equal logits 0;
	// b = 0 for a classifier without bias.
	BiasAlignment float64

	// NCCError is the share of samples, in [0, 1], whose nearest class mean is
	// another class's. Of equally near means the lowest class is taken.
	NCCError float64
	// NCCTestError is the same of test samples, to the means of the training
	// samples. The accumulator does not know it and leaves NaN: who has test
	// samples sets it.
	NCCTestError float64
	// NC4 is the share of samples, in [0, 1], on which the nearest class mean and
	// the classifier, bias included, disagree. It needs Accumulator.SetClassifier.
	NC4 float64
	// Error is the share of samples, in [0, 1], that the classifier gives to
	// another class. It needs Accumulator.SetClassifier.
	Error float64
	// NCCErrorPerClass, NC4PerClass and ErrorPerClass are the shares of the samples
	// of each class.
	NCCErrorPerClass, NC4PerClass, ErrorPerClass []float64
	// NC5 is the orthogonality of out-of-distribution samples (Ammar et al. 2024):
	// the mean over classes of |cos| of h̄_k and the mean of such samples, neither
	// centred; in [0, 1], 0 is orthogonal. The accumulator does not know it and leaves
	// NaN: see Accumulator.NC5.
	NC5 float64

	// Majority and Minority are the classes of at least and of less than N/K samples,
	// or nil where all classes are equally large.
	Majority, Minority *Group

	// Intervals holds, under a figure's JSON name, the bounds of a bootstrap interval,
	// or is nil; Bootstrap says how they came about. See package nc/measure.
	Intervals map[string][2]float64
	Bootstrap *Bootstrap

	// Covariance and MSE hold what needs the d×d covariance, or are nil; see type
	// Covariance.
	Covariance *CovarianceSummary
	MSE        *MSEDecomposition

	// Test holds the figures of test samples around their own class means, or nil.
	Test *Summary
	// Correct and Wrong hold the figures of the samples that the classifier gives to
	// their class and of those it gives to another, grouped by the class that it
	// gives (the paper's footnote 3), or are nil.
	Correct, Wrong *Summary
	// Layers holds the figures of other layers' features, in the order of depth.
	Layers []Layer

	// Notes says, under a figure's JSON name, why it is NaN or what limits it; see
	// also Note.
	Notes map[string]string
}

// A Layer is what was measured on the features of one layer of a network.
type Layer struct {
	Name string
	*Summary
}

// MarshalJSON writes the summary's object with the layer's name under "name".
func (l Layer) MarshalJSON() ([]byte, error) {
	b, err := l.Summary.MarshalJSON()
	if err != nil {
		return nil, err
	}
	name, err := json.Marshal(l.Name)
	if err != nil {
		return nil, err
	}
	return slices.Concat([]byte(`{"name":`), name, []byte(","), b[1:]), nil
}

// A Group is some of the classes of unbalanced data. A figure that is not defined
// is NaN: a mean over pairs of a single class, ‖w‖ and Error without a classifier.
type Group struct {
	Classes []int // in rising order
	Samples int64
	// NC1 is the mean over the group's samples of their class's NC1PerClass, HNorm
	// and WNorm are the means over its classes of ‖h̄_k−h_G‖ and ‖w_k‖.
	NC1, HNorm, WNorm float64
	// CosineH and CosineW are the mean cosine over the group's pairs of classes.
	// Under minority collapse (Fang et al. 2021) CosineW of the minority goes to 1.
	CosineH, CosineW float64
	// NCCError and Error are the shares of the group's samples.
	NCCError, Error float64
}

// Bootstrap is how intervals came about: over Replicates samples of the data, drawn
// from Seed, the share Level of a figure's values lies between its bounds.
type Bootstrap struct {
	Replicates int     `json:"replicates"`
	Seed       int64   `json:"seed"`
	Level      float64 `json:"level"`
}

// lists returns the figures with a number for each class or direction, under their
// JSON names. Those that were not measured are nil.
func (s *Summary) lists() []list {
	return []list{
		{"nc1_per_class", s.NC1PerClass}, {"nc3_cosine_per_class", s.NC3CosinePerClass},
		{"w_norm_per_class", s.WNormPerClass}, {"h_norm_per_class", s.HNormPerClass},
		{"ncc_error_per_class", s.NCCErrorPerClass}, {"nc4_per_class", s.NC4PerClass}, {"error_per_class", s.ErrorPerClass},
		{"global_logits", s.GlobalLogits}, {"spectrum_b", s.SpectrumB},
	}
}

type list struct {
	name   string
	values []float64
}

// MarshalJSON writes one object with every figure under its name in lower case
// (n, d, k, counts, nc1, …, notes), null for what is not defined. Lists and groups
// that were not measured are left out.
func (s *Summary) MarshalJSON() ([]byte, error) {
	var o object.Object
	o.Field("n", s.N)
	o.Field("d", s.D)
	o.Field("k", s.K)
	o.Field("counts", s.Counts)
	o.Field("rank", s.Rank)
	metrics.write(s, &o)
	for _, l := range s.lists() {
		if l.values != nil {
			o.Field(l.name, object.Numbers(l.values))
		}
	}
	if s.Majority != nil {
		o.Field("groups", map[string]*Group{"majority": s.Majority, "minority": s.Minority})
	}
	if s.Intervals != nil {
		ci := map[string][]object.Number{}
		for name, bounds := range s.Intervals {
			ci[name] = object.Numbers(bounds[:])
		}
		o.Field("ci", ci)
		o.Field("bootstrap", s.Bootstrap)
	}
	for _, part := range []struct {
		name string
		sum  *Summary
	}{{"test", s.Test}, {"correct", s.Correct}, {"wrong", s.Wrong}} {
		if part.sum != nil {
			o.Field(part.name, part.sum)
		}
	}
	if s.Layers != nil {
		o.Field("layers", s.Layers)
	}
	notes := map[string]string{}
	maps.Copy(notes, s.Notes)
	if c := s.Covariance; c != nil {
		covarianceMetrics.write(c, &o)
		o.Field("spectrum_w", object.Numbers(c.SpectrumW))
		maps.Copy(notes, c.Notes)
	}
	if m := s.MSE; m != nil {
		o.Field("mse", m)
	}
	for _, m := range metrics {
		if note := s.Note(m.Key); note != "" {
			notes[m.Key] = note
		}
	}
	o.Field("notes", notes)
	return o.JSON()
}

// MarshalJSON writes the group's figures, null for what is not defined.
func (g *Group) MarshalJSON() ([]byte, error) {
	var o object.Object
	o.Field("classes", g.Classes)
	o.Field("samples", g.Samples)
	for _, m := range []struct {
		key   string
		value float64
	}{
		{"nc1", g.NC1}, {"h_norm", g.HNorm}, {"w_norm", g.WNorm}, {"cosine_h", g.CosineH}, {"cosine_w", g.CosineW},
		{"ncc_error", g.NCCError}, {"error", g.Error},
	} {
		o.Field(m.key, object.Number(m.value))
	}
	return o.JSON()
}

// Summary ends the second pass. c may be nil: the classifier is then that of
// SetClassifier, and without one the figures that need it are NaN. It is an error
// if the two passes did not see the same samples, if the classifier does not fit
// them or if it is not the one of SetClassifier.
func (a *Accumulator) Summary(c *Classifier) (*Summary, error) {
	if a.frame == nil {
		return nil, errors.New("nc: Summary before BeginSecond and the second pass")
	}
	if err := a.checkPasses(); err != nil {
		return nil, err
	}
	switch {
	case c == nil:
		c = a.clf
	case a.clf != nil && c != a.clf && !(slices.Equal(c.W, a.clf.W) && slices.Equal(c.B, a.clf.B)):
		return nil, errors.New("nc: Summary was given another classifier than SetClassifier")
	}
	if c != nil {
		if err := c.check(a.k, a.d); err != nil {
			return nil, err
		}
	}
	s := &Summary{
		N: int(a.n), D: a.d, K: a.k, Counts: slices.Clone(a.count), Rank: a.rank,
		Notes: map[string]string{},
	}
	if a.k == 1 {
		s.lacks(NeedsClasses)
	} else if a.rank == 0 {
		s.lacks(NeedsMeans)
	}
	s.NCCTestError, s.NC4, s.NC5, s.Error = math.NaN(), math.NaN(), math.NaN(), math.NaN()
	a.variability(s)
	a.decisions(s)
	if err := a.means(s); err != nil {
		return nil, err
	}
	a.classifier(s, c)
	a.groups(s, c)
	if a.k > 1 && a.d < a.k-1 {
		for _, m := range metrics {
			if m.Needs&NeedsETF != 0 && s.Notes[m.Key] == "" {
				s.Notes[m.Key] = fmt.Sprintf("d = %d is less than K−1 = %d: no simplex ETF of K classes fits into d dimensions", a.d, a.k-1)
			}
		}
	}
	for _, m := range metrics {
		// A metric without a reason so far can only have overflowed.
		if v := *m.at(s); (math.IsNaN(v) && s.Note(m.Key) == "") || math.IsInf(v, 0) {
			s.undefined("the squares of the features overflow float64 beside the distances between classes", m.Key)
		}
	}
	return s, nil
}

// maxDrift is how far, relative to the spread of the features, the class means
// of the two passes may lie apart. Rounding on a GPU is far below it, features
// that dropout changed are above it.
const maxDrift = 1e-3

// checkPasses reports a second pass that did not see the samples of the first.
func (a *Accumulator) checkPasses() error {
	for c, n := range a.count {
		if a.count2[c] != n {
			return fmt.Errorf("nc: the second pass saw %d samples of class %d, the first %d; both must see the same", a.count2[c], c, n)
		}
	}
	var total float64
	for c, e := range a.scatter {
		total += e.value() / float64(a.n)
		total += a.norm2[c] / float64(a.k)
	}
	for c, n := range a.count {
		drift := floats.Norm(a.drift[c*a.d:(c+1)*a.d], 2) / float64(n)
		if drift > maxDrift*math.Sqrt(total)+1e-12*a.scale*floats.Norm(a.mean[c*a.d:(c+1)*a.d], 2) {
			return fmt.Errorf("nc: the mean of class %d differs between the passes by %.2g of the features' spread; "+
				"both must see the same features (is the network in evaluation mode?)", c, drift/math.Sqrt(total))
		}
	}
	return nil
}

// variability fills NC1 in its forms, and CDNV.
func (a *Accumulator) variability(s *Summary) {
	var within, between, scatter float64
	s.NC1PerClass = make([]float64, a.k)
	variance := make([]float64, a.k)
	for c := range a.k {
		n := float64(a.count[c])
		scatter += a.scatter[c].value() / float64(a.n)
		between += a.norm2[c] / float64(a.k)
		// Σ_B† = K·Σ_r u_r u_rᵀ/σ_r², whose K the 1/K of Eq 4 takes away.
		within += a.within[c].value() / float64(a.n)
		s.NC1PerClass[c] = a.within[c].value() / n
		variance[c] = a.scatter[c].value() / n
	}
	if a.k == 1 || a.rank == 0 {
		for c := range s.NC1PerClass {
			s.NC1PerClass[c] = math.NaN()
		}
		s.Notes["nc1_per_class"] = s.Notes["nc1"]
		return
	}
	s.NC1 = within
	s.NC1Quotient = scatter / between
	if a.rank < min(a.d, a.k-1) {
		s.Notes["nc1"] = fmt.Sprintf("the centred class means have rank %d, less than min(d, K−1) = %d: NC1 is over the directions that they span",
			a.rank, min(a.d, a.k-1))
	}
	if single := a.singletons(); len(single) == a.k {
		s.undefined("every class has one sample: there is no variability within classes to measure", "nc1", "nc1_quotient", "cdnv")
		s.Notes["nc1_per_class"] = s.Notes["nc1"]
		for c := range s.NC1PerClass {
			s.NC1PerClass[c] = math.NaN()
		}
		return
	} else if len(single) > 0 {
		s.Notes["nc1_per_class"] = fmt.Sprintf("%s one sample only, whose variability is 0 whatever the network", classesHave(single))
	}
	var cdnv exact
	for i := range a.k {
		for j := range i {
			dist := a.dist2[i*a.k+j]
			if dist == 0 {
				s.undefined(fmt.Sprintf("classes %d and %d have the same mean", j, i), "cdnv")
				return
			}
			cdnv.add((variance[i] + variance[j]) / (2 * dist))
		}
	}
	s.CDNV = cdnv.value() / float64(a.k*(a.k-1)/2)
}

// singletons returns the classes that have one sample.
func (a *Accumulator) singletons() (classes []int) {
	for c, n := range a.count {
		if n == 1 {
			classes = append(classes, c)
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
func (a *Accumulator) decisions(s *Summary) {
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

// means fills the figures of the class means alone.
func (a *Accumulator) means(s *Summary) error {
	s.HNormPerClass = make([]float64, a.k)
	for c, n := range a.norm2 {
		s.HNormPerClass[c] = math.Sqrt(n) / a.scale
		s.HNorm += math.Sqrt(n) / float64(a.k)
	}
	s.HNorm /= a.scale
	if a.k == 1 || a.rank == 0 {
		return nil
	}
	singular, err := a.singularValues()
	if err != nil {
		return err
	}
	f := frameOf(s, "h", a.centred, a.k, a.d)
	s.NC2H, s.EquinormH, s.MaxAngleH, s.EquiangleH = f.etf, f.equinorm, f.maxAngle, f.equiangle
	s.DistanceH, s.DistanceStdH, s.UniformityH, s.UniformityStdH = f.distance, f.distanceStd, f.uniformity, f.uniformityStd
	singular = singular[:a.rank]
	s.SpectrumB = make([]float64, a.rank)
	for r, v := range singular {
		s.StableRank += v / singular[0] * (v / singular[0])
		s.SpectrumB[r] = v / a.scale * (v / a.scale) / float64(a.k)
	}
	s.EffectiveRank = effectiveRank(singular)
	return nil
}

// classifier fills the figures that need the classifier.
func (a *Accumulator) classifier(s *Summary, c *Classifier) {
	if c == nil {
		s.lacks(NeedsClassifier)
		return
	}
	k, d := a.k, a.d
	s.GlobalLogits = make([]float64, k)
	s.WNormPerClass = make([]float64, k)
	for i := range k {
		row := c.W[i*d : (i+1)*d]
		s.WNormPerClass[i] = floats.Norm(row, 2)
		s.WNorm += s.WNormPerClass[i] / float64(k)
		s.GlobalLogits[i] = floats.Dot(row, a.global)
		if c.B != nil {
			s.GlobalLogits[i] += c.B[i]
		}
	}
	s.BiasAlignment = floats.Norm(s.GlobalLogits, 2)
	total := make([]float64, d)
	for i := range k {
		floats.Add(total, c.W[i*d:(i+1)*d])
	}
	s.NC0 = floats.Norm(total, 2)
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
	f := frameOf(s, "w", w, k, d)
	s.NC2W, s.EquinormW, s.MaxAngleW, s.EquiangleW = f.etf, f.equinorm, f.maxAngle, f.equiangle
	s.DistanceW, s.DistanceStdW, s.UniformityW, s.UniformityStdW = f.distance, f.distanceStd, f.uniformity, f.uniformityStd
	if a.rank == 0 {
		return
	}
	a.duality(s, w)
	wNorm, hNorm := floats.Norm(w, 2), floats.Norm(a.centred, 2)
	diff := make([]float64, k*d)
	for i, v := range a.centred {
		diff[i] = w[i]/wNorm - v/hNorm
	}
	s.NC3 = floats.Norm(diff, 2)
	wh := make([]float64, k*k)
	product(k, k, d, w, a.centred, wh)
	norm := floats.Norm(wh, 2)
	if norm <= wNorm*hNorm*float64(d)*0x1p-52 {
		s.undefined("WᵀH̄ = 0: the classifier is orthogonal to the class means", "nc2")
		return
	}
	s.NC2 = etfDistance(wh, norm, k)
}

// duality fills the figures of the angles between w_k, scaled, and h̄_k−h_G.
func (a *Accumulator) duality(s *Summary, w []float64) {
	cosines := make([]float64, a.k)
	for c := range a.k {
		x, h := w[c*a.d:(c+1)*a.d], a.centred[c*a.d:(c+1)*a.d]
		nx, nh := floats.Norm(x, 2), floats.Norm(h, 2)
		if nx == 0 || nh == 0 {
			s.undefined(fmt.Sprintf("the vector of class %d is zero and has no direction", c), "nc3_cosine", "gnc3", "unc3")
			return
		}
		cosines[c] = floats.Dot(x, h) / nx / nh
		s.GNC3 += directionDistance(x, h, nx, nh) / float64(a.k)
	}
	s.NC3CosinePerClass = cosines
	s.NC3Cosine = floats.Sum(cosines) / float64(a.k)
	std := deviation(cosines, s.NC3Cosine)
	s.UNC3 = std * std
}

// NC5 returns the orthogonality of out-of-distribution samples with the feature mean
// (d numbers); see Summary.NC5. It may be called after BeginSecond. A mean or class
// mean of zero has no direction: an error.
func (a *Accumulator) NC5(mean []float64) (float64, error) {
	if a.frame == nil {
		return 0, errors.New("nc: NC5 before BeginSecond, which fixes the class means")
	}
	if len(mean) != a.d {
		return 0, fmt.Errorf("nc: the mean of the out-of-distribution samples has %d numbers, want d = %d", len(mean), a.d)
	}
	length := floats.Norm(mean, 2)
	if !(length > 0) || math.IsInf(length, 0) {
		return 0, fmt.Errorf("nc: the mean of the out-of-distribution samples has length %v and no direction", length)
	}
	var sum float64
	for c := range a.k {
		h := a.mean[c*a.d : (c+1)*a.d]
		n := floats.Norm(h, 2)
		if n == 0 {
			return 0, fmt.Errorf("nc: the mean of class %d is zero and has no direction", c)
		}
		var cos float64
		for j, v := range h {
			cos += v / n * (mean[j] / length)
		}
		sum += min(math.Abs(cos), 1)
	}
	return sum / float64(a.k), nil
}

// groups fills Majority and Minority.
func (a *Accumulator) groups(s *Summary, c *Classifier) {
	if slices.Min(a.count) == slices.Max(a.count) {
		return
	}
	s.Majority, s.Minority = new(Group), new(Group)
	for y, n := range a.count {
		g := s.Majority
		if n*int64(a.k) < a.n {
			g = s.Minority
		}
		g.Classes = append(g.Classes, y)
		g.Samples += n
	}
	for _, g := range []*Group{s.Majority, s.Minority} {
		mean := func(perClass []float64, weight func(y int) float64) float64 {
			if perClass == nil {
				return math.NaN()
			}
			var sum, total float64
			for _, y := range g.Classes {
				sum += weight(y) * perClass[y]
				total += weight(y)
			}
			return sum / total
		}
		once := func(int) float64 { return 1 }
		samples := func(y int) float64 { return float64(a.count[y]) }
		g.NC1, g.HNorm, g.WNorm = mean(s.NC1PerClass, samples), mean(s.HNormPerClass, once), mean(s.WNormPerClass, once)
		g.NCCError, g.Error = mean(s.NCCErrorPerClass, samples), mean(s.ErrorPerClass, samples)
		g.CosineH = meanCosine(a.centred, a.d, g.Classes)
		g.CosineW = math.NaN()
		if c != nil {
			g.CosineW = meanCosine(c.W, a.d, g.Classes)
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
	return (floats.Dot(sum, sum) - k) / (k * (k - 1))
}

// frameFigures say how far some vectors are from a simplex ETF, see Summary.
type frameFigures struct {
	etf, equinorm, maxAngle, equiangle               float64
	distance, distanceStd, uniformity, uniformityStd float64
}

// frameOf returns how far the k > 1 rows of m (k×d, numbers near 1, not all zero)
// are from a simplex ETF. side, w or h, names the figures in the notes.
func frameOf(s *Summary, side string, m []float64, k, d int) frameFigures {
	gram := make([]float64, k*k)
	product(k, k, d, m, m, gram)
	norms := make([]float64, k)
	for i := range norms {
		norms[i] = floats.Norm(m[i*d:(i+1)*d], 2)
	}
	nan := math.NaN()
	mean := floats.Sum(norms) / float64(k)
	f := frameFigures{
		etf: etfDistance(gram, floats.Norm(gram, 2), k), equinorm: deviation(norms, mean) / mean,
		maxAngle: nan, equiangle: nan, distance: nan, distanceStd: nan, uniformity: nan, uniformityStd: nan,
	}
	ofPairs := []string{"max_angle_" + side, "equiangle_" + side, "distance_" + side, "distance_std_" + side, "uniformity_" + side, "uniformity_std_" + side}
	if i := slices.Index(norms, 0); i >= 0 {
		s.undefined(fmt.Sprintf("the vector of class %d is zero and has no direction", i), ofPairs...)
		return f
	}
	pairs := k * (k - 1) / 2
	cosines := make([]float64, 0, pairs)
	distances := make([]float64, 0, pairs)
	f.maxAngle = 0
	for i := range k {
		for j := range i {
			c := gram[i*k+j] / norms[i] / norms[j]
			cosines = append(cosines, c)
			f.maxAngle += math.Abs(c+1/float64(k-1)) / float64(pairs)
			distance := math.Sqrt(max(2-2*c, 0))
			if c > 0.9 {
				distance = directionDistance(m[i*d:(i+1)*d], m[j*d:(j+1)*d], norms[i], norms[j])
			}
			distances = append(distances, distance)
		}
	}
	f.distance = floats.Sum(distances) / float64(pairs)
	logs := make([]float64, pairs)
	for i, v := range distances {
		logs[i] = -math.Log(v)
	}
	if slices.Min(distances) == 0 {
		s.undefined("two classes have the same direction", "uniformity_"+side, "uniformity_std_"+side)
	} else {
		f.uniformity = floats.Sum(logs) / float64(pairs)
	}
	if pairs == 1 {
		s.undefined("K = 2: there is one pair of classes", "equiangle_"+side, "distance_std_"+side, "uniformity_std_"+side)
		return f
	}
	f.equiangle = deviation(cosines, floats.Sum(cosines)/float64(pairs))
	f.distanceStd = deviation(distances, f.distance)
	if !math.IsNaN(f.uniformity) {
		f.uniformityStd = deviation(logs, f.uniformity)
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
