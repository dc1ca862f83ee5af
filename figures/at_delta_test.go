package figures

import (
	"strings"
	"testing"

	"github.com/gocollapse/collapse/ufm"
)

func TestLossShapeNamesTheLeastLoss(t *testing.T) {
	f, err := LossShape(10, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	// log(191) = 5.2523; the entropy of (0.955, nine times 0.005) is 0.2824.
	want := "least at a margin of 5.25, where it is 0.282 and the target has the probability 0.9550"
	if !strings.Contains(f.Caption, want) {
		t.Errorf("caption %q lacks %q", f.Caption, want)
	}
	if f, err := LossShape(10, 0); err != nil || strings.Contains(f.Caption, "LS") {
		t.Errorf("without smoothing: %v, %v", f, err)
	}
	for _, bad := range []float64{-0.1, 1} {
		if _, err := LossShape(10, bad); err == nil {
			t.Errorf("δ = %g gave no error", bad)
		}
	}
}

func TestMinimiserAt(t *testing.T) {
	p := ufm.PaperParams()
	p.Delta = 0.05
	f, err := MinimiserAt(p)
	if err != nil {
		t.Fatal(err)
	}
	// Of docs/ufm.md.
	for _, want := range []string{"‖w‖ = 3.13", "‖h‖ = 1.40", "κ = 9.35"} {
		if !strings.Contains(f.Caption, want) {
			t.Errorf("caption %q lacks %q", f.Caption, want)
		}
	}
	p.Delta = 0.99
	if f, err := MinimiserAt(p); err != nil || strings.Contains(string(f.SVG), "NaN") {
		t.Errorf("where the minimiser is 0: %v", err)
	}
}
