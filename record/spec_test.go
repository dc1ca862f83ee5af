package record

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestDefaultSpec(t *testing.T) {
	s := DefaultSpec()
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
	if s.Scale() != PaperScale {
		t.Errorf("the paper's setting is of scale %q", s.Scale())
	}
	for name, change := range map[string]func(*Spec){
		"width": func(s *Spec) { s.Width = 16 }, "images": func(s *Spec) { s.TrainPerClass = 500 },
		"epochs": func(s *Spec) { s.Epochs = 99 }, "data set": func(s *Spec) { s.Dataset = "fashion-mnist-small" },
		"batch": func(s *Spec) { s.Batch = 64 }, "rate": func(s *Spec) { s.Rate = 0.1 },
		"momentum": func(s *Spec) { s.Momentum = 0 }, "decay": func(s *Spec) { s.Decay = 0 },
		"gamma": func(s *Spec) { s.Gamma = 0.5 }, "milestones": func(s *Spec) { s.Milestones = nil },
	} {
		s := DefaultSpec()
		change(&s)
		if s.Scale() != ReducedScale {
			t.Errorf("another %s than the paper's is of scale %q", name, s.Scale())
		}
	}
	s = DefaultSpec()
	s.FeatureNorm, s.Decay, s.LambdaW, s.LambdaH, s.LambdaB = true, 0, 1e-3, 1e-6, 1e-2
	if s.Scale() != PaperScale {
		t.Errorf("the paper's simulated UFM is of scale %q", s.Scale())
	}
	if s.LambdaH = 1e-5; s.Scale() != ReducedScale {
		t.Errorf("another penalty than the paper's UFM is of scale %q", s.Scale())
	}
}

// TestValidateAll: every fault is reported at once, under its field's name.
func TestValidateAll(t *testing.T) {
	s := Spec{
		Name: "bad", Images: Images{Dataset: "cifar1", TrainPerClass: -1}, Network: Network{Model: "resnet15"},
		Loss:         Loss{Name: "lss", Delta: 1},
		Optimisation: Optimisation{Batch: 1, Rate: math.NaN(), Momentum: 1, Decay: math.Inf(1)},
		RateSchedule: RateSchedule{Milestones: []int{3, 3}},
	}
	says(t, s.Validate(), `"bad"`, "dataset", `"cifar1"`, "did you mean cifar10?", "train_per_class",
		"model", `"resnet15"`, "did you mean resnet18?", "width", "loss", `"lss"`, "did you mean ls?",
		"delta", "belongs to loss ls", "epochs", "batch", "rate", "NaN", "momentum", "decay", "Inf",
		"milestones", "gamma")

	for _, c := range []struct {
		loss  string
		delta float64
		ok    bool
	}{
		{"ce", 0, true}, {"ls", 0.05, true}, {"ls", 0.999, true},
		{"ce", 0.05, false}, {"ls", 0, false}, {"ls", -0.1, false}, {"ls", 1, false},
	} {
		s := DefaultSpec()
		s.Loss = Loss{Name: c.loss, Delta: c.delta}
		if err := s.Validate(); (err == nil) != c.ok {
			t.Errorf("loss %s, δ = %v: %v", c.loss, c.delta, err)
		}
	}
}

func TestRateAt(t *testing.T) {
	s := DefaultSpec() // 0.05, times 0.1 after 150 and 350 epochs
	for epoch, want := range map[int]float64{1: 0.05, 150: 0.05, 151: 0.005, 350: 0.005, 351: 0.0005, 800: 0.0005} {
		if got := s.RateAt(epoch); math.Abs(got-want) > 1e-15 {
			t.Errorf("rate of epoch %d is %v, want %v", epoch, got, want)
		}
	}
}

