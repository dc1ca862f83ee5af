package calib

import "math"

// Calibration spends most of its time on exponentials. exponentials computes many of them, of
// numbers ≤ 0, to within 2 units in the last place and several times faster than math.Exp:
// 2^(j/128) from a table, times a polynomial of degree 5 of the rest. Arm's C library uses the
// same method (Szabolcs Nagy, optimized-routines).

const (
	expTable = 128
	// expShift, added to a number, leaves its nearest whole number in the low bits.
	expShift = 0x1.8p52
	expScale = expTable / math.Ln2
	// ln 2/128 in two parts: products of the first with whole numbers are exact.
	expHigh = 0x1.62e42fefa0000p-8
	expLow  = 0x1.cf79abc9e3b39p-47
	// expLeast is the least number whose exponential is not subnormal.
	expLeast = -708
)

// expBits[j] is 2^(j/128) less what adding the whole number shifts into the exponent.
var expBits = func() (t [expTable]uint64) {
	for j := range t {
		t[j] = math.Float64bits(math.Exp2(float64(j)/expTable)) - uint64(j)<<45
	}
	return t
}()

// exponentials replaces the numbers z of p by e^u, u = (z − top)·β, none above 0, and
// returns Σ e^u, Σ u e^u and Σ u² e^u. A number that underflows counts 0.
func exponentials(p []float64, top, beta float64) (sum, first, second float64) {
	for k, z := range p {
		u := (z - top) * beta
		if !(u >= expLeast) {
			e := math.Exp(u)
			p[k] = e
			if e > 0 { // 0·(−∞) is no number
				sum += e
				first += u * e
				second += u * u * e
			}
			continue
		}
		n := u*expScale + expShift
		bits := math.Float64bits(n)
		n -= expShift
		r := u - n*expHigh - n*expLow
		r2 := r * r
		q := r + r2*(0.5+r*(1.0/6)) + r2*r2*(1.0/24+r*(1.0/120))
		s := math.Float64frombits(expBits[bits%expTable] + bits<<45)
		e := s + s*q
		p[k] = e
		sum += e
		e *= u
		first += e
		second += u * e
	}
	return sum, first, second
}
