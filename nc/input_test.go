package nc

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestBadInput(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	good := BatchOf([]float64{0, 0, 1, 0, 0, 1}, []int32{0, 1, 2})
	for _, c := range []struct {
		name   string
		x      []float64
		y      []int32
		words  []string
		second bool
	}{
		{name: "NaN", x: []float64{1, 2, 3, nan}, y: []int32{0, 1}, words: []string{"sample 4", "feature 1", "NaN"}},
		{name: "infinity", x: []float64{inf, 2}, y: []int32{0}, words: []string{"sample 3", "feature 0", "Inf"}},
		{name: "label too large", x: []float64{1, 2, 1, 2}, y: []int32{2, 3},
			words: []string{"sample 4", "3", "0 to K−1 = 2"}},
		{name: "label negative", x: []float64{1, 2}, y: []int32{-1}, words: []string{"sample 3", "-1"}},
		{name: "length", x: []float64{1, 2, 3}, y: []int32{0, 1}, words: []string{"3 features", "2 labels", "d = 2"}},
		{name: "second pass NaN", x: []float64{0, nan}, y: []int32{0}, words: []string{"sample 0", "feature 1", "NaN"},
			second: true},
		{name: "second pass label", x: []float64{0, 1}, y: []int32{7}, words: []string{"sample 0", "7"}, second: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			sums, err := NewSums(3, 2)
			if err != nil {
				t.Fatal(err)
			}
			if err := sums.Add(good); err != nil {
				t.Fatal(err)
			}
			if !c.second {
				contains(t, sums.Add(BatchOf(c.x, c.y)), c.words...)
			}
			a, err := sums.Centre(nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.second {
				contains(t, a.Add(BatchOf(c.x, c.y)), c.words...)
			}
			// Nothing of the batch was added: the rest works as if it had not been.
			if err := a.Add(good); err != nil {
				t.Fatal(err)
			}
			if s, err := a.Summary(); err != nil || s.N != 3 || s.NCCError != 0 {
				t.Errorf("after the refused batch: %+v, %v", s, err)
			}
		})
	}
	a := sample{k: 3, d: 2, x: []float64{0, 0, 1, 0, 0, 1}, y: []int32{0, 1, 2}}.centred(t, OverSamples)
	contains(t, a.NearestMean(BatchOf([]float64{1, nan}, nil), make([]int32, 1)), "sample 0", "NaN")
	contains(t, a.NearestMean(BatchOf([]float64{1}, nil), make([]int32, 1)), "1 features")

	for _, kd := range [][2]int{{0, 3}, {3, 0}, {-1, 3}} {
		_, err := NewSums(kd[0], kd[1])
		contains(t, err, "at least one")
	}
	_, err := NewSums(1_000_000, 512)
	contains(t, err, "K = 1000000", "GiB")
}

