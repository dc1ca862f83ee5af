package calib

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestAtTemperature holds that scaling leaves the predictions, that two temperatures multiply, and that
// at the fitted T of a source the best T left is 1.
func TestAtTemperature(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const n, k = 400, 5
	logits, labels := make([]float64, n*k), make([]int32, n)
	for i := range labels {
		labels[i] = int32(random.IntN(k))
		for c := range k {
			logits[i*k+c] = 3 * random.NormFloat64()
		}
		logits[i*k+int(labels[i])] += 2
	}
	src, err := Slice(logits, labels, k)
	if err != nil {
		t.Fatal(err)
	}
	fitted, err := FitTemperature(src)
	if err != nil {
		t.Fatal(err)
	}
	at := func(s Source, temperature float64) Source {
		s, err := AtTemperature(s, temperature)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	summary := func(s Source) *Summary {
		sum, err := Summarise(s, 15)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	raw, best, twice := summary(src), summary(at(src, fitted.T)), summary(at(at(src, 2), fitted.T/2))
	if raw.Accuracy != best.Accuracy {
		t.Errorf("accuracy %v became %v", raw.Accuracy, best.Accuracy)
	}
	if math.Abs(best.NLL-fitted.NLL) > 1e-12 || math.Abs(best.NLL-twice.NLL) > 1e-12 {
		t.Errorf("NLL %v at T, %v in two steps; the fit said %v", best.NLL, twice.NLL, fitted.NLL)
	}
	again, err := FitTemperature(at(src, fitted.T))
	if err != nil || math.Abs(again.T-1) > 1e-6 {
		t.Errorf("after scaling by the fitted T the best is %v (%v), want 1", again.T, err)
	}
	for _, bad := range []float64{0, -1, math.NaN(), math.Inf(1), 1e-320} {
		if _, err := AtTemperature(src, bad); err == nil {
			t.Errorf("temperature %v is accepted", bad)
		}
	}
}
