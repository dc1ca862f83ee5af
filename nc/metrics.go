package nc

import (
	"math"
	"slices"

	"github.com/gocollapse/collapse/internal/object"
)

// Metric describes one number that this package measures. The number itself is what Value of a
// Summary, CovarianceSummary, MSEDecomposition or RegressionSummary returns for the key.
type Metric struct {
	Key      string // its name in JSON, in Notes and in Intervals: nc1
	Symbol   string // its name in a table: NC1
	Range    string
	Equation string // plain text with the paper's symbols
	Meaning  string // one line, plain text
	Source   string // the paper's equation, or who defined it; "" where neither applies
	Needs    Needs
}

// Needs says what an input must have for a metric to be defined.
type Needs uint

const (
	NeedsClasses    Needs = 1 << iota // K > 1
	NeedsMeans                        // class means that are not all equal
	NeedsClassifier                   // a classifier
	NeedsWeight                       // a classifier whose weight is not zero
	NeedsTest                         // test samples
	NeedsOOD                          // out-of-distribution samples
	NeedsETF                          // d ≥ K−1, so that a simplex ETF fits; else there is a value and a note

	ofMeans  = NeedsClasses | NeedsMeans
	ofWeight = NeedsClasses | NeedsClassifier | NeedsWeight
	ofBoth   = ofMeans | ofWeight
)

// missing says why metrics are not defined for an input that lacks what they need.
var missing = map[Needs]string{
	NeedsClasses:    "K = 1: there are no other classes",
	NeedsMeans:      "all class means are equal, so Σ_B = 0",
	NeedsClassifier: "no classifier was given",
	NeedsWeight:     "the classifier's weight is zero",
	NeedsTest:       "no test samples were given",
	NeedsOOD:        "no out-of-distribution samples were given",
}

// Metrics returns the scalars of a Summary in the order of its JSON object.
func Metrics() []Metric { return metrics.texts() }

// MetricByKey returns the metric of a key of a Summary, such as "nc1", and whether there is one.
func MetricByKey(key string) (Metric, bool) {
	i := metrics.find(key)
	if i < 0 {
		return Metric{}, false
	}
	return metrics[i].Metric, true
}

// Value returns the number of a key of Metrics, such as "nc1", and whether there is one. It is NaN
// where it is not defined; Note then says why.
func (s *Summary) Value(key string) (float64, bool) { return metrics.value(s, key) }

// lacks sets the metrics that need something to NaN, because the input has not got it.
func (s *Summary) lacks(need Needs) {
	for _, m := range metrics {
		if m.Needs&need != 0 {
			s.undefined(missing[need], m.Key)
		}
	}
}

// undefined sets metrics to NaN and says why; a reason given before stays.
func (s *Summary) undefined(why string, keys ...string) {
	for _, key := range keys {
		*metrics.field(s, key) = math.NaN()
		if s.Notes[key] == "" {
			s.Notes[key] = why
		}
	}
}

// Note returns why the metric of a key is NaN or what limits it, or "". Notes alone does not say
// why NCCTestError and NC5 are NaN where their samples were not given.
func (s *Summary) Note(key string) string {
	if note := s.Notes[key]; note != "" {
		return note
	}
	m, _ := MetricByKey(key)
	if v, _ := s.Value(key); math.IsNaN(v) {
		for _, need := range []Needs{NeedsTest, NeedsOOD} {
			if m.Needs&need != 0 {
				return missing[need]
			}
		}
	}
	return ""
}

