package files

import (
	"errors"
	"fmt"
	"io"
)

// classes finds K, checks that options, classifier and layers fit, and counts the rows that all
// passes read.
func (m *measurer) classes() error {
	if err := m.options.Check(); err != nil {
		return err
	}
	if len(m.train.parts) == 0 && len(m.layers) == 0 {
		return errors.New("measure: no file has features and labels")
	}
	if err := m.fitClassifier(); err != nil {
		return err
	}
	for _, p := range m.ood.parts {
		if p.d() != m.d {
			return fmt.Errorf("%s: ood_features have d = %d dimensions, the features %d", p.path, p.d(), m.d)
		}
	}
	if err := m.fitLayers(); err != nil {
		return err
	}
	if m.k == 0 {
		if err := m.countClasses(); err != nil {
			return err
		}
	}
	m.countRows()
	return nil
}

// fitClassifier takes K from options and classifier, and reports what does not fit.
func (m *measurer) fitClassifier() error {
	m.k = m.options.K
	c := m.clf
	switch {
	case c == nil && m.options.Outcomes:
		return errors.New("measure: the metrics of correct and wrong samples need a classifier, and no file has a " +
			"weight")
	case c == nil && m.options.Margins != "":
		return errors.New("measure: margins need a classifier, and no file has a weight")
	case c == nil:
		return nil
	case m.d != 0 && c.D != m.d:
		return fmt.Errorf("%s: weight is %d×%d, the features have d = %d; want K×d as PyTorch's Linear.weight", m.from,
			c.K, c.D, m.d)
	case m.k != 0 && m.k != c.K:
		return fmt.Errorf("%s: weight has %d rows, K = %d was asked for", m.from, c.K, m.k)
	}
	m.k = c.K
	return nil
}

// fitLayers reports layers that are not in every part.
func (m *measurer) fitLayers() error {
	for _, l := range m.layers {
		if n, want := len(l.parts), max(len(m.train.parts), len(m.layers[0].parts)); n != want {
			return fmt.Errorf("measure: features_%s are in %d of %d files; every part of the data set must have them",
				l.name, n, want)
		}
		for _, p := range l.parts {
			if p.d() != l.parts[0].d() {
				return fmt.Errorf("%s: features_%s have d = %d dimensions, in other files %d", p.path, l.name, p.d(),
					l.parts[0].d())
			}
		}
	}
	return nil
}

// countRows counts the rows that all passes read.
func (m *measurer) countRows() {
	train, test, ood := rows(m.train.parts), rows(m.test.parts), rows(m.ood.parts)
	rounds := int64(m.options.rounds(m.k, m.d))
	m.total = 2*(1+rounds)*(train+test) + ood + rounds*(test+ood)
	if m.options.Margins != "" {
		m.total += train
	}
	for _, l := range m.layers {
		m.total += 2 * rows(l.parts)
	}
}

// countClasses takes K from the labels.
func (m *measurer) countClasses() error {
	parts := m.train.parts
	if len(parts) == 0 {
		parts = m.layers[0].parts
	}
	largest := int32(-1)
	for _, p := range parts {
		err := labelsOf(p, func(y []int32) {
			for _, c := range y {
				largest = max(largest, c)
			}
		})
		if err != nil {
			return fmt.Errorf("%s: %w", p.path, err)
		}
	}
	if m.k = int(largest) + 1; m.k < 1 {
		return errors.New("measure: no sample has a label of 0 or more")
	}
	return nil
}

// labelsOf gives f all labels of a part, in pieces.
func labelsOf(p part, f func([]int32)) error {
	r, err := p.labels.Reader()
	if err != nil {
		return err
	}
	defer r.Close()
	y := make([]int32, 1<<16)
	for {
		n, err := r.Int32(y)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		f(y[:n])
	}
}
