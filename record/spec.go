package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/gocollapse/collapse/internal/edit"
)

// Spec is the specification of a run. The zero value is not valid: start from
// DefaultSpec, which holds the paper's settings.
//
// A field that is absent from an older record is the zero value here, which means
// what that version did; Resolve writes it out.
type Spec struct {
	Name string `json:"name"`

	// The images. Dataset is a name of Datasets, or one of Prefixes and a path.
	Dataset       string  `json:"dataset"`
	TrainPerClass int     `json:"train_per_class"` // 0 takes all
	LongTail      float64 `json:"long_tail"`       // largest class over smallest; 0 leaves the classes as they are
	Corrupt       float64 `json:"corrupt"`         // share of the training labels that is replaced, in [0, 1]
	Pad           int     `json:"pad"`             // augmentation: zeros around an image of which a window is cut; the paper has none
	Flip          bool    `json:"flip"`            // augmentation: left and right

	// The network, see package models.
	Model       string  `json:"model"`        // see Models
	Width       int     `json:"width"`        // channels of the first stage; the paper's is 64
	Depth       int     `json:"depth"`        // hidden layers of mlp, 0 is 2
	Stem        string  `json:"stem"`         // of ResNets, see Stems
	Head        string  `json:"head"`         // see Heads
	HeadScale   float64 `json:"head_scale"`   // norm of etf's rows or of normalised's features, 0 is 1
	FeatureNorm bool    `json:"feature_norm"` // batch normalisation of the features, as in the paper's simulated UFM

	Loss

	// The optimiser.
	Epochs         int     `json:"epochs"`
	Batch          int     `json:"batch"`
	Accumulate     int     `json:"accumulate"` // parts of a batch whose gradients are added up, 0 is 1
	Optimizer      string  `json:"optimizer"`  // see Optimizers
	Rate           float64 `json:"rate"`       // initial learning rate
	Momentum       float64 `json:"momentum"`   // of sgd, β₁ of adam and adamw; in [0, 1)
	Nesterov       bool    `json:"nesterov"`
	Decay          float64 `json:"decay"`    // L2 on the parameters that DecayOn names
	DecayOn        string  `json:"decay_on"` // see DecayTargets
	LambdaW        float64 `json:"lambda_w"` // the UFM's L2 in place of Decay, see losses.UFM
	LambdaH        float64 `json:"lambda_h"`
	LambdaB        float64 `json:"lambda_b"`
	Schedule       string  `json:"schedule"`        // see Schedules
	ScheduleEpochs int     `json:"schedule_epochs"` // length of the schedule, of which Epochs are the first; 0 is not known
	Milestones     []int   `json:"milestones"`      // epochs after which the rate is multiplied by Gamma
	Gamma          float64 `json:"gamma"`           // in (0, 1]
	Seed           int64   `json:"seed"`

	// How it is computed and looked at.
	Precision string `json:"precision"` // of activations and products, see Precisions
	Devices   int    `json:"devices"`   // that share each batch, 0 is 1
	Measure   string `json:"measure"`   // epochs that are measured: every:N, log, or a list as 1,10,100
}

// Names that a Spec may use. The first of those that an older record may lack is
// what "" means.
var (
	Datasets = []string{"cifar10", "cifar100", "cifar100-coarse", "stl10", "tiny-imagenet",
		"mnist", "fashion-mnist", "fashion-mnist-small", "svhn"}
	Prefixes     = []string{"folder:", "npz:"} // of images of one's own: folder:PATH, npz:PATH
	Models       = []string{"resnet18", "resnet34", "resnet50", "cnn", "mlp"}
	Stems        = []string{"3x3", "7x7"}
	Heads        = []string{"linear", "etf", "normalised"}
	Optimizers   = []string{"sgd", "adam", "adamw"}
	DecayTargets = []string{"all", "weights"} // weights: neither biases nor batch normalisation
	Schedules    = []string{"multistep", "cosine"}
	// tf32: products and convolutions of float32 numbers in TF32, on devices that have it;
	// bfloat16: activations too, as train's Engine says.
	Precisions = []string{"float32", "tf32", "bfloat16"}
)

// DefaultSpec returns the paper's setting for CIFAR-10 under cross entropy
// (Section 3, Experiment Setup), measured at epochs that thin out.
func DefaultSpec() Spec {
	s := Spec{
		Dataset: "cifar10", Model: "resnet18", Width: 64, Loss: Loss{Name: "ce"},
		Epochs: 800, Batch: 128, Rate: 0.05, Momentum: 0.9, Decay: 5e-4,
		ScheduleEpochs: 800, Milestones: []int{150, 350}, Gamma: 0.1, Seed: 2021, Measure: "log",
	}
	return s.Resolve()
}

