package nb

import (
	"math"
	"testing"

	"github.com/gocollapse/collapse/record"
)

func TestMetricOfARow(t *testing.T) {
	row := &record.Epoch{Epoch: 3, TestError: 0.25, Test: &record.Calibration{Wrong: record.Outcome{Entropy: 1.5}}}
	for key, want := range map[string]float64{"test_error": 0.25, "test_wrong_entropy": 1.5} {
		if got := Metric(row, key); got != want {
			t.Errorf("%s is %g, want %g", key, got, want)
		}
	}
	for _, none := range []*record.Epoch{row, nil} {
		if got := Metric(none, "test_temperature"); !math.IsNaN(got) {
			t.Errorf("a metric that the row does not have is %g, want NaN", got)
		}
	}
}
