package calib

import "slices"

// Metric describes one number of a Summary.
type Metric struct {
	Key      string // its name in JSON and in Notes: ece
	Symbol   string // its name in a table: ECE
	Range    string
	Equation string // plain text with the paper's symbols
	Meaning  string // one line, plain text
	Source   string // the paper's equation, or who defined it; "" where neither applies
	Detail   bool   // a part of another metric, which short tables leave out

	of func(*Summary) float64
}

// Value returns the metric of a summary, NaN where it is not defined or was not measured;
// Summary.Notes then says why under Key.
func (m Metric) Value(s *Summary) float64 { return m.of(s) }

// Metrics returns the metrics of a Summary in the order of its JSON object.
func Metrics() []Metric { return slices.Clone(metrics) }

// MetricByKey returns the metric of a key, such as "ece", and whether there is one.
func MetricByKey(key string) (Metric, bool) {
	i := slices.IndexFunc(metrics, func(m Metric) bool { return m.Key == key })
	if i < 0 {
		return Metric{}, false
	}
	return metrics[i], true
}

// metrics holds every scalar of a Summary. Its JSON, the tables of package figures, records of
// runs and docs/calibrate.md read this table.
var metrics = []Metric{
	{Key: "accuracy", Symbol: "accuracy", Range: "[0, 1]",
		Equation: "mean of [y = arg max_k p_k]",
		Meaning:  "share of samples predicted right",
		of:       func(s *Summary) float64 { return s.Accuracy }},
	{Key: "confidence", Symbol: "confidence", Range: "[1/K, 1]",
		Equation: "mean of max_k p_k",
		Meaning:  "mean largest probability",
		of:       func(s *Summary) float64 { return s.Confidence }},
	{Key: "nll", Symbol: "NLL", Range: "≥ 0",
		Equation: "mean of −log p_y",
		Meaning:  "cross entropy of the labels, in nats",
		of:       func(s *Summary) float64 { return s.NLL }},
	{Key: "brier", Symbol: "Brier score", Range: "[0, 2]", Source: "Brier 1950",
		Equation: "mean of Σ_k (p_k − [y = k])²",
		Meaning:  "squared error of the probabilities, summed over classes",
		of:       func(s *Summary) float64 { return s.Brier }},
	{Key: "entropy", Symbol: "entropy", Range: "[0, log K]",
		Equation: "mean of −Σ_k p_k log p_k",
		Meaning:  "mean entropy of the probabilities, in nats",
		of:       func(s *Summary) float64 { return s.Entropy }},
	{Key: "ece", Symbol: "ECE", Range: "[0, 1]", Source: "Naeini et al. 2015; Guo et al. 2017",
		Equation: "Σ_m (n_m/N)|acc_m − conf_m|",
		Meaning:  "mean gap between accuracy and confidence, bins of equal width",
		of:       func(s *Summary) float64 { return s.ECE }},
	{Key: "ece_l2", Symbol: "ECE, L2", Range: "[0, 1]",
		Equation: "√(Σ_m (n_m/N)(acc_m − conf_m)²)",
		Meaning:  "root mean square of the gaps",
		of:       func(s *Summary) float64 { return s.ECE2 }},
	{Key: "mce", Symbol: "MCE", Range: "[0, 1]", Source: "Naeini et al. 2015",
		Equation: "max_m |acc_m − conf_m|",
		Meaning:  "largest gap of a bin",
		of:       func(s *Summary) float64 { return s.MCE }},
	{Key: "ece_debiased_squared", Symbol: "debiased L2²", Range: "[−1, 1]", Source: "Kumar et al. 2019",
		Equation: "Σ_m (n_m/N)(g_m² − v_m/n_m)",
		Meaning:  "mean squared gap less its bias: 0 on average if calibrated",
		of:       func(s *Summary) float64 { return s.Debiased }},
	{Key: "over_confidence", Symbol: "over-confidence", Range: "[0, 1]",
		Equation: "Σ_m (n_m/N) max(conf_m − acc_m, 0)",
		Meaning:  "part of ECE from bins with confidence above accuracy",
		of:       func(s *Summary) float64 { return s.Over }},
	{Key: "under_confidence", Symbol: "under-confidence", Range: "[0, 1]",
		Equation: "Σ_m (n_m/N) max(acc_m − conf_m, 0)",
		Meaning:  "part of ECE from bins with confidence below accuracy",
		of:       func(s *Summary) float64 { return s.Under }},
	{Key: "adaptive_ece", Symbol: "adaptive ECE", Range: "[0, 1]",
		Equation: "as ECE",
		Meaning:  "ECE in bins of equal mass",
		of:       func(s *Summary) float64 { return s.AdaptiveECE }},
	{Key: "ace", Symbol: "ACE", Range: "[0, 1]", Source: "Nixon et al. 2019",
		Equation: "mean over k of Σ_m (n_m/N)|[y = k]_m − p_k,m|",
		Meaning:  "gap of each class's p_k, bins of equal mass",
		of:       func(s *Summary) float64 { return s.ACE }},
	{Key: "classwise_ece", Symbol: "class-wise ECE", Range: "[0, 1]", Source: "Kull et al. 2019",
		Equation: "as ACE",
		Meaning:  "gap of each class's p_k, bins of equal width",
		of:       func(s *Summary) float64 { return s.ClasswiseECE }},
	{Key: "smooth_ece", Symbol: "smooth ECE", Range: "[0, 1]", Source: "Błasiok and Nakkiran 2023",
		Equation: "smECE_σ at the σ with smECE_σ = σ",
		Meaning:  "ECE with a reflected Gaussian kernel in place of bins",
		of:       func(s *Summary) float64 { return s.SmoothECE }},
	{Key: "brier_confidence", Symbol: "Brier score of the confidence", Range: "[0, 1]", Detail: true,
		Source:   "Murphy 1973",
		Equation: "mean of (correct − confidence)²",
		Meaning:  "reliability − resolution + uncertainty + within",
		of:       func(s *Summary) float64 { return s.Decomposition.Score }},
	{Key: "brier_reliability", Symbol: "reliability", Range: "[0, 1]", Detail: true, Source: "Murphy 1973",
		Equation: "Σ_m (n_m/N)(conf_m − acc_m)²",
		Meaning:  "0 is best",
		of:       func(s *Summary) float64 { return s.Decomposition.Reliability }},
	{Key: "brier_resolution", Symbol: "resolution", Range: "[0, 1/4]", Detail: true, Source: "Murphy 1973",
		Equation: "Σ_m (n_m/N)(acc_m − acc)²",
		Meaning:  "large is best",
		of:       func(s *Summary) float64 { return s.Decomposition.Resolution }},
	{Key: "brier_uncertainty", Symbol: "uncertainty", Range: "[0, 1/4]", Detail: true, Source: "Murphy 1973",
		Equation: "acc(1 − acc)",
		Meaning:  "variance of being right",
		of:       func(s *Summary) float64 { return s.Decomposition.Uncertainty }},
	{Key: "brier_within", Symbol: "within", Range: "number", Detail: true, Source: "Stephenson et al. 2008",
		Equation: "the rest of the score",
		Meaning:  "variation inside the bins",
		of:       func(s *Summary) float64 { return s.Decomposition.Within }},
}
