package train_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
	"github.com/gocollapse/collapse/train/safetensors"
)

// tinySet has two classes of 8×8 images, light and dark with noise; 2·11 train
// and 2·3 test images, so that a batch of 8 leaves one of 6.
func tinySet() *data.Set {
	rng := rand.New(rand.NewPCG(7, 7))
	split := func(n int) data.Split {
		var s data.Split
		for i := range n {
			s.Labels = append(s.Labels, int32(i%2))
			for range 8 * 8 * 3 {
				s.Images = append(s.Images, byte(60+80*(i%2)+rng.IntN(60)))
			}
		}
		return s
	}
	return &data.Set{
		Train: split(22), Test: split(6), Height: 8, Width: 8, Channels: 3,
		Info: record.Data{Name: "cifar10", Source: "test", Classes: []string{"dark", "light"}, Train: 22, Test: 6,
			Height: 8, Width: 8, Channels: 3, Mean: []float64{.5, .5, .5}, Std: []float64{.25, .25, .25}},
	}
}

func tinySpec() record.Spec {
	s := record.DefaultSpec()
	s.Name, s.Width, s.Batch, s.Epochs, s.Milestones = "tiny", 1, 8, 3, []int{2}
	s.Loss = record.Loss{Name: "ls", Delta: 0.05}
	return s
}

// sparseSpec has five epochs of three steps, of which 1, 3 and 5 are measured.
func sparseSpec() record.Spec {
	s := tinySpec()
	s.Epochs, s.Measure = 5, "1,3"
	return s
}

// withoutTimes returns the rows with their wall times set to zero.
func withoutTimes(rows []record.Epoch) []record.Epoch {
	rows = slices.Clone(rows)
	for i := range rows {
		rows[i].Seconds, rows[i].MeasureSeconds = 0, 0
	}
	return rows
}

// rows returns a record's rows as JSON, without times.
func rows(t *testing.T, rec *record.Record) string {
	t.Helper()
	b, err := json.MarshalIndent(withoutTimes(rec.Epochs), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Ten steps end at PyTorch's parameters, running statistics and momentum
// buffers (models/testdata/torch_parity.py).
func TestStepsAsPyTorch(t *testing.T) {
	f, err := safetensors.ReadFile("../models/testdata/torch_parity.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	const batch = 6
	set := &data.Set{Height: 8, Width: 8, Channels: 3, Info: record.Data{Name: "cifar10", Classes: make([]string, 5),
		Mean: []float64{.4914, .4822, .4465}, Std: []float64{.247, .243, .261}}}
	for _, v := range f.Arrays["images"].F32 {
		set.Train.Images = append(set.Train.Images, byte(v))
	}
	for _, v := range f.Arrays["labels"].I64 {
		set.Train.Labels = append(set.Train.Labels, int32(v))
	}
	set.Test = set.Train
	spec := tinySpec()
	spec.Width = 2
	backendtest.EachForm(t, func(t *testing.T, b compute.Backend) {
		e, err := train.NewEngine(b, spec, set)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		state, err := e.State()
		if err != nil {
			t.Fatal(err)
		}
		var values [][]float32
		for _, x := range e.Network.Tensors {
			values = append(values, x.FromTorch(f.Arrays["initial."+x.Name].F32))
		}
		if err := e.SetState(&train.State{Values: values, Slots: state.Slots}); err != nil {
			t.Fatal(err)
		}
		near := func(name string, got, want []float32) {
			t.Helper()
			scale := 1e-2 // rounding of what is almost zero is not compared
			for _, v := range want {
				scale = max(scale, math.Abs(float64(v)))
			}
			for i := range want {
				if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= 2e-3*scale) {
					t.Errorf("%s: element %d is %v, PyTorch's %v", name, i, got[i], want[i])
					return
				}
			}
		}
		var got []float32
		for i := range 10 {
			index := make([]int32, batch)
			for j := range index {
				index[j] = int32(i%4*batch + j)
			}
			loss, err := e.Step(index, 1, 0.01)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, float32(loss))
		}
		near("losses of the steps", got, f.Arrays["step_losses"].F32)
		if state, err = e.State(); err != nil {
			t.Fatal(err)
		}
		velocity := state.Slots[0].Values
		for i, x := range e.Network.Tensors {
			near(x.Name, x.Torch(state.Values[i]), f.Arrays["final."+x.Name].F32)
			if x.Trained() {
				near("momentum of "+x.Name, x.Torch(velocity[0]), f.Arrays["momentum."+x.Name].F32)
				velocity = velocity[1:]
			}
		}
	})
}

// stopAt stops a run after a step.
func stopAt(epoch, step int, stop func()) func(train.Event) {
	return func(e train.Event) {
		if e.Epoch == epoch && e.Step == step && e.Row == nil {
			stop()
		}
	}
}

// A run that is stopped in the middle of an epoch and resumed ends at the bits
// of a straight run: rows, values and momentum.
func TestResume(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		background := context.Background()
		straight := train.Options{Out: filepath.Join(t.TempDir(), "straight"), Set: tinySet(), Backend: b}
		want, err := train.Run(background, tinySpec(), straight)
		if err != nil {
			t.Fatal(err)
		}
		if want.Status != record.Finished || len(want.Epochs) != 3 {
			t.Fatalf("status %s with %d rows, want finished with 3", want.Status, len(want.Epochs))
		}
		if r := want.Epochs; r[0].Rate != 0.05 || r[2].Rate >= 0.006 {
			t.Errorf("rates %v and %v, the milestone is after epoch 2", r[0].Rate, r[2].Rate)
		}

		o := train.Options{Out: filepath.Join(t.TempDir(), "stopped"), Set: tinySet(), Backend: b}
		checkStopped(t, o)
		resume := o
		resume.Resume = true
		other := tinySpec()
		other.Rate = 0.1
		_, err = train.Run(background, other, resume)
		says(t, err, "another specification")
		_, err = train.Run(background, tinySpec(), o)
		says(t, err, "holds a run already")

		got, err := train.Run(background, tinySpec(), resume)
		if err != nil {
			t.Fatal(err)
		}
		if g, w := rows(t, got), rows(t, want); g != w {
			t.Errorf("rows differ from a straight run's:\n%s\n%s", g, w)
		}
		sameCheckpoint(t, o.Out, straight.Out)
	})
}

