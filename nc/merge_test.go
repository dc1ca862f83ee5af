package nc

import (
	"math/rand/v2"
	"sync"
	"testing"
)

// TestMerge: parts that are measured apart, at once, and merged give what the
// whole gives.
func TestMerge(t *testing.T) {
	s := random(rand.New(rand.NewPCG(23, 24)), 6, repeat(200, 5), 1, 10)
	want := s.measure(t, 100)
	sums, err := NewSums(s.k, s.d)
	if err != nil {
		t.Fatal(err)
	}
	inParts(t, s, sums)
	a, err := sums.Centre(s.clf)
	if err != nil {
		t.Fatal(err)
	}
	inParts(t, s, a)
	got, err := a.Summary()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "merged", got, want, 1e-12)
}

// inParts has each part of the samples added to a fork of its own, and the forks merged.
func inParts[P interface {
	Fork() P
	Add(Batch) error
	Merge(P) error
}](t *testing.T, s sample, whole P) {
	t.Helper()
	cuts := []int{0, 17, 400, 400, 1000}
	parts := make([]P, len(cuts)-1)
	var wg sync.WaitGroup
	for i := range parts {
		parts[i] = whole.Fork()
		wg.Go(func() {
			if err := parts[i].Add(s.batch(cuts[i], cuts[i+1])); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, p := range parts {
		if err := whole.Merge(p); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSumsAfterCentre: sums go on after Centre, whose second pass does not see what they take.
func TestSumsAfterCentre(t *testing.T) {
	s := random(rand.New(rand.NewPCG(29, 30)), 4, repeat(20, 3), 1, 0)
	sums, err := NewSums(s.k, s.d)
	if err != nil {
		t.Fatal(err)
	}
	if err := sums.Add(BatchOf(s.x, s.y)); err != nil {
		t.Fatal(err)
	}
	a, err := sums.Centre(s.clf)
	if err != nil {
		t.Fatal(err)
	}
	twice := a.Sums()
	for _, more := range []*Sums{sums, twice} {
		if err := more.Add(BatchOf(s.x[:40], s.y[:10])); err != nil {
			t.Fatal(err)
		}
		if err := more.Merge(a.Sums()); err != nil {
			t.Fatal(err)
		}
		if more.N() != 130 {
			t.Errorf("%d samples, want 130", more.N())
		}
	}
	if err := a.Add(BatchOf(s.x, s.y)); err != nil {
		t.Fatal(err)
	}
	got, err := a.Summary()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "after more sums", got, s.measure(t, 100), 1e-12)
}

func TestMergeFaults(t *testing.T) {
	clf := &Classifier{K: 2, D: 1, W: []float64{1, 2}}
	one := func() *Sums {
		a, _ := NewSums(2, 1)
		if err := a.Add(BatchOf([]float64{1, 2}, []int32{0, 1})); err != nil {
			t.Fatal(err)
		}
		return a
	}
	centred := func(a *Sums, clf *Classifier) *Scatter {
		t.Helper()
		s, err := a.Centre(clf)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, b := one(), one()
	contains(t, a.Merge(a), "themselves")
	other, _ := NewSums(3, 1)
	contains(t, a.Merge(other), "K = 3", "K = 2")
	_, err := a.Centre(&Classifier{K: 2, D: 2})
	contains(t, err, "2×2")
	first := centred(a, clf)
	contains(t, first.Merge(first), "itself")
	if err := b.Add(BatchOf([]float64{5}, []int32{1})); err != nil {
		t.Fatal(err)
	}
	contains(t, first.Merge(centred(b, clf)), "different means", "Fork")
	contains(t, first.Merge(centred(one(), nil)), "different classifiers")
	contains(t, first.Merge(centred(one(), &Classifier{K: 2, D: 1, W: []float64{2, 1}})), "different classifiers")
	if err := first.Merge(centred(one(), &Classifier{K: 2, D: 1, W: []float64{1, 2}})); err != nil {
		t.Errorf("equal means and classifiers: %v", err)
	}
	three := sample{k: 3, d: 1, x: []float64{1, 2, 3}, y: []int32{0, 1, 2}}.centred(t, OverSamples)
	contains(t, first.Merge(three), "K = 3", "K = 2")
}
