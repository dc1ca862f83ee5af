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
	"github.com/gocollapse/collapse/nc/measure"
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
		rec, err := train.Run(context.Background(), spec, train.Options{Out: filepath.Join(t.TempDir(), "run"), Set: tinySet(), Backend: b})
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

		e, err := train.NewEngine(b, spec, set)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		c, _, err := train.ReadCheckpoint(filepath.Join(out, train.CheckpointFile), e.Network)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.SetState(&c.State); err != nil {
			t.Fatal(err)
		}
		clf, err := e.Classifier()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "features.npz")
		w, err := npz.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		logits := make([][]float32, 2)
		labels := [][]int32{set.Train.Labels, set.Test.Labels}
		for i, prefix := range []string{"", "test_"} {
			var features []float32
			err := e.Evaluate(ctx, train.Look{Test: i == 1}, func(b *train.Batch) error {
				features = append(features, b.Features...)
				logits[i] = append(logits[i], b.Logits...)
				return nil
			})
			err = errors.Join(err, npz.Write(w, prefix+"features", []int{len(labels[i]), clf.D}, features), npz.Write(w, prefix+"labels", []int{len(labels[i])}, labels[i]))
			if err != nil {
				t.Fatal(err)
			}
		}
		err = errors.Join(npz.Write(w, "weight", []int{clf.K, clf.D}, clf.W), npz.Write(w, "bias", []int{clf.K}, clf.B), w.Close())
		if err != nil {
			t.Fatal(err)
		}
		sum, err := measure.Files(ctx, []string{path}, measure.Options{Outcomes: true})
		if err != nil {
			t.Fatal(err)
		}
		near := func(what string, got record.Number, want float64) {
			t.Helper()
			if g := float64(got); !(math.Abs(g-want) <= 1e-12*(1+math.Abs(want))) && !(math.IsNaN(g) && math.IsNaN(want)) {
				t.Errorf("%s is %v, want %v", what, g, want)
			}
		}
		near("nc1", row.NC1, sum.NC1)
		near("nc2", row.NC2, sum.NC2)
		near("nc3", row.NC3, sum.NC3)
		near("nc2_w", row.NC2W, sum.NC2W)
		near("nc2_h", row.NC2H, sum.NC2H)
		near("nc4", row.NC4, sum.NC4)
		near("cdnv", row.CDNV, sum.CDNV)
		near("w_norm", row.WNorm, sum.WNorm)
		near("h_norm", row.HNorm, sum.HNorm)
		near("ncc_error", row.NCCError, sum.NCCError)
		near("ncc_test_error", row.NCCTestError, sum.NCCTestError)
		near("test_nc1", row.TestNC1, sum.Test.NC1)
		near("test_nc2", row.TestNC2, sum.Test.NC2)
		near("test_nc3", row.TestNC3, sum.Test.NC3)
		for i, side := range []struct {
			name string
			c    *record.Calibration
			err  record.Number
			sum  *nc.Summary
		}{{"train", row.Train, row.TrainError, sum}, {"test", row.Test, row.TestError, sum.Test}} {
			src, err := calib.Slice32(logits[i], labels[i], clf.K)
			if err != nil {
				t.Fatal(err)
			}
			r, err := calib.Measure(src, calib.Options{FitAll: true, Bins: 15})
			if err != nil {
				t.Fatal(err)
			}
			near(side.name+" nll", side.c.NLL, r.NLL)
			near(side.name+" ece", side.c.ECE, r.ECE)
			near(side.name+" brier", side.c.Brier, r.Brier)
			near(side.name+" entropy", side.c.Entropy, r.Entropy)
			near(side.name+" confidence", side.c.Confidence, r.Confidence)
			near(side.name+" error", side.err, 1-r.Accuracy)
			for _, o := range []struct {
				name string
				got  record.Outcome
				want calib.Outcome
				nc   *nc.Summary
			}{{"correct", side.c.Correct, r.Correct, side.sum.Correct}, {"wrong", side.c.Wrong, r.Wrong, side.sum.Wrong}} {
				what := side.name + " " + o.name
				if int64(o.got.N) != o.want.N {
					t.Errorf("%s: %d samples, want %d", what, o.got.N, o.want.N)
				}
				near(what+" nll", o.got.NLL, o.want.Loss)
				near(what+" entropy", o.got.Entropy, o.want.Entropy)
				near(what+" confidence", o.got.Confidence, o.want.Confidence)
				nc1 := math.NaN()
				if o.nc != nil {
					nc1 = o.nc.NC1
				}
				near(what+" nc1", o.got.NC1, nc1)
				if field := side.name + "_calibration." + o.name; math.IsNaN(nc1) && row.Notes[field] == "" && row.Notes[field+".nc1"] == "" {
					t.Errorf("%s: NC1 is null and no note says why: %v", what, row.Notes)
				}
			}
		}
		// The test logits are those of the end.
		if f := rec.TestLogits; f == nil || f.Name != train.LogitsFile {
			t.Fatalf("test logits %+v", f)
		}
		bytes, err := os.ReadFile(filepath.Join(out, train.LogitsFile))
		if err != nil || int64(len(bytes)) != rec.TestLogits.Size || train.Hash(bytes) != rec.TestLogits.SHA256 {
			t.Errorf("the test logits' size or hash is not the record's: %v", err)
		}
		src, err := files.Open(ctx, filepath.Join(out, train.LogitsFile), false)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		s, err := calib.Summarise(src, 15)
		if err != nil {
			t.Fatal(err)
		}
		near("ece of the test logits", row.Test.ECE, s.ECE)
	})
}

// Where the features are too many to keep, the figures are the same.
func TestStreamed(t *testing.T) {
	b := backendtest.Go(t)
	run := func() string {
		spec := tinySpec()
		spec.Epochs = 2
		rec, err := train.Run(context.Background(), spec, train.Options{Out: filepath.Join(t.TempDir(), "run"), Set: tinySet(), Backend: b})
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
	rec, err := train.Run(context.Background(), spec, train.Options{Out: filepath.Join(t.TempDir(), "run"), Set: set, Backend: backendtest.Go(t)})
	if err != nil {
		t.Fatal(err)
	}
	row := rec.Last()
	if !math.IsNaN(float64(row.TestNC1)) || !strings.Contains(row.Notes["test_nc1"], "class 1") || math.IsNaN(float64(row.NCCTestError)) || row.Test == nil {
		t.Errorf("test NC1 %v, NCC test error %v, notes %v", row.TestNC1, row.NCCTestError, row.Notes)
	}
}

// A run that diverges says where, names the last checkpoint and leaves it as it was.
func TestDivergedLater(t *testing.T) {
	b, out := backendtest.Go(t), filepath.Join(t.TempDir(), "run")
	spec := tinySpec()
	spec.Rate, spec.Decay, spec.Momentum, spec.Epochs, spec.Milestones = 3, 1, 0, 50, nil // weights double with each step
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
	if rerr != nil || onDisk.Status != record.Failed || !strings.Contains(onDisk.Failure, "epoch") || strings.Contains(onDisk.Failure, "train:") {
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
		if err := errors.Join(npz.Write(w, s.prefix+"images", []int{n, 8, 8, 3}, s.Images), npz.Write(w, s.prefix+"labels", []int{n}, s.Labels)); err != nil {
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
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
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
	rec, err := train.Run(context.Background(), spec, train.Options{Out: out, Set: tinySet(), Backend: backendtest.Go(t)})
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
