package record

import (
	"math"
	"slices"
	"strings"
)

// Direction says which of two values of a metric is better.
type Direction int

const (
	Neither Direction = iota
	Lower             // errors, calibration errors, and distances from collapse
	Higher
)

// Metric describes one number of an Epoch.
type Metric struct {
	Key     string // its name: nc1, test_error, test_ece
	Path    string // where the number is in a row's JSON: nc1, test_calibration.ece; the key of Epoch.Notes
	Title   string // of a curve
	Axis    string // label of an axis, with the unit that a curve shows
	Percent bool   // curves show it × 100
	Log     bool   // curves show it on a logarithmic axis
	Better  Direction
	OwnLoss bool   // depends on the run's loss: values do not compare between losses
	Detail  bool   // a part of another metric, which summaries leave out
	NC      string // key of the nc.Metric of the training features that fills it, or ""
	Tag     string // under which TensorBoard shows it
	Range   string
	Meaning string

	at func(*Epoch) *Number // nil where the row has no such number
}

// Value returns the metric of a row, NaN where the row does not have it.
func (m Metric) Value(e *Epoch) float64 {
	if n := m.at(e); n != nil {
		return float64(*n)
	}
	return math.NaN()
}

// Shown returns the metric of a row in the unit of Axis: × 100 for a share.
func (m Metric) Shown(e *Epoch) float64 {
	if m.Percent {
		return 100 * m.Value(e)
	}
	return m.Value(e)
}

// Set sets the metric of a row. The row must have the object that holds it.
func (m Metric) Set(e *Epoch, v float64) { *m.at(e) = Number(v) }

// Note says why the metric of a row is null or what limits it, or "".
func (m Metric) Note(e *Epoch) string {
	for path := m.Path; ; {
		if note := e.Notes[path]; note != "" {
			return note
		}
		i := strings.LastIndexByte(path, '.')
		if i < 0 {
			return ""
		}
		path = path[:i]
	}
}

// Metrics returns the metrics of a row in the order of its JSON.
func Metrics() []Metric { return slices.Clone(metrics) }

// MetricByKey returns the metric of a key and whether there is one.
func MetricByKey(key string) (Metric, bool) {
	i := slices.IndexFunc(metrics, func(m Metric) bool { return m.Key == key })
	if i < 0 {
		return Metric{}, false
	}
	return metrics[i], true
}

// metrics holds every metric of a row. Figures, summaries, TensorBoard's tags, the reading of
// rows and docs/records.md read this table.
var metrics = slices.Concat(ofRow, calibrationMetrics("train"), calibrationMetrics("test"), ofScaled)

// complete fills in what follows from a metric's key; in is the path of the object that
// holds it.
func complete(in string, all []Metric) []Metric {
	for i := range all {
		m := &all[i]
		if m.Path == "" {
			m.Path = m.Key
		}
		m.Path = in + m.Path
		if m.Tag == "" {
			m.Tag = "row/" + strings.ReplaceAll(m.Path, ".", "/")
		}
	}
	return all
}

// calibrationMetrics returns the metrics of a Calibration, of the split train or test.
func calibrationMetrics(split string) []Metric {
	of := func(number func(*Calibration) *Number) func(*Epoch) *Number {
		return func(e *Epoch) *Number {
			c := e.Train
			if split == "test" {
				c = e.Test
			}
			if c == nil {
				return nil
			}
			return number(c)
		}
	}
	ofLogits := func(number func(*Logits) *Number) func(*Epoch) *Number {
		return of(func(c *Calibration) *Number {
			if c.Logits == nil {
				return nil
			}
			return number(c.Logits)
		})
	}
	all := []Metric{
		{Path: "nll", Title: "Cross entropy", Axis: "cross entropy (nats)", Log: true, Better: Lower,
			Range: "≥ 0", Meaning: "mean −log p_y in nats, whatever the loss of the run",
			at: of(func(c *Calibration) *Number { return &c.NLL })},
		{Path: "ece", Title: "ECE", Axis: "ECE (%)", Percent: true, Better: Lower,
			Range: "[0, 1]", Meaning: "expected calibration error",
			at: of(func(c *Calibration) *Number { return &c.ECE })},
		{Path: "brier", Title: "Brier score", Axis: "Brier score", Better: Lower,
			Range: "[0, 2]", Meaning: "mean Σ_k (p_k − [y=k])²",
			at: of(func(c *Calibration) *Number { return &c.Brier })},
		{Path: "entropy", Title: "Entropy of the predictions", Axis: "entropy (nats)",
			Range: "[0, log K]", Meaning: "mean −Σ_k p_k log p_k in nats",
			at: of(func(c *Calibration) *Number { return &c.Entropy })},
		{Path: "confidence", Title: "Confidence", Axis: "confidence (%)", Percent: true,
			Range: "[1/K, 1]", Meaning: "mean max_k p_k",
			at: of(func(c *Calibration) *Number { return &c.Confidence })},
	}
	for _, o := range []struct {
		name string
		of   func(*Calibration) *Outcome
	}{
		{"correct", func(c *Calibration) *Outcome { return &c.Correct }},
		{"wrong", func(c *Calibration) *Outcome { return &c.Wrong }},
	} {
		all = append(all, outcomeMetrics(o.name, func(number func(*Outcome) *Number) func(*Epoch) *Number {
			return of(func(c *Calibration) *Number { return number(o.of(c)) })
		})...)
	}
	all = append(all, []Metric{
		{Path: "logits.spread", Title: "Spread of the non-target logits", Axis: "standard deviation / margin",
			Range: "number", Meaning: "mean over samples of (standard deviation of the non-target logits) / " +
				"(target logit − their mean)",
			at: ofLogits(func(l *Logits) *Number { return &l.Spread })},
		{Path: "logits.sd", Title: "Standard deviation of the non-target logits", Axis: "logit", Detail: true,
			Range: "≥ 0", Meaning: "mean over samples of that standard deviation (over K−2)",
			at: ofLogits(func(l *Logits) *Number { return &l.SD })},
		{Path: "logits.margin", Title: "Margin of the target logit", Axis: "logit", Detail: true,
			Range: "number", Meaning: "mean over samples of (target logit − mean of the non-target logits)",
			at: ofLogits(func(l *Logits) *Number { return &l.Margin })},
	}...)
	name := map[string]string{"train": "training", "test": "test"}[split]
	for i := range all {
		m := &all[i]
		m.Key = split + "_" + keyOf(m.Path)
		m.Title += " of the " + name + " split"
	}
	return complete(split+"_calibration.", all)
}

