package train_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gomlx/compute"

	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/models"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
	"github.com/gocollapse/collapse/train/safetensors"
)

// copyFolder copies the files of a run's folder into a new one.
func copyFolder(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

func says(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", words)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

// begunRun trains into a folder that it returns, and stops in the middle of the second epoch.
func begunRun(t *testing.T, b compute.Backend) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "begun")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, err := train.Run(ctx, tinySpec(),
		train.Options{Out: out, Set: tinySet(), Backend: b, Progress: stopAt(2, 2, cancel)})
	if !errors.Is(err, train.ErrStopped) {
		t.Fatal(err)
	}
	return out
}

// flipped returns bytes with one bit changed.
func flipped(good []byte, bit int) []byte {
	bad := slices.Clone(good)
	bad[bit/8] ^= 1 << (bit % 8)
	return bad
}

// No change of a checkpoint's file is taken for a checkpoint.
func TestDamagedCheckpointIsRefused(t *testing.T) {
	newest := filepath.Join(begunRun(t, backendtest.Go(t)), train.CheckpointFile)
	good := []byte(read(t, newest))
	net, err := models.New("resnet18", 1, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := train.ReadCheckpoint(newest, net); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "bad.safetensors")
	refused := func(what string, bad []byte) {
		t.Helper()
		if err := os.WriteFile(path, bad, 0o666); err != nil {
			t.Fatal(err)
		}
		if _, _, err := train.ReadCheckpoint(path, net); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one that names the file", what, err)
		}
	}
	rng := rand.New(rand.NewPCG(5, 5))
	for range 400 {
		i := rng.IntN(8 * len(good))
		refused(fmt.Sprintf("bit %d flipped", i), flipped(good, i))
	}
	for i := range 8 * 80 { // the header's length and beginning
		refused(fmt.Sprintf("bit %d flipped", i), flipped(good, i))
	}
	for _, key := range []string{`"checksum"`, `"version"`, `"epoch"`} {
		at := bytes.Index(good, []byte(key))
		for i := 8 * at; i < 8*(at+len(key)+5); i++ {
			refused(fmt.Sprintf("bit %d of %s flipped", i-8*at, key), flipped(good, i))
		}
	}
	for _, n := range []int{0, 1, 7, 8, 9, 1000, len(good) / 2, len(good) - 4, len(good) - 1} {
		refused(fmt.Sprintf("cut to %d bytes", n), good[:n])
	}
	refused("four bytes more", append(slices.Clone(good), 0, 0, 0, 0))
}

// A newest checkpoint that is torn or has a wrong bit is noticed, reported and
// replaced by the one before; the run ends at a straight run's numbers.
func TestDamagedCheckpoint(t *testing.T) {
	ctx, b := context.Background(), backendtest.Go(t)
	whole, err := train.Run(ctx, tinySpec(),
		train.Options{Out: filepath.Join(t.TempDir(), "straight"), Set: tinySet(), Backend: b})
	if err != nil {
		t.Fatal(err)
	}
	want, begun := rows(t, whole), begunRun(t, b)
	newest := func(dir string) string { return filepath.Join(dir, train.CheckpointFile) }
	good := []byte(read(t, newest(begun)))
	checksum := bytes.Index(good, []byte(`"checksum":"`))
	for name, bad := range map[string][]byte{
		"empty": {}, "torn": good[:len(good)/3], "one byte short": good[:len(good)-1],
		"bit in the values": flipped(good, 8*len(good)-77), "bit in the checksum": flipped(good, 8*(checksum+20)),
	} {
		t.Run(name, func(t *testing.T) {
			out := copyFolder(t, begun)
			if err := os.WriteFile(newest(out), bad, 0o666); err != nil {
				t.Fatal(err)
			}
			var log strings.Builder
			rec, err := train.Run(ctx, tinySpec(),
				train.Options{Out: out, Set: tinySet(), Backend: b, Resume: true, Log: &log})
			if err != nil {
				t.Fatal(err)
			}
			if got := rows(t, rec); got != want {
				t.Errorf("rows differ from a straight run's:\n%s\n%s", got, want)
			}
			if text := log.String(); !strings.Contains(text, newest(out)) || !strings.Contains(text, "damaged") ||
				!strings.Contains(text, "going on from "+train.PreviousFile+": 1 complete epochs") {
				t.Errorf("the log does not say what happened:\n%s", text)
			}
			if kept, err := os.ReadFile(filepath.Join(out, train.DamagedFile)); err != nil || !bytes.Equal(kept, bad) {
				t.Errorf("the damaged file was not kept: %v", err)
			}
		})
	}

	// Both damaged: nothing is overwritten, and the error names both.
	out := copyFolder(t, begun)
	for _, name := range []string{train.CheckpointFile, train.PreviousFile} {
		if err := os.WriteFile(filepath.Join(out, name), good[:100], 0o666); err != nil {
			t.Fatal(err)
		}
	}
	_, err = train.Run(ctx, tinySpec(), train.Options{Out: out, Set: tinySet(), Backend: b, Resume: true})
	says(t, err, newest(out), filepath.Join(out, train.PreviousFile), "damaged", "checkpoint-epoch-N")
}

