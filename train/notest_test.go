package train_test

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
)

// A run without test images has the training metrics of a run with them; its test metrics are null
// with the reason, and it resumes and writes features as any other.
func TestNoTestImages(t *testing.T) {
	b := backendtest.Go(t)
	spec := sparseSpec()
	set, bare := tinySet(), tinySet()
	bare.Test, bare.Info.Test = data.Split{}, 0
	run := func(set *data.Set, out string, resume bool) *record.Record {
		t.Helper()
		_, err := train.Run(t.Context(), spec, train.Options{Out: out, Set: set, Backend: b, LayerProfile: true,
			Resume: resume})
		if err != nil {
			t.Fatal(err)
		}
		rec, err := record.ReadFile(out) // as others read it
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
	out := filepath.Join(t.TempDir(), "bare")
	with, rec := run(set, filepath.Join(t.TempDir(), "with"), false), run(bare, out, false)
	for i := range rec.Epochs {
		for _, m := range record.Metrics() {
			got, want := m.Value(&rec.Epochs[i]), m.Value(&with.Epochs[i])
			if ofTest := strings.Contains(m.Key, "test"); ofTest {
				want = math.NaN()
				if m.Note(&rec.Epochs[i]) == "" {
					t.Errorf("row %d: nothing says why %s is null", i, m.Key)
				}
			}
			if got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
				t.Errorf("row %d: %s is %v, want %v", i, m.Key, got, want)
			}
		}
	}
	if rec.Status != record.Finished || rec.TestLogits != nil || rec.Final.Calibration != nil ||
		rec.Final.Notes["calibration"] == "" || !reflect.DeepEqual(rec.Final.Depth, with.Final.Depth) {
		t.Errorf("status %s, test logits %v, final %+v", rec.Status, rec.TestLogits, rec.Final)
	}
	if _, err := os.Stat(filepath.Join(out, train.LogitsFile)); err == nil {
		t.Error("there are logits of no test images")
	}
	if again := run(bare, out, true); !reflect.DeepEqual(again.Seconds, rec.Seconds) {
		t.Error("a finished run without test images went on")
	}
	spec.Epochs = 6
	if more := run(bare, out, true); more.Last().Epoch != 6 || more.Status != record.Finished {
		t.Errorf("the run ends after epoch %d, %s", more.Last().Epoch, more.Status)
	}
}

// TestShare holds out what data.Set.HoldOut does, before the other choices.
func TestTestShare(t *testing.T) {
	b := backendtest.Go(t)
	bare := tinySet()
	bare.Test, bare.Info.Test = data.Split{}, 0
	spec := sparseSpec()
	spec.TestShare, spec.TrainPerClass = 0.3, 6
	o := train.Options{Out: filepath.Join(t.TempDir(), "run"), Set: bare, Backend: b}
	rec, err := train.Run(t.Context(), spec, o)
	if err != nil {
		t.Fatal(err)
	}
	want, err := bare.HoldOut(0.3, spec.Seed)
	if err == nil {
		want, err = want.PerClass(6, spec.Seed)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(rec.Data, want.Info) || rec.Data.Test != 6 || rec.Data.Train != 12 {
		t.Errorf("data %+v, want %+v", rec.Data, want.Info)
	}
	if row := rec.Last(); math.IsNaN(float64(row.TestLoss)) || row.Test.Correct.N+row.Test.Wrong.N != 6 {
		t.Errorf("test loss %v of %+v", row.TestLoss, row.Test)
	}
	spec.TrainPerClass = 0
	own := train.Options{Out: filepath.Join(t.TempDir(), "own"), Set: tinySet(), Backend: b}
	_, err = train.Run(t.Context(), spec, own)
	says(t, err, "test_share", "6 test images of its own")
}

// A network that halves an image more often than it has pixels says so before it trains.
func TestSmallImages(t *testing.T) {
	spec := tinySpec()
	spec.Model = "cnn"
	small := tinySet()
	for _, p := range []*data.Split{&small.Train, &small.Test} {
		p.Images = p.Images[:p.Len()*8*7*3]
	}
	small.Width, small.Info.Width = 7, 7
	out := filepath.Join(t.TempDir(), "run")
	_, err := train.Run(t.Context(), spec, train.Options{Out: out, Set: small, Backend: backendtest.Go(t)})
	says(t, err, "model cnn takes images of at least 8×8 pixels", "are 8×7")
}
