package record

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// Spec is the specification of a run: what Fields describes field by field. The zero value is not
// valid: start from DefaultSpec, which holds the paper's settings.
//
// A field that is absent from an older record has the zero value here, which means what that
// version did; Resolve writes it out.
type Spec struct {
	Name string `json:"name"`
	Images
	Network
	Loss
	Optimisation
	RateSchedule
	Seed int64 `json:"seed"`
	Computation
}

// Images are the images of a run, and how they are changed before the network sees them.
type Images struct {
	Dataset       string  `json:"dataset"` // a name of Datasets, or one of Prefixes and a path
	TrainPerClass int     `json:"train_per_class"`
	LongTail      float64 `json:"long_tail"`
	Corrupt       float64 `json:"corrupt"`
	TestShare     float64 `json:"test_share,omitempty"`
	Resize        int     `json:"resize,omitempty"`
	Pad           int     `json:"pad"`
	Flip          bool    `json:"flip"`
}

// Network is what is trained, see package models.
type Network struct {
	Model       string  `json:"model"` // a name of Models
	Width       int     `json:"width"`
	Depth       int     `json:"depth"`
	Stem        string  `json:"stem"` // a name of Stems
	Head        string  `json:"head"` // a name of Heads
	HeadScale   float64 `json:"head_scale"`
	FeatureNorm bool    `json:"feature_norm"`
}

// Optimisation is how long and by which steps the loss is minimised, and its L2 terms: Decay, or
// the unconstrained feature model's in its place (see losses.UFM).
type Optimisation struct {
	Epochs     int     `json:"epochs"`
	Batch      int     `json:"batch"`
	Accumulate int     `json:"accumulate"`
	Optimizer  string  `json:"optimizer"` // a name of Optimizers
	Rate       float64 `json:"rate"`
	Momentum   float64 `json:"momentum"`
	Nesterov   bool    `json:"nesterov"`
	Decay      float64 `json:"decay"`
	DecayOn    string  `json:"decay_on"` // a name of DecayTargets
	LambdaW    float64 `json:"lambda_w"`
	LambdaH    float64 `json:"lambda_h"`
	LambdaB    float64 `json:"lambda_b"`
}

// UFM says whether the unconstrained feature model's L2 terms replace weight decay.
func (o Optimisation) UFM() bool { return o.LambdaW != 0 || o.LambdaH != 0 || o.LambdaB != 0 }

// RateSchedule is how the learning rate changes from epoch to epoch, see Spec.RateAt.
type RateSchedule struct {
	Schedule       string  `json:"schedule"` // a name of Schedules
	ScheduleEpochs int     `json:"schedule_epochs"`
	Milestones     []int   `json:"milestones"`
	Gamma          float64 `json:"gamma"`
}

// Computation is how a run is computed, and after which epochs it is measured.
type Computation struct {
	Precision string `json:"precision"` // a name of Precisions
	Devices   int    `json:"devices"`
	Measure   string `json:"measure"` // see Spec.Measured
}

// String is the specification as one line of JSON. Without it, a Spec would print as its loss.
func (s Spec) String() string {
	b, err := json.Marshal(s)
	if err != nil { // a number that JSON does not have
		return fmt.Sprintf("specification %q: %v", s.Name, err)
	}
	return string(b)
}

// Resolve returns the specification with every zero value that means another one replaced by it,
// as a record holds it: "" by the first name of a list, accumulate 0 by 1.
func (s Spec) Resolve() Spec {
	for _, f := range fields {
		v := f.value(&s)
		if text := v.Kind() == reflect.String; f.Zero != nil && v.IsZero() && (text || f.applies(&s)) {
			v.Set(reflect.ValueOf(f.Zero))
		}
	}
	return s
}

// Complete sets the fields that follow from those that a user gave: given says of a field's JSON
// name whether it was. A loss has the defaults of its parameters. The UFM's L2 replaces weight
// decay. A cosine has no milestones. A schedule ends with the run if its milestones or epochs were
// given and its length was not.
func (s *Spec) Complete(given func(field string) bool) {
	s.Loss.complete(given)
	if s.UFM() && !given("decay") {
		s.Decay = 0
	}
	if s.Schedule == "cosine" && !given("milestones") {
		s.Milestones = nil
	}
	if !given("schedule_epochs") && (given("milestones") || s.Schedule == "cosine" || s.Epochs > s.ScheduleEpochs) {
		s.ScheduleEpochs = s.Epochs
	}
}

// Without returns the resolved specification with the given fields cleared, for a comparison of
// runs that may differ in them. It also clears the length of a multi-step schedule, which changes
// no rate and which older records do not have.
func (s Spec) Without(keys ...string) Spec {
	s = s.Resolve()
	if s.Schedule == "multistep" {
		s.ScheduleEpochs = 0
	}
	for _, key := range keys {
		f, ok := FieldByKey(key)
		if !ok {
			panic("record: a specification has no field " + key)
		}
		f.value(&s).SetZero()
	}
	return s
}

// Setting clears the fields that may differ between runs shown in one table or figure: name, loss
// and its parameters, seed, number of epochs, epochs that are measured, and devices.
func (s Spec) Setting() Spec {
	return s.Without("name", "seed", "epochs", "measure", "devices").WithoutLoss()
}

// WithoutLoss clears the loss and its parameters.
func (s Spec) WithoutLoss() Spec {
	s.Loss = Loss{}
	return s
}

// Difference is a field in which two specifications differ, by its JSON name, with both values.
type Difference struct{ Field, A, B string }

// Differences lists the fields in which a and b differ, as they are: Resolve, Without and Setting
// put them into forms that can be compared.
func Differences(a, b Spec) (all []Difference) {
	for _, f := range fields {
		if u, v := f.Text(a), f.Text(b); u != v {
			all = append(all, Difference{f.Key, u, v})
		}
	}
	return all
}
