// Package npztest writes .npz files for tests with arrays of every type that package npz reads,
// also of those that its Writer does not write.
package npztest

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

// Types are NumPy's names of every type that package npz reads. In a file bfloat16 is V2.
var Types = []string{
	"<f2", ">f2", "<V2", "<f4", ">f4", "<f8", ">f8", "|i1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8", "|u1", "<u2",
	">u2", "<u4", ">u4", "<u8", ">u8", "|b1",
}

// Array is an array of Type. Values are in row-major order, and Type must hold them exactly.
type Array struct {
	Type    string
	Fortran bool // columns first in the file, which must have two dimensions
	Shape   []int
	Values  []float64
}

// Write writes a .npz file.
func Write(t testing.TB, path string, arrays map[string]Array) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	for name, a := range arrays {
		entry, err := w.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
		if err == nil {
			_, err = entry.Write(a.npy(t))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func (a Array) npy(t testing.TB) []byte {
	order, values := "False", a.Values
	if a.Fortran {
		order = "True"
		rows, cols := a.Shape[0], a.Shape[1]
		values = make([]float64, len(a.Values))
		for i := range values {
			values[i] = a.Values[i%rows*cols+i/rows]
		}
	}
	shape := strings.ReplaceAll(strings.Trim(fmt.Sprint(a.Shape), "[]"), " ", ", ") + ","
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }", a.Type, order, shape)
	text += strings.Repeat(" ", 63-(10+len(text))%64) + "\n"
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(text)), byte(len(text)>>8))
	b = append(b, text...)
	for _, v := range values {
		b = append(b, element(t, a.Type, v)...)
	}
	return b
}

// element returns the bytes of a number.
func element(t testing.TB, dtype string, v float64) []byte {
	t.Helper()
	var bits uint64
	back := v
	switch dtype[1:] {
	case "f8":
		bits = math.Float64bits(v)
	case "f4":
		bits, back = uint64(math.Float32bits(float32(v))), float64(float32(v))
	case "V2":
		bits = uint64(math.Float32bits(float32(v)) >> 16)
		back = float64(math.Float32frombits(uint32(bits) << 16))
	case "f2":
		bits, back = float16(v)
	default:
		bits, back = uint64(int64(v)), math.Trunc(v)
		if size := 8 * int(dtype[2]-'0'); dtype[1] != 'i' && v < 0 || dtype[1] == 'i' &&
			math.Abs(v) >= math.Ldexp(1, size-1) {
			back = math.NaN()
		}
	}
	if back != v && !math.IsNaN(v) {
		t.Fatalf("%v does not fit %s", v, dtype)
	}
	size := int(dtype[2] - '0')
	b := make([]byte, 8)
	if dtype[0] == '>' {
		binary.BigEndian.PutUint64(b, bits<<(64-8*size))
	} else {
		binary.LittleEndian.PutUint64(b, bits)
	}
	return b[:size]
}

// float16 returns the bits of a normal number or 0, and the number that they stand for.
func float16(v float64) (bits uint64, back float64) {
	if v == 0 {
		return 0, 0
	}
	fraction, exponent := math.Frexp(math.Abs(v)) // in [0.5, 1)
	scaled := math.Trunc(fraction * 2048)         // 11 bits
	if exponent < -13 || exponent > 16 {
		return 0, math.NaN()
	}
	bits = uint64(exponent+14)<<10 | uint64(scaled)&1023
	back = math.Ldexp(scaled/2048, exponent)
	if v < 0 {
		return bits | 1<<15, -back
	}
	return bits, back
}
