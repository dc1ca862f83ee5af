package record

import (
	"math"
	"slices"
	"strings"
)

// fields describes every field of a Spec.
var fields = described(
	inGroup(runGroup, runFields), inGroup(imageGroup, imageFields), inGroup(networkGroup, networkFields),
	inGroup(lossGroup, lossFields()), inGroup(optimiserGroup, optimiserFields),
	inGroup(scheduleGroup, scheduleFields), inGroup(computationGroup, computationFields))

const (
	runGroup         = "The run"
	imageGroup       = "The images"
	networkGroup     = "The network"
	lossGroup        = "The loss"
	optimiserGroup   = "The optimiser"
	scheduleGroup    = "The schedule"
	computationGroup = "How it is computed"
)

func inGroup(name string, list []Field) []Field {
	for i := range list {
		list[i].Group = name
	}
	return list
}

var (
	infinity = math.Inf(1)
	positive = Interval{Low: 0, High: infinity, OpenLow: true}
	atLeast0 = Interval{Low: 0, High: infinity}
	share    = Interval{Low: 0, High: 1}
	inside01 = Interval{Low: 0, High: 1, OpenLow: true, OpenHigh: true}
)

// Values of fields that may be any value of their type.
const (
	anyText  = "text"
	anyWhole = "whole number"
)

var runFields = []Field{
	{Key: "name", Values: anyText, Meaning: "name of the run, for people", Default: "made from the settings"},
	{Key: "seed", Values: anyWhole,
		Meaning: "seed of the initial weights, of the order and choice of images, and of the labels that are replaced"},
}

var imageFields = []Field{
	{Key: "dataset", Names: Datasets, check: checkDataset,
		Values:  "`" + strings.Join(Datasets, "`, `") + "`, `" + strings.Join(Prefixes, "PATH`, `") + "PATH`",
		Meaning: "data set, or a path to images of your own"},
	{Key: "train_per_class", Range: atLeast0,
		Meaning: "training images per class, a choice drawn by the seed", Hint: "0 takes all"},
	{Key: "long_tail", Range: Interval{Low: 1, High: infinity, OrZero: true}, Later: true,
		Meaning: "size of the largest class over that of the smallest, after `train_per_class`",
		Hint:    "0 leaves the classes as they are"},
	{Key: "corrupt", Range: share, Later: true,
		Meaning: "share of the remaining training labels that is replaced by another class"},
	{Key: "test_share", Range: Interval{Low: 0, High: 1, OpenLow: true, OpenHigh: true, OrZero: true}, Later: true,
		Meaning: "share of each class's training images that becomes the test images, drawn by the seed; " +
			"for a data set without test images",
		Hint: "0 holds out none"},
	{Key: "resize", Range: Interval{Low: 0, High: 4096}, Later: true,
		Meaning: "pixels of height and width to which the images of `folder:PATH` are scaled",
		Hint:    "0 takes them as they are, and they must have one size"},
	{Key: "pad", Range: Interval{Low: 0, High: 1024}, Later: true,
		Meaning: "augmentation: zeros around an image, from which a window is cut", Hint: "the paper has none"},
	{Key: "flip", Later: true, Meaning: "augmentation: half of the images with left and right exchanged"},
}

var networkFields = []Field{
	{Key: "model", Names: Models, Meaning: "network"},
	{Key: "width", Range: Interval{Low: 1, High: 1024},
		Meaning: "channels of the first stage, units of `mlp`", Hint: "the paper's is 64"},
	{Key: "depth", Range: Interval{Low: 1, High: 100}, Zero: 2, Of: "model", With: []string{"mlp"}, Later: true,
		Meaning: "hidden layers of `mlp`", Default: "2 with `mlp`, else 0"},
	{Key: "stem", Names: Stems, Zero: Stems[0], Of: "model", With: resNets(), Later: true,
		Meaning: "first layers of a ResNet: `3x3` is the paper's, `7x7` torchvision's"},
	{Key: "head", Names: Heads, Zero: Heads[0], Later: true,
		Meaning: "classifier: `linear`, `etf` (a fixed simplex ETF) or `normalised` (features on a sphere)"},
	{Key: "head_scale", Range: positive, Zero: 1., Of: "head", With: Heads[1:], Later: true,
		Meaning: "norm of the rows of `etf`, or of the features of `normalised`", Default: "1, with `linear` 0"},
	{Key: "feature_norm", Later: true, Meaning: "batch normalisation of the features, as in the paper's simulated UFM"},
}

