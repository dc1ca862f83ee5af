package claims

import (
	"math"
	"testing"

	"github.com/gocollapse/collapse/record"
)

// TestCrossings counts the levels of CE that LS reaches no later.
func TestCrossings(t *testing.T) {
	run := func(v ...float64) []*record.Record {
		r := &record.Record{}
		for i, x := range v {
			r.Epochs = append(r.Epochs, record.Epoch{Epoch: i + 1, NC1: record.Number(x)})
		}
		return []*record.Record{r}
	}
	for _, c := range []struct {
		ce, ls          []float64
		earlier, levels int
	}{
		{[]float64{4, 3, 5, 2}, []float64{3, 2, 2, 1}, 3, 3}, // 5 is no new least value
		{[]float64{4, 3, 2, 1}, []float64{5, 3, 2.5, 1}, 2, 4},
		{[]float64{4, 3, 2, 1}, []float64{9, 9, 9, 9}, 0, 4},
	} {
		p := pair{group: &group{}, ce: run(c.ce...), ls: run(c.ls...)}
		if earlier, levels := p.crossings(phase{"", 0, 10}, of("nc1")); earlier != c.earlier || levels != c.levels {
			t.Errorf("CE %v, LS %v: %d of %d, want %d of %d", c.ce, c.ls, earlier, levels, c.earlier, c.levels)
		}
	}
}

// TestAverage weights unevenly measured epochs by their distance.
func TestAverage(t *testing.T) {
	if got := average([]float64{1, 2, 10}, []float64{0, 1, 1}); math.Abs(got-(0.5+8)/9) > 1e-15 {
		t.Errorf("average %g, want %g", got, 8.5/9)
	}
	if !math.IsNaN(average(nil, nil)) || average([]float64{3}, []float64{7}) != 7 {
		t.Error("no point has no average, one point is its own")
	}
}

// TestFitHalf: bins of the whole less those of a half are those of the other half.
func TestFitHalf(t *testing.T) {
	r := &record.Record{Final: &record.Final{}}
	add := func(samples string, n int64, bins ...record.Bin) {
		r.Final.Calibration = append(r.Final.Calibration, record.FinalCalibration{Samples: samples,
			Scaling: record.Unscaled, N: n, Bins: bins})
	}
	// The fit half has 4 samples at confidence .4, 1 of them right, and 6 at .9, all right.
	add(record.TestSplit, 20, record.Bin{Count: 8, Accuracy: 0.5, Confidence: 0.4},
		record.Bin{Count: 12, Accuracy: 0.75, Confidence: 0.85})
	add(record.TestHalf, 10, record.Bin{Count: 4, Accuracy: 0.75, Confidence: 0.4},
		record.Bin{Count: 6, Accuracy: 0.5, Confidence: 0.8})
	if got, want := fitHalfECE(r, 2), 0.4*0.15+0.6*0.1; math.Abs(got-want) > 1e-12 {
		t.Errorf("ECE of the other half %g, want %g", got, want)
	}
	if got := fitHalfECE(r, 15); !math.IsNaN(got) {
		t.Errorf("ECE in bins that are not recorded: %g", got)
	}
}

// TestFallsUpTo: the range of δ over which an area decreases, as its rank correlation has it.
func TestFallsUpTo(t *testing.T) {
	deltas := []float64{0, 0.05, 0.1, 0.2, 0.5}
	for _, c := range []struct {
		area []float64
		want float64
	}{{[]float64{5, 4, 3, 2, 1}, 0.5}, {[]float64{5, 4, 3, 9, 10}, 0.1}, {[]float64{1, 2, 3, 4, 5}, 0}} {
		if got := fallsUpTo(deltas, c.area); got != c.want {
			t.Errorf("areas %v: up to %g, want %g", c.area, got, c.want)
		}
	}
	r := &record.Record{Data: record.Data{Train: 50}}
	for i, v := range []float64{math.E, 0, 0} {
		r.Epochs = append(r.Epochs, record.Epoch{Epoch: i + 1, TrainError: record.Number(v), NC1: record.Number(v),
			NC2: record.Number(math.Exp(-float64(10 * i)))})
	}
	want := (1+math.Log(0.01))/2 + math.Log(0.01)
	if got := areaUnderLog(r, phase{"", 0, 10}, "train_error"); math.Abs(got-want) > 1e-12 {
		t.Errorf("area %g, want %g: an error of 0 counts as half a sample", got, want)
	}
	if got := areaUnderLog(r, phase{"", 0, 10}, "nc1"); !math.IsNaN(got) {
		t.Errorf("area %g of an nc1 of 0, want none", got)
	}
	if got := areaUnderLog(r, phase{"", 0, 10}, "nc2"); math.Abs(got+20) > 1e-12 {
		t.Errorf("area %g, want −20: an nc2 of e⁻²⁰ is less than half a sample", got)
	}
}

// TestRho agrees with stats on ranks, and is not defined without spread.
func TestRho(t *testing.T) {
	if got := rho([]float64{1, 2, 3, 4}, []float64{10, 30, 20, 40}); math.Abs(got-0.8) > 1e-12 {
		t.Errorf("ρ %g, want 0.8", got)
	}
	if !math.IsNaN(rho([]float64{1, 2, 3}, []float64{5, 5, 5})) || !math.IsNaN(rho([]float64{1, 2}, []float64{1, 2})) {
		t.Error("ρ of constant values and of two pairs is not defined")
	}
}
