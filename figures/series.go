package figures

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/record"
)

// Series is a run with the name under which a figure or table shows it.
type Series struct {
	Label  string // "" gives "CE" or "LS (δ = 0.05)"; runs with the same label share colour and line
	Record *record.Record
}

// Of returns the records as series with the labels that follow from their
// losses.
func Of(recs ...*record.Record) []Series {
	s := make([]Series, len(recs))
	for i, r := range recs {
		s[i] = Series{Record: r}
	}
	return s
}

// Metric is a column of a record's rows, by its name in the file.
type Metric string

// The metrics that a curve can show.
const (
	TrainError   Metric = "train_error"
	TestError    Metric = "test_error"
	TrainLoss    Metric = "train_loss"
	TestLoss     Metric = "test_loss"
	StepLoss     Metric = "step_loss"
	NC1          Metric = "nc1"
	NC2          Metric = "nc2"
	NC3          Metric = "nc3"
	WNorm        Metric = "w_norm"
	HNorm        Metric = "h_norm"
	NCCError     Metric = "ncc_error"
	NCCTestError Metric = "ncc_test_error"
	TestNC1      Metric = "test_nc1"
	TestECE      Metric = "test_ece"
	TestNLL      Metric = "test_nll"
)

type metricInfo struct {
	title, axis string
	log         bool
	value       func(*record.Epoch) float64
}

var metrics = map[Metric]metricInfo{
	TrainError:   {"Training error", "error (%)", false, func(e *record.Epoch) float64 { return 100 * float64(e.TrainError) }},
	TestError:    {"Test error", "error (%)", false, func(e *record.Epoch) float64 { return 100 * float64(e.TestError) }},
	TrainLoss:    {"Training loss", "loss (nats)", true, func(e *record.Epoch) float64 { return float64(e.TrainLoss) }},
	TestLoss:     {"Test loss", "loss (nats)", true, func(e *record.Epoch) float64 { return float64(e.TestLoss) }},
	StepLoss:     {"Mean loss of the steps", "loss (nats)", true, func(e *record.Epoch) float64 { return float64(e.StepLoss) }},
	NC1:          {"NC1: variability within classes", "NC1 (log scale)", true, func(e *record.Epoch) float64 { return float64(e.NC1) }},
	NC2:          {"NC2: distance to a simplex ETF", "NC2 (log scale)", true, func(e *record.Epoch) float64 { return float64(e.NC2) }},
	NC3:          {"NC3: classifier against class means", "NC3 (log scale)", true, func(e *record.Epoch) float64 { return float64(e.NC3) }},
	WNorm:        {"Norm of the classifier", "‖w‖, mean over classes", false, func(e *record.Epoch) float64 { return float64(e.WNorm) }},
	HNorm:        {"Norm of the features", "‖h‖, mean over classes", false, func(e *record.Epoch) float64 { return float64(e.HNorm) }},
	NCCError:     {"Nearest class mean, training images", "error (%)", false, func(e *record.Epoch) float64 { return 100 * float64(e.NCCError) }},
	NCCTestError: {"Nearest class mean, test images", "error (%)", false, func(e *record.Epoch) float64 { return 100 * float64(e.NCCTestError) }},
	TestNC1:      {"NC1 of the test features", "NC1 (log scale)", true, func(e *record.Epoch) float64 { return float64(e.TestNC1) }},
	TestECE:      {"ECE of the test split", "ECE (%)", false, func(e *record.Epoch) float64 { return 100 * ofTest(ece)(e) }},
	TestNLL:      {"Cross entropy of the test split", "cross entropy (nats)", true, ofTest(nll)},
}

func ece(c *record.Calibration) record.Number { return c.ECE }
func nll(c *record.Calibration) record.Number { return c.NLL }

// ofTest takes a number out of a row's calibration of the test split, NaN where the
// row has none.
func ofTest(figure func(*record.Calibration) record.Number) rowValue {
	return func(e *record.Epoch) float64 {
		if e.Test == nil {
			return math.NaN()
		}
		return float64(figure(e.Test))
	}
}

// group is the runs of one label, in the order given.
type group struct {
	label string
	runs  []*record.Record
}

// name is the label, with the number of runs where there are several.
func (g group) name() string {
	if len(g.runs) > 1 {
		return fmt.Sprintf("%s, %d runs", g.label, len(g.runs))
	}
	return g.label
}

// grouped checks the series and gathers those with the same label.
func grouped(runs []Series) ([]group, error) {
	if len(runs) == 0 {
		return nil, ErrNoSeries
	}
	var gs []group
	for i, s := range runs {
		if s.Record == nil {
			return nil, fmt.Errorf("figures: series %d (%q) has no record", i+1, s.Label)
		}
		label := s.Label
		if label == "" {
			label = s.Record.Spec.Loss.String()
		}
		j := slices.IndexFunc(gs, func(g group) bool { return g.label == label })
		if j < 0 {
			gs = append(gs, group{label: label})
			j = len(gs) - 1
		}
		gs[j].runs = append(gs[j].runs, s.Record)
	}
	return gs, nil
}

// column returns the epochs of a run and one metric at them.
func column(r *record.Record, m Metric) (x, y []float64) {
	value := metrics[m].value
	for i := range r.Epochs {
		x = append(x, float64(r.Epochs[i].Epoch))
		y = append(y, value(&r.Epochs[i]))
	}
	return x, y
}

// Origin says in sentences how the numbers of the runs came about: scale,
// network, data and whether its bytes were official, schedule, seeds, backend
// and machine. What all runs share is said once.
func Origin(runs ...Series) (string, error) {
	gs, err := grouped(runs)
	if err != nil {
		return "", err
	}
	var out []string
	for _, fact := range originFacts {
		var parts []string // label → fact, in order
		var values []string
		for _, g := range gs {
			var of []string
			for _, r := range g.runs {
				if f := fact(r.Describe()); f != "" && !slices.Contains(of, f) {
					of = append(of, f)
				}
			}
			v := strings.Join(of, " and ")
			values = append(values, v)
			if v != "" {
				parts = append(parts, g.label+": "+v)
			}
		}
		switch {
		case len(parts) == 0:
		case len(slices.Compact(slices.Clone(values))) == 1:
			out = append(out, upperFirst(values[0])+".")
		default:
			out = append(out, strings.Join(parts, "; ")+".")
		}
	}
	return strings.Join(out, " "), nil
}

// originFacts are the facts of a run that Origin says, each in a sentence.
var originFacts = []func(record.Description) string{
	func(d record.Description) string { return d.Scale },
	func(d record.Description) string { return "network " + d.Network },
	func(d record.Description) string { return "data set " + given(d.Dataset, d.Images, d.Bytes, d.Changes) },
	func(d record.Description) string { return given(d.Schedule, d.Optimiser, d.Precision) },
	func(d record.Description) string { return d.Seed },
	func(d record.Description) string {
		switch {
		case d.Backend == "":
			return ""
		case d.Machine == "":
			return "backend " + d.Backend
		}
		return "backend " + d.Backend + " on " + d.Machine
	},
	func(d record.Description) string { return d.Status },
}

// given lists what a record says, with commas.
func given(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), ", ")
}

func upperFirst(s string) string {
	for i, r := range s {
		return strings.ToUpper(string(r)) + s[i+len(string(r)):]
	}
	return s
}

// finite reports whether v can be shown as a number.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// metricNames lists the known metrics in alphabetical order.
func metricNames() []string {
	var s []string
	for m := range metrics {
		s = append(s, string(m))
	}
	slices.Sort(s)
	return s
}
