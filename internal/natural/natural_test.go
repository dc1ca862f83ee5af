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
}
