package figures

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/calib"
)

// report measures random logits that are t times as large as a calibrated model's.
func calibrated(t *testing.T, scale float64) *calib.Report {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	z, y := make([]float64, 900), make([]int32, 300)
	for i := range z {
		z[i] = scale * rng.NormFloat64()
	}
	for i := range y {
		y[i] = int32(rng.IntN(3))
		z[3*i+int(y[i])] += scale
	}
	src, err := calib.Slice(z, y, 3)
	if err != nil {
		t.Fatal(err)
	}
	r, err := calib.Measure(src, calib.Options{Bins: calib.PaperBins, Bootstrap: 3,
		Consistency: 3, Grid: true, Vector: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCalibrationFigures(t *testing.T) {
	over, under := calibrated(t, 3), calibrated(t, 0.5)
	f, err := Reliability("Random logits.", []string{"before", "after", "other"},
		[]*calib.Summary{over.Unscaled, over.Scaled, under.Unscaled})
	if err != nil {
		t.Fatal(err)
	}
	checkFigure(t, f, Scale)
	if got := texts(t, f.SVG); !slices.Contains(got, "(c) other") || !strings.Contains(f.Caption, "20 bins") ||
		!strings.Contains(f.Caption, "Random logits.") {
		t.Errorf("texts %q, caption %q", got, f.Caption)
	}
	if f, err = Confidence("Random logits.", over.Summary); err != nil {
		t.Fatal(err)
	}
	checkFigure(t, f, Scale)
	if f, err = ECEDelta("Random logits.", DeltaPoint{0, over}, DeltaPoint{0.1, under}); err != nil {
		t.Fatal(err)
	}
	checkFigure(t, f, Scale)
	if !strings.Contains(f.Caption, "T > 1 means") {
		t.Errorf("caption %q says nothing of T", f.Caption)
	}
	two := []calib.Model{{Name: "over", Report: over}, {Name: "under", Report: under}}
	if f, err = RiskCoverage(two...); err != nil {
		t.Fatal(err)
	}
	checkFigure(t, f, Scale)
	table := SelectiveTable(two...)
	if len(table.Rows) != 14 || !strings.Contains(table.Caption, "measured on the other") {
		t.Errorf("%d rows, want 7 for each model; caption %q", len(table.Rows), table.Caption)
	}
	for name, err := range map[string]error{
		"no scores":    second(RiskCoverage()),
		"no summary":   second(Reliability("", nil, nil)),
		"names":        second(Reliability("", []string{"a"}, []*calib.Summary{over.Scaled, over.Scaled})),
		"descending δ": second(ECEDelta("", DeltaPoint{0.1, over}, DeltaPoint{0, under})),
		"no model":     second(ECEDelta("")),
		"no samples":   second(Confidence("", nil)),
		"seven names":  second(Reliability("", make([]string, 7), make([]*calib.Summary, 7))),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second(_ *Figure, err error) error { return err }

func TestCalibrationTable(t *testing.T) {
	models := []calib.Model{{Name: "over", Report: calibrated(t, 3)}, {Name: "under", Report: calibrated(t, 0.5)}}
	models[1].Difference = &calib.Difference{
		ECE: -0.25, Interval: [2]float64{-0.3, -0.2}, Level: 0.95, Replicates: 20, P: 0.048,
	}
	table := CalibrationTable(models...)
	text := table.Text()
	for _, want := range []string{"over", "under", "ECE before", "authors' grid", "p of calibration",
		"one half of the samples", "T > 1 means",
		"ECE of under less that of over: -0.25, 95 % interval -0.3 to -0.2, p = 0.048"} {
		if !strings.Contains(strings.ReplaceAll(text, "\n", " "), want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
	for _, r := range table.Rows {
		if len(r) != 4 {
			t.Errorf("row %q", r)
		}
	}
	if bins := BinTable(calibrated(t, 1).Summary); len(bins.Rows) != calib.PaperBins {
		t.Errorf("%d bins", len(bins.Rows))
	}
}
