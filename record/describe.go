package record

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Description is a run in words, for captions, tables and pages. A field has neither a capital
// letter at its start, names apart, nor a full stop at its end. It is "" where the record does not
// say, or where there is nothing to say.
type Description struct {
	Scale     string // paper scale; reduced scale, not the paper's run
	Dataset   string // CIFAR-10
	Images    string // 5000 training and 10000 test images
	Bytes     string // official bytes
	Changes   string // long tail of ratio 100, augmented by mirroring
	Network   string // ResNet-18 with 16 channels in the first stage (the paper's has 64)
	Loss      string // label smoothing, δ = 0.05
	Schedule  string // 40 epochs in batches of 128, rate 0.05 ×0.1 after epochs 10, 20
	Optimiser string // SGD with momentum 0.9, weight decay 0.0005
	Precision string // bfloat16; "" for float32
	Seed      string // seed 2021
	Backend   string // xla:cpu
	Machine   string // Intel Xeon (2 cores)
	Status    string // "" for a finished run
}

// Describe returns the run in words.
func (r *Record) Describe() Description {
	spec := r.Spec.Resolve()
	d := Description{
		Scale:     "reduced scale, not the paper's run",
		Dataset:   DataName(spec.Dataset),
		Bytes:     r.Data.Bytes,
		Changes:   spec.Images.changes(),
		Network:   spec.Network.describe(),
		Loss:      spec.Loss.Words(),
		Schedule:  spec.describeSchedule(),
		Optimiser: spec.Optimisation.describe(),
		Seed:      fmt.Sprintf("seed %d", spec.Seed),
		Backend:   r.Environment.Backend,
		Machine:   r.Environment.describe(),
	}
	if r.AtPaperScale() {
		d.Scale = "paper scale"
	}
	if r.Data.Train > 0 {
		d.Images = r.Data.Counts()
	}
	switch r.Data.Bytes {
	case Official:
		d.Bytes = "official bytes"
	case "":
		d.Bytes = "bytes not checked"
	}
	if spec.Precision != "float32" {
		d.Precision = spec.Precision
	}
	if r.Status != Finished && r.Status != "" {
		d.Status = fmt.Sprintf("the run is not complete (%s after %d of %d epochs)",
			r.Status, len(r.Epochs), spec.Epochs)
	}
	return d
}

// Counts says how many images there are: 5000 training and 10000 test images.
func (d Data) Counts() string {
	if d.Test == 0 {
		return fmt.Sprintf("%d training and no test images", d.Train)
	}
	return fmt.Sprintf("%d training and %d test images", d.Train, d.Test)
}

// DataTitle names the images in a heading: CIFAR-10; CIFAR-10, 500 images per class.
func (i Images) DataTitle() string {
	s := DataName(i.Dataset)
	if i.TrainPerClass > 0 {
		s += fmt.Sprintf(", %d images per class", i.TrainPerClass)
	}
	return s
}

// NetworkTitle names the network in a heading: ResNet-18 of width 16.
func (n Network) NetworkTitle() string {
	s := networkName(n.Model)
	if n.Model == "mlp" {
		return s + fmt.Sprintf(" of %d hidden layers of %d units", n.Depth, n.Width)
	}
	return s + fmt.Sprintf(" of width %d", n.Width)
}

// describe says how a resolved network differs from the paper's.
func (n Network) describe() string {
	paper := DefaultSpec().Network
	s := networkName(n.Model)
	if n.Model == "mlp" {
		s = n.NetworkTitle()
	} else if n.Width != paper.Width {
		s += fmt.Sprintf(" with %d channels in the first stage (the paper's has %d)", n.Width, paper.Width)
	}
	if n.Stem != paper.Stem {
		s += ", stem of 7×7 and max-pooling"
	}
	switch n.Head {
	case "etf":
		s += fmt.Sprintf(", classifier a fixed simplex ETF of norm %g", n.HeadScale)
	case "normalised":
		s += fmt.Sprintf(", features scaled to norm %g", n.HeadScale)
	}
	if n.FeatureNorm {
		s += ", batch normalisation of the features"
	}
	return s
}

