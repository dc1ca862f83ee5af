package nc

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Options are what a caller of Measure may choose. The zero value measures the training samples
// alone, as the paper does.
type Options struct {
	// K is the number of classes; 0 takes that of the classifier or, without one, the largest
	// label + 1, for which the samples are read once more.
	K int
	// Present measures the classes that have a sample, as if the others did not exist: neither in K,
	// in the rows of W, in the decisions nor in the simplex ETF. Summary.Classes has them. Test
	// samples of other classes are left out, and Summary.Test is of the classes that both have. The
	// samples are read once more, or only their labels if the sources are LabelSources.
	Present bool
	// Global chooses h_G for unbalanced classes.
	Global GlobalMean
	// Test are test samples, or nil. They add Summary.Test and Summary.NCCTestError.
	Test Source
	// OOD are out-of-distribution samples, whose labels are not read, or nil. They add
	// Summary.NC5.
	OOD Source
	// Outcomes adds Summary.Correct and Summary.Wrong. It needs a classifier.
	Outcomes bool
	// Covariance adds what needs the d×d covariance, of CovarianceBytes: Summary.Covariance and,
	// with a classifier, Summary.MSE under weight decay Decay ≥ 0.
	Covariance bool
	Decay      float64
	// Progress is told, from the calling goroutine, how many of the samples that all passes read
	// together are done.
	Progress func(done, total int64)
	// Context stops the work where it is done; nil is context.Background().
	Context context.Context
}

// Measure measures the collapse of features and a classifier, in two passes over src (N samples,
// labels 0…K−1). The zero Classifier is none: the metrics that need one are then not defined.
//
// A class without a sample is an *EmptyClassError, unless Present is chosen. Among the
// test samples, or among those of an outcome, it is a note instead: Test, Correct or Wrong is then nil.
func Measure(src Source, classifier Classifier, o Options) (*Summary, error) {
	m := &measurement{Options: o, ctx: o.Context}
	if m.ctx == nil {
		m.ctx = context.Background()
	}
	if classifier.K != 0 || classifier.D != 0 || classifier.W != nil || classifier.B != nil {
		m.clf = &classifier
	} else if o.Outcomes {
		return nil, errors.New("nc: the metrics of correct and of wrong samples need a classifier")
	}
	if err := m.sizes(src); err != nil {
		return nil, err
	}
	sum, err := m.all(src)
	if err != nil {
		return nil, err
	}
	if o.OOD != nil {
		if err := m.ood(sum); err != nil {
			return nil, fmt.Errorf("out-of-distribution samples: %w", err)
		}
	}
	return sum, nil
}

// all measures the training and the test samples.
func (m *measurement) all(src Source) (*Summary, error) {
	if m.Present {
		return m.measurePresent(src)
	}
	sum, err := m.split(src, nil)
	var empty *EmptyClassError
	if errors.As(err, &empty) {
		return nil, fmt.Errorf("%w; Options.Present measures the other classes", err)
	}
	if err != nil || m.Test == nil {
		return sum, err
	}
	if err := m.test(sum, m.Test, nil); err != nil {
		return nil, fmt.Errorf("test samples: %w", err)
	}
	return sum, nil
}

// measurement is one call of Measure.
type measurement struct {
	Options
	ctx         context.Context
	clf         *Classifier // or nil
	classes     []int       // what the caller's labels are for 0…k−1, or nil for the same
	k, d        int
	done, total int64
}

