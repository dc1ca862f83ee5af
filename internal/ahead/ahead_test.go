package ahead

import (
	"errors"
	"io"
	"slices"
	"testing"
)

// TestRead: what is read is used once and in order, however much there is, and errors
// of either side end it.
func TestRead(t *testing.T) {
	reader := func(n int, end error) func([]int) ([]int, error) {
		next := 0
		return func(b []int) ([]int, error) {
			if next == n {
				return nil, end
			}
			for i := range b {
				b[i] = next
			}
			next++
			return b[:1+next%2], nil // two, one, two, …
		}
	}
	fault := errors.New("fault")
	for _, n := range []int{0, 1, 2, 7, 100} {
		for _, end := range []error{io.EOF, fault} {
			var got []int
			err := Read([][]int{make([]int, 2), make([]int, 2)}, reader(n, end), func(b []int) error {
				got = append(got, b...)
				return nil
			})
			if end == io.EOF && err != nil || end == fault && err != fault {
				t.Errorf("%d buffers and %v: error %v", n, end, err)
			}
			if want := n + (n+1)/2; len(got) != want || !slices.IsSorted(got) {
				t.Errorf("%d buffers: used %v, want %d numbers in order", n, got, want)
			}
		}
	}
	used := 0
	err := Read([][]int{make([]int, 2), make([]int, 2)}, reader(10, io.EOF), func([]int) error {
		if used++; used == 3 {
			return fault
		}
		return nil
	})
	if err != fault || used != 3 {
		t.Errorf("after %d buffers: %v", used, err)
	}
}