// changes says what was done to the images and labels of a set.
func (i Images) changes() string {
	var parts []string
	if i.Resize > 0 {
		parts = append(parts, fmt.Sprintf("scaled to %d×%[1]d pixels", i.Resize))
	}
	if i.TestShare > 0 {
		parts = append(parts, fmt.Sprintf("tested on %g %% of the images, held out at random", 100*i.TestShare))
	}
	if i.LongTail > 1 {
		parts = append(parts, fmt.Sprintf("long tail of ratio %g", i.LongTail))
	}
	if i.Corrupt > 0 {
		parts = append(parts, fmt.Sprintf("%g %% of the training labels wrong", 100*i.Corrupt))
	}
	switch {
	case i.Pad > 0 && i.Flip:
		parts = append(parts, fmt.Sprintf("augmented by shifts of up to %d pixels and mirroring", i.Pad))
	case i.Pad > 0:
		parts = append(parts, fmt.Sprintf("augmented by shifts of up to %d pixels", i.Pad))
	case i.Flip:
		parts = append(parts, "augmented by mirroring")
	}
	return strings.Join(parts, ", ")
}

// describeSchedule says how long a resolved specification trains and at which rates.
func (s Spec) describeSchedule() string {
	text := fmt.Sprintf("%d epochs in batches of %d, rate %g", s.Epochs, s.Batch, s.Rate)
	var reached []string
	for _, m := range s.Milestones {
		if m < s.Epochs {
			reached = append(reached, strconv.Itoa(m))
		}
	}
	switch {
	case s.Schedule == "cosine":
		return text + fmt.Sprintf(" decreasing along a cosine of %d epochs", s.ScheduleEpochs)
	case len(reached) > 0:
		return text + fmt.Sprintf(" ×%g after epochs %s", s.Gamma, strings.Join(reached, ", "))
	}
	return text + " throughout"
}

// optimizerNames are the names of Optimizers as people write them.
var optimizerNames = map[string]string{"sgd": "SGD", "adam": "Adam", "adamw": "AdamW"}

// describe says by which steps a resolved specification minimises the loss, and its L2 terms.
func (o Optimisation) describe() string {
	s := o.Optimizer
	if name, ok := optimizerNames[s]; ok {
		s = name
	}
	if o.Optimizer == "sgd" {
		s += fmt.Sprintf(" with momentum %g", o.Momentum)
	} else {
		s += fmt.Sprintf(" with β₁ = %g", o.Momentum)
	}
	if o.Nesterov {
		s += " (Nesterov)"
	}
	if o.UFM() {
		return s + fmt.Sprintf(", the UFM's L2 with λ_W = %g, λ_H = %g, λ_b = %g", o.LambdaW, o.LambdaH, o.LambdaB)
	}
	s += fmt.Sprintf(", weight decay %g", o.Decay)
	if o.DecayOn == "weights" && o.Decay > 0 {
		s += " on weights alone"
	}
	return s
}

// describe names the kind of machine: Intel Xeon (2 cores), with the accelerator in front where
// there was one.
func (e Environment) describe() string {
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

// networkName is the name of a model as people write it: ResNet-18 for resnet18.
func networkName(model string) string {
	if n, ok := strings.CutPrefix(model, "resnet"); ok {
		return "ResNet-" + n
	}
	if model == "cnn" || model == "mlp" {
		return strings.ToUpper(model)
	}
	return model
}

// SeedsInWords lists seeds, each once: seed 2021; seeds 2021 to 2023, 2025.
func SeedsInWords(seeds []int64) string {
	v := slices.Clone(seeds)
	slices.Sort(v)
	v = slices.Compact(v)
	if len(v) == 1 {
		return fmt.Sprintf("seed %d", v[0])
	}
	var parts []string
	for i := 0; i < len(v); {
		j := i
		for j+1 < len(v) && v[j+1] == v[j]+1 {
			j++
		}
		if j > i+1 {
			parts = append(parts, fmt.Sprintf("%d to %d", v[i], v[j]))
		} else {
			for _, seed := range v[i : j+1] {
				parts = append(parts, strconv.FormatInt(seed, 10))
			}
		}
		i = j + 1
	}
	return "seeds " + strings.Join(parts, ", ")
}
