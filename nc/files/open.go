package files

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gocollapse/collapse/internal/labels"
	"github.com/gocollapse/collapse/internal/linear"
	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/npz"
)

// open opens the files and finds K.
func open(ctx context.Context, paths []string, o Options) (*measurer, error) {
	if len(paths) == 0 {
		return nil, errors.New("measure: no file was named")
	}
	m := newMeasurer(ctx, o)
	for _, path := range paths {
		if err := m.open(path); err != nil {
			m.close()
			return nil, err
		}
	}
	if err := m.classes(); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

func newMeasurer(ctx context.Context, o Options) *measurer {
	m := &measurer{ctx: ctx, options: o}
	m.train.m, m.test.m, m.ood.m = m, m, m
	return m
}

// measurer holds the open files.
type measurer struct {
	ctx     context.Context
	options Options
	files   []*npz.File
	train   samples
	test    samples
	ood     samples // without labels
	layers  []layer
	d, k    int
	clf     *nc.Classifier
	clfFile string // file of the classifier
	from    string // where K comes from
	labels  *labels.Count
	done    int64
	total   int64
	// unlabelled says that test features need no labels.
	unlabelled bool
	took       time.Duration // what the metrics of all samples took
}

func (m *measurer) close() {
	for _, f := range m.files {
		f.Close()
	}
}

// openNPZ opens a file, which close closes.
func openNPZ(m *measurer, path string) (*npz.File, error) {
	f, err := npz.Open(path)
	if err == nil {
		m.files = append(m.files, f)
	}
	return f, err
}

// open takes what one file has.
func (m *measurer) open(path string) error {
	f, err := openNPZ(m, path)
	if err != nil {
		return err
	}
	for _, take := range []func(*npz.File, string) error{m.openSamples, m.openLayers, m.openClassifier} {
		if err := take(f, path); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// openSamples takes the training, test and out-of-distribution samples of a file.
func (m *measurer) openSamples(f *npz.File, path string) error {
	if !slices.ContainsFunc([]string{"features", "weight", "test_features", "ood_features"}, f.Has) &&
		len(layersOf(f)) == 0 {
		if slices.Equal(f.Names(), []string{""}) {
			return errors.New("a .npy file holds one array; save features and labels together with numpy.savez, or " +
				"put features as .npy files next to a labels.npy into a folder for --features-dir")
		}
		return fmt.Errorf("no array \"features\"; there are %q; name them: numpy.savez(path, features=…, labels=…)",
			f.Names())
	}
	for _, s := range []struct {
		features, labels string
		to               *samples
	}{{"features", "labels", &m.train}, {"test_features", "test_labels", &m.test}} {
		if s.features == "features" && !f.Has("features") && len(layersOf(f)) > 0 {
			continue // the labels are the layers'
		}
		p, err := m.pair(f, path, s.features, s.labels)
		if err != nil {
			return err
		}
		if p == nil {
			continue
		}
		if m.d == 0 {
			m.d = p.d()
		}
		if p.d() != m.d {
			return fmt.Errorf("%s have d = %d dimensions, others have %d; save all from one layer", s.features,
				p.d(), m.d)
		}
		s.to.parts = append(s.to.parts, *p)
	}
	if f.Has("ood_features") {
		x, err := matrix(f, "ood_features")
		if err != nil {
			return err
		}
		m.ood.parts = append(m.ood.parts, part{path: path, features: x})
	}
	return nil
}

// openLayers takes the features of the other layers of a file.
func (m *measurer) openLayers(f *npz.File, path string) error {
	for _, name := range layersOf(f) {
		p, err := pair(f, path, "features_"+name, "labels")
		if err != nil {
			return err
		}
		i := slices.IndexFunc(m.layers, func(l layer) bool { return l.name == name })
		if i < 0 {
			i = len(m.layers)
			m.layers = append(m.layers, layer{name: name, samples: samples{m: m}})
		}
		m.layers[i].parts = append(m.layers[i].parts, *p)
	}
	return nil
}

// openClassifier takes the classifier of a file. One file may have it.
func (m *measurer) openClassifier(f *npz.File, path string) (err error) {
	if !f.Has("weight") {
		if f.Has("bias") {
			return errors.New("there is a bias but no weight; save the layer's weight too, or leave the bias out")
		}
		return nil
	}
	if m.clf != nil {
		return fmt.Errorf("there is a weight in %s too; one file must have it", m.clfFile)
	}
	m.clf, err = linear.Read(f)
	m.clfFile = path
	return err
}

// layersOf returns the names of the other layers in a file, in its order.
func layersOf(f *npz.File) (names []string) {
	for _, n := range f.Names() {
		if name, ok := strings.CutPrefix(n, "features_"); ok && name != "" {
			names = append(names, name)
		}
	}
	return names
}

// matrix returns the header of an array of samples, N×d.
func matrix(f *npz.File, name string) (*npz.Array, error) {
	x, err := f.Array(name)
	if err != nil {
		return nil, err
	}
	return x, checkMatrix(name, x)
}

// checkMatrix reports samples that are not N×d.
func checkMatrix(name string, x *npz.Array) error {
	switch {
	case len(x.Shape) == 2 && x.Shape[1] > 0:
		return nil
	case len(x.Shape) == 1:
		return fmt.Errorf("%s have shape %v, want N×d; of one feature per sample save x.reshape(-1, 1)", name, x.Shape)
	}
	return fmt.Errorf("%s have shape %v, want N×d; flatten with x.reshape(len(x), -1)", name, x.Shape)
}

// pair is the function pair, but for test features that need no labels.
func (m *measurer) pair(f *npz.File, path, features, classes string) (*part, error) {
	if m.unlabelled && features == "test_features" && f.Has(features) && !f.Has(classes) {
		x, err := matrix(f, features)
		return &part{path: path, features: x}, err
	}
	return pair(f, path, features, classes)
}

// pair returns the arrays of features and labels, or nil where there are none.
func pair(f *npz.File, path, features, classes string) (*part, error) {
	switch {
	case !f.Has(features) && !f.Has(classes):
		return nil, nil
	case !f.Has(features):
		return nil, fmt.Errorf("there is %q but no %q; the arrays are %q", classes, features, f.Names())
	case !f.Has(classes):
		if f.Has("targets") {
			return nil, errors.New("there are targets and no labels: this is a regression, and the other files must " +
				"be parts of one; measure it alone")
		}
		return nil, fmt.Errorf("there is %q but no %q; the arrays are %q; save the class of each sample as %s",
			features, classes, f.Names(), classes)
	}
	x, err := matrix(f, features)
	if err != nil {
		return nil, err
	}
	y, err := f.Array(classes)
	if err != nil {
		return nil, err
	}
	if err := fit(features, x, classes, y); err != nil {
		return nil, err
	}
	return &part{path: path, features: x, labels: y}, nil
}

// fit reports labels that are not those of the features.
func fit(features string, x *npz.Array, name string, y *npz.Array) error {
	if len(y.Shape) == 1 && y.Shape[0] == x.Shape[1] && y.Shape[0] != x.Shape[0] {
		return fmt.Errorf("%s have shape %v, but there are %d %s: they seem to be d×N; save %s.T", features, x.Shape,
			y.Shape[0], name, features)
	}
	return labels.CheckShape(name, y, x.Shape[0], features)
}