// Checkpoints of before the checksum are read, and verified by the record's hash.
func TestOlderCheckpoint(t *testing.T) {
	ctx, b := context.Background(), backendtest.Go(t)
	out, spec := filepath.Join(t.TempDir(), "run"), tinySpec()
	spec.Epochs = 1
	o := train.Options{Out: out, Set: tinySet(), Backend: b}
	if _, err := train.Run(ctx, spec, o); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(out, train.CheckpointFile)
	f, err := safetensors.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	delete(f.Metadata, "version")
	delete(f.Metadata, "checksum")
	old, err := f.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	rec, err := record.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	rec.Checkpoint.SHA256 = train.Hash(old)
	if err := rec.WriteFile(filepath.Join(out, train.RecordFile)); err != nil {
		t.Fatal(err)
	}
	o.Resume, spec.Epochs = true, 2
	bad := slices.Clone(old)
	bad[len(bad)-9] ^= 4
	if err := os.WriteFile(path, bad, 0o666); err != nil {
		t.Fatal(err)
	}
	_, err = train.Run(ctx, spec, o)
	says(t, err, path, "damaged", train.Hash(bad), train.Hash(old))
	if err := os.WriteFile(path, old, 0o666); err != nil {
		t.Fatal(err)
	}
	if rec, err = train.Run(ctx, spec, o); err != nil || len(rec.Epochs) != 2 {
		t.Errorf("the older checkpoint was not resumed from: %v", err)
	}
	f.Metadata["version"] = "3"
	newer, err := f.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, newer, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(out, train.PreviousFile)); err != nil {
		t.Fatal(err)
	}
	_, err = train.Run(ctx, spec, o)
	says(t, err, path, "no checksum") // a version 3 without one is damaged
}