// Resolve returns the specification with every zero value that stands for
// something written out, as a record holds it.
func (s Spec) Resolve() Spec {
	for field, v := range map[*string]string{
		&s.Stem: Stems[0], &s.Head: Heads[0], &s.Optimizer: Optimizers[0], &s.DecayOn: DecayTargets[0],
		&s.Schedule: Schedules[0], &s.Precision: Precisions[0], &s.Measure: "every:1",
	} {
		if *field == "" {
			*field = v
		}
	}
	s.Accumulate, s.Devices = max(s.Accumulate, 1), max(s.Devices, 1)
	if s.Model == "mlp" && s.Depth == 0 {
		s.Depth = 2
	}
	if s.Head != Heads[0] && s.HeadScale == 0 {
		s.HeadScale = 1
	}
	return s
}

// Setting returns the resolved specification without what runs may differ in that stand in
// one table or figure: name, loss and its parameters, seed, number of epochs, epochs that are
// measured, devices, and the length of a multi-step schedule, which changes no rate.
func (s Spec) Setting() Spec {
	s = s.Resolve()
	s.Name, s.Loss = "", Loss{}
	s.Seed, s.Epochs, s.Measure, s.Devices = 0, 0, "", 0
	if s.Schedule == "multistep" {
		s.ScheduleEpochs = 0
	}
	return s
}

// Difference is a field in which two specifications differ, by its JSON name, with both values.
type Difference struct{ Field, A, B string }

// Differences lists the fields in which a and b differ, as they are: Resolve and Setting
// put them into forms that can be compared.
func Differences(a, b Spec) (all []Difference) {
	x, y := leaves(reflect.ValueOf(a)), leaves(reflect.ValueOf(b))
	for i := range x {
		if u, v := fmt.Sprint(x[i].value), fmt.Sprint(y[i].value); u != v {
			all = append(all, Difference{x[i].key, u, v})
		}
	}
	return all
}

// leaf is a field of a specification by its JSON name.
type leaf struct {
	key   string
	value reflect.Value
}

// leaves lists the fields of a struct and of the structs that are embedded in it.
func leaves(s reflect.Value) (all []leaf) {
	for i := range s.NumField() {
		if f := s.Type().Field(i); f.Anonymous {
			all = append(all, leaves(s.Field(i))...)
		} else {
			key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			all = append(all, leaf{key, s.Field(i)})
		}
	}
	return all
}

// Complete sets the fields that follow from those a user gave: given says of a
// field's JSON name whether it was. A loss has the defaults of its parameters, a UFM penalty
// takes the place of weight decay, a cosine has no milestones, and a
// schedule whose milestones or epochs were given ends with the run unless its length was.
func (s *Spec) Complete(given func(field string) bool) {
	s.Loss.complete(given)
	if s.ufm() && !given("decay") {
		s.Decay = 0
	}
	if s.Schedule == "cosine" && !given("milestones") {
		s.Milestones = nil
	}
	if !given("schedule_epochs") && (given("milestones") || s.Schedule == "cosine" || s.Epochs > s.ScheduleEpochs) {
		s.ScheduleEpochs = s.Epochs
	}
}

// String is the specification as one line of JSON. Without it, a Spec would print as its loss.
func (s Spec) String() string {
	b, err := json.Marshal(s)
	if err != nil { // a number that JSON does not have
		return fmt.Sprintf("specification %q: %v", s.Name, err)
	}
	return string(b)
}

// outside reports a number that is outside its range; want is the range, with a hint.
func outside(field string, v float64, want string) error {
	return fmt.Errorf("%s: %v is outside %s", field, v, want)
}

// withHint is a range with the values in use, if there are any to name.
func withHint(want, hint string) string {
	if hint == "" {
		return want
	}
	return want + "; " + hint
}

// ufm says whether the UFM's penalty stands in place of weight decay.
func (s Spec) ufm() bool { return s.LambdaW != 0 || s.LambdaH != 0 || s.LambdaB != 0 }

