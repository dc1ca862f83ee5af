package live

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/nb"
	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/nc/files"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
)

// Measure opens the network that a run left, at its last checkpoint, takes the features of its
// training images and measures their collapse anew. run is a run's folder, relative to the project.
func Measure(run string) (*nc.Summary, error) {
	path, err := nb.Path(run)
	if err != nil {
		return nil, err
	}
	rec, err := record.ReadFile(path)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "collapse-features-")
	if err != nil {
		return nil, err
	}
	features := filepath.Join(folder, "features.npz")
	s, err := measure(path, rec.Spec, features)
	return s, errors.Join(err, os.RemoveAll(folder))
}

// measure writes the features of a run's network to a file and measures them.
func measure(run string, spec record.Spec, features string) (*nc.Summary, error) {
	ctx := context.Background()
	b, _, err := openBackend(backend.For(spec))
	if err != nil {
		return nil, err
	}
	net, err := train.OpenRun(ctx, b, run, "", data.Options{})
	if err != nil {
		return nil, err
	}
	err = train.WriteFeatures(ctx, net.Engine, net.Set, features, train.FeatureOptions{Split: "train"})
	if err = errors.Join(err, net.Close()); err != nil {
		return nil, err
	}
	return files.Measure(ctx, []string{features}, files.Options{})
}
