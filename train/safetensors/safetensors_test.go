package safetensors

import (
	"bytes"
	"encoding/binary"
	"math"
	"reflect"
	"testing"
)

func sample() *File {
	return &File{
		Metadata: map[string]string{"epoch": "3"},
		Arrays: map[string]Array{
			"b":      {Shape: []int{2, 3}, F32: []float32{1, -2, 3.5, 0, 5, 6}},
			"a":      {Shape: []int{}, I64: []int64{-7}},
			"nobody": {Shape: []int{0, 4}, F32: []float32{}},
		},
	}
}

func TestRoundTrip(t *testing.T) {
	b, err := sample().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := sample().Marshal()
	if err != nil || !bytes.Equal(b, again) {
		t.Errorf("equal content gives other bytes (%v)", err)
	}
	if n := binary.LittleEndian.Uint64(b); n%8 != 0 {
		t.Errorf("values start at %d, want a multiple of 8", 8+n)
	}
	f, err := Unmarshal(b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(f, sample()) {
		t.Errorf("read %+v", f)
	}
}

func TestMarshalErrors(t *testing.T) {
	for name, a := range map[string]Array{
		"shape":     {Shape: []int{2}, F32: []float32{1}},
		"negative":  {Shape: []int{-1}, F32: []float32{1}},
		"two types": {Shape: []int{1}, F32: []float32{1}, I64: []int64{1}},
	} {
		f := &File{Arrays: map[string]Array{"x": a}}
		if _, err := f.Marshal(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestUnmarshalErrors(t *testing.T) {
	file := func(header string, values int) []byte {
		b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
		return append(append(b, header...), make([]byte, values)...)
	}
	const one = `{"dtype":"F32","shape":[1],"data_offsets":[0,4]}`
	large := binary.LittleEndian.AppendUint64(nil, math.Float64bits(1e39))
	for name, b := range map[string][]byte{
		"empty":         nil,
		"huge header":   binary.LittleEndian.AppendUint64(nil, 1<<60),
		"not JSON":      file("{", 0),
		"cut off":       file(`{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 4),
		"left over":     file(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 8),
		"other shape":   file(`{"x":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`, 8),
		"negative":      file(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}`, 0),
		"overflow":      file(`{"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0),
		"unknown type":  file(`{"x":{"dtype":"F8","shape":[1],"data_offsets":[0,1]}}`, 1),
		"shared bytes":  file(`{"x":`+one+`,"y":`+one+`}`, 4),
		"a hole":        file(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8),
		"large float64": append(file(`{"x":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}`, 0), large...),
		"odd metadata":  file(`{"__metadata__":{"a":1}}`, 0),
		"not an object": file(`[]`, 0),
	} {
		if _, err := Unmarshal(b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// What testdata/torch_types.py wrote as float16, bfloat16 and float64
// is read as the float32 that PyTorch converts it to.
func TestTypesAsPyTorch(t *testing.T) {
	f, err := ReadFile("testdata/torch_types.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"half", "bfloat16", "double"} {
		got, want := f.Arrays[name].F32, f.Arrays[name+".float"].F32
		if len(got) == 0 || len(got) != len(want) {
			t.Fatalf("%s: %d values, want %d", name, len(got), len(want))
		}
		for i, v := range got {
			if math.Float32bits(v) != math.Float32bits(want[i]) && (v == v || want[i] == want[i]) {
				t.Errorf("%s: value %d is %v, want %v", name, i, v, want[i])
			}
		}
	}
}

// FuzzUnmarshal: any bytes give an error, or a file that Marshal writes and
// Unmarshal reads back the same, with no more values than the bytes can hold.
func FuzzUnmarshal(f *testing.F) {
	b, err := sample().Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	for _, dtype := range []string{"F16", "BF16", "F64"} {
		header := `{"x":{"dtype":"` + dtype + `","shape":[4],"data_offsets":[0,8]},` +
			`"y":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}`
		file := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
		f.Add(append(file, 0, 60, 1, 0, 0, 124, 0, 128))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Unmarshal(b)
		if err != nil {
			return
		}
		values := 0
		for _, a := range file.Arrays {
			values += len(a.F32) + len(a.I64)
		}
		if 2*values > len(b) {
			t.Errorf("%d values of %d bytes", values, len(b))
		}
		b, err = file.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Unmarshal(b)
		if err != nil {
			t.Fatal(err)
		}
		if len(again.Arrays) != len(file.Arrays) {
			t.Errorf("%d arrays, want %d", len(again.Arrays), len(file.Arrays))
		}
	})
}
