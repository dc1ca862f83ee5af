package figures

import (
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/ufm"
)

// runsOf returns runs from which an entry can be made.
func runsOf(e Entry) []Series {
	switch e.ID {
	case "fig8", "fig10":
		return Of(ufmRuns()...)
	case "fig9":
		return Of(sweepRuns(1)...)
	case "film", "products", "depth":
		return pictured()
	}
	runs := pair("cifar10", 20)
	for _, s := range runs {
		withFinal(withCalibration(s.Record), 0.1, 0.02, 1.5)
	}
	return runs
}

// Every entry makes what its number and title say, from all runs that have what it needs.
func TestRegistry(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range All() {
		if seen[e.ID] || !strings.HasSuffix(e.ID, e.Number) {
			t.Errorf("id %q of number %q", e.ID, e.Number)
		}
		seen[e.ID] = true
		runs := runsOf(e)
		if e.Theory != nil {
			f, err := e.Theory(ufm.PaperParams())
			if err != nil || !strings.HasPrefix(f.Title, e.Title) {
				t.Errorf("%s: %v", e.ID, err)
			}
		}
		if !e.FromRecords() {
			if e.Name() != "Theorem "+e.Number || len(e.From(runs...)) != 0 {
				t.Errorf("%s is %s and takes %d runs", e.ID, e.Name(), len(e.From(runs...)))
			}
			continue
		}
		if n := len(e.From(runs...)); n != len(runs) || e.Needs == "" {
			t.Errorf("%s can be made from %d of %d complete runs", e.ID, n, len(runs))
		}
		if e.Table != nil {
			table, err := e.Table(runs...)
			if err != nil || table.Number != e.Number || !strings.HasPrefix(table.Title, e.Title) ||
				e.Name() != "Table "+e.Number {
				t.Errorf("%s: %v", e.ID, err)
			}
			continue
		}
		f, err := e.Figure(runs...)
		if err != nil || f.Number != e.Number || f.Title != e.Title {
			t.Errorf("%s: %v", e.ID, err)
			continue
		}
		if len(f.CSV()) == 0 || f.Caption == "" || len(strings.Fields(f.Alt)) < 20 {
			t.Errorf("%s: %d bytes of data, alternative text %q", e.ID, len(f.CSV()), f.Alt)
		}
	}
}

func TestByID(t *testing.T) {
	for _, e := range All() {
		if got, err := ByID(e.ID); err != nil || got.ID != e.ID {
			t.Errorf("%s: %v", e.ID, err)
		}
	}
	if _, err := ByID("figure4"); err == nil || !strings.Contains(err.Error(), "did you mean fig4?") {
		t.Errorf("unknown id: %v", err)
	}
}

// An entry takes the runs that hold what it needs.
func TestFrom(t *testing.T) {
	short := synthetic("cifar10", "ce", 0, 1, 9)
	focal := withCalibration(synthetic("cifar10", "focal", 0, 1, 12))
	focal.Spec.FocalGamma = 3
	other := synthetic("fashion-mnist-small", "ls", 0.05, 1, 12)
	full := withCalibration(synthetic("cifar10", "ls", 0.05, 1, 12))
	runs := []*record.Record{short, focal, other, full}
	for id, want := range map[string][]int{"fig1": {0, 1, 2, 3}, "fig4": {1, 3}, "table1": {1, 2, 3}, "table2": {3}} {
		e, err := ByID(id)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, s := range e.From(Of(runs...)...) {
			got = append(got, slices.Index(runs, s.Record))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s is made from runs %v, want %v", id, got, want)
		}
	}
}
