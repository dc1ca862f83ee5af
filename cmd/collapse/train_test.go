package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/npz"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/record/summary"
	"github.com/gocollapse/collapse/train"
)

// arrays writes 2·n images of two classes as an .npz file and returns the data set's name.
func arrays(t *testing.T, dir string, n int) string {
	t.Helper()
	path := filepath.Join(dir, "images.npz")
	w, err := npz.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"", "test_"} {
		var images []byte
		var labels []int64
		for i := range 2 * n {
			labels = append(labels, int64(i%2))
			for p := range 8 * 8 * 3 {
				images = append(images, byte(60+80*(i%2)+(i*31+p*17)%60))
			}
		}
		for _, err := range []error{
			npz.Write(w, prefix+"images", []int{2 * n, 8, 8, 3}, images),
			npz.Write(w, prefix+"labels", []int{2 * n}, labels),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return "npz:" + path
}

// TestTrainAndAfter trains two seeds under both losses through the command and takes
// features, weights, calibration and summary of them.
func TestTrainAndAfter(t *testing.T) {
	t.Setenv("GOMLX_BACKEND", "go")
	t.Setenv(data.EnvDir, t.TempDir())
	dir := t.TempDir()
	dataset := arrays(t, dir, 10)
	ok := func(args ...string) string {
		t.Helper()
		code, stdout, stderr := call(t, args...)
		if code != 0 {
			t.Fatalf("%v: exit code %d: %s", args, code, stderr)
		}
		return stdout
	}
	common := []string{"train", "--dataset", dataset, "--model", "cnn", "--width", "1", "--batch", "8",
		"--epochs", "2", "--seeds", "1,2", "--jobs", "2"}
	out := ok(append(common, "--out", filepath.Join(dir, "ce"), "--tensorboard", filepath.Join(dir, "tb"))...)
	if !strings.Contains(out, filepath.Join("ce", "seed-2", "record.json")) || !strings.Contains(out, "CE, 2 seeds") {
		t.Errorf("two seeds say:\n%s", out)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "tb", "seed-*", "*")); err != nil || len(files) != 2 {
		t.Errorf("event files %v, %v", files, err)
	}
	ok(append(common, "--out", filepath.Join(dir, "ls"), "--loss", "ls", "--quiet", "--json")...)
	ok("train", "--resume", "--out", filepath.Join(dir, "ls")) // nothing is left to do
	again := append(common, "--out", filepath.Join(dir, "ce"))
	checkRefused(t, "", []refusal{{again, exitInput, "holds a run already"}})

	out = ok("records", "summary", filepath.Join(dir, "ce"), filepath.Join(dir, "ls"))
	if !strings.Contains(out, "LS (δ = 0.05) less CE: paired differences over 2 seeds") ||
		!strings.Contains(out, "Nothing is decided") {
		t.Errorf("summary:\n%s", out)
	}
	var sum summary.Summary
	callJSON(t, &sum, "records", "summary", filepath.Join(dir, "ce"), filepath.Join(dir, "ls"), "--json")
	if len(sum.Groups) != 2 || len(sum.Pairs) != 1 {
		t.Errorf("as JSON: %+v", sum)
	}

	checkAfter(t, filepath.Join(dir, "ce", "seed-1"), dataset, dir)
}

// checkAfter takes features and weights of a run, the first CE run of TestTrainAndAfter, and
// compares what measure and calibrate say of them with the run's record.
func checkAfter(t *testing.T, run, dataset, dir string) {
	t.Helper()
	rec, err := record.ReadFile(run)
	if err != nil {
		t.Fatal(err)
	}
	if rec.Spec.Name != "images-cnn-w1-ce-s1" || rec.Spec.Seed != 1 {
		t.Errorf("name %q, seed %d", rec.Spec.Name, rec.Spec.Seed)
	}
	ok := func(args ...string) {
		t.Helper()
		if code, _, stderr := call(t, args...); code != 0 {
			t.Fatalf("%v: exit code %d: %s", args, code, stderr)
		}
	}
	file, weights := filepath.Join(dir, "f.npz"), filepath.Join(dir, "w.safetensors")
	ok("features", "--run", run, "--out", file)
	var measured struct {
		NC1          float64
		NCCTestError float64 `json:"ncc_test_error"`
	}
	callJSON(t, &measured, "measure", "--features", file, "--json")
	row := rec.Last()
	if math.Abs(measured.NC1-float64(row.NC1)) > 1e-6 || measured.NCCTestError != float64(row.NCCTestError) {
		t.Errorf("measured %+v, the record's last row says NC1 %v, NCC test error %v",
			measured, row.NC1, row.NCCTestError)
	}
	var calibrated struct{ Accuracy float64 }
	callJSON(t, &calibrated, "calibrate", "--logits", file, "--split", "test", "--json")
	if got, want := 1-calibrated.Accuracy, float64(rec.Last().TestError); math.Abs(got-want) > 1e-6 {
		t.Errorf("test error %v, the record says %v", got, want)
	}
	ok("weights", "--run", run, "--out", weights)
	again := filepath.Join(dir, "g.npz")
	ok("features", "--weights", weights, "--dataset", dataset, "--model", "cnn", "--width", "1", "--out", again)
	a, errA := os.ReadFile(file)
	b, errB := os.ReadFile(again)
	if errA != nil || errB != nil || string(a) != string(b) {
		t.Errorf("features of the exported weights differ: %v, %v", errA, errB)
	}
}

// TestLiveEvents: an event file is there after a measured row, while the run goes on.
func TestLiveEvents(t *testing.T) {
	dir := t.TempDir()
	rec := &record.Record{
		Format: record.Format, Version: record.Version, Spec: record.DefaultSpec().Resolve(), Status: record.Running,
		Epochs: []record.Epoch{{Epoch: 1}},
	}
	one, more := filepath.Join(dir, "one"), train.SeedFolder(filepath.Join(dir, "more"), rec.Spec.Seed)
	for _, out := range []string{one, more} {
		if err := os.MkdirAll(out, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := rec.WriteFile(filepath.Join(out, train.RecordFile)); err != nil {
			t.Fatal(err)
		}
	}
	o := trainOptions{tensorboard: filepath.Join(dir, "tb")}
	files := func() []string {
		f, err := filepath.Glob(filepath.Join(dir, "tb*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	o.live(false, one, train.Event{Epoch: 1, Step: 1})
	if f := files(); f != nil {
		t.Errorf("a step wrote %v", f)
	}
	o.live(false, one, train.Event{Epoch: 1, Row: &rec.Epochs[0]})
	o.live(true, more, train.Event{Epoch: 1, Row: &rec.Epochs[0]})
	if f := files(); len(f) != 2 {
		t.Errorf("event files %v", f)
	}
}
