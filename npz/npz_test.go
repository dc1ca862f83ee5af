package npz

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func open(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func array(t testing.TB, f *File, name string) *Array {
	t.Helper()
	a, err := f.Array(name)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func says(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

// values reads an array of whole numbers in whatever type it has, in pieces.
func values(t testing.TB, a *Array, piece int) []int {
	t.Helper()
	r, err := a.Reader()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out := []int{}
	f4, f8, i8 := make([]float32, piece), make([]float64, piece), make([]int64, piece)
	for {
		var n int
		var err error
		switch {
		case a.FitsFloat32():
			n, err = r.Float32(f4)
		case a.IsFloat():
			n, err = r.Float64(f8)
		default:
			n, err = r.Int64(i8)
		}
		if err == io.EOF {
			return out
		}
		if err != nil || n == 0 {
			t.Fatalf("%s: %d elements, %v", a.Name, n, err)
		}
		for i := range n {
			switch {
			case a.FitsFloat32():
				out = append(out, int(f4[i]))
			case a.IsFloat():
				out = append(out, int(f8[i]))
			default:
				out = append(out, int(i8[i]))
			}
		}
	}
}

// TestNumpy reads what numpy wrote: every type, byte order, element order, stored
// and deflated, in pieces of several lengths.
func TestNumpy(t *testing.T) {
	matrix := []int{-5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6}
	for _, file := range []string{"stored.npz", "deflated.npz"} {
		f := open(t, filepath.Join("testdata", file))
		for _, name := range f.Names() {
			a := array(t, f, name)
			shape, want := []int{3, 4}, matrix
			switch {
			case name == "bool":
				want = []int{0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1}
			case name == "column":
				shape, want = []int{5, 1}, []int{0, 1, 2, 3, 4}
			case name == "vector":
				shape, want = []int{7}, make([]int, 7)
			case name == "number":
				shape, want = []int{}, []int{2}
			case name == "empty":
				shape, want = []int{0, 4}, []int{}
			case name == "three":
				shape, want = []int{2, 3, 4}, nil
				for i := range 24 {
					want = append(want, i)
				}
			case name == "u1" || strings.Contains(name, "-u"):
				want = make([]int, 12)
				for i := range want {
					want[i] = i
				}
			}
			if !slices.Equal(a.Shape, shape) || a.Len() != len(want) {
				t.Errorf("%s, %s: shape %v of %d elements, want %v", file, name, a.Shape, a.Len(), shape)
			}
			for _, piece := range []int{1, 5, 100} {
				if got := values(t, a, piece); !slices.Equal(got, want) {
					t.Errorf("%s, %s in pieces of %d: %v, want %v", file, name, piece, got, want)
				}
			}
		}
		vector, err := array(t, f, "vector").Float64s()
		if err != nil || !slices.Equal(vector, []float64{0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75}) {
			t.Errorf("vector %v, %v", vector, err)
		}
		labels, err := array(t, f, "little-i8").Int32s()
		if err != nil || labels[0] != -5 || labels[11] != 6 {
			t.Errorf("int64 as int32: %v, %v", labels, err)
		}
	}
	for _, name := range []string{"version1.npy", "version2.npy", "version3.npy"} {
		f := open(t, filepath.Join("testdata", name))
		if got := values(t, array(t, f, ""), 100); !slices.Equal(got, matrix) {
			t.Errorf("%s: %v, want %v", name, got, matrix)
		}
	}
}

func TestRefused(t *testing.T) {
	f := open(t, "testdata/refused.npz")
	for name, words := range map[string][]string{
		"objects": {"pickled", "objects"},
		"long":    {"<f16", "astype('float64')"},
		"float8":  {"<f1", "astype('float32')"},
		"int4":    {"<V1", "astype('float32')"},
		"text":    {"<U1", "numpy.unique"},
		"complex": {"<c8", "x.real"},
		"fields":  {"structured"},
		"cube":    {"Fortran", "3 dimensions", "ascontiguousarray"},
		"none":    {"no array", "cube"},
	} {
		_, err := f.Array(name)
		says(t, err, append(words, name)...)
	}

	f = open(t, "testdata/stored.npz")
	reader := func(name string) *Reader {
		r, err := array(t, f, name).Reader()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		return r
	}
	_, err := reader("little-f8").Float32(make([]float32, 1))
	says(t, err, "<f8", "float64")
	_, err = reader("little-u8").Float32(make([]float32, 1))
	says(t, err, "<u8", "float64")
	f.MaxBytes = 10
	_, err = array(t, f, "vector").Float64s()
	says(t, err, "56 bytes", "limit of 10")
	g := open(t, "testdata/deflated.npz")
	g.MaxBytes = 10
	_, err = array(t, g, "fortran-f8").Reader()
	says(t, err, "Fortran", "limit of 10")

	var b bytes.Buffer
	w := NewWriter(&b)
	if err := Write(w, "wide", []int{2}, []int64{1, 1 << 40}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err = NewFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	_, err = array(t, f, "wide").Int32s()
	says(t, err, "element 1", "1099511627776", "32 bits")

	_, err = Open(filepath.Join(t.TempDir(), "none.npz"))
	says(t, err, "none.npz")
	_, err = Open(t.TempDir())
	says(t, err, "folder")
	_, err = NewFile(strings.NewReader("text"), 4)
	says(t, err, "neither", "text")
	_, err = NewFile(strings.NewReader(""), 0)
	says(t, err, "neither", "empty")
	_, err = NewFile(strings.NewReader("\x89HDF\r\n\x1a\n"), 8)
	says(t, err, "HDF5", "h5py", "numpy.savez")
	var torch bytes.Buffer
	z := zip.NewWriter(&torch)
	if _, err := z.Create("archive/data.pkl"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = NewFile(bytes.NewReader(torch.Bytes()), int64(torch.Len()))
	says(t, err, "archive/data.pkl", "PyTorch", "numpy.savez")
}

// npy returns a .npy file with the given header and data.
func npy(header, data string) string {
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	return magic + "\x01\x00" + string([]byte{byte(len(header)), byte(len(header) >> 8)}) + header + data
}

func TestHeaders(t *testing.T) {
	const good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"
	read := func(text string) error {
		f, err := NewFile(strings.NewReader(text), int64(len(text)))
		if err != nil {
			return err
		}
		a, err := f.Array("")
		if err == nil {
			_, err = a.Float64s()
		}
		return err
	}
	for _, header := range []string{
		good,
		`{"shape":(2,),"fortran_order":False,"descr":"<f4"}`,
		"{'descr': '<f4', 'fortran_order': True, 'shape': (2L, 1L)}",
		" {  'descr' : '>f4' , 'fortran_order':False,'shape':( 1 , 2 ) , } ",
	} {
		if err := read(npy(header, "12345678")); err != nil {
			t.Errorf("%s: %v", header, err)
		}
	}
	file := npy(good, "12345678")
	for text, words := range map[string][]string{
		file[:len(file)-1]:                       {"cut off", "8 bytes", "found 7"},
		file + "x":                               {"8 bytes", "found 9"},
		file[:30]:                                {"cut off", "header"},
		file[:7]:                                 {"cut off", "header"},
		strings.Replace(file, "\x01", "\x04", 1): {"version 4.0", "1 to 3"},
		npy("", ""):                              {"header"},
		npy("{}", ""):                            {"header"},
		npy(good+good, "12345678"):               {"header"},
		npy("{'descr': '<f4', 'descr': '<f4', 'shape': (2,)}", "12345678"):                     {"descr", "twice"},
		npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", "12345678"):     {"unknown key"},
		npy("{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}", "12345678"):                 {"header"},
		npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", "12345678"):            {"header"},
		npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2", "12345678"):                {"header"},
		npy("{'descr': '<f4', 'fortran_order': False, 'shape': 2}", "12345678"):                {"header"},
		npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", ""):  {"header"},
		npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,)}", ""):   {"more elements"},
		npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1073741824, 1073741824)}", ""): {"more elements"},
		npy("{'descr': '', 'fortran_order': False, 'shape': (2,)}", "12345678"):                {"type"},
		npy("{'descr': '|O', 'fortran_order': False, 'shape': (2,)}", "12345678"):              {"pickled"},
	} {
		says(t, read(text), words...)
	}
}

// altered returns stored.npz or deflated.npz with one byte of an array's data
// changed.
func altered(t *testing.T, file, name string) *File {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range z.File {
		if e.Name == name+".npy" {
			at, err := e.DataOffset()
			if err != nil {
				t.Fatal(err)
			}
			b[at+int64(e.CompressedSize64)-2] ^= 0x40
		}
	}
	f, err := NewFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestAltered: one wrong bit in the data is an error, not a wrong number.
func TestAltered(t *testing.T) {
	for _, file := range []string{"stored.npz", "deflated.npz"} {
		for _, name := range []string{"little-f8", "fortran-f8"} {
			a, err := altered(t, file, name).Array(name)
			if err == nil {
				_, err = a.Float64s()
			}
			if err == nil {
				t.Errorf("%s: a wrong bit in %s was not seen", file, name)
			}
		}
	}
	// Cut off anywhere, a file gives errors or, in what is left, the right numbers.
	b, err := os.ReadFile("testdata/stored.npz")
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(b); n += 97 {
		if _, err := NewFile(bytes.NewReader(b[:n]), int64(n)); err == nil {
			t.Errorf("the first %d bytes of %d pass for a file", n, len(b))
		}
	}
}

// TestWritten: the arrays that the Writer writes are numpy's to the byte.
func TestWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.npz")
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewStream[float32](w, "a", []int{2, 3})
	if err != nil {
		t.Fatal(err)
	}
	says(t, s.Write(make([]float32, 7)), "7 elements", "1 more")
	err = errors.Join(
		s.Write([]float32{0, 1}), s.Write(nil), s.Write([]float32{2, 3, 4, 5}),
		Write(w, "b", []int{3}, []float64{0, 1, 2}),
		Write(w, "c", []int{4}, []int32{0, 1, 2, 3}),
		Write(w, "d", nil, []int64{7}),
		Write(w, "e", []int{0, 2}, []uint8{}),
	)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the file is in place before Close")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(); err != nil {
		t.Errorf("Abort after Close: %v", err)
	}
	entries := func(path string) map[string]string {
		z, err := zip.OpenReader(path)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		m := map[string]string{}
		for _, e := range z.File {
			r, err := e.Open()
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			m[e.Name] = string(b)
		}
		return m
	}
	got, want := entries(path), entries("testdata/written.npz")
	if len(got) != len(want) {
		t.Errorf("%d arrays, want %d", len(got), len(want))
	}
	for name, b := range want {
		if got[name] != b {
			t.Errorf("%s is %q, numpy's %q", name, got[name], b)
		}
	}
}