// checkStopped stops a run in the middle of its second epoch and looks at what it left.
func checkStopped(t *testing.T, o train.Options) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o.Progress = stopAt(2, 2, cancel)
	rec, err := train.Run(ctx, tinySpec(), o)
	if !errors.Is(err, train.ErrStopped) {
		t.Fatalf("error %v, want ErrStopped", err)
	}
	onDisk, err := record.ReadFile(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	c := onDisk.Checkpoint
	if onDisk.Status != record.Stopped || len(onDisk.Epochs) != 1 || c == nil || c.Epoch != 1 || c.Step != 2 {
		t.Fatalf("record has status %s, %d rows, checkpoint %+v; want stopped, 1 row, epoch 1 step 2",
			onDisk.Status, len(onDisk.Epochs), c)
	}
	if rec.Status != record.Stopped {
		t.Errorf("returned status %s", rec.Status)
	}
}

// sameCheckpoint compares the last checkpoint of a resumed run with that of a straight one.
func sameCheckpoint(t *testing.T, resumed, straight string) {
	t.Helper()
	a, err := safetensors.ReadFile(filepath.Join(straight, train.CheckpointFile))
	if err != nil {
		t.Fatal(err)
	}
	c, err := safetensors.ReadFile(filepath.Join(resumed, train.CheckpointFile))
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Arrays) == 0 || !reflect.DeepEqual(a.Arrays, c.Arrays) {
		t.Error("the final checkpoint differs from a straight run's")
	}
	if n := c.Arrays["bn1.num_batches_tracked"].I64; !slices.Equal(n, []int64{9}) {
		t.Errorf("bn1.num_batches_tracked is %v, want 9 (3 epochs of 3 steps)", n)
	}
}

