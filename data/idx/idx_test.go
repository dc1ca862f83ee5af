package idx_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/data/idx"
)

func TestRoundTrip(t *testing.T) {
	for _, a := range []idx.Array{
		{Dims: []int{3}, Data: []byte{7, 8, 9}},
		{Dims: []int{2, 1, 3}, Data: []byte{1, 2, 3, 4, 5, 6}},
	} {
		var b bytes.Buffer
		if err := idx.Write(&b, a); err != nil {
			t.Fatal(err)
		}
		got, err := idx.Read(&b, len(a.Dims), 6)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Dims, a.Dims) || !bytes.Equal(got.Data, a.Data) {
			t.Errorf("read %v, want %v", got, a)
		}
	}
}

func TestFaults(t *testing.T) {
	for _, c := range []struct{ name, file, words string }{
		{"empty", "", "magic number"},
		{"another file", "\x1f\x8b\x08\x00", "still compressed"},
		{"another type", "\x00\x00\x0d\x01", "unsigned bytes"},
		{"rank", "\x00\x00\x08\x03", "3 dimensions, want 1"},
		{"no dimension", "\x00\x00\x08\x01\x00\x00", "dimension 1 of 1"},
		{"none", "\x00\x00\x08\x01\x00\x00\x00\x00", "dimension 1 is 0"},
		{"too many", "\x00\x00\x08\x01\x00\x00\x00\x0b", "at most 10"},
		{"huge", "\x00\x00\x08\x01\xff\xff\xff\xff", "at most 10"},
		{"cut", "\x00\x00\x08\x01\x00\x00\x00\x03ab", "2 values"},
		{"extended", "\x00\x00\x08\x01\x00\x00\x00\x03abcd", "bytes follow"},
	} {
		_, err := idx.Read(strings.NewReader(c.file), 1, 10)
		if err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.words)
		}
	}
	for _, a := range []idx.Array{{Dims: []int{2}, Data: []byte{1}}, {Dims: []int{0}}, {Dims: make([]int, 256)}} {
		if err := idx.Write(&bytes.Buffer{}, a); err == nil {
			t.Errorf("Write took %d dimensions with %d values", len(a.Dims), len(a.Data))
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("\x00\x00\x08\x01\x00\x00\x00\x03abc"), 1)
	f.Add([]byte("\x00\x00\x08\x03\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x02ab"), 3)
	f.Add([]byte("\x00\x00\x08\x02\xff\xff\xff\xff\xff\xff\xff\xff"), 2)
	f.Fuzz(func(t *testing.T, b []byte, rank int) {
		if rank < 0 || rank > 8 {
			return
		}
		a, err := idx.Read(bytes.NewReader(b), rank, 1<<20)
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := idx.Write(&again, a); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes(), b) {
			t.Errorf("read % x, wrote % x", b, again.Bytes())
		}
	})
}
