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
}

// TestValidateAll: every fault is reported at once, under its field's name.
func TestValidateAll(t *testing.T) {
	s := Spec{
		Name: "bad", Dataset: "mnist", TrainPerClass: -1, Model: "vgg", Width: 0, Loss: "mse", Delta: 1, Epochs: 0,
		Batch: 1, Rate: math.NaN(), Momentum: 1, Decay: math.Inf(1), Milestones: []int{3, 3}, Gamma: 0,
	}
	says(t, s.Validate(), `"bad"`, "dataset", `"mnist"`, "cifar10", "train_per_class", "model", `"vgg"`, "width", "loss", `"mse"`,
		"delta", "[0, 1)", "epochs", "batch", "rate", "NaN", "momentum", "decay", "Inf", "milestones", "gamma")

	for _, c := range []struct {
		loss  string
		delta float64
		ok    bool
	}{{"ce", 0, true}, {"ls", 0.05, true}, {"ls", 0.999, true}, {"ce", 0.05, false}, {"ls", 0, false}, {"ls", -0.1, false}, {"ls", 1, false}} {
		s := DefaultSpec()
		s.Loss, s.Delta = c.loss, c.delta
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
	want.Name, want.Loss, want.Delta, want.Milestones = "x", "ls", 0.1, []int{5}
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