func TestReadSpec(t *testing.T) {
	got, err := ReadSpec(strings.NewReader(`{"name": "x", "loss": "ls", "delta": 0.1, "milestones": [5]}` + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultSpec()
	want.Name, want.Loss, want.Milestones = "x", Loss{Name: "ls", Delta: 0.1}, []int{5}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, want %+v", got, want)
	}
	for text, words := range map[string][]string{
		"":                        {"empty"},
		"null":                    {"null", "object"},
		"[]":                      {"specification"},
		`{"epochs": "many"}`:      {"epochs"},
		`{"epoch": 3}`:            {"unknown field", "epoch"},
		`{"epochs": 3} {}`:        {"more after"},
		`{"epochs": 3} }`:         {"more after"},
		`{"epochs": -3}`:          {"epochs", "-3"},
		`{"seed": 2021`:           {"specification"},
		`{"rate": 1e999}`:         {"rate"},
		`{"train_per_class":1.5}`: {"train_per_class"},
	} {
		_, err := ReadSpec(strings.NewReader(text))
		if err == nil {
			t.Errorf("no error for %s", text)
			continue
		}
		says(t, err, words...)
	}
}

func FuzzReadSpec(f *testing.F) {
	f.Add([]byte(`{"name": "x", "loss": "ls", "delta": 0.1, "milestones": [5]}`))
	f.Add([]byte(`{"epochs": 3} }`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ReadSpec(bytes.NewReader(b))
		if err != nil {
			return
		}
		out, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ReadSpec(bytes.NewReader(out))
		if err != nil {
			t.Fatalf("written as %s: %v", out, err)
		}
		if again, err := json.Marshal(back); err != nil || !bytes.Equal(out, again) {
			t.Errorf("%s became %s (%v)", out, again, err)
		}
		for _, epoch := range []int{1, s.Epochs} {
			if r := s.RateAt(epoch); !(r >= 0) || r > s.Rate {
				t.Errorf("rate of epoch %d is %v with rate %v", epoch, r, s.Rate)
			}
		}
	})
}

// Each contradiction is an error of its own that names the field.
func TestContradictions(t *testing.T) {
	for words, change := range map[string]func(*Spec){
		"milestones: 350":             func(s *Spec) { s.ScheduleEpochs, s.Epochs = 300, 300 },
		"schedule_epochs: a schedule": func(s *Spec) { s.ScheduleEpochs = 400 },
		"given with schedule cosine":  func(s *Spec) { s.Schedule = "cosine" },
		"schedule cosine needs": func(s *Spec) {
			s.Schedule, s.Milestones, s.ScheduleEpochs = "cosine", nil, 0
		},
		"nesterov":                              func(s *Spec) { s.Nesterov, s.Momentum = true, 0 },
		"which replaces it":                     func(s *Spec) { s.LambdaW = 1e-3 },
		"only lambda_h":                         func(s *Spec) { s.LambdaW, s.Decay, s.Head = 1e-3, 0, "etf" },
		"batch: 128 does not divide":            func(s *Spec) { s.Accumulate = 3 },
		"equal parts of at least 2":             func(s *Spec) { s.Accumulate, s.Devices = 64, 2 },
		"focal_gamma: 2 given":                  func(s *Spec) { s.FocalGamma = 2 },
		"mse_weight: 0 is outside":              func(s *Spec) { s.Loss.Name, s.MSETarget = "mse-resc", 1 },
		"depth: 3 given":                        func(s *Spec) { s.Depth = 3 },
		"stem: 7x7 given with model cnn":        func(s *Spec) { s.Model, s.Stem = "cnn", "7x7" },
		"head_scale: 2 given":                   func(s *Spec) { s.HeadScale = 2 },
		"long_tail: 0.5":                        func(s *Spec) { s.LongTail = 0.5 },
		"corrupt: 1.1":                          func(s *Spec) { s.Corrupt = 1.1 },
		"resize: 64 given with dataset cifar10": func(s *Spec) { s.Resize = 64 },
		"resize: 5000 is outside":               func(s *Spec) { s.Dataset, s.Resize = "folder:x", 5000 },
		"test_share: 1 is outside":              func(s *Spec) { s.TestShare = 1 },
		"measure: \"5,3\"":                      func(s *Spec) { s.Measure = "5,3" },
		"did you mean bfloat16?":                func(s *Spec) { s.Precision = "bf16" },
		"folder:PATH, npz:PATH":                 func(s *Spec) { s.Dataset = "npz:" },
	} {
		s := DefaultSpec()
		change(&s)
		says(t, s.Validate(), words)
	}
}

// What a user leaves out follows from what was given.
func TestComplete(t *testing.T) {
	for text, check := range map[string]func(Spec) bool{
		`{"epochs": 40}`: func(s Spec) bool {
			return s.ScheduleEpochs == 800 && len(s.Milestones) == 2
		},
		`{"epochs": 900}`:                    func(s Spec) bool { return s.ScheduleEpochs == 900 },
		`{"epochs": 40, "milestones": [20]}`: func(s Spec) bool { return s.ScheduleEpochs == 40 },
		`{"epochs": 40, "schedule": "cosine"}`: func(s Spec) bool {
			return s.ScheduleEpochs == 40 && s.Milestones == nil
		},
		`{"loss": "ls"}`:                         func(s Spec) bool { return s.Delta == 0.05 },
		`{"lambda_h": 1e-6}`:                     func(s Spec) bool { return s.Decay == 0 },
		`{"model": "mlp", "head": "etf"}`:        func(s Spec) bool { return s.Depth == 2 && s.HeadScale == 1 },
		`{"stem": "", "accumulate": 0}`:          func(s Spec) bool { return s.Stem == "3x3" && s.Accumulate == 1 },
		`{"dataset": "folder:images", "pad": 4}`: func(s Spec) bool { return s.Dataset == "folder:images" },
	} {
		s, err := ReadSpec(strings.NewReader(text))
		if err != nil || !check(s) {
			t.Errorf("%s gives %+v, %v", text, s, err)
		}
	}
	says(t, second(ReadSpec(strings.NewReader(`{"epochs": 40, "milestones": [50]}`))),
		"milestones: 50 is beyond", "schedule_epochs")
	says(t, second(ReadSpec(strings.NewReader(`{"loss": "ls", "delta": 0}`))), "delta: 0 is outside")
}

func second(_ Spec, err error) error { return err }

// A record that has none of the later fields is valid, and means what it meant.
func TestOlderSpec(t *testing.T) {
	s := Spec{
		Images: Images{Dataset: "cifar10"}, Network: Network{Model: "resnet18", Width: 64}, Loss: Loss{Name: "ce"},
		Optimisation: Optimisation{Epochs: 100, Batch: 128, Rate: 0.05, Momentum: 0.9, Decay: 5e-4},
		RateSchedule: RateSchedule{Milestones: []int{150, 350}, Gamma: 0.1}, Seed: 2021,
	}
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
	if s.Scale() != PaperScale {
		t.Errorf("scale %s", s.Scale())
	}
	for epoch := 1; epoch <= 100; epoch++ {
		if !s.Measured(epoch) {
			t.Fatalf("epoch %d is not measured", epoch)
		}
	}
}

func TestPaperPairs(t *testing.T) {
	for _, c := range []struct {
		dataset, model string
		milestones     []int
		want           Scale
	}{
		{"cifar100", "resnet50", []int{150, 350}, PaperScale},
		{"cifar100", "resnet18", []int{150, 350}, ReducedScale},
		{"tiny-imagenet", "resnet50", []int{100, 200}, PaperScale},
		{"tiny-imagenet", "resnet50", []int{150, 350}, ReducedScale},
		{"mnist", "resnet18", []int{150, 350}, ReducedScale},
	} {
		s := DefaultSpec()
		s.Dataset, s.Model, s.Milestones, s.Measure = c.dataset, c.model, c.milestones, "every:5"
		s.Loss = Loss{Name: "ls", Delta: 0.1}
		if got := s.Scale(); got != c.want {
			t.Errorf("%+v is of scale %s", c, got)
		}
	}
	for name, change := range map[string]func(*Spec){
		"augmentation": func(s *Spec) { s.Flip = true }, "head": func(s *Spec) { s.Head, s.HeadScale = "etf", 1 },
		"optimiser": func(s *Spec) { s.Nesterov = true }, "labels": func(s *Spec) { s.Corrupt = 0.1 },
	} {
		s := DefaultSpec()
		change(&s)
		if s.Scale() != ReducedScale {
			t.Errorf("another %s than the paper's is of scale %s", name, s.Scale())
		}
	}
}

// Values of torch.optim.lr_scheduler.CosineAnnealingLR(T_max=4), rate 0.1.
func TestCosine(t *testing.T) {
	s := DefaultSpec()
	s.Schedule, s.Milestones, s.Rate, s.Epochs, s.ScheduleEpochs = "cosine", nil, 0.1, 4, 4
	for i, want := range []float64{0.1, 0.0853553390593274, 0.05, 0.0146446609406726} {
		if got := s.RateAt(i + 1); math.Abs(got-want) > 1e-15 {
			t.Errorf("rate of epoch %d is %v, want %v", i+1, got, want)
		}
	}
}

func TestMeasured(t *testing.T) {
	epochs := func(rule string, n int) (list []int) {
		s := DefaultSpec()
		s.Measure, s.Epochs = rule, n
		for e := 1; e <= n; e++ {
			if s.Measured(e) {
				list = append(list, e)
			}
		}
		return list
	}
	for _, c := range []struct {
		rule string
		n    int
		want []int
	}{
		{"every:1", 3, []int{1, 2, 3}}, {"every:4", 10, []int{1, 4, 8, 10}}, {"2,5, 9", 8, []int{1, 2, 5, 8}},
		{"log", 24, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 18, 19, 21, 24}},
	} {
		if got := epochs(c.rule, c.n); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s of %d epochs measures %v, want %v", c.rule, c.n, got, c.want)
		}
	}
	if n := len(epochs("log", 800)); n != 56 {
		t.Errorf("log measures %d of 800 epochs", n)
	}
}

