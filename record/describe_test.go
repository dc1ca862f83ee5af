package record

import (
	"testing"
	"time"
)

// A run is described as its specification has it, whatever the loss and the optimiser.
func TestDescribe(t *testing.T) {
	r := &Record{Spec: DefaultSpec(), Status: Stopped, Epochs: make([]Epoch, 3), Started: time.Now(),
		Data:        Data{Bytes: Unofficial, Train: 5000, Test: 10000},
		Environment: Environment{Backend: "xla:cuda", Device: "H200", CPU: "Test CPU", Cores: 1}}
	s := &r.Spec
	s.Dataset, s.TrainPerClass, s.Flip, s.Corrupt = "cifar100", 50, true, 0.2
	s.Loss = Loss{Name: "focal", FocalGamma: 3}
	s.Optimizer, s.Rate, s.Decay, s.DecayOn = "adamw", 0.001, 0.01, "weights"
	s.Schedule, s.Milestones, s.Epochs, s.ScheduleEpochs = "cosine", nil, 200, 200
	s.Model, s.Width, s.Stem = "resnet50", 16, "7x7"
	s.Precision = "tf32"
	want := Description{
		Scale: "reduced scale, not the paper's run", Dataset: "CIFAR-100",
		Images: "5000 training and 10000 test images",
		Bytes:  "not the official bytes", Changes: "20 % of the training labels wrong, augmented by mirroring",
		Network:   "ResNet-50 with 16 channels in the first stage (the paper's has 64), stem of 7×7 and max-pooling",
		Loss:      "focal loss, γ = 3",
		Schedule:  "200 epochs in batches of 128, rate 0.001 decreasing along a cosine of 200 epochs",
		Optimiser: "AdamW with β₁ = 0.9, weight decay 0.01 on weights alone",
		Precision: "tf32", Seed: "seed 2021", Backend: "xla:cuda", Machine: "H200 with Test CPU (1 core)",
		Status: "the run is not complete (stopped after 3 of 200 epochs)",
	}
	if got := r.Describe(); got != want {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	if got := s.NetworkTitle() + " on " + s.DataTitle(); got != "ResNet-50 of width 16 on "+
		"CIFAR-100, 50 images per class" {
		t.Errorf("title %q", got)
	}
}

// The paper's run is described without what does not differ from the paper.
func TestDescribePaper(t *testing.T) {
	r := &Record{Spec: DefaultSpec(), Scale: PaperScale, Status: Finished,
		Data:        Data{Bytes: Official, Train: 50000, Test: 10000},
		Environment: Environment{Backend: "xla:cpu", OS: "linux", Arch: "amd64", Cores: 2}}
	want := Description{
		Scale: "paper scale", Dataset: "CIFAR-10",
		Images: "50000 training and 10000 test images", Bytes: "official bytes",
		Network: "ResNet-18", Loss: "cross entropy",
		Schedule:  "800 epochs in batches of 128, rate 0.05 ×0.1 after epochs 150, 350",
		Optimiser: "SGD with momentum 0.9, weight decay 0.0005",
		Seed:      "seed 2021", Backend: "xla:cpu", Machine: "linux/amd64 (2 cores)",
	}
	if got := r.Describe(); got != want {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

// Every data set and optimiser has a name that people write.
func TestDescribeNames(t *testing.T) {
	for _, set := range Datasets {
		if DataName(set) == set {
			t.Errorf("data set %s has no name of its own", set)
		}
	}
	for _, optimizer := range Optimizers {
		if optimizerNames[optimizer] == "" {
			t.Errorf("optimiser %s has no name of its own", optimizer)
		}
	}
	if got := DataName("folder:cats"); got != "folder:cats" {
		t.Errorf("a folder is named %q", got)
	}
	mlp := Network{Model: "mlp", Depth: 2, Width: 16}
	if got := mlp.NetworkTitle(); got != "MLP of 2 hidden layers of 16 units" {
		t.Errorf("MLP: %q", got)
	}
}

// A run on images of the user's own says how they were scaled and what it was tested on.
func TestDescribeOwnImages(t *testing.T) {
	r := &Record{Spec: DefaultSpec(), Status: Finished, Data: Data{Bytes: Unofficial, Train: 24}}
	r.Spec.Dataset, r.Spec.Resize = "folder:cats", 64
	if d := r.Describe(); d.Images != "24 training and no test images" || d.Changes != "scaled to 64×64 pixels" {
		t.Errorf("%q, %q", d.Images, d.Changes)
	}
	r.Spec.TestShare, r.Data.Train, r.Data.Test = 0.25, 18, 6
	want := "scaled to 64×64 pixels, tested on 25 % of the images, held out at random"
	if d := r.Describe(); d.Images != "18 training and 6 test images" || d.Changes != want {
		t.Errorf("%q, %q", d.Images, d.Changes)
	}
}
