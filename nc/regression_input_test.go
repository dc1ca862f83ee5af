package nc

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
)

// TestRegressionUndefined: what has no value is NaN with a reason, and null in JSON;
// what limits a value is said.
func TestRegressionUndefined(t *testing.T) {
	rng := rand.New(rand.NewPCG(69, 70))
	change := func(f func(s *regressionData)) *RegressionSummary {
		s := randomRegression(rng, 50, 5, 2, 0.3, 1)
		f(&s)
		return s.measure(t, 20)
	}
	for _, c := range []struct {
		name string
		got  *RegressionSummary
		nan  string // names of metrics without a value
		note map[string]string
	}{
		{"no weight", change(func(s *regressionData) { s.w = nil }), "nrc2 nrc2_centred nrc3 nrc3_gamma",
			map[string]string{"nrc2": "no weight"}},
		{"weight zero", change(func(s *regressionData) { clear(s.w) }), "nrc2 nrc2_centred nrc3 nrc3_gamma",
			map[string]string{"nrc3": "zero"}},
		{"weight of rank 1", change(func(s *regressionData) { copy(s.w[5:], s.w[:5]) }), "",
			map[string]string{"nrc2": "span 1"}},
		{"targets equal", change(func(s *regressionData) {
			for i := range s.y {
				s.y[i] = 0.1
			}
		}), "nrc3 nrc3_gamma", map[string]string{"nrc3": "equal"}},
		{"a target constant", change(func(s *regressionData) {
			for i := range s.n {
				s.y[2*i] = 0.1
			}
		}), "", map[string]string{"nrc3": "singular"}},
		{"features equal", change(func(s *regressionData) {
			for i := range s.x {
				s.x[i] = 0.1 * float64(1+i%5)
			}
		}), "nrc1 nrc1_centred nrc2_centred explained_variance",
			map[string]string{"nrc1": "all features are equal", "nrc2_centred": "the mean"}},
		{"features zero", change(func(s *regressionData) { clear(s.x) }),
			"nrc1 nrc1_centred nrc2 nrc2_centred explained_variance", map[string]string{"nrc2": "zero"}},
		{"features on a line", change(func(s *regressionData) {
			for i := range s.x {
				s.x[i] = float64(1+i%5) * s.y[2*(i/5)]
			}
		}), "", map[string]string{"nrc1": "1 directions"}},
		{"a sample zero", change(func(s *regressionData) { clear(s.x[10:15]) }), "",
			map[string]string{"nrc1": "1 of 50"}},
		{"more targets than dimensions", randomRegression(rng, 50, 2, 4, 0.1, 0).measure(t, 20), "",
			map[string]string{"nrc1": "span all", "nrc2": "span all"}},
		{"one target", randomRegression(rng, 50, 4, 1, 0.1, 0).measure(t, 20), "", map[string]string{"nrc3": "t = 1"}},
	} {
		t.Run(c.name, func(t *testing.T) { checkUndefined(t, c.got, strings.Fields(c.nan), c.note) })
	}
}

// checkUndefined: the metrics of the keys nan, and no others, are NaN with a note and null in JSON;
// the notes of others have the words given; shares are in [0, 1].
func checkUndefined(t *testing.T, got *RegressionSummary, nan []string, notes map[string]string) {
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	for _, m := range RegressionMetrics() {
		v, _ := got.Value(m.Key)
		undefined := slices.Contains(nan, m.Key)
		if math.IsNaN(v) != undefined {
			t.Errorf("%s = %v (%s)", m.Key, v, got.Notes[m.Key])
		}
		if undefined && got.Notes[m.Key] == "" {
			t.Errorf("%s is not defined and has no note", m.Key)
		}
		if (object[m.Key] == nil) != undefined {
			t.Errorf("%s is %v in JSON", m.Key, object[m.Key])
		}
	}
	for key, words := range notes {
		if !strings.Contains(got.Notes[key], words) {
			t.Errorf("note of %s is %q, want %q in it", key, got.Notes[key], words)
		}
	}
	for _, key := range []string{"nrc1", "nrc2", "nrc1_centred", "nrc2_centred"} {
		if v, _ := got.Value(key); v < 0 || v > 1 {
			t.Errorf("%s = %v is outside [0, 1]", key, v)
		}
	}
}

