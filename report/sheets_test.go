package report

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/ufm"
)

// checkSheet writes a page and looks for its title, a number of pictures and some texts.
func checkSheet(t *testing.T, s *Sheet, pictures int, want ...string) {
	t.Helper()
	b, err := s.HTML()
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	if n := strings.Count(page, "<svg"); n != pictures {
		t.Errorf("page %q has %d pictures, want %d", s.Title, n, pictures)
	}
	for _, w := range append(want, s.Title) {
		if !strings.Contains(page, w) {
			t.Errorf("page %q lacks %q", s.Title, w)
		}
	}
}

func TestCalibrationSheet(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	z, y := make([]float64, 300), make([]int32, 100)
	for i := range z {
		z[i] = 2 * rng.NormFloat64()
	}
	for i := range y {
		y[i] = int32(rng.IntN(3))
	}
	src, err := calib.Slice(z, y, 3)
	if err != nil {
		t.Fatal(err)
	}
	r, err := calib.Measure(src, calib.Options{Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	s, err := CalibrationSheet(calib.Model{Name: "first", Report: r}, calib.Model{Name: "second", Report: r})
	if err != nil {
		t.Fatal(err)
	}
	checkSheet(t, s, 3, "Bins of first", "Bins of second", "temperature with the least NLL")
	full, err := calib.Measure(src, calib.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s, err = CalibrationSheet(calib.Model{Name: "first", Report: full}); err != nil {
		t.Fatal(err)
	}
	checkSheet(t, s, 3, "Risk and coverage", "Selective classification", "E-AURC", "MSP, the same samples")
	if _, err := CalibrationSheet(); err == nil {
		t.Error("no error without a model")
	}
}

func TestCollapseSheet(t *testing.T) {
	layers := []nc.Layer{{Name: "early", Summary: &nc.Summary{}}, {Name: "late", Summary: &nc.Summary{}}}
	layers[0].NC1, layers[1].NC1 = 2, 1
	sum := &nc.Summary{N: 8, D: 2, K: 2, Layers: layers}
	drawn, err := figures.CollapseFigures(nil, sum)
	if err != nil {
		t.Fatal(err)
	}
	checkSheet(t, CollapseSheet("Measured on two files.", sum, drawn), 1, "Measured on two files.", "early", "late")
	if _, err := figures.CollapseFigures(nil, &nc.Summary{}); err != figures.ErrNoSeries {
		t.Errorf("neither geometry nor layers: %v", err)
	}
}

func TestUFMSheet(t *testing.T) {
	p := ufm.Params{K: 3, N: 4, D: 3, LambdaW: 1e-2, LambdaH: 1e-2, LambdaB: 1e-2, Delta: 0.05}
	m, err := p.Minimiser()
	if err != nil {
		t.Fatal(err)
	}
	s, err := UFMSheet(t.Context(), &ufm.Report{Minimiser: m}, 1)
	if err != nil {
		t.Fatal(err)
	}
	checkSheet(t, s, len(figures.UFMNames()), "K = 3, n = 4, d = 3", "Spectra at the global minimiser")
}