func TestDiverged(t *testing.T) {
	spec := tinySpec()
	spec.Rate = 1e30
	out := t.TempDir()
	_, err := train.Run(context.Background(), spec, train.Options{Out: out, Set: tinySet(), Backend: backendtest.Go(t)})
	if !errors.Is(err, train.ErrDiverged) {
		t.Fatalf("error %v, want ErrDiverged", err)
	}
	says(t, err, "epoch 1", "step", "rate 1e+30", "no checkpoint before it")
	rec, err := record.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if rec.Status != record.Failed || len(rec.Epochs) != 0 {
		t.Errorf("record has status %s and %d rows", rec.Status, len(rec.Epochs))
	}
}

// A checkpoint whose bytes were changed is not resumed from.
func TestAlteredCheckpoint(t *testing.T) {
	b, out := backendtest.Go(t), t.TempDir()
	spec := tinySpec()
	o := train.Options{Out: out, Set: tinySet(), Backend: b}
	spec.Epochs, spec.Milestones = 1, nil
	if _, err := train.Run(context.Background(), spec, o); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(out, train.CheckpointFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := slices.Clone(whole)
	changed[len(changed)-1] ^= 1
	spec.Epochs, o.Resume = 2, true
	for name, bytes := range map[string][]byte{"changed": changed, "cut off": whole[:len(whole)-5], "empty": {}} {
		if err := os.WriteFile(path, bytes, 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := train.Run(context.Background(), spec, o)
		if err == nil || !strings.Contains(err.Error(), train.CheckpointFile) {
			t.Errorf("%s: error %v, want one that names the file", name, err)
		}
	}
	if err := os.WriteFile(path, whole, 0o666); err != nil {
		t.Fatal(err)
	}
	rec, err := train.Run(context.Background(), spec, o)
	if err != nil || len(rec.Epochs) != 2 {
		t.Errorf("the whole file with one more epoch: %v", err)
	}
}

func TestBadInput(t *testing.T) {
	b := backendtest.Go(t)
	label := tinySet()
	label.Train.Labels[3] = 2
	short := tinySet()
	short.Test.Images = short.Test.Images[1:]
	name := tinySet()
	name.Info.Name = "fashion-mnist-small"
	bad := tinySpec()
	bad.Delta = 1
	for _, c := range []struct {
		name string
		spec record.Spec
		o    train.Options
		want string
	}{
		{"label", tinySpec(), train.Options{Set: label}, "label 3 of the training split"},
		{"bytes", tinySpec(), train.Options{Set: short}, "test split"},
		{"data set", tinySpec(), train.Options{Set: name}, "fashion-mnist-small"},
		{"specification", bad, train.Options{Set: tinySet()}, "delta"},
		{"nothing to resume", tinySpec(), train.Options{Set: tinySet(), Resume: true}, "resume"},
	} {
		c.o.Out, c.o.Backend = filepath.Join(t.TempDir(), "run"), b
		if _, err := train.Run(context.Background(), c.spec, c.o); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
		if _, err := os.Stat(c.o.Out); err == nil {
			t.Errorf("%s: a folder was made", c.name)
		}
	}
}

// callsOfTwo is a specification that trains in moments, and options of runs that take two steps
// at one call.
func callsOfTwo(t *testing.T, b compute.Backend) (record.Spec, train.Options) {
	spec := tinySpec()
	spec.Model, spec.Width, spec.Depth = "mlp", 4, 1
	return spec, train.Options{Out: filepath.Join(t.TempDir(), "run"), Set: tinySet(), Backend: b, StepsPerCall: 2}
}

// With several steps at one call a run is told of after each call. Its numbers are those of
// steps one by one, up to rounding.
func TestStepsPerCall(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		var steps []int
		spec, o := callsOfTwo(t, b)
		o.Progress = func(e train.Event) {
			if e.Epoch == 1 && e.Row == nil {
				steps = append(steps, e.Step)
			}
		}
		two, err := train.Run(context.Background(), spec, o)
		if err != nil {
			t.Fatal(err)
		}
		// The name as records.md has it: go.
		if name := two.Environment.Backend; name != b.String() || strings.Contains(name, " ") {
			t.Errorf("the record calls the backend %q", name)
		}
		if two.Environment.StepsPerCall != 2 {
			t.Errorf("environment %+v", two.Environment)
		}
		if !slices.Equal(steps, []int{2, 3}) {
			t.Errorf("told of steps %v, want 2 and 3", steps)
		}

		spec, o = callsOfTwo(t, b)
		o.StepsPerCall = 1
		single, err := train.Run(context.Background(), spec, o)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range single.Epochs {
			loss := two.Epochs[i].StepLoss
			if d := math.Abs(float64(r.StepLoss - loss)); !(d <= 1e-5*float64(r.StepLoss)) {
				t.Errorf("epoch %d: loss %v one by one, %v together", r.Epoch, r.StepLoss, loss)
			}
		}
	})
	spec, o := callsOfTwo(t, nil)
	o.StepsPerCall = -1
	_, err := train.Run(context.Background(), spec, o)
	says(t, err, "-1 steps per call")
}