// TestRegressionInput: what is wrong with calls and samples is said.
func TestRegressionInput(t *testing.T) {
	_, err := NewRegression(0, 1)
	contains(t, err, "d = 0")
	_, err = NewRegression(1<<20, 1)
	contains(t, err, "1048576", "GiB")
	_, err = NewRegression(4, 1<<40)
	contains(t, err, "GiB")
	s := randomRegression(rand.New(rand.NewPCG(71, 72)), 30, 4, 2, 0.3, 1)
	r, err := NewRegression(s.d, s.t)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Project(nil)
	contains(t, err, "no samples")
	add := func(x, y []float64) error { return r.Add(BatchOf(x, nil), BatchOf(y, nil)) }
	if err := add(s.x, s.y); err != nil {
		t.Fatal(err)
	}
	contains(t, add(s.x, s.y[:2]), "120 features", "2 targets")
	contains(t, add([]float64{1, 2, math.NaN(), 4}, []float64{1, 2}), "feature 2", "sample 30")
	contains(t, add([]float64{1, 2, 3, 4}, []float64{1, math.Inf(1)}), "target 1", "sample 30")
	contains(t, r.Merge(r), "itself")
	other, err := NewRegression(4, 3)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, r.Merge(other), "t = 3")
	_, err = r.Project(s.w[:3])
	contains(t, err, "3 numbers", "t·d")
	_, err = r.Project([]float64{0, 0, 0, 0, 0, math.NaN(), 0, 0})
	contains(t, err, "target 1", "dimension 1")
	huge, err := NewRegression(1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := huge.Add(BatchOf([]float64{1, 1e300, -1e300, 1}, nil), BatchOf([]float64{1, 2, 3, 4}, nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := huge.Project([]float64{1}); err != nil {
		t.Errorf("features of 1e300: %v", err)
	}
	residualsInput(t, r, s)
}

// residualsInput: what is wrong with the second pass is said.
func residualsInput(t *testing.T, first *Regression, s regressionData) {
	r, err := first.Project(s.w)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, r.Merge(r), "themselves")
	apart, err := first.Project(s.w)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, r.Merge(apart), "different subspaces", "Fork")
	contains(t, r.Add(BatchOf(s.x[:5], nil)), "5 features")
	contains(t, r.Add(BatchOf([]float64{1, 2, 3, math.Inf(-1)}, nil)), "sample 0")
	if err := r.Add(BatchOf(s.x[:8], nil)); err != nil {
		t.Fatal(err)
	}
	_, err = r.Summary()
	contains(t, err, "saw 2 samples", "first 30")
	elsewhere := slices.Clone(s.x[8:])
	floats.AddConst(1, elsewhere)
	if err := r.Add(BatchOf(elsewhere, nil)); err != nil {
		t.Fatal(err)
	}
	_, err = r.Summary()
	contains(t, err, "differs between the passes")
}

// FuzzRegression: whatever the numbers, a metric is in its range or has a note.
func FuzzRegression(f *testing.F) {
	f.Add(uint64(1), 5, 3, 2, 0.5, 1.0, 1.0)
	f.Add(uint64(2), 1, 1, 1, 0.0, 0.0, 1e-300)
	f.Add(uint64(3), 9, 2, 4, 1e-9, 1e9, 1e200)
	f.Fuzz(func(t *testing.T, seed uint64, n, d, m int, noise, offset, scale float64) {
		n, d, m = 1+abs(n)%700, 1+abs(d)%9, 1+abs(m)%5
		s := randomRegression(rand.New(rand.NewPCG(seed, 1)), n, d, m, noise, offset)
		floats.Scale(scale, s.x)
		r, err := NewRegression(d, m)
		if err != nil {
			t.Fatal(err)
		}
		if r.Add(BatchOf(s.x, nil), BatchOf(s.y, nil)) != nil {
			return
		}
		second, err := r.Project(s.w)
		if err != nil || second.Add(BatchOf(s.x, nil)) != nil {
			return
		}
		sum, err := second.Summary()
		if err != nil {
			return
		}
		for _, m := range RegressionMetrics() {
			name := m.Key
			v, _ := sum.Value(name)
			most := 1 + 1e-9
			switch name {
			case "nrc3":
				most = 4 + 1e-9
			case "nrc3_gamma":
				most = math.MaxFloat64
			}
			if math.IsNaN(v) && sum.Notes[name] == "" || v < 0 || v > most {
				t.Errorf("%s = %v (note %q)", name, v, sum.Notes[name])
			}
		}
		if _, err := json.Marshal(sum); err != nil {
			t.Error(err)
		}
	})
}

func abs(n int) int {
	if n < 0 {
		return -(n + 1)
	}
	return n
}

// TestRegressionRounding: what is exactly 0 or undefined is so whatever rounding the numbers have.
func TestRegressionRounding(t *testing.T) {
	rng := rand.New(rand.NewPCG(81, 82))
	for trial := range 50 {
		s := randomRegression(rng, 20+rng.IntN(900), 2+rng.IntN(9), 2, 0, 0)
		if got := s.measure(t, 64); got.NRC1 != 0 || got.NRC1Centred != 0 || got.NRC2 != 0 || got.NRC2Centred != 0 {
			t.Errorf("trial %d: features in the rows of W have %+v", trial, got)
		}
		for i := range s.x {
			s.x[i] = s.x[i%s.d] // every sample is the first
		}
		got := s.measure(t, 64)
		for _, name := range []string{"nrc1", "nrc1_centred", "nrc2_centred", "explained_variance"} {
			if v, _ := got.Value(name); !math.IsNaN(v) || got.Notes[name] == "" {
				t.Errorf("trial %d: equal samples have %s = %v, note %q", trial, name, v, got.Notes[name])
			}
		}
	}
}