// Runs of one setting differ in the fields that a figure's series may differ in, and in no other.
func TestSetting(t *testing.T) {
	a := DefaultSpec()
	for name, c := range map[string]struct {
		change func(*Spec)
		same   bool
	}{
		"loss":         {func(s *Spec) { s.Loss = Loss{Name: "ls", Delta: 0.1} }, true},
		"another seed": {func(s *Spec) { s.Seed, s.Name = 7, "seven" }, true},
		"length":       {func(s *Spec) { s.Epochs, s.ScheduleEpochs, s.Measure = 100, 0, "1,2" }, true},
		"older record": {func(s *Spec) { s.Stem, s.Precision, s.Optimizer, s.Schedule = "", "", "", "" }, true},
		"rate":         {func(s *Spec) { s.Rate = 0.1 }, false},
		"augmentation": {func(s *Spec) { s.Pad = 4 }, false},
		"precision":    {func(s *Spec) { s.Precision = "tf32" }, false},
		"milestones":   {func(s *Spec) { s.Milestones = nil }, false},
		"length of a cosine": {func(s *Spec) {
			s.Schedule, s.Milestones, s.ScheduleEpochs = "cosine", nil, 100
		}, false},
	} {
		b := a
		c.change(&b)
		if same := Differences(a.Setting(), b.Setting()) == nil; same != c.same {
			t.Errorf("%s: the same setting %t, want %t", name, same, c.same)
		}
	}
	none, empty := a, a
	none.Milestones, empty.Milestones = nil, []int{}
	if d := Differences(none.Setting(), empty.Setting()); d != nil {
		t.Errorf("no milestones are not an empty list of them: %v", d)
	}
	other := a
	other.Rate, other.Pad = 0.1, 4
	if d := Differences(a, other); !reflect.DeepEqual(d, []Difference{{"pad", "0", "4"}, {"rate", "0.05", "0.1"}}) {
		t.Errorf("differences %v", d)
	}
}
