package train_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gomlx/compute"

	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/models"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
)

// noiseSet has n training images of noise of 5 classes, by the formula of
// testdata/torch_steps.py, and 7 test images.
func noiseSet(n, size int) *data.Set {
	split := func(n int) (s data.Split) {
		for i := range n * size * size * 3 {
			v := uint64(i) * 2654435761 % (1 << 32) >> 12
			s.Images = append(s.Images, byte(v*40503%(1<<16)>>8))
		}
		for i := range n {
			s.Labels = append(s.Labels, int32(i%5))
		}
		return s
	}
	return &data.Set{
		Train: split(n), Test: split(7), Height: size, Width: size, Channels: 3,
		Info: record.Data{Name: "cifar10", Classes: []string{"a", "b", "c", "d", "e"},
			Mean: []float64{.5, .5, .5}, Std: []float64{.25, .25, .25}},
	}
}

// smallSpec is of an mlp with batch normalisation, which compiles in a second.
func smallSpec(change func(*record.Spec)) record.Spec {
	s := record.DefaultSpec()
	s.Model, s.Width, s.Depth, s.FeatureNorm = "mlp", 8, 2, true
	s.Batch, s.Epochs, s.ScheduleEpochs, s.Milestones = 12, 10, 10, nil
	if change != nil {
		change(&s)
	}
	return s
}

// convolutions makes smallSpec's network one of convolutions.
func convolutions(s *record.Spec, model string, width int) {
	s.Model, s.Width, s.Depth, s.FeatureNorm = model, width, 0, false
}

func newEngine(t *testing.T, b compute.Backend, spec record.Spec, set *data.Set) *train.Engine {
	t.Helper()
	e, err := train.NewEngine(b, spec, set)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func stateOf(t *testing.T, e *train.Engine) *train.State {
	t.Helper()
	s, err := e.State()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// take trains n steps on batches of the given size in turn, an epoch each.
func take(t *testing.T, e *train.Engine, spec record.Spec, n, size, images int) (losses []float32) {
	t.Helper()
	for i := range n {
		index := make([]int32, size)
		for j := range index {
			index[j] = int32((i*size + j) % images)
		}
		loss, err := e.Step(index, i+1, spec.RateAt(i+1))
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, float32(loss))
	}
	return losses
}

// near compares within tol of the largest value that is wanted; rounding of what is almost
// zero is not compared.
func near(t *testing.T, name string, got, want []float32, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d numbers, want %d", name, len(got), len(want))
	}
	scale, worst, at := 1e-2, 0.0, 0
	for _, v := range want {
		scale = max(scale, math.Abs(float64(v)))
	}
	for i := range want {
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= worst) {
			worst, at = d, i
		}
	}
	if !(worst <= tol*scale) {
		t.Errorf("%s: element %d is %v, want %v within %.2g", name, at, got[at], want[at], tol*scale)
	}
	if testing.Verbose() {
		t.Logf("%s: off by at most %.1e of the largest", name, worst/scale)
	}
}

// nearState compares all of two states.
func nearState(t *testing.T, net *models.Network, got, want *train.State, tol float64) {
	t.Helper()
	near(t, "values of "+net.Name, slices.Concat(got.Values...), slices.Concat(want.Values...), tol)
	for i, slot := range want.Slots {
		near(t, slot.Name+" of "+net.Name, slices.Concat(got.Slots[i].Values...), slices.Concat(slot.Values...), tol)
	}
	if got.Steps != want.Steps {
		t.Errorf("%d steps, want %d", got.Steps, want.Steps)
	}
}

