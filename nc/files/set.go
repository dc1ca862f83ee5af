package files

import (
	"context"
	"errors"
	"fmt"

	"github.com/gocollapse/collapse/nc"
)

// Set is an open data set: the samples and the classifier that Measure reads.
type Set struct{ m *measurer }

// OpenSet opens the files at paths, which are parts of one data set. Unlike Measure it takes test
// features without labels.
func OpenSet(ctx context.Context, paths []string, o Options) (*Set, error) {
	if len(paths) == 0 {
		return nil, errors.New("no file was named")
	}
	m := newMeasurer(ctx, o)
	m.unlabelled = true
	for _, path := range paths {
		if err := m.open(path); err != nil {
			m.close()
			return nil, err
		}
	}
	err := m.classes()
	if err == nil && len(m.train.parts) == 0 {
		err = fmt.Errorf("%s: there are features_NAME but no features; save the last layer's as features", paths[0])
	}
	if err != nil {
		m.close()
		return nil, err
	}
	return &Set{m}, nil
}

// OpenFeatures opens the features of a file, N×d, without labels.
func OpenFeatures(ctx context.Context, path string, o Options) (*Set, error) {
	m := newMeasurer(ctx, o)
	f, err := openNPZ(m, path)
	if err != nil {
		return nil, err
	}
	if !f.Has("features") {
		m.close()
		return nil, fmt.Errorf("%s: no array \"features\"; there are %q; name them: numpy.savez(path, features=…)",
			path, f.Names())
	}
	x, err := matrix(f, "features")
	if err == nil && x.Shape[0] == 0 {
		err = errors.New("features have no sample")
	}
	if err != nil {
		m.close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	m.train.parts = append(m.train.parts, part{path: path, features: x})
	return &Set{m}, nil
}

// Train returns the samples of features, with labels if OpenSet has read them.
func (s *Set) Train() nc.Source { return &s.m.train }

// Test returns those of test_features, or nil.
func (s *Set) Test() nc.Source {
	if len(s.m.test.parts) == 0 {
		return nil
	}
	return &s.m.test
}

// Classifier returns weight and bias, or nil.
func (s *Set) Classifier() *nc.Classifier { return s.m.clf }

// K is the number of classes: the rows of weight or, without one, the largest label + 1.
func (s *Set) K() int { return s.m.k }

// Close closes the files.
func (s *Set) Close() { s.m.close() }
