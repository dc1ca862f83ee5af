package calib

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestMasked compares logits with masked classes and extreme gaps with scipy; see testdata/masked.py.
func TestMasked(t *testing.T) {
	b, err := os.ReadFile("testdata/masked.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name   string
		K      int
		Logits []*float64
		Labels []int32
		Want   map[string]float64
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		z := make([]float64, len(c.Logits))
		for i, v := range c.Logits {
			if z[i] = math.Inf(-1); v != nil {
				z[i] = *v
			}
		}
		r := measure(t, source(t, z, c.Labels, c.K), Options{FitAll: true, Vector: c.Name == "masked"})
		got := map[string]float64{
			"nll": r.NLL, "brier": r.Brier, "entropy": r.Entropy, "ece": r.ECE,
			"temperature": r.Temperature.T, "nll_scaled": r.Scaled.NLL,
		}
		if r.Vector != nil {
			got["nll_vector"] = r.Vector.NLL
		}
		for name, v := range got {
			if want := c.Want[name]; !(math.Abs(v-want) <= 1e-6*max(1, want)) {
				t.Errorf("%s: %s = %.12g, want %.12g", c.Name, name, v, want)
			}
		}
		if r.Temperature.Note != "" {
			t.Errorf("%s: T has the note %q", c.Name, r.Temperature.Note)
		}
	}
}

// impossibleLogits returns a model of which sample 7 has its own class masked.
func impossibleLogits() ([]float64, []int32, int) {
	z, y := model(rand.New(rand.NewPCG(31, 32)), 40, 3, 1)
	z[7*3+int(y[7])] = math.Inf(-1)
	return z, y, 3
}

// TestImpossible: a sample whose own class has probability 0 leaves NLL, T and all that follows from
// T undefined, whichever half it is in, and the notes and the JSON say so.
func TestImpossible(t *testing.T) {
	z, y, k := impossibleLogits()
	p := softmaxRows(z, k)
	logits, probabilities := source(t, z, y, k), source(t, p, y, k)
	for _, o := range []Options{
		{}, {Seed: 2}, {Seed: 3}, {FitAll: true}, {Probabilities: true}, {Probabilities: true, FitAll: true},
	} {
		o.Vector, o.Grid, o.Bootstrap = true, true, 5
		src := logits
		if o.Probabilities {
			src = probabilities
		}
		r := measure(t, src, o)
		for name, v := range map[string]float64{
			"nll": r.NLL, "loss of the wrong": r.Wrong.Loss, "T": r.Temperature.T, "fit": r.Temperature.NLL,
			"scaled ECE": r.Scaled.ECE, "vector": r.Vector.NLL, "weight": r.Vector.Weight[0],
			"vector's ECE": r.Vector.Scaled.ECE, "interval": r.Intervals.Temperature[0],
		} {
			if !math.IsNaN(v) {
				t.Errorf("%+v: %s = %v, want none", o, name, v)
			}
		}
		for _, v := range []float64{r.ECE, r.Brier, r.Entropy, r.Accuracy, r.Grid.Scaled.ECE, r.Intervals.ECE[1]} {
			if math.IsNaN(v) {
				t.Errorf("%+v: a number that needs no loss is not defined", o)
			}
		}
		for _, note := range []string{r.Notes["nll"], r.Temperature.Note, r.Vector.Note, r.Intervals.TemperatureNote} {
			if !strings.Contains(note, "sample 7") || !strings.Contains(note, "leave the sample out") {
				t.Errorf("%+v: note %q", o, note)
			}
		}
		for _, m := range Metrics() {
			if math.IsNaN(m.Value(r.Scaled)) && r.Scaled.Notes[m.Key] == "" {
				t.Errorf("scaled %s has no note", m.Key)
			}
		}
		if _, err := json.Marshal(r); err != nil {
			t.Error(err)
		}
	}
	if f, err := FitTemperature(logits); err != nil || !math.IsNaN(f.T) {
		t.Errorf("FitTemperature gives %+v, %v", f, err)
	}
	if s, err := Summarise(logits, 0); err != nil || !math.IsNaN(s.NLL) || math.IsNaN(s.ECE) {
		t.Errorf("Summarise gives %+v, %v", s, err)
	}
	if s, err := SpreadOf(logits); err != nil || !math.IsNaN(s.Ratio) || !strings.Contains(s.Note, "sample 7") {
		t.Errorf("SpreadOf gives %+v, %v", s, err)
	}
}