// features evaluates a split and checks that its batches come in order.
func features(t *testing.T, e *train.Engine, look train.EvaluateOptions) (all []float32) {
	t.Helper()
	next := 0
	err := e.Evaluate(context.Background(), look, func(b *train.Batch) error {
		if b.From != next {
			t.Fatalf("batch from %d, want %d", b.From, next)
		}
		next += len(b.Labels)
		all = append(all, b.Features...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// With bfloat16 the losses of the first steps are float32's to its three digits, a
// training reduces the loss, and what is evaluated is float32's to the bit.
func TestBfloat16(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		for _, c := range []struct {
			name   string
			change func(*record.Spec)
		}{
			{"cnn", func(s *record.Spec) { convolutions(s, "cnn", 4); s.Rate = 0.02 }},
			{"mlp", func(s *record.Spec) { s.Rate = 0.02 }},
		} {
			t.Run(c.name, func(t *testing.T) {
				spec, set := smallSpec(c.change), noiseSet(48, 8)
				full := newEngine(t, b, spec, set)
				spec.Precision = "bfloat16"
				half := newEngine(t, b, spec, set)
				first := take(t, half, spec, 1, 12, 48)
				near(t, "loss of the first step", first, take(t, full, spec, 1, 12, 48), 1e-2)
				last := first
				for range 10 {
					last = take(t, half, spec, 1, 12, 48)
				}
				if !(last[0] < first[0]) {
					t.Errorf("the loss went from %v to %v", first, last)
				}
				if c.name == "cnn" { // one is enough
					return
				}
				if err := full.SetState(stateOf(t, half)); err != nil {
					t.Fatal(err)
				}
				a, b := features(t, half, train.EvaluateOptions{}), features(t, full, train.EvaluateOptions{})
				if !slices.Equal(a, b) {
					t.Error("features differ from float32's")
				}
			})
		}
	})
}

// Every network, loss, head and option trains, and logits are those of features and
// Classifier, with every stage where it is asked for.
func TestSpecifications(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*record.Spec)
	}{
		{"resnet18, original stem", func(s *record.Spec) { convolutions(s, "resnet18", 1); s.Stem = "7x7" }},
		{"mlp of depth 3, etf", func(s *record.Spec) {
			s.Depth, s.Head, s.HeadScale = 3, "etf", 2
			s.Decay, s.LambdaH = 0, 1e-3
		}},
		{"normalised, focal", func(s *record.Spec) {
			s.Head, s.HeadScale, s.Loss.Name, s.FocalGamma = "normalised", 3, "focal", 2
		}},
		{"mse", func(s *record.Spec) { s.Loss.Name = "mse" }},
		{"mse-resc", func(s *record.Spec) { s.Loss.Name, s.MSEWeight, s.MSETarget = "mse-resc", 5, 2 }},
		{"ls, no momentum", func(s *record.Spec) { s.Loss.Name, s.Delta, s.Momentum = "ls", 0.1, 0 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			backendtest.Each(t, func(t *testing.T, b compute.Backend) {
				spec := smallSpec(c.change)
				spec.Rate = 0.01
				e := newEngine(t, b, spec, noiseSet(24, 16))
				before := stateOf(t, e)
				take(t, e, spec, 2, 12, 24)
				for i, x := range e.Network.Tensors {
					if same := slices.Equal(before.Values[i], stateOf(t, e).Values[i]); same != x.Frozen {
						t.Errorf("%s: unchanged %t, frozen %t", x.Name, same, x.Frozen)
					}
				}
				clf, err := e.Classifier()
				if err != nil {
					t.Fatal(err)
				}
				if len(clf.W) != 5*e.Network.Features || (clf.B == nil) != (spec.Head == "etf") {
					t.Fatalf("classifier has %d weights and %d biases", len(clf.W), len(clf.B))
				}
				err = e.Evaluate(
					context.Background(),
					train.EvaluateOptions{Test: true, Stages: true},
					func(b *train.Batch) error {
						if len(b.Labels) != 7 || len(b.Losses) != 7 || len(b.Stages) != len(e.Network.Stages) {
							t.Fatalf("%d labels, %d losses, %d stages", len(b.Labels), len(b.Losses), len(b.Stages))
						}
						for i, s := range e.Network.Stages {
							if len(b.Stages[i]) != 7*s.Features {
								t.Errorf("stage %s has %d numbers, want %d", s.Name, len(b.Stages[i]), 7*s.Features)
							}
						}
						d := e.Network.Features
						var want []float32
						for i := range b.Labels {
							for k := range 5 {
								var z float64
								if clf.B != nil {
									z = clf.B[k]
								}
								for j, h := range b.Features[i*d : (i+1)*d] {
									z += clf.W[k*d+j] * float64(h)
								}
								want = append(want, float32(z))
							}
						}
						near(t, "logits", b.Logits, want, 1e-5)
						return nil
					},
				)
				if err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// Two Engines train on one backend at once and do not disturb each other.
func TestSideBySide(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		specs := []record.Spec{
			smallSpec(nil),
			smallSpec(func(s *record.Spec) { s.Seed, s.Loss.Name, s.Delta = 3, "ls", 0.05 }),
		}
		set := noiseSet(48, 8)
		var alone, together [2][]float32
		for i, spec := range specs {
			alone[i] = take(t, newEngine(t, b, spec, set), spec, 6, 12, 48)
		}
		var wait sync.WaitGroup
		for i, spec := range specs {
			e := newEngine(t, b, spec, set)
			wait.Go(func() { together[i] = take(t, e, spec, 6, 12, 48) })
		}
		wait.Wait()
		for i := range specs {
			if !slices.Equal(alone[i], together[i]) {
				t.Errorf("losses of run %d are %v, alone %v", i, together[i], alone[i])
			}
		}
	})
}

// A state of another optimiser or network is refused and changes nothing.
func TestSetState(t *testing.T) {
	b := backendtest.Go(t)
	e := newEngine(t, b, smallSpec(nil), noiseSet(24, 8))
	before := stateOf(t, e)
	adam := stateOf(t, newEngine(t, b, smallSpec(func(s *record.Spec) { s.Optimizer = "adam" }), noiseSet(24, 8)))
	wide := stateOf(t, newEngine(t, b, smallSpec(func(s *record.Spec) { s.Width = 9 }), noiseSet(24, 8)))
	long := stateOf(t, e)
	long.Values = append(long.Values, []float32{1})
	for name, s := range map[string]*train.State{"exp_avg": adam, "layers.0.weight": wide, "tensors of values": long} {
		if err := e.SetState(s); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want one with %q", err, name)
		}
	}
	nearState(t, e.Network, stateOf(t, e), before, 0)
}

func TestSpecificationThatDoesNotFitTheSet(t *testing.T) {
	b := backendtest.Go(t)
	oblong := noiseSet(24, 8)
	oblong.Height, oblong.Width = 4, 16
	for want, c := range map[string]struct {
		set    *data.Set
		change func(*record.Spec)
	}{
		"batch: 128 is larger than the 24 training images": {noiseSet(24, 8), func(s *record.Spec) { s.Batch = 128 }},
		"pad 9":            {noiseSet(24, 8), func(s *record.Spec) { s.Pad = 9 }},
		"square images":    {oblong, nil},
		"devices: 3":       {noiseSet(24, 8), func(s *record.Spec) { s.Devices = 3 }},
		"head etf":         {noiseSet(24, 8), func(s *record.Spec) { s.Width, s.Head = 2, "etf" }},
		"unknown \"adma\"": {noiseSet(24, 8), func(s *record.Spec) { s.Optimizer = "adma" }},
	} {
		if _, err := train.NewEngine(b, smallSpec(c.change), c.set); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}
