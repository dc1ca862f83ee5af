package nc_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/nc"
)

// data is samples of k classes around means of their own, with a classifier that is often wrong.
type data struct {
	k, d int
	x    []float64
	y    []int32
	clf  nc.Classifier
}

func sampled(seed uint64, n, d, k int) data {
	rng := rand.New(rand.NewPCG(seed, 5))
	s := data{k: k, d: d, clf: nc.Classifier{K: k, D: d, W: make([]float64, k*d)}}
	means := make([]float64, k*d)
	for i := range means {
		means[i] = rng.NormFloat64()
		s.clf.W[i] = means[i] + rng.NormFloat64()
	}
	for i := range n {
		s.y = append(s.y, int32(i%k))
		for j := range d {
			s.x = append(s.x, means[i%k*d+j]+rng.NormFloat64())
		}
	}
	return s
}

func (s data) source() nc.Source { return nc.Slices(s.x, s.y) }

// given counts its readings, and says what the classifier gives.
type given struct {
	nc.Source
	give     func(labels []int32) []int32
	readings int
}

func (g *given) Each(ctx context.Context, visit func(nc.Batch) error) error {
	g.readings++
	return g.Source.Each(ctx, func(b nc.Batch) error {
		b.Given = g.give(b.Labels)
		return visit(b)
	})
}

// TestMeasureReadings: each source is read twice, K is found where it is not given, and progress
// ends where it was to end.
func TestMeasureReadings(t *testing.T) {
	s, test := sampled(1, 60, 4, 3), sampled(2, 30, 4, 3)
	same := func(y []int32) []int32 { return y }
	train, held, ood := &given{Source: s.source(), give: same}, &given{Source: test.source(), give: same},
		&given{Source: nc.Slices(test.x[:8], []int32{9, -9}), give: same} // the labels are not read
	var last, end int64
	o := nc.Options{Test: held, OOD: ood, Outcomes: true, Progress: func(done, total int64) { last, end = done, total }}
	sum, err := nc.Measure(train, s.clf, o)
	if err != nil {
		t.Fatal(err)
	}
	if train.readings != 2 || held.readings != 2 || ood.readings != 1 {
		t.Errorf("%d, %d and %d readings, want 2, 2 and 1", train.readings, held.readings, ood.readings)
	}
	if last != end || end != 2*60+2*30+2 {
		t.Errorf("progress ended at %d of %d, want 182", last, end)
	}
	// Every sample is given to its class, so all are correct, as all are.
	if sum.Wrong != nil || !strings.Contains(sum.Notes["wrong"], "no such sample") || sum.Correct.NC1 != sum.NC1 {
		t.Errorf("correct NC1 %v of %v, note %q", sum.Correct.NC1, sum.NC1, sum.Notes["wrong"])
	}
	if sum.Test == nil || sum.Test.Correct == nil || math.IsNaN(sum.NC5) || math.IsNaN(sum.NCCTestError) {
		t.Errorf("test %v, NC5 %v, NCC test error %v", sum.Test, sum.NC5, sum.NCCTestError)
	}
	if sum, err = nc.Measure(s.source(), nc.Classifier{}, nc.Options{}); err != nil || sum.K != 3 {
		t.Errorf("K = %d without a classifier (%v), want 3", sum.K, err)
	}
}

// TestMeasureNotes: a class without a test sample, and an outcome without one, are notes.
func TestMeasureNotes(t *testing.T) {
	s := sampled(3, 60, 4, 3)
	few := &given{Source: s.source(), give: func(y []int32) []int32 { return make([]int32, len(y)) }}
	sum, err := nc.Measure(few, s.clf, nc.Options{Outcomes: true, Test: nc.Slices(s.x[:8], s.y[:2])})
	if err != nil {
		t.Fatal(err)
	}
	for key, words := range map[string]string{"correct": "that the classifier gives, classes 1, 2 of 3",
		"wrong": "that the classifier gives, classes 1, 2 of 3", "test": "class 2 of 3 has no sample"} {
		if !strings.Contains(sum.Notes[key], words) {
			t.Errorf("note of %s is %q, want %q in it", key, sum.Notes[key], words)
		}
	}
	if sum.Correct != nil || sum.Wrong != nil || sum.Test != nil || math.IsNaN(sum.NCCTestError) {
		t.Errorf("correct %v, wrong %v, test %v, NCC test error %v", sum.Correct, sum.Wrong, sum.Test, sum.NCCTestError)
	}
}

func TestMeasureFaults(t *testing.T) {
	s := sampled(4, 60, 4, 3)
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	var empty *nc.EmptyClassError
	if _, err := nc.Measure(s.source(), nc.Classifier{}, nc.Options{K: 4}); !errors.As(err, &empty) ||
		empty.Classes[0] != 3 {
		t.Errorf("K too large: %v", err)
	}
	if _, err := nc.Measure(s.source(), s.clf, nc.Options{Context: stopped}); !errors.Is(err, context.Canceled) {
		t.Errorf("after a cancel: %v", err)
	}
	one := nc.Slices([]float64{1, 2}, []int32{0}) // d = 2
	for what, c := range map[string]struct {
		source nc.Source
		clf    nc.Classifier
		o      nc.Options
	}{
		"61 features for 30 labels":   {source: nc.Slices(s.x[:61], s.y[:30])},
		"N = 0 samples":               {source: nc.Slices[float32](nil, nil)},
		"need a classifier":           {source: s.source(), o: nc.Options{Outcomes: true}},
		"classifier has K = 3":        {source: s.source(), clf: s.clf, o: nc.Options{K: 2}},
		"label of 0 or more":          {source: nc.Slices([]float64{1}, []int32{-1})},
		"test samples have d = 2":     {source: s.source(), o: nc.Options{Test: one}},
		"test samples: nc: label":     {source: s.source(), o: nc.Options{Test: nc.Slices(s.x[:4], []int32{7})}},
		"out-of-distribution samples": {source: s.source(), o: nc.Options{OOD: one}},
		"classifier is 3×5":           {source: s.source(), clf: nc.Classifier{K: 3, D: 5, W: make([]float64, 15)}},
	} {
		if _, err := nc.Measure(c.source, c.clf, c.o); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("error %v, want one that says %q", err, what)
		}
	}
}
