package record

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
