package nc

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/gocollapse/collapse/internal/object"
)

// Summary is what Measure and Scatter.Summary measure. A metric that is not defined for the input
// is NaN, and Notes holds the reason under the metric's JSON name; Notes also holds what a reader
// must know of a metric that is defined.
//
// J is I − 11ᵀ/K, H the d×K matrix H̄, pairs are those of classes i < j.
type Summary struct {
	N, D, K int     // samples, dimension, classes
	Counts  []int64 // samples of each class
	// Classes are the labels of the K classes, in ascending order, where Options.Present has chosen
	// them; nil is 0…K−1. The lists and Groups are in their order; see Class.
	Classes []int

	// NC0 is ‖Σ_k w_k‖₂, in [0, ∞); 0 is necessary for collapse, since the rows of a simplex
	// ETF sum to 0. Weight decay that is coupled with the gradient takes it to 0, decoupled
	// decay need not. NC0Relative is NC0 over ‖w‖, the mean norm of the rows, in [0, K].
	NC0, NC0Relative float64
	Variability
	// NC2 is Eq 5: ‖WᵀH̄/‖WᵀH̄‖_F − J/√(K−1)‖_F, in [0, 2].
	NC2 float64
	// FrameW and FrameH are the same of the classifier and of the class means alone.
	FrameW, FrameH Frame
	Spectrum
	Duality
	Norms
	Decisions
	// NC5 is the orthogonality of out-of-distribution samples (Ammar et al. 2024): the mean over
	// classes of |cos| of h̄_k and the mean of such samples, neither centred; in [0, 1], 0 is
	// orthogonal. Measure sets it where Options.OOD gives samples; see Scatter.NC5.
	NC5 float64
	// GlobalLogits is W h_G + b, K numbers; b = 0 for a classifier without bias.
	GlobalLogits []float64
	// BiasAlignment is ‖W h_G + b‖₂, 0 where the global mean has equal logits 0.
	BiasAlignment float64

	// Majority and Minority are the classes of at least and of less than N/K samples,
	// or nil where all classes are equally large.
	Majority, Minority *Group

	// Intervals holds, under a metric's JSON name, the bounds of a bootstrap interval,
	// or is nil; Bootstrap says how they came about. See package nc/files.
	Intervals map[string][2]float64
	Bootstrap *Bootstrap

	// Covariance and MSE hold what needs the d×d covariance, or are nil; see type
	// Covariance.
	Covariance *CovarianceSummary
	MSE        *MSEDecomposition

	// Test holds the metrics of test samples around their own class means, or nil.
	Test *Summary
	// Correct and Wrong hold the metrics of the samples that the classifier gives to
	// their class and of those it gives to another, grouped by the class that it
	// gives (the paper's footnote 3), or are nil.
	Correct, Wrong *Summary
	// Layers holds the metrics of other layers' features, in the order of depth.
	Layers []Layer

	// Scatter is the second pass that Measure has run over the training samples: for their means
	// (Scatter.NearestMean, Scatter.Geometry) and its state. Else it is nil.
	Scatter *Scatter

	// Notes says, under a metric's JSON name, why it is NaN or what limits it; see
	// also Note.
	Notes map[string]string
}

// Variability is NC1, the collapse of the variability within classes, in its forms.
type Variability struct {
	// NC1 is Eq 4: tr(Σ_W Σ_B†)/K, with Σ_W = (1/N) Σ (h_{k,i}−h̄_k)(h_{k,i}−h̄_k)ᵀ and
	// Σ_B = H̄H̄ᵀ/K. In [0, ∞); 0 is collapse. Rotation, scale and translation of the features do
	// not change it, nor does any invertible linear map where the rank of H̄ is d.
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
}

// Spectrum says how many directions the class means use.
type Spectrum struct {
	Rank int // rank of H̄: directions that NC1 sums over, at most min(d, K−1)
	// StableRank is ‖H̄‖_F²/‖H̄‖₂², in [1, K−1]; K−1 for a simplex ETF.
	StableRank float64
	// EffectiveRank is the exponential of the entropy of H̄'s singular values over
	// their sum (Roy and Vetterli 2007), in [1, K−1]; K−1 for a simplex ETF.
	EffectiveRank float64
	// SpectrumB are the eigenvalues of Σ_B that are not 0, in descending order: σ_r²/K, Rank of
	// them.
	SpectrumB []float64
}

