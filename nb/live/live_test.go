package live

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/internal/lock"
	"github.com/gocollapse/collapse/kernels"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
)

// tiny is a network and data set small enough for any backend.
func tiny() record.Spec {
	s := record.DefaultSpec()
	s.Name = "tiny"
	s.Dataset, s.TrainPerClass, s.Width = "fashion-mnist-small", 2, 1
	s.Batch, s.Epochs = 10, 2
	return s
}

// few returns two training images per class, and 20 test images.
func few(t *testing.T) *data.Set {
	t.Helper()
	set, err := data.Open(context.Background(), tiny().Dataset, data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if set, err = set.PerClass(2, 1); err != nil {
		t.Fatal(err)
	}
	few := *set
	few.Test = data.Split{Images: set.Test.Images[:20*len(set.Image(set.Test, 0))], Labels: set.Test.Labels[:20]}
	few.Info.Test = 20
	return &few
}

func TestTrainStopsContinuesAndKeepsTheRunBefore(t *testing.T) {
	if testing.Short() {
		t.Skip("trains a network")
	}
	out := filepath.Join(t.TempDir(), "run")
	spec, set := tiny(), few(t)

	// An interrupt leaves a checkpoint.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var terminal bytes.Buffer
	if _, err := runIn(ctx, &terminal, spec, out, set); !errors.Is(err, train.ErrStopped) {
		t.Fatalf("an interrupted training gave %v, want train.ErrStopped", err)
	}
	if !strings.Contains(terminal.String(), "Run the cell again to continue") {
		t.Errorf("the output does not say how to go on:\n%s", terminal.String())
	}

	// The same cell again continues it to the end.
	terminal.Reset()
	rec, err := runIn(context.Background(), &terminal, spec, out, set)
	if err != nil {
		t.Fatal(err)
	}
	if rec.Status != record.Finished || len(rec.Epochs) != 2 {
		t.Errorf("status %q after %d epochs, want finished after 2", rec.Status, len(rec.Epochs))
	}
	if _, err := os.Stat(out + ".before"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("continuing a run must not move it away: %v", err)
	}
	if !strings.Contains(terminal.String(), " · after epoch 2: training error ") ||
		!strings.Contains(terminal.String(), "Reduced scale") {
		t.Errorf("want one line per epoch and the figure's caption, got\n%s", terminal.String())
	}

	// Another run in the same place leaves the first next to it.
	spec.Seed++
	spec.Epochs = 1
	if rec, err = runIn(context.Background(), &terminal, spec, out, set); err != nil {
		t.Fatal(err)
	}
	before, err := record.ReadFile(out + ".before")
	if err != nil || before.Spec.Seed == rec.Spec.Seed || len(before.Epochs) != 2 {
		t.Errorf("the earlier run is not in .before: %v", err)
	}
}

// A cell computes as the specification says: tf32 is asked of the backend.
func TestTrainAsksForThePrecision(t *testing.T) {
	defer func() { openBackend = backend.Open }()
	none := errors.New("no backend in this test")
	for precision, want := range map[string]bool{"float32": false, "tf32": true, "bfloat16": false} {
		var asked backend.Options
		openBackend = func(o backend.Options) (compute.Backend, backend.Choice, error) {
			asked = o
			return nil, backend.Choice{}, none
		}
		spec := tiny()
		spec.Precision = precision
		out := filepath.Join(t.TempDir(), "run")
		if _, err := runIn(context.Background(), new(bytes.Buffer), spec, out, nil); !errors.Is(err, none) {
			t.Fatalf("precision %s: %v", precision, err)
		}
		if asked.TF32 != want {
			t.Errorf("precision %s: TF32 asked for is %t, want %t", precision, asked.TF32, want)
		}
	}
}

func TestMakeRoomKeepsWhatItCannotRead(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	if resume, err := makeRoom(out, tiny()); resume || err != nil {
		t.Errorf("an absent folder gave %v, %v", resume, err)
	}
	if err := os.Mkdir(out, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(out, "record.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := makeRoom(out, tiny()); err == nil {
		t.Error("a folder with a broken record was not reported")
	}
	if _, err := os.Stat(filepath.Join(out, "record.json")); err != nil {
		t.Errorf("the broken record was moved: %v", err)
	}
}

func TestMakeRoomLeavesARunningTrainingAlone(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	spec := tiny()
	spec.Epochs = 1
	if _, err := runIn(context.Background(), new(bytes.Buffer), spec, out, few(t)); err != nil {
		t.Fatal(err)
	}
	unlock, err := lock.Try(filepath.Join(out, ".lock")) // as another process has it
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := makeRoom(out, tiny()); !errors.Is(err, train.ErrInUse) {
		t.Errorf("a folder in use gave %v", err)
	}
	if _, err := record.ReadFile(out); err != nil {
		t.Errorf("the running training was moved: %v", err)
	}
}

// A run that goes on from an older checkpoint than its record measures epochs anew.
func TestRowsAreReplacedByLaterOnes(t *testing.T) {
	d := &drawing{terminal: new(bytes.Buffer), spec: tiny(), rows: []record.Epoch{{Epoch: 1}, {Epoch: 5}, {Epoch: 9}}}
	d.event(train.Event{Epoch: 5, Epochs: 10, Row: &record.Epoch{Epoch: 5, NC1: 2}})
	if len(d.rows) != 2 || d.rows[1].NC1 != 2 {
		t.Errorf("rows %+v", d.rows)
	}
}

func TestTrainRefusesAFaultySpecification(t *testing.T) {
	spec := tiny()
	spec.Rate = -1
	out := filepath.Join(t.TempDir(), "run")
	if _, err := runIn(context.Background(), os.Stdout, spec, out, nil); err == nil ||
		!strings.Contains(err.Error(), "rate") {
		t.Errorf("rate −1 gave %v", err)
	}
	if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
		t.Error("a faulty specification left a folder behind")
	}
}

func TestCurveDrawsOnlyFiniteNumbers(t *testing.T) {
	d := &drawing{spec: tiny(), choice: backend.Choice{Name: "go", Reason: "a < b"}}
	if html := d.html("Compiling"); strings.Contains(html, "NaN") || strings.Contains(html, "Inf") {
		t.Errorf("without points the drawing holds numbers that are not finite:\n%s", html)
	}
	d.steps = []point{{0.5, 2.3}, {1, math.Inf(1)}}
	d.rows = []record.Epoch{{Epoch: 1, NC1: 10, NC2: record.Number(math.NaN()), NC3: 0}, {Epoch: 2, NC1: 0.1}}
	html := d.html("epoch 2")
	if strings.Contains(html, "NaN") || strings.Contains(html, "Inf") {
		t.Errorf("the drawing holds numbers that are not finite:\n%s", html)
	}
	for _, said := range []string{"loss (not drawn: 1 undefined)", "log scale (not drawn: 4 undefined or 0)"} {
		if !strings.Contains(html, said) {
			t.Errorf("the drawing leaves values out and does not say %q:\n%s", said, html)
		}
	}
	// NC1 of 10 and 0.1 are the ends of the log axis: top and bottom of its panel.
	if !strings.Contains(html, `points="695.0,22.0 805.0,192.0"`) {
		t.Errorf("NC1 is not drawn from the top to the bottom of its panel:\n%s", html)
	}
	if !strings.Contains(html, "go: a &lt; b") {
		t.Error("the drawing does not say on which backend it runs, or does not escape it")
	}
}

func TestThinKeepsTheMean(t *testing.T) {
	ps := make([]point, 1000)
	for i := range ps {
		ps[i] = point{float64(i), float64(i % 2)}
	}
	got := thin(ps, 300)
	if len(got) != 250 || got[0] != (point{3, 0.5}) || got[249].x != 999 {
		t.Errorf("1000 points thinned to %d, first %v, last %v", len(got), got[0], got[len(got)-1])
	}
	if got := thin(ps, 1000); len(got) != 1000 {
		t.Errorf("1000 points need no thinning to 1000, got %d", len(got))
	}
}

func TestCheckFailsOnFaultsOnly(t *testing.T) {
	checks := []kernels.Check{{Name: "Go", Status: kernels.OK, Found: "go1.26"},
		{Name: "backend", Status: kernels.Warn, Found: "pure Go", Fix: "make setup"}}
	table, err := checkTable(checks)
	if err != nil {
		t.Errorf("a warning alone gave %v", err)
	}
	if len(table.Rows) != 2 || !strings.Contains(table.Text(), "make setup") {
		t.Errorf("the table does not show every line with what to do:\n%s", table.Text())
	}
	_, err = checkTable(append(checks, kernels.Check{Name: "C compiler", Status: kernels.Fault, Found: "none",
		Fix: "apt-get install gcc"}))
	if err == nil || !strings.Contains(err.Error(), "C compiler: none; apt-get install gcc") {
		t.Errorf("a fault gave %v, want an error that names it and what to do", err)
	}
}

// What is measured from a run's checkpoint is what its record says.
func TestMeasureAgreesWithTheRecord(t *testing.T) {
	if testing.Short() {
		t.Skip("trains a network")
	}
	out := filepath.Join(t.TempDir(), "run")
	spec := tiny()
	spec.Epochs = 1
	rec, err := runIn(context.Background(), new(bytes.Buffer), spec, out, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Measure(out)
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string][2]float64{"NC1": {s.NC1, float64(rec.Last().NC1)},
		"NC2": {s.NC2, float64(rec.Last().NC2)}, "NC3": {s.NC3, float64(rec.Last().NC3)}} {
		if math.Abs(got[0]/got[1]-1) > 1e-4 {
			t.Errorf("%s is %g, the record has %g", name, got[0], got[1])
		}
	}
	if _, err := Measure(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an absent run gave %v", err)
	}
}
