package calib

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestExponentials: within 2 units in the last place of math.Exp's, down to the
// underflow, and the sums are finite whatever the numbers.
func TestExponentials(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	u := []float64{0, math.Copysign(0, -1), -1e-300, -1e-17, -0.5, -1}
	u = append(u, -707.9, -708, -708.1, -745, -746, -1e308, math.Inf(-1))
	for range 200_000 {
		u = append(u, -math.Exp(rng.Float64()*40-33))
	}
	e := append([]float64(nil), u...)
	sum, first, second := exponentials(e, 0, 1)
	var s, f, q float64
	for i, u := range u {
		want := math.Exp(u)
		if ulp := want * 0x1p-52; math.Abs(e[i]-want) > 2*ulp {
			t.Fatalf("e^%v = %v, want %v", u, e[i], want)
		}
		if s += want; want > 0 {
			f += u * want
			q += u * u * want
		}
	}
	for _, v := range [][2]float64{{sum, s}, {first, f}, {second, q}} {
		if !(math.Abs(v[0]-v[1]) <= 1e-12*math.Abs(v[1])) {
			t.Errorf("sum %v, want %v", v[0], v[1])
		}
	}
}
