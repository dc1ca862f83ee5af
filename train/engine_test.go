package train_test

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gomlx/compute"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/models"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
	"github.com/gocollapse/collapse/train/safetensors"
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

// Ten steps of every optimiser, option of the decay and schedule end at PyTorch's
// values and buffers, and a ResNet's step in three parts at those of a loop of
// backward calls.
func TestOptimisersAsPyTorch(t *testing.T) {
	f, err := safetensors.ReadFile("testdata/torch_steps.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	sgd, moments := []string{"momentum_buffer"}, []string{"exp_avg", "exp_avg_sq"}
	for _, c := range []struct {
		name   string
		slots  []string
		change func(*record.Spec)
	}{
		{"nesterov", sgd, func(s *record.Spec) { s.Rate, s.Nesterov = 0.01, true }},
		{"weights", sgd, func(s *record.Spec) { s.Rate, s.Decay, s.DecayOn = 0.01, 0.05, "weights" }},
		{"adam", moments, func(s *record.Spec) { s.Optimizer, s.Rate, s.Decay = "adam", 1e-3, 1e-2 }},
		{"adamw", moments, func(s *record.Spec) {
			s.Optimizer, s.Rate, s.Momentum, s.Decay, s.DecayOn = "adamw", 1e-3, 0.8, 0.1, "weights"
		}},
		{"cosine", sgd, func(s *record.Spec) { s.Rate, s.Schedule = 0.02, "cosine" }},
		{"accumulate", nil, func(s *record.Spec) { s.Rate, s.Accumulate = 0.01, 3 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			backendtest.Each(t, func(t *testing.T, b compute.Backend) {
				model, size := "cnn", 16
				if c.name == "accumulate" {
					model, size = "resnet18", 8
				}
				spec := smallSpec(func(s *record.Spec) { convolutions(s, model, 2); c.change(s) })
				e := newEngine(t, b, spec, noiseSet(48, size))
				// flat joins tensors as the script does.
				flat := func(values [][]float32, ts []models.Tensor) (all []float32) {
					for i, x := range ts {
						all = append(all, x.Torch(values[i])...)
					}
					return all
				}
				start := stateOf(t, e)
				if c.name == "accumulate" {
					g, err := safetensors.ReadFile("../models/testdata/torch_parity.safetensors")
					if err != nil {
						t.Fatal(err)
					}
					for i, x := range e.Network.Tensors {
						start.Values[i] = x.FromTorch(g.Arrays["initial."+x.Name].F32)
					}
				} else {
					v := f.Arrays["initial"].F32
					for i, x := range e.Network.Tensors {
						start.Values[i], v = x.FromTorch(v[:x.Size()]), v[x.Size():]
					}
				}
				if err := e.SetState(start); err != nil {
					t.Fatal(err)
				}
				var losses []float32
				if c.name == "accumulate" {
					losses = take(t, e, spec, 3, 12, 48)
					last := []int32{36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46}
					l, err := e.Step(last, 1, 0.01)
					if err != nil {
						t.Fatal(err)
					}
					losses = append(losses, float32(l))
				} else {
					losses = take(t, e, spec, 10, 12, 48)
				}
				near(t, "losses", losses, f.Arrays[c.name+".losses"].F32, 1e-5)
				end := stateOf(t, e)
				near(t, "state", flat(end.Values, e.Network.Tensors), f.Arrays[c.name+".final"].F32, 5e-5)
				var parameters []models.Tensor
				for _, x := range e.Network.Tensors {
					if x.Trained() {
						parameters = append(parameters, x)
					}
				}
				for i, key := range c.slots {
					near(t, key, flat(end.Slots[i].Values, parameters), f.Arrays[c.name+"."+key].F32, 1e-5)
				}
			})
		})
	}
}

// Without batch normalisation a step in parts is the step of the whole batch, also
// where the parts are not equal, with the UFM's penalty in place of decay.
func TestAccumulate(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		spec := smallSpec(func(s *record.Spec) {
			s.FeatureNorm = false
			s.Decay, s.LambdaW, s.LambdaH, s.LambdaB = 0, 1e-2, 1e-3, 1e-2
		})
		set := noiseSet(24, 8)
		whole := newEngine(t, b, spec, set)
		spec.Accumulate = 4
		parts := newEngine(t, b, spec, set)
		for _, size := range []int{12, 12, 7, 3, 1} {
			near(t, fmt.Sprintf("loss of %d images", size), take(t, parts, spec, 1, size, 24), take(t, whole, spec, 1, size, 24), 1e-6)
		}
		nearState(t, whole.Network, stateOf(t, parts), stateOf(t, whole), 1e-6)
	})
}

