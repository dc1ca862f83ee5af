package figures

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
)

// onLine returns a run whose NC1 goes 10, 1, 0.1 and whose NC2 goes a, a/2, a/4: a straight line on
// log axes.
func onLine(loss string, delta float64, seed int64, a float64) *record.Record {
	r := synthetic("cifar10", loss, delta, seed, 3)
	for i := range r.Epochs {
		r.Epochs[i].NC1 = record.Number(math.Pow(10, float64(1-i)))
		r.Epochs[i].NC2 = record.Number(a / math.Pow(2, float64(i)))
	}
	return r
}

func TestAtEqualNC1ReadsBothWaysOnLogAxes(t *testing.T) {
	runs := Of(onLine("ce", 0, 1, 1), onLine("ls", 0.05, 1, 0.5))
	f, err := AtEqualNC1(math.Sqrt(0.1), runs...)
	if err != nil {
		t.Fatal(err)
	}
	checkFigure(t, f, Scale)
	// Half way between 1 and 0.1 on a log axis, NC2 is √(0.5·0.25).
	want := "Where NC1 is first 0.316, CE has NC2 0.354, LS (δ = 0.05) has NC2 0.177."
	if f.Caption != want {
		t.Errorf("caption %q, want %q", f.Caption, want)
	}
	if f, err = AtEqualNC1(0.01, runs...); err != nil || !strings.Contains(f.Caption, "CE does not come down to it") {
		t.Errorf("a level that no run reaches: %v, %v", f, err)
	}
	for _, bad := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := AtEqualNC1(bad, runs...); err == nil {
			t.Errorf("level %g gave no error", bad)
		}
	}
}

func TestWaysUntilKeepsItsAxes(t *testing.T) {
	runs := Of(onLine("ce", 0, 1, 1), onLine("ce", 0, 2, 1.21), onLine("ls", 0.05, 1, 0.5))
	axes := func(epoch int) []string {
		f, err := WaysUntil(epoch, runs...)
		if err != nil {
			t.Fatal(err)
		}
		checkFigure(t, f, Scale)
		// Two seeds of CE: the geometric mean of 1 and 1.21 is 1.1.
		if epoch == 1 && f.Caption != "At epoch 1 CE has NC1 10 and NC2 1.1, LS (δ = 0.05) has NC1 10 and NC2 0.5." {
			t.Errorf("caption %q", f.Caption)
		}
		return texts(t, f.SVG)
	}
	if first, last := axes(1), axes(3); !slices.Equal(first, last) {
		t.Errorf("the axes change along the epochs:\n%q\n%q", first, last)
	}
	if _, err := WaysUntil(4, runs...); err == nil {
		t.Error("an epoch that no run has gave no error")
	}
}

func TestNC2AtEqualNC1PairsSeeds(t *testing.T) {
	runs := Of(onLine("ce", 0, 1, 1), onLine("ce", 0, 2, 1), onLine("ls", 0.05, 2, 0.5), onLine("ls", 0.05, 3, 0.25))
	table, err := NC2AtEqualNC1([]float64{1, 0.2, 0.01}, runs...)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"2", "0.50", "0.50", "–", "0.50", "100 %"}}
	if len(table.Rows) != 1 || !slices.Equal(table.Rows[0], want[0]) {
		t.Errorf("rows %q, want %q", table.Rows, want)
	}
	if _, err := NC2AtEqualNC1(nil, runs[0], runs[3]); err == nil {
		t.Error("no seed in common gave no error")
	}
	if _, err := NC2AtEqualNC1(nil, runs[:2]...); err == nil {
		t.Error("one label gave no error")
	}
}
