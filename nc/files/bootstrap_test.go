package files

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/nc"
)

// TestBootstrap: an interval does not depend on batches, files or how many
// replicates are measured at once; it holds the value's neighbourhood, and shrinks
// with the number of samples as its root.
func TestBootstrap(t *testing.T) {
	o := Options{Bootstrap: 60, Seed: 5}
	a := random(25, 400, 5, 3)
	sum := files(t, o, a.write(t, "f.npz"))
	if sum.Bootstrap == nil || sum.Bootstrap.Replicates != 60 || sum.Test.Intervals == nil {
		t.Fatalf("bootstrap %+v", sum.Bootstrap)
	}
	for _, m := range nc.Metrics() {
		name := m.Key
		v, _ := sum.Value(name)
		ci, ok := sum.Intervals[name]
		if ok == math.IsNaN(v) {
			t.Errorf("%s = %v has an interval: %v", name, v, ok)
		}
		if ok && !(ci[0] <= ci[1]) {
			t.Errorf("%s: interval %v", name, ci)
		}
	}
	if ci := sum.Intervals["w_norm"]; ci[0] != sum.WNorm || ci[1] != sum.WNorm {
		t.Errorf("‖w‖ = %v does not depend on samples, interval %v", sum.WNorm, ci)
	}
	// Replicates hold samples twice, which takes about 1/n of the spread away.
	if ci := sum.Intervals["nc1_quotient"]; !(ci[0] < sum.NC1Quotient && sum.NC1Quotient < 1.05*ci[1]) {
		t.Errorf("quotient %v, interval %v", sum.NC1Quotient, ci)
	}

	first, second := a, a
	first.x, first.y, first.weight, first.bias = a.x[:5*150], a.y[:150], nil, nil
	second.x, second.y, second.testX, second.testY = a.x[5*150:], a.y[150:], nil, nil
	few := o
	few.Memory = 3 * nc.Bytes(3, 5) // three at a time
	again := files(t, few, first.write(t, "1.npz"), second.write(t, "2.npz"))
	for name, ci := range sum.Intervals {
		got := again.Intervals[name]
		if math.Abs(got[0]-ci[0]) > 1e-10*math.Abs(ci[0])+1e-14 ||
			math.Abs(got[1]-ci[1]) > 1e-10*math.Abs(ci[1])+1e-14 {
			t.Errorf("%s: interval %v in parts, %v whole", name, got, ci)
		}
	}
	other := o
	other.Seed = 6
	if files(t, other, a.write(t, "f.npz")).Intervals["nc1"] == sum.Intervals["nc1"] {
		t.Error("another seed gives the same interval")
	}

	large := random(25, 6400, 5, 3) // 16 times the samples: a quarter of the width
	ci, wide := files(t, o, large.write(t, "f.npz")).Intervals["h_norm"], sum.Intervals["h_norm"]
	if ratio := (ci[1] - ci[0]) / (wide[1] - wide[0]); !(ratio > 0.12 && ratio < 0.5) {
		t.Errorf("interval of ‖h‖ is %v times as wide with 16 times the samples, want about 0.25", ratio)
	}

	few.Memory = 1000
	if _, err := Measure(context.Background(), []string{a.write(t, "f.npz")}, few); err == nil ||
		!strings.Contains(err.Error(), "memory bound") {
		t.Errorf("over the memory bound: %v", err)
	}
}

// TestShareIntervals: no wrong sample in N and in all replicates leaves shares up to 3.7/N possible, and
// the interval of a share is at least that of a binomial one (scipy's binomtest, method="exact").
func TestShareIntervals(t *testing.T) {
	a := random(26, 300, 4, 2)
	for i, y := range a.y {
		a.x[4*i] += 50 * float64(y)
	}
	for i, y := range a.testY {
		a.testX[4*i] += 50 * float64(y)
	}
	sum := files(t, Options{Bootstrap: 20, Seed: 1}, a.write(t, "f.npz"))
	for name, most := range map[string]float64{"ncc_error": 0.01222, "ncc_test_error": 0.02429} {
		if ci := sum.Intervals[name]; ci[0] != 0 || math.Abs(ci[1]-most) > 1e-5 {
			t.Errorf("%s: interval %v, want 0 to %v", name, ci, most)
		}
	}
	if ci := sum.Test.Intervals["ncc_error"]; ci[0] != 0 || math.Abs(ci[1]-0.02429) > 1e-5 {
		t.Errorf("of the test samples: %v", ci)
	}
}
