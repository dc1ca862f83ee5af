package record

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
// it returns ReducedScale. δ, seed, precision, devices and the measured epochs may be any.
func (s Spec) Scale() Scale {
	p := DefaultSpec()
	if model, ok := paperModels[s.Dataset]; ok {
		p.Dataset, p.Model = s.Dataset, model
	}
	if s.Dataset == "tiny-imagenet" {
		p.Milestones = []int{100, 200}
	}
	if s.Loss.Name == "ls" {
		p.Loss = s.Loss
	}
	free := []string{"name", "seed", "epochs", "schedule_epochs", "precision", "devices", "measure"}
	if s.Epochs >= 100 && Differences(s.Without(free...), p.Without(free...)) == nil {
		return PaperScale
	}
	return ReducedScale
}

// paperModels gives the paper's network of each of its data sets.
var paperModels = map[string]string{
	"cifar10": "resnet18", "cifar100": "resnet50", "stl10": "resnet50", "tiny-imagenet": "resnet50",
}
