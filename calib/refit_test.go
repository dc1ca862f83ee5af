package calib

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/internal/resample"
)

// TestRefit: the interval of T is that of fits on the replicates written out, with few errors, with
// one extreme sample, and where some replicates have no error.
func TestRefit(t *testing.T) {
	const n, k, replicates, seed = 200, 3, 25, 4
	for name, change := range map[string]func(z []float64, y []int32){
		"plain":   func([]float64, []int32) {},
		"extreme": func(z []float64, y []int32) { z[7*k+int(y[7])] -= 60 },
		"one error": func(z []float64, y []int32) {
			for i := range y {
				z[i*k+int(y[i])] += 12
			}
			z[5*k+int(y[5])] -= 24
		},
	} {
		z, y := model(rand.New(rand.NewPCG(41, 42)), n, k, 1)
		change(z, y)
		r := measure(t, source(t, z, y, k), Options{FitAll: true, Fast: true, Bootstrap: replicates, Seed: seed})
		var ts []float64
		bounds := 0
		for b := range replicates {
			var zz []float64
			var yy []int32
			for i := range y {
				for range resample.Times(replicate(seed, b), uint64(i)) {
					zz, yy = append(zz, z[i*k:(i+1)*k]...), append(yy, y[i])
				}
			}
			fit, err := FitTemperature(source(t, zz, yy, k))
			if err != nil {
				t.Fatal(err)
			}
			if fit.Note != "" {
				// A bound is that of all samples.
				bounds++
				var width float64
				for i := range y {
					row := z[i*k : (i+1)*k]
					width += (max(row[0], row[1], row[2]) - min(row[0], row[1], row[2])) / n
				}
				fit.T = MinTemperature * width
				if strings.Contains(fit.Note, "upper") {
					fit.T = MaxTemperature * width
				}
			}
			ts = append(ts, fit.T)
		}
		want := resample.Interval(ts)
		for e, got := range r.Intervals.Temperature {
			if !(math.Abs(got/want[e]-1) <= 1e-5) {
				t.Errorf("%s: interval %v, want %v", name, r.Intervals.Temperature, want)
			}
		}
		if said := strings.Contains(r.Intervals.TemperatureNote, "bound"); said != (bounds > 0) {
			t.Errorf("%s: %d replicates at a bound, note %q", name, bounds, r.Intervals.TemperatureNote)
		}
		if name == "one error" && bounds == 0 {
			t.Error("no replicate without an error")
		}
	}
}

// TestOneStep: with many errors one Newton step gives the interval of refits to a hundredth of its
// width.
func TestOneStep(t *testing.T) {
	z, y := model(rand.New(rand.NewPCG(43, 44)), 40000, 3, 1.5)
	src := source(t, z, y, 3)
	o := Options{FitAll: true, Fast: true, Bootstrap: 50, Seed: 1}
	exact := measure(t, src, o)
	m, err := newMeasurement(src, o)
	if err != nil {
		t.Fatal(err)
	}
	m.refitWork = 0
	quick := *exact.Intervals
	if err := m.bootstrapT(exact.Temperature, &quick); err != nil {
		t.Fatal(err)
	}
	a, b := exact.Intervals, quick
	if a.TemperatureMethod != refitted || b.TemperatureMethod != oneStep {
		t.Fatalf("methods %q and %q", a.TemperatureMethod, b.TemperatureMethod)
	}
	for e := range 2 {
		if d := math.Abs(a.Temperature[e] - b.Temperature[e]); d > 0.02*(a.Temperature[1]-a.Temperature[0]) {
			t.Errorf("refits give %v, one step %v", a.Temperature, b.Temperature)
		}
	}
	// A single extreme sample makes steps long: every replicate is refitted, however much work it is.
	z[int(y[0])] -= 400
	r := measure(t, src, Options{FitAll: true, Fast: true})
	if err := m.bootstrapT(r.Temperature, &quick); err != nil || quick.TemperatureMethod != refitted {
		t.Errorf("with an extreme sample the method is %q, %v", quick.TemperatureMethod, err)
	}
}
