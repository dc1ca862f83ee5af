package calib

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// TestMetrics: the JSON object of a Summary has every metric of the table, in its order, and each
// metric says what it is.
func TestMetrics(t *testing.T) {
	z, y := model(rand.New(rand.NewPCG(1, 1)), 50, 3, 1)
	s := measure(t, source(t, z, y, 3), Options{FitAll: true}).Summary
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	values := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	for _, m := range Metrics() {
		want = append(want, m.Key)
		if m.Symbol == "" || m.Range == "" || m.Equation == "" || m.Meaning == "" {
			t.Errorf("%s: symbol, range, equation or meaning is missing: %+v", m.Key, m)
		}
		var v float64
		if err := json.Unmarshal(values[m.Key], &v); err != nil || v != m.Value(s) {
			t.Errorf("%s is %s in JSON (%v), want %v", m.Key, values[m.Key], err, m.Value(s))
		}
		if got, ok := MetricByKey(m.Key); !ok || got.Symbol != m.Symbol {
			t.Errorf("MetricByKey(%q) = %+v, %v", m.Key, got, ok)
		}
	}
	if _, ok := MetricByKey("no such metric"); ok {
		t.Error("MetricByKey knows a key that is not in the table")
	}
	place := func(name string) int { return bytes.Index(text, []byte(strconv.Quote(name)+":")) }
	if !slices.IsSortedFunc(want, func(a, b string) int { return place(a) - place(b) }) {
		t.Errorf("the keys %v are not in this order in %s", want, text)
	}
}
