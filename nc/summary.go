package nc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
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

	// NC3 is Eq 6, self-duality: ‖W/‖W‖_F − H̄/‖H̄‖_F‖_F, in [0, 2].
	NC3 float64
	// WNorm is ‖w‖, the mean over classes of ‖w_k‖.
	WNorm float64
	// HNorm is ‖h‖, the mean over classes of ‖h̄_k − h_G‖.
	HNorm float64
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

	// Test holds the figures of test samples around their own class means, or nil.
	Test *Summary

	// Notes says, under a figure's JSON name, why it is NaN or what limits it; see
	// also Note.
	Notes map[string]string
}

// figure is a scalar of Summary under its JSON name.
type figure struct {
	name  string
	value *float64
}

// figures lists the scalars in the order of the JSON object.
func (s *Summary) figures() []figure {
	return []figure{
		{"nc1", &s.NC1}, {"nc1_quotient", &s.NC1Quotient}, {"cdnv", &s.CDNV},
		{"nc2", &s.NC2}, {"nc2_w", &s.NC2W}, {"nc2_h", &s.NC2H}, {"nc3", &s.NC3},
		{"w_norm", &s.WNorm}, {"h_norm", &s.HNorm}, {"equinorm_w", &s.EquinormW}, {"equinorm_h", &s.EquinormH},
		{"max_angle_w", &s.MaxAngleW}, {"max_angle_h", &s.MaxAngleH},
		{"equiangle_w", &s.EquiangleW}, {"equiangle_h", &s.EquiangleH},
		{"ncc_error", &s.NCCError}, {"ncc_test_error", &s.NCCTestError}, {"nc4", &s.NC4}, {"error", &s.Error},
		{"bias_alignment", &s.BiasAlignment}, {"stable_rank", &s.StableRank},
	}
}

// undefined sets figures to NaN and says why; a reason given before stays.
func (s *Summary) undefined(why string, names ...string) {
	for _, f := range s.figures() {
		if slices.Contains(names, f.name) {
			*f.value = math.NaN()
			if s.Notes[f.name] == "" {
				s.Notes[f.name] = why
			}
		}
	}
}

// number is a float64 that JSON writes as null where it is NaN.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	if f := float64(n); !math.IsNaN(f) && !math.IsInf(f, 0) {
		return json.Marshal(f)
	}
	return []byte("null"), nil
}

