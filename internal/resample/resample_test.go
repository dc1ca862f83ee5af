package resample

import (
	"math"
	"testing"
)

// TestTimes: the draws have the frequencies of the Poisson distribution of mean 1.
func TestTimes(t *testing.T) {
	const n = 200000
	var counts [4]float64
	var sum float64
	for i := range uint64(n) {
		k := Times(Mix(7), i)
		sum += float64(k)
		if k < len(counts) {
			counts[k]++
		}
	}
	if math.Abs(sum/n-1) > 0.01 {
		t.Errorf("mean %v", sum/n)
	}
	for k, want := range []float64{math.Exp(-1), math.Exp(-1), math.Exp(-1) / 2, math.Exp(-1) / 6} {
		if got := counts[k] / n; math.Abs(got-want) > 5*math.Sqrt(want/n) {
			t.Errorf("share of %d is %v, want %v", k, got, want)
		}
	}
}

func TestInterval(t *testing.T) {
	v := make([]float64, 1001)
	for i := range v {
		v[len(v)-1-i] = float64(i)
	}
	if got := Interval(v); math.Abs(got[0]-25) > 1 || math.Abs(got[1]-975) > 1 {
		t.Errorf("of 0 to 1000: %v", got)
	}
}