func TestEmptyClass(t *testing.T) {
	centre := func(k int, x []float64, y []int32) error {
		sums, err := NewSums(k, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := sums.Add(BatchOf(x, y)); err != nil {
			t.Fatal(err)
		}
		_, err = sums.Centre(nil)
		return err
	}
	contains(t, centre(4, nil, nil), "no samples")
	contains(t, centre(4, []float64{1, 2, 3}, []int32{0, 1, 3}), "class 2", "no sample")
	contains(t, centre(100, []float64{1}, []int32{0}), "99 of 100", "1, 2, 3")
}

func TestPassesDiffer(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	s := random(rng, 4, repeat(50, 3), 0.5, 0)
	a := s.centred(t, OverSamples)
	if err := a.Add(s.batch(0, 149)); err != nil {
		t.Fatal(err)
	}
	_, err := a.Summary()
	contains(t, err, "second pass saw 49", "the first 50")

	a = s.centred(t, OverSamples)
	moved := append([]float64(nil), s.x...)
	for i := range moved {
		moved[i] *= 1.1
	}
	if err := a.Add(BatchOf(moved, s.y)); err != nil {
		t.Fatal(err)
	}
	_, err = a.Summary()
	contains(t, err, "mean of class", "evaluation mode")

	a = s.centred(t, OverSamples)
	for i, v := range s.x { // the rounding of a GPU is not an error
		moved[i] = v * (1 + 1e-6*rng.NormFloat64())
	}
	if err := a.Add(BatchOf(moved, s.y)); err != nil {
		t.Fatal(err)
	}
	if _, err = a.Summary(); err != nil {
		t.Error(err)
	}
}

func TestBadClassifier(t *testing.T) {
	s := random(rand.New(rand.NewPCG(19, 20)), 3, repeat(5, 2), 1, 0)
	for _, c := range []struct {
		clf   Classifier
		words []string
	}{
		{Classifier{K: 3, D: 3, W: make([]float64, 9)}, []string{"3×3", "K = 2", "d = 3"}},
		{Classifier{K: 2, D: 3, W: make([]float64, 5)}, []string{"5 numbers", "2·3"}},
		{Classifier{K: 2, D: 3, W: make([]float64, 6), B: make([]float64, 3)}, []string{"bias", "3 numbers"}},
		{Classifier{K: 2, D: 3, W: []float64{0, 0, 0, 0, math.NaN(), 0}}, []string{"class 1", "dimension 1", "NaN"}},
		{Classifier{K: 2, D: 3, W: make([]float64, 6), B: []float64{math.Inf(-1), 0}}, []string{"bias of class 0"}},
	} {
		s.clf = &c.clf
		_, err := s.try(10)
		contains(t, err, c.words...)
	}
}

// TestUndefined: what the input does not define is NaN with a reason, and the
// rest is still there.
func TestUndefined(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	plain := random(rng, 4, repeat(6, 3), 1, 0)

	noClf := plain
	noClf.clf = nil
	zero := plain
	zero.x = make([]float64, len(plain.x))
	same := plain
	same.x = make([]float64, len(plain.x))
	for i := range same.x {
		same.x[i] = 0.1
	}
	zeroW := plain
	zeroW.clf = &Classifier{K: 3, D: 4, W: make([]float64, 12)}
	for _, c := range []struct {
		name   string
		s      sample
		nan    []string
		reason string
		values []string
	}{
		{"no classifier", noClf, []string{"nc2", "nc3", "w_norm", "nc4", "error", "nc2_w", "bias_alignment"},
			"classifier", []string{"nc1", "h_norm", "ncc_error"}},
		{"zero features", zero, []string{"nc1", "nc1_quotient", "nc2", "nc3", "ncc_error", "cdnv", "nc2_h", "nc4",
			"stable_rank", "equinorm_h"}, "equal", []string{"h_norm", "w_norm", "nc2_w", "error", "bias_alignment"}},
		{"equal features", same, []string{"nc1", "nc1_quotient", "nc2", "nc3", "ncc_error", "cdnv", "nc2_h", "nc4",
			"stable_rank", "equinorm_h"}, "equal", []string{"h_norm", "w_norm", "nc2_w", "error", "bias_alignment"}},
		{"zero classifier", zeroW, []string{"nc2", "nc3", "nc2_w", "equinorm_w", "equiangle_w"}, "zero",
			[]string{"nc1", "w_norm", "nc4", "bias_alignment"}},
		{"one class", random(rng, 4, []int{5}, 1, 0), []string{"nc1", "nc1_quotient", "nc2", "nc3", "cdnv",
			"equiangle_h"}, "K = 1", []string{"ncc_error", "h_norm", "w_norm", "nc4", "bias_alignment"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.s.measure(t, 5)
			values := got.scalars()
			for name, v := range values {
				if math.IsNaN(*v) != (got.Note(name) != "") {
					t.Errorf("%s = %v with note %q", name, *v, got.Note(name))
				}
			}
			for _, f := range c.nan {
				if !math.IsNaN(*values[f]) {
					t.Errorf("%s = %v, want NaN", f, *values[f])
				}
				contains(t, errorString(got.Note(f)), c.reason)
			}
			for _, f := range c.values {
				if math.IsNaN(*values[f]) {
					t.Errorf("%s is NaN (%s)", f, got.Notes[f])
				}
			}
		})
	}

	// What a caller did not ask for leaves no note among the reasons.
	quiet := plain
	sum := quiet.measure(t, 5)
	if len(sum.Notes) != 0 || sum.Note("ncc_test_error") == "" || !math.IsNaN(sum.NCCTestError) ||
		sum.Note("nc5") == "" {
		t.Errorf("an ordinary summary has %+v", sum)
	}

	few := random(rng, 2, repeat(6, 5), 0.3, 0).measure(t, 5)
	if math.IsNaN(few.NC1) || math.IsNaN(few.NC2) || few.Notes["nc2"] == "" {
		t.Errorf("d < K−1: NC1 = %v, NC2 = %v with note %q; want values and a note", few.NC1, few.NC2, few.Notes["nc2"])
	}
}

type errorString string

func (e errorString) Error() string { return string(e) }

// FuzzMeasure: whatever the bytes, there is an error or metrics that are
// numbers in their range or NaN with a reason.
func FuzzMeasure(f *testing.F) {
	f.Add(uint8(2), uint8(3), []byte("a few bytes that are read as numbers and labels"))
	f.Add(uint8(1), uint8(1), []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	f.Add(uint8(3), uint8(2), make([]byte, 400))
	f.Fuzz(func(t *testing.T, k, d uint8, b []byte) {
		s := sample{k: int(k)%6 + 1, d: int(d)%6 + 1}
		number := func() float64 {
			if len(b) < 2 {
				return 0
			}
			v := float64(int8(b[0])) * math.Pow(2, float64(int8(b[1]))*9)
			b = b[2:]
			return v
		}
		s.clf = &Classifier{K: s.k, D: s.d, W: make([]float64, s.k*s.d)}
		for i := range s.clf.W {
			s.clf.W[i] = number()
		}
		for len(b) > 0 && len(s.y) < 50 {
			s.y = append(s.y, int32(b[0])%7-1+int32(b[0]%2))
			b = b[1:]
			for range s.d {
				s.x = append(s.x, number())
			}
		}
		got, err := s.try(3)
		if err != nil {
			return
		}
		negative := map[string]bool{"nc3_cosine": true, "uniformity_w": true, "uniformity_h": true}
		for name, v := range got.scalars() {
			switch {
			case math.IsInf(*v, 0), math.IsNaN(*v) && got.Note(name) == "", *v < 0 && !negative[name]:
				t.Errorf("%s = %v with note %q", name, *v, got.Note(name))
			}
		}
		for name, most := range map[string]float64{"nc2": 2, "nc3": 2, "nc2_w": 2, "nc2_h": 2, "ncc_error": 1, "nc4": 1,
			"error": 1} {
			if v := *got.scalars()[name]; v > most+1e-9 {
				t.Errorf("%s = %v, more than %v", name, v, most)
			}
		}
	})
}

// TestSingletons: classes of one sample have no variability to measure; of some a
// note says so, where all are such there is no NC1.
func TestSingletons(t *testing.T) {
	some := random(rand.New(rand.NewPCG(51, 52)), 6, []int{5, 1, 7, 1}, 0.5, 0).measure(t, 4)
	if note := some.Notes["nc1_per_class"]; !strings.Contains(note, "classes 1, 3 have one sample") ||
		math.IsNaN(some.NC1) {
		t.Errorf("NC1 %v, note %q", some.NC1, note)
	}
	all := random(rand.New(rand.NewPCG(53, 54)), 6, repeat(1, 4), 0.5, 0).measure(t, 4)
	for _, name := range []string{"nc1", "nc1_quotient", "cdnv"} {
		if v, _ := all.Value(name); !math.IsNaN(v) || !strings.Contains(all.Note(name), "one sample") {
			t.Errorf("%s = %v of singletons, note %q", name, v, all.Note(name))
		}
	}
	if math.IsNaN(all.NC2) || math.IsNaN(all.NC3) || !math.IsNaN(all.NC1PerClass[0]) {
		t.Errorf("NC2 %v, NC3 %v, NC1 of class 0 %v", all.NC2, all.NC3, all.NC1PerClass[0])
	}
}
