package figures

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/record"
)

// withFinal gives a run the calibration of its end.
func withFinal(r *record.Record, before, after, temperature float64) *record.Record {
	of := func(scaling string, ece, temperature float64) record.FinalCalibration {
		c := record.FinalCalibration{Samples: record.TestHalf, Scaling: scaling, N: 5000,
			Temperature: record.Number(temperature),
			Metrics:     map[string]record.Number{"ece": record.Number(ece), "accuracy": 0.9, "confidence": 0.95}}
		for i := range calib.PaperBins {
			lo := float64(i) / calib.PaperBins
			c.Bins = append(c.Bins, record.Bin{Lo: record.Number(lo), Hi: record.Number(lo + 1.0/calib.PaperBins),
				Count: 250, Accuracy: record.Number(lo * 0.9), Confidence: record.Number(lo)})
		}
		return c
	}
	r.Final = &record.Final{Calibration: []record.FinalCalibration{
		of(record.Unscaled, before, 1), of(record.ScaledByNLL, after, temperature)}}
	return r
}

func finalRuns() []Series {
	return Of(
		withFinal(synthetic("cifar10", "ce", 0, 1, 12), 0.10, 0.02, 1.5),
		withFinal(synthetic("cifar10", "ce", 0, 2, 12), 0.20, 0.04, 2.5),
		withFinal(synthetic("cifar10", "ls", 0.05, 1, 12), 0.05, 0.03, 0.8))
}

// The first run of each label is shown before and after scaling.
func TestFigure7(t *testing.T) {
	f, err := Figure7(finalRuns()...)
	if err != nil {
		t.Fatal(err)
	}
	checkFigure(t, f, Scale)
	all := texts(t, f.SVG)
	for _, want := range []string{"(a) CE", "(b) CE, T = 1.5", "(c) LS (δ = 0.05)",
		"(d) LS (δ = 0.05), T = 0.8", "ECE 10.0 %"} {
		if !slices.Contains(all, want) {
			t.Errorf("no text %q in %q", want, all)
		}
	}
	if f.Number != "7" || !strings.Contains(f.Caption, "Seed 1.") {
		t.Errorf("number %q, caption %q", f.Number, f.Caption)
	}
}

// Where T of a run is not defined, Figures 3 and 7 leave out what follows from it and say why; a T at a
// bound is drawn and said to be one.
func TestFinalUndefined(t *testing.T) {
	runs := finalRuns()
	after := &runs[1].Record.Final.Calibration[1]
	after.Temperature, after.Metrics["ece"] = record.Number(math.NaN()), record.Number(math.NaN())
	const why = "sample 7 has probability 0 in its own class 2"
	after.Notes = map[string]string{"temperature": why}
	bound := &runs[2].Record.Final.Calibration[1]
	bound.Notes = map[string]string{"temperature": "T is at its lower bound"}
	three, err := Figure3(runs...)
	if err != nil {
		t.Fatal(err)
	}
	seven, err := Figure7(runs[1], runs[2])
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*Figure{three, seven} {
		for _, want := range []string{"seed 2: " + why + ".", "seed 1: T is at its lower bound."} {
			if !strings.Contains(f.Caption, want) {
				t.Errorf("the caption lacks %q: %s", want, f.Caption)
			}
		}
		for _, text := range append(texts(t, f.SVG), f.Alt) {
			if strings.Contains(text, "NaN") {
				t.Errorf("%q in the picture", text)
			}
		}
	}
	all := texts(t, seven.SVG)
	if !slices.Contains(all, "(a) CE") || !slices.Contains(all, "(c) LS (δ = 0.05), T = 0.8") {
		t.Errorf("texts %q", all)
	}
}

func TestFinalFiguresErrors(t *testing.T) {
	focal := withFinal(synthetic("cifar10", "focal", 0, 1, 2), 0.1, 0.1, 1)
	focal.Spec.FocalGamma = 3
	without := synthetic("cifar10", "ce", 0, 1, 2)
	for name, c := range map[string]struct {
		err  error
		says string
	}{
		"no run":      {second(Figure3()), "no run given"},
		"no run, 7":   {second(Figure7()), "no run given"},
		"other loss":  {second(Figure3(Of(focal)...)), "a run has loss focal"},
		"no final":    {second(Figure3(Of(without)...)), "Figure 3 needs the calibration"},
		"no final, 7": {second(Figure7(Of(without)...)), "Figure 7 needs the calibration"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, c.err, c.says)
		}
	}
	if _, err := Figure7(); !errors.Is(err, ErrNoSeries) {
		t.Errorf("no run: %v", err)
	}
}

// One δ does not suffice for Figure 3.
func TestFromOfFinal(t *testing.T) {
	runs := finalRuns()
	runs = append(runs, Of(synthetic("cifar10", "ls", 0.1, 1, 12))...)
	for id, want := range map[string][2]int{"fig3": {3, 0}, "fig7": {3, 2}} {
		e := entryOf(id)
		if all, ce := len(e.From(runs...)), len(e.From(runs[:2]...)); [2]int{all, ce} != want {
			t.Errorf("%s is made from %d of 4 runs and %d of 2 under CE, want %v", id, all, ce, want)
		}
	}
}
