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

	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/models"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
)

// Seeds side by side give the rows of runs of their own; stopped together, they go on
// together, those that were not begun included.
func TestSeeds(t *testing.T) {
	// On one backend: each of nine runs would compile on XLA, and TestSideBySide has that.
	t.Run("go", func(t *testing.T) {
		b := backendtest.Go(t)
		spec := tinySpec()
		spec.Model, spec.Measure = "cnn", "every:1" // compiles fast
		seeds := []int64{3, 1, 2}
		set := tinySet()
		dir := t.TempDir()
		straight := map[int64][]record.Epoch{}
		for _, s := range seeds {
			own := spec
			own.Seed = s
			rec, err := train.Run(context.Background(), own,
				train.Options{Out: filepath.Join(dir, "one", own.Name, string(rune('a'+s))), Set: set, Backend: b})
			if err != nil {
				t.Fatal(err)
			}
			straight[s] = withoutTimes(rec.Epochs)
		}

		out := filepath.Join(dir, "all")
		ctx, cancel := context.WithCancel(context.Background())
		heard := map[int64]int{}
		options := train.Options{Out: out, Set: set, Backend: b}
		_, err := train.Seeds(ctx, spec, seeds, 2, options, func(seed int64, _ train.Event) {
			if heard[seed]++; len(heard) == 2 { // both are under way, and the third waits
				cancel()
			}
		})
		if !errors.Is(err, train.ErrStopped) || !strings.Contains(err.Error(), "stopped were the seeds [") {
			t.Fatalf("stopped: %v", err)
		}
		found, from, err := train.FindSeeds(out)
		if err != nil || !slices.Equal(found, []int64{1, 2, 3}) || from == nil || from.Name != spec.Name {
			t.Fatalf("found %v of %+v: %v", found, from, err)
		}
		if _, err := train.Seeds(context.Background(), spec, seeds, 2, options, nil); err == nil ||
			!strings.Contains(err.Error(), "holds a run already") {
			t.Errorf("a second run over the first: %v", err)
		}
		options.Resume = true
		for range 2 { // the second time all are finished
			records, err := train.Seeds(context.Background(), *from, seeds, 2, options, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range seeds {
				if records[i].Spec.Seed != s || records[i].Spec.Name != "tiny-s"+string(rune('0'+s)) ||
					records[i].Status != record.Finished {
					t.Errorf("seed %d: %+v", s, records[i].Spec)
				}
				if got := withoutTimes(records[i].Epochs); !sameRows(got, straight[s]) {
					t.Errorf("seed %d: rows\n%+v\nalone\n%+v", s, got, straight[s])
				}
			}
		}
	})
}

// sameRows compares rows, NaN being itself.
func sameRows(a, b []record.Epoch) bool {
	return slices.EqualFunc(a, b, func(x, y record.Epoch) bool {
		for _, m := range record.Metrics() {
			v, w := m.Value(&x), m.Value(&y)
			if v != w && !(math.IsNaN(v) && math.IsNaN(w)) {
				return false
			}
		}
		return x.Epoch == y.Epoch
	})
}

// A run that diverges does not keep the others from ending.
func TestSeedsFaults(t *testing.T) {
	b := backendtest.Go(t)
	spec := tinySpec()
	spec.Epochs, spec.Rate = 1, 1e30
	spec.Milestones = nil
	dir := t.TempDir()
	_, err := train.Seeds(context.Background(), spec, []int64{1, 2}, 1,
		train.Options{Out: dir, Set: tinySet(), Backend: b}, nil)
	if !errors.Is(err, train.ErrDiverged) || !strings.Contains(err.Error(), "seed 1:") ||
		!strings.Contains(err.Error(), "seed 2:") {
		t.Errorf("diverged: %v", err)
	}
	for _, c := range []struct {
		seeds []int64
		out   string
		want  string
	}{{nil, dir, "no seeds"}, {[]int64{1, 1}, dir, "twice"}, {[]int64{1}, "", "no folder"}} {
		o := train.Options{Out: c.out, Set: tinySet(), Backend: b}
		if _, err := train.Seeds(context.Background(), tinySpec(), c.seeds, 1, o, nil); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.seeds, err, c.want)
		}
	}
	if seeds, spec, err := train.FindSeeds(filepath.Join(dir, "absent")); seeds != nil || spec != nil || err != nil {
		t.Errorf("an absent folder: %v, %v, %v", seeds, spec, err)
	}
	if seeds, _, err := train.FindSeeds(train.SeedFolder(dir, 1)); seeds != nil || err != nil {
		t.Errorf("a run's own folder: %v, %v", seeds, err)
	}
	if err := os.Mkdir(filepath.Join(dir, "seed-x"), 0o777); err != nil {
		t.Fatal(err)
	}
	if seeds, _, err := train.FindSeeds(dir); !slices.Equal(seeds, []int64{1, 2}) || err != nil {
		t.Errorf("%v, %v", seeds, err)
	}
}

// Seeds that were not begun do not begin from random weights where others began
// from a file's.
func TestSeedsFromWeights(t *testing.T) {
	b := backendtest.Go(t)
	spec := tinySpec()
	spec.Model, spec.Epochs = "cnn", 2
	dir := t.TempDir()
	net, err := models.Build("cnn", models.Options{Width: spec.Width, Channels: 3, Classes: 2})
	if err != nil {
		t.Fatal(err)
	}
	weights := filepath.Join(dir, "w.safetensors")
	if err := train.WriteWeights(weights, net, net.Initial(7)); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "runs")
	o := train.Options{Out: out, Set: tinySet(), Backend: b, Initial: weights}
	if _, err := train.Seeds(context.Background(), spec, []int64{1}, 1, o, nil); err != nil {
		t.Fatal(err)
	}
	o.Resume, o.Initial = true, ""
	if _, err := train.Seeds(context.Background(), spec, []int64{1, 2}, 1, o, nil); err == nil ||
		!strings.Contains(err.Error(), "w.safetensors") {
		t.Errorf("seed 2 next to a seed that began from weights: %v", err)
	}
	o.Initial = weights
	recs, err := train.Seeds(context.Background(), spec, []int64{1, 2}, 1, o, nil)
	if err != nil || recs[1].Initial == nil || recs[1].Initial.SHA256 != recs[0].Initial.SHA256 {
		t.Errorf("seed 2 with the weights: %v", err)
	}
}
