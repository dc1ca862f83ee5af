package train

import (
	"context"
	"fmt"

	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/record"
)

// OpenSet opens the images that a specification names and prepares them as it says:
// TrainPerClass, then LongTail, then Corrupt, each drawn by the specification's seed.
func OpenSet(ctx context.Context, spec record.Spec, o data.Options) (*data.Set, error) {
	return openSet(ctx, spec, nil, o)
}

// openSet is OpenSet of a set that is open already, or nil. One that has TrainPerClass
// images of each class is not reduced again.
func openSet(ctx context.Context, spec record.Spec, set *data.Set, o data.Options) (_ *data.Set, err error) {
	if set == nil {
		if set, err = data.Open(ctx, spec.Dataset, o); err != nil {
			return nil, err
		}
	}
	if set.Info.Name != spec.Dataset {
		return nil, fmt.Errorf("train: the specification names data set %q, given is %q", spec.Dataset, set.Info.Name)
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
