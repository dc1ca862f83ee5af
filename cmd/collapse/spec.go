package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/internal/edit"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
)

// addSpecFlags gives every field of a specification its flag, which is its JSON name
// with dashes.
func addSpecFlags(f *pflag.FlagSet, s *record.Spec) {
	oneOf := func(names []string) string { return "one of " + strings.Join(names, ", ") }
	f.StringVar(&s.Name, "name", s.Name, "name of the run (default made from the settings)")

	f.StringVar(&s.Dataset, "dataset", s.Dataset, oneOf(record.Datasets)+"; or "+strings.Join(record.Prefixes, "PATH or ")+"PATH for images of your own")
	f.IntVar(&s.TrainPerClass, "train-per-class", s.TrainPerClass, "training images a class, a seeded stratified choice; 0 takes all")
	f.Float64Var(&s.LongTail, "long-tail", s.LongTail, "make the classes unequal: largest over smallest, from 1; 0 leaves them as they are")
	f.Float64Var(&s.Corrupt, "corrupt", s.Corrupt, "share of the training labels that is replaced by another class, in [0, 1]")
	f.IntVar(&s.Pad, "pad", s.Pad, "augmentation: zeros around an image of which a window is cut, 0 to 1024; the paper has none")
	f.BoolVar(&s.Flip, "flip", s.Flip, "augmentation: half of the images with left and right exchanged")

	f.StringVar(&s.Model, "model", s.Model, oneOf(record.Models))
	f.IntVar(&s.Width, "width", s.Width, "channels of the first stage (units of a layer of mlp), 1 to 1024; the paper's is 64")
	f.IntVar(&s.Depth, "depth", s.Depth, "hidden layers of mlp, 1 to 100; 0 is 2")
	f.StringVar(&s.Stem, "stem", s.Stem, "first layers of a ResNet: 3x3 (the paper's) or 7x7 (torchvision's)")
	f.StringVar(&s.Head, "head", s.Head, "classifier: linear, etf (fixed simplex) or normalised (features on a sphere)")
	f.Float64Var(&s.HeadScale, "head-scale", s.HeadScale, "norm of etf's rows or of normalised's features, above 0; 0 is 1")
	f.BoolVar(&s.FeatureNorm, "feature-norm", s.FeatureNorm, "batch normalisation of the features, as in the paper's simulated UFM")

	f.StringVar(&s.Loss.Name, "loss", s.Loss.Name, oneOf(record.LossNames()))
	f.Float64Var(&s.Delta, "delta", s.Delta, "label smoothing δ of ls, in (0, 1) (default 0.05, the paper's)")
	f.Float64Var(&s.FocalGamma, "focal-gamma", s.FocalGamma, "γ of focal, above 0; 3 in most work on calibration")
	f.Float64Var(&s.MSEWeight, "mse-weight", s.MSEWeight, "k of mse-resc, above 0")
	f.Float64Var(&s.MSETarget, "mse-target", s.MSETarget, "M of mse-resc, above 0")

	f.IntVar(&s.Epochs, "epochs", s.Epochs, "passes over the training images, from 1")
	f.IntVar(&s.Batch, "batch", s.Batch, "images a step, from 2")
	f.IntVar(&s.Accumulate, "accumulate", s.Accumulate, "parts of a batch, computed one after the other, from 1")
	f.StringVar(&s.Optimizer, "optimizer", s.Optimizer, oneOf(record.Optimizers))
	f.Float64Var(&s.Rate, "rate", s.Rate, "initial learning rate, above 0")
	f.Float64Var(&s.Momentum, "momentum", s.Momentum, "momentum of sgd, β₁ of adam and adamw, in [0, 1)")
	f.BoolVar(&s.Nesterov, "nesterov", s.Nesterov, "Nesterov's momentum, of sgd")
	f.Float64Var(&s.Decay, "decay", s.Decay, "weight decay (L2), from 0")
	f.StringVar(&s.DecayOn, "decay-on", s.DecayOn, "what decays: all, or weights (neither biases nor batch normalisation)")
	f.Float64Var(&s.LambdaW, "lambda-w", s.LambdaW, "UFM's L2 on the classifier in place of --decay, from 0")
	f.Float64Var(&s.LambdaH, "lambda-h", s.LambdaH, "UFM's L2 on the features, from 0")
	f.Float64Var(&s.LambdaB, "lambda-b", s.LambdaB, "UFM's L2 on the bias, from 0")
	f.StringVar(&s.Schedule, "schedule", s.Schedule, oneOf(record.Schedules))
	f.IntVar(&s.ScheduleEpochs, "schedule-epochs", s.ScheduleEpochs, "length of the schedule, of which --epochs are the beginning")
	f.IntSliceVar(&s.Milestones, "milestones", s.Milestones, "epochs after which the rate is multiplied by --gamma, rising")
	f.Float64Var(&s.Gamma, "gamma", s.Gamma, "factor of the rate at a milestone, in (0, 1]")
	f.Int64Var(&s.Seed, "seed", s.Seed, "seed of initial weights, order of images and choice of a subset")

	f.StringVar(&s.Precision, "precision", s.Precision, "of products and activations: "+strings.Join(record.Precisions, ", "))
	f.IntVar(&s.Devices, "devices", s.Devices, "devices that share each batch, from 1")
	f.StringVar(&s.Measure, "measure", s.Measure, "epochs to measure: every:N, log (thinning out), or a list as 1,10,100; first and last always")
}