// sizes finds K and d, checks that all samples have them, and counts the samples of all passes.
func (m *measurement) sizes(src Source) error {
	var n int64
	if n, m.d = src.Shape(); n < 1 || m.d < 1 {
		return fmt.Errorf("nc: the source has N = %d samples of d = %d features, want at least one of each", n, m.d)
	}
	m.total = 2 * n
	for _, s := range []struct {
		name   string
		source Source
		passes int64
	}{{"test samples", m.Test, 2}, {"out-of-distribution samples", m.OOD, 1}} {
		if s.source == nil {
			continue
		}
		n, d := s.source.Shape()
		if d != m.d {
			return fmt.Errorf("nc: %s have d = %d dimensions, the training samples %d", s.name, d, m.d)
		}
		m.total += s.passes * n
	}
	switch m.k = m.K; {
	case m.clf == nil:
	case m.k == 0:
		m.k = m.clf.K
	case m.k != m.clf.K:
		return fmt.Errorf("nc: the classifier has K = %d classes, Options has %d", m.clf.K, m.k)
	}
	if m.clf != nil {
		if err := m.clf.check(m.k, m.d); err != nil {
			return err
		}
	}
	if m.k != 0 || m.Present {
		return nil
	}
	m.total += n
	err := m.each(src, func(b Batch) error {
		for _, y := range b.Labels {
			m.k = max(m.k, int(y)+1)
		}
		return nil
	})
	if err == nil && m.k < 1 {
		err = errors.New("nc: no sample has a label of 0 or more")
	}
	return err
}

// each gives visit the batches of a source and reports progress.
func (m *measurement) each(src Source, visit func(Batch) error) error {
	return src.Each(m.ctx, func(b Batch) error {
		if err := visit(b); err != nil {
			return err
		}
		m.done += int64(b.numbers() / m.d)
		if m.Progress != nil {
			m.Progress(m.done, m.total)
		}
		return nil
	})
}

// split measures a source around its own class means. first, where it is not nil, sees the batches
// of the first pass.
func (m *measurement) split(src Source, first func(Batch) error) (*Summary, error) {
	all := &part{}
	parts := []*part{all}
	if m.Outcomes {
		parts = append(parts, &part{outcome: "correct"}, &part{outcome: "wrong"})
	}
	for _, p := range parts {
		var err error
		if p.sums, err = NewSums(m.k, m.d); err != nil {
			return nil, err
		}
		p.sums.Global, p.sums.classes = m.Global, m.classes
	}
	err := m.each(src, func(b Batch) error {
		if first != nil {
			if err := first(b); err != nil {
				return err
			}
		}
		return m.deal(b, parts, func(p *part, b Batch) error { return p.sums.Add(b) })
	})
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		if err := p.centre(m.clf); err != nil {
			return nil, err
		}
	}
	if m.Covariance {
		if all.covariance, err = NewCovariance(all.scatter); err != nil {
			return nil, err
		}
	}
	err = m.each(src, func(b Batch) error {
		return m.deal(b, parts, func(p *part, b Batch) error {
			if err := p.scatter.Add(b); err != nil || p.covariance == nil {
				return err
			}
			return p.covariance.Add(b)
		})
	})
	if err != nil {
		return nil, err
	}
	return m.summary(parts)
}

// part is some samples of a source around class means of their own: all, or those of an outcome,
// which are grouped by the class that the classifier gives.
type part struct {
	outcome    string // correct or wrong; "" for all samples
	sums       *Sums
	scatter    *Scatter
	covariance *Covariance // or nil
	none       string      // why the part is not measured
	given      []int32
	batch      Batch
}

// deal gives each part its samples of a batch.
func (m *measurement) deal(b Batch, parts []*part, add func(*part, Batch) error) error {
	for _, p := range parts {
		if p.none != "" {
			continue
		}
		mine := b
		if p.outcome != "" {
			var err error
			if mine, err = p.pick(b, m.clf); err != nil {
				return err
			}
		}
		if err := add(p, mine); err != nil {
			return err
		}
	}
	return nil
}

// pick returns the samples of a batch that have the part's outcome, with the class that the
// classifier gives in place of the label.
func (p *part) pick(b Batch, clf *Classifier) (Batch, error) {
	given := b.Given
	if given == nil {
		p.given = slices.Grow(p.given[:0], len(b.Labels))[:len(b.Labels)]
		if given = p.given; len(given) > 0 {
			if err := clf.Decide(b, given); err != nil {
				return Batch{}, err
			}
		}
	}
	p.batch.Clear()
	for i, y := range b.Labels {
		if (given[i] == y) == (p.outcome == "correct") {
			p.batch.Append(b, i, given[i])
		}
	}
	return p.batch, nil
}

