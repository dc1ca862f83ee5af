package calib

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// TestReference compares with torchmetrics, scipy and relplot; see
// testdata/reference.py.
func TestReference(t *testing.T) {
	b, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name   string
		K      int
		Logits []float64
		Labels []int32
		Want   map[string]float64
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			src, err := Slice(c.Logits, c.Labels, c.K)
			if err != nil {
				t.Fatal(err)
			}
			r15 := measure(t, src, Options{FitAll: true})
			r20 := measure(t, src, Options{FitAll: true, Bins: 20})
			fast := measure(t, src, Options{FitAll: true, Fast: true})
			s, err := Summarise(src, 0)
			if err != nil || !sameMetrics(s, fast.Summary) || s.Correct != fast.Correct {
				t.Errorf("Summarise gives %+v, %v; Measure %+v", s, err, fast.Summary)
			}
			for name, got := range map[string]float64{
				"l1_15": r15.ECE, "l2_15": r15.ECE2, "max_15": r15.MCE,
				"l1_20": r20.ECE, "l2_20": r20.ECE2, "max_20": r20.MCE,
				"nll": r15.NLL, "brier": r15.Brier, "entropy": r15.Entropy,
				"temperature": r15.Temperature.T, "nll_scaled": r15.Scaled.NLL,
			} {
				if want := c.Want[name]; !(math.Abs(got-want) <= 1e-6) {
					t.Errorf("%s = %.12g, want %.12g", name, got, want)
				}
			}
			if _, ok := c.Want["smece"]; !ok {
				return
			}
			residual := residuals(r15.signed)
			if got, want := smoothed(residual, 0.1), c.Want["smece_sigma_0.1"]; !(math.Abs(got-want) <= 2e-4) {
				t.Errorf("smooth ECE at σ = 0.1 is %v, relplot has %v", got, want)
			}
			// relplot searches its bandwidth on a grid of 1/1024.
			if want := c.Want["smece"]; !(math.Abs(r15.SmoothECE-want) <= 1e-3) {
				t.Errorf("smooth ECE = %v, relplot has %v", r15.SmoothECE, want)
			}
		})
	}
}

// sameMetrics says whether all metrics are equal, or NaN in both.
func sameMetrics(a, b *Summary) bool {
	for _, m := range Metrics() {
		if x, y := m.Value(a), m.Value(b); x != y && !(math.IsNaN(x) && math.IsNaN(y)) {
			return false
		}
	}
	return true
}

// TestHand: four samples of three classes in three bins, computed by hand. L1 .2000,
// L2 .2082, maximum .2333.
func TestHand(t *testing.T) {
	p := []float64{.25, .20, .55, .55, .05, .40, .10, .30, .60, .90, .05, .05}
	src, err := Slice(p, []int32{0, 1, 2, 0}, 3)
	if err != nil {
		t.Fatal(err)
	}
	r := measure(t, src, Options{Bins: 3, FitAll: true, Probabilities: true})
	for _, c := range []struct{ got, want float64 }{
		{r.ECE, 0.2}, {r.ECE2, 0.2082}, {r.MCE, 0.2333}, {r.Accuracy, 0.5},
	} {
		if math.Abs(c.got-c.want) > 5e-5 {
			t.Errorf("%v, want %v", c.got, c.want)
		}
	}
}
