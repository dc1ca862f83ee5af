package train_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/calib/files"
	"github.com/gocollapse/collapse/data"
	ncfiles "github.com/gocollapse/collapse/nc/files"
	"github.com/gocollapse/collapse/npz"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
)

// tinyFile writes tinySet as an .npz file of images and returns the name under which
// a specification opens it.
func tinyFile(t *testing.T) string {
	t.Helper()
	set := tinySet()
	path := filepath.Join(t.TempDir(), "tiny.npz")
	w, err := npz.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for prefix, s := range map[string]data.Split{"": set.Train, "test_": set.Test} {
		for _, err := range []error{
			npz.Write(w, prefix+"images", []int{s.Len(), 8, 8, 3}, s.Images),
			npz.Write(w, prefix+"labels", []int{s.Len()}, s.Labels),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	t.Setenv(data.EnvDir, t.TempDir())
	return "npz:" + path
}

func shapes(t *testing.T, path string) map[string][]int {
	t.Helper()
	f, err := npz.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string][]int{}
	for _, name := range f.Names() {
		a, err := f.Array(name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = a.Shape
	}
	return out
}

// What measure and calibrate make of exported features is the record's last row.
func TestFeatures(t *testing.T) {
	dataset := tinyFile(t)
	ctx := context.Background()
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		spec := tinySpec()
		spec.Dataset, spec.Epochs, spec.ScheduleEpochs, spec.TrainPerClass, spec.Measure = dataset, 2, 2, 9, "every:1"
		spec.Model, spec.Milestones = "cnn", nil // compiles fast
		dir := t.TempDir()
		run := filepath.Join(dir, "run")
		rec, err := train.Run(ctx, spec, train.Options{Out: run, Backend: b})
		if err != nil {
			t.Fatal(err)
		}
		net, err := train.OpenRun(ctx, b, run, "", data.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer net.Close()
		if net.Epoch != 2 || net.Step != 0 || net.Record.Spec.Name != spec.Name {
			t.Errorf("opened at epoch %d, step %d of %q", net.Epoch, net.Step, net.Record.Spec.Name)
		}
		both, test := filepath.Join(dir, "both.npz"), filepath.Join(dir, "test.npz")
		told := 0
		progress := func(done, total int) { told = done * 100 / total }
		writeFeatures(t, net, both, train.FeatureOptions{Progress: progress})
		writeFeatures(t, net, test, train.FeatureOptions{Split: "test"})
		if told != 100 {
			t.Errorf("progress ended at %d %%", told)
		}
		for name, want := range map[string][]int{
			"features": {18, 8}, "labels": {18}, "logits": {18, 2}, "weight": {2, 8}, "bias": {2},
			"test_features": {6, 8}, "test_labels": {6}, "test_logits": {6, 2},
		} {
			if got := shapes(t, both)[name]; !slices.Equal(got, want) {
				t.Errorf("%s has shape %v, want %v", name, got, want)
			}
		}
		checkMeasured(t, both, rec.Last())
		checkCalibrated(t, both, test, rec.Last())

		// The same network from its weights alone, and from those of the checkpoint.
		weights := filepath.Join(dir, "weights.npz")
		if err := train.ExportRun(run, "", weights); err != nil {
			t.Fatal(err)
		}
		with, err := train.OpenWeights(ctx, b, spec, weights, data.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer with.Close()
		again := filepath.Join(dir, "again.npz")
		writeFeatures(t, with, again, train.FeatureOptions{})
		if x, y := read(t, both), read(t, again); x != y {
			t.Error("the file of the same values is another one")
		}
	})
}

func writeFeatures(t *testing.T, net *train.Loaded, path string, o train.FeatureOptions) {
	t.Helper()
	if err := train.WriteFeatures(context.Background(), net.Engine, net.Set, path, o); err != nil {
		t.Fatal(err)
	}
}

// asRecorded compares a number with a record's.
func asRecorded(t *testing.T, what string, got float64, want record.Number) {
	t.Helper()
	if !(math.Abs(got-float64(want)) <= 1e-6) {
		t.Errorf("%s: %v, the record says %v", what, got, want)
	}
}

// checkMeasured compares what collapse measure says of a file with a row.
func checkMeasured(t *testing.T, path string, row *record.Epoch) {
	t.Helper()
	sum, err := ncfiles.Measure(context.Background(), []string{path}, ncfiles.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]record.Number{
		"nc1": row.NC1, "nc2": row.NC2, "nc3": row.NC3, "w_norm": row.WNorm, "h_norm": row.HNorm,
		"ncc_error": row.NCCError, "ncc_test_error": row.NCCTestError, "error": row.TrainError,
	} {
		v, ok := sum.Value(name)
		if !ok {
			t.Errorf("no metric %s", name)
		}
		asRecorded(t, name, v, want)
	}
}

// checkCalibrated compares what collapse calibrate says of a file of both splits, and of one of the
// test split, with a row.
func checkCalibrated(t *testing.T, both, test string, row *record.Epoch) {
	t.Helper()
	calibrated := func(path string, test bool) *calib.Summary {
		t.Helper()
		open := files.Open
		if test {
			open = files.OpenTest
		}
		f, err := open(context.Background(), path, files.Logits)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r, err := calib.Measure(f, calib.Options{Bins: 15, FitAll: true})
		if err != nil {
			t.Fatal(err)
		}
		return r.Summary
	}
	asRecorded(t, "accuracy of the training split", 1-calibrated(both, false).Accuracy, row.TrainError)
	asRecorded(t, "accuracy of the test split", 1-calibrated(both, true).Accuracy, row.TestError)
	a, b := calibrated(both, true), calibrated(test, false)
	if a.NLL != b.NLL || a.ECE != b.ECE {
		t.Errorf("test logits differ: NLL %v and %v", a.NLL, b.NLL)
	}
	if row.Test != nil {
		asRecorded(t, "NLL", b.NLL, row.Test.NLL)
		asRecorded(t, "ECE", b.ECE, row.Test.ECE)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A fault and a cancelled context leave no file behind, and an older one as it was.
func TestFeaturesFaults(t *testing.T) {
	b := backendtest.Go(t)
	e, err := train.NewEngine(b, tinySpec(), tinySet())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	dir := t.TempDir()
	path := filepath.Join(dir, "f.npz")
	if err := os.WriteFile(path, []byte("older"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stop := train.FeatureOptions{Progress: func(int, int) { cancel() }}
	if err := train.WriteFeatures(ctx, e, tinySet(), path, stop); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for _, c := range []struct {
		o    train.FeatureOptions
		want string
	}{
		{train.FeatureOptions{Split: "val"}, "train, test or both"},
		{train.FeatureOptions{Layers: []string{"layer9"}}, "stem, layer1"},
	} {
		if err := train.WriteFeatures(context.Background(), e, tinySet(), path, c.o); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
	}
	state, err := e.State()
	if err != nil {
		t.Fatal(err)
	}
	state.Values[0][0] = float32(math.NaN())
	if err := e.SetState(state); err != nil {
		t.Fatal(err)
	}
	if err := train.WriteFeatures(context.Background(), e, tinySet(), path, train.FeatureOptions{}); !errors.Is(err,
		train.ErrDiverged) {
		t.Errorf("NaN: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || read(t, path) != "older" {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// Layers are those of the network's stages, and the last of a ResNet is its features.
func TestFeatureLayers(t *testing.T) {
	b := backendtest.Go(t)
	e, err := train.NewEngine(b, tinySpec(), tinySet())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	path := filepath.Join(t.TempDir(), "layers.npz")
	o := train.FeatureOptions{Split: "train", Layers: []string{"all", "layer4"}}
	if err := train.WriteFeatures(context.Background(), e, tinySet(), path, o); err != nil {
		t.Fatal(err)
	}
	got := shapes(t, path)
	for name, want := range map[string][]int{
		"features_stem": {22, 1}, "features_layer1": {22, 1}, "features_layer4": {22, 8},
	} {
		if !slices.Equal(got[name], want) {
			t.Errorf("%s has shape %v, want %v", name, got[name], want)
		}
	}
	f, err := npz.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var last [2][]float64
	for i, name := range []string{"features", "features_layer4"} {
		a, err := f.Array(name)
		if err == nil {
			last[i], err = a.Float64s()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range last[0] {
		if math.Abs(last[0][i]-last[1][i]) > 1e-6 {
			t.Fatalf("element %d of the last stage is %v, of the features %v", i, last[1][i], last[0][i])
		}
	}
}
