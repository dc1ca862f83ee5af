package calib

import (
	"math"
	"testing"
)

// TestSmoothECE: a calibrated model's is near 0, and of constant confidence it is the
// gap that is left after a kernel of that width.
func TestSmoothECE(t *testing.T) {
	conf, right := make([]float64, 4000), make([]bool, 4000)
	for i := range conf {
		conf[i] = 0.7
		right[i] = i%2 == 0 // accuracy 0.5
	}
	if got, sigma, err := SmoothECE(conf, right); err != nil || math.Abs(got-0.2) > 1e-3 || math.Abs(got-sigma) > 1e-5 {
		t.Errorf("constant confidence: %v at σ = %v (%v), want the gap 0.2", got, sigma, err)
	}
	// At the end of the scale half of the kernel is reflected, and nothing is lost.
	for i := range conf {
		conf[i] = 1
	}
	if got, _, err := SmoothECE(conf, right); err != nil || math.Abs(got-0.5) > 1e-3 {
		t.Errorf("always certain, half the time right: %v (%v), want 0.5", got, err)
	}
	for i := range conf {
		conf[i] = 0.5
	}
	if got, _, err := SmoothECE(conf, right); err != nil || got > 5e-3 {
		t.Errorf("calibrated: %v, %v", got, err)
	}
}
