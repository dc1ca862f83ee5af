package figures

import (
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
)

func TestAgainstTakesEpochsWithBoth(t *testing.T) {
	ce := withCalibration(synthetic("cifar10", "ce", 0, 2021, 4)) // without wrong samples at epoch 3
	f, err := Against("test_wrong_nc1", "test_wrong_entropy", Of(ce)...)
	if err != nil {
		t.Fatal(err)
	}
	checkFigure(t, f, Scale)
	if want := "CE goes from (6, 0.8) at epoch 1 to (1.5, 0.2) at epoch 4"; !strings.Contains(f.Alt, want) {
		t.Errorf("the alternative text %q lacks %q", f.Alt, want)
	}
	if strings.Contains(string(f.SVG), "NaN") {
		t.Error("an epoch without wrong samples was drawn")
	}
	bare := synthetic("cifar10", "ce", 0, 2021, 4)
	if f, err = Against("test_wrong_nc1", "test_wrong_entropy", Of(bare)...); err != nil ||
		!strings.Contains(f.Alt, "no epoch with both") {
		t.Errorf("a record without calibration: %v", err)
	}
	if _, err := Against("test_wrong_nc11", "nc1", Of(ce)...); err == nil ||
		!strings.Contains(err.Error(), "did you mean test_wrong_nc1?") {
		t.Errorf("an unknown metric: %v", err)
	}
}

func TestOutcomesAtAveragesSeeds(t *testing.T) {
	run := func(seed int64, entropy float64) *record.Record {
		r := withCalibration(synthetic("cifar10", "ce", 0, seed, 2))
		r.Epochs[1].Test.Wrong.Entropy = record.Number(entropy)
		return r
	}
	f, err := OutcomesAt(2, Of(run(1, 1), run(2, 2))...)
	if err != nil {
		t.Fatal(err)
	}
	checkFigure(t, f, Scale)
	if want := "entropy, wrong CE 1.50"; !strings.Contains(f.Alt, want) {
		t.Errorf("the alternative text %q lacks %q", f.Alt, want)
	}
	if !strings.Contains(f.Caption, "ECE 10.2 %") { // 0.1 + 2/1000
		t.Errorf("the caption lacks ECE: %s", f.Caption)
	}
	if _, err := OutcomesAt(3, Of(run(1, 1))...); err == nil {
		t.Error("an epoch that the run has not gave no error")
	}
	if _, err := OutcomesAt(2, pair("cifar10", 2)...); err == nil {
		t.Error("a record without calibration gave no error")
	}
}

func TestConfidences(t *testing.T) {
	f, err := Confidences("a", "b", []float64{1, 0.5, 0.9, 0}, []bool{true, true, false, false})
	if err != nil {
		t.Fatal(err)
	}
	checkFigure(t, f, Scale)
	if want := "mean 0.6, accuracy 0.5"; !strings.Contains(f.Alt, want) {
		t.Errorf("the alternative text %q lacks %q", f.Alt, want)
	}
	for name, v := range map[string][]float64{"none": nil, "above 1": {1.1}, "too many": {1, 1}} {
		if _, err := Confidences("", "", v, []bool{true}); err == nil {
			t.Errorf("%s gave no error", name)
		}
	}
}
