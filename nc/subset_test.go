package nc

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// without returns the samples and the classifier of some classes alone, labelled anew.
func (s sample) without(absent ...int) (out sample, kept []int) {
	place := map[int32]int32{}
	for c := range s.k {
		gone := false
		for _, a := range absent {
			gone = gone || a == c
		}
		if !gone {
			place[int32(c)] = int32(len(kept))
			kept = append(kept, c)
		}
	}
	out = sample{k: len(kept), d: s.d, clf: &Classifier{K: len(kept), D: s.d}}
	for i, y := range s.y {
		if p, ok := place[y]; ok {
			out.y = append(out.y, p)
			out.x = append(out.x, s.x[i*s.d:(i+1)*s.d]...)
		}
	}
	for _, c := range kept {
		out.clf.W = append(out.clf.W, s.clf.W[c*s.d:(c+1)*s.d]...)
		out.clf.B = append(out.clf.B, s.clf.B[c])
	}
	return out, kept
}

// only leaves samples of absent classes out and keeps the labels.
func (s sample) only(absent ...int) sample {
	out, kept := s.without(absent...)
	for i, y := range out.y {
		out.y[i] = int32(kept[y])
	}
	out.k, out.clf = s.k, s.clf
	return out
}

// inJSON returns a summary as its JSON has it, without the numbers of classes: neither in lists of them
// nor in notes.
func inJSON(t testing.TB, s *Summary) map[string]any {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	var strip func(v map[string]any)
	strip = func(v map[string]any) {
		delete(v, "classes")
		if notes, ok := v["notes"].(map[string]any); ok {
			delete(notes, "classes")
			delete(notes, "ncc_test_error")
			for name := range notes {
				notes[name] = ""
			}
		}
		for _, part := range v {
			if part, ok := part.(map[string]any); ok {
				strip(part)
			}
		}
	}
	strip(out)
	return out
}

// TestPresent: the metrics over the classes present are those without the absent rows of W and with
// the labels counted anew, also of test samples and outcomes.
func TestPresent(t *testing.T) {
	rng := rand.New(rand.NewPCG(91, 92))
	for _, c := range []struct{ train, test []int }{
		{[]int{2}, []int{2}}, {[]int{0, 4}, []int{0, 4}}, {[]int{5}, []int{5}}, {[]int{1}, []int{1, 3}}, {nil, nil},
	} {
		all := random(rng, 8, repeat(20, 6), 0.8, 1)
		test := random(rng, 8, repeat(12, 6), 0.9, 1)
		measure := func(train, test sample, present bool) *Summary {
			sum, err := Measure(Slices(train.x, train.y), *train.clf, Options{Present: present, Outcomes: true,
				Covariance: true, Decay: 0.1, Test: Slices(test.x, test.y), OOD: Slices(test.x, test.y)})
			if err != nil {
				t.Fatal(err)
			}
			return sum
		}
		got := measure(all.only(c.train...), test.only(c.test...), true)
		few, kept := all.without(c.train...)
		fewTest, _ := test.without(c.train...)
		if len(c.test) != len(c.train) {
			fewTest = fewTest.only(2) // class 3 of all is 2 without class 1
		}
		want := measure(few, fewTest, len(c.test) != len(c.train))
		want.NC5, got.NC5 = 0, 0 // the out-of-distribution samples differ
		have := inJSON(t, got)
		for name, v := range inJSON(t, want) {
			if !reflect.DeepEqual(have[name], v) {
				t.Errorf("without %v: %s is %v, want %v", c.train, name, have[name], v)
			}
		}
		if !reflect.DeepEqual(got.Classes, kept) || got.K != len(kept) {
			t.Errorf("classes %v, want %v", got.Classes, kept)
		}
		if note := got.Notes["classes"]; (note != "") != (c.train != nil) {
			t.Errorf("without %v the note is %q", c.train, note)
		}
	}
}

