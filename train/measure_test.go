package train_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/calib/files"
	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/nc"
	ncfiles "github.com/gocollapse/collapse/nc/files"
	"github.com/gocollapse/collapse/npz"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
)

// Measuring does not touch the training: rows stand at the epochs that are asked for
// and nowhere else, and are those of a run that is measured after every epoch.
func TestSparseRows(t *testing.T) {
	b := backendtest.Go(t)
	run := func(rule string) *record.Record {
		spec := sparseSpec()
		spec.Measure = rule
		rec, err := train.Run(context.Background(), spec, train.Options{Out: filepath.Join(t.TempDir(), "run"),
			Set: tinySet(), Backend: b})
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
	all, sparse := run("every:1"), run("1,3")
	var epochs []int
	for _, row := range sparse.Epochs {
		epochs = append(epochs, row.Epoch)
	}
	if !slices.Equal(epochs, []int{1, 3, 5}) {
		t.Errorf("rows of epochs %v, want 1, 3 and 5", epochs)
	}
	all.Epochs = slices.DeleteFunc(all.Epochs, func(e record.Epoch) bool { return !slices.Contains(epochs, e.Epoch) })
	if g, w := rows(t, sparse), rows(t, all); g != w {
		t.Errorf("rows differ from those of a run that is measured always:\n%s\n%s", g, w)
	}
}

// A row holds what collapse measure and collapse calibrate give of the features,
// weights and logits that the network has.
func TestRow(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		ctx, out, set := context.Background(), filepath.Join(t.TempDir(), "run"), tinySet()
		spec := tinySpec()
		spec.Rate = 0.01 // slow enough for wrong samples of each class
		rec, err := train.Run(ctx, spec, train.Options{Out: out, Set: set, Backend: b})
		if err != nil {
			t.Fatal(err)
		}
		row := rec.Last()
		path := filepath.Join(t.TempDir(), "features.npz")
		logits := exportCheckpoint(t, b, spec, set, out, path)
		sum, err := ncfiles.Measure(ctx, []string{path}, ncfiles.Options{Outcomes: true})
		if err != nil {
			t.Fatal(err)
		}
		checkCollapse(t, row, sum)
		checkCalibration(t, row, "train", row.TrainError, row.Train, logits[0], set.Train.Labels, sum)
		checkCalibration(t, row, "test", row.TestError, row.Test, logits[1], set.Test.Labels, sum.Test)
		checkTestLogits(t, rec, out)
	})
}

// exportCheckpoint writes what the network of a run's checkpoint computes of both splits to
// a file that collapse measure reads, and returns the logits of both.
func exportCheckpoint(t *testing.T, b compute.Backend, spec record.Spec, set *data.Set, out,
	path string) (logits [2][]float32) {
	t.Helper()
	e, err := train.NewEngine(b, spec, set)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	c, _, err := train.ReadCheckpoint(filepath.Join(out, train.CheckpointFile), e.Network)
	if err == nil {
		err = e.SetState(&c.State)
	}
	if err != nil {
		t.Fatal(err)
	}
	clf, err := e.Classifier()
	if err != nil {
		t.Fatal(err)
	}
	w, err := npz.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	labels := [2][]int32{set.Train.Labels, set.Test.Labels}
	for i, prefix := range []string{"", "test_"} {
		var features []float32
		err := e.Evaluate(context.Background(), train.EvaluateOptions{Test: i == 1}, func(b *train.Batch) error {
			features = append(features, b.Features...)
			logits[i] = append(logits[i], b.Logits...)
			return nil
		})
		err = errors.Join(err, npz.Write(w, prefix+"features", []int{len(labels[i]), clf.D}, features),
			npz.Write(w, prefix+"labels", []int{len(labels[i])}, labels[i]))
		if err != nil {
			t.Fatal(err)
		}
	}
	err = errors.Join(npz.Write(w, "weight", []int{clf.K, clf.D}, clf.W), npz.Write(w, "bias", []int{clf.K},
		clf.B), w.Close())
	if err != nil {
		t.Fatal(err)
	}
	return logits
}

