package figures

import (
	"fmt"
	"math"
	"slices"
	"strconv"
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
	facts := []func(*record.Record) string{scaleFact, networkFact, dataFact, scheduleFact, seedFact, machineFact, statusFact}
	var out []string
	for _, fact := range facts {
		var parts []string // label → fact, in order
		var values []string
		for _, g := range gs {
			var of []string
			for _, r := range g.runs {
				if f := fact(r); f != "" && !slices.Contains(of, f) {
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

func upperFirst(s string) string {
	for i, r := range s {
		return strings.ToUpper(string(r)) + s[i+len(string(r)):]
	}
	return s
}

func scaleFact(r *record.Record) string {
	if PaperScale(r) {
		return "paper scale"
	}
	return "reduced scale, not the paper's run"
}

func networkFact(r *record.Record) string {
	p, spec := record.DefaultSpec(), r.Spec.Resolve()
	s := "network " + NetworkName(spec.Model)
	if spec.Model == "mlp" {
		s += fmt.Sprintf(" of %d hidden layers of %d units", spec.Depth, spec.Width)
	} else if spec.Width != p.Width {
		s += fmt.Sprintf(" with %d channels in the first stage (the paper's has %d)", spec.Width, p.Width)
	}
	if spec.Stem != p.Stem {
		s += ", stem of 7×7 and max-pooling"
	}
	switch spec.Head {
	case "etf":
		s += fmt.Sprintf(", classifier a fixed simplex ETF of norm %g", spec.HeadScale)
	case "normalised":
		s += fmt.Sprintf(", features scaled to norm %g", spec.HeadScale)
	}
	if spec.FeatureNorm {
		s += ", batch normalisation of the features"
	}
	return s
}

func dataFact(r *record.Record) string {
	s := "data set " + DataName(r.Spec.Dataset)
	if r.Data.Train > 0 {
		s += fmt.Sprintf(", %d training and %d test images", r.Data.Train, r.Data.Test)
	}
	switch r.Data.Bytes {
	case record.Official:
		s += ", official bytes"
	case "":
		s += ", bytes not checked"
	default:
		s += ", " + r.Data.Bytes
	}
	if r.Spec.LongTail > 1 {
		s += fmt.Sprintf(", long tail of ratio %g", r.Spec.LongTail)
	}
	if r.Spec.Corrupt > 0 {
		s += fmt.Sprintf(", %g %% of the training labels wrong", 100*r.Spec.Corrupt)
	}
	switch {
	case r.Spec.Pad > 0 && r.Spec.Flip:
		s += fmt.Sprintf(", augmented by shifts of up to %d pixels and mirroring", r.Spec.Pad)
	case r.Spec.Pad > 0:
		s += fmt.Sprintf(", augmented by shifts of up to %d pixels", r.Spec.Pad)
	case r.Spec.Flip:
		s += ", augmented by mirroring"
	}
	return s
}

func scheduleFact(r *record.Record) string {
	spec := r.Spec.Resolve()
	s := fmt.Sprintf("%d epochs in batches of %d, rate %g", spec.Epochs, spec.Batch, spec.Rate)
	var ms []string
	for _, m := range spec.Milestones {
		if m < spec.Epochs {
			ms = append(ms, strconv.Itoa(m))
		}
	}
	switch {
	case spec.Schedule == "cosine":
		s += fmt.Sprintf(" falling as a cosine of %d epochs", spec.ScheduleEpochs)
	case len(ms) > 0:
		s += fmt.Sprintf(" ×%g after epochs %s", spec.Gamma, strings.Join(ms, ", "))
	default:
		s += " throughout"
	}
	switch spec.Optimizer {
	case "sgd":
		s += fmt.Sprintf(", momentum %g", spec.Momentum)
		if spec.Nesterov {
			s += " (Nesterov)"
		}
	default:
		s += fmt.Sprintf(", optimiser %s with β₁ = %g", spec.Optimizer, spec.Momentum)
	}
	if spec.LambdaW > 0 || spec.LambdaH > 0 || spec.LambdaB > 0 {
		s += fmt.Sprintf(", the UFM's L2 with λ_W = %g, λ_H = %g, λ_b = %g", spec.LambdaW, spec.LambdaH, spec.LambdaB)
	} else {
		s += fmt.Sprintf(", decay %g", spec.Decay)
		if spec.DecayOn == "weights" && spec.Decay > 0 {
			s += " on weights alone"
		}
	}
	if spec.Precision != "float32" {
		s += ", " + spec.Precision
	}
	return s
}

func seedFact(r *record.Record) string { return fmt.Sprintf("seed %d", r.Spec.Seed) }

func machineFact(r *record.Record) string {
	e := r.Environment
	if e.Backend == "" {
		return ""
	}
	s := "backend " + e.Backend
	if m := Machine(e); m != "" {
		s += " on " + m
	}
	return s
}

func statusFact(r *record.Record) string {
	if r.Status == record.Finished || r.Status == "" {
		return ""
	}
	return fmt.Sprintf("the run is not complete (%s after %d of %d epochs)", r.Status, len(r.Epochs), r.Spec.Epochs)
}

// Machine names the kind of machine in an environment, as "Intel Xeon
// (2 cores)", with the accelerator in front where there was one; "" where the
// environment does not say.
func Machine(e record.Environment) string {
	s := e.CPU
	if s == "" {
		s = strings.Trim(e.OS+"/"+e.Arch, "/")
	}
	if s != "" && e.Cores == 1 {
		s += " (1 core)"
	} else if s != "" && e.Cores > 1 {
		s += fmt.Sprintf(" (%d cores)", e.Cores)
	}
	if strings.Contains(e.Backend, "cuda") && e.Device != "" {
		if s != "" {
			return e.Device + " with " + s
		}
		return e.Device
	}
	return s
}

// DataName is the name of a data set as people write it.
func DataName(dataset string) string {
	if name, ok := dataNames[dataset]; ok {
		return name
	}
	return dataset
}

var dataNames = map[string]string{
	"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "cifar100-coarse": "CIFAR-100 (20 coarse classes)", "stl10": "STL-10",
	"tiny-imagenet": "Tiny ImageNet", "mnist": "MNIST", "fashion-mnist": "Fashion-MNIST",
	"fashion-mnist-small": "Fashion-MNIST (small subset)", "svhn": "SVHN",
}

// NetworkName is the name of a model as people write it.
func NetworkName(model string) string {
	if n, ok := strings.CutPrefix(model, "resnet"); ok {
		return "ResNet-" + n
	}
	if model == "cnn" || model == "mlp" {
		return strings.ToUpper(model)
	}
	return model
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
