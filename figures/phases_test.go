package figures

import (
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
)

func phaseRun(loss string, delta float64, rows ...record.Epoch) *record.Record {
	r := &record.Record{Spec: record.DefaultSpec(), Epochs: rows}
	r.Spec.Loss = record.Loss{Name: loss, Delta: delta}
	return r
}

func TestPhasesDivideAtTheFirstErrorBelowTheLimit(t *testing.T) {
	ce := phaseRun("ce", 0, record.Epoch{Epoch: 1, TrainError: 0.5, NC1: 20, NC2: 1, NC3: 1},
		record.Epoch{Epoch: 2, TrainError: 0.001, NC1: 10, NC2: 0.5, NC3: 0.8},
		record.Epoch{Epoch: 3, TrainError: 0.002, NC1: 2, NC2: 0.25, NC3: 0.4})
	ls := phaseRun("ls", 0.05, record.Epoch{Epoch: 1, TrainError: 0.5, NC1: 4, NC2: 1, NC3: 1},
		record.Epoch{Epoch: 4, TrainError: 0.1, NC1: 1, NC2: 0.5, NC3: 2})
	tab, err := Phases(0.001, Of(ce, ls)...)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"CE", "2", "3", "2.00", "2.00", "1.25", "5.00", "2.00", "2.00"},
		{"LS (δ = 0.05)", "never", "4", "4.00", "2.00", "0.50", "–", "–", "–"}}
	for i, row := range want {
		if !slices.Equal(tab.Rows[i], row) {
			t.Errorf("row %q, want %q", tab.Rows[i], row)
		}
	}
	if _, err := Phases(0, Of(phaseRun("ce", 0))...); err == nil {
		t.Error("a run without rows gave no error")
	}
}

func TestReachedReadsTheHorizontalDistance(t *testing.T) {
	a := phaseRun("ce", 0, record.Epoch{Epoch: 1, NC1: 8}, record.Epoch{Epoch: 2, NC1: 3},
		record.Epoch{Epoch: 3, NC1: 4}, record.Epoch{Epoch: 4, NC1: 1})
	b := phaseRun("ls", 0.05, record.Epoch{Epoch: 1, NC1: 4}, record.Epoch{Epoch: 2, NC1: 3.5})
	tab, err := Reached("nc1", Series{Record: a}, Series{Record: b}, 1, 3, 4, 9)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"1", "8.00", "1", "1"}, {"3", "4.00", "2", "1"}, {"4", "1.00", "4", "in no epoch"}}
	for i, row := range want {
		if i >= len(tab.Rows) || !slices.Equal(tab.Rows[i], row) {
			t.Fatalf("rows %q, want %q", tab.Rows, want)
		}
	}
	if len(tab.Rows) != 3 {
		t.Errorf("%d rows, want 3: epoch 9 was not run", len(tab.Rows))
	}
}

func TestPlane(t *testing.T) {
	f, err := Plane(Cloud{Title: "t", Points: []float64{0, 1, 2, 3}, Labels: []int32{0, 1},
		Arrows: []float64{1, 0, 0, 1}, Edges: [][2]int{{0, 1}}})
	if err != nil || len(f.SVG) == 0 || len(f.PNG) == 0 {
		t.Fatalf("%v", err)
	}
	for name, c := range map[string]Cloud{
		"a point without label": {Points: []float64{0, 1, 2, 3}, Labels: []int32{0}},
		"a negative label":      {Points: []float64{0, 1}, Labels: []int32{-1}},
		"an edge to nowhere":    {Arrows: []float64{1, 0}, Edges: [][2]int{{0, 1}}},
	} {
		if _, err := Plane(c); err == nil {
			t.Errorf("%s gave no error", name)
		}
	}
}

func TestAgainstTimeSumsRateTimesDecay(t *testing.T) {
	r := phaseRun("ce", 0, record.Epoch{Epoch: 1, NC1: 4}, record.Epoch{Epoch: 2, NC1: 2})
	r.Spec.Rate, r.Spec.Decay, r.Spec.Batch, r.Spec.Milestones, r.Spec.Gamma = 0.5, 0.1, 100, []int{1}, 0.1
	r.Data.Train = 150
	// Two steps an epoch: 2 × 0.5 × 0.1, then 2 × 0.05 × 0.1.
	f, err := AgainstTime("nc1", Series{Label: "slow", Record: r})
	if err != nil {
		t.Fatal(err)
	}
	if want := "slow ends at time 0.110 with 2.00"; !strings.Contains(f.Alt, want) {
		t.Errorf("the alternative text lacks %q: %s", want, f.Alt)
	}
	if _, err := AgainstTime("nc9", Series{Record: r}); err == nil {
		t.Error("an unknown metric gave no error")
	}
}
