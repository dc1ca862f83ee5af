package figures

import (
	"math"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/ufm"
)

var paperUFM = ufm.PaperParams()

func TestUFMFigures(t *testing.T) {
	for _, p := range []ufm.Params{paperUFM, {K: 2, N: 1, D: 1, LambdaW: 0.1, LambdaH: 0.1, LambdaB: 1}} {
		for _, name := range UFMNames() {
			f, err := UFM(t.Context(), name, p, 1)
			if err != nil {
				t.Fatalf("%s, K = %d: %v", name, p.K, err)
			}
			all := strings.Join(texts(t, f.SVG), "\n")
			axis := "label smoothing δ"
			if name == "dynamics" {
				axis = "‖gradient‖"
			}
			if !strings.Contains(all, axis) || strings.Contains(all, "NaN") || f.Caption == "" || f.Alt == "" ||
				len(f.PNG) == 0 {
				t.Errorf("%s, K = %d: texts %q, caption %q", name, p.K, all, f.Caption)
			}
		}
	}
	if _, err := UFM(t.Context(), "pie", paperUFM, 1); err == nil || !strings.Contains(err.Error(), "norms, kappa") {
		t.Errorf("unknown name: %v", err)
	}
	if _, err := UFM(t.Context(), "norms", ufm.Params{}, 1); err == nil {
		t.Error("no error for empty parameters")
	}
}

func TestUFMDynamics(t *testing.T) {
	if _, err := UFMDynamics(&ufm.Dynamics{}); err != ErrNoSeries {
		t.Errorf("no path: %v", err)
	}
	nan := math.NaN()
	path := &ufm.Path{Rows: []ufm.Row{
		{Step: 0, NC1: 1, NC2: 1, NC3: nan, GradientNorm: 1},
		{Step: 10, NC1: .1, NC2: .2, NC3: nan, GradientNorm: 1e-3},
	}}
	f, err := UFMDynamics(&ufm.Dynamics{Seed: 7, Paths: []ufm.DynamicsPath{{Delta: 0.3, Path: path, Predicted: 0.5}}})
	if err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(texts(t, f.SVG), "\n"); !strings.Contains(all, "δ = 0.3") ||
		!strings.Contains(f.Caption, "(seed 7)") || !strings.Contains(f.Caption, "not above zero: 2.") {
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
	if s := tab.Text(); !strings.Contains(s, "from 9.799 to 9.349") || !strings.Contains(s, "from 11.92 to 29.41") ||
		!strings.Contains(s, "reversed") || !strings.Contains(s, "25150000") {
		t.Error(s)
	}
	tab, err = UFMConditions(paperUFM.WithS(0.2))
	if err != nil {
		t.Fatal(err)
	}
	if s := tab.Text(); strings.Contains(s, "reversed") || !strings.Contains(s, "decreases too") {
		t.Error(s)
	}
	m, err := paperUFM.Minimiser()
	if err != nil {
		t.Fatal(err)
	}
	if s := UFMTable(m).Text() + UFMSpectrumTable(m).Text(); !strings.Contains(s, "3.12782") ||
		!strings.Contains(s, "400000") {
		t.Error(s)
	}
}

// TestUFMTables: a report's tables are those of what it holds.
func TestUFMTables(t *testing.T) {
	m, err := paperUFM.Minimiser()
	if err != nil {
		t.Fatal(err)
	}
	solved, err := paperUFM.SolveSmall(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	compared := &ufm.Comparison{Theory: m,
		Pairs: []ufm.Pair{{Key: "w_norm", Measured: 3, Theory: m.WNorm, Relative: 0.04}}}
	for _, c := range []struct {
		report  *ufm.Report
		spectra bool
		want    []string // titles
	}{
		{&ufm.Report{Minimiser: m}, false, []string{"Global minimiser", "What the condition number"}},
		{&ufm.Report{Minimiser: m, Compared: compared, Solved: solved}, true,
			[]string{"Global minimiser", "What the condition number", "Spectra",
				"The trained network", "Solver compared"}},
	} {
		tables, err := UFMTables(c.report, c.spectra)
		if err != nil || len(tables) != len(c.want) {
			t.Fatalf("%d tables, want %d: %v", len(tables), len(c.want), err)
		}
		for i, table := range tables {
			if !strings.HasPrefix(table.Title, c.want[i]) {
				t.Errorf("table %d is %q, want %q", i, table.Title, c.want[i])
			}
		}
	}
	if text := UFMComparison(compared).Text(); !strings.Contains(text, "‖w‖") || !strings.Contains(text, "3.12782") {
		t.Error(text)
	}
	if text := UFMSolverTable(solved).Text(); !strings.Contains(text, "small model with the same s") ||
		strings.Contains(text, "did not reach") {
		t.Error(text)
	}
}
