package reproduce

import (
	"math"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
)

// TestCompare: on the same machine one bit is a difference; elsewhere one that is within the
// tolerance is none, and other images are an error.
func TestCompare(t *testing.T) {
	const name = "cifar10-twin-ce-2021"
	made := func(change func(*record.Record)) *record.Record {
		r := run(t, name, 60)
		r.StepLosses = []record.Number{1.5, 1.25}
		r.Data.Files = []record.File{{Name: "a", SHA256: "1"}}
		r.Epochs[0].Train = &record.Calibration{Logits: &record.Logits{}}
		r.Epochs[0].Test = &record.Calibration{Logits: &record.Logits{}, Scaled: &record.Scaled{}}
		for _, m := range record.Metrics() {
			m.Set(&r.Epochs[0], 0.5)
		}
		r.Epochs[0].Seconds = 3
		if change != nil {
			change(r)
		}
		return r
	}
	old := made(nil)
	c, err := Compare(old, made(func(r *record.Record) { r.Epochs[0].Seconds = 7 }))
	if err != nil || c.Err() != nil || !c.Exact || c.Numbers < 20 {
		t.Errorf("the same run: %v, %v, %+v", err, c.Err(), c)
	}
	bit := func(r *record.Record) { r.Epochs[0].NC1 = record.Number(math.Nextafter(0.5, 1)) }
	if c, err := Compare(old, made(bit)); err != nil || c.Err() == nil ||
		!strings.Contains(c.Err().Error(), "epochs[0].nc1") {
		t.Errorf("one bit of NC1 differs: %v, %v", err, c.Err())
	}
	step := func(r *record.Record) { r.StepLosses[1] = 1.2500001 }
	if c, err := Compare(old, made(step)); err != nil || c.Err() == nil {
		t.Errorf("a step's loss differs: %v, %v", err, c)
	}
	for nc1, ok := range map[record.Number]bool{0.5 + 0.9*Tolerance: true, 0.5 + 1.1*Tolerance: false,
		record.Number(math.NaN()): false} {
		c, err := Compare(old, made(func(r *record.Record) {
			r.Environment.Cores, r.Epochs[0].NC1 = 8, nc1
		}))
		if err != nil || c.Exact || (c.Err() == nil) != ok || c.At != "nc1, epoch 60" ||
			!strings.Contains(c.Why, "A (8 cores), recorded on A (2 cores)") {
			t.Errorf("NC1 %v on 8 cores: %v, %v, %+v", nc1, err, c.Err(), c)
		}
	}
	other := made(func(r *record.Record) { r.Data.Files[0].SHA256 = "2" })
	if _, err := Compare(old, other); err == nil || !strings.Contains(err.Error(), "images differ") {
		t.Errorf("other images: %v", err)
	}
	if _, err := Compare(old, made(func(r *record.Record) { r.Spec.Decay = 1 })); err == nil {
		t.Error("other settings are compared")
	}
}
