package train_test

import (
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
)

// What a run holds more of it needs more memory for, and parts less.
func TestEstimateMemory(t *testing.T) {
	set := noiseSet(128, 32)
	estimate := func(change func(*record.Spec)) int64 {
		s := record.DefaultSpec()
		if change != nil {
			change(&s)
		}
		n, err := train.EstimateMemory(s, set)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	paper := estimate(nil)
	// Measured on the XLA CPU plugin: 1509 MiB.
	if mib := paper >> 20; mib < 1300 || mib > 1700 {
		t.Errorf("the paper's ResNet-18 is estimated at %d MiB", mib)
	}
	for name, change := range map[string]func(*record.Spec){
		"width":     func(s *record.Spec) { s.Width = 65 },
		"adam":      func(s *record.Spec) { s.Optimizer = "adam" },
		"devices":   func(s *record.Spec) { s.Devices = 2 },
		"ResNet-34": func(s *record.Spec) { s.Model = "resnet34" },
		"ResNet-50": func(s *record.Spec) { s.Model = "resnet50" },
	} {
		if n := estimate(change); n <= paper {
			t.Errorf("%s: %d bytes, without it %d", name, n, paper)
		}
	}
	for name, change := range map[string]func(*record.Spec){
		"parts":         func(s *record.Spec) { s.Accumulate = 4 },
		"original stem": func(s *record.Spec) { s.Stem = "7x7" },
		"cnn":           func(s *record.Spec) { s.Model = "cnn" },
		"mlp":           func(s *record.Spec) { s.Model = "mlp" },
	} {
		if n := estimate(change); n >= paper {
			t.Errorf("%s: %d bytes, without it %d", name, n, paper)
		}
	}
	s := record.DefaultSpec()
	s.Batch = 256
	if _, err := train.EstimateMemory(s, set); err == nil || !strings.Contains(err.Error(), "larger than the 128") {
		t.Errorf("error %v, want one on the batch", err)
	}
}