// TestPresentByHand: class 1 of 3 is absent. H̄ is ±(1, −1), so that Σ_B† = ¼(1, −1)(1, −1)ᵀ, and
// Σ_W has ½ in its first place: NC1 = ½·¼/2.
func TestPresentByHand(t *testing.T) {
	x, y := []float64{1, 0, 3, 0, 0, 2, 0, 2}, []int32{0, 0, 2, 2}
	w := Classifier{K: 3, D: 2, W: []float64{1, -1, 100, 100, -1, 1}}
	s, err := Measure(Slices(x, y), w, Options{Present: true})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "NC1", s.NC1, 0.0625, 1e-15)
	near(t, "‖h‖", s.HNorm, math.Sqrt2, 1e-15)
	near(t, "‖w‖", s.WNorm, math.Sqrt2, 1e-15)
	// W and H̄ are one simplex ETF of two classes, and the row of class 1, which has the largest logit
	// everywhere, decides nothing.
	for name, v := range map[string]float64{"NC2": s.NC2, "NC3": s.NC3, "NC4": s.NC4, "error": s.Error, "NC0": s.NC0} {
		if v != 0 {
			t.Errorf("%s = %v, want 0", name, v)
		}
	}
	if s.K != 2 || !reflect.DeepEqual(s.Classes, []int{0, 2}) || s.Class(1) != 2 {
		t.Errorf("K = %d, classes %v", s.K, s.Classes)
	}
	_, err = Measure(Slices(x, y), w, Options{})
	contains(t, err, "class 1 of 3", "Options.Present")
	_, err = Measure(Slices(x, y), Classifier{K: 2, D: 3, W: make([]float64, 6)}, Options{K: 2})
	contains(t, err, "2×3")
	turned := Slices([]float64{1, 0, 3, 1, 2, 2}, []int32{0, 1})
	_, err = Measure(turned, Classifier{K: 3, D: 2, W: make([]float64, 6)}, Options{})
	contains(t, err, "3×2", "transpose")
	if _, err := s.Scatter.MarshalBinary(); err == nil {
		t.Error("a state of some classes was written")
	}
}

// TestPresentNotes: notes name classes by the caller's labels, and test samples of other classes are
// counted.
func TestPresentNotes(t *testing.T) {
	x, y := []float64{1, 0, 3, 0, 0, 2}, []int32{3, 3, 7}
	s, err := Measure(Slices(x, y), Classifier{}, Options{Present: true,
		Test: Slices([]float64{1, 0, 0, 2, 0, 5}, []int32{3, 9, 9})})
	if err != nil {
		t.Fatal(err)
	}
	for key, words := range map[string]string{
		"nc1_per_class": "class 7 has one sample", "ncc_test_error": "2 of 3 test samples are left out: class 9 has",
		"classes": "K = 8, but classes 0, 1, 2, 4, 5, 6 have no sample",
	} {
		if !strings.Contains(s.Notes[key], words) {
			t.Errorf("note of %s is %q, want %q", key, s.Notes[key], words)
		}
	}
	if s.NCCTestError != 0 || s.Test == nil || s.Test.K != 1 || s.Test.Class(0) != 3 {
		t.Errorf("test: %v, %+v", s.NCCTestError, s.Test)
	}
	s, err = Measure(Slices(x, y), Classifier{}, Options{Present: true, Test: Slices([]float64{1, 0}, []int32{0})})
	if err != nil || s.Test != nil || !strings.Contains(s.Notes["test"], "class 0 has no training sample") {
		t.Errorf("test samples of another class: %v, notes %v", err, s.Notes)
	}
	for _, bad := range [][]int32{{0, 1, -1}, {0, 1, 1 << 30}} {
		_, err = Measure(Slices(x, bad), Classifier{}, Options{Present: true})
		contains(t, err, "label of sample 2")
	}
	_, err = Measure(Slices(x, y), Classifier{K: 4, D: 2, W: make([]float64, 8)}, Options{Present: true})
	contains(t, err, "label of sample 2 is 7", "= 3")
}
