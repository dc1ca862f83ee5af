package ufm

import "slices"

// Metric describes one number of a Minimiser.
type Metric struct {
	Key      string // its name in JSON and in Notes: w_norm
	Symbol   string // its name in a table: ‖w‖
	Range    string
	Equation string // plain text with the paper's symbols
	Meaning  string // one line, plain text
	Source   string // the paper's equation, or who defined it; "" where neither applies

	of func(*Minimiser) float64
}

// Value returns the metric of a minimiser, NaN where it is not defined.
func (m Metric) Value(x *Minimiser) float64 { return m.of(x) }

// Metrics returns the scalars of a Minimiser in the order of its JSON object.
func Metrics() []Metric { return slices.Clone(metrics) }

// MetricByKey returns the metric of a key and whether there is one.
func MetricByKey(key string) (Metric, bool) {
	i := slices.IndexFunc(metrics, func(m Metric) bool { return m.Key == key })
	if i < 0 {
		return Metric{}, false
	}
	return metrics[i], true
}

// metrics holds every scalar of a Minimiser. Its JSON, the tables of package figures and
// docs/ufm.md read this table.
var metrics = []Metric{
	{Key: "s", Symbol: "s", Range: "> 0", Source: "Theorem 4.1",
		Equation: "K√(nλ_Wλ_H)",
		Meaning:  "strength of the penalties; where s+δ ≥ 1 the minimiser is zero",
		of:       func(m *Minimiser) float64 { return m.S }},
	{Key: "a", Symbol: "a", Range: "≥ 0", Source: "Theorem 4.1",
		Equation: "log(K/(s+δ) − K + 1)",
		Meaning:  "target logit less any other logit",
		of:       func(m *Minimiser) float64 { return m.A }},
	{Key: "w_norm", Symbol: "‖w‖", Range: "≥ 0", Source: "Eq 11",
		Equation: "√((K−1)/K · a√(nλ_H/λ_W))",
		Meaning:  "norm of the classifier's vector of every class",
		of:       func(m *Minimiser) float64 { return m.WNorm }},
	{Key: "h_norm", Symbol: "‖h‖", Range: "≥ 0", Source: "Eq 12",
		Equation: "√((K−1)/K · a√(λ_W/(nλ_H)))",
		Meaning:  "norm of every class mean; the global mean is zero",
		of:       func(m *Minimiser) float64 { return m.HNorm }},
	{Key: "p_t", Symbol: "p_t", Range: "[1/K, 1)", Source: "Eq 14",
		Equation: "1 − (K−1)p_n",
		Meaning:  "probability of the target class",
		of:       func(m *Minimiser) float64 { return m.PT }},
	{Key: "p_n", Symbol: "p_n", Range: "(0, 1/K]", Source: "Eq 14",
		Equation: "(s+δ)/K",
		Meaning:  "probability of every other class",
		of:       func(m *Minimiser) float64 { return m.PN }},
	{Key: "loss", Symbol: "loss", Range: "≥ 0",
		Equation: "−Σ_j y^δ_j log p_j",
		Meaning:  "mean loss without penalties, in nats",
		of:       func(m *Minimiser) float64 { return m.Loss }},
	{Key: "objective", Symbol: "objective", Range: "≥ 0",
		Equation: "loss + (K−1)·a·s/K",
		Meaning:  "mean loss with penalties",
		of:       func(m *Minimiser) float64 { return m.Objective }},
	{Key: "kappa_h", Symbol: "κ of the block in H", Range: "[1, K]", Source: "Eq 15",
		Equation: "K − (K−1)(s+δ)",
		Meaning:  "condition number of the loss's Hessian in H, on non-zero eigenvalues",
		of:       func(m *Minimiser) float64 { return m.KappaH }},
	{Key: "kappa_w", Symbol: "κ of the block in W", Range: "[1, K]", Source: "Eq 15",
		Equation: "K − (K−1)(s+δ)",
		Meaning:  "condition number of the loss's Hessian in W, on non-zero eigenvalues",
		of:       func(m *Minimiser) float64 { return m.KappaW }},
}
