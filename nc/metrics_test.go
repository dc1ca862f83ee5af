package nc

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
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
		{"no classifier", NeedsClassifier | NeedsWeight | NeedsDecisions, 3, 0, nil},
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
			var clf *Classifier
			if c.weight != nil {
				clf = &Classifier{K: c.k, D: 4, W: c.weight}
			}
			s := missingSummary(t, c.k, features, labels, clf)
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

func missingSummary(t *testing.T, k int, features []float64, labels []int32, clf *Classifier) *Summary {
	t.Helper()
	a, err := NewAccumulator(k, 4)
	if err == nil {
		err = a.Add64(features, labels)
	}
	if err == nil {
		err = a.BeginSecond()
	}
	if err == nil && clf != nil {
		err = a.SetClassifier(clf)
	}
	if err == nil {
		err = a.AddSecond64(features, labels)
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := a.Summary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