// keyOf returns the key of a path within a Calibration: wrong_nll, logit_spread.
func keyOf(path string) string {
	return strings.ReplaceAll(strings.Replace(path, "logits.", "logit_", 1), ".", "_")
}

// outcomeMetrics returns the metrics of an Outcome, correct or wrong.
func outcomeMetrics(name string, of func(func(*Outcome) *Number) func(*Epoch) *Number) []Metric {
	all := []Metric{
		{Path: "nll", Title: "Cross entropy", Axis: "cross entropy (nats)", Log: true,
			Range: "≥ 0", Meaning: "mean −log p_y in nats",
			at: of(func(o *Outcome) *Number { return &o.NLL })},
		{Path: "entropy", Title: "Entropy", Axis: "entropy (nats)",
			Range: "[0, log K]", Meaning: "mean −Σ_k p_k log p_k in nats",
			at: of(func(o *Outcome) *Number { return &o.Entropy })},
		{Path: "confidence", Title: "Confidence", Axis: "confidence (%)", Percent: true,
			Range: "[1/K, 1]", Meaning: "mean max_k p_k",
			at: of(func(o *Outcome) *Number { return &o.Confidence })},
		{Path: "nc1", Title: "NC1", Axis: "NC1 (log scale)", Log: true,
			Range: "≥ 0",
			Meaning: "NC1 of these samples by themselves, grouped by the class that the classifier gives " +
				"(footnote 3); null where a class has none",
			at: of(func(o *Outcome) *Number { return &o.NC1 })},
	}
	for i := range all {
		m := &all[i]
		m.Path, m.Detail = name+"."+m.Path, true
		m.Title += " of the " + name + " samples"
	}
	return all
}

// ofScaled are the metrics of temperature scaling, of the test split.
var ofScaled = complete("test_calibration.scaled.", []Metric{
	{Key: "test_temperature", Path: "temperature", Title: "Fitted temperature", Axis: "T",
		Range:   "> 0",
		Meaning: "T with the least NLL on one half of the split, drawn by the seed; it divides the logits",
		at:      ofTestScaled(func(s *Scaled) *Number { return &s.Temperature })},
	{Key: "test_scaled_nll", Path: "nll", Title: "Cross entropy after temperature scaling",
		Axis: "cross entropy (nats)",
		Log:  true, Better: Lower,
		Range: "≥ 0", Meaning: "`nll` of the other half after T",
		at: ofTestScaled(func(s *Scaled) *Number { return &s.NLL })},
	{Key: "test_scaled_ece", Path: "ece", Title: "ECE after temperature scaling",
		Axis: "ECE (%)", Percent: true, Better: Lower,
		Range: "[0, 1]", Meaning: "`ece` of the other half after T",
		at: ofTestScaled(func(s *Scaled) *Number { return &s.ECE })},
	{Key: "test_half_nll", Path: "unscaled_nll", Title: "Cross entropy of the half that T is measured on",
		Axis: "cross entropy (nats)", Log: true, Better: Lower, Detail: true,
		Range: "≥ 0", Meaning: "`nll` of that half before T",
		at: ofTestScaled(func(s *Scaled) *Number { return &s.UnscaledNLL })},
	{Key: "test_half_ece", Path: "unscaled_ece", Title: "ECE of the half that T is measured on",
		Axis: "ECE (%)", Percent: true, Better: Lower, Detail: true,
		Range: "[0, 1]", Meaning: "`ece` of that half before T",
		at: ofTestScaled(func(s *Scaled) *Number { return &s.UnscaledECE })},
})

func ofTestScaled(number func(*Scaled) *Number) func(*Epoch) *Number {
	return func(e *Epoch) *Number {
		if e.Test == nil || e.Test.Scaled == nil {
			return nil
		}
		return number(e.Test.Scaled)
	}
}