// isNear compares a number of a row with what it should be, to rounding.
func isNear(t *testing.T, what string, got record.Number, want float64) {
	t.Helper()
	if g := float64(got); !(math.Abs(g-want) <= 1e-12*(1+math.Abs(want))) && !(math.IsNaN(g) && math.IsNaN(want)) {
		t.Errorf("%s is %v, want %v", what, g, want)
	}
}

// checkCollapse compares a row with the metrics of the features.
func checkCollapse(t *testing.T, row *record.Epoch, sum *nc.Summary) {
	t.Helper()
	for _, m := range record.Metrics() {
		if m.NC == "" {
			continue
		}
		want, ok := sum.Value(m.NC)
		if !ok {
			t.Errorf("%s is filled by %q, which nc does not measure", m.Key, m.NC)
		}
		isNear(t, m.Key, record.Number(m.Value(row)), want)
	}
	isNear(t, "ncc_test_error", row.NCCTestError, sum.NCCTestError)
	isNear(t, "test_nc1", row.TestNC1, sum.Test.NC1)
	isNear(t, "test_nc2", row.TestNC2, sum.Test.NC2)
	isNear(t, "test_nc3", row.TestNC3, sum.Test.NC3)
}

// checkCalibration compares the calibration of a split, train or test, with that of its
// logits, and NC1 of correct and wrong samples with sum's.
func checkCalibration(t *testing.T, row *record.Epoch, split string, rowError record.Number, c *record.Calibration,
	logits []float32, labels []int32, sum *nc.Summary) {
	t.Helper()
	src, err := calib.Slice32(logits, labels, sum.K)
	if err != nil {
		t.Fatal(err)
	}
	r, err := calib.Measure(src, calib.Options{FitAll: true, Bins: 15})
	if err != nil {
		t.Fatal(err)
	}
	isNear(t, split+" nll", c.NLL, r.NLL)
	isNear(t, split+" ece", c.ECE, r.ECE)
	isNear(t, split+" brier", c.Brier, r.Brier)
	isNear(t, split+" entropy", c.Entropy, r.Entropy)
	isNear(t, split+" confidence", c.Confidence, r.Confidence)
	isNear(t, split+" error", rowError, 1-r.Accuracy)
	for _, o := range []struct {
		name string
		got  record.Outcome
		want calib.Outcome
		nc   *nc.Summary
	}{{"correct", c.Correct, r.Correct, sum.Correct}, {"wrong", c.Wrong, r.Wrong, sum.Wrong}} {
		what := split + " " + o.name
		if int64(o.got.N) != o.want.N {
			t.Errorf("%s: %d samples, want %d", what, o.got.N, o.want.N)
		}
		isNear(t, what+" nll", o.got.NLL, o.want.Loss)
		isNear(t, what+" entropy", o.got.Entropy, o.want.Entropy)
		isNear(t, what+" confidence", o.got.Confidence, o.want.Confidence)
		nc1 := math.NaN()
		if o.nc != nil {
			nc1 = o.nc.NC1
		}
		isNear(t, what+" nc1", o.got.NC1, nc1)
		field := split + "_calibration." + o.name
		if math.IsNaN(nc1) && row.Notes[field] == "" && row.Notes[field+".nc1"] == "" {
			t.Errorf("%s: NC1 is null and no note says why: %v", what, row.Notes)
		}
	}
}

// checkTestLogits compares the file of test logits with the record and its last row.
func checkTestLogits(t *testing.T, rec *record.Record, out string) {
	t.Helper()
	if f := rec.TestLogits; f == nil || f.Name != train.LogitsFile {
		t.Fatalf("test logits %+v", f)
	}
	path := filepath.Join(out, train.LogitsFile)
	bytes, err := os.ReadFile(path)
	if err != nil || int64(len(bytes)) != rec.TestLogits.Size || train.Hash(bytes) != rec.TestLogits.SHA256 {
		t.Errorf("the test logits' size or hash is not the record's: %v", err)
	}
	src, err := files.Open(context.Background(), path, files.Logits)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	s, err := calib.Summarise(src, 15)
	if err != nil {
		t.Fatal(err)
	}
	isNear(t, "ece of the test logits", rec.Last().Test.ECE, s.ECE)
}

