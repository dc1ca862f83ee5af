package nc

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

// TestMerge: parts that are measured apart, at once, and merged give what the
// whole gives.
func TestMerge(t *testing.T) {
	s := random(rand.New(rand.NewPCG(23, 24)), 6, repeat(200, 5), 1, 10)
	want := s.measure(t, 100)
	a, err := NewAccumulator(s.k, s.d)
	if err != nil {
		t.Fatal(err)
	}
	// inParts has each part of the samples added to a fork of its own.
	inParts := func(add func(*Accumulator, []float64, []int32) error) {
		t.Helper()
		cuts := []int{0, 17, 400, 400, 1000}
		parts := make([]*Accumulator, len(cuts)-1)
		var wg sync.WaitGroup
		for i := range parts {
			parts[i] = a.Fork()
			wg.Go(func() {
				from, to := cuts[i], cuts[i+1]
				if err := add(parts[i], s.x[from*s.d:to*s.d], s.y[from:to]); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, p := range parts {
			if err := a.Merge(p); err != nil {
				t.Fatal(err)
			}
		}
	}
	inParts((*Accumulator).Add64)
	if err := a.BeginSecond(); err != nil {
		t.Fatal(err)
	}
	if err := a.SetClassifier(s.clf); err != nil {
		t.Fatal(err)
	}
	inParts((*Accumulator).AddSecond64)
	got, err := a.Summary(nil)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "merged", got, want, 1e-12)
}

func TestMergeFaults(t *testing.T) {
	one := func() *Accumulator {
		a, _ := NewAccumulator(2, 1)
		if err := a.Add64([]float64{1, 2}, []int32{0, 1}); err != nil {
			t.Fatal(err)
		}
		return a
	}
	a, b := one(), one()
	contains(t, a.Merge(a), "itself")
	other, _ := NewAccumulator(3, 1)
	contains(t, a.Merge(other), "K = 3", "K = 2")
	if err := a.BeginSecond(); err != nil {
		t.Fatal(err)
	}
	contains(t, a.Merge(b), "different")
	if err := b.Add64([]float64{5}, []int32{1}); err != nil {
		t.Fatal(err)
	}
	if err := b.BeginSecond(); err != nil {
		t.Fatal(err)
	}
	contains(t, a.Merge(b), "Fork")
	contains(t, b.SetClassifier(&Classifier{K: 2, D: 2}), "2×2")
	if err := b.AddSecond64([]float64{1}, []int32{0}); err != nil {
		t.Fatal(err)
	}
	contains(t, b.SetClassifier(&Classifier{K: 2, D: 1, W: []float64{1, 2}}), "SetClassifier")
	contains(t, one().SetClassifier(&Classifier{K: 2, D: 1, W: []float64{1, 2}}), "SetClassifier")
	if err := a.SetClassifier(&Classifier{K: 2, D: 1, W: []float64{1, 2}}); err != nil {
		t.Fatal(err)
	}
	if err := a.AddSecond64([]float64{1, 2}, []int32{0, 1}); err != nil {
		t.Fatal(err)
	}
	_, err := a.Summary(&Classifier{K: 2, D: 1, W: []float64{2, 1}})
	contains(t, err, "another classifier")
}

// TestGlobalMean: the two global means differ for unbalanced classes only.
func TestGlobalMean(t *testing.T) {
	measure := func(g GlobalMean, x []float64, y []int32) *Summary {
		t.Helper()
		a, _ := NewAccumulator(2, 1)
		a.Global = g
		if err := a.Add64(x, y); err != nil {
			t.Fatal(err)
		}
		if err := a.BeginSecond(); err != nil {
			t.Fatal(err)
		}
		if err := a.AddSecond64(x, y); err != nil {
			t.Fatal(err)
		}
		s, err := a.Summary(nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, g := range []GlobalMean{OverSamples, OverClasses} {
		if got, err := ParseGlobalMean(g.String()); err != nil || got != g {
			t.Errorf("%v is read as %v, %v", g, got, err)
		}
	}
	_, err := ParseGlobalMean("median")
	contains(t, err, "median", "samples, classes")
	// Means 0 and 4; h_G is 1 over samples and 2 over classes.
	x, y := []float64{0, 0, 0, 4}, []int32{0, 0, 0, 1}
	if got := measure(OverSamples, x, y).HNorm; got != 2 { // (1 + 3)/2
		t.Errorf("‖h‖ over samples %v, want 2", got)
	}
	x[0], x[1] = -1, 1
	samples, classes := measure(OverSamples, x, y), measure(OverClasses, x, y)
	// Σ_W = 2/4; H̄ is (−1, 3) or (−2, 2), so NC1 = Σ_W/(K Σ_B) = 0.5/10 or 0.5/8.
	if math.Abs(samples.NC1-0.05) > 1e-15 || math.Abs(classes.NC1-0.0625) > 1e-15 {
		t.Errorf("NC1 = %v over samples, %v over classes, want 0.05 and 0.0625", samples.NC1, classes.NC1)
	}
}

// TestJSON: the object has the keys that other programs read, in lower case,
// with null and a note for what is not defined, and never a NaN.
func TestJSON(t *testing.T) {
	s := random(rand.New(rand.NewPCG(25, 26)), 3, repeat(4, 2), 1, 0)
	s.clf = nil
	sum := s.measure(t, 3)
	sum.Test = s.measure(t, 3)
	b, err := json.Marshal(sum)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	keys := strings.Fields(`n d k counts nc0 nc0_relative nc1 nc1_quotient nc1_per_class cdnv nc2 nc2_w nc2_h nc3 w_norm h_norm equinorm_w
		equinorm_h max_angle_w max_angle_h equiangle_w equiangle_h ncc_error ncc_test_error nc4 bias_alignment stable_rank
		rank error notes test nc3_cosine gnc3 unc3 distance_w distance_std_w distance_h distance_std_h uniformity_w uniformity_std_w
		uniformity_h uniformity_std_h effective_rank nc5 h_norm_per_class ncc_error_per_class spectrum_b`)
	for _, k := range keys {
		v, ok := got[k]
		if !ok {
			t.Errorf("no key %q in %s", k, b)
		}
		if v == nil && got["notes"].(map[string]any)[k] == nil {
			t.Errorf("%s is null without a note", k)
		}
	}
	if len(got) != len(keys) {
		t.Errorf("%d keys, want %d: %s", len(got), len(keys), b)
	}
	if got["nc1"] != sum.NC1 || got["nc3"] != nil || got["n"] != 8.0 || got["test"].(map[string]any)["nc1"] != sum.NC1 {
		t.Errorf("%s", b)
	}
	var nilSummary *Summary
	if b, err := json.Marshal(nilSummary); err != nil || string(b) != "null" {
		t.Errorf("a nil summary is %s, %v", b, err)
	}
}

// TestOrthonormal: K orthonormal rows are at distance √(2−2√((K−1)/K)) from a
// simplex ETF, since they are not centred.
func TestOrthonormal(t *testing.T) {
	s := etf(rand.New(rand.NewPCG(27, 28)), 7, 9, 3, 0)
	for i := range s.clf.W {
		s.clf.W[i] = 0
	}
	for c := range 7 {
		s.clf.W[c*9+c] = 1
	}
	want := math.Sqrt(2 - 2*math.Sqrt(6.0/7))
	if got := s.measure(t, 10).NC2W; math.Abs(got-want) > 1e-14 {
		t.Errorf("distance %v, want %v", got, want)
	}
}
