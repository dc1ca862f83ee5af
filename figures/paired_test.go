package figures

import (
	"math"
	"strings"
	"testing"
)

// TestPairedDifferences holds what the captions say. The numbers are SciPy's ttest_1samp: against 0 it
// gives p = 9.35e-05, and one-sided against 1 and 2 p = 0.5 and 4.67e-05.
func TestPairedDifferences(t *testing.T) {
	d := []float64{0.8, 1, 1.2, 1, 1}
	for _, c := range []struct {
		d      []float64
		margin float64
		want   []string
	}{
		{d, 0, []string{"5 pairs: mean 1,", "Two-sided p of a mean of 0: 9.3e-05."}},
		{d, 1, []string{"Margin ±1: the mean is not shown to be within it (p 0.5)"}},
		{d, 2, []string{"Margin ±2: the mean is within it (p 4.7e-05)."}},
	} {
		f, err := PairedDifferences("difference", c.d, c.margin)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range c.want {
			if !strings.Contains(f.Caption, w) {
				t.Errorf("margin %g: caption %q, want %q in it", c.margin, f.Caption, w)
			}
		}
	}
	for _, bad := range [][]float64{nil, {1}, {1, 1, 1}, {1, math.NaN()}} {
		if _, err := PairedDifferences("difference", bad, 0); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
	if _, err := PairedDifferences("difference", d, -1); err == nil {
		t.Error("a margin of −1 is accepted")
	}
}

// TestPowerNames holds the textbook case of Cohen (1988): d_z = 0.5 takes 34 pairs.
func TestPowerNames(t *testing.T) {
	f, err := Power(0.5)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(f.Caption, "takes 34 pairs") {
		t.Errorf("caption %q", f.Caption)
	}
	for _, bad := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := Power(bad); err == nil {
			t.Errorf("effect %g is accepted", bad)
		}
	}
}
