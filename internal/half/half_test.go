package half

import (
	"math"
	"testing"
)

// TestEvery compares every float16 with its definition, and every bfloat16 with the float32 of its
// sign, exponent and fraction.
func TestEvery(t *testing.T) {
	same := func(a, b float64) bool {
		return math.IsNaN(a) && math.IsNaN(b) || a == b && math.Signbit(a) == math.Signbit(b)
	}
	number := func(bits uint16, fractionBits, bias int) float64 {
		sign := 1.0
		if bits>>15 == 1 {
			sign = -1
		}
		exponents := 1<<(15-fractionBits) - 1 // the largest exponent
		exponent := int(bits>>fractionBits) & exponents
		fraction := float64(bits & (1<<fractionBits - 1))
		switch {
		case exponent == exponents && fraction == 0:
			return math.Inf(int(sign))
		case exponent == exponents:
			return math.NaN()
		case exponent == 0:
			return sign * math.Ldexp(fraction, 1-bias-fractionBits)
		}
		return sign * math.Ldexp(fraction+float64(int(1)<<fractionBits), exponent-bias-fractionBits)
	}
	for i := range 1 << 16 {
		b := uint16(i)
		if got, want := float64(Float16(b)), number(b, 10, 15); !same(got, want) {
			t.Fatalf("Float16(%#04x) = %v, want %v", b, got, want)
		}
		if got, want := float64(BFloat16(b)), number(b, 7, 127); !same(got, want) {
			t.Fatalf("BFloat16(%#04x) = %v, want %v", b, got, want)
		}
	}
}
