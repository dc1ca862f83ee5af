package nc

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestMetrics: every table has distinct keys and says what each metric is; the JSON object has
// the metrics in the table's order.
func TestMetrics(t *testing.T) {
	tables := [][]Metric{Metrics(), CovarianceMetrics(), MSEMetrics(), RegressionMetrics()}
	for _, metrics := range tables {
		var keys []string
		for _, m := range metrics {
			if m.Key == "" || m.Symbol == "" || m.Range == "" || m.Equation == "" || m.Meaning == "" {
				t.Errorf("%q: a text is missing: %+v", m.Key, m)
			}
			if slices.Contains(keys, m.Key) {
				t.Errorf("the key %q is there twice", m.Key)
			}
			keys = append(keys, m.Key)
		}
	}
	s := &Summary{}
	for i, m := range Metrics() {
		*metrics[i].at(s) = float64(i)
		if v, ok := s.Value(m.Key); !ok || v != float64(i) {
			t.Errorf("Value(%q) = %v, %v, want %d: two metrics share a field", m.Key, v, ok, i)
		}
		if got, ok := MetricByKey(m.Key); !ok || got != m {
			t.Errorf("MetricByKey(%q) = %+v, %v", m.Key, got, ok)
		}
	}
	if v, ok := s.Value("none"); ok || !math.IsNaN(v) {
		t.Errorf("Value of no metric is %v, %v", v, ok)
	}
	if _, ok := MetricByKey("none"); ok {
		t.Error("MetricByKey knows a key that is not in the table")
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	place := -1
	for _, m := range Metrics() {
		at := bytes.Index(text, []byte(`"`+m.Key+`":`))
		if at <= place {
			t.Errorf("%s is at byte %d of the JSON object, after the metric at %d", m.Key, at, place)
		}
		place = at
	}
}

// TestMissing: a metric is not defined exactly where what it needs is missing, and says so.
func TestMissing(t *testing.T) {
	for _, c := range []struct {
		name    string
		lacks   Needs
		k, same int
		weight  []float64
	}{
		{"no classifier", NeedsClassifier | NeedsWeight, 3, 0, nil},
		{"zero weight", NeedsWeight, 3, 0, make([]float64, 12)},
		{"one class", NeedsClasses, 1, 0, []float64{1, 2, 3, 4}},
		{"equal means", NeedsMeans, 3, 1, []float64{1, 2, 3, 4, 2, 2, 1, 0, 1, 1, 5, 1}},
		{"all", 0, 3, 0, []float64{1, 2, 3, 4, 2, 2, 1, 0, 1, 1, 5, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			features := make([]float64, 0, 24*c.k)
			var labels []int32
			for i := range 6 * c.k {
				y := i % c.k
				labels = append(labels, int32(y))
				for j := range 4 {
					v := math.Sin(float64(1 + i/c.k*5 + j*j)) // the same in each class
					if c.same == 0 {
						v += math.Cos(float64(3*y + 7*j*j + y*j + i))
					}
					features = append(features, v)
				}
			}
			clf := Classifier{}
			if c.weight != nil {
				clf = Classifier{K: c.k, D: 4, W: c.weight}
			}
			s, err := Measure(Slices(features, labels), clf, Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range Metrics() {
				lacks := m.Needs & (c.lacks | NeedsTest | NeedsOOD)
				v, _ := s.Value(m.Key)
				if (lacks != 0) != math.IsNaN(v) || lacks != 0 && s.Note(m.Key) == "" {
					t.Errorf("%s = %v (%s), needs %b, missing %b", m.Key, v, s.Note(m.Key), m.Needs, lacks)
				}
			}
		})
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
	keys := strings.Fields(`
		n d k counts nc0 nc0_relative nc1 nc1_quotient nc1_per_class cdnv nc2 nc2_w nc2_h nc3 w_norm h_norm
		equinorm_w equinorm_h max_angle_w max_angle_h equiangle_w equiangle_h ncc_error ncc_test_error nc4
		bias_alignment stable_rank rank error notes test nc3_cosine gnc3 unc3 distance_w distance_std_w
		distance_h distance_std_h uniformity_w uniformity_std_w uniformity_h uniformity_std_h effective_rank
		nc5 h_norm_per_class ncc_error_per_class spectrum_b`)
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