func TestWriterFaults(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "w.npz")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	says(t, Write(w, "a", []int{2}, []float64{1}), "2 elements", "found 1")
	says(t, Write(w, "b", []int{1}, []float64{1}), `"a"`, "last 2")
	says(t, w.Close(), `"a"`, "last 2")
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if b, _ := os.ReadFile(path); string(b) != "old" {
		t.Errorf("the file is %q after a failed write, want the old one", b)
	}

	w = NewWriter(io.Discard)
	if err := Write(w, "a", []int{1}, []int32{1}); err != nil {
		t.Fatal(err)
	}
	says(t, Write(w, "a", []int{1}, []int32{1}), "name of its own", `"a"`)
	says(t, Write(w, "b", []int{-1}, []int32{}), "shape")
	says(t, Write(w, "c", []int{1 << 40, 1 << 40}, []int32{}), "shape")
	if _, err := Create(filepath.Join(dir, "none", "w.npz")); err == nil {
		t.Error("no error for a folder that does not exist")
	}
}

// TestLarge: an array of more than the buffers, in Fortran order and converted.
func TestLarge(t *testing.T) {
	const rows, cols = 2000, 700 // 11 MB: two blocks of rows
	data := make([]float64, rows*cols)
	for i := range data { // columns first
		data[i] = float64(i%rows)*cols + float64(i/rows)
	}
	var b bytes.Buffer
	w := NewWriter(&b)
	if err := Write(w, "m", []int{rows, cols}, data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	// Name it Fortran order; the checksum is of the bytes, so write it anew.
	header := "{'descr': '<f8', 'fortran_order': True, 'shape': (2000, 700)}"
	stored := bytes.Index(b.Bytes(), []byte(magic))
	raw := b.Bytes()[stored+128 : stored+128+8*len(data)]
	file := npy(header, string(raw))
	f, err := NewFile(strings.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := array(t, f, "").Float64s()
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if v != float64(i) {
			t.Fatalf("element %d is %v", i, v)
		}
	}
}