// Validate reports every fault of the specification at once, each naming the
// field, what was found and what is allowed, for a name also the nearest one. It
// returns nil for a valid one.
func (s Spec) Validate() error {
	s = s.Resolve()
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	oneOf := func(field, v string, allowed []string) {
		if !slices.Contains(allowed, v) {
			bad("%s: unknown %q; did you mean %s? Known are %s", field, v, edit.Nearest(v, allowed), strings.Join(allowed, ", "))
		}
	}
	finite := func(field string, v float64, ok bool, want string) {
		if math.IsNaN(v) || math.IsInf(v, 0) || !ok {
			errs = append(errs, outside(field, v, want))
		}
	}
	within := func(field string, v, low, high int, why string) {
		if v < low || v > high {
			bad("%s: %d is outside %d to %d%s", field, v, low, high, why)
		}
	}
	if own := slices.ContainsFunc(Prefixes, func(p string) bool { return strings.HasPrefix(s.Dataset, p) && s.Dataset != p }); !own {
		if !slices.Contains(Datasets, s.Dataset) {
			bad("dataset: unknown %q; did you mean %s? Known are %s, and %sPATH", s.Dataset, edit.Nearest(s.Dataset, Datasets),
				strings.Join(Datasets, ", "), strings.Join(Prefixes, "PATH, "))
		}
	}
	if s.TrainPerClass < 0 {
		bad("train_per_class: %d is negative; 0 takes all images", s.TrainPerClass)
	}
	finite("long_tail", s.LongTail, s.LongTail == 0 || s.LongTail >= 1, "[1, ∞); 0 leaves the classes as they are")
	finite("corrupt", s.Corrupt, s.Corrupt >= 0 && s.Corrupt <= 1, "[0, 1]")
	within("pad", s.Pad, 0, 1024, "")

	oneOf("model", s.Model, Models)
	within("width", s.Width, 1, 1024, "; the paper's is 64")
	if s.Model == "mlp" {
		within("depth", s.Depth, 1, 100, "")
	} else if s.Depth != 0 {
		bad("depth: %d given with model %s; it belongs to mlp", s.Depth, s.Model)
	}
	oneOf("stem", s.Stem, Stems)
	if s.Stem != Stems[0] && !strings.HasPrefix(s.Model, "resnet") {
		bad("stem: %s given with model %s; it belongs to ResNets", s.Stem, s.Model)
	}
	oneOf("head", s.Head, Heads)
	if s.Head == Heads[0] {
		if s.HeadScale != 0 {
			bad("head_scale: %v given with head linear, which has none", s.HeadScale)
		}
	} else {
		finite("head_scale", s.HeadScale, s.HeadScale > 0, "(0, ∞)")
	}

	if err := s.Loss.Validate(); err != nil {
		errs = append(errs, err)
	}

	within("epochs", s.Epochs, 1, 1_000_000, "")
	within("batch", s.Batch, 2, 1<<20, " (batch normalisation needs two samples)")
	within("devices", s.Devices, 1, 1024, "")
	within("accumulate", s.Accumulate, 1, 1<<20, "")
	if parts := s.Accumulate * s.Devices; parts > 1 && (s.Batch%parts != 0 || s.Batch/parts < 2) {
		bad("batch: %d does not divide into %d equal parts of at least 2 (accumulate × devices)", s.Batch, parts)
	}
	oneOf("optimizer", s.Optimizer, Optimizers)
	finite("rate", s.Rate, s.Rate > 0, "(0, ∞)")
	finite("momentum", s.Momentum, s.Momentum >= 0 && s.Momentum < 1, "[0, 1)")
	if s.Nesterov && (s.Optimizer != "sgd" || s.Momentum == 0) {
		bad("nesterov: belongs to optimizer sgd with a momentum above 0")
	}
	finite("decay", s.Decay, s.Decay >= 0, "[0, ∞)")
	oneOf("decay_on", s.DecayOn, DecayTargets)
	for _, p := range []struct {
		field string
		v     float64
	}{{"lambda_w", s.LambdaW}, {"lambda_h", s.LambdaH}, {"lambda_b", s.LambdaB}} {
		finite(p.field, p.v, p.v >= 0, "[0, ∞)")
	}
	if s.ufm() && s.Decay > 0 {
		bad("decay: %v given with the UFM's penalty (lambda_w, lambda_h, lambda_b), which stands in its place; give decay 0", s.Decay)
	}
	if s.ufm() && s.Head == "etf" && (s.LambdaW > 0 || s.LambdaB > 0) {
		bad("lambda_w, lambda_b: head etf has a fixed weight and no bias; only lambda_h goes with it")
	}
	oneOf("schedule", s.Schedule, Schedules)
	finite("gamma", s.Gamma, s.Gamma > 0 && s.Gamma <= 1, "(0, 1]")
	if s.Schedule == "cosine" && len(s.Milestones) > 0 {
		bad("milestones: %v given with schedule cosine, which has none", s.Milestones)
	}
	for i, m := range s.Milestones {
		if m < 1 || (i > 0 && m <= s.Milestones[i-1]) {
			bad("milestones: %v must be positive and rise", s.Milestones)
			break
		}
	}
	if s.ScheduleEpochs != 0 { // an older record does not say how long its schedule was
		switch {
		case s.ScheduleEpochs < s.Epochs:
			bad("schedule_epochs: a schedule of %d epochs ends before the run's %d", s.ScheduleEpochs, s.Epochs)
		case len(s.Milestones) > 0 && s.Milestones[len(s.Milestones)-1] >= s.ScheduleEpochs:
			bad("milestones: %d is beyond the %d epochs of the schedule; where the run is the beginning of a longer schedule, give its length as schedule_epochs",
				s.Milestones[len(s.Milestones)-1], s.ScheduleEpochs)
		}
	} else if s.Schedule == "cosine" {
		bad("schedule_epochs: schedule cosine needs its length")
	}
	oneOf("precision", s.Precision, Precisions)
	if _, err := parseMeasure(s.Measure); err != nil {
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("specification %q: %w", s.Name, errors.Join(errs...))
}

// RateAt returns the learning rate of an epoch's steps, epochs counted from 1.
//
// With schedule multistep it is Rate·Gamma^(milestones passed); a milestone m takes
// effect after m epochs, as in torch.optim.lr_scheduler.MultiStepLR stepped once an
// epoch. With cosine it is Rate·(1 + cos(π(epoch−1)/ScheduleEpochs))/2, as
// CosineAnnealingLR with T_max = ScheduleEpochs.
func (s Spec) RateAt(epoch int) float64 {
	if s.Schedule == "cosine" {
		return s.Rate * (1 + math.Cos(math.Pi*float64(epoch-1)/float64(s.ScheduleEpochs))) / 2
	}
	r := s.Rate
	for _, m := range s.Milestones {
		if epoch > m {
			r *= s.Gamma
		}
	}
	return r
}

// Measured says whether the network is measured after an epoch, epochs counted
// from 1. The first and the last epoch are measured always.
//
// With "log" the measured epochs are 1 to 10 and then those nearest to 10·1.1^i
// (10, 11, 12, 13, 15, 16, … 91, 100, 110, …): 56 of the paper's 800.
func (s Spec) Measured(epoch int) bool {
	if epoch == 1 || epoch == s.Epochs {
		return true
	}
	m, err := parseMeasure(s.Measure)
	return err == nil && m(epoch)
}

// parseMeasure returns the rule of Spec.Measure; "" is every epoch.
func parseMeasure(text string) (func(epoch int) bool, error) {
	if text == "" {
		text = "every:1"
	}
	if text == "log" {
		return func(epoch int) bool {
			if epoch <= 10 {
				return true
			}
			i := math.Round(math.Log(float64(epoch)/10) / math.Log(1.1))
			return epoch == int(math.Round(10*math.Pow(1.1, i)))
		}, nil
	}
	if n, ok := strings.CutPrefix(text, "every:"); ok {
		if every, err := strconv.Atoi(n); err == nil && every >= 1 {
			return func(epoch int) bool { return epoch%every == 0 }, nil
		}
	}
	var list []int
	for _, n := range strings.Split(text, ",") {
		epoch, err := strconv.Atoi(strings.TrimSpace(n))
		if err != nil || epoch < 1 || (len(list) > 0 && epoch <= list[len(list)-1]) {
			return nil, fmt.Errorf("measure: %q; want every:N, log, or rising epochs such as 1,10,100", text)
		}
		list = append(list, epoch)
	}
	return func(epoch int) bool { return slices.Contains(list, epoch) }, nil
}

// ReadSpec reads one specification. Fields that are absent keep the values of
// DefaultSpec; unknown fields, anything after the JSON object and a specification
// that is not valid are errors.
func ReadSpec(r io.Reader) (Spec, error) {
	s, err := DecodeSpec(r, nil, nil)
	if err != nil {
		return s, err
	}
	return s, s.Validate()
}

// DecodeSpec reads a specification as ReadSpec does, lets set change some of its
// fields, and completes it; changed says of a field's JSON name whether set is to change
// it. What the file gives for another choice than set's, as a δ for another loss, falls
// away. The specification may still be one that Validate refuses.
func DecodeSpec(r io.Reader, changed func(field string) bool, set func(*Spec) error) (Spec, error) {
	b, err := readAll(r)
	if err != nil {
		return Spec{}, fmt.Errorf("specification: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	s := DefaultSpec()
	given := &s
	switch err := dec.Decode(&given); {
	case err == io.EOF:
		return Spec{}, errors.New("specification: the file is empty, want a JSON object")
	case err != nil:
		return Spec{}, fmt.Errorf("specification: %w", err)
	case given == nil:
		return Spec{}, errors.New("specification: found null, want a JSON object")
	}
	if _, err := dec.Token(); err != io.EOF {
		return Spec{}, errors.New("specification: there is more after the JSON object")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		return Spec{}, fmt.Errorf("specification: %w", err)
	}
	if changed == nil {
		changed = func(string) bool { return false }
	}
	file := s
	if set != nil {
		if err := set(&s); err != nil {
			return Spec{}, err
		}
	}
	for _, c := range choices {
		if c.of(&s) == c.of(&file) {
			continue
		}
		for field, clear := range c.parts {
			if !changed(field) {
				delete(fields, field)
				clear(&s)
			}
		}
	}
	s.Complete(func(field string) bool { _, ok := fields[field]; return ok || changed(field) })
	return s.Resolve(), nil
}

// choices are the fields that give others a meaning, with what takes those away.
var choices = []struct {
	of    func(*Spec) string
	parts map[string]func(*Spec)
}{
	{func(s *Spec) string { return s.Loss.Name }, lossParts()},
	{func(s *Spec) string { return s.Model }, map[string]func(*Spec){
		"depth": func(s *Spec) { s.Depth = 0 },
		"stem":  func(s *Spec) { s.Stem = "" },
	}},
	{func(s *Spec) string { return s.Head }, map[string]func(*Spec){"head_scale": func(s *Spec) { s.HeadScale = 0 }}},
	{func(s *Spec) string { return s.Schedule }, map[string]func(*Spec){"milestones": func(s *Spec) { s.Milestones = nil }}},
}

// lossParts clears each parameter of a loss, by its JSON key.
func lossParts() map[string]func(*Spec) {
	parts := map[string]func(*Spec){}
	for _, key := range lossParameterKeys() {
		parts[key] = func(s *Spec) { s.Loss.clear(key) }
	}
	return parts
}

// Scale says how a run relates to the paper's.
type Scale string

const (
	PaperScale   Scale = "paper"   // the paper's network, data and schedule
	ReducedScale Scale = "reduced" // smaller in at least one of them
)

// Scale returns PaperScale where data set and network are one of the paper's pairs
// (ResNet-18 on CIFAR-10, ResNet-50 on CIFAR-100, STL-10 and Tiny ImageNet), all
// images are used as they are, loss, optimiser and schedule are the paper's, and at least the 100
// epochs of Table 1 are trained; else ReducedScale. δ, seed, precision, devices and
// the epochs that are measured may be any.
func (s Spec) Scale() Scale {
	p, s := DefaultSpec(), s.Resolve()
	if model, ok := paperModels[s.Dataset]; ok {
		p.Dataset, p.Model = s.Dataset, model
	}
	if s.Dataset == "tiny-imagenet" {
		p.Milestones = []int{100, 200}
	}
	if s.Loss.Name == "ls" {
		p.Loss = s.Loss
	}
	milestones := slices.Equal(s.Milestones, p.Milestones)
	for _, free := range []func(*Spec){
		func(v *Spec) { v.Name, v.Seed, v.Precision, v.Devices, v.Measure = "", 0, "", 0, "" },
		func(v *Spec) { v.Milestones, v.ScheduleEpochs = nil, 0 },
	} {
		free(&p)
		free(&s)
	}
	enough := s.Epochs >= 100
	p.Epochs = s.Epochs
	if milestones && enough && reflect.DeepEqual(p, s) {
		return PaperScale
	}
	return ReducedScale
}

// paperModels gives the paper's network of each of its data sets.
var paperModels = map[string]string{"cifar10": "resnet18", "cifar100": "resnet50", "stl10": "resnet50", "tiny-imagenet": "resnet50"}
