package figures

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/gocollapse/collapse/ufm"
)

// TestDescentAgainstDelta holds that the points of both figures are those of the descents: at a step
// its own row, and at a level the first row that reaches it.
func TestDescentAgainstDelta(t *testing.T) {
	deltas := []float64{0, 0.1, 0.5}
	d, err := ufm.PaperParams().WithS(0.1).Dynamics(context.Background(), 1, deltas...)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []int{0, 40, 1 << 30} {
		f, err := DescentAt(d, step)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range d.Paths {
			i, found := slices.BinarySearchFunc(p.Rows, step, func(r ufm.Row, s int) int { return r.Step - s })
			if !found {
				i--
			}
			if got := valueAt(t, f, "NC2", p.Delta); got != p.Rows[i].NC2 {
				t.Errorf("step %d, δ = %g: NC2 %v, the row has %v", step, p.Delta, got, p.Rows[i].NC2)
			}
		}
	}
	f, err := StepsTo(d, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Paths {
		i := slices.IndexFunc(p.Rows, func(r ufm.Row) bool { return r.NC1 <= 0.1 })
		if got := valueAt(t, f, "NC1", p.Delta); got != float64(p.Rows[i].Step) {
			t.Errorf("δ = %g: %v steps, want %d", p.Delta, got, p.Rows[i].Step)
		}
	}
	if _, err := DescentAt(d, -1); err == nil {
		t.Error("a step of −1 is accepted")
	}
	if _, err := StepsTo(d, math.NaN()); err == nil {
		t.Error("a level of NaN is accepted")
	}
}

// valueAt reads a number of a figure's data.
func valueAt(t *testing.T, f *Figure, curve string, x float64) float64 {
	t.Helper()
	for _, row := range rows(t, f, "") {
		if row["series"] == curve && number(t, row["x"]) == x {
			return number(t, row["y"])
		}
	}
	t.Fatalf("no point of %s at %g", curve, x)
	return 0
}