// metrics holds every scalar of a Summary: its JSON, its notes, the tables of package figures, the
// command's CSV and docs/measure.md read this table. The doc comments of Summary's fields say more.
var metrics = table[Summary]{
	{Metric{Key: "nc0", Symbol: "NC0", Range: "≥ 0",
		Equation: "‖Σ_k w_k‖₂",
		Meaning:  "length of the sum of the classifier's vectors; 0 is necessary for collapse",
		Needs:    NeedsClassifier}, func(s *Summary) *float64 { return &s.NC0 }},
	{Metric{Key: "nc0_relative", Symbol: "NC0 / ‖w‖", Range: "[0, K]",
		Equation: "‖Σ_k w_k‖₂ / ‖w‖",
		Meaning:  "NC0 over the mean length of the classifier's vectors",
		Needs:    NeedsClassifier | NeedsWeight}, func(s *Summary) *float64 { return &s.NC0Relative }},
	{Metric{Key: "nc1", Symbol: "NC1", Range: "≥ 0",
		Equation: "tr(Σ_W Σ_B†)/K",
		Meaning:  "spread of the features within classes, in the directions of the class means; 0 is collapse",
		Source:   "Eq 4", Needs: ofMeans}, func(s *Summary) *float64 { return &s.NC1 }},
	{Metric{Key: "nc1_quotient", Symbol: "tr Σ_W / tr Σ_B", Range: "≥ 0",
		Equation: "tr Σ_W / tr Σ_B",
		Meaning:  "spread within classes over spread between them, in all directions",
		Source:   "Tirer et al. 2023", Needs: ofMeans}, func(s *Summary) *float64 { return &s.NC1Quotient }},
	{Metric{Key: "cdnv", Symbol: "CDNV", Range: "≥ 0",
		Equation: "mean over pairs of (σ_i² + σ_j²)/(2‖h̄_i − h̄_j‖²)",
		Meaning:  "variances of two classes over the squared distance of their means",
		Source:   "Galanti et al. 2022", Needs: ofMeans}, func(s *Summary) *float64 { return &s.CDNV }},
	{Metric{Key: "nc2", Symbol: "NC2", Range: "[0, 2]",
		Equation: "‖WᵀH̄/‖WᵀH̄‖_F − J/√(K−1)‖_F",
		Meaning:  "distance of WᵀH̄ from a simplex ETF",
		Source:   "Eq 5", Needs: ofBoth | NeedsETF}, func(s *Summary) *float64 { return &s.NC2 }},
	{Metric{Key: "nc2_w", Symbol: "ETF distance of W", Range: "[0, 2]",
		Equation: "‖WᵀW/‖WᵀW‖_F − J/√(K−1)‖_F",
		Meaning:  "distance of the classifier alone from a simplex ETF",
		Needs:    ofWeight | NeedsETF}, func(s *Summary) *float64 { return &s.FrameW.ETF }},
	{Metric{Key: "nc2_h", Symbol: "ETF distance of H̄", Range: "[0, 2]",
		Equation: "‖H̄ᵀH̄/‖H̄ᵀH̄‖_F − J/√(K−1)‖_F",
		Meaning:  "distance of the class means alone from a simplex ETF",
		Needs:    ofMeans | NeedsETF}, func(s *Summary) *float64 { return &s.FrameH.ETF }},
	{Metric{Key: "nc3", Symbol: "NC3", Range: "[0, 2]",
		Equation: "‖W/‖W‖_F − H̄/‖H̄‖_F‖_F",
		Meaning:  "distance of the classifier from the class means, each over its norm",
		Source:   "Eq 6", Needs: ofBoth | NeedsETF}, func(s *Summary) *float64 { return &s.NC3 }},
	{Metric{Key: "nc3_cosine", Symbol: "cosine of w and h̄", Range: "[−1, 1]",
		Equation: "mean over classes of cos(w_k, h̄_k − h_G)",
		Meaning:  "alignment of the classifier with the class means; 1 is self-duality",
		Needs:    ofBoth}, func(s *Summary) *float64 { return &s.NC3Cosine }},
	{Metric{Key: "gnc3", Symbol: "generalised duality", Range: "[0, 2]",
		Equation: "mean over classes of ‖w_k/‖w_k‖ − (h̄_k − h_G)/‖h̄_k − h_G‖‖",
		Meaning:  "mean distance of the directions of w_k and h̄_k; 0 is self-duality",
		Source:   "Liu et al. 2023", Needs: ofBoth}, func(s *Summary) *float64 { return &s.GNC3 }},
	{Metric{Key: "unc3", Symbol: "uniform duality", Range: "≥ 0",
		Equation: "variance over classes of cos(w_k, h̄_k − h_G)",
		Meaning:  "0 where all classes are equally aligned, well or badly",
		Source:   "Wu and Papyan 2024", Needs: ofBoth}, func(s *Summary) *float64 { return &s.UNC3 }},
	{Metric{Key: "w_norm", Symbol: "‖w‖", Range: "≥ 0",
		Equation: "mean over classes of ‖w_k‖",
		Meaning:  "mean length of the classifier's vectors",
		Needs:    NeedsClassifier}, func(s *Summary) *float64 { return &s.WNorm }},
	{Metric{Key: "h_norm", Symbol: "‖h‖", Range: "≥ 0",
		Equation: "mean over classes of ‖h̄_k − h_G‖",
		Meaning:  "mean length of the centred class means"},
		func(s *Summary) *float64 { return &s.HNorm }},
	{Metric{Key: "equinorm_w", Symbol: "equinorm W", Range: "≥ 0",
		Equation: "std/mean of the ‖w_k‖, std over K−1",
		Meaning:  "spread of the lengths of the classifier's vectors; 0 is equal lengths",
		Source:   "Papyan et al. 2020", Needs: ofWeight}, func(s *Summary) *float64 { return &s.FrameW.Equinorm }},
	{Metric{Key: "equinorm_h", Symbol: "equinorm H̄", Range: "≥ 0",
		Equation: "std/mean of the ‖h̄_k − h_G‖, std over K−1",
		Meaning:  "spread of the lengths of the class means; 0 is equal lengths",
		Source:   "Papyan et al. 2020", Needs: ofMeans}, func(s *Summary) *float64 { return &s.FrameH.Equinorm }},
	{Metric{Key: "max_angle_w", Symbol: "maximal angle W", Range: "[0, 1 + 1/(K−1)]",
		Equation: "mean over pairs of |cos(w_i, w_j) + 1/(K−1)|",
		Meaning:  "0 where the classifier's vectors have the largest angle that K vectors can have",
		Source:   "Papyan et al. 2020",
		Needs:    ofWeight | NeedsETF}, func(s *Summary) *float64 { return &s.FrameW.MaxAngle }},
	{Metric{Key: "max_angle_h", Symbol: "maximal angle H̄", Range: "[0, 1 + 1/(K−1)]",
		Equation: "mean over pairs of |cos(h̄_i − h_G, h̄_j − h_G) + 1/(K−1)|",
		Meaning:  "0 where the class means have the largest angle that K vectors can have",
		Source:   "Papyan et al. 2020",
		Needs:    ofMeans | NeedsETF}, func(s *Summary) *float64 { return &s.FrameH.MaxAngle }},
	{Metric{Key: "equiangle_w", Symbol: "equiangle W", Range: "≥ 0",
		Equation: "std over pairs of cos(w_i, w_j)",
		Meaning:  "0 where all angles of the classifier's vectors are equal",
		Source:   "Papyan et al. 2020", Needs: ofWeight}, func(s *Summary) *float64 { return &s.FrameW.Equiangle }},
	{Metric{Key: "equiangle_h", Symbol: "equiangle H̄", Range: "≥ 0",
		Equation: "std over pairs of cos(h̄_i − h_G, h̄_j − h_G)",
		Meaning:  "0 where all angles of the class means are equal",
		Source:   "Papyan et al. 2020", Needs: ofMeans}, func(s *Summary) *float64 { return &s.FrameH.Equiangle }},
	{Metric{Key: "distance_w", Symbol: "pair distance W", Range: "[0, √(2K/(K−1))]",
		Equation: "mean over pairs of ‖u_i − u_j‖, u_k = w_k/‖w_k‖",
		Meaning:  "mean distance of the directions of two of the classifier's vectors; largest for a simplex ETF",
		Source:   "Liu et al. 2023", Needs: ofWeight}, func(s *Summary) *float64 { return &s.FrameW.Distance }},
	{Metric{Key: "distance_std_w", Symbol: "pair distance W, std", Range: "≥ 0",
		Equation: "std over pairs of ‖u_i − u_j‖",
		Meaning:  "0 where all pairs of the classifier's vectors are equally far apart",
		Source:   "Liu et al. 2023", Needs: ofWeight}, func(s *Summary) *float64 { return &s.FrameW.DistanceStd }},
	{Metric{Key: "distance_h", Symbol: "pair distance H̄", Range: "[0, √(2K/(K−1))]",
		Equation: "mean over pairs of ‖v_i − v_j‖, v_k = (h̄_k − h_G)/‖h̄_k − h_G‖",
		Meaning:  "mean distance of the directions of two class means; largest for a simplex ETF",
		Source:   "Liu et al. 2023", Needs: ofMeans}, func(s *Summary) *float64 { return &s.FrameH.Distance }},
	{Metric{Key: "distance_std_h", Symbol: "pair distance H̄, std", Range: "≥ 0",
		Equation: "std over pairs of ‖v_i − v_j‖",
		Meaning:  "0 where all pairs of class means are equally far apart",
		Source:   "Liu et al. 2023", Needs: ofMeans}, func(s *Summary) *float64 { return &s.FrameH.DistanceStd }},
	{Metric{Key: "uniformity_w", Symbol: "uniformity W", Range: "number",
		Equation: "mean over pairs of −log ‖u_i − u_j‖",
		Meaning:  "smaller where the classifier's directions are more even; also defined for K > d+1",
		Source:   "Liu et al. 2023", Needs: ofWeight}, func(s *Summary) *float64 { return &s.FrameW.Uniformity }},
	{Metric{Key: "uniformity_std_w", Symbol: "uniformity W, std", Range: "≥ 0",
		Equation: "std over pairs of −log ‖u_i − u_j‖",
		Meaning:  "generalised NC2 of the classifier: goes to 0",
		Source:   "Wu and Papyan 2024", Needs: ofWeight}, func(s *Summary) *float64 { return &s.FrameW.UniformityStd }},
	{Metric{Key: "uniformity_h", Symbol: "uniformity H̄", Range: "number",
		Equation: "mean over pairs of −log ‖v_i − v_j‖",
		Meaning:  "smaller where the directions of the class means are more even; also defined for K > d+1",
		Source:   "Liu et al. 2023", Needs: ofMeans}, func(s *Summary) *float64 { return &s.FrameH.Uniformity }},
	{Metric{Key: "uniformity_std_h", Symbol: "uniformity H̄, std", Range: "≥ 0",
		Equation: "std over pairs of −log ‖v_i − v_j‖",
		Meaning:  "generalised NC2 of the class means: goes to 0",
		Source:   "Wu and Papyan 2024", Needs: ofMeans}, func(s *Summary) *float64 { return &s.FrameH.UniformityStd }},
	{Metric{Key: "stable_rank", Symbol: "stable rank", Range: "[1, K−1]",
		Equation: "‖H̄‖_F²/‖H̄‖₂²",
		Meaning:  "directions that the class means use, by their variance; K−1 for a simplex ETF",
		Needs:    ofMeans}, func(s *Summary) *float64 { return &s.StableRank }},
	{Metric{Key: "effective_rank", Symbol: "effective rank", Range: "[1, K−1]",
		Equation: "exp of the entropy of σ_r/Σσ, σ_r the singular values of H̄",
		Meaning:  "directions that the class means use, by entropy; K−1 for a simplex ETF",
		Source:   "Roy and Vetterli 2007", Needs: ofMeans}, func(s *Summary) *float64 { return &s.EffectiveRank }},
	{Metric{Key: "ncc_error", Symbol: "NCC error", Range: "[0, 1]",
		Equation: "share of samples with argmin_k ‖h − h̄_k‖ ≠ y",
		Meaning:  "share of samples nearer to another class's mean",
		Needs:    NeedsMeans}, func(s *Summary) *float64 { return &s.NCCError }},
	{Metric{Key: "ncc_test_error", Symbol: "NCC test error", Range: "[0, 1]",
		Equation: "share of test samples with argmin_k ‖h − h̄_k‖ ≠ y",
		Meaning:  "share of test samples nearer to another class's training mean",
		Needs:    NeedsTest}, func(s *Summary) *float64 { return &s.NCCTestError }},
	{Metric{Key: "nc4", Symbol: "NC4", Range: "[0, 1]",
		Equation: "share of samples with argmin_k ‖h − h̄_k‖ ≠ argmax_k (Wh + b)_k",
		Meaning:  "share of samples on which nearest mean and classifier disagree",
		Source:   "Papyan et al. 2020",
		Needs:    NeedsMeans | NeedsClassifier}, func(s *Summary) *float64 { return &s.NC4 }},
	{Metric{Key: "error", Symbol: "error", Range: "[0, 1]",
		Equation: "share of samples with argmax_k (Wh + b)_k ≠ y",
		Meaning:  "share of samples that the classifier gives to another class",
		Needs:    NeedsClassifier}, func(s *Summary) *float64 { return &s.Error }},
	{Metric{Key: "nc5", Symbol: "NC5", Range: "[0, 1]",
		Equation: "mean over classes of |cos(h̄_k, h̄_OOD)|",
		Meaning:  "alignment of class means with the mean of out-of-distribution samples; 0 is orthogonal",
		Source:   "Ammar et al. 2024", Needs: NeedsOOD}, func(s *Summary) *float64 { return &s.NC5 }},
	{Metric{Key: "bias_alignment", Symbol: "‖W h_G + b‖", Range: "≥ 0",
		Equation: "‖W h_G + b‖₂",
		Meaning:  "length of the global mean's logits; 0 where all are 0",
		Needs:    NeedsClassifier}, func(s *Summary) *float64 { return &s.BiasAlignment }},
}

// table is the metrics of a summary, each with the field that holds it.
type table[S any] []row[S]

type row[S any] struct {
	Metric
	at func(*S) *float64
}

// texts returns what the table says of its metrics.
func (t table[S]) texts() []Metric {
	out := make([]Metric, len(t))
	for i, r := range t {
		out[i] = r.Metric
	}
	return out
}

// find returns the index of a key, or −1.
func (t table[S]) find(key string) int {
	return slices.IndexFunc(t, func(r row[S]) bool { return r.Key == key })
}

// field returns where s holds the number of a key of the table.
func (t table[S]) field(s *S, key string) *float64 { return t[t.find(key)].at(s) }

// value returns the number of a key, and whether there is one.
func (t table[S]) value(s *S, key string) (float64, bool) {
	i := t.find(key)
	if i < 0 {
		return math.NaN(), false
	}
	return *t[i].at(s), true
}

// write adds every number to an object under its key, null for NaN.
func (t table[S]) write(s *S, o *object.Object) {
	for _, r := range t {
		o.Field(r.Key, object.Number(*r.at(s)))
	}
}
