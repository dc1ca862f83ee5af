package calib

import (
	"math"
	"strings"
	"testing"
)

func TestSpreadOf(t *testing.T) {
	// By hand: others 1, 2, 3 (mean 2, deviation 1), target 6 → ratio 1/4; others 5, 5, 5
	// (deviation 0), target 4 → ratio 0, margin −1.
	logits := []float64{6, 1, 2, 3, 5, 5, 4, 5}
	src, err := Slice(logits, []int32{0, 2}, 4)
	if err != nil {
		t.Fatal(err)
	}
	got, err := SpreadOf(src)
	if want := (Spread{Ratio: 0.125, SD: 0.5, Margin: 1.5}); err != nil || got != want {
		t.Errorf("SpreadOf = %+v, %v; want %+v", got, err, want)
	}
	// A constant added to a sample's logits changes nothing, nor does the order of the others.
	shifted, err := Slice([]float64{16, 13, 11, 12, 5, 5, 4, 5}, []int32{0, 2}, 4)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := SpreadOf(shifted); err != nil || again != got {
		t.Errorf("after a shift SpreadOf = %+v, %v; want %+v", again, err, got)
	}
}

func TestSpreadOfNotDefined(t *testing.T) {
	src, err := Slice([]float64{6, 1, 2, 3, 2, 1, 2, 3}, []int32{0, 2}, 4)
	if err != nil {
		t.Fatal(err)
	}
	got, err := SpreadOf(src)
	if err != nil || !math.IsNaN(got.Ratio) || !strings.Contains(got.Note, "sample 1") || got.Margin != 2 {
		t.Errorf("a margin of 0 gives %+v, %v; want a ratio of NaN and a note that names sample 1", got, err)
	}
	two, err := Slice([]float64{1, 2}, []int32{0}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := SpreadOf(two); err == nil || !strings.Contains(err.Error(), "K = 2") {
		t.Errorf("two classes give the error %v, want one that names K = 2", err)
	}
}
