package splitmix

import "testing"

// The first outputs of SplitMix64 with seed 1234567, as published with the reference code
// (https://prng.di.unimi.it/splitmix64.c).
func TestMix(t *testing.T) {
	const step = 0x9e3779b97f4a7c15 // of the generator's state
	x := uint64(1234567)
	for i, want := range []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423} {
		if got := Mix(x); got != want {
			t.Errorf("output %d is %d, want %d", i+1, got, want)
		}
		x += step
	}
}
