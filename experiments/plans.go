package experiments

import (
	"fmt"

	"github.com/gocollapse/collapse/record"
)

// plan is runs that differ in δ and seed alone.
type plan struct {
	kinds  []Kind
	scale  record.Scale
	name   string // of the runs, before loss and seed
	base   string // a specification of this folder
	change func(*record.Spec)
	deltas []float64 // 0 is CE
	seeds  []int64
}

const (
	paper   = record.PaperScale
	reduced = record.ReducedScale
)

// PaperDelta is δ of the paper's pairs; a run's name calls this loss "ls" without a number.
const PaperDelta = 0.05

// FirstSeed is the seed of a plan that has one alone.
const FirstSeed = 2021

var (
	pair     = []float64{0, PaperDelta}
	others   = []float64{0.02, 0.08, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95} // the δ sweep without the pair
	ufmPair  = []float64{0, PaperDelta, 0.1}                        // of Figure 8
	ufmMore  = []float64{0.2, 0.3, 0.4}                             // that Figure 10 adds
	ufmAll   = append(ufmPair[:3:3], ufmMore...)
	first    = []int64{FirstSeed}
	second   = []int64{2022, 2023}
	three    = []int64{FirstSeed, 2022, 2023}
	fourFive = []int64{2024, 2025}
)

// plans are all runs, the most valuable first.
var plans = []plan{
	// On a GPU the two runs of Table 1 come before everything else.
	{[]Kind{Tables, Pairs}, paper, "cifar10-resnet18", "cifar10-resnet18-ce", nil, pair, first},

	{[]Kind{Pairs, Sweep, DecaySweep}, reduced, "cifar10-twin", twin, nil, pair, first},
	{[]Kind{Pairs, Sweep}, reduced, "cifar10-twin", twin, nil, pair, second},
	{[]Kind{Pairs}, reduced, "cifar10-twin", twin, nil, pair, fourFive},
	{[]Kind{Sweep}, reduced, "cifar10-twin", twin, nil, others, first},
	{[]Kind{Tables}, reduced, "cifar10-narrow", "cifar10-resnet18-ce", narrow, pair, first},
	{[]Kind{LongPair}, reduced, "cifar10-twin-long", twin, long, pair, first},
	{[]Kind{DecaySweep}, reduced, "cifar10-twin-decay2e-3", twin, decay(2e-3), pair, first},
	{[]Kind{DecaySweep}, reduced, "cifar10-twin-decay1e-3", twin, decay(1e-3), pair, first},
	{[]Kind{DecaySweep}, reduced, "cifar10-twin-decay5e-4", twin, decay(5e-4), pair, first},
	{[]Kind{UFMSweep}, reduced, "cifar10-ufm-twin", twin, simulatedUFM, ufmAll, first},
	{[]Kind{Batch64}, reduced, "cifar10-twin-batch64", twin, batch64, pair, first},
	{[]Kind{Pairs100, Sweep100}, reduced, "cifar100-twin", twin, cifar100Twin, pair, first},
	{[]Kind{PairsTiny}, reduced, "tiny-imagenet-twin", twin, tinyTwin, pair, first},
	{[]Kind{Sweep}, reduced, "cifar10-twin", twin, nil, others, second},
	{[]Kind{UFMSweep}, reduced, "cifar10-ufm-twin", twin, simulatedUFM, ufmAll, second},
	{[]Kind{Pairs100, Sweep100}, reduced, "cifar100-twin", twin, cifar100Twin, pair, second},
	{[]Kind{PairsTiny}, reduced, "tiny-imagenet-twin", twin, tinyTwin, pair, second},
	{[]Kind{Sweep100}, reduced, "cifar100-twin", twin, cifar100Twin, others, three},

	{[]Kind{Tables, Pairs}, paper, "cifar10-resnet18", "cifar10-resnet18-ce", nil, pair, second},
	{[]Kind{Pairs100}, paper, "cifar100-resnet50", "cifar100-resnet50-ce", nil, pair, first},
	{[]Kind{Pairs, Sweep}, paper, "cifar10-resnet18-800", whole, nil, pair, three},
	{[]Kind{Sweep}, paper, "cifar10-resnet18-800", whole, nil, others, first},
	{[]Kind{Batch64}, paper, "cifar10-resnet18-800-batch64", whole, batch64, pair, first},
	{[]Kind{UFMSweep}, paper, "cifar10-ufm-800", whole, simulatedUFM, ufmPair, first},
	{[]Kind{UFMSweep}, paper, "cifar10-ufm-800", whole, simulatedUFM, ufmMore, first},
	{[]Kind{Pairs100}, paper, "cifar100-resnet50", "cifar100-resnet50-ce", nil, pair, second},
	{[]Kind{Pairs100, Sweep100}, paper, "cifar100-resnet50-800", whole, on("cifar100"), pair, three},
	{[]Kind{PairsTiny}, paper, "tiny-imagenet-resnet50", whole, tinyImageNet, pair, three},
	{[]Kind{PairsSTL}, paper, "stl10-resnet50", whole, on("stl10"), pair, three},
	{[]Kind{Sweep}, paper, "cifar10-resnet18-800", whole, nil, others, second},
	{[]Kind{Sweep100}, paper, "cifar100-resnet50-800", whole, on("cifar100"), others, three},
}

