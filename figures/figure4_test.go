package figures

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
)

// withCalibration gives the rows of a run calibrations; every third has no wrong image.
func withCalibration(r *record.Record) *record.Record {
	for i := range r.Epochs {
		e := &r.Epochs[i]
		x := record.Number(e.Epoch)
		e.TestNC1 = 5 / x
		e.Test = &record.Calibration{NLL: 1 + 1/x, ECE: 0.1 + x/1000, Brier: 0.3, Entropy: 1 / x, Confidence: 0.9,
			Correct: record.Outcome{N: 6000, NLL: 0.5 / x, Entropy: 0.4 / x, Confidence: 0.95, NC1: 3 / x},
			Wrong:   record.Outcome{N: 4000, NLL: 2 + x/50, Entropy: 0.8 / x, Confidence: 0.7, NC1: 6 / x}}
		if e.Epoch%3 == 0 {
			nan := record.Number(math.NaN())
			e.Test.Wrong = record.Outcome{NLL: nan, Entropy: nan, Confidence: nan, NC1: nan}
		}
	}
	return r
}

func TestFigure4(t *testing.T) {
	ce, ls := withCalibration(synthetic("cifar10", "ce", 0, 2021, 12)),
		withCalibration(synthetic("cifar10", "ls", 0.05, 2021, 12))
	f, err := Figure4(Of(ce, ls)...)
	if err != nil {
		t.Fatal(err)
	}
	checkFigure(t, f, Scale)
	all := strings.Join(texts(t, f.SVG), "|")
	for _, want := range []string{"CE", "LS (δ = 0.05)", "wrongly classified", "ECE", "(a) Loss", "(b) NC1",
		"(c) Entropy", "(d) Errors"} {
		if !strings.Contains(all, want) {
			t.Errorf("the figure does not say %q: %s", want, all)
		}
	}
	// Four of the twelve rows of each run have three figures of no image: 24.
	if !strings.Contains(f.Caption, "not above zero: 24.") {
		t.Errorf("caption %q does not count the 24 values that are not drawn", f.Caption)
	}
	old, err := Figure4(Of(synthetic("cifar10", "ce", 0, 2021, 5))...) // a record without calibration
	if err != nil {
		t.Fatal(err)
	}
	checkFigure(t, old, Scale)
	if all := strings.Join(texts(t, old.SVG), "|"); !strings.Contains(all, "no values") &&
		!strings.Contains(old.Caption, "does not hold them") {
		t.Errorf("a record without calibration is not called one: %s", old.Caption)
	}
	if _, err := Figure4(); !errors.Is(err, ErrNoSeries) {
		t.Errorf("no run gives %v", err)
	}
}

// The caption says what sets a run apart from the paper's.
func TestOriginOfOtherSettings(t *testing.T) {
	for want, change := range map[string]func(*record.Spec){
		"fixed simplex ETF of norm 2":  func(s *record.Spec) { s.Head, s.HeadScale = "etf", 2 },
		"features scaled to norm 1":    func(s *record.Spec) { s.Head = "normalised" },
		"batch normalisation of the":   func(s *record.Spec) { s.FeatureNorm = true },
		"stem of 7×7":                  func(s *record.Spec) { s.Stem = "7x7" },
		"2 hidden layers of 16 units":  func(s *record.Spec) { s.Model = "mlp" },
		"20 % of the training labels":  func(s *record.Spec) { s.Corrupt = 0.2 },
		"long tail of ratio 100":       func(s *record.Spec) { s.LongTail = 100 },
		"up to 4 pixels and mirroring": func(s *record.Spec) { s.Pad, s.Flip = 4, true },
		"AdamW with β₁ = 0.9":          func(s *record.Spec) { s.Optimizer = "adamw" },
		"cosine of 200 epochs":         func(s *record.Spec) { s.Schedule, s.ScheduleEpochs = "cosine", 200 },
		"λ_W = 0.001, λ_H = 1e-06":     func(s *record.Spec) { s.LambdaW, s.LambdaH, s.LambdaB = 1e-3, 1e-6, 1e-2 },
		"(Nesterov)":                   func(s *record.Spec) { s.Nesterov = true },
		"on weights alone":             func(s *record.Spec) { s.DecayOn = "weights" },
		"bfloat16":                     func(s *record.Spec) { s.Precision = "bfloat16" },
	} {
		r := synthetic("cifar10", "ce", 0, 2021, 3)
		change(&r.Spec)
		got, err := Origin(Of(r)...)
		if err != nil || !strings.Contains(got, want) {
			t.Errorf("origin %q, %v; want it to say %q", got, err, want)
		}
	}
	focal := synthetic("cifar100", "focal", 0, 2021, 3)
	focal.Spec.FocalGamma = 3
	f, err := Curve("test_ece", Of(withCalibration(focal))...)
	if err != nil || !strings.Contains(f.Alt, "focal (γ = 3)") || !strings.Contains(f.Caption, "CIFAR-100") {
		t.Errorf("%+v, %v", f, err)
	}
}
