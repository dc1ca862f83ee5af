package figures

import "testing"

// TestMatrix: a matrix is drawn as it is written, row 0 at the top.
func TestMatrix(t *testing.T) {
	m := matrix{2, 3, []float64{1, 2, 3, 4, 5, 6}}
	if c, r := m.Dims(); c != 3 || r != 2 {
		t.Fatalf("%d columns and %d rows", c, r)
	}
	// Row 1 of a grid is over row 0.
	if m.Z(0, 1) != 1 || m.Z(2, 1) != 3 || m.Z(0, 0) != 4 || m.Z(2, 0) != 6 {
		t.Errorf("top row %v … %v, bottom row %v … %v", m.Z(0, 1), m.Z(2, 1), m.Z(0, 0), m.Z(2, 0))
	}
}
