package figures

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/ood"
)

// TestDetection: figure and table hold every score of every set, and scores without a classifier share a
// note.
func TestDetection(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	source := func(n int, shift float64) nc.Source {
		x, y := make([]float64, 4*n), make([]int32, n)
		for i := range n {
			y[i] = int32(i % 2)
			for j := range 4 {
				x[4*i+j] = rng.NormFloat64() + shift*float64(y[i])
			}
		}
		return nc.Slices(x, y)
	}
	sets := []ood.Set{{Name: "near", Source: source(30, 1)}, {Name: "far", Source: source(30, 9)}}
	r, err := ood.Measure(source(80, 3), source(40, 3), sets, nil, ood.Options{Bootstrap: 10})
	if err != nil {
		t.Fatal(err)
	}
	f, err := DetectionFigure(r)
	if err != nil {
		t.Fatal(err)
	}
	checkFigure(t, f, Scale)
	table := DetectionTable(r)
	if len(table.Rows) != 20 || len(table.Notes) != 1 ||
		!strings.Contains(table.Notes[0], "MSP, MaxLogit, Energy, ViM") {
		t.Errorf("%d rows, notes %q", len(table.Rows), table.Notes)
	}
	if len(ScoreTable(r).Rows) != 10 {
		t.Errorf("%d scores are explained", len(ScoreTable(r).Rows))
	}
}
