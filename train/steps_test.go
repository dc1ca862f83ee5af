package train_test

import (
	"fmt"
	"reflect"
	"strings"
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

// Ten steps of every optimiser, option of the decay and schedule end at PyTorch's
// values and buffers.
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
	} {
		t.Run(c.name, func(t *testing.T) {
			backendtest.Each(t, func(t *testing.T, b compute.Backend) {
				spec := smallSpec(func(s *record.Spec) { convolutions(s, "cnn", 2); c.change(s) })
				e := newEngine(t, b, spec, noiseSet(48, 16))
				start := stateOf(t, e)
				v := f.Arrays["initial"].F32
				for i, x := range e.Network.Tensors {
					start.Values[i], v = x.FromTorch(v[:x.Size()]), v[x.Size():]
				}
				if err := e.SetState(start); err != nil {
					t.Fatal(err)
				}
				losses := take(t, e, spec, 10, 12, 48)
				checkTorch(t, f, c.name, e, losses, c.slots)
			})
		})
	}
}

// A ResNet's step in three parts ends at PyTorch's values of a loop of backward calls.
func TestAccumulateAsPyTorch(t *testing.T) {
	f, err := safetensors.ReadFile("testdata/torch_steps.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	initial, err := safetensors.ReadFile("../models/testdata/torch_parity.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		spec := smallSpec(func(s *record.Spec) { convolutions(s, "resnet18", 2); s.Rate, s.Accumulate = 0.01, 3 })
		e := newEngine(t, b, spec, noiseSet(48, 8))
		start := stateOf(t, e)
		for i, x := range e.Network.Tensors {
			start.Values[i] = x.FromTorch(initial.Arrays["initial."+x.Name].F32)
		}
		if err := e.SetState(start); err != nil {
			t.Fatal(err)
		}
		losses := take(t, e, spec, 3, 12, 48)
		last, err := e.Step([]int32{36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46}, 1, 0.01)
		if err != nil {
			t.Fatal(err)
		}
		checkTorch(t, f, "accumulate", e, append(losses, float32(last)), nil)
	})
}

// checkTorch compares losses, values and slots with those that PyTorch recorded under a name.
func checkTorch(t *testing.T, f *safetensors.File, name string, e *train.Engine, losses []float32, slots []string) {
	t.Helper()
	// flat joins tensors as the script does.
	flat := func(values [][]float32, ts []models.Tensor) (all []float32) {
		for i, x := range ts {
			all = append(all, x.Torch(values[i])...)
		}
		return all
	}
	near(t, "losses", losses, f.Arrays[name+".losses"].F32, 1e-5)
	end := stateOf(t, e)
	near(t, "state", flat(end.Values, e.Network.Tensors), f.Arrays[name+".final"].F32, 5e-5)
	var parameters []models.Tensor
	for _, x := range e.Network.Tensors {
		if x.Trained() {
			parameters = append(parameters, x)
		}
	}
	for i, key := range slots {
		near(t, key, flat(end.Slots[i].Values, parameters), f.Arrays[name+"."+key].F32, 1e-5)
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
			near(t, fmt.Sprintf("loss of %d images", size), take(t, parts, spec, 1, size, 24),
				take(t, whole, spec, 1, size, 24), 1e-6)
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
			if _, err := train.NewEngine(b, spec, noiseSet(24, 8)); err == nil ||
				!strings.Contains(err.Error(), "devices: 2 asked for") {
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
				near(t, "features", features(t, two, train.EvaluateOptions{}),
					features(t, one, train.EvaluateOptions{}), 1e-5)
			})
		}
	})
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
				for _, batches := range [][][]int32{
					{order[:8], order[8:16], order[16:24]}, {order[24:32]}, {order[32:40], order[40:48]},
				} {
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
	if _, err := e.Steps([][]int32{{1, 2, 3}, {4, 5}}, 1, 0.1); err == nil ||
		!strings.Contains(err.Error(), "3 and of 2") {
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
