package calib

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func measure(t testing.TB, src Source, o Options) *Report {
	t.Helper()
	r, err := Measure(src, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// model draws logits of a model whose probabilities are right, then divides them by 1/t:
// T recovers t.
func model(rng *rand.Rand, n, k int, t float64) ([]float64, []int32) {
	z, y := make([]float64, n*k), make([]int32, n)
	p := make([]float64, k)
	for i := range y {
		var sum float64
		for c := range k {
			z[i*k+c] = 1.5 * rng.NormFloat64()
			p[c] = math.Exp(z[i*k+c])
			sum += p[c]
		}
		u := rng.Float64() * sum
		for c, v := range p {
			if u -= v; u < 0 || c == k-1 {
				y[i] = int32(c)
				break
			}
		}
		for c := range k {
			z[i*k+c] *= t
		}
	}
	return z, y
}

func source(t testing.TB, z []float64, y []int32, k int) Source {
	t.Helper()
	src, err := Slice(z, y, k)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func TestBadInput(t *testing.T) {
	ok := []float64{1, 2, 3, 4}
	for name, c := range map[string]struct {
		z []float64
		y []int32
		k int
		w string
	}{
		"NaN":        {[]float64{1, 2, math.NaN(), 4}, []int32{0, 1}, 2, "sample 1, class 0"},
		"infinity":   {[]float64{1, math.Inf(1), 3, 4}, []int32{0, 1}, 2, "sample 0, class 1"},
		"all masked": {[]float64{1, 2, math.Inf(-1), math.Inf(-1)}, []int32{0, 1}, 2, "every logit of sample 1"},
		"label":      {ok, []int32{0, 2}, 2, "label of sample 1 is 2"},
		"negative":   {ok, []int32{-1, 1}, 2, "label of sample 0 is -1"},
		"one class":  {ok, []int32{0, 0, 0, 0}, 1, "K = 1"},
		"lengths":    {ok, []int32{0}, 2, "4 logits for 1"},
		"no samples": {nil, nil, 2, "no samples"},
		"no class":   {ok, []int32{0}, 0, "K = 0"},
	} {
		if _, err := Slice(c.z, c.y, c.k); err == nil || !strings.Contains(err.Error(), c.w) {
			t.Errorf("%s: error %v, want %q", name, err, c.w)
		}
	}
	src := source(t, ok, []int32{0, 1}, 2)
	for name, o := range map[string]Options{
		"bins": {Bins: -1, FitAll: true}, "split": {}, "replicates": {FitAll: true, Bootstrap: 1},
		"consistency": {FitAll: true, Consistency: -1},
	} {
		if _, err := Measure(src, o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, c := range []float64{-0.1, 1.1, math.NaN()} {
		if _, err := Reliability([]float64{c}, []bool{true}, 3); err == nil {
			t.Errorf("confidence %v: no error", c)
		}
	}
	if _, err := Reliability([]float64{0.5}, nil, 3); err == nil {
		t.Error("lengths that differ: no error")
	}
	if _, _, err := GridTemperature(src, 15, []float64{0}); err == nil {
		t.Error("T = 0 in the grid: no error")
	}
}

// TestFloat32 gives what float64 of the same numbers gives, and JSON holds no NaN.
func TestFloat32(t *testing.T) {
	z, y := model(rand.New(rand.NewPCG(19, 20)), 500, 3, 1)
	narrow := make([]float32, len(z))
	for i, v := range z {
		narrow[i] = float32(v)
		z[i] = float64(narrow[i])
	}
	src, err := Slice32(narrow, y, 3)
	if err != nil {
		t.Fatal(err)
	}
	a, b := measure(t, src, Options{}), measure(t, source(t, z, y, 3), Options{})
	if a.ECE != b.ECE || a.Temperature.T != b.Temperature.T || a.ACE != b.ACE {
		t.Errorf("ECE %v and %v, T %v and %v", a.ECE, b.ECE, a.Temperature.T, b.Temperature.T)
	}
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	keys := strings.Fields("n k accuracy nll brier entropy ece mce ace classwise_ece adaptive_ece")
	keys = append(keys, "temperature", "scaled", "unscaled_same", "bins", "notes")
	for _, key := range keys {
		if object[key] == nil {
			t.Errorf("no %q in %s", key, text)
		}
	}
	bins := object["bins"].([]any)
	first := bins[0].(map[string]any)
	if len(bins) != DefaultBins || first["count"] != 0.0 || first["accuracy"] != nil {
		t.Errorf("bins %v", bins)
	}
}

// FuzzMeasure: whatever the logits, metrics lie in their ranges or have a note.
func FuzzMeasure(f *testing.F) {
	f.Add(uint64(1), 20, 3, 1.0, 0.0)
	f.Add(uint64(2), 5, 2, 1e300, 0.0)
	f.Add(uint64(3), 9, 4, 1e-300, 1e10)
	f.Add(uint64(4), 4, 2, 0.0, 0.0)
	f.Fuzz(func(t *testing.T, seed uint64, n, k int, size, offset float64) {
		if n < 4 || n > 50 || k < 2 || k > 8 {
			return
		}
		rng := rand.New(rand.NewPCG(seed, 1))
		z, y := make([]float64, n*k), make([]int32, n)
		for i := range z {
			z[i] = size*rng.NormFloat64() + offset
		}
		for i := range y {
			y[i] = int32(rng.IntN(k))
		}
		for i := range z {
			if seed%3 == 1 && rng.IntN(6) == 0 { // masked classes, also a sample's own
				z[i] = math.Inf(-1)
			}
		}
		src, err := Slice(z, y, k)
		if err != nil {
			return
		}
		o := Options{Bins: 1 + int(seed%20), Seed: int64(seed), Bootstrap: 3, Consistency: 3, Grid: true, Vector: true}
		r, err := Measure(src, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []*Summary{r.Summary, r.Scaled, r.Unscaled, r.Grid.Scaled, r.Vector.Scaled} {
			for _, m := range Metrics() {
				if v := m.Value(s); math.IsInf(v, 0) || math.IsNaN(v) && s.Notes[m.Key] == "" {
					t.Errorf("%s = %v without a note", m.Key, v)
				}
			}
			if s.Notes["ece"] == "" && !(s.ECE >= 0 && s.ECE <= 1 && s.MCE <= 1 && s.Brier >= 0 &&
				s.Brier <= 2.0000001 && s.SmoothECE >= 0) {
				t.Errorf("ECE %v, MCE %v, Brier %v, smooth %v", s.ECE, s.MCE, s.Brier, s.SmoothECE)
			}
		}
		if f := r.Temperature; !(f.T > 0) && !(math.IsNaN(f.T) && f.Note != "") || math.IsInf(f.T, 0) {
			t.Errorf("T = %v, note %q", f.T, f.Note)
		}
		i := r.Intervals
		for name, v := range map[string][2]float64{"ECE": i.ECE, "accuracy": i.Accuracy, "T": i.Temperature} {
			none := name == "T" && math.IsNaN(v[0]) && math.IsNaN(v[1]) && i.TemperatureNote != ""
			if !none && !(v[0] >= 0 && v[0] <= v[1] && !math.IsInf(v[1], 0)) {
				t.Errorf("interval of %s: %v", name, v)
			}
		}
		if v := i.Temperature; r.Temperature.T < v[0]*(1-1e-6) || r.Temperature.T > v[1]*(1+1e-6) {
			t.Errorf("T %v is not in its interval %v", r.Temperature.T, v)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Error(err)
		}
	})
}
