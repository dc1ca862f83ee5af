package calib

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestTemperature: T recovers the one that was drawn, its loss is the least of any, and
// no prediction changes.
func TestTemperature(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, want := range []float64{0.5, 1, 2.5} {
		z, y := model(rng, 40000, 5, want)
		src := source(t, z, y, 5)
		r := measure(t, src, Options{Fast: true})
		if math.Abs(r.Temperature.T/want-1) > 0.04 || r.Temperature.Note != "" {
			t.Errorf("T = %v (%s), drawn with %v", r.Temperature.T, r.Temperature.Note, want)
		}
		if r.Scaled.Accuracy != r.Unscaled.Accuracy || r.Scaled.N != r.Unscaled.N ||
			r.Temperature.Samples+r.Scaled.N != 40000 {
			t.Errorf("accuracy %v scaled, %v unscaled; %d and %d samples",
				r.Scaled.Accuracy, r.Unscaled.Accuracy, r.Temperature.Samples, r.Scaled.N)
		}
		fit, err := FitTemperature(src)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []float64{0.5, 0.9, 0.99, 0.999, 1.001, 1.01, 1.1, 2} {
			s, err := lossAt(src, part{}, scaling{}, 1/(f*fit.T))
			if err != nil || s.loss <= fit.NLL {
				t.Errorf("loss %v at %v·T, %v at T (%v)", s.loss, f, fit.NLL, err)
			}
		}
	}
}

// TestTemperatureBounds: separable, constant and contrary logits end the search at a
// bound, and say so.
func TestTemperatureBounds(t *testing.T) {
	for _, c := range []struct {
		name string
		z    []float64
		y    []int32
		t    float64
		word string
	}{
		{"separable", []float64{3, 0, 0, 2, 5, 1, 0, 9}, []int32{0, 1, 0, 1}, MinTemperature, "separable"},
		{"contrary", []float64{3, 0, 0, 2, 5, 1, 0, 9}, []int32{1, 0, 1, 0}, MaxTemperature, "upper bound"},
		{"constant", []float64{4, 4, 4, 4, 4, 4, 4, 4}, []int32{0, 1, 0, 1}, 1, "equal"},
		{"huge", []float64{1e99, 0, 0, 1e99, 1e99, 0, 0, -1e99}, []int32{0, 1, 0, 0}, MinTemperature, "separable"},
		{"tiny", []float64{1e-99, 0, 0, 1e-99, 1e-99, 0, 0, 1e-99}, []int32{0, 1, 0, 1}, MinTemperature, "separable"},
	} {
		fit, err := FitTemperature(source(t, c.z, c.y, 2))
		if c.word != "equal" { // the bounds are times the mean range
			var width float64
			for i := 0; i < len(c.z); i += 2 {
				width += math.Abs(c.z[i]-c.z[i+1]) / 4
			}
			c.t *= width
		}
		if err != nil || math.Abs(fit.T/c.t-1) > 1e-9 || !strings.Contains(fit.Note, c.word) {
			t.Errorf("%s: %+v, %v; want T = %v, %q", c.name, fit, err, c.t, c.word)
		}
	}
}

// TestTemperatureScale: with logits c times as large T is c times as large, however
// large c is.
func TestTemperatureScale(t *testing.T) {
	z, y := model(rand.New(rand.NewPCG(21, 22)), 500, 3, 1)
	want, err := FitTemperature(source(t, z, y, 3))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []float64{1e-60, 1e-4, 1e4, 1e60} {
		scaled := make([]float64, len(z))
		for i, v := range z {
			scaled[i] = c * v
		}
		got, err := FitTemperature(source(t, scaled, y, 3))
		if err != nil || got.Note != "" || math.Abs(got.T/c/want.T-1) > 1e-9 {
			t.Errorf("logits times %g: %+v (%v), want T = %v", c, got, err, c*want.T)
		}
	}
}

// TestScalings: after each scaling of an over-confident model the held-out loss falls,
// and vector scaling finds weights and biases that were put in.
func TestScalings(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	const n, k = 20000, 3
	z, y := model(rng, n, k, 1)
	weight, bias := []float64{2, 1, 0.5}, []float64{0.5, 0, -0.5}
	for i := range n {
		for c := range k {
			z[i*k+c] = (z[i*k+c] - bias[c]) / weight[c]
		}
	}
	r := measure(t, source(t, z, y, k), Options{Grid: true, Vector: true, Fast: true})
	v := r.Vector
	if v.Note != "" || !(v.Scaled.NLL < r.Unscaled.NLL-0.05) || !(v.Scaled.NLL <= r.Scaled.NLL) {
		t.Errorf("vector scaling: loss %v, by T %v, unscaled %v, %q",
			v.Scaled.NLL, r.Scaled.NLL, r.Unscaled.NLL, v.Note)
	}
	for c := range k {
		// Biases are known up to a constant.
		b := v.Bias[c] - v.Bias[1]
		if math.Abs(v.Weight[c]/weight[c]-1) > 0.1 || math.Abs(b-bias[c]) > 0.1 {
			t.Errorf("class %d: weight %v and bias %v, want %v and %v", c, v.Weight[c], b, weight[c], bias[c])
		}
	}
	// The grid's T has the least ECE of all candidates on the samples of the fit.
	src := source(t, z, y, k)
	got, ece, err := GridTemperature(src, 15, AuthorsGrid())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range AuthorsGrid() {
		s, err := summarise(src, part{}, scaling{beta: 1 / c}, 15, false, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if s.ECE < ece-1e-12 {
			t.Errorf("T = %v has ECE %v, less than %v at %v", c, s.ECE, ece, got)
		}
	}
}