// Where the features are too many to keep, the figures are the same.
func TestStreamed(t *testing.T) {
	b := backendtest.Go(t)
	run := func() string {
		spec := tinySpec()
		spec.Epochs = 2
		rec, err := train.Run(context.Background(), spec, train.Options{Out: filepath.Join(t.TempDir(), "run"),
			Set: tinySet(), Backend: b})
		if err != nil {
			t.Fatal(err)
		}
		return rows(t, rec)
	}
	kept := run()
	defer train.SetKeepBytes(0)()
	if streamed := run(); streamed != kept {
		t.Errorf("streamed:\n%s\nkept:\n%s", streamed, kept)
	}
}

// A class without test images makes the test figures null, with the reason.
func TestNoTestImagesOfAClass(t *testing.T) {
	set := tinySet()
	pixels := 8 * 8 * 3
	set.Test = data.Split{Images: set.Test.Images[:pixels], Labels: set.Test.Labels[:1]}
	spec := tinySpec()
	spec.Epochs = 1
	rec, err := train.Run(context.Background(), spec, train.Options{Out: filepath.Join(t.TempDir(), "run"), Set: set,
		Backend: backendtest.Go(t)})
	if err != nil {
		t.Fatal(err)
	}
	row := rec.Last()
	if !math.IsNaN(float64(row.TestNC1)) || !strings.Contains(row.Notes["test_nc1"], "class 1") ||
		math.IsNaN(float64(row.NCCTestError)) || row.Test == nil {
		t.Errorf("test NC1 %v, NCC test error %v, notes %v", row.TestNC1, row.NCCTestError, row.Notes)
	}
}

// A run that diverges says where, names the last checkpoint and leaves it as it was.
func TestDivergedLater(t *testing.T) {
	b, out := backendtest.Go(t), filepath.Join(t.TempDir(), "run")
	spec := tinySpec()
	// weights double with each step
	spec.Rate, spec.Decay, spec.Momentum, spec.Epochs, spec.Milestones = 3, 1, 0, 50, nil
	var good []byte
	path := filepath.Join(out, train.CheckpointFile)
	o := train.Options{Out: out, Set: tinySet(), Backend: b, Progress: func(e train.Event) {
		if e.Row != nil {
			good, _ = os.ReadFile(path)
		}
	}}
	rec, err := train.Run(context.Background(), spec, o)
	if !errors.Is(err, train.ErrDiverged) || len(rec.Epochs) == 0 {
		t.Fatalf("error %v with %d rows, want ErrDiverged after some epochs", err, len(rec.Epochs))
	}
	says(t, err, "rate 3", "epoch", "step", path, fmt.Sprintf("(epoch %d, step 0)", rec.Checkpoint.Epoch), "lower rate")
	now, rerr := os.ReadFile(path)
	if rerr != nil || string(now) != string(good) {
		t.Errorf("the last good checkpoint did not survive: %v", rerr)
	}
	onDisk, rerr := record.ReadFile(out)
	if rerr != nil || onDisk.Status != record.Failed || !strings.Contains(onDisk.Failure, "epoch") ||
		strings.Contains(onDisk.Failure, "train:") {
		t.Errorf("record: %v, status %s, failure %q", rerr, onDisk.Status, onDisk.Failure)
	}
	var log strings.Builder
	o.Resume, o.Log, o.Progress = true, &log, nil
	if _, err := train.Run(context.Background(), spec, o); !errors.Is(err, train.ErrDiverged) {
		t.Errorf("resuming gave %v", err)
	}
	if !strings.Contains(log.String(), "diverged after this checkpoint") {
		t.Errorf("the log does not say so:\n%s", log.String())
	}
}

