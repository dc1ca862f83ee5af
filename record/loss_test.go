package record

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// How each loss is written: in a legend, in a sentence, in the name of a folder.
func TestLossNames(t *testing.T) {
	for _, c := range []struct {
		loss              Loss
		text, words, slug string
	}{
		{Loss{Name: "ce"}, "CE", "cross entropy", "ce"},
		{Loss{Name: "ls", Delta: 0.05}, "LS (δ = 0.05)", "label smoothing, δ = 0.05", "ls0.05"},
		{Loss{Name: "focal", FocalGamma: 3}, "focal (γ = 3)", "focal loss, γ = 3", "focal3"},
		{Loss{Name: "mse"}, "MSE", "mean squared error", "mse"},
		{Loss{Name: "mse-resc", MSEWeight: 15, MSETarget: 30}, "rescaled MSE (k = 15, M = 30)",
			"rescaled mean squared error, k = 15, M = 30", "mse-resc15-30"},
		{Loss{Name: "own:mine", Parameters: map[string]float64{"b": 2, "a": 0.5}},
			"mine (a = 0.5, b = 2)", "mine, a = 0.5, b = 2", "mine0.5-2"},
		{Loss{Name: "own:plain"}, "plain", "plain", "plain"},
	} {
		if got := c.loss.String(); got != c.text {
			t.Errorf("%q, want %q", got, c.text)
		}
		if got := c.loss.Words(); got != c.words {
			t.Errorf("%q, want %q", got, c.words)
		}
		if got := c.loss.Slug(); got != c.slug {
			t.Errorf("%q, want %q", got, c.slug)
		}
	}
}

// The table says all that a help text, an error or a page needs, and its keys are a loss's.
func TestLossTable(t *testing.T) {
	for _, k := range Losses {
		if k.Name == "" || k.Short == "" || k.Title == "" || k.Equation == "" || k.Lowest == "" {
			t.Errorf("the row of loss %q has gaps: %+v", k.Name, k)
		}
		var l Loss
		for _, p := range k.Parameters {
			if l.parameters()[p.Key] == nil || p.Symbol == "" || p.Meaning == "" || p.Range == (Interval{}) ||
				(p.Default != 0 && !p.Range.Has(p.Default)) {
				t.Errorf("loss %s: parameter %+v", k.Name, p)
			}
		}
	}
	b, err := json.Marshal(Loss{})
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]any
	if err := json.Unmarshal(b, &keys); err != nil {
		t.Fatal(err)
	}
	if n := len((&Loss{}).parameters()); len(keys) != n+1 || len(lossParameterKeys()) != n {
		t.Errorf("%d parameters, JSON %v, keys %v", n, keys, lossParameterKeys())
	}
}

func TestLossValidate(t *testing.T) {
	for _, c := range []struct {
		loss Loss
		want []string // in the error; none for a valid loss
	}{
		{Loss{Name: "ce"}, nil},
		{Loss{Name: "mse-resc", MSEWeight: 15, MSETarget: 30}, nil},
		{Loss{Name: "own:mine", Parameters: map[string]float64{"margin": -1}}, nil},
		{Loss{Name: "hinge"}, []string{`"hinge"`, "ce, ls, focal, mse", "own:NAME"}},
		{Loss{Name: "own:"}, []string{`"own:"`}},
		{Loss{Name: "ls"}, []string{"delta", "(0, 1)"}},
		{Loss{Name: "ls", Delta: 1}, []string{"delta", "(0, 1)"}},
		{Loss{Name: "focal", FocalGamma: math.NaN()}, []string{"focal_gamma", "NaN"}},
		{Loss{Name: "focal", FocalGamma: math.Inf(1)}, []string{"focal_gamma", "+Inf"}},
		{Loss{Name: "ce", Delta: 0.1, FocalGamma: 2}, []string{"delta", "focal_gamma"}},
		{Loss{Name: "mse-resc"}, []string{"mse_weight", "mse_target"}},
		{Loss{Name: "ce", Parameters: map[string]float64{"margin": 1}}, []string{"loss_parameters", "own:NAME"}},
		{Loss{Name: "own:mine", Delta: 0.1}, []string{"delta", "own:mine", "belongs to loss ls"}},
		{Loss{Name: "own:mine", Parameters: map[string]float64{"margin": math.Inf(-1)}}, []string{"margin", "-Inf"}},
	} {
		err := c.loss.Validate()
		if (err == nil) != (c.want == nil) {
			t.Errorf("%+v: error %v", c.loss, err)
		}
		if c.want != nil {
			says(t, err, c.want...)
		}
	}
}

// Infima of losses that are not a smoothed cross entropy, and what has none. Package losses
// compares the floor of label smoothing with the loss.
func TestLossFloor(t *testing.T) {
	for _, l := range []Loss{
		{Name: "ce"}, {Name: "focal", FocalGamma: 2}, {Name: "mse"}, {Name: "mse-resc", MSEWeight: 1, MSETarget: 15},
	} {
		if f, err := l.Floor(10); err != nil || f != 0 {
			t.Errorf("floor of %v is %v, %v, want 0", l, f, err)
		}
	}
	if f, err := (Loss{Name: "ls", Delta: 0.5}).Floor(1); err != nil || f != 0 {
		t.Errorf("floor of one class is %v, %v, want 0", f, err)
	}
	for _, delta := range []float64{-1, 1, math.NaN()} {
		if _, err := (Loss{Name: "ls", Delta: delta}).Floor(10); err == nil {
			t.Errorf("δ %v was taken", delta)
		}
	}
	if _, err := (Loss{Name: "ls", Delta: 0.1}).Floor(0); err == nil {
		t.Error("0 classes were taken")
	}
	if _, err := (Loss{Name: "own:mine"}).Floor(10); err == nil || !strings.Contains(err.Error(), "own:mine") {
		t.Errorf("the floor of a loss of one's own: error %v", err)
	}
}

// A specification of a loss of one's own is read and written with its parameters; the JSON of any
// other one has no such key.
func TestOwnLoss(t *testing.T) {
	s, err := ReadSpec(strings.NewReader(`{"loss": "own:mine", "loss_parameters": {"margin": 0.3}}`))
	if err != nil {
		t.Fatal(err)
	}
	if s.Loss.Parameters["margin"] != 0.3 || !strings.Contains(s.String(), `"loss_parameters":{"margin":0.3}`) {
		t.Errorf("read as %v", s)
	}
	if text := DefaultSpec().String(); strings.Contains(text, "loss_parameters") {
		t.Errorf("the default has a key that only a loss of one's own has: %s", text)
	}
	changed := func(field string) bool { return field == "loss" }
	set := func(s *Spec) error { s.Loss.Name = "ce"; return nil }
	ce, err := DecodeSpec(strings.NewReader(s.String()), changed, set)
	if err != nil || ce.Validate() != nil || ce.Loss.Parameters != nil {
		t.Errorf("another loss in its place: %v, %v", ce, err)
	}
}
