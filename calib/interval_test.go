package calib

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/internal/resample"
)

// near says whether got is want within a relative tolerance.
func near(got, want [2]float64, tolerance float64) bool {
	for e := range got {
		if !(math.Abs(got[e]-want[e]) <= tolerance*math.Abs(want[e])+1e-12) {
			return false
		}
	}
	return true
}

// TestReferenceIntervals compares intervals with scipy's of the same formulas; see
// testdata/intervals.py.
func TestReferenceIntervals(t *testing.T) {
	text, err := os.ReadFile("testdata/intervals.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name        string
		K           int
		Labels      []int32
		Logits      []*float64
		Temperature [2]*float64
		ECE         [2]float64
		Accuracy    [2]float64
		LessAtHalf  [2]float64 `json:"less_at_half"`
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		z, half := make([]float64, len(c.Logits)), make([]float64, len(c.Logits))
		for i, v := range c.Logits {
			if z[i] = math.Inf(-1); v != nil {
				z[i] = *v
			}
			half[i] = z[i] / 2
		}
		o := Options{FitAll: true, Fast: true, Bootstrap: 2}
		r := measure(t, source(t, z, c.Labels, c.K), o)
		other := measure(t, source(t, half, c.Labels, c.K), o)
		i := r.Intervals
		if !near(i.ECE, c.ECE, 1e-6) || !near(i.Accuracy, c.Accuracy, 1e-6) {
			t.Errorf("%s: ECE %v, accuracy %v; want %v, %v", c.Name, i.ECE, i.Accuracy, c.ECE, c.Accuracy)
		}
		for e, want := range c.Temperature {
			got := i.Temperature[e]
			if want == nil && !strings.Contains(i.TemperatureNote, []string{"lower", "upper"}[e]+" end is the bound") {
				t.Errorf("%s: an end of T is %v, want none; note %q", c.Name, got, i.TemperatureNote)
			} else if want != nil && !(math.Abs(got/(*want)-1) <= 1e-6) {
				t.Errorf("%s: an end of T is %v, want %v", c.Name, got, *want)
			}
			if same := other.Intervals.Temperature[e]; !(math.Abs(2*same/got-1) <= 1e-6) {
				t.Errorf("%s: with half the logits an end is %v, want half of %v", c.Name, same, got)
			}
		}
		d, err := Compare(r.Summary, other.Summary, 20, 1)
		if err != nil || !near(d.Interval, c.LessAtHalf, 1e-6) {
			t.Errorf("%s: difference %+v, %v; want %v", c.Name, d, err, c.LessAtHalf)
		}
	}
}

// TestCountBounds: terms of one size give the exact bounds of a Poisson number (Garwood 1936).
func TestCountBounds(t *testing.T) {
	known := map[float64][2]float64{0: {0, 3.6889}, 1: {0.0253, 5.5716}, 10: {4.7954, 18.3904}}
	for count, want := range known {
		for _, size := range []float64{1, 0.01} {
			lower, upper := total{count * size, count * size * size}.bounds(size)
			if !near([2]float64{lower / size, upper / size}, want, 1e-3) {
				t.Errorf("%v terms of size %v: %v to %v, want %v", count, size, lower, upper, want)
			}
		}
	}
	if below, from := chiSquared(1999.999, 0.025), chiSquared(2000, 0.025); !(math.Abs(below/from-1) <= 2e-6) {
		t.Errorf("the quantile jumps from %v to %v", below, from)
	}
	// scipy.stats.binomtest(c, n).proportion_ci(method="exact")
	for _, c := range []struct {
		count, n float64
		want     [2]float64
	}{
		{0, 300, [2]float64{0, 0.0122210}},
		{300, 300, [2]float64{0.9877790, 1}},
		{10, 100, [2]float64{0.0490047, 0.1762226}},
		{999000, 1e6, [2]float64{0.998936, 0.999061}},
	} {
		if got := resample.Share(c.count, c.n); !near(got, c.want, 1e-5) {
			t.Errorf("%v of %v: %v, want %v", c.count, c.n, got, c.want)
		}
	}
}

// TestFewErrors: with up to three errors the note says how often as many other samples have none.
func TestFewErrors(t *testing.T) {
	z, y := model(rand.New(rand.NewPCG(47, 48)), 200, 2, 1)
	for errors, want := range map[int]string{1: "only 1 of 200", 3: "a probability of 5 %", 4: ""} {
		for i := range y {
			z[2*i+int(y[i])], z[2*i+1-int(y[i])] = 5, 0
			if i < errors {
				z[2*i+int(y[i])] = -1
			}
		}
		i := measure(t, source(t, z, y, 2), Options{FitAll: true, Fast: true, Bootstrap: 2}).Intervals
		if note := i.TemperatureNote; !strings.Contains(note, want) || want == "" && note != "" {
			t.Errorf("%d errors: note %q, want %q", errors, note, want)
		}
	}
}

// TestNoErrors: where no sample is wrong, T has no lower end but an upper one, the true ECE may be that
// of 3.7 wrong samples, and accuracy may be less than 1. T and its interval are those of the fit's half.
func TestNoErrors(t *testing.T) {
	const n, k = 300, 3
	z, y := model(rand.New(rand.NewPCG(45, 46)), n, k, 1)
	for i := range y {
		z[i*k+int(y[i])] += 12
	}
	for _, all := range []bool{true, false} {
		r := measure(t, source(t, z, y, k), Options{FitAll: all, Fast: true, Bootstrap: 5})
		i := r.Intervals
		if !(math.Abs(i.Temperature[0]/r.Temperature.T-1) < 1e-9) ||
			!(i.Temperature[1] > 1 && i.Temperature[1] < 100) ||
			!strings.Contains(i.TemperatureNote, "no sample is wrong") {
			t.Errorf("T %v, interval %v, note %q", r.Temperature.T, i.Temperature, i.TemperatureNote)
		}
		if i.ECE[0] != 0 || i.ECE[1] < 3.68/n || i.Accuracy[1] != 1 || !(math.Abs(i.Accuracy[0]-(1-3.67/n)) < 1e-3) {
			t.Errorf("ECE %v, accuracy %v", i.ECE, i.Accuracy)
		}
	}
	// Logits that point to another class leave T without an upper end.
	for i := range y {
		z[i*k+int(y[i])] -= 15
	}
	r := measure(t, source(t, z, y, k), Options{FitAll: true, Fast: true, Bootstrap: 5})
	i := r.Intervals
	if !(math.Abs(i.Temperature[1]/r.Temperature.T-1) < 1e-9) || !(i.Temperature[0] <= i.Temperature[1]) ||
		!strings.Contains(i.TemperatureNote, "upper end is the bound") {
		t.Errorf("T %v, interval %v, note %q", r.Temperature.T, i.Temperature, i.TemperatureNote)
	}
}
