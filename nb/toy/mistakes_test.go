package toy

import (
	"math"
	"slices"
	"testing"
)

// TestMistakes holds that an order of the samples does not matter as long as labels go with them, that
// late labels spoil a shuffled file and hardly a sorted one, and that they can be undone.
func TestMistakes(t *testing.T) {
	f := Simplex(10, 50, 0.1)
	measure := func(g *Features) (nc1, wrong float64) {
		t.Helper()
		s, err := g.Measure()
		if err != nil {
			t.Fatal(err)
		}
		return s.NC1, s.NCCError
	}
	nc1, wrong := measure(f)
	if again, _ := measure(f.Shuffled()); math.Abs(again-nc1) > 1e-9*nc1 {
		t.Errorf("NC1 %v in order and %v shuffled", nc1, again)
	}
	if slices.Equal(f.Shuffled().Labels, f.Labels) {
		t.Error("Shuffled leaves the order")
	}
	if late, want := f.LabelsLate(1), 10.0/500; wrong != 0 {
		t.Errorf("error %v, want none", wrong)
	} else if _, got := measure(late); math.Abs(got-want) > 1e-9 {
		t.Errorf("in a sorted file the error is %v, want one sample per class: %v", got, want)
	}
	if _, got := measure(f.Shuffled().LabelsLate(1)); got < 0.8 {
		t.Errorf("in a shuffled file the error is %v, want about 0.9", got)
	}
	if back := f.LabelsLate(7).LabelsLate(-7); !slices.Equal(back.Labels, f.Labels) {
		t.Error("seven rows late and seven early is not the same")
	}
}