// softmaxRows returns the probabilities of logits.
func softmaxRows(z []float64, k int) []float64 {
	p := make([]float64, len(z))
	for i := 0; i < len(z); i += k {
		var sum float64
		for c := range k {
			p[i+c] = math.Exp(z[i+c])
			sum += p[i+c]
		}
		for c := range k {
			p[i+c] /= sum
		}
	}
	return p
}

// TestRenormalised: probabilities rounded to two decimals give what the same rows divided by their
// sums give, the deviation is said, and one row beyond the tolerance is an error with its sum.
func TestRenormalised(t *testing.T) {
	const k = 5
	z, y := model(rand.New(rand.NewPCG(33, 34)), 300, k, 1)
	p := softmaxRows(z, k)
	whole := make([]float64, len(p))
	worst := 0.0
	for i := 0; i < len(p); i += k {
		var sum float64
		for c := range k {
			p[i+c] = max(math.Round(100*p[i+c]), 1) / 100
			sum += p[i+c]
		}
		worst = max(worst, math.Abs(sum-1))
		for c := range k {
			whole[i+c] = p[i+c] / sum
		}
	}
	if worst < 0.005 || worst > 0.025 {
		t.Fatalf("sums differ from 1 by %v", worst)
	}
	o := Options{FitAll: true, Probabilities: true}
	got, want := measure(t, source(t, p, y, k), o), measure(t, source(t, whole, y, k), o)
	if math.Abs(got.NLL-want.NLL) > 1e-12 || math.Abs(got.Temperature.T-want.Temperature.T) > 1e-9 ||
		got.Accuracy != want.Accuracy {
		t.Errorf("NLL %v and T %v, of divided rows %v and %v", got.NLL, got.Temperature.T, want.NLL, want.Temperature.T)
	}
	if !strings.Contains(got.Notes["probabilities"], "divided by its sum") || want.Notes["probabilities"] != "" {
		t.Errorf("notes %q and %q", got.Notes["probabilities"], want.Notes["probabilities"])
	}
	for c := range k {
		p[60*k+c] = 0
	}
	_, err := Measure(source(t, p, y, k), o)
	for _, part := range []string{"row 60", "sums to 0", "within 0.025"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("a row of zeros: %v, want %q", err, part)
		}
	}
}

// TestBinary: scores of two classes give what their two columns give.
func TestBinary(t *testing.T) {
	z, y := model(rand.New(rand.NewPCG(35, 36)), 100, 2, 2)
	scores, p := make([]float64, len(y)), make([]float64, len(y))
	for i := range y {
		scores[i] = z[2*i+1] - z[2*i]
		p[i] = 1 / (1 + math.Exp(-scores[i]))
	}
	want := measure(t, source(t, z, y, 2), Options{FitAll: true})
	for _, probabilities := range []bool{false, true} {
		src, err := Binary(slices.Clone(map[bool][]float64{false: scores, true: p}[probabilities]), y, probabilities)
		if err != nil {
			t.Fatal(err)
		}
		got := measure(t, src, Options{FitAll: true, Probabilities: probabilities})
		if math.Abs(got.ECE-want.ECE) > 1e-9 || math.Abs(got.Temperature.T/want.Temperature.T-1) > 1e-7 {
			t.Errorf("ECE %v, T %v; want %v, %v", got.ECE, got.Temperature.T, want.ECE, want.Temperature.T)
		}
	}
	if _, err := Binary([]float64{1.5}, []int32{1}, true); err == nil {
		t.Error("a probability of 1.5 was taken")
	}
}