// Two devices give one device's numbers: with batch normalisation, the UFM's penalty,
// parts and augmentation, and for a last batch that does not divide. (Not so with Adam
// where a gradient is zero but for rounding, as of a shift before a normalisation:
// it takes steps of the full size in the rounding's direction.)
func TestDevices(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		if b.NumDevices() < 2 {
			spec := smallSpec(func(s *record.Spec) { s.Devices = 2 })
			if _, err := train.NewEngine(b, spec, noiseSet(24, 8)); err == nil || !strings.Contains(err.Error(), "devices: 2 asked for") {
				t.Errorf("error %v, want one that says how many devices there are", err)
			}
			return
		}
		for _, c := range []struct {
			name   string
			change func(*record.Spec)
		}{
			{"convolutions", func(s *record.Spec) { convolutions(s, "cnn", 2); s.Rate = 0.01 }},
			{"all the rest", func(s *record.Spec) {
				convolutions(s, "cnn", 2)
				s.Rate, s.Nesterov, s.Accumulate, s.Flip, s.Pad = 0.01, true, 3, true, 2
				s.Decay, s.LambdaW, s.LambdaH, s.LambdaB = 0, 1e-2, 1e-4, 1e-2
			}},
		} {
			t.Run(c.name, func(t *testing.T) {
				// More images than one device evaluates at a time.
				spec, set := smallSpec(c.change), noiseSet(520, 16)
				one := newEngine(t, b, spec, set)
				spec.Devices = 2
				two := newEngine(t, b, spec, set)
				near(t, "losses", take(t, two, spec, 10, 12, 48), take(t, one, spec, 10, 12, 48), 1e-5)
				near(t, "loss of 11 images", take(t, two, spec, 1, 11, 48), take(t, one, spec, 1, 11, 48), 1e-5)
				nearState(t, one.Network, stateOf(t, two), stateOf(t, one), 1e-5)
				near(t, "features", features(t, two, train.EvaluateOptions{}), features(t, one, train.EvaluateOptions{}), 1e-5)
			})
		}
	})
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
				if a, b := features(t, half, train.EvaluateOptions{}), features(t, full, train.EvaluateOptions{}); !slices.Equal(a, b) {
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
				err = e.Evaluate(context.Background(), train.EvaluateOptions{Test: true, Stages: true}, func(b *train.Batch) error {
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
				})
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
		specs := []record.Spec{smallSpec(nil), smallSpec(func(s *record.Spec) { s.Seed, s.Loss.Name, s.Delta = 3, "ls", 0.05 })}
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
		if _, err := train.NewEngine(b, smallSpec(c.change), c.set); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// Several steps at one call of the host are those steps one after the other, and the state
// that they leave goes on as theirs does.
func TestSteps(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		for _, c := range []struct {
			name   string
			change func(*record.Spec)
		}{
			{"mlp", func(*record.Spec) {}},
			{"adam", func(s *record.Spec) { s.Optimizer, s.Rate = "adam", 1e-3 }},
			{"moved", func(s *record.Spec) { convolutions(s, "cnn", 2); s.Pad, s.Flip = 1, true }},
			{"resnet", func(s *record.Spec) { convolutions(s, "resnet18", 2); s.Rate = 0.01 }},
			{"parts", func(s *record.Spec) { s.Accumulate = 2 }},
		} {
			t.Run(c.name, func(t *testing.T) {
				spec, set := smallSpec(c.change), noiseSet(48, 8)
				one, together := newEngine(t, b, spec, set), newEngine(t, b, spec, set)
				order := data.Permutation(48, 1, 1)
				var want, got []float32
				for i := range 6 {
					l, err := one.Step(order[i*8:i*8+8], 2, spec.Rate)
					if err != nil {
						t.Fatal(err)
					}
					want = append(want, float32(l))
				}
				for _, batches := range [][][]int32{{order[:8], order[8:16], order[16:24]}, {order[24:32]}, {order[32:40], order[40:48]}} {
					losses, err := together.Steps(batches, 2, spec.Rate)
					if err != nil {
						t.Fatal(err)
					}
					for _, l := range losses {
						got = append(got, float32(l))
					}
				}
				near(t, "losses", got, want, 1e-5)
				nearState(t, one.Network, stateOf(t, together), stateOf(t, one), 1e-4)
			})
		}
	})
}

func TestStepsOfTwoSizes(t *testing.T) {
	b := backendtest.Go(t)
	e := newEngine(t, b, smallSpec(nil), noiseSet(48, 8))
	before := stateOf(t, e)
	if _, err := e.Steps([][]int32{{1, 2, 3}, {4, 5}}, 1, 0.1); err == nil || !strings.Contains(err.Error(), "3 and of 2") {
		t.Errorf("batches of 3 and 2 images: %v", err)
	}
	if !reflect.DeepEqual(stateOf(t, e), before) {
		t.Error("the state has changed")
	}
}

// Ten steps of a ResNet from one start end at the same values and momentum on every backend
// that this machine has: pure Go, XLA on the CPU, XLA on an NVIDIA GPU.
func TestBackendsAgree(t *testing.T) {
	spec, set := smallSpec(func(s *record.Spec) { convolutions(s, "resnet18", 4); s.Rate = 0.01 }), noiseSet(48, 16)
	ten := func(t *testing.T, b compute.Backend) (*models.Network, *train.State, []float32) {
		e := newEngine(t, b, spec, set)
		losses := take(t, e, spec, 10, 12, 48)
		return e.Network, stateOf(t, e), losses
	}
	net, want, losses := ten(t, backendtest.Go(t))
	for _, name := range []string{"xla:cpu", "xla:cuda"} {
		t.Run(name, func(t *testing.T) {
			if r := backend.InspectCUDA(); name == "xla:cuda" && (!r.GPU || r.Driver == "" || r.Plugin == "") {
				t.Skip("no NVIDIA GPU with a driver and the CUDA plugin here")
			}
			b, choice, err := backend.Open(backend.Options{Name: name})
			if err != nil {
				if name == "xla:cpu" && choice.Plugin == "" {
					t.Skipf("SKIPPED ON XLA: %v", err)
				}
				t.Fatal(err)
			}
			t.Cleanup(b.Finalize)
			_, got, l := ten(t, b)
			near(t, "losses", l, losses, 1e-5)
			nearState(t, net, got, want, 1e-4)
		})
	}
}
