package files

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/npz"
)

// save writes arrays of float64, and of int32 for whole numbers, to a file.
func save(t testing.TB, path string, named map[string]any) string {
	t.Helper()
	w, err := npz.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for k := range named {
			if !yield(k) {
				return
			}
		}
	}) {
		switch v := named[name].(type) {
		case [][]float64:
			var flat []float64
			for _, row := range v {
				flat = append(flat, row...)
			}
			err = errors.Join(err, npz.Write(w, name, []int{len(v), len(v[0])}, flat))
		case []float64:
			err = errors.Join(err, npz.Write(w, name, []int{len(v)}, v))
		case []int32:
			err = errors.Join(err, npz.Write(w, name, []int{len(v)}, v))
		}
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// table turns row-major numbers into rows.
func table(x []float64, d int) (rows [][]float64) {
	for len(x) > 0 {
		rows = append(rows, x[:d])
		x = x[d:]
	}
	return rows
}

func files(t testing.TB, o Options, paths ...string) *nc.Summary {
	t.Helper()
	sum, err := Measure(context.Background(), paths, o)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// TestOutcomes compares the metrics of correct and wrong samples with those of
// samples that are picked and labelled by hand.
func TestOutcomes(t *testing.T) {
	a := random(21, 600, 8, 3)
	sum := files(t, Options{Outcomes: true}, a.write(t, "f.npz"))
	for _, set := range []struct {
		name string
		x    []float64
		y    []int32
		sum  *nc.Summary
	}{{"training", a.x, a.y, sum}, {"test", a.testX, a.testY, sum.Test}} {
		given := make([]int32, len(set.y))
		if err := (&nc.Classifier{K: a.k, D: a.d, W: a.weight, B: a.bias}).Decide(nc.BatchOf(set.x, nil),
			given); err != nil {
			t.Fatal(err)
		}
		for _, part := range []struct {
			name  string
			right bool
			got   *nc.Summary
		}{{"correct", true, set.sum.Correct}, {"wrong", false, set.sum.Wrong}} {
			var x []float64
			var y []int32
			for i, label := range set.y {
				if (given[i] == label) == part.right {
					x = append(x, set.x[i*a.d:(i+1)*a.d]...)
					y = append(y, given[i])
				}
			}
			want := a.in(t, x, y)
			if part.got == nil {
				t.Fatalf("%s, %s: nil", set.name, part.name)
			}
			for _, key := range []string{"nc1", "nc2", "nc3", "cdnv", "nc4", "ncc_error"} {
				g, _ := part.got.Value(key)
				w, _ := want.Value(key)
				if !(math.Abs(g-w) <= 1e-12) {
					t.Errorf("%s, %s: %s = %v, want %v", set.name, part.name, key, g, w)
				}
			}
		}
	}
	perfect := a
	for i, y := range a.y { // no sample is wrong
		perfect.x = slices.Clone(perfect.x)
		for j := range a.d {
			perfect.x[i*a.d+j] = 100 * a.weight[int(y)*a.d+j]
		}
	}
	if sum := files(t, Options{Outcomes: true}, perfect.write(t, "f.npz")); sum.Wrong != nil || sum.Correct == nil ||
		sum.Notes["wrong"] == "" {
		t.Errorf("without a wrong sample: %v, note %q", sum.Wrong, sum.Notes["wrong"])
	}
}

// TestOOD: NC5 by hand.
func TestOOD(t *testing.T) {
	path := save(t, filepath.Join(t.TempDir(), "f.npz"), map[string]any{
		"features": [][]float64{{2, 0, 0}, {0, 3, 0}}, "labels": []int32{0, 1},
		"ood_features": [][]float64{{1, 0, 1}, {3, 0, 1}}, // mean (2, 0, 1)
	})
	if got, want := files(t, Options{}, path).NC5, 1/math.Sqrt(5); math.Abs(got-want) > 1e-15 {
		t.Errorf("NC5 = %v, want %v", got, want)
	}
	bad := save(t, filepath.Join(t.TempDir(), "f.npz"), map[string]any{
		"features": [][]float64{{2, 0, 0}, {0, 3, 0}}, "labels": []int32{0, 1}, "ood_features": [][]float64{{1, 2}},
	})
	if _, err := Measure(context.Background(), []string{bad}, Options{}); err == nil ||
		!strings.Contains(err.Error(), "ood_features have d = 2") {
		t.Errorf("other dimension: %v", err)
	}
}

// TestMarginsFile: margins of all samples in order, and none of a bad run.
func TestMarginsFile(t *testing.T) {
	a := random(24, 120, 6, 4)
	path := filepath.Join(t.TempDir(), "margins.npz")
	sum := files(t, Options{Margins: path}, a.write(t, "f.npz"))
	f, err := npz.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	array, err := f.Array("margins")
	if err != nil {
		t.Fatal(err)
	}
	got, err := array.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float64, 120)
	if err := (&nc.Classifier{K: 4, D: 6, W: a.weight, B: a.bias}).Margins(nc.BatchOf(a.x, a.y), want); err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("margin of sample %d is %v, want %v", i, got[i], want[i])
		}
		if got[i] < 0 {
			wrong++
		}
	}
	if share := float64(wrong) / 120; share != sum.Error {
		t.Errorf("share of negative margins %v, error %v", share, sum.Error)
	}
	a.weight, a.bias = nil, nil
	if _, err := Measure(context.Background(), []string{a.write(t, "f.npz")}, Options{Margins: path}); err == nil {
		t.Error("no error without a classifier")
	}
}

// TestFull: the metrics of the covariance are those of package nc, whose tests hold
// them to the definitions, and the memory bound is kept.
func TestFull(t *testing.T) {
	a := random(27, 300, 6, 3)
	path := a.write(t, "f.npz")
	sum := files(t, Options{Full: true, Decay: 0.01}, path)
	scatter := a.in(t, a.x, a.y).Scatter
	cov, err := nc.NewCovariance(scatter)
	if err != nil {
		t.Fatal(err)
	}
	if err := cov.Add(nc.BatchOf(a.x, a.y)); err != nil {
		t.Fatal(err)
	}
	want, err := cov.Summary()
	if err != nil {
		t.Fatal(err)
	}
	mse, err := cov.MSE(scatter.Classifier(), 0.01)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(sum.Covariance.VCI-want.VCI) > 1e-12 || math.Abs(sum.MSE.Perp-mse.Perp) > 1e-12 ||
		len(sum.Covariance.SpectrumW) != 6 {
		t.Errorf("VCI %v and L_⊥ %v, want %v and %v", sum.Covariance.VCI, sum.MSE.Perp, want.VCI, mse.Perp)
	}
	if sum.Test.Covariance == nil {
		t.Error("no covariance of the test samples")
	}
	object := object(t, Options{Full: true}, path)
	if object["vci"] == nil || object["mse"].(map[string]any)["nc23"] == nil || len(object["spectrum_w"].([]any)) != 6 {
		t.Errorf("JSON %v", object)
	}
	_, err = Measure(context.Background(), []string{path}, Options{Full: true, Memory: 1000})
	if err == nil || !strings.Contains(err.Error(), "memory bound") {
		t.Errorf("over the memory bound: %v", err)
	}
}