// Specifications that most plans begin with.
const (
	twin  = "cifar10-twin-ce"
	whole = "cifar10-resnet18-800-ce" // all 800 epochs
)

// run composes a plan's run of a loss and a seed.
func (p plan) run(delta float64, seed int64) Run {
	s := base(p.base)
	if p.change != nil {
		p.change(&s)
	}
	loss := "ce"
	if delta > 0 {
		s.Loss = record.Loss{Name: "ls", Delta: delta}
		if loss = "ls"; delta != PaperDelta {
			loss = s.Loss.Slug()
		}
	}
	s.Seed, s.Name = seed, fmt.Sprintf("%s-%s-%d", p.name, loss, seed)
	return Run{Name: s.Name, Group: p.name, Spec: s, Scale: p.scale, Kinds: p.kinds}
}

// on takes another data set of the paper, with the paper's network for it.
func on(set string) func(*record.Spec) {
	return func(s *record.Spec) { s.Dataset, s.Model = set, record.PaperSets[set].Model }
}

func decay(v float64) func(*record.Spec) { return func(s *record.Spec) { s.Decay = v } }

// batch64 is the batch of the authors' public code for most curves; the text says 128.
func batch64(s *record.Spec) { s.Batch = 64 }

// narrow changes the width alone, and what is measured: Table 1's epochs are among these.
func narrow(s *record.Spec) {
	s.Width, s.Precision = 16, "float32"
	s.Measure = "1,2,3,5,7,10,14,20,28,40,50,64,80,100"
}

// long trains three times as long with the same shares.
func long(s *record.Spec) {
	s.Epochs, s.ScheduleEpochs, s.Milestones = 180, 180, []int{120, 156}
	s.Measure = "1,3,6,9,15,21,30,42,60,75,90,105,120,123,126,132,144,156,159,168,180"
}

// simulatedUFM has the paper's penalties in place of weight decay, and batch normalisation of the
// features (Section 4, Appendix B.6).
func simulatedUFM(s *record.Spec) {
	s.FeatureNorm, s.Decay = true, 0
	s.LambdaW, s.LambdaH, s.LambdaB = 1e-3, 1e-6, 1e-2
}

// twin50Width should keep a run of a ResNet-50 twin near or under 45 minutes on two idle cores: an estimate, no
// such run was timed. Its 256 features are enough for the simplex ETF of 200 classes. At width 16 a run on CIFAR-100
// is estimated at about an hour (see perElement).
const twin50Width = 8

// cifar100Twin sees as many images as CIFAR-10's twin, and so has its intrinsic time.
func cifar100Twin(s *record.Spec) {
	on("cifar100")(s)
	s.TrainPerClass, s.Width = 50, twin50Width
}

// tinyTwin takes as many steps as CIFAR-10's twin, and so has its intrinsic time. An image has four times the
// pixels, so that 5,000 of them are estimated at an hour and a half: it sees 2,000, in batches of 50.
func tinyTwin(s *record.Spec) {
	on("tiny-imagenet")(s)
	s.TrainPerClass, s.Width, s.Batch = 10, twin50Width, 50
}

// tinyImageNet is trained for 300 epochs in the paper.
func tinyImageNet(s *record.Spec) {
	on("tiny-imagenet")(s)
	s.Epochs, s.ScheduleEpochs, s.Milestones = 300, 300, []int{100, 200}
	s.Measure = "1,2,3,5,7,10,14,20,28,40,50,70,85,100,101,102,105,110,125,150,175,200,201,202,205,210,230,260,300"
}
