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

// ofRow are the numbers of the row itself.
var ofRow = complete("", []Metric{
	{Key: "step_loss", Title: "Mean loss of the steps",
		Axis: "loss (nats)", Log: true, OwnLoss: true, Tag: "loss/step",
		Range: "number", Meaning: "mean loss of this epoch's steps, in training mode, while the weights changed",
		at: func(e *Epoch) *Number { return &e.StepLoss }},
	{Key: "train_loss", Title: "Training loss", Axis: "loss (nats)", Log: true, OwnLoss: true, Tag: "loss/train",
		Range: "number", Meaning: "the run's own loss, without weight decay",
		at: func(e *Epoch) *Number { return &e.TrainLoss }},
	{Key: "train_error", Title: "Training error", Axis: "error (%)", Percent: true, Better: Lower, Tag: "error/train",
		Range: "[0, 1]", Meaning: "share of training samples misclassified",
		at: func(e *Epoch) *Number { return &e.TrainError }},
	{Key: "test_loss", Title: "Test loss", Axis: "loss (nats)", Log: true, OwnLoss: true, Tag: "loss/test",
		Range: "number", Meaning: "the same loss of the test samples",
		at: func(e *Epoch) *Number { return &e.TestLoss }},
	{Key: "test_error", Title: "Test error", Axis: "error (%)", Percent: true, Better: Lower, Tag: "error/test",
		Range: "[0, 1]", Meaning: "share of test samples misclassified",
		at: func(e *Epoch) *Number { return &e.TestError }},
	{Key: "nc0", Title: "NC0: sum of the classifier's rows", Axis: "NC0 (log scale)", Log: true, Better: Lower, NC: "nc0",
		Range: "≥ 0", Meaning: "‖Σ_k w_k‖₂; 0 is necessary for collapse",
		at: func(e *Epoch) *Number { return &e.NC0 }},
	{Key: "nc0_relative", Title: "NC0 over the mean norm of a row", Axis: "NC0 / ‖w‖ (log scale)", Log: true, Better: Lower,
		NC: "nc0_relative", Range: "[0, K]", Meaning: "`nc0` / `w_norm`",
		at: func(e *Epoch) *Number { return &e.NC0Relative }},
	{Key: "nc1", Title: "NC1: variability within classes",
		Axis: "NC1 (log scale)", Log: true, Better: Lower, NC: "nc1", Tag: "collapse/nc1",
		Range: "≥ 0", Meaning: "Eq 4, tr(Σ_W Σ_B†)/K",
		at: func(e *Epoch) *Number { return &e.NC1 }},
	{Key: "nc2", Title: "NC2: distance to a simplex ETF",
		Axis: "NC2 (log scale)", Log: true, Better: Lower, NC: "nc2", Tag: "collapse/nc2",
		Range: "[0, 2]", Meaning: "Eq 5, ‖WᵀH̄/‖WᵀH̄‖_F − J/√(K−1)‖_F",
		at: func(e *Epoch) *Number { return &e.NC2 }},
	{Key: "nc3", Title: "NC3: classifier against class means",
		Axis: "NC3 (log scale)", Log: true, Better: Lower, NC: "nc3", Tag: "collapse/nc3",
		Range: "[0, 2]", Meaning: "Eq 6, ‖W/‖W‖_F − H̄/‖H̄‖_F‖_F",
		at: func(e *Epoch) *Number { return &e.NC3 }},
	{Key: "w_norm", Title: "Norm of the classifier", Axis: "‖w‖, mean over classes", NC: "w_norm", Tag: "norm/w",
		Range: "≥ 0", Meaning: "‖w‖, mean over classes of ‖w_k‖",
		at: func(e *Epoch) *Number { return &e.WNorm }},
	{Key: "h_norm", Title: "Norm of the features", Axis: "‖h‖, mean over classes", NC: "h_norm", Tag: "norm/h",
		Range: "≥ 0", Meaning: "‖h‖, mean over classes of ‖h̄_k − h_G‖",
		at: func(e *Epoch) *Number { return &e.HNorm }},
	{Key: "ncc_error", Title: "Nearest class mean, training images",
		Axis: "error (%)", Percent: true, Better: Lower, NC: "ncc_error", Tag: "error/ncc_train",
		Range: "[0, 1]", Meaning: "share of training samples whose nearest class mean is another class's",
		at: func(e *Epoch) *Number { return &e.NCCError }},
	{Key: "ncc_test_error", Title: "Nearest class mean, test images",
		Axis: "error (%)", Percent: true, Better: Lower, Tag: "error/ncc_test",
		Range: "[0, 1]", Meaning: "the same of test samples, to the means of the training features",
		at: func(e *Epoch) *Number { return &e.NCCTestError }},
	{Key: "nc2_w", Title: "ETF distance of the classifier",
		Axis: "distance (log scale)", Log: true, Better: Lower, NC: "nc2_w",
		Range: "[0, 2]", Meaning: "distance of W from a simplex ETF, ‖WᵀW/‖WᵀW‖_F − J/√(K−1)‖_F",
		at: func(e *Epoch) *Number { return &e.NC2W }},
	{Key: "nc2_h", Title: "ETF distance of the class means",
		Axis: "distance (log scale)", Log: true, Better: Lower, NC: "nc2_h",
		Range: "[0, 2]", Meaning: "distance of H̄ from a simplex ETF, ‖H̄ᵀH̄/‖H̄ᵀH̄‖_F − J/√(K−1)‖_F",
		at: func(e *Epoch) *Number { return &e.NC2H }},
	{Key: "nc4", Title: "NC4: disagreement of nearest class mean and classifier",
		Axis: "disagreement (%)", Percent: true, Better: Lower, NC: "nc4",
		Range: "[0, 1]", Meaning: "share of training samples on which nearest class mean and classifier disagree",
		at: func(e *Epoch) *Number { return &e.NC4 }},
	{Key: "cdnv", Title: "Class-distance normalised variance",
		Axis: "CDNV (log scale)", Log: true, Better: Lower, NC: "cdnv",
		Range: "≥ 0", Meaning: "mean over pairs of classes of (σ_i² + σ_j²)/(2‖h̄_i − h̄_j‖²)",
		at: func(e *Epoch) *Number { return &e.CDNV }},
	{Key: "test_nc1", Title: "NC1 of the test features", Axis: "NC1 (log scale)", Log: true, Better: Lower,
		Range: "≥ 0", Meaning: "`nc1` of the test features around their own class means, with the same W",
		at: func(e *Epoch) *Number { return &e.TestNC1 }},
	{Key: "test_nc2", Title: "NC2 of the test features", Axis: "NC2 (log scale)", Log: true, Better: Lower,
		Range: "[0, 2]", Meaning: "`nc2` of the test features around their own class means, with the same W",
		at: func(e *Epoch) *Number { return &e.TestNC2 }},
	{Key: "test_nc3", Title: "NC3 of the test features", Axis: "NC3 (log scale)", Log: true, Better: Lower,
		Range: "[0, 2]", Meaning: "`nc3` of the test features around their own class means, with the same W",
		at: func(e *Epoch) *Number { return &e.TestNC3 }},
})

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
