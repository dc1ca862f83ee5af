package train_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/calib/files"
	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
)

// fourClasses is a set of four classes of 8×8 images that a network needs some epochs for.
func fourClasses() *data.Set {
	rng := rand.New(rand.NewPCG(11, 5))
	split := func(n int) (s data.Split) {
		for i := range n {
			s.Labels = append(s.Labels, int32(i%4))
			for j := range 8 * 8 * 3 {
				s.Images = append(s.Images, byte(40+30*(i%4)+rng.IntN(120)*(1+j%2)/2))
			}
		}
		return s
	}
	return &data.Set{
		Train: split(40), Test: split(24), Height: 8, Width: 8, Channels: 3,
		Info: record.Data{Name: "cifar10", Source: "test", Classes: []string{"a", "b", "c", "d"}, Train: 40, Test: 24,
			Height: 8, Width: 8, Channels: 3, Mean: []float64{.5, .5, .5}, Std: []float64{.25, .25, .25}},
	}
}

// The end of a run holds what collapse calibrate gives of its test logits, the loss of every
// epoch and NC1 of every layer; a run that was stopped and resumed ends with the same.
func TestFinal(t *testing.T) {
	b := backendtest.Go(t)
	spec := sparseSpec()
	run := func(o train.Options, ctx context.Context) (*record.Record, error) {
		o.Set, o.Backend, o.LayerProfile = fourClasses(), b, true
		return train.Run(ctx, spec, o)
	}
	out := filepath.Join(t.TempDir(), "run")
	rec, err := run(train.Options{Out: out}, context.Background())
	if err != nil {
		t.Fatal(err)
	}
	checkStepLosses(t, rec)
	checkFinalCalibration(t, out, rec)
	checkLayers(t, rec)

	again := filepath.Join(t.TempDir(), "run")
	ctx, stop := context.WithCancel(context.Background())
	_, err = run(train.Options{Out: again, Progress: func(e train.Event) {
		if e.Epoch == 4 && e.Step == 1 {
			stop()
		}
	}}, ctx)
	if !errors.Is(err, train.ErrStopped) {
		t.Fatal(err)
	}
	resumed, err := run(train.Options{Out: again, Resume: true}, context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, two := range [][2]any{{rec.StepLosses, resumed.StepLosses}, {rec.Final, resumed.Final}} {
		if g, w := asJSON(t, two[1]), asJSON(t, two[0]); g != w {
			t.Errorf("resumed:\n%s\nstraight:\n%s", g, w)
		}
	}
	// Opened again, the run is finished and keeps its end.
	done, err := run(train.Options{Out: again, Resume: true}, context.Background())
	if err != nil || asJSON(t, done.Final) != asJSON(t, rec.Final) {
		t.Errorf("a finished run that is resumed loses its end: %v", err)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func checkStepLosses(t *testing.T, rec *record.Record) {
	t.Helper()
	if len(rec.StepLosses) != rec.Spec.Epochs {
		t.Fatalf("%d losses of %d epochs", len(rec.StepLosses), rec.Spec.Epochs)
	}
	for _, row := range rec.Epochs {
		if got := rec.StepLosses[row.Epoch-1]; got != row.StepLoss || math.IsNaN(float64(got)) {
			t.Errorf("loss of epoch %d is %v, its row says %v", row.Epoch, got, row.StepLoss)
		}
	}
}

// checkFinalCalibration compares the end of a run with package calib on its test logits.
func checkFinalCalibration(t *testing.T, out string, rec *record.Record) {
	t.Helper()
	src, err := files.Open(context.Background(), filepath.Join(out, train.LogitsFile), files.Logits)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if n := len(rec.Final.Calibration); n != 10 {
		t.Errorf("%d calibrations, want 5 scalings of samples in 15 and in 20 bins", n)
	}
	for _, bins := range []int{15, 20} {
		half, err := calib.Measure(src, calib.Options{Bins: bins, Seed: rec.Spec.Seed})
		if err != nil {
			t.Fatal(err)
		}
		all, err := calib.Measure(src, calib.Options{Bins: bins, FitAll: true, Grid: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			samples, scaling string
			temperature      float64
			want             *calib.Summary
		}{
			{record.TestSplit, record.Unscaled, 1, all.Summary},
			{record.TestHalf, record.Unscaled, 1, half.Unscaled},
			{record.TestHalf, record.ScaledByNLL, half.Temperature.T, half.Scaled},
			{record.TestSplit, record.ScaledByNLL, all.Temperature.T, all.Scaled},
			{record.TestSplit, record.ScaledByECE, all.Grid.T, all.Grid.Scaled},
		} {
			got := rec.Calibration(c.samples, c.scaling, bins)
			if got == nil || got.N != c.want.N || float64(got.Temperature) != c.temperature {
				t.Fatalf("%s, %s, %d bins: %+v, want %d samples and T = %v", c.samples, c.scaling, bins, got, c.want.N,
					c.temperature)
			}
			if got.Metrics["ece"] != record.Number(c.want.ECE) || got.Metrics["nll"] != record.Number(c.want.NLL) {
				t.Errorf("%s, %s, %d bins: ECE %v and NLL %v, want %v and %v", c.samples, c.scaling, bins,
					got.Metrics["ece"], got.Metrics["nll"], c.want.ECE, c.want.NLL)
			}
			var count int64
			for _, b := range got.Bins {
				count += b.Count
			}
			if count != got.N {
				t.Errorf("%s, %s, %d bins hold %d of %d samples", c.samples, c.scaling, bins, count, got.N)
			}
		}
	}
	last := rec.Last()
	if half := rec.Calibration(record.TestHalf, record.ScaledByNLL, 15); last.Test.Scaled.ECE != half.Metrics["ece"] {
		t.Errorf("the last row's scaled ECE is %v, the end's %v", last.Test.Scaled.ECE, half.Metrics["ece"])
	}
	spread, err := calib.SpreadOf(src)
	if err != nil || float64(last.Test.Logits.Spread) != spread.Ratio {
		t.Errorf("the last row's logit spread is %v, that of the test logits %v (%v)", last.Test.Logits.Spread,
			spread.Ratio, err)
	}
}

// checkLayers compares NC1 of the last layer with the last row's.
func checkLayers(t *testing.T, rec *record.Record) {
	t.Helper()
	var names []string
	for _, l := range rec.Final.Depth {
		names = append(names, l.Layer)
	}
	if len(names) < 4 || !reflect.DeepEqual(names[:2], []string{"stem", "layer1"}) {
		t.Errorf("NC1 of the layers %v", names)
	}
	p := rec.Last().Picture
	if p == nil || len(p.WH) != 16 || len(p.SpectrumB) == 0 || p.Plane == nil {
		t.Fatalf("picture %+v", p)
	}
	// The three means' plane has its origin in their mean, and the first lies on the x axis.
	for axis := range 2 {
		if sum := p.Plane.Means[0][axis] + p.Plane.Means[1][axis] +
			p.Plane.Means[2][axis]; math.Abs(sum) > 1e-3*math.Abs(p.Plane.Means[0][0]) {
			t.Errorf("the means %v sum to %v on axis %d", p.Plane.Means, sum, axis)
		}
	}
	if m := p.Plane.Means; math.Abs(m[0][1]) > 1e-9 || m[0][0] <= 0 || m[1][1] <= 0 {
		t.Errorf("means %v: want the first on the x axis and y > 0 for the second", m)
	}
	if n := len(p.Plane.Points[0]); n != 10 {
		t.Errorf("%d points of class 0, want its 10 samples", n)
	}
}
