// Package half reads the 16-bit floating-point numbers of files. Both conversions are exact.
package half

import "math"

// Float16 returns the number of IEEE 754's binary16: a sign bit, 5 bits of exponent, 10 of fraction.
func Float16(bits uint16) float32 {
	sign, rest := uint32(bits&0x8000)<<16, uint32(bits&0x7fff)<<13
	if bits&0x7c00 == 0x7c00 {
		return math.Float32frombits(sign | 0x7f800000 | rest) // an infinity or NaN
	}
	// The exponent's bias differs by 112. The product also makes subnormal numbers normal.
	return math.Float32frombits(sign | math.Float32bits(math.Float32frombits(rest)*0x1p112))
}

// BFloat16 returns the number of a bfloat16, which is the upper half of a float32.
func BFloat16(bits uint16) float32 { return math.Float32frombits(uint32(bits) << 16) }
