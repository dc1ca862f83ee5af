package files

import (
	"errors"
	"fmt"

	"github.com/gocollapse/collapse/internal/labels"
	"github.com/gocollapse/collapse/internal/linear"
	"github.com/gocollapse/collapse/nc"
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
			return fmt.Errorf("%s: ood_features have d = %d dimensions, the features %d; save both from one "+
				"layer", p.path, p.d(), m.d)
		}
	}
	if err := m.fitLayers(); err != nil {
		return err
	}
	if err := m.countLabels(); err != nil {
		return err
	}
	m.countRows()
	return nil
}

// fitClassifier takes K from options and classifier, and reports what does not fit.
func (m *measurer) fitClassifier() error {
	m.k, m.from = m.options.K, "--k (Options.K)"
	c := m.clf
	switch {
	case c == nil && m.options.Outcomes:
		return fmt.Errorf("%s: the metrics of correct and wrong samples need a classifier, and no file has a weight: "+
			"save the last layer's weight (K×d) and bias (K) too", m.labelled().name())
	case c == nil && m.options.Margins != "":
		return fmt.Errorf("%s: margins need a classifier, and no file has a weight: save the last layer's weight "+
			"(K×d) and bias (K) too", m.labelled().name())
	case c == nil:
		return nil
	case m.d != 0 && c.D != m.d:
		return fmt.Errorf("%s: %w", m.clfFile, linear.Fit(c, m.d))
	case m.k != 0 && m.k != c.K:
		return fmt.Errorf("%s: weight has %d rows, K = %d was asked for with --k (Options.K); leave it out, or save a "+
			"weight of K rows", m.clfFile, c.K, m.k)
	}
	m.k, m.from = c.K, "the rows of weight"
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

// labelled are the samples whose labels the data set has.
func (m *measurer) labelled() *samples {
	if len(m.train.parts) == 0 {
		return &m.layers[0].samples
	}
	return &m.train
}

// countLabels counts the labels, takes K from them where nothing else gives it, and reports labels out
// of range.
func (m *measurer) countLabels() error {
	count := func(s *samples) (*labels.Count, error) {
		c := labels.NewCount()
		return c, s.EachLabel(m.ctx, func(y []int32) error { c.Add(y); return nil })
	}
	var err error
	if m.labels, err = count(m.labelled()); err != nil {
		return err
	}
	if m.labels.N == 0 {
		return fmt.Errorf("%s: there are no samples", m.labelled().name())
	}
	var test *labels.Count
	if len(m.test.parts) > 0 {
		if test, err = count(&m.test); err != nil {
			return err
		}
	}
	if m.k == 0 && m.labels.Least >= 0 {
		m.k, m.from = int(m.labels.Largest)+1, "the largest label + 1"
		if m.options.Present && test != nil { // a class may have test samples alone
			m.k = max(m.k, int(test.Largest)+1)
		}
	}
	from := fmt.Sprintf("K = %d from %s", m.k, m.from)
	if err := m.labels.OutOfRange("labels", m.k, from); err != nil {
		return fmt.Errorf("%s: %w", m.labelled().name(), err)
	}
	if test != nil && test.N > 0 {
		if err := test.OutOfRange("test_labels", m.k, from); err != nil {
			return fmt.Errorf("%s: %w", m.test.name(), err)
		}
	}
	return nil
}

// checkPresent reports classes without a sample, where the classes present were not asked for.
func (m *measurer) checkPresent() error {
	const most = 1000 // classes that are listed
	missing, n := m.labels.Missing(m.k, most)
	if m.options.Present || n == 0 {
		return nil
	}
	const present = "say --classes present (Options.Present)"
	var remedy string
	switch {
	case missing[0] == 0 && n == 1:
		remedy = "if the labels start at 1, save labels - 1; if class 0 has no samples, " + present
	case m.k > 1<<20:
		remedy = "number the classes without gaps, labels = numpy.unique(labels, return_inverse=True)[1]"
	case m.clf == nil && m.options.K == 0:
		remedy = "number the classes without gaps, labels = numpy.unique(labels, return_inverse=True)[1], or " + present
	default:
		remedy = "to measure a part of the classes, " + present
	}
	var err error = &nc.EmptyClassError{Classes: missing, K: m.k}
	if n > most {
		err = fmt.Errorf("%d of %d classes have no sample", n, m.k)
	}
	return fmt.Errorf("%s: labels: %w; the labels found are %s, K = %d from %s; %s", m.labelled().name(), err,
		m.labels.Found(), m.k, m.from, remedy)
}
