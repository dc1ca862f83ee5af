package experiments

import (
	"math"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
)

// TestForward: multiply-adds of the paper's networks, as public counters of operations give them.
func TestForward(t *testing.T) {
	for _, c := range []struct {
		model, set string
		want       float64 // billions
	}{{"resnet18", "cifar10", 0.556}, {"resnet50", "cifar100", 1.298}, {"resnet50", "tiny-imagenet", 4 * 1.298}} {
		s := record.DefaultSpec()
		s.Model, s.Dataset = c.model, c.set
		if got, _ := forward(s); math.Abs(got/1e9/c.want-1) > 0.01 {
			t.Errorf("%s on %s: %.4g billion multiply-adds, want %g", c.model, c.set, got/1e9, c.want)
		}
	}
}

// TestRate: a run takes what one of the same kind took, what is left of it its share, and one of a
// machine without records says so.
func TestRate(t *testing.T) {
	twin, err := ByName("cifar10-twin-ce-2021")
	if err != nil {
		t.Fatal(err)
	}
	here := record.Environment{CPU: "A", Cores: 2, Backend: "xla:cpu"}
	run := func(e record.Environment, seconds float64) *record.Record {
		return &record.Record{Spec: twin.Spec, Status: record.Finished, Environment: e, Seconds: seconds,
			Data: record.Data{Train: 5000}, Epochs: []record.Epoch{{Epoch: 60}}}
	}
	other := here
	other.CPU = "B"
	runs := []*record.Record{run(here, 3600), run(here, 7200), run(other, 60), run(other, 60), run(other, 60)}
	rate := RateOf(runs, here)
	if h := rate.Hours(twin, 0); math.Abs(h-1) > 1e-12 || !rate.Here || rate.Records != 2 {
		t.Errorf("%g hours, %s; want 1 hour", h, rate)
	}
	if h := rate.Hours(twin, 60); h != 0 {
		t.Errorf("%g hours after the last epoch", h)
	}
	// After epoch 35 come 25 epochs and 9 of the 20 rows, each of 15,000 images.
	want := (3*5000*25 + 9*15000) / float64(3*5000*60+20*15000)
	if h := rate.Hours(twin, 35); math.Abs(h-want) > 1e-12 {
		t.Errorf("%g hours from epoch 35, want %g", h, want)
	}
	// Rows tell more than the whole run, which shared its machine: 60 epochs of 50 s and 20 rows of 30 s.
	busy := run(here, 9000)
	busy.Epochs = []record.Epoch{{Epoch: 1, Seconds: 90, MeasureSeconds: 30}, {Epoch: 60, Seconds: 50,
		MeasureSeconds: 60}}
	if h := RateOf([]*record.Record{busy}, here).Hours(twin, 0); math.Abs(h-1) > 1e-12 {
		t.Errorf("%g hours by the fastest epoch and row, want 1", h)
	}
	if rate := RateOf(runs, record.Environment{}); rate.Here || !strings.Contains(rate.String(), "another kind") {
		t.Errorf("on another machine: %s", rate)
	}
	if rate := RateOf(nil, here); !math.IsNaN(rate.Hours(twin, 0)) {
		t.Errorf("without records: %g hours", rate.Hours(twin, 0))
	}
}

// TestSteps: the step of a network takes, next to ResNet-18 of width 16 on CIFAR-10, what bench/train measured on
// two cores, to about a third.
func TestSteps(t *testing.T) {
	step := func(model, set string, width int) float64 {
		s := record.DefaultSpec()
		s.Model, s.Dataset, s.Width = model, set, width
		multiplyAdds, elements := forward(s)
		return multiplyAdds + perElement*elements
	}
	one := step("resnet18", "cifar10", 16)
	for _, c := range []struct {
		model, set string
		width      int
		measured   float64
	}{{"resnet18", "cifar10", 64, 10}, {"resnet50", "cifar100", 16, 3.86}, {"resnet50", "cifar100", 12, 3.47},
		{"resnet50", "tiny-imagenet", 4, 3.12}} {
		if got := step(c.model, c.set, c.width) / one; got < c.measured/1.4 || got > c.measured*1.4 {
			t.Errorf("%s of width %d on %s: %.3g times as long, measured %.3g", c.model, c.width, c.set, got,
				c.measured)
		}
	}
}
