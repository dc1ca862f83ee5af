package docs

import (
	"testing"

	"github.com/gocollapse/collapse/calib"
)

// The table of metrics in calibrate.md is calib's.
func TestCalibrationMetrics(t *testing.T) {
	var rows [][]string
	for _, m := range calib.Metrics() {
		rows = append(rows, []string{"`" + m.Key + "`", m.Equation, m.Range, m.Meaning, m.Source})
	}
	metricTable(t, "calibrate.md", "calibration metrics", rows)
}
