package npz

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func FuzzFile(f *testing.F) {
	for _, name := range []string{
		"stored.npz", "deflated.npz", "refused.npz", "written.npz", "version1.npy", "version2.npy", "version3.npy",
	} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		if len(b) < 3000 {
			f.Add(b)
		}
	}
	f.Add([]byte(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2,1)}", "12345678")))
	f.Add([]byte(npy("{'descr': '<V2', 'fortran_order': True, 'shape': (2,2)}", "12345678")))
	f.Add([]byte(npy("{'descr': 'bfloat16', 'fortran_order': False, 'shape': (4,)}", "12345678")))
	f.Add([]byte(npy("{'descr': '>f2', 'fortran_order': False, 'shape': (4,)}", "12345678")))
	f.Add([]byte(npy("{'descr': '<u8', 'fortran_order': False, 'shape': (1,)}", "12345678")))
	f.Add([]byte(npy("{'descr': '>i8', 'fortran_order': True, 'shape': (1,1)}", "12345678")))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := NewFile(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		file.MaxBytes = 1 << 22
		for _, name := range file.Names() {
			a, err := file.Array(name)
			if err != nil {
				continue
			}
			want := 1
			for _, n := range a.Shape {
				want *= n
			}
			if a.Len() != want {
				t.Errorf("shape %v has %d elements, found %d", a.Shape, want, a.Len())
			}
			if x, err := a.Float64s(); err == nil && len(x) != want {
				t.Errorf("%d elements, want %d", len(x), want)
			}
			if x, err := a.Int32s(); err == nil && len(x) != want {
				t.Errorf("%d elements, want %d", len(x), want)
			}
		}
	})
}

// exactly returns the number of an element, or nil for NaN and infinities, from its bits alone.
func exactly(k kind, bits uint64) *big.Float {
	size := uint(8 * k.size())
	whole := func(v int64) *big.Float { return new(big.Float).SetInt64(v) }
	switch k {
	case int8s, int16s, int32s, int64s:
		return whole(int64(bits<<(64-size)) >> (64 - size))
	case uint8s, uint16s, uint32s, uint64s:
		return new(big.Float).SetUint64(bits)
	}
	fraction := map[kind]uint{float16s: 10, bfloat16s: 7, float32s: 23, float64s: 52}[k]
	most := int64(1)<<(size-1-fraction) - 1
	exponent := int64(bits>>fraction) & most
	v := int64(bits & (1<<fraction - 1))
	switch {
	case exponent == most:
		return nil
	case exponent == 0:
		exponent = 1
	default:
		v += 1 << fraction
	}
	if bits>>(size-1) == 1 {
		v = -v
	}
	f := whole(v)
	return f.SetMantExp(f, int(exponent-most/2-int64(fraction)))
}

// holds compares what a Reader made of elements with their numbers: it must be an error exactly
// where a number does not fit, and else all of them.
func holds[T number](t *testing.T, a *Array, want []*big.Float, got []T, err error, fits func(*big.Float) bool) {
	t.Helper()
	ok := true
	for _, v := range want {
		ok = ok && fits(v)
	}
	if ok != (err == nil) {
		t.Fatalf("%s %v as %T: error %v, want one: %v", a.DType, want, got, err, !ok)
	}
	for i, v := range got {
		f := float64(v)
		switch {
		case want[i] == nil:
			if !math.IsNaN(f) && !math.IsInf(f, 0) {
				t.Fatalf("%s: element %d is %v, want NaN or an infinity", a.DType, i, v)
			}
		case math.IsNaN(f) || math.IsInf(f, 0):
			t.Fatalf("%s: element %d is %v, want %v", a.DType, i, v, want[i])
		default:
			have := new(big.Float).SetFloat64(f)
			if whole, ok := any(v).(int64); ok {
				have = new(big.Float).SetInt64(whole)
			}
			if have.Cmp(want[i]) != 0 {
				t.Fatalf("%s: element %d is %v, want %v", a.DType, i, v, want[i])
			}
		}
	}
}

// FuzzElements reads arrays of every type, byte order and element order as every Go type, and
// compares each number with the one that its bits stand for.
func FuzzElements(f *testing.F) {
	names := []string{"f2", "V2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"}
	for i := range names {
		for _, flags := range []byte{0, 1, 2, 3} {
			f.Add(byte(i), flags, byte(2), []byte("\x00\x00\x00\x00\x00\x00\xf0\x3f\x01\x00\x00\x00\x00\x00\x20\x00"))
			f.Add(byte(i), flags, byte(1), []byte("\xff\xff\xff\xff\xff\xff\xff\xff\x00\x3c\x80\x7f\x00\x7c\x01\x00"))
		}
	}
	f.Fuzz(func(t *testing.T, which, flags, rows byte, data []byte) {
		name := names[int(which)%len(names)]
		k := kinds[name]
		n := len(data) / k.size()
		r := max(1, int(rows)%8)
		n -= n % r
		c := n / r
		big, fortran := flags&1 == 1, flags&2 == 2
		mark, order := "<", "False"
		if big {
			mark = ">"
		}
		if fortran {
			order = "True"
		}
		file := npy(fmt.Sprintf("{'descr': '%s%s', 'fortran_order': %s, 'shape': (%d, %d)}", mark, name, order, r, c),
			string(data[:n*k.size()]))
		opened, err := NewFile(strings.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		a := array(t, opened, "")
		want := numbers(data, k, r, c, big, fortran)
		checkAll(t, a, want)
	})
}

// numbers returns the numbers of an r×c array in row-major order.
func numbers(data []byte, k kind, r, c int, bigEndian, fortran bool) []*big.Float {
	out := make([]*big.Float, r*c)
	for i := range r {
		for j := range c {
			at := i*c + j
			if fortran {
				at = j*r + i
			}
			var bits uint64
			for b := range k.size() {
				place := b
				if bigEndian {
					place = k.size() - 1 - b
				}
				bits |= uint64(data[at*k.size()+b]) << (8 * place)
			}
			out[i*c+j] = exactly(k, bits)
		}
	}
	return out
}

func checkAll(t *testing.T, a *Array, want []*big.Float) {
	whole := func(bits int) func(*big.Float) bool {
		return func(v *big.Float) bool {
			if v == nil || !v.IsInt() {
				return false
			}
			i, accuracy := v.Int64()
			return accuracy == big.Exact && i>>(bits-1) == i>>63
		}
	}
	x, err := a.Float64s()
	holds(t, a, want, x, err, func(v *big.Float) bool {
		if v == nil {
			return true
		}
		_, accuracy := v.Float64()
		return accuracy == big.Exact
	})
	i, err := a.Int64s()
	holds(t, a, want, i, err, whole(64))
	i4, err := a.Int32s()
	holds(t, a, want, i4, err, whole(32))
	if !a.FitsFloat32() {
		if _, err := a.Float32s(); err == nil && a.Len() > 0 {
			t.Fatalf("%s was read as float32", a.DType)
		}
		return
	}
	f4, err := a.Float32s()
	holds(t, a, want, f4, err, func(*big.Float) bool { return true })
}
