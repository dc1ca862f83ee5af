package nb

import (
	"fmt"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/record"
)

// Explore plays the epochs of runs: at each, NC1, NC2 and NC3 of every run as bars on a log scale,
// and the errors in words. Epochs that not every run has are left out, and of more than 24 some
// between. It begins at the last.
func Explore(runs ...*record.Record) {
	epochs, err := commonEpochs(runs)
	Try(err)
	Play("epoch", epochs, func(epoch int) (*figures.Figure, error) {
		return figures.AtEpoch(epoch, figures.Of(runs...)...)
	})
}

// commonEpochs are the epochs that every run has measured.
func commonEpochs(runs []*record.Record) ([]int, error) {
	if len(runs) == 0 {
		return nil, figures.ErrNoSeries
	}
	var epochs []int
	for _, e := range runs[0].Epochs {
		complete := true
		for _, r := range runs[1:] {
			complete = complete && r.Row(e.Epoch) != nil
		}
		if complete {
			epochs = append(epochs, e.Epoch)
		}
	}
	if epochs == nil {
		return nil, fmt.Errorf(
			"explore: the %d runs have no epoch in common; give runs that were trained and measured", len(runs))
	}
	return thinned(epochs, maxEpochs), nil
}

// maxEpochs is how many epochs Explore plays: drawing each takes some 40 ms.
const maxEpochs = 24

// thinned leaves at most n values, evenly chosen, with the first and the last.
func thinned(values []int, n int) []int {
	if len(values) <= n {
		return values
	}
	out := make([]int, n)
	for i := range out {
		out[i] = values[i*(len(values)-1)/(n-1)]
	}
	return out
}

// Label names a run by its loss, as the figures do: "CE" or "LS (δ = 0.05)".
func Label(run *record.Record) string { return run.Spec.Loss.String() }
