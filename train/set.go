package train

import (
	"context"
	"fmt"

	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/record"
)

// OpenImages opens the data set of a specification for Options.Set: whole, with the images scaled as
// it says.
func OpenImages(ctx context.Context, spec record.Spec, o data.Options) (*data.Set, error) {
	o.Resize = spec.Resize
	return data.Open(ctx, spec.Dataset, o)
}

// OpenSet opens the images that a specification names and prepares them as it says: TestShare,
// then TrainPerClass, then LongTail, then Corrupt, each drawn by the specification's seed.
func OpenSet(ctx context.Context, spec record.Spec, o data.Options) (*data.Set, error) {
	return openSet(ctx, spec, nil, o)
}

// openSet is OpenSet of a set that is open already, or nil. One that has TrainPerClass
// images of each class is not reduced again.
func openSet(ctx context.Context, spec record.Spec, set *data.Set, o data.Options) (_ *data.Set, err error) {
	if set == nil {
		if set, err = OpenImages(ctx, spec, o); err != nil {
			return nil, err
		}
	}
	if set.Info.Name != spec.Dataset {
		return nil, fmt.Errorf("train: the specification names data set %q, given is %q", spec.Dataset, set.Info.Name)
	}
	if r := spec.Resize; r > 0 && (set.Height != r || set.Width != r) {
		return nil, fmt.Errorf("train: the specification scales images to %d×%[1]d, those given have %d×%d pixels", r,
			set.Height, set.Width)
	}
	if spec.TestShare > 0 {
		if set, err = set.HoldOut(spec.TestShare, spec.Seed); err != nil {
			return nil, fmt.Errorf("test_share: %w", err)
		}
	}
	if len(set.Train.Labels) != spec.TrainPerClass*len(set.Info.Classes) {
		if set, err = set.PerClass(spec.TrainPerClass, spec.Seed); err != nil {
			return nil, err
		}
	}
	if spec.LongTail > 0 {
		if set, err = set.LongTail(spec.LongTail, spec.Seed); err != nil {
			return nil, err
		}
	}
	if spec.Corrupt > 0 {
		if set, _, err = set.CorruptLabels(spec.Corrupt, spec.Seed); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// checkSet reports a data set that does not fit together, since a graph would
// clamp a wrong label or index in silence.
func checkSet(set *data.Set) error {
	k, pixels := len(set.Info.Classes), set.Height*set.Width*set.Channels
	if k < 2 {
		return fmt.Errorf("train: data set %q names %d classes, want at least 2", set.Info.Name, k)
	}
	if len(set.Info.Mean) != set.Channels || len(set.Info.Std) != set.Channels {
		return fmt.Errorf("train: data set %q has %d channels, %d means and %d deviations", set.Info.Name, set.Channels,
			len(set.Info.Mean), len(set.Info.Std))
	}
	for _, s := range set.Info.Std {
		if !(s > 0) {
			return fmt.Errorf("train: data set %q has a channel of deviation %v, want above 0", set.Info.Name, s)
		}
	}
	if len(set.Train.Labels) == 0 {
		return fmt.Errorf("train: data set %q has no training images", set.Info.Name)
	}
	for name, s := range map[string]data.Split{"training": set.Train, "test": set.Test} {
		if len(s.Images) != len(s.Labels)*pixels {
			return fmt.Errorf("train: the %s split of %q has %d labels and %d bytes of images; want %d bytes"+
				" (%d×%d×%d) for each label", name, set.Info.Name, len(s.Labels), len(s.Images), pixels, set.Height,
				set.Width, set.Channels)
		}
		for i, l := range s.Labels {
			if l < 0 || int(l) >= k {
				return fmt.Errorf("train: label %d of the %s split of %q is %d, want 0 to %d", i, name, set.Info.Name,
					l, k-1)
			}
		}
	}
	return nil
}

// scale is the specification's, but reduced where the set is a part of the one that it names,
// as Tiny ImageNet may be.
func scale(spec record.Spec, set *data.Set) record.Scale {
	for _, about := range data.List() {
		if about.Name == spec.Dataset && spec.Scale() == record.PaperScale && len(set.Train.Labels) < about.Train {
			return record.ReducedScale
		}
	}
	return spec.Scale()
}