// Duality is NC3, the alignment of classifier and class means, in its forms.
type Duality struct {
	// NC3 is Eq 6: ‖W/‖W‖_F − H̄/‖H̄‖_F‖_F, in [0, 2]; 0 is self-duality.
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
	// aligned, well or badly.
	UNC3 float64
}

// Norms are the lengths of the classifier's vectors and of the class means.
type Norms struct {
	// WNorm is ‖w‖, the mean over classes of ‖w_k‖.
	WNorm float64
	// HNorm is ‖h‖, the mean over classes of ‖h̄_k − h_G‖.
	HNorm float64
	// WNormPerClass and HNormPerClass are the norms whose means these are.
	WNormPerClass, HNormPerClass []float64
}

// Decisions compare the nearest class mean, the classifier and the label of each sample.
type Decisions struct {
	// NCCError is the share of samples, in [0, 1], whose nearest class mean is
	// another class's. Of equally near means the lowest class is taken.
	NCCError float64
	// NCCTestError is the same of test samples, to the means of the training samples. Measure sets
	// it where Options.Test gives samples.
	NCCTestError float64
	// NC4 is the share of samples, in [0, 1], on which the nearest class mean and
	// the classifier, bias included, disagree.
	NC4 float64
	// Error is the share of samples, in [0, 1], that the classifier gives to
	// another class.
	Error float64
	// NCCErrorPerClass, NC4PerClass and ErrorPerClass are the shares of the samples
	// of each class.
	NCCErrorPerClass, NC4PerClass, ErrorPerClass []float64
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

// A Group is some of the classes of unbalanced data. A metric that is not defined
// is NaN: a mean over pairs of a single class, ‖w‖ and Error without a classifier.
type Group struct {
	Classes []int // their labels, in ascending order
	Samples int64
	// NC1 is the mean over the group's samples of their class's NC1PerClass, HNorm
	// and WNorm are the means over its classes of ‖h̄_k−h_G‖ and ‖w_k‖.
	NC1, HNorm, WNorm float64
	// CosineH and CosineW are the mean cosine over the group's pairs of classes.
	// Under minority collapse (Fang et al. 2021) CosineW of the minority goes to 1.
	CosineH, CosineW float64
	// NCCError and Error are the shares of the group's samples.
	NCCError, Error float64

	places []int // of Classes among 0…K−1
}

// Bootstrap is how intervals came about: over Replicates samples of the data, drawn
// from Seed, a share Level of a metric's values is between its bounds.
type Bootstrap struct {
	Replicates int     `json:"replicates"`
	Seed       int64   `json:"seed"`
	Level      float64 `json:"level"`
}

// lists returns the metrics with a number for each class or direction, under their
// JSON names. Those that were not measured are nil.
func (s *Summary) lists() []list {
	return []list{
		{"nc1_per_class", s.NC1PerClass}, {"nc3_cosine_per_class", s.NC3CosinePerClass},
		{"w_norm_per_class", s.WNormPerClass}, {"h_norm_per_class", s.HNormPerClass},
		{"ncc_error_per_class", s.NCCErrorPerClass}, {"nc4_per_class", s.NC4PerClass}, {"error_per_class",
			s.ErrorPerClass},
		{"global_logits", s.GlobalLogits}, {"spectrum_b", s.SpectrumB},
	}
}

type list struct {
	name   string
	values []float64
}

// MarshalJSON writes one object with every metric under its name in lower case
// (n, d, k, counts, nc1, …, notes), null for what is not defined. Lists and groups
// that were not measured are left out.
func (s *Summary) MarshalJSON() ([]byte, error) {
	var o object.Object
	o.Field("n", s.N)
	o.Field("d", s.D)
	o.Field("k", s.K)
	o.Field("counts", s.Counts)
	if s.Classes != nil {
		o.Field("classes", s.Classes)
	}
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

// MarshalJSON writes the group's metrics, null for what is not defined.
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
