// Package safetensors reads and writes files in the safetensors format
// (version 0.4): named arrays with text metadata, which PyTorch and others read
// without running code. Only the element types that Collapse uses are known:
// float32 (F32) and int64 (I64), and for reading the other floating-point types
// of trained networks, float16 (F16), bfloat16 (BF16) and float64 (F64). The
// package depends on the standard library only.
package safetensors

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"

	"github.com/gocollapse/collapse/internal/half"
)

// Array is one named array, row-major. Exactly one of F32 and I64 is set; an
// empty or zero-dimensional array keeps the one of its type.
type Array struct {
	Shape []int
	F32   []float32
	I64   []int64
}

// File is the content of a safetensors file.
type File struct {
	Metadata map[string]string
	Arrays   map[string]Array
}

// maxHeader is the format's own bound on the header.
const maxHeader = 100 << 20

type entry struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

// Marshal returns the bytes of a file. Arrays are laid out in the order of their
// names: equal content gives equal bytes. An array whose shape does not
// match its values is an error.
func (f *File) Marshal() ([]byte, error) {
	header := make(map[string]any, len(f.Arrays)+1)
	if len(f.Metadata) > 0 {
		header["__metadata__"] = f.Metadata
	}
	names := slices.Sorted(maps.Keys(f.Arrays))
	end := 0
	for _, name := range names {
		a := f.Arrays[name]
		e := entry{DType: "F32", Shape: a.Shape}
		n, width := len(a.F32), 4
		if a.I64 != nil {
			if a.F32 != nil {
				return nil, fmt.Errorf("safetensors: array %q has both float32 and int64 values", name)
			}
			e.DType, n, width = "I64", len(a.I64), 8
		}
		if e.Shape == nil {
			e.Shape = []int{}
		}
		if want, err := elements(e.Shape); err != nil || want != n {
			return nil, fmt.Errorf("safetensors: array %q has shape %v and %d values", name, e.Shape, n)
		}
		e.Offsets = [2]int{end, end + n*width}
		end = e.Offsets[1]
		header[name] = e
	}
	h, err := json.Marshal(header)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	for len(h)%8 != 0 { // values start on a multiple of 8
		h = append(h, ' ')
	}
	b := make([]byte, 0, 8+len(h)+end)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(h)))
	b = append(b, h...)
	for _, name := range names {
		a := f.Arrays[name]
		for _, v := range a.F32 {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		for _, v := range a.I64 {
			b = binary.LittleEndian.AppendUint64(b, uint64(v))
		}
	}
	return b, nil
}

// widths holds the bytes of an element.
var widths = map[string]int{"F32": 4, "I64": 8, "F16": 2, "BF16": 2, "F64": 8}

// Unmarshal reads the bytes of a file. Arrays of F16 and BF16 become float32,
// which holds each of their values, and those of F64 are rounded to it. A header
// that does not describe the bytes after it exactly (each array begins where the
// one before it ends, the last one ends with the file), an F64 value beyond the
// range of float32, and other element types are errors. The memory taken is at
// most a fixed multiple of the file's size, whatever the header claims.
func Unmarshal(b []byte) (*File, error) {
	if len(b) < 8 {
		return nil, errors.New("safetensors: shorter than 8 bytes")
	}
	size := binary.LittleEndian.Uint64(b)
	if size > maxHeader || size > uint64(len(b)-8) {
		return nil, fmt.Errorf("safetensors: header of %d bytes does not fit in a file of %d", size, len(b))
	}
	header, values := b[8:8+size], b[8+size:]
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(header, &raw); err != nil {
		return nil, fmt.Errorf("safetensors: header: %w", err)
	}
	f := &File{Metadata: map[string]string{}, Arrays: make(map[string]Array, len(raw))}
	entries := make(map[string]entry, len(raw))
	for name, r := range raw {
		if name == "__metadata__" {
			if err := json.Unmarshal(r, &f.Metadata); err != nil {
				return nil, fmt.Errorf("safetensors: metadata: %w", err)
			}
			continue
		}
		var e entry
		if err := json.Unmarshal(r, &e); err != nil {
			return nil, fmt.Errorf("safetensors: array %q: %w", name, err)
		}
		width := widths[e.DType]
		if width == 0 {
			return nil, fmt.Errorf("safetensors: array %q has elements %q; F32, F16, BF16, F64 and I64 can be read",
				name, e.DType)
		}
		n, err := elements(e.Shape)
		if err != nil {
			return nil, fmt.Errorf("safetensors: array %q: %w", name, err)
		}
		lo, hi := e.Offsets[0], e.Offsets[1]
		if lo < 0 || hi < lo || hi > len(values) || (hi-lo)%width != 0 || (hi-lo)/width != n {
			return nil, fmt.Errorf("safetensors: array %q of shape %v is at bytes %d to %d of %d", name, e.Shape,
				lo, hi, len(values))
		}
		entries[name] = e
	}
	names := slices.SortedFunc(maps.Keys(entries), func(a, b string) int {
		p, q := entries[a].Offsets, entries[b].Offsets
		return slices.Compare(p[:], q[:])
	})
	end := 0
	for _, name := range names {
		e := entries[name]
		// Arrays that shared bytes would take memory without bound.
		if e.Offsets[0] != end {
			return nil, fmt.Errorf("safetensors: array %q begins at byte %d of the values, want %d, where the one"+
				" before it ends", name, e.Offsets[0], end)
		}
		end = e.Offsets[1]
		a, err := e.decode(values[e.Offsets[0]:end])
		if err != nil {
			return nil, fmt.Errorf("safetensors: array %q: %w", name, err)
		}
		f.Arrays[name] = a
	}
	if end != len(values) {
		return nil, fmt.Errorf("safetensors: the header describes %d bytes of values, the file has %d", end,
			len(values))
	}
	return f, nil
}

// decode returns the array that the bytes v hold.
func (e entry) decode(v []byte) (Array, error) {
	a := Array{Shape: e.Shape}
	n := len(v) / widths[e.DType]
	if e.DType == "I64" {
		a.I64 = make([]int64, n)
		for i := range a.I64 {
			a.I64[i] = int64(binary.LittleEndian.Uint64(v[8*i:]))
		}
		return a, nil
	}
	a.F32 = make([]float32, n)
	for i := range a.F32 {
		switch e.DType {
		case "F32":
			a.F32[i] = math.Float32frombits(binary.LittleEndian.Uint32(v[4*i:]))
		case "F16":
			a.F32[i] = half.Float16(binary.LittleEndian.Uint16(v[2*i:]))
		case "BF16":
			a.F32[i] = half.BFloat16(binary.LittleEndian.Uint16(v[2*i:]))
		case "F64":
			x := math.Float64frombits(binary.LittleEndian.Uint64(v[8*i:]))
			a.F32[i] = float32(x)
			if math.IsInf(float64(a.F32[i]), 0) && !math.IsInf(x, 0) {
				return Array{}, fmt.Errorf("element %d is %v, beyond the range of float32", i, x)
			}
		}
	}
	return a, nil
}

// ReadFile reads a file.
func ReadFile(path string) (*File, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	f, err := Unmarshal(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// elements returns the product of the dimensions.
func elements(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d < 0 || (d > 0 && n > math.MaxInt/8/d) {
			return 0, fmt.Errorf("shape %v is not one", shape)
		}
		n *= d
	}
	return n, nil
}