// specSources are the flags that say where a specification begins.
type specSources struct {
	file   string // --spec
	resume string // folder of a run that goes on, or of several
}

// resolveSpec merges the sources of a specification: the resumed record or the
// file first, then every flag that was given.
func resolveSpec(c *cobra.Command, flags record.Spec, from specSources) (record.Spec, error) {
	changed := func(field string) bool { return c.Flags().Changed(strings.ReplaceAll(field, "_", "-")) }
	override := func(s *record.Spec) error { return overrideSpec(c.Flags(), s) }
	spec := flags
	var err error
	switch {
	case from.resume != "":
		if spec, err = resumedSpec(from.resume); err != nil {
			return spec, err
		}
		if err := override(&spec); err != nil {
			return spec, usageError{err}
		}
		// A multistep schedule lasts as long as its run; a cosine of another length is another one.
		if spec.Schedule != "cosine" && spec.ScheduleEpochs > 0 && !changed("schedule_epochs") {
			spec.ScheduleEpochs = max(spec.ScheduleEpochs, spec.Epochs)
		}
	case from.file != "":
		path, err := findSpec(from.file)
		if err != nil {
			return spec, err
		}
		f, err := os.Open(path)
		if err != nil {
			return spec, err
		}
		defer f.Close()
		if spec, err = record.DecodeSpec(f, changed, override); err != nil {
			return spec, fmt.Errorf("%s: %w", path, err)
		}
	default:
		spec.Complete(changed)
	}
	spec = spec.Resolve()
	if spec.Name == "" {
		spec.Name = specName(spec)
	}
	if err := spec.Validate(); err != nil {
		return spec, usageError{err}
	}
	return spec, nil
}

// resumedSpec returns the specification of a run's folder, or of a folder of several.
func resumedSpec(out string) (record.Spec, error) {
	seeds, spec, err := train.FindSeeds(out)
	if err != nil {
		return record.Spec{}, err
	}
	if spec != nil {
		return spec.Resolve(), nil
	}
	if len(seeds) > 0 {
		return record.Spec{}, fmt.Errorf("nothing to resume: no run in %s was begun; give the specification and --seeds without --resume", out)
	}
	// A record that cannot be read is no loss: the checkpoint has it too.
	own, err := train.SpecOf(out)
	if err != nil {
		return record.Spec{}, fmt.Errorf("nothing to resume: %w", err)
	}
	return own.Resolve(), nil
}

// findSpec returns the path of a specification given as a file or as the bare name of
// one in the folder experiments, here or in the project.
func findSpec(name string) (string, error) {
	if _, err := os.Stat(name); err == nil || !errors.Is(err, fs.ErrNotExist) || filepath.Base(name) != name {
		return name, nil
	}
	folders := []string{"experiments"}
	if root, ok := backend.ProjectRoot(); ok {
		folders = append(folders, filepath.Join(root, "experiments"))
	}
	var known []string
	for _, dir := range folders {
		path := filepath.Join(dir, strings.TrimSuffix(name, ".json")+".json")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		files, err := fs.Glob(os.DirFS(dir), "*.json")
		if err != nil {
			return "", err
		}
		for _, f := range files {
			known = append(known, strings.TrimSuffix(f, ".json"))
		}
	}
	hint := ""
	if near := edit.Nearest(strings.TrimSuffix(name, ".json"), known); near != "" {
		hint = fmt.Sprintf("; did you mean %s?", near)
	}
	return "", fmt.Errorf("specification: %w: %s is neither a file here nor the name of one in %s%s", fs.ErrNotExist, name, strings.Join(folders, " or "), hint)
}

// overrideSpec sets the fields of spec whose flags were given.
func overrideSpec(given *pflag.FlagSet, spec *record.Spec) error {
	var err error
	fields := pflag.NewFlagSet("specification", pflag.ContinueOnError)
	addSpecFlags(fields, spec)
	fields.VisitAll(func(f *pflag.Flag) {
		if given.Changed(f.Name) && err == nil {
			err = f.Value.Set(strings.Trim(given.Lookup(f.Name).Value.String(), "[]"))
		}
	})
	return err
}

// specName names a run by what sets it apart.
func specName(s record.Spec) string { return settingsName(s) + "-s" + strconv.FormatInt(s.Seed, 10) }

// settingsName is specName without the seed.
func settingsName(s record.Spec) string {
	dataset := s.Dataset
	for _, p := range record.Prefixes {
		if path, ok := strings.CutPrefix(dataset, p); ok {
			dataset = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		}
	}
	parts := []string{dataset, s.Model, "w" + strconv.Itoa(s.Width)}
	if s.TrainPerClass > 0 {
		parts = append(parts, strconv.Itoa(s.TrainPerClass))
	}
	return strings.Join(append(parts, s.Loss.Slug()), "-")
}
