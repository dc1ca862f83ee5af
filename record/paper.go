package record

import (
	"cmp"
	"fmt"
)

// DefaultSpec returns the paper's setting for CIFAR-10 under cross entropy (Section 3, Experiment
// Setup), measured at epochs that become rarer.
func DefaultSpec() Spec {
	s := Spec{
		Images:       Images{Dataset: "cifar10"},
		Network:      Network{Model: "resnet18", Width: 64},
		Loss:         Loss{Name: "ce"},
		Optimisation: Optimisation{Epochs: 800, Batch: 128, Rate: 0.05, Momentum: 0.9, Decay: 5e-4},
		RateSchedule: RateSchedule{ScheduleEpochs: 800, Milestones: []int{150, 350}, Gamma: 0.1},
		Seed:         2021,
		Computation:  Computation{Measure: "log"},
	}
	return s.Resolve()
}

// Scale says how a run relates to the paper's.
type Scale string

const (
	PaperScale   Scale = "paper"   // the paper's network, data and schedule
	ReducedScale Scale = "reduced" // smaller in at least one of them
)

// Scale returns PaperScale if data set and network are one of the paper's pairs (ResNet-18 on
// CIFAR-10, ResNet-50 on CIFAR-100, STL-10 and Tiny ImageNet), all images are used unchanged, loss,
// optimiser and schedule are the paper's, and at least the 100 epochs of Table 1 are trained. Else
// it returns ReducedScale. δ, seed, precision, devices and the measured epochs may be any. The
// penalty may also be that of the simulated UFM (Section 4), with batch normalisation of the
// features.
func (s Spec) Scale() Scale {
	p := DefaultSpec()
	if set, ok := PaperSets[s.Dataset]; ok {
		p.Dataset, p.Model = s.Dataset, set.Model
	}
	if s.Dataset == "tiny-imagenet" {
		p.Milestones = []int{100, 200}
	}
	if s.Loss.Name == "ls" {
		p.Loss = s.Loss
	}
	if s.UFM() {
		p.FeatureNorm, p.Decay = true, 0
		p.LambdaW, p.LambdaH, p.LambdaB = 1e-3, 1e-6, 1e-2
	}
	free := []string{"name", "seed", "epochs", "schedule_epochs", "precision", "devices", "measure"}
	if s.Epochs >= 100 && Differences(s.Without(free...), p.Without(free...)) == nil {
		return PaperScale
	}
	return ReducedScale
}

// PaperSet is one of the data sets that the paper trained on.
type PaperSet struct {
	Model   string // the paper's network for it
	Classes int    // K
	Train   int    // training images, all of which the paper's runs see
	Epochs  int    // of the paper's runs
	// LogOffset is c of the log-scaled loss log(L − L_min + c), natural logarithm (Appendix B.3).
	LogOffset float64
}

// PaperSets are the paper's data sets, by the name that a specification gives them.
var PaperSets = map[string]PaperSet{
	"cifar10":  {Model: "resnet18", Classes: 10, Train: 50000, Epochs: 800, LogOffset: 0.002},
	"cifar100": {Model: "resnet50", Classes: 100, Train: 50000, Epochs: 800, LogOffset: 0.006},
	"stl10":    {Model: "resnet50", Classes: 10, Train: 5000, Epochs: 800, LogOffset: 0.01},
	"tiny-imagenet": {Model: "resnet50", Classes: 200, Train: 100000, Epochs: 300,
		LogOffset: 0.005},
}

// AtPaperScale says whether a run is at the paper's scale: its specification is the paper's,
// whatever the record's own label says, and it saw all training images of the paper's (a part of
// Tiny ImageNet is read under the name of the whole).
func (r *Record) AtPaperScale() bool {
	all := r.Data.Train == 0 || r.Data.Train == PaperSets[r.Spec.Dataset].Train
	return all && r.Scale == PaperScale && r.Spec.Scale() == PaperScale
}

// CheckScale reports a record that says it is at the paper's scale though its specification is not
// the paper's.
func (r *Record) CheckScale() error {
	if r.Scale == PaperScale && r.Spec.Scale() != PaperScale {
		return fmt.Errorf("%s says it is at the paper's scale, but its specification is not the paper's; "+
			"correct its scale", cmp.Or(r.Spec.Name, "a record"))
	}
	return nil
}
