package calib

import (
	"math"
	"slices"
)

// Metric describes one number of a Summary.
type Metric struct {
	Key     string // its name in JSON and in Summary.Notes: ece
	Name    string // in a table: ECE
	Range   string
	Meaning string // one line, plain text
	Source  string // who defined it, or ""
	Detail  bool   // a part of another metric, which short tables leave out

	of func(*Summary) float64
}

// Value returns the metric of a summary, NaN where it is not defined or was not measured;
// Summary.Notes then says why under Key.
func (m Metric) Value(s *Summary) float64 { return m.of(s) }

// Metrics returns the metrics of a Summary in the order of its JSON object.
func Metrics() []Metric { return slices.Clone(metrics) }

// Value returns the metric of a key, such as "ece", and whether there is one.
func (s *Summary) Value(key string) (float64, bool) {
	i := slices.IndexFunc(metrics, func(m Metric) bool { return m.Key == key })
	if i < 0 {
		return math.NaN(), false
	}
	return metrics[i].Value(s), true
}

// metrics holds every scalar of a Summary. Its JSON, the tables of package figures, records of
// runs and docs/calibrate.md read this table.
var metrics = []Metric{
	{Key: "accuracy", Name: "accuracy", Range: "[0, 1]",
		Meaning: "share of samples predicted right",
		of:      func(s *Summary) float64 { return s.Accuracy }},
	{Key: "confidence", Name: "confidence", Range: "[1/K, 1]",
		Meaning: "mean largest probability",
		of:      func(s *Summary) float64 { return s.Confidence }},
	{Key: "nll", Name: "NLL", Range: "≥ 0",
		Meaning: "mean −log p of the label, in nats",
		of:      func(s *Summary) float64 { return s.NLL }},
	{Key: "brier", Name: "Brier score", Range: "[0, 2]", Source: "Brier 1950",
		Meaning: "mean of Σ_k (p_k − [y = k])²",
		of:      func(s *Summary) float64 { return s.Brier }},
	{Key: "entropy", Name: "entropy", Range: "[0, log K]",
		Meaning: "mean entropy of the probabilities, in nats",
		of:      func(s *Summary) float64 { return s.Entropy }},
	{Key: "ece", Name: "ECE", Range: "[0, 1]", Source: "Naeini, Cooper and Hauskrecht 2015; Guo et al. 2017",
		Meaning: "Σ (n_m/N)|acc_m − conf_m|, bins of equal width",
		of:      func(s *Summary) float64 { return s.ECE }},
	{Key: "ece_l2", Name: "ECE, L2", Range: "[0, 1]",
		Meaning: "√(Σ (n_m/N)(acc_m − conf_m)²), the same bins",
		of:      func(s *Summary) float64 { return s.ECE2 }},
	{Key: "mce", Name: "MCE", Range: "[0, 1]", Source: "Naeini, Cooper and Hauskrecht 2015",
		Meaning: "largest |acc_m − conf_m| of a bin",
		of:      func(s *Summary) float64 { return s.MCE }},
	{Key: "ece_debiased_squared", Name: "debiased L2²", Range: "≤ 1", Source: "Kumar, Liang and Ma 2019",
		Meaning: "square of the L2 error without its bias: 0 on average for a calibrated model; may be negative",
		of:      func(s *Summary) float64 { return s.Debiased }},
	{Key: "over_confidence", Name: "over-confidence", Range: "[0, 1]",
		Meaning: "part of ECE from bins with confidence above accuracy",
		of:      func(s *Summary) float64 { return s.Over }},
	{Key: "under_confidence", Name: "under-confidence", Range: "[0, 1]",
		Meaning: "part of ECE from bins with confidence below accuracy",
		of:      func(s *Summary) float64 { return s.Under }},
	{Key: "adaptive_ece", Name: "adaptive ECE", Range: "[0, 1]",
		Meaning: "ECE in bins of equal mass",
		of:      func(s *Summary) float64 { return s.AdaptiveECE }},
	{Key: "ace", Name: "ACE", Range: "[0, 1]", Source: "Nixon et al. 2019",
		Meaning: "error of each class's p_k in bins of equal mass, mean over classes",
		of:      func(s *Summary) float64 { return s.ACE }},
	{Key: "classwise_ece", Name: "class-wise ECE", Range: "[0, 1]", Source: "Kull et al. 2019",
		Meaning: "error of each class's p_k in bins of equal width, mean over classes",
		of:      func(s *Summary) float64 { return s.ClasswiseECE }},
	{Key: "smooth_ece", Name: "smooth ECE", Range: "[0, 1]", Source: "Błasiok and Nakkiran 2023",
		Meaning: "a reflected Gaussian kernel in place of bins",
		of:      func(s *Summary) float64 { return s.SmoothECE }},
	{Key: "brier_confidence", Name: "Brier score of the confidence", Range: "[0, 1]", Detail: true,
		Source:  "Murphy 1973",
		Meaning: "mean (correct − confidence)² = reliability − resolution + uncertainty + within",
		of:      func(s *Summary) float64 { return s.Decomposition.Score }},
	{Key: "brier_reliability", Name: "reliability", Range: "[0, 1]", Detail: true, Source: "Murphy 1973",
		Meaning: "Σ (n_m/N)(conf_m − acc_m)²; 0 is best",
		of:      func(s *Summary) float64 { return s.Decomposition.Reliability }},
	{Key: "brier_resolution", Name: "resolution", Range: "[0, 1/4]", Detail: true, Source: "Murphy 1973",
		Meaning: "Σ (n_m/N)(acc_m − acc)²; large is best",
		of:      func(s *Summary) float64 { return s.Decomposition.Resolution }},
	{Key: "brier_uncertainty", Name: "uncertainty", Range: "[0, 1/4]", Detail: true, Source: "Murphy 1973",
		Meaning: "acc(1 − acc)",
		of:      func(s *Summary) float64 { return s.Decomposition.Uncertainty }},
	{Key: "brier_within", Name: "within bins", Range: "number", Detail: true,
		Source:  "Stephenson, Coelho and Jolliffe 2008",
		Meaning: "variation inside the bins, which the other three parts do not see",
		of:      func(s *Summary) float64 { return s.Decomposition.Within }},
}
