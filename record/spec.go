package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Spec is the specification of a run. The zero value is not valid: start from
// DefaultSpec, which holds the paper's settings.
type Spec struct {
	Name          string  `json:"name"`
	Dataset       string  `json:"dataset"`         // see Datasets
	TrainPerClass int     `json:"train_per_class"` // 0 takes all
	Model         string  `json:"model"`           // see Models
	Width         int     `json:"width"`           // channels of the first stage; the paper's is 64
	Loss          string  `json:"loss"`            // see Losses
	Delta         float64 `json:"delta"`           // label smoothing δ in [0, 1); 0 for ce
	Epochs        int     `json:"epochs"`
	Batch         int     `json:"batch"`
	Rate          float64 `json:"rate"`       // initial learning rate
	Momentum      float64 `json:"momentum"`   // in [0, 1)
	Decay         float64 `json:"decay"`      // L2, added to the gradient of every parameter
	Milestones    []int   `json:"milestones"` // epochs after which the rate is multiplied by Gamma
	Gamma         float64 `json:"gamma"`      // in (0, 1]
	Seed          int64   `json:"seed"`
}

// Names that a Spec may use.
var (
	Datasets = []string{"cifar10", "fashion-mnist-small"}
	Models   = []string{"resnet18"}
	Losses   = []string{"ce", "ls"}
)

// DefaultSpec returns the paper's setting for CIFAR-10 under cross entropy
// (Section 3, Experiment Setup).
func DefaultSpec() Spec {
	return Spec{
		Dataset: "cifar10", Model: "resnet18", Width: 64, Loss: "ce",
		Epochs: 800, Batch: 128, Rate: 0.05, Momentum: 0.9, Decay: 5e-4,
		Milestones: []int{150, 350}, Gamma: 0.1, Seed: 2021,
	}
}

// Validate reports every fault of the specification at once, each naming the
// field, what was found and what is allowed. It returns nil for a valid one.
func (s Spec) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	oneOf := func(field, v string, allowed []string) {
		if !slices.Contains(allowed, v) {
			bad("%s: unknown %q; known are %s", field, v, strings.Join(allowed, ", "))
		}
	}
	finite := func(field string, v float64, ok bool, want string) {
		if math.IsNaN(v) || math.IsInf(v, 0) || !ok {
			bad("%s: %v is outside %s", field, v, want)
		}
	}
	oneOf("dataset", s.Dataset, Datasets)
	oneOf("model", s.Model, Models)
	oneOf("loss", s.Loss, Losses)
	finite("delta", s.Delta, s.Delta >= 0 && s.Delta < 1, "[0, 1)")
	if s.Loss == "ce" && s.Delta != 0 {
		bad("delta: %v given with loss ce, which has δ = 0; take loss ls", s.Delta)
	}
	if s.Loss == "ls" && s.Delta == 0 {
		bad("delta: loss ls needs δ in (0, 1), the paper's is 0.05; loss ce is δ = 0")
	}
	if s.TrainPerClass < 0 {
		bad("train_per_class: %d is negative; 0 takes all images", s.TrainPerClass)
	}
	if s.Width < 1 || s.Width > 1024 {
		bad("width: %d is outside 1 to 1024; the paper's is 64", s.Width)
	}
	if s.Epochs < 1 || s.Epochs > 1_000_000 {
		bad("epochs: %d is outside 1 to 1000000", s.Epochs)
	}
	if s.Batch < 2 || s.Batch > 1<<20 {
		bad("batch: %d is outside 2 to 1048576 (batch normalisation needs two samples)", s.Batch)
	}
	finite("rate", s.Rate, s.Rate > 0, "(0, ∞)")
	finite("momentum", s.Momentum, s.Momentum >= 0 && s.Momentum < 1, "[0, 1)")
	finite("decay", s.Decay, s.Decay >= 0, "[0, ∞)")
	finite("gamma", s.Gamma, s.Gamma > 0 && s.Gamma <= 1, "(0, 1]")
	for i, m := range s.Milestones {
		if m < 1 || (i > 0 && m <= s.Milestones[i-1]) {
			bad("milestones: %v must be positive and rise", s.Milestones)
			break
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("specification %q: %w", s.Name, errors.Join(errs...))
}

// RateAt returns the learning rate of an epoch's steps, epochs counted from 1:
// Rate·Gamma^(milestones passed). A milestone m takes effect after m epochs, as
// in torch.optim.lr_scheduler.MultiStepLR stepped once an epoch.
func (s Spec) RateAt(epoch int) float64 {
	r := s.Rate
	for _, m := range s.Milestones {
		if epoch > m {
			r *= s.Gamma
		}
	}
	return r
}

// ReadSpec reads one specification. Fields that are absent keep the values of
// DefaultSpec; unknown fields, anything after the JSON object and a specification
// that is not valid are errors.
func ReadSpec(r io.Reader) (Spec, error) {
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
	return s, s.Validate()
}

// Scale says how a run relates to the paper's.
type Scale string

const (
	PaperScale   Scale = "paper"   // the paper's network, data and schedule
	ReducedScale Scale = "reduced" // smaller in at least one of them
)

// Scale returns PaperScale where data set, network, width, batch, rate, momentum
// and decay are the paper's, all images are used, and at least the 100 epochs of
// Table 1 are trained under the paper's milestones; else ReducedScale.
func (s Spec) Scale() Scale {
	p := DefaultSpec()
	if s.Dataset == p.Dataset && s.Model == p.Model && s.Width == p.Width && s.TrainPerClass == 0 &&
		s.Epochs >= 100 && s.Batch == p.Batch && s.Rate == p.Rate && s.Momentum == p.Momentum &&
		s.Decay == p.Decay && s.Gamma == p.Gamma && slices.Equal(s.Milestones, p.Milestones) {
		return PaperScale
	}
	return ReducedScale
}