// centre ends a part's first pass. Where a part of an outcome has no class means, it says why.
func (p *part) centre(clf *Classifier) (err error) {
	if p.outcome != "" && p.sums.N() == 0 {
		p.none = "there is no such sample"
		return nil
	}
	p.scatter, err = p.sums.Centre(clf)
	var empty *EmptyClassError
	if p.outcome != "" && errors.As(err, &empty) {
		p.none = "by the class that the classifier gives, " + strings.TrimPrefix(empty.Error(), "nc: ")
		return nil
	}
	p.sums = nil
	return err
}

// summary returns the metrics of the first part, all samples, with those of the outcomes.
func (m *measurement) summary(parts []*part) (*Summary, error) {
	all := parts[0]
	sum, err := all.scatter.Summary()
	if err != nil {
		return nil, err
	}
	if all.covariance != nil {
		if sum.Covariance, err = all.covariance.Summary(); err != nil {
			return nil, err
		}
		if m.clf != nil {
			if sum.MSE, err = all.covariance.MSE(m.clf, m.Decay); err != nil {
				return nil, err
			}
		}
	}
	for _, p := range parts[1:] {
		if p.none != "" {
			sum.Notes[p.outcome] = p.none
			continue
		}
		s, err := p.scatter.Summary()
		if err != nil {
			return nil, err
		}
		// By the class that it gives, the classifier is always right.
		s.Error, s.ErrorPerClass = math.NaN(), nil
		s.Notes["error"] = "the samples are grouped by the class that the classifier gives"
		if p.outcome == "correct" {
			sum.Correct = s
		} else {
			sum.Wrong = s
		}
	}
	sum.Scatter = all.scatter
	return sum, nil
}

// test adds to the training samples' metrics the share of test samples that are nearer to another
// class's training mean, and the test samples' metrics around their own means where every class
// has one.
//
// place has for each class its place among those of the training samples; nil is the same.
func (m *measurement) test(sum *Summary, src Source, place []int32) error {
	var wrong, samples int64
	var near []int32
	test, err := m.split(src, func(b Batch) error {
		near = slices.Grow(near[:0], len(b.Labels))[:len(b.Labels)]
		if err := sum.Scatter.NearestMean(b, near); err != nil {
			return err
		}
		for i, y := range b.Labels {
			samples++
			if place != nil {
				y = place[y]
			}
			if near[i] != y {
				wrong++
			}
		}
		return nil
	})
	var empty *EmptyClassError
	if errors.As(err, &empty) {
		sum.Notes["test"] = empty.Error() + "; Options.Present (--classes present) measures the others"
	} else if err != nil {
		return err
	}
	if note := sum.Notes["ncc_error"]; samples > 0 && note != "" {
		sum.Notes["ncc_test_error"] = note
	} else if samples > 0 {
		sum.NCCTestError = float64(wrong) / float64(samples)
	}
	if test != nil {
		test.NCCTestError, test.Scatter = sum.NCCTestError, nil
		sum.Test = test
	}
	return nil
}

// ood adds NC5.
func (m *measurement) ood(sum *Summary) error {
	one, err := NewSums(1, m.d)
	if err != nil {
		return err
	}
	var zeros []int32 // one class
	err = m.each(m.OOD, func(b Batch) error {
		n := b.numbers() / m.d
		zeros = slices.Grow(zeros[:0], n)[:n]
		b.Labels = zeros
		return one.Add(b)
	})
	if err != nil {
		return err
	}
	mean, err := one.Mean()
	if err != nil {
		return err
	}
	if sum.NC5, err = sum.Scatter.NC5(mean); err != nil {
		sum.NC5 = math.NaN()
		sum.Notes["nc5"] = err.Error()
	}
	return nil
}
