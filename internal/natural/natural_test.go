package natural

import (
	"slices"
	"testing"
)

func TestCompare(t *testing.T) {
	names := []string{"e10.npz", "e9.npz", "e09b.npz", "e.npz", "f1.npz", "e100.npz", "e9.npz", "e18446744073709551616"}
	slices.SortFunc(names, Compare)
	want := []string{"e.npz", "e9.npz", "e9.npz", "e09b.npz", "e10.npz", "e100.npz", "e18446744073709551616", "f1.npz"}
	if !slices.Equal(names, want) {
		t.Errorf("order %v, want %v", names, want)
	}
	for i, a := range []string{"n_0.x", "n_2.x", "n_10.x", "n_11.x", "n_100.x", "o_1.x"} {
		for j, b := range []string{"n_0.x", "n_2.x", "n_10.x", "n_11.x", "n_100.x", "o_1.x"} {
			if got := Compare(a, b); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("Compare(%q, %q) = %d", a, b, got)
			}
		}
	}
}
