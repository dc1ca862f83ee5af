package files

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/nc"
)

// regressionOf measures features (n×d) and targets (n×t) in memory.
func regressionOf(t testing.TB, x []float64, d int, y []float64, targets int, weight []float64) *nc.RegressionSummary {
	t.Helper()
	first, err := nc.NewRegression(d, targets)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Add(nc.BatchOf(x, nil), nc.BatchOf(y, nil)); err != nil {
		t.Fatal(err)
	}
	second, err := first.Project(weight)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Add(nc.BatchOf(x, nil)); err != nil {
		t.Fatal(err)
	}
	sum, err := second.Summary()
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// TestRegression: files give what package nc gives, whole and in parts, with targets
// as a matrix or, for one target, a list; faults name the file.
func TestRegression(t *testing.T) {
	a := random(28, 200, 7, 3)
	weight := a.weight[:2*7]
	targets := table(a.x[:400], 2)
	dir := t.TempDir()
	whole := save(t, filepath.Join(dir, "r.npz"), map[string]any{"features": table(a.x, 7), "targets": targets,
		"weight": table(weight, 7)})
	parts := []string{
		save(t, filepath.Join(dir, "r1.npz"), map[string]any{"features": table(a.x[:7*80], 7),
			"targets": targets[:80]}),
		save(t, filepath.Join(dir, "r2.npz"), map[string]any{"features": table(a.x[7*80:], 7), "targets": targets[80:],
			"weight": table(weight, 7)}),
	}
	if yes, err := IsRegression(whole); err != nil || !yes {
		t.Errorf("IsRegression: %v, %v", yes, err)
	}
	if yes, err := IsRegression(a.write(t, "f.npz")); err != nil || yes {
		t.Errorf("IsRegression of labels: %v, %v", yes, err)
	}
	want := regressionOf(t, a.x, 7, a.x[:400], 2, weight)
	for _, paths := range [][]string{{whole}, parts} {
		got, err := Regression(context.Background(), paths, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range nc.RegressionMetrics() {
			name := m.Key
			g, _ := got.Value(name)
			w, _ := want.Value(name)
			if !(math.Abs(g-w) <= 1e-10*math.Abs(w)) {
				t.Errorf("%d files: %s = %v, want %v", len(paths), name, g, w)
			}
		}
	}
	one := save(t, filepath.Join(dir, "one.npz"), map[string]any{"features": table(a.x, 7), "targets": a.x[:200]})
	if got, err := Regression(context.Background(), []string{one}, Options{}); err != nil || got.T != 1 ||
		!math.IsNaN(got.NRC2) || got.Notes["nrc2"] == "" {
		t.Errorf("one target without a weight: %+v, %v", got, err)
	}
	for what, paths := range map[string][]string{
		"want N×t": {save(t, filepath.Join(dir, "bad.npz"),
			map[string]any{"features": table(a.x, 7), "targets": targets[:80]})},
		"want t×d": {save(t, filepath.Join(dir, "bad2.npz"),
			map[string]any{"features": table(a.x, 7), "targets": targets, "weight": table(a.weight, 7)})},
		"no array":    {a.write(t, "f.npz")},
		"weight in":   {whole, whole},
		"other files": {whole, one},
		"no file":     nil,
		"not a number": {save(t, filepath.Join(dir, "bad3.npz"),
			map[string]any{"features": [][]float64{{1, math.NaN()}}, "targets": []float64{1}})},
	} {
		_, err := Regression(context.Background(), paths, Options{})
		if err == nil || what != "not a number" && !strings.Contains(err.Error(), what) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	if _, err := Regression(context.Background(), []string{whole}, Options{Memory: 1}); err == nil ||
		!strings.Contains(err.Error(), "memory bound") {
		t.Errorf("over the memory bound: %v", err)
	}
}
