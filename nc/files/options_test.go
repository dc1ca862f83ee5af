package measure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
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
	sum, err := Files(context.Background(), paths, o)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// TestOutcomes compares the figures of correct and wrong samples with those of
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
		if err := (&nc.Classifier{K: a.k, D: a.d, W: a.weight, B: a.bias}).Decide64(set.x, given); err != nil {
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
			_, want := a.in(t, x, y)
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
	if sum := files(t, Options{Outcomes: true}, perfect.write(t, "f.npz")); sum.Wrong != nil || sum.Correct == nil || sum.Notes["wrong"] == "" {
		t.Errorf("without a wrong sample: %v, note %q", sum.Wrong, sum.Notes["wrong"])
	}
}

// TestLayers: other arrays of the file and files of a folder give each what it gives
// alone.
func TestLayers(t *testing.T) {
	a, b := random(22, 90, 7, 3), random(23, 90, 4, 3)
	dir := t.TempDir()
	layer := func(r arrays) map[string]any { return map[string]any{"features": table(r.x, r.d), "labels": r.y} }
	wantA := files(t, Options{}, save(t, filepath.Join(dir, "layer2.npz"), layer(a)))
	wantB := files(t, Options{}, save(t, filepath.Join(dir, "layer10.npz"), layer(b)))
	same := func(what string, got nc.Layer, name string, want *nc.Summary) {
		t.Helper()
		if got.Name != name || got.NC1 != want.NC1 || got.NCCError != want.NCCError || got.D != want.D {
			t.Errorf("%s: %s with NC1 %v, want %s with %v", what, got.Name, got.NC1, name, want.NC1)
		}
	}
	sum, err := Folder(context.Background(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(sum.Layers) != 2 {
		t.Fatalf("%d layers in the folder", len(sum.Layers))
	}
	same("folder", sum.Layers[0], "layer2", wantA)
	same("folder", sum.Layers[1], "layer10", wantB)
	if sum.NC1 != wantB.NC1 {
		t.Errorf("at the top NC1 is %v, want the last layer's %v", sum.NC1, wantB.NC1)
	}

	sum = files(t, Options{}, save(t, filepath.Join(t.TempDir(), "f.npz"), map[string]any{
		"features": table(b.x, b.d), "features_conv1": table(a.x, a.d), "labels": a.y,
	}))
	if len(sum.Layers) != 1 || sum.NC1 != wantB.NC1 {
		t.Fatalf("%d layers, NC1 %v", len(sum.Layers), sum.NC1)
	}
	same("array", sum.Layers[0], "conv1", wantA)

	// Arrays of NumPy files beside one of labels.
	npy := t.TempDir()
	for name, raw := range map[string][]byte{"stem.npy": npyBytes("<f8", fmt.Sprintf("(%d, %d)", 90, a.d), a.x), "labels.npy": npyBytes("<i4", "(90,)", a.y)} {
		if err := os.WriteFile(filepath.Join(npy, name), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if sum, err = Folder(context.Background(), npy, Options{}); err != nil {
		t.Fatal(err)
	}
	same("npy", sum.Layers[0], "stem", wantA)

	b2, err := json.Marshal(sum)
	if err != nil || !strings.Contains(string(b2), `"layers":[{"name":"stem","n":90,`) {
		t.Errorf("JSON %s, %v", b2, err)
	}
	if _, err := Folder(context.Background(), t.TempDir(), Options{}); err == nil {
		t.Error("no error for an empty folder")
	}
}

// npyBytes is a .npy file of format version 1.
func npyBytes(dtype, shape string, data any) []byte {
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", dtype, shape)
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	out := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
	out = append(out, header...)
	switch v := data.(type) {
	case []float64:
		for _, x := range v {
			u := math.Float64bits(x)
			for i := range 8 {
				out = append(out, byte(u>>(8*i)))
			}
		}
	case []int32:
		for _, x := range v {
			out = append(out, byte(x), byte(x>>8), byte(x>>16), byte(x>>24))
		}
	}
	return out
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
	if _, err := Files(context.Background(), []string{bad}, Options{}); err == nil || !strings.Contains(err.Error(), "ood_features have d = 2") {
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
	if err := (&nc.Classifier{K: 4, D: 6, W: a.weight, B: a.bias}).Margins64(a.x, a.y, want); err != nil {
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
	if _, err := Files(context.Background(), []string{a.write(t, "f.npz")}, Options{Margins: path}); err == nil {
		t.Error("no error without a classifier")
	}
}

// TestBootstrap: an interval does not depend on batches, files or how many
// replicates are measured at once; it holds the value's neighbourhood, and shrinks
// with the number of samples as its root.
func TestBootstrap(t *testing.T) {
	o := Options{Bootstrap: 60, Seed: 5}
	a := random(25, 400, 5, 3)
	sum := files(t, o, a.write(t, "f.npz"))
	if sum.Bootstrap == nil || sum.Bootstrap.Replicates != 60 || sum.Test.Intervals == nil {
		t.Fatalf("bootstrap %+v", sum.Bootstrap)
	}
	for _, m := range nc.Metrics() {
		name := m.Key
		v, _ := sum.Value(name)
		ci, ok := sum.Intervals[name]
		if ok == math.IsNaN(v) {
			t.Errorf("%s = %v has an interval: %v", name, v, ok)
		}
		if ok && !(ci[0] <= ci[1]) {
			t.Errorf("%s: interval %v", name, ci)
		}
	}
	if ci := sum.Intervals["w_norm"]; ci[0] != sum.WNorm || ci[1] != sum.WNorm {
		t.Errorf("‖w‖ = %v does not depend on samples, interval %v", sum.WNorm, ci)
	}
	// Replicates hold samples twice, which takes about 1/n of the spread away.
	if ci := sum.Intervals["nc1_quotient"]; !(ci[0] < sum.NC1Quotient && sum.NC1Quotient < 1.05*ci[1]) {
		t.Errorf("quotient %v, interval %v", sum.NC1Quotient, ci)
	}

	first, second := a, a
	first.x, first.y, first.weight, first.bias = a.x[:5*150], a.y[:150], nil, nil
	second.x, second.y, second.testX, second.testY = a.x[5*150:], a.y[150:], nil, nil
	few := o
	few.Memory = 3 * nc.Bytes(3, 5) // three at a time
	again := files(t, few, first.write(t, "1.npz"), second.write(t, "2.npz"))
	for name, ci := range sum.Intervals {
		got := again.Intervals[name]
		if math.Abs(got[0]-ci[0]) > 1e-10*math.Abs(ci[0])+1e-14 || math.Abs(got[1]-ci[1]) > 1e-10*math.Abs(ci[1])+1e-14 {
			t.Errorf("%s: interval %v in parts, %v whole", name, got, ci)
		}
	}
	other := o
	other.Seed = 6
	if files(t, other, a.write(t, "f.npz")).Intervals["nc1"] == sum.Intervals["nc1"] {
		t.Error("another seed gives the same interval")
	}

	large := random(25, 6400, 5, 3) // 16 times the samples: a quarter of the width
	ci, wide := files(t, o, large.write(t, "f.npz")).Intervals["h_norm"], sum.Intervals["h_norm"]
	if ratio := (ci[1] - ci[0]) / (wide[1] - wide[0]); !(ratio > 0.12 && ratio < 0.5) {
		t.Errorf("interval of ‖h‖ is %v times as wide with 16 times the samples, want about 0.25", ratio)
	}

	few.Memory = 1000
	if _, err := Files(context.Background(), []string{a.write(t, "f.npz")}, few); err == nil || !strings.Contains(err.Error(), "memory bound") {
		t.Errorf("over the memory bound: %v", err)
	}
}

// TestStates: two parts measured on their own and merged by way of state files give
// what the whole gives.
func TestStates(t *testing.T) {
	a := random(26, 500, 9, 4)
	a.testX, a.testY = nil, nil
	want := files(t, Options{}, a.write(t, "whole.npz"))
	first, second := a, a
	first.x, first.y = a.x[:9*180], a.y[:180]
	second.x, second.y, second.weight, second.bias = a.x[9*180:], a.y[180:], nil, nil
	paths := []string{first.write(t, "1.npz"), second.write(t, "2.npz")}
	dir := t.TempDir()
	ctx := context.Background()
	var states, seconds []string
	keep := func(name string, acc *nc.Accumulator) string {
		t.Helper()
		if err := WriteState(filepath.Join(dir, name), acc); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, name)
	}
	for i, p := range paths {
		_, acc, err := Accumulated(ctx, []string{p}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, keep(fmt.Sprint(i, ".state"), acc))
	}
	read := func(paths []string) []*nc.Accumulator {
		t.Helper()
		accs, err := ReadStates(paths)
		if err != nil {
			t.Fatal(err)
		}
		return accs
	}
	if _, err := Merge(read(states)); err == nil || !strings.Contains(err.Error(), "--features PART.npz --merge") {
		t.Errorf("merging around different means: %v", err)
	}
	for i, p := range paths {
		acc, err := Around(ctx, []string{p}, read(states), Options{})
		if err != nil {
			t.Fatal(err)
		}
		seconds = append(seconds, keep(fmt.Sprint(i, ".second"), acc))
	}
	if _, err := Merge(read(seconds[:1])); err == nil || !strings.Contains(err.Error(), "180 of the 500") {
		t.Errorf("one part of two: %v", err)
	}
	acc, err := Merge(read(seconds))
	if err != nil {
		t.Fatal(err)
	}
	got, err := acc.Summary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range nc.Metrics() {
		name := m.Key
		g, _ := got.Value(name)
		w, _ := want.Value(name)
		if !(math.Abs(g-w) <= 1e-10*math.Abs(w)+1e-15) && !(math.IsNaN(g) && math.IsNaN(w)) {
			t.Errorf("%s = %v merged, %v whole", name, g, w)
		}
	}
	if _, err := Around(ctx, []string{a.write(t, "whole.npz")}, read(states[:1]), Options{}); err == nil {
		t.Error("no error where the states hold fewer samples than the files")
	}
	if err := os.WriteFile(states[0], []byte("collapse"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadStates(states); err == nil || !strings.Contains(err.Error(), states[0]) {
		t.Errorf("a damaged state: %v", err)
	}
}

// TestSeries: each file is a data set of its own, in the order of its epoch.
func TestSeries(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for _, epoch := range []int{10, 2} {
		r := random(uint64(epoch), 60, 4, 3)
		paths = append(paths, save(t, filepath.Join(dir, fmt.Sprintf("features-epoch%d.npz", epoch)), map[string]any{"features": table(r.x, 4), "labels": r.y}))
	}
	points, err := Series(context.Background(), paths, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(points) != 2 || points[0].Name != "features-epoch2" || points[0].NC1 != files(t, Options{}, paths[1]).NC1 {
		t.Errorf("series %v", points)
	}
}

// TestFull: the figures of the covariance are those of package nc, whose tests hold
// them to the definitions, and the memory bound is kept.
func TestFull(t *testing.T) {
	a := random(27, 300, 6, 3)
	path := a.write(t, "f.npz")
	sum := files(t, Options{Full: true, Decay: 0.01}, path)
	acc, _ := a.in(t, a.x, a.y)
	cov, err := nc.NewCovariance(acc)
	if err != nil {
		t.Fatal(err)
	}
	if err := cov.Add64(a.x, a.y); err != nil {
		t.Fatal(err)
	}
	want, err := cov.Summary()
	if err != nil {
		t.Fatal(err)
	}
	mse, err := cov.MSE(acc.Classifier(), 0.01)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(sum.Covariance.VCI-want.VCI) > 1e-12 || math.Abs(sum.MSE.Perp-mse.Perp) > 1e-12 || len(sum.Covariance.SpectrumW) != 6 {
		t.Errorf("VCI %v and L_⊥ %v, want %v and %v", sum.Covariance.VCI, sum.MSE.Perp, want.VCI, mse.Perp)
	}
	if sum.Test.Covariance == nil {
		t.Error("no covariance of the test samples")
	}
	object := object(t, Options{Full: true}, path)
	if object["vci"] == nil || object["mse"].(map[string]any)["nc23"] == nil || len(object["spectrum_w"].([]any)) != 6 {
		t.Errorf("JSON %v", object)
	}
	_, err = Files(context.Background(), []string{path}, Options{Full: true, Memory: 1000})
	if err == nil || !strings.Contains(err.Error(), "memory bound") {
		t.Errorf("over the memory bound: %v", err)
	}
}

// TestRegression: files give what package nc gives, whole and in parts, with targets
// as a matrix or, for one target, a list; faults name the file.
func TestRegression(t *testing.T) {
	a := random(28, 200, 7, 3)
	weight := a.weight[:2*7]
	targets := table(a.x[:400], 2)
	dir := t.TempDir()
	whole := save(t, filepath.Join(dir, "r.npz"), map[string]any{"features": table(a.x, 7), "targets": targets, "weight": table(weight, 7)})
	parts := []string{
		save(t, filepath.Join(dir, "r1.npz"), map[string]any{"features": table(a.x[:7*80], 7), "targets": targets[:80]}),
		save(t, filepath.Join(dir, "r2.npz"), map[string]any{"features": table(a.x[7*80:], 7), "targets": targets[80:], "weight": table(weight, 7)}),
	}
	if yes, err := IsRegression(whole); err != nil || !yes {
		t.Errorf("IsRegression: %v, %v", yes, err)
	}
	if yes, err := IsRegression(a.write(t, "f.npz")); err != nil || yes {
		t.Errorf("IsRegression of labels: %v, %v", yes, err)
	}
	r, err := nc.NewRegression(7, 2)
	if err == nil {
		err = r.Add64(a.x, a.x[:400])
	}
	if err == nil {
		err = r.BeginSecond(weight)
	}
	if err == nil {
		err = r.AddSecond64(a.x)
	}
	if err != nil {
		t.Fatal(err)
	}
	want, err := r.Summary()
	if err != nil {
		t.Fatal(err)
	}
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
	if got, err := Regression(context.Background(), []string{one}, Options{}); err != nil || got.T != 1 || !math.IsNaN(got.NRC2) || got.Notes["nrc2"] == "" {
		t.Errorf("one target without a weight: %+v, %v", got, err)
	}
	for what, paths := range map[string][]string{
		"want N×t":     {save(t, filepath.Join(dir, "bad.npz"), map[string]any{"features": table(a.x, 7), "targets": targets[:80]})},
		"want t×d":     {save(t, filepath.Join(dir, "bad2.npz"), map[string]any{"features": table(a.x, 7), "targets": targets, "weight": table(a.weight, 7)})},
		"no array":     {a.write(t, "f.npz")},
		"weight in":    {whole, whole},
		"other files":  {whole, one},
		"no file":      nil,
		"not a number": {save(t, filepath.Join(dir, "bad3.npz"), map[string]any{"features": [][]float64{{1, math.NaN()}}, "targets": []float64{1}})},
	} {
		_, err := Regression(context.Background(), paths, Options{})
		if err == nil || what != "not a number" && !strings.Contains(err.Error(), what) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	if _, err := Regression(context.Background(), []string{whole}, Options{Memory: 1}); err == nil || !strings.Contains(err.Error(), "memory bound") {
		t.Errorf("over the memory bound: %v", err)
	}
}