// A checkpoint that was kept takes the run back to its epoch.
func TestKeptCheckpoint(t *testing.T) {
	ctx, b := context.Background(), backendtest.Go(t)
	out := filepath.Join(t.TempDir(), "run")
	o := train.Options{Out: out, Set: tinySet(), Backend: b, KeepEpochs: []int{1, 3}}
	whole, err := train.Run(ctx, tinySpec(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, epoch := range []int{1, 3} {
		if _, err := os.Stat(filepath.Join(out, train.KeptFile(epoch))); err != nil {
			t.Error(err)
		}
	}
	if err := os.Rename(filepath.Join(out, train.KeptFile(1)), filepath.Join(out, train.CheckpointFile)); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	o.Resume, o.Log = true, &log
	rec, err := train.Run(ctx, tinySpec(), o)
	if err != nil || rows(t, rec) != rows(t, whole) {
		t.Errorf("going on from epoch 1 gave %v, or other rows", err)
	}
	if !strings.Contains(log.String(), "(epoch 1, step 0) is not the checkpoint that the record names (epoch 3,"+
		" step 0)") {
		t.Errorf("the log does not say so:\n%s", log.String())
	}
	if _, err := os.Stat(filepath.Join(out, train.KeptFile(1))); err != nil {
		t.Error("the kept checkpoint was not made anew")
	}
	o.KeepEpochs = []int{4}
	_, err = train.Run(ctx, tinySpec(), o)
	says(t, err, "epoch 4", "1 to 3")
}

// Each field that may not change is named with both values; the others may change.
func TestOtherSpecification(t *testing.T) {
	ctx, b := context.Background(), backendtest.Go(t)
	out, spec := filepath.Join(t.TempDir(), "run"), tinySpec()
	spec.Epochs = 1
	if _, err := train.Run(ctx, spec, train.Options{Out: out, Set: tinySet(), Backend: b}); err != nil {
		t.Fatal(err)
	}
	o := train.Options{Out: out, Set: tinySet(), Backend: b, Resume: true}
	other := spec
	other.Rate, other.Batch, other.Seed, other.Milestones = 0.5, 9, 7, []int{1, 2}
	_, err := train.Run(ctx, other, o)
	says(t, err, "rate is 0.05 there and 0.5 here", "batch is 8 there and 9 here", "seed is 2021 there and 7 here",
		"milestones is [2] there and [1 2] here", "name, epochs, schedule_epochs and measure may change")
	if strings.Contains(err.Error(), "width") {
		t.Errorf("error %q names what is the same", err)
	}
	allowed := spec
	allowed.Name, allowed.Epochs, allowed.ScheduleEpochs, allowed.Measure = "other", 3, 900, "every:2"
	rec, err := train.Run(ctx, allowed, o)
	if err != nil {
		t.Fatal(err)
	}
	if rec.Spec.Name != "other" || len(rec.Epochs) != 3 || rec.Status != record.Finished {
		t.Errorf("resumed with other epochs: %s, %d rows, %s", rec.Spec.Name, len(rec.Epochs), rec.Status)
	}
	fewer := allowed
	fewer.Epochs = 2
	_, err = train.Run(ctx, fewer, o)
	says(t, err, "3 complete epochs", "asks for 2")

	// Of a cosine the length makes the rates.
	cosine := spec
	cosine.Schedule, cosine.Milestones, cosine.ScheduleEpochs = "cosine", nil, 5
	out = filepath.Join(t.TempDir(), "cosine")
	if _, err := train.Run(ctx, cosine, train.Options{Out: out, Set: tinySet(), Backend: b}); err != nil {
		t.Fatal(err)
	}
	cosine.ScheduleEpochs = 6
	_, err = train.Run(ctx, cosine, train.Options{Out: out, Set: tinySet(), Backend: b, Resume: true})
	says(t, err, "schedule_epochs is 5 there and 6 here", "name, epochs and measure may change")

	// Other images under the same name.
	set := tinySet()
	set.Info.Files = []record.File{{Name: "other.bin", SHA256: "1"}}
	cosine.ScheduleEpochs = 5
	_, err = train.Run(ctx, cosine, train.Options{Out: out, Set: set, Backend: b, Resume: true})
	says(t, err, "other images", "other.bin")
}

// A run that is cut short at an epoch that was not measured is measured there.
func TestCutShort(t *testing.T) {
	b := backendtest.Go(t)
	out, spec := filepath.Join(t.TempDir(), "run"), tinySpec()
	spec.Epochs, spec.Measure = 5, "1"
	ctx, cancel := context.WithCancel(context.Background())
	o := train.Options{Out: out, Set: tinySet(), Backend: b, Progress: func(e train.Event) {
		if e.Epoch == 3 && e.Step == e.Steps {
			cancel()
		}
	}}
	if _, err := train.Run(ctx, spec, o); !errors.Is(err, train.ErrStopped) {
		t.Fatal(err)
	}
	spec.Epochs, o.Resume = 3, true
	rec, err := train.Run(context.Background(), spec, o)
	if err != nil {
		t.Fatal(err)
	}
	if last := rec.Last(); rec.Status != record.Finished || last.Epoch != 3 || rec.TestLogits == nil ||
		len(rec.Epochs) != 2 {
		t.Errorf("%s with %d rows, the last of epoch %d", rec.Status, len(rec.Epochs), last.Epoch)
	}
}

// A second process, or a second call, is told who trains in the folder.
func TestInUse(t *testing.T) {
	b := backendtest.Go(t)
	out := filepath.Join(t.TempDir(), "run")
	if err := train.InUse(out); err != nil {
		t.Errorf("a folder that is not there: %v", err)
	}
	tried := false
	_, err := train.Run(
		context.Background(),
		tinySpec(),
		train.Options{Out: out, Set: tinySet(), Backend: b, Progress: func(train.Event) {
			if tried {
				return
			}
			tried = true
			for _, resume := range []bool{false, true} {
				_, err := train.Run(context.Background(), tinySpec(),
					train.Options{Out: out, Set: tinySet(), Backend: b, Resume: resume})
				if !errors.Is(err, train.ErrInUse) {
					t.Errorf("error %v, want ErrInUse", err)
				}
				says(t, err, out, fmt.Sprintf("process %d on ", os.Getpid()))
			}
			if err := train.InUse(out); !errors.Is(err, train.ErrInUse) {
				t.Errorf("InUse gives %v", err)
			}
		}},
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := train.InUse(out); err != nil {
		t.Errorf("after the run: %v", err)
	}
}

// A limit of time stops with a checkpoint, from which the run goes on.
func TestLimit(t *testing.T) {
	b := backendtest.Go(t)
	straight, out := filepath.Join(t.TempDir(), "straight"), filepath.Join(t.TempDir(), "run")
	want, err := train.Run(context.Background(), tinySpec(), train.Options{Out: straight, Set: tinySet(), Backend: b})
	if err != nil {
		t.Fatal(err)
	}
	o := train.Options{Out: out, Set: tinySet(), Backend: b, Limit: time.Nanosecond}
	rec, err := train.Run(context.Background(), tinySpec(), o)
	if !errors.Is(err, train.ErrStopped) || rec.Status != record.Stopped || rec.Checkpoint == nil {
		t.Fatalf("error %v, status %s, want ErrStopped with a checkpoint", err, rec.Status)
	}
	says(t, err, "limit of 1ns")
	o.Limit, o.Resume = time.Hour, true
	if rec, err = train.Run(context.Background(), tinySpec(), o); err != nil || rows(t, rec) != rows(t, want) {
		t.Errorf("going on gave %v, or other rows than a straight run", err)
	}
	o.Limit = -1
	_, err = train.Run(context.Background(), tinySpec(), o)
	says(t, err, "limit")
}

// The record says on what else a run went on, also after the session that found out.
func TestOtherMachine(t *testing.T) {
	b := backendtest.Go(t)
	out, spec := filepath.Join(t.TempDir(), "run"), tinySpec()
	o := train.Options{Out: out, Set: tinySet(), Backend: b}
	var rec *record.Record
	for i, cores := range []int{2, 1, 1, 2} {
		spec.Epochs = i + 1
		func() {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
			var err error
			if rec, err = train.Run(context.Background(), spec, o); err != nil {
				t.Fatal(err)
			}
		}()
		o.Resume = true
	}
	reason := rec.Environment.BackendReason
	says(t, errors.New(reason), "; up to epoch 1, step 0, on ", " 2 cores", "; up to epoch 3, step 0, on ", " 1 cores")
	if n := strings.Count(reason, "up to epoch"); n != 2 {
		t.Errorf("%d changes in %q, want 2", n, reason)
	}
}
