package record

// Final is what is measured once, after the last epoch.
type Final struct {
	// Calibration is of the test split, for 15 and for 20 bins: Figures 3 and 7.
	Calibration []FinalCalibration `json:"calibration,omitempty"`
	// Depth is NC1 of the training features of each layer, from the input to the last.
	Depth []LayerNC1 `json:"depth,omitempty"`
	// Notes says why something is absent.
	Notes map[string]string `json:"notes,omitempty"`
}

// Samples of the test split that a FinalCalibration measures.
const (
	TestSplit = "test" // the whole test split
	TestHalf  = "half" // the half on which T was not fitted, drawn by the run's seed
)

// Scalings of the logits in a FinalCalibration.
const (
	Unscaled    = "none"
	ScaledByNLL = "nll"  // T with the least NLL: on the other half for TestHalf, on the same samples for TestSplit
	ScaledByECE = "grid" // T of the authors' code: 0.05, 0.1, … 5, with the least ECE on the same samples
)

// FinalCalibration is one measurement of calibration: some samples, one scaling, one
// number of bins.
type FinalCalibration struct {
	Samples     string            `json:"samples"`     // TestSplit or TestHalf
	Scaling     string            `json:"scaling"`     // Unscaled, ScaledByNLL or ScaledByECE
	Temperature Number            `json:"temperature"` // divides the logits; 1 where they are unscaled
	N           int64             `json:"n"`
	Metrics     map[string]Number `json:"metrics"` // by the names of calib's metrics: accuracy, nll, ece, …
	Bins        []Bin             `json:"bins"`
	Notes       map[string]string `json:"notes,omitempty"` // metric → why it is null; temperature → its bound
}

// Bin is a bin (Lo, Hi] of a reliability diagram.
type Bin struct {
	Lo         Number `json:"lo"`
	Hi         Number `json:"hi"`
	Count      int64  `json:"count"`
	Accuracy   Number `json:"accuracy"`   // share of correct samples, null in an empty bin
	Confidence Number `json:"confidence"` // mean confidence, null in an empty bin
}

// LayerNC1 is NC1 of one layer's features, averaged over the image.
type LayerNC1 struct {
	Layer       string `json:"layer"`
	D           int    `json:"d"`
	NC1         Number `json:"nc1"`
	NC1Quotient Number `json:"nc1_quotient"`
}

// Calibration returns the measurement of some samples after a scaling in so many bins, or
// nil where the run has none.
func (r *Record) Calibration(samples, scaling string, bins int) *FinalCalibration {
	if r.Final == nil {
		return nil
	}
	for i, c := range r.Final.Calibration {
		if c.Samples == samples && c.Scaling == scaling && len(c.Bins) == bins {
			return &r.Final.Calibration[i]
		}
	}
	return nil
}
