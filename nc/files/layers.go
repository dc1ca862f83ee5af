package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/internal/natural"
	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/npz"
)

// layer is the features of one layer.
type layer struct {
	name string
	samples
}

// measureLayers measures the features of the other layers, without a classifier.
func (m *measurer) measureLayers() (layers []nc.Layer, err error) {
	for i := range m.layers {
		l := &m.layers[i]
		sum, err := m.measureLayer(l)
		if err != nil {
			return nil, fmt.Errorf("layer %s: %w", l.name, err)
		}
		layers = append(layers, nc.Layer{Name: l.name, Summary: sum})
	}
	return layers, nil
}

func (m *measurer) measureLayer(l *layer) (*nc.Summary, error) {
	_, d := l.Shape()
	if err := m.fitsCovariance(d); err != nil {
		return nil, err
	}
	sum, err := nc.Measure(&l.samples, nc.Classifier{}, m.measureOptions())
	if sum != nil {
		sum.Scatter = nil
	}
	return sum, err
}

// Folder measures a folder that holds the features of one layer in each file: a
// NAME.npz with features and labels, or a NAME.npy of features next to one
// labels.npy. The layers are in the order of their names, in which numbers count
// as numbers: layer2 comes before layer10. The metrics at the top are those of
// the last layer, with a classifier if its file has one.
func Folder(ctx context.Context, dir string, o Options) (*nc.Summary, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("measure: %w", err)
	}
	var names []string
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); (ext == ".npz" || ext == ".npy") && e.Name() != "labels.npy" {
			names = append(names, e.Name())
		}
	}
	if names == nil {
		return nil, fmt.Errorf("measure: there is no .npz or .npy file in %s", dir)
	}
	slices.SortFunc(names, natural.Compare)
	var layers []nc.Layer
	var last *nc.Summary
	for _, name := range names {
		if filepath.Ext(name) == ".npz" {
			last, err = Measure(ctx, []string{filepath.Join(dir, name)}, o)
		} else {
			last, err = array(ctx, filepath.Join(dir, name), filepath.Join(dir, "labels.npy"), o)
		}
		if err != nil {
			return nil, err
		}
		last.Scatter = nil
		layers = append(layers, nc.Layer{Name: strings.TrimSuffix(name, filepath.Ext(name)), Summary: last})
	}
	top := *last
	top.Layers = layers
	return &top, nil
}

// array measures a .npy file of features with one of labels.
func array(ctx context.Context, features, labels string, o Options) (*nc.Summary, error) {
	m := newMeasurer(ctx, o)
	defer m.close()
	p := part{path: features}
	for _, f := range []struct {
		path string
		to   **npz.Array
	}{{features, &p.features}, {labels, &p.labels}} {
		file, err := npz.Open(f.path)
		if f.to == &p.labels && errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w; .npy files of features need the labels (N) in one labels.npy next to them", err)
		}
		if err != nil {
			return nil, err
		}
		m.files = append(m.files, file)
		if *f.to, err = file.Array(""); err != nil {
			return nil, fmt.Errorf("%s: %w", f.path, err)
		}
	}
	if err := checkMatrix("features", p.features); err != nil {
		return nil, fmt.Errorf("%s: %w", features, err)
	}
	if err := fit(filepath.Base(features), p.features, "labels", p.labels); err != nil {
		return nil, fmt.Errorf("%s: %w", labels, err)
	}
	m.train.parts, m.d = []part{p}, p.d()
	if err := m.classes(); err != nil {
		return nil, err
	}
	return m.run()
}

// Series measures each file as a data set of its own, such as the features after
// each epoch, in the order of their names as Folder has it.
func Series(ctx context.Context, paths []string, o Options) ([]nc.Layer, error) {
	if len(paths) == 0 {
		return nil, errors.New("measure: no file was named")
	}
	paths = slices.SortedFunc(slices.Values(paths), natural.Compare)
	var out []nc.Layer
	for _, path := range paths {
		sum, err := Measure(ctx, []string{path}, o)
		if err != nil {
			return nil, err
		}
		sum.Scatter = nil
		out = append(out, nc.Layer{Name: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), Summary: sum})
	}
	return out, nil
}
