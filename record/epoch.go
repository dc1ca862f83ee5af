package record

import (
	"encoding/json"
	"math"
)

// Epoch is one row: the network after Epoch epochs, in evaluation mode (running
// averages in batch normalisation), over the whole training and test split.
// Metrics gives the meaning, range and unit of each Number, and ofRow is its table.
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

// ofRow are the numbers of the row itself.
var ofRow = complete("", []Metric{
	{Key: "step_loss", Title: "Mean loss of the steps",
		Axis: "loss (nats)", Log: true, OwnLoss: true, Tag: "loss/step",
		Range: "number", Meaning: "mean loss of this epoch's steps, in training mode, while the weights changed",
		at: func(e *Epoch) *Number { return &e.StepLoss }},
	{Key: "train_loss", Title: "Training loss", Axis: "loss (nats)", Log: true, OwnLoss: true, Tag: "loss/train",
		Range: "number", Meaning: "the run's own loss, without weight decay",
		at: func(e *Epoch) *Number { return &e.TrainLoss }},
	{Key: "train_error", Title: "Training error", Axis: "error (%)", Percent: true, Better: Lower, Tag: "error/train",
		Range: "[0, 1]", Meaning: "share of training samples misclassified",
		at: func(e *Epoch) *Number { return &e.TrainError }},
	{Key: "test_loss", Title: "Test loss", Axis: "loss (nats)", Log: true, OwnLoss: true, Tag: "loss/test",
		Range: "number", Meaning: "the same loss of the test samples",
		at: func(e *Epoch) *Number { return &e.TestLoss }},
	{Key: "test_error", Title: "Test error", Axis: "error (%)", Percent: true, Better: Lower, Tag: "error/test",
		Range: "[0, 1]", Meaning: "share of test samples misclassified",
		at: func(e *Epoch) *Number { return &e.TestError }},
	{Key: "nc0", Title: "NC0: sum of the classifier's rows", Axis: "NC0 (log scale)", Log: true,
		Better: Lower, NC: "nc0",
		Range: "≥ 0", Meaning: "‖Σ_k w_k‖₂; 0 is necessary for collapse",
		at: func(e *Epoch) *Number { return &e.NC0 }},
	{Key: "nc0_relative", Title: "NC0 over the mean norm of a row", Axis: "NC0 / ‖w‖ (log scale)", Log: true,
		Better: Lower,
		NC:     "nc0_relative", Range: "[0, K]", Meaning: "`nc0` / `w_norm`",
		at: func(e *Epoch) *Number { return &e.NC0Relative }},
	{Key: "nc1", Title: "NC1: variability within classes",
		Axis: "NC1 (log scale)", Log: true, Better: Lower, NC: "nc1", Tag: "collapse/nc1",
		Range: "≥ 0", Meaning: "Eq 4, tr(Σ_W Σ_B†)/K",
		at: func(e *Epoch) *Number { return &e.NC1 }},
	{Key: "nc2", Title: "NC2: distance to a simplex ETF",
		Axis: "NC2 (log scale)", Log: true, Better: Lower, NC: "nc2", Tag: "collapse/nc2",
		Range: "[0, 2]", Meaning: "Eq 5, ‖WᵀH̄/‖WᵀH̄‖_F − J/√(K−1)‖_F",
		at: func(e *Epoch) *Number { return &e.NC2 }},
	{Key: "nc3", Title: "NC3: classifier against class means",
		Axis: "NC3 (log scale)", Log: true, Better: Lower, NC: "nc3", Tag: "collapse/nc3",
		Range: "[0, 2]", Meaning: "Eq 6, ‖W/‖W‖_F − H̄/‖H̄‖_F‖_F",
		at: func(e *Epoch) *Number { return &e.NC3 }},
	{Key: "w_norm", Title: "Norm of the classifier", Axis: "‖w‖, mean over classes", NC: "w_norm", Tag: "norm/w",
		Range: "≥ 0", Meaning: "‖w‖, mean over classes of ‖w_k‖",
		at: func(e *Epoch) *Number { return &e.WNorm }},
	{Key: "h_norm", Title: "Norm of the features", Axis: "‖h‖, mean over classes", NC: "h_norm", Tag: "norm/h",
		Range: "≥ 0", Meaning: "‖h‖, mean over classes of ‖h̄_k − h_G‖",
		at: func(e *Epoch) *Number { return &e.HNorm }},
	{Key: "ncc_error", Title: "Nearest class mean, training images",
		Axis: "error (%)", Percent: true, Better: Lower, NC: "ncc_error", Tag: "error/ncc_train",
		Range: "[0, 1]", Meaning: "share of training samples whose nearest class mean is another class's",
		at: func(e *Epoch) *Number { return &e.NCCError }},
	{Key: "ncc_test_error", Title: "Nearest class mean, test images",
		Axis: "error (%)", Percent: true, Better: Lower, Tag: "error/ncc_test",
		Range: "[0, 1]", Meaning: "the same of test samples, to the means of the training features",
		at: func(e *Epoch) *Number { return &e.NCCTestError }},
	{Key: "nc2_w", Title: "ETF distance of the classifier",
		Axis: "distance (log scale)", Log: true, Better: Lower, NC: "nc2_w",
		Range: "[0, 2]", Meaning: "distance of W from a simplex ETF, ‖WᵀW/‖WᵀW‖_F − J/√(K−1)‖_F",
		at: func(e *Epoch) *Number { return &e.NC2W }},
	{Key: "nc2_h", Title: "ETF distance of the class means",
		Axis: "distance (log scale)", Log: true, Better: Lower, NC: "nc2_h",
		Range: "[0, 2]", Meaning: "distance of H̄ from a simplex ETF, ‖H̄ᵀH̄/‖H̄ᵀH̄‖_F − J/√(K−1)‖_F",
		at: func(e *Epoch) *Number { return &e.NC2H }},
	{Key: "nc4", Title: "NC4: disagreement of nearest class mean and classifier",
		Axis: "disagreement (%)", Percent: true, Better: Lower, NC: "nc4",
		Range: "[0, 1]", Meaning: "share of training samples on which nearest class mean and classifier disagree",
		at: func(e *Epoch) *Number { return &e.NC4 }},
	{Key: "cdnv", Title: "Class-distance normalised variance",
		Axis: "CDNV (log scale)", Log: true, Better: Lower, NC: "cdnv",
		Range: "≥ 0", Meaning: "mean over pairs of classes of (σ_i² + σ_j²)/(2‖h̄_i − h̄_j‖²)",
		at: func(e *Epoch) *Number { return &e.CDNV }},
	{Key: "test_nc1", Title: "NC1 of the test features", Axis: "NC1 (log scale)", Log: true, Better: Lower,
		Range: "≥ 0", Meaning: "`nc1` of the test features around their own class means, with the same W",
		at: func(e *Epoch) *Number { return &e.TestNC1 }},
	{Key: "test_nc2", Title: "NC2 of the test features", Axis: "NC2 (log scale)", Log: true, Better: Lower,
		Range: "[0, 2]", Meaning: "`nc2` of the test features around their own class means, with the same W",
		at: func(e *Epoch) *Number { return &e.TestNC2 }},
	{Key: "test_nc3", Title: "NC3 of the test features", Axis: "NC3 (log scale)", Log: true, Better: Lower,
		Range: "[0, 2]", Meaning: "`nc3` of the test features around their own class means, with the same W",
		at: func(e *Epoch) *Number { return &e.TestNC3 }},
})