// A run of several steps at one call ends at the same bits where it was stopped and resumed,
// and diverges at the step that it names.
func TestStepsPerCallStopped(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		background := context.Background()
		spec, o := callsOfTwo(t, b)
		want, err := train.Run(background, spec, o)
		if err != nil {
			t.Fatal(err)
		}
		spec, o = callsOfTwo(t, b)
		ctx, cancel := context.WithCancel(background)
		defer cancel()
		o.Progress = stopAt(2, 2, cancel)
		if _, err := train.Run(ctx, spec, o); !errors.Is(err, train.ErrStopped) {
			t.Fatalf("error %v, want ErrStopped", err)
		}
		o.Progress, o.Resume = nil, true
		got, err := train.Run(background, spec, o)
		if err != nil {
			t.Fatal(err)
		}
		if g, w := rows(t, got), rows(t, want); g != w {
			t.Errorf("rows differ from a straight run's:\n%s\n%s", g, w)
		}

		spec.Epochs, o.StepsPerCall = 4, 1
		if got, err = train.Run(background, spec, o); err != nil ||
			!strings.Contains(got.Environment.BackendReason, "up to epoch 3, step 0, on") ||
			!strings.HasSuffix(got.Environment.BackendReason, ", 2 steps per call)") {
			t.Errorf("resumed one by one: %v, the record says %q", err, got.Environment.BackendReason)
		}

		spec, o = callsOfTwo(t, b)
		spec.Rate = 1e30
		_, err = train.Run(background, spec, o)
		if !errors.Is(err, train.ErrDiverged) || !strings.Contains(err.Error(), "epoch 1, step 2") {
			t.Errorf("at rate 1e30: %v, want divergence at the second step", err)
		}
	})
}

func TestStepsPerCallDivideAnEpoch(t *testing.T) {
	for steps, want := range map[int]int{390: 30, 781: 11, 39: 13, 64: 32, 97: 16, 7: 7, 20: 20, 0: 1} {
		if got := train.StepsPerCall(steps); got != want {
			t.Errorf("of %d steps %d at once, want %d", steps, got, want)
		}
	}
}

// A run of the paper's specification on a part of its set is not at the paper's scale.
func TestScaleOfAPart(t *testing.T) {
	spec := record.DefaultSpec()
	for n, want := range map[int]record.Scale{50000: record.PaperScale, 49999: record.ReducedScale} {
		set := &data.Set{Train: data.Split{Labels: make([]int32, n)}}
		if got := train.Scale(spec, set); got != want {
			t.Errorf("%d images: scale %q, want %q", n, got, want)
		}
	}
}

// A backend on CUDA must be opened with the precision that the specification asks for.
func TestPrecisionOfTheBackend(t *testing.T) {
	for precision, tf32 := range map[string]bool{"tf32": false, "float32": true} {
		spec := tinySpec()
		spec.Precision = precision
		_, err := train.Run(context.Background(), spec, train.Options{
			Out: filepath.Join(t.TempDir(), "run"), Set: tinySet(), Backend: backendtest.Go(t),
			Choice: backend.Choice{Name: backend.CUDA, TF32: tf32},
		})
		if err == nil || !strings.Contains(err.Error(), "precision "+precision) {
			t.Errorf("precision %s on a backend with TF32 %t: %v", precision, tf32, err)
		}
	}
}
