package nb

import "github.com/gocollapse/collapse/record"

// Epochs returns the epochs that all runs have measured, at most 24 of them, evenly chosen, with the
// first and the last, or stops the cell: nb.Play("epoch", nb.Epochs(runs...), draw).
func Epochs(runs ...*record.Record) []int {
	epochs, err := commonEpochs(runs)
	Try(err)
	return epochs
}
