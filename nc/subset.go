package nc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Subset returns the samples of a source whose label is among classes, which are in ascending order,
// with the place of the class as label: 0…len(classes)−1. The Shape is the source's.
func Subset(src Source, classes []int) Source {
	index := make([]int32, slices.Max(classes)+1)
	for i := range index {
		index[i] = -1
	}
	for i, c := range classes {
		index[c] = int32(i)
	}
	return subset{src, index}
}

type subset struct {
	Source
	index []int32 // place of each class, or −1
}

func (s subset) place(label int32) int32 {
	if label < 0 || int(label) >= len(s.index) {
		return -1
	}
	return s.index[label]
}

func (s subset) Each(ctx context.Context, visit func(Batch) error) error {
	var some Batch
	var places []int32
	return s.Source.Each(ctx, func(b Batch) error {
		places = places[:0]
		for _, y := range b.Labels {
			places = append(places, s.place(y))
		}
		if !slices.Contains(places, -1) {
			b.Labels, b.Given = places, nil
			return visit(b)
		}
		some.Clear()
		for i, p := range places {
			if p >= 0 {
				some.Append(b, i, p)
			}
		}
		if len(some.Labels) == 0 {
			return nil
		}
		return visit(some)
	})
}

// Subset returns the classifier between some of its classes: their rows of W and their biases.
func (c *Classifier) Subset(classes []int) *Classifier {
	out := &Classifier{K: len(classes), D: c.D}
	for _, k := range classes {
		out.W = append(out.W, c.W[k*c.D:(k+1)*c.D]...)
		if c.B != nil {
			out.B = append(out.B, c.B[k])
		}
	}
	return out
}

// A LabelSource is a Source that can give its labels without its features.
type LabelSource interface {
	Source
	// EachLabel calls visit with all labels in order, in pieces.
	EachLabel(ctx context.Context, visit func(labels []int32) error) error
}

// counts returns how many samples of a source each label has. k bounds the labels; 0 is no bound.
func (m *measurement) counts(src Source, k int) ([]int64, error) {
	var out []int64
	var seen int64
	count := func(labels []int32) error {
		for i, y := range labels {
			if y < 0 || k > 0 && int(y) >= k {
				return fmt.Errorf("nc: label of sample %d is %d, want 0 to K−1%s", seen+int64(i), y, equals(k-1))
			}
			if int(y) >= len(out) {
				if y >= maxLabels {
					return fmt.Errorf("nc: label of sample %d is %d, want less than %d; are the labels class numbers?",
						seen+int64(i), y, maxLabels)
				}
				out = append(out, make([]int64, int(y)+1-len(out))...)
			}
			out[y]++
		}
		seen += int64(len(labels))
		return nil
	}
	var err error
	if l, ok := src.(LabelSource); ok {
		err = l.EachLabel(m.ctx, count)
	} else {
		err = src.Each(m.ctx, func(b Batch) error { return count(b.Labels) })
	}
	if err == nil && len(out) == 0 {
		err = errors.New("nc: the source gave no samples")
	}
	return out, err
}

// maxLabels bounds the labels that are counted.
const maxLabels = 1 << 22

func equals(n int) string {
	if n < 0 {
		return ""
	}
	return fmt.Sprintf(" = %d", n)
}

// present returns the labels that have samples.
func present(counts []int64) (classes []int) {
	for c, n := range counts {
		if n > 0 {
			classes = append(classes, c)
		}
	}
	return classes
}

// of returns the measurement of some classes alone.
func (m *measurement) of(classes []int) *measurement {
	out := *m
	out.classes, out.k = classes, len(classes)
	if m.clf != nil {
		out.clf = m.clf.Subset(classes)
	}
	return &out
}

// absence says which of K classes a summary is not of, or "". K = 0 is as many as the largest class
// needs.
func absence(classes []int, k int) string {
	k = max(k, slices.Max(classes)+1)
	var absent []int
	for c := range k {
		if !slices.Contains(classes, c) {
			absent = append(absent, c)
		}
	}
	if absent == nil {
		return ""
	}
	return fmt.Sprintf("K = %d, but %s no sample: metrics, rows of W, decisions and simplex ETF are those of the "+
		"other %d classes", k, classesHave(absent), len(classes))
}

// measurePresent measures the classes that have a sample.
func (m *measurement) measurePresent(src Source) (*Summary, error) {
	counts, err := m.counts(src, m.k)
	if err != nil {
		return nil, err
	}
	classes := present(counts)
	some := m.of(classes)
	sum, err := some.split(Subset(src, classes), nil)
	if err != nil {
		return nil, err
	}
	if note := absence(classes, m.k); note != "" {
		sum.Notes["classes"] = note
	}
	m.done = some.done
	if m.Test != nil {
		if err := m.testPresent(sum); err != nil {
			return nil, fmt.Errorf("test samples: %w", err)
		}
	}
	return sum, nil
}

// testPresent adds the metrics of the test samples of classes that the training samples have too.
func (m *measurement) testPresent(sum *Summary) error {
	counts, err := m.counts(m.Test, m.k)
	if err != nil {
		return err
	}
	var both, alone []int
	var all, left int64
	for _, c := range present(counts) {
		all += counts[c]
		if slices.Contains(sum.Classes, c) {
			both = append(both, c)
		} else {
			alone = append(alone, c)
			left += counts[c]
		}
	}
	var note string
	if alone != nil {
		note = fmt.Sprintf("%d of %d test samples are left out: %s no training sample", left, all, classesHave(alone))
	}
	if both == nil {
		sum.Notes["test"], sum.Notes["ncc_test_error"] = note, note
		return nil
	}
	some := m.of(both)
	place := make([]int32, len(both)) // among the training samples' classes
	for i, c := range both {
		place[i] = int32(slices.Index(sum.Classes, c))
	}
	if err := some.test(sum, Subset(m.Test, both), place); err != nil {
		return err
	}
	m.done = some.done
	if note != "" {
		sum.Notes["ncc_test_error"] = strings.TrimPrefix(sum.Notes["ncc_test_error"]+"; "+note, "; ")
	}
	if sum.Test != nil {
		k := max(m.k, slices.Max(sum.Classes)+1)
		if missing := absence(both, k); missing != "" {
			sum.Test.Notes["classes"] = missing
		}
	}
	return nil
}

// name returns the number that the caller has for class c.
func (a *classSums) name(c int) int {
	if a.classes == nil {
		return c
	}
	return a.classes[c]
}

// Class returns the number that the labels have for place c of Counts and of the lists with a number
// for each class.
func (s *Summary) Class(c int) int {
	if s.Classes == nil {
		return c
	}
	return s.Classes[c]
}