// The images are reduced, unbalanced and relabelled as the specification says, also
// those of one's own.
func TestPreparedSet(t *testing.T) {
	ctx, b := context.Background(), backendtest.Go(t)
	path := filepath.Join(t.TempDir(), "images.npz")
	set := tinySet()
	w, err := npz.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		prefix string
		data.Split
	}{{"", set.Train}, {"test_", set.Test}} {
		n := len(s.Labels)
		if err := errors.Join(npz.Write(w, s.prefix+"images", []int{n, 8, 8, 3}, s.Images), npz.Write(w, s.prefix+
			"labels", []int{n}, s.Labels)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	t.Setenv(data.EnvDir, t.TempDir())
	spec := tinySpec()
	spec.Epochs, spec.Dataset, spec.TrainPerClass, spec.LongTail, spec.Corrupt = 1, "npz:"+path, 8, 2, 0.25
	rec, err := train.Run(ctx, spec, train.Options{Out: filepath.Join(t.TempDir(), "run"), Backend: b})
	if err != nil {
		t.Fatal(err)
	}
	if rec.Data.Train != 12 || rec.Data.Name != spec.Dataset || rec.Model.Classes != 2 { // 8 and 4
		t.Errorf("trained on %d images of %s", rec.Data.Train, rec.Data.Name)
	}
	says(t, errors.New(rec.Data.Preparation), "8 training images of each class", "long tail", "3 of 12 training labels")

	spec.Batch = 13
	_, err = train.Run(ctx, spec, train.Options{Out: filepath.Join(t.TempDir(), "run"), Backend: b})
	says(t, err, "batch: 13", "12 training images")
}

// Too little disk or memory is said before the start, with both figures.
func TestLimits(t *testing.T) {
	b, out := backendtest.Go(t), filepath.Join(t.TempDir(), "none", "run")
	spec := tinySpec()
	spec.Epochs = 1_000_000
	spec.ScheduleEpochs = spec.Epochs
	o := train.Options{Out: out, Set: tinySet(), Backend: b}
	for epoch := range spec.Epochs {
		o.KeepEpochs = append(o.KeepEpochs, epoch+1)
	}
	free, err := train.FreeBytes(filepath.Dir(filepath.Dir(out)))
	if err != nil {
		t.Skipf("the free bytes of a disk are not known here: %v", err)
	}
	if free < 200<<30 {
		_, err = train.Run(context.Background(), spec, o)
		says(t, err, "GiB more in "+out, "free", "fewer than 1000000 checkpoints", "force")
		if _, err := os.Stat(filepath.Dir(out)); err == nil {
			t.Error("a folder was made")
		}
	}

	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text),
			0o666)); err != nil {
			t.Fatal(err)
		}
	}
	memory := func(want int64) {
		t.Helper()
		if got, err := train.FreeMemory(root); err != nil || got != want {
			t.Errorf("free memory %d, %v, want %d", got, err, want)
		}
	}
	if _, err := train.FreeMemory(root); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("without /proc: %v", err)
	}
	write("proc/meminfo", "MemTotal: 9000 kB\nMemAvailable:    8000 kB\n")
	memory(8000 << 10)
	write("proc/self/cgroup", "0::/job/step\n")
	write("sys/fs/cgroup/job/memory.max", "5000000\n")
	write("sys/fs/cgroup/job/memory.current", "3000000\n")
	write("sys/fs/cgroup/job/memory.stat", "anon 5\ninactive_file 1000\n")
	write("sys/fs/cgroup/job/step/memory.max", "max\n")
	memory(2001000)
	write("proc/self/cgroup", "4:cpu:/x\n5:memory:/elsewhere\n")
	write("sys/fs/cgroup/memory/memory.limit_in_bytes", "700000\n")
	write("sys/fs/cgroup/memory/memory.usage_in_bytes", "600000\n")
	memory(100000)
	says(t, train.EnoughMemory(spec, 1<<60), "GiB of memory", "available", "batch than 8", "width 1", "force")
	if err := train.EnoughMemory(spec, 1); err != nil {
		t.Error(err)
	}
}

// A record without the new figures reads as not measured; one with them reads back.
func TestRecordReadsBack(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	spec := tinySpec()
	spec.Epochs = 1
	rec, err := train.Run(context.Background(), spec, train.Options{Out: out, Set: tinySet(),
		Backend: backendtest.Go(t)})
	if err != nil {
		t.Fatal(err)
	}
	back, err := record.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(rec)
	c, _ := json.Marshal(back)
	if !reflect.DeepEqual(a, c) {
		t.Errorf("written\n%s\nread\n%s", a, c)
	}
}
