package record

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