// MarshalJSON writes one object with every figure under its name in lower case
// (n, d, k, counts, nc1, …, notes), null for what is not defined.
func (s *Summary) MarshalJSON() ([]byte, error) {
	perClass := make([]number, len(s.NC1PerClass))
	for i, v := range s.NC1PerClass {
		perClass[i] = number(v)
	}
	var b bytes.Buffer
	var err error
	field := func(name string, v any) {
		var text []byte
		if err == nil {
			text, err = json.Marshal(v)
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", name, text)
	}
	field("n", s.N)
	field("d", s.D)
	field("k", s.K)
	field("counts", s.Counts)
	field("rank", s.Rank)
	for _, f := range s.figures() {
		field(f.name, number(*f.value))
		if f.name == "nc1_quotient" {
			field("nc1_per_class", perClass)
		}
	}
	if s.Test != nil {
		field("test", s.Test)
	}
	notes := map[string]string{}
	maps.Copy(notes, s.Notes)
	for _, f := range s.figures() {
		if note := s.Note(f.name); note != "" {
			notes[f.name] = note
		}
	}
	field("notes", notes)
	return slices.Concat([]byte("{"), b.Bytes(), []byte("}")), err
}

// notMeasured says why the figures are NaN that a caller need not ask for.
var notMeasured = map[string]string{
	"ncc_test_error": "no test samples were given",
	"nc4":            "no classifier was given to the second pass",
	"error":          "no classifier was given to the second pass",
}

// Note returns why the figure of the JSON name is NaN or what limits it, or "".
// Beside Notes it knows the reason of the figures that were not asked for: NC4 and
// Error without SetClassifier, NCCTestError before it is set.
func (s *Summary) Note(name string) string {
	if note := s.Notes[name]; note != "" {
		return note
	}
	for _, f := range s.figures() {
		if f.name == name && math.IsNaN(*f.value) {
			return notMeasured[name]
		}
	}
	return ""
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
		s.undefined("K = 1: there are no other classes", "nc1", "nc1_quotient", "cdnv", "nc2", "nc2_w", "nc2_h", "nc3",
			"equinorm_w", "equinorm_h", "max_angle_w", "max_angle_h", "equiangle_w", "equiangle_h", "stable_rank")
	} else if a.rank == 0 {
		s.undefined("all class means are equal, so Σ_B = 0", "nc1", "nc1_quotient", "cdnv", "nc2", "nc2_h", "nc3",
			"equinorm_h", "max_angle_h", "equiangle_h", "ncc_error", "nc4", "stable_rank")
	}
	s.NCCTestError, s.NC4, s.Error = math.NaN(), math.NaN(), math.NaN()
	a.variability(s)
	a.decisions(s)
	if err := a.means(s); err != nil {
		return nil, err
	}
	a.classifier(s, c)
	if a.k > 1 && a.d < a.k-1 {
		for _, name := range []string{"nc2", "nc2_w", "nc2_h", "nc3", "max_angle_w", "max_angle_h"} {
			if s.Notes[name] == "" {
				s.Notes[name] = fmt.Sprintf("d = %d is less than K−1 = %d: no simplex ETF of K classes fits into d dimensions", a.d, a.k-1)
			}
		}
	}
	for _, f := range s.figures() {
		// A figure without a reason so far can only have overflowed.
		if (math.IsNaN(*f.value) && s.Note(f.name) == "") || math.IsInf(*f.value, 0) {
			s.undefined("the squares of the features overflow float64 beside the distances between classes", f.name)
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

// decisions fills the shares of samples.
func (a *Accumulator) decisions(s *Summary) {
	share := func(counts []int64) float64 {
		var sum int64
		for _, n := range counts {
			sum += n
		}
		return float64(sum) / float64(a.n)
	}
	if s.Notes["ncc_error"] == "" {
		s.NCCError = share(a.wrong)
	}
	if a.clf == nil {
		return
	}
	if s.Notes["nc4"] == "" {
		s.NC4 = share(a.apart)
	}
	s.Error = share(a.misled)
}

// means fills the figures of the class means alone.
func (a *Accumulator) means(s *Summary) error {
	for _, n := range a.norm2 {
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
	s.NC2H, s.EquinormH, s.MaxAngleH, s.EquiangleH = frameOf(s, "h", a.centred, a.k, a.d)
	var frobenius float64
	for _, v := range singular {
		frobenius += v / singular[0] * (v / singular[0])
	}
	s.StableRank = frobenius
	return nil
}

// classifier fills the figures that need the classifier.
func (a *Accumulator) classifier(s *Summary, c *Classifier) {
	if c == nil {
		s.undefined("no classifier was given", "nc2", "nc2_w", "nc3", "w_norm", "equinorm_w", "max_angle_w", "equiangle_w", "bias_alignment")
		return
	}
	k, d := a.k, a.d
	logits := make([]float64, k)
	for i := range k {
		row := c.W[i*d : (i+1)*d]
		s.WNorm += floats.Norm(row, 2) / float64(k)
		logits[i] = floats.Dot(row, a.global)
		if c.B != nil {
			logits[i] += c.B[i]
		}
	}
	s.BiasAlignment = floats.Norm(logits, 2)
	if k == 1 {
		return
	}
	largest := 0.0
	for _, v := range c.W {
		largest = max(largest, math.Abs(v))
	}
	if largest == 0 {
		s.undefined("the classifier's weight is zero", "nc2", "nc2_w", "nc3", "equinorm_w", "max_angle_w", "equiangle_w")
		return
	}
	// A power of two brings W near 1, as the features: no square over- or
	// underflows.
	_, e := math.Frexp(largest)
	w := make([]float64, k*d)
	for i, v := range c.W {
		w[i] = math.Ldexp(v, -e)
	}
	s.NC2W, s.EquinormW, s.MaxAngleW, s.EquiangleW = frameOf(s, "w", w, k, d)
	if a.rank == 0 {
		return
	}
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

// frameOf returns how far the k > 1 rows of m (k×d, numbers near 1, not all zero)
// are from a simplex ETF: its distance, and the three figures of Papyan, Han and
// Donoho. side, w or h, names the figures in the notes.
func frameOf(s *Summary, side string, m []float64, k, d int) (distance, equinorm, maxAngle, equiangle float64) {
	gram := make([]float64, k*k)
	product(k, k, d, m, m, gram)
	distance = etfDistance(gram, floats.Norm(gram, 2), k)

	norms := make([]float64, k)
	for i := range norms {
		norms[i] = floats.Norm(m[i*d:(i+1)*d], 2)
	}
	mean := floats.Sum(norms) / float64(k)
	equinorm = deviation(norms, mean) / mean
	if i := slices.Index(norms, 0); i >= 0 {
		s.undefined(fmt.Sprintf("the vector of class %d is zero and has no direction", i), "max_angle_"+side, "equiangle_"+side)
		return distance, equinorm, math.NaN(), math.NaN()
	}
	cosines := make([]float64, 0, k*(k-1)/2)
	for i := range k {
		for j := range i {
			c := gram[i*k+j] / norms[i] / norms[j]
			cosines = append(cosines, c)
			maxAngle += math.Abs(c + 1/float64(k-1))
		}
	}
	maxAngle /= float64(len(cosines))
	if len(cosines) == 1 {
		s.undefined("K = 2: there is one pair of classes", "equiangle_"+side)
		return distance, equinorm, maxAngle, math.NaN()
	}
	return distance, equinorm, maxAngle, deviation(cosines, floats.Sum(cosines)/float64(len(cosines)))
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
