package record

import (
	"encoding/json"
	"math"
)

// Epoch is one row: the network after Epoch epochs, in evaluation mode (running
// averages in batch normalisation), over the whole training and test split.
// Metrics gives the meaning, range and unit of each Number.
type Epoch struct {
	Epoch          int               `json:"epoch"` // 1, 2, …
	Rate           float64           `json:"rate"`  // learning rate of this epoch's steps
	StepLoss       Number            `json:"step_loss"`
	TrainLoss      Number            `json:"train_loss"`
	TrainError     Number            `json:"train_error"`
	TestLoss       Number            `json:"test_loss"`
	TestError      Number            `json:"test_error"`
	NC0            Number            `json:"nc0"`
	NC0Relative    Number            `json:"nc0_relative"`
	NC1            Number            `json:"nc1"`
	NC2            Number            `json:"nc2"`
	NC3            Number            `json:"nc3"`
	WNorm          Number            `json:"w_norm"`
	HNorm          Number            `json:"h_norm"`
	NCCError       Number            `json:"ncc_error"`
	NCCTestError   Number            `json:"ncc_test_error"`
	NC2W           Number            `json:"nc2_w"`
	NC2H           Number            `json:"nc2_h"`
	NC4            Number            `json:"nc4"`
	CDNV           Number            `json:"cdnv"`
	TestNC1        Number            `json:"test_nc1"`
	TestNC2        Number            `json:"test_nc2"`
	TestNC3        Number            `json:"test_nc3"`
	Train          *Calibration      `json:"train_calibration,omitempty"`
	Test           *Calibration      `json:"test_calibration,omitempty"`
	Picture        *Picture          `json:"picture,omitempty"`
	Seconds        float64           `json:"seconds"`         // wall time of this epoch's steps
	MeasureSeconds float64           `json:"measure_seconds"` // wall time of measuring this row
	Notes          map[string]string `json:"notes,omitempty"` // Metric.Path → why it is null, or what limits it
}

// UnmarshalJSON reads a row. A Number that the row does not have is NaN: a field
// which a later version added was not measured as 0 by an earlier one.
func (e *Epoch) UnmarshalJSON(b []byte) error {
	type plain Epoch // without this method
	row := new(Epoch)
	for _, m := range metrics {
		if n := m.at(row); n != nil {
			*n = Number(math.NaN())
		}
	}
	if err := json.Unmarshal(b, (*plain)(row)); err != nil {
		return err
	}
	*e = *row
	return nil
}

// Calibration says how far a split's probabilities are frequencies, as package calib
// measures it with 15 bins of equal width.
type Calibration struct {
	NLL        Number  `json:"nll"`
	ECE        Number  `json:"ece"`
	Brier      Number  `json:"brier"`
	Entropy    Number  `json:"entropy"`
	Confidence Number  `json:"confidence"`
	Correct    Outcome `json:"correct"` // the samples that the classifier gets right (Figure 4)
	Wrong      Outcome `json:"wrong"`   // the others
	Logits     *Logits `json:"logits,omitempty"`
	Scaled     *Scaled `json:"scaled,omitempty"` // of the test split
}

// Outcome is one side of Figure 4: the samples that are classified correctly, or
// those that are not. Metrics of no samples are null.
type Outcome struct {
	N          int    `json:"n"`
	NLL        Number `json:"nll"`
	Entropy    Number `json:"entropy"`
	Confidence Number `json:"confidence"`
	NC1        Number `json:"nc1"`
}

// Logits compares the logits of the non-target classes with each other and with the
// target's (Section 3.2), as calib.SpreadOf does.
type Logits struct {
	Spread Number `json:"spread"`
	SD     Number `json:"sd"`
	Margin Number `json:"margin"`
}

// Scaled is what temperature scaling does: T is fitted by NLL on one half of the
// samples, and the errors are of the other half, before and after T.
type Scaled struct {
	Temperature Number `json:"temperature"`
	NLL         Number `json:"nll"`
	ECE         Number `json:"ece"`
	UnscaledNLL Number `json:"unscaled_nll"`
	UnscaledECE Number `json:"unscaled_ece"`
}

// Picture is what a film of a run draws at an epoch. Numbers have four digits.
type Picture struct {
	// WH is WᵀH̄·√(K−1)/‖WᵀH̄‖_F, K×K row-major: row k is of w_k, column j of h̄_j − h_G.
	// It is J = I − 11ᵀ/K where NC2 is 0. It is left out for more than 20 classes.
	WH []float64 `json:"wh,omitempty"`
	// SpectrumB holds the nonzero eigenvalues of Σ_B in descending order, at most 20.
	SpectrumB []float64 `json:"spectrum_b,omitempty"`
	// Plane shows three classes in the plane of their means; nil where there is none.
	Plane *Plane `json:"plane,omitempty"`
}

// Plane holds points of the plane through the means of classes 0, 1 and 2 as pairs (x, y).
// The origin is the mean of the three means, the first axis points to the mean of class 0,
// and that of class 1 has y > 0.
type Plane struct {
	Means   [3][2]float64   `json:"means"`
	Weights [3][2]float64   `json:"weights"` // w_k, projected on the axes
	Points  [3][][2]float64 `json:"points"`  // the first training samples of each class
}

// PicturePoints is the most points of a class in a Plane.
const PicturePoints = 25
