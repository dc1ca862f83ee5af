package nb

import (
	"math"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/record"
)

// Epochs returns the epochs that all runs have measured, at most 24 of them, evenly chosen, with the
// first and the last, or stops the cell: nb.Play("epoch", nb.Epochs(runs...), draw).
func Epochs(runs ...*record.Record) []int {
	epochs, err := commonEpochs(runs)
	Try(err)
	return epochs
}

// Metric returns a metric of a row by its key in record.Metrics, NaN where the row does not have it or
// is nil: nb.Metric(run.Row(41), "test_temperature"). A key that is none stops the cell.
func Metric(row *record.Epoch, key string) float64 {
	m := Must(figures.FindMetric(key))
	if row == nil {
		return math.NaN()
	}
	return m.Value(row)
}
