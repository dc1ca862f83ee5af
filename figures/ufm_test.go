package figures

import (
	"math"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/ufm"
)

var paperUFM = ufm.Params{K: 10, N: 5000, D: 512, LambdaW: 1e-3, LambdaH: 1e-6, LambdaB: 1e-2, Delta: 0.05}

func TestUFMFigures(t *testing.T) {
	for _, p := range []ufm.Params{paperUFM, {K: 2, N: 1, D: 1, LambdaW: 0.1, LambdaH: 0.1, LambdaB: 1}} {
		for _, name := range UFMNames() {
			f, err := UFM(name, p)
			if err != nil {
				t.Fatalf("%s, K = %d: %v", name, p.K, err)
			}
			all := strings.Join(texts(t, f.SVG), "\n")
			if !strings.Contains(all, "label smoothing δ") || strings.Contains(all, "NaN") || f.Caption == "" || f.Alt == "" || len(f.PNG) == 0 {
				t.Errorf("%s, K = %d: texts %q, caption %q", name, p.K, all, f.Caption)
			}
		}
	}
	if _, err := UFM("pie", paperUFM); err == nil || !strings.Contains(err.Error(), "norms, kappa") {
		t.Errorf("unknown name: %v", err)
	}
	if _, err := UFM("norms", ufm.Params{}); err == nil {
		t.Error("no error for empty parameters")
	}
}

func TestUFMDynamics(t *testing.T) {
	if _, err := UFMDynamics("x"); err != ErrNoSeries {
		t.Errorf("no path: %v", err)
	}
	nan := math.NaN()
	path := &ufm.Path{Rows: []ufm.Row{{Step: 0, NC1: 1, NC2: 1, NC3: nan, GradientNorm: 1}, {Step: 10, NC1: .1, NC2: .2, NC3: nan, GradientNorm: 1e-3}}}
	f, err := UFMDynamics("How it was run.", UFMPath{Label: "δ = 0.3", Path: path, Predicted: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(texts(t, f.SVG), "\n"); !strings.Contains(all, "δ = 0.3") || !strings.Contains(f.Caption, "not above zero: 2.") {
		t.Errorf("texts %q, caption %q", all, f.Caption)
	}
}

// TestUFMConditions: the table shows that the order of CE and LS reverses, in the
// paper's setting, and does not say so where it does not.
func TestUFMConditions(t *testing.T) {
	tab, err := UFMConditions(paperUFM)
	if err != nil {
		t.Fatal(err)
	}
	if s := tab.Text(); !strings.Contains(s, "from 9.799 to 9.349") || !strings.Contains(s, "from 11.92 to 29.41") || !strings.Contains(s, "reversed") || !strings.Contains(s, "25150000") {
		t.Error(s)
	}
	tab, err = UFMConditions(paperUFM.WithS(0.2))
	if err != nil {
		t.Fatal(err)
	}
	if s := tab.Text(); strings.Contains(s, "reversed") || !strings.Contains(s, "falls too") {
		t.Error(s)
	}
	m, err := paperUFM.Minimiser()
	if err != nil {
		t.Fatal(err)
	}
	if s := UFMTable(m).Text() + UFMSpectrumTable(m).Text(); !strings.Contains(s, "3.12782") || !strings.Contains(s, "400000") {
		t.Error(s)
	}
}
