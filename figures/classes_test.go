package figures

import (
	"slices"
	"testing"

	"github.com/gocollapse/collapse/nc"
)

// TestPresentClasses: tables and class axes name the classes that are present by their labels.
func TestPresentClasses(t *testing.T) {
	x, y := []float64{1, 0, 3, 1, 0, 2, 1, 2, 5, 5, 6, 5}, []int32{3, 3, 7, 7, 9, 9}
	s, err := nc.Measure(nc.Slices(x, y), nc.Classifier{}, nc.Options{Present: true})
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range ClassTable(s).Rows {
		if want := []string{"3", "7", "9"}[i]; row[0] != want {
			t.Errorf("row %d is of class %s, want %s", i, row[0], want)
		}
	}
	var labels []string
	for _, tick := range named(classTicks(s.K), s.Classes) {
		labels = append(labels, tick.Label)
	}
	if !slices.Equal(labels, []string{"3", "7", "9"}) {
		t.Errorf("the axis has %v", labels)
	}
	f, err := Collapse(s.Scatter.Geometry(), s)
	if err != nil {
		t.Fatal(err)
	}
	if f.Data == nil {
		t.Error("the picture has no data")
	}
}