// lossFields describes the loss and the parameters of Losses.
func lossFields() []Field {
	list := []Field{
		{Key: "loss", Names: LossNames(), Values: "`" + strings.Join(LossNames(), "`, `") + "`, `" + OwnLoss + "NAME`",
			Meaning: "loss; `own:NAME` is one of your own, which a Go program registers"},
		{Key: "loss_parameters", Values: "object of numbers", Of: "loss", Later: true,
			Meaning: "parameters of a loss of your own, by name; absent with others"},
	}
	for _, key := range lossParameterKeys() {
		f := Field{Key: key, Of: "loss", Later: key != "delta"}
		var meanings, defaults, hints []string
		for _, k := range Losses {
			for _, p := range k.Parameters {
				if p.Key != key {
					continue
				}
				f.With, f.Range = append(f.With, k.Name), p.Range
				if p.Hint != "" && !slices.Contains(hints, p.Hint) {
					hints = append(hints, p.Hint)
				}
				meanings = append(meanings, p.Symbol+" of `"+k.Name+"`: "+p.Meaning)
				if p.Default != 0 {
					defaults = append(defaults, number(p.Default)+" with `"+k.Name+"`")
				}
			}
		}
		f.Meaning, f.Hint = strings.Join(meanings, "; "), strings.Join(hints, "; ")
		f.Default = strings.Join(append(defaults, "else 0"), ", ")
		if len(defaults) == 0 {
			f.Default = "0: to be given with `" + strings.Join(f.With, "`, `") + "`"
		}
		list = append(list, f)
	}
	return list
}

var optimiserFields = []Field{
	{Key: "epochs", Range: Interval{Low: 1, High: 1_000_000}, Meaning: "passes over the training images"},
	{Key: "batch", Range: Interval{Low: 2, High: 1 << 20},
		Meaning: "images per step", Hint: "batch normalisation needs two"},
	{Key: "accumulate", Range: Interval{Low: 1, High: 1 << 20}, Zero: 1, Later: true,
		Meaning: "parts of a batch, computed one after the other, whose gradients are added up"},
	{Key: "optimizer", Names: Optimizers, Zero: Optimizers[0], Later: true, Meaning: "optimiser"},
	{Key: "rate", Range: positive, Meaning: "initial learning rate"},
	{Key: "momentum", Range: Interval{Low: 0, High: 1, OpenHigh: true},
		Meaning: "momentum of `sgd` in PyTorch's recurrence, β₁ of `adam` and `adamw`"},
	{Key: "nesterov", Of: "optimizer", With: Optimizers[:1], Later: true, Meaning: "Nesterov's momentum, of `sgd`"},
	{Key: "decay", Range: atLeast0, Meaning: "weight decay: L2 on the parameters that `decay_on` names"},
	{Key: "decay_on", Names: DecayTargets, Zero: DecayTargets[0], Later: true,
		Meaning: "what decays: `all`, or `weights` (neither biases nor batch normalisation)"},
	{Key: "lambda_w", Range: atLeast0, Later: true,
		Meaning: "the unconstrained feature model's L2 on the classifier, in place of `decay`"},
	{Key: "lambda_h", Range: atLeast0, Later: true, Meaning: "the unconstrained feature model's L2 on the features"},
	{Key: "lambda_b", Range: atLeast0, Later: true, Meaning: "the unconstrained feature model's L2 on the bias"},
}

var scheduleFields = []Field{
	{Key: "schedule", Names: Schedules, Zero: Schedules[0], Later: true,
		Meaning: "how the learning rate changes from epoch to epoch"},
	{Key: "schedule_epochs", Values: "`epochs` or more", Later: true,
		Meaning: "length of the schedule, of which `epochs` are the beginning",
		Hint:    "0 in an older record is not known"},
	{Key: "milestones", Values: "ascending epochs", Of: "schedule", With: Schedules[:1], check: checkMilestones,
		Meaning: "epochs after which `multistep` multiplies the rate by `gamma`"},
	{Key: "gamma", Range: Interval{Low: 0, High: 1, OpenLow: true}, Meaning: "factor of the rate at a milestone"},
}

var computationFields = []Field{
	{Key: "precision", Names: Precisions, Zero: Precisions[0], Later: true,
		Meaning: "`tf32`: convolutions and products in TF32 where the device has it; `bfloat16`: activations too"},
	{Key: "devices", Range: Interval{Low: 1, High: 1024}, Zero: 1, Later: true,
		Meaning: "devices that share each batch"},
	{Key: "measure", Values: "`every:N`, `log`, or a list such as `1,10,100`", Zero: "every:1", Later: true,
		Meaning: "epochs that are measured, with the first and the last; " +
			"`log` is 1 to 10, then those nearest to 10·1.1ⁱ", check: checkMeasure},
}

// resNets lists the models that have a stem.
func resNets() []string {
	return slices.DeleteFunc(slices.Clone(Models), func(m string) bool { return !strings.HasPrefix(m, "resnet") })
}
