package npz

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// elements returns a one-dimensional array of the type, whose elements have the given bytes.
func elements(t testing.TB, dtype, data string, shape string) *Array {
	t.Helper()
	file := npy("{'descr': '"+dtype+"', 'fortran_order': False, 'shape': "+shape+"}", data)
	f, err := NewFile(strings.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return array(t, f, "")
}

// littleEndian returns the bytes of 8-byte elements.
func littleEndian(v ...uint64) string {
	var b []byte
	for _, x := range v {
		for range 8 {
			b = append(b, byte(x))
			x >>= 8
		}
	}
	return string(b)
}

// TestExact: a whole number is read into every type that holds it. Where a type does not, the error
// names the first such element with its value and what to do.
func TestExact(t *testing.T) {
	const two53 = 1 << 53
	minus := func(v int64) uint64 { return uint64(v) }
	for _, c := range []struct {
		dtype string
		v     []uint64
		want  []float64
		words []string // of the error
	}{
		{"<i8", []uint64{two53, minus(-two53), two53 + 2, 1 << 62}, []float64{two53, -two53, two53 + 2, 1 << 62}, nil},
		{"<i8", []uint64{minus(math.MinInt64)}, []float64{-0x1p63}, nil},
		{"<i8", []uint64{1, two53 + 1}, nil, []string{"element 1 is 9007199254740993,", "2^53", "astype('float64')"}},
		{"<i8", []uint64{minus(-two53 - 1)}, nil, []string{"element 0 is -9007199254740993,"}},
		{"<i8", []uint64{math.MaxInt64}, nil, []string{"9223372036854775807"}},
		{"<u8", []uint64{1 << 63, two53}, []float64{0x1p63, two53}, nil},
		{"<u8", []uint64{0, 0, math.MaxUint64}, nil, []string{"element 2 is 18446744073709551615,", "float64"}},
	} {
		a := elements(t, c.dtype, littleEndian(c.v...), "("+strconv.Itoa(len(c.v))+",)")
		got, err := a.Float64s()
		if c.words != nil {
			says(t, err, c.words...)
		} else if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s %v: %v, %v; want %v", c.dtype, c.v, got, err, c.want)
		}
	}
	a := elements(t, "<i8", littleEndian(0, 1, 2, 3, 4, two53+1), "(2, 3)")
	_, err := a.Float64s()
	says(t, err, "element [1, 2] is")
	_, err = elements(t, "<u8", littleEndian(5, 1<<63), "(2,)").Int64s()
	says(t, err, "element 1 is 9223372036854775808", "64 bits")
	_, err = elements(t, "<u8", littleEndian(5, 1<<31), "(2,)").Int32s()
	says(t, err, "element 1 is 2147483648", "32 bits")
}

// TestWhole: floating-point numbers are read as whole ones where they are whole, as the labels of
// many tools are.
func TestWhole(t *testing.T) {
	half := func(v ...uint16) string {
		var b []byte
		for _, x := range v {
			b = append(b, byte(x), byte(x>>8))
		}
		return string(b)
	}
	floats := func(v ...float64) (b string) {
		for _, x := range v {
			b += littleEndian(math.Float64bits(x))
		}
		return b
	}
	for _, c := range []struct {
		dtype, data string
		n           int
		want        []int32
		words       []string
	}{
		{"<f8", floats(0, 3, -7, math.Copysign(0, -1), math.MaxInt32), 5, []int32{0, 3, -7, 0, math.MaxInt32}, nil},
		{"<f2", half(0x3c00, 0x4900, 0xc000), 3, []int32{1, 10, -2}, nil},
		{"<V2", half(0x3f80, 0x4120, 0xc000), 3, []int32{1, 10, -2}, nil},
		{"bfloat16", half(0x3f80), 1, []int32{1}, nil},
		{"<f8", floats(0, 2.5), 2, nil, []string{"element 1 is 2.5", "numpy.rint"}},
		{"<f8", floats(math.NaN()), 1, nil, []string{"element 0 is NaN"}},
		{"<f2", half(0x3c00, 0x7c00), 2, nil, []string{"element 1 is +Inf"}},
		{"<V2", half(0x3f80, 0x3fc0), 2, nil, []string{"element 1 is 1.5"}},
		{"<f8", floats(0x1p31), 1, nil, []string{"2.147483648e+09", "32 bits"}},
	} {
		got, err := elements(t, c.dtype, c.data, "("+strconv.Itoa(c.n)+",)").Int32s()
		if c.words != nil {
			says(t, err, c.words...)
		} else if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s %q: %v, %v; want %v", c.dtype, c.data, got, err, c.want)
		}
	}
	_, err := elements(t, "<f8", floats(0x1p63), "(1,)").Int64s()
	says(t, err, "64 bits")
}
