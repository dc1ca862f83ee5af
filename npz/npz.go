// Package npz reads and writes NumPy's .npz and .npy files as streams, with only the standard
// library: arrays of any size pass through buffers of fixed size.
//
// It reads arrays of floating-point numbers (f2, f4, f8, and the bfloat16 of ml_dtypes), whole
// numbers (i1 to i8, u1 to u8) and truth values (b1) of either byte order, in C order or, with up
// to two dimensions, in Fortran order, stored or deflated, of format versions 1 to 3. It refuses
// pickled objects, structured types and texts. Elements always come in row-major order.
//
// A number is read into any type that holds it exactly, whatever the type of its array: whole
// numbers as float64, a label that was saved as 3.0 as 3. The error for the first one that does not
// fit gives its index and value.
//
// NumPy does not write the name of bfloat16: its elements are V2, 2 bytes of any meaning. V2 is read
// as bfloat16.
//
// It trusts nothing in a file. A header that does not fit its entry, and an entry that ends early,
// is too long or fails its checksum, are errors. Memory is allocated only for bytes that have been
// read, whatever a header claims.
package npz

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
)

// File is an open .npz file, or a .npy file, whose only array has the name "".
type File struct {
	// MaxBytes bounds the memory of the methods that return a whole array, and the disk space that
	// a compressed array in Fortran order takes while it is read. Open sets it to 8 GiB.
	MaxBytes int64

	r       io.ReaderAt
	size    int64
	names   []string
	entries map[string]*zip.File // nil for a .npy file
	closer  io.Closer
}

// Open opens a .npz or .npy file. Its first bytes say which of the two it is.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("npz: %w", err)
	}
	st, err := f.Stat()
	if err == nil && st.IsDir() {
		err = errors.New("is a folder")
	}
	var file *File
	if err == nil {
		file, err = NewFile(f, st.Size())
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("npz: %s: %w", path, err)
	}
	file.closer = f
	return file, nil
}

// NewFile is Open for the size bytes of r.
func NewFile(r io.ReaderAt, size int64) (*File, error) {
	f := &File{MaxBytes: 8 << 30, r: r, size: size}
	head := make([]byte, min(size, 8))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, err
	}
	if bytes.HasPrefix(head, []byte(magic)) {
		f.names = []string{""}
		return f, nil
	}
	if !bytes.HasPrefix(head, []byte("PK")) {
		return nil, fmt.Errorf("neither an .npz nor a .npy file: it begins with %q%s", head, otherFormat(head))
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("damaged or cut off .npz file: %w", err)
	}
	f.entries = map[string]*zip.File{}
	for _, e := range z.File {
		name, ok := strings.CutSuffix(e.Name, ".npy")
		if !ok {
			hint := ""
			if strings.HasSuffix(e.Name, "data.pkl") {
				hint = "; " + fromPyTorch
			}
			return nil, fmt.Errorf("entry %q is not a .npy array%s", e.Name, hint)
		}
		if f.entries[name] != nil {
			return nil, fmt.Errorf("there are two arrays %q", name)
		}
		f.names = append(f.names, name)
		f.entries[name] = e
	}
	return f, nil
}

const fromPyTorch = "from a file of PyTorch save the tensors with numpy.savez(path, name=tensor.cpu().numpy())"

// otherFormat says what a file is that begins with head, and how to make an .npz of it, or is "".
func otherFormat(head []byte) string {
	for _, f := range []struct{ magic, text string }{
		{"\x89HDF", "an HDF5 file; read it with h5py"},
		{"MATLAB", "a MATLAB file; read it with scipy.io.loadmat"},
		{"\x80", "a Python pickle or an old file of PyTorch; load it in Python"},
		{"\x1f\x8b", "a gzip file; unpack it"},
		{"PAR1", "a Parquet file; read it with pandas"},
	} {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return ": " + f.text + " and save the arrays with numpy.savez"
		}
	}
	if len(head) == 0 {
		return ": it is empty"
	}
	return "; save the arrays with numpy.savez(path, name=array)"
}

// Close closes the file that Open opened.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Names returns the names of the arrays in the order of the file.
func (f *File) Names() []string { return slices.Clone(f.names) }

// Has reports whether there is an array of the name.
func (f *File) Has(name string) bool { return slices.Contains(f.names, name) }

// Array is one array of a file. Any number of Readers can read it.
type Array struct {
	Name    string
	DType   string // NumPy's name of the element type, such as "<f4"
	Shape   []int  // no dimensions for a single number
	Fortran bool   // the first index runs fastest in the file

	file   *File
	entry  *zip.File // nil for a .npy file
	kind   kind
	big    bool  // big-endian
	offset int64 // of the first element, in the entry
	bytes  int64 // of all elements
}

// Array reads the header of an array. The error for an unknown name lists all names.
func (f *File) Array(name string) (*Array, error) {
	if !f.Has(name) {
		return nil, fmt.Errorf("npz: no array %q; there are %s", name, strings.Join(f.names, ", "))
	}
	a := &Array{Name: name, file: f, entry: f.entries[name]}
	r, size, err := a.open()
	if err == nil {
		defer r.Close()
		err = a.readHeader(r, size)
	}
	if err != nil {
		return nil, a.fault(err)
	}
	return a, nil
}

func (a *Array) fault(err error) error { return fmt.Errorf("npz: array %q: %w", a.Name, err) }

// open returns the bytes of the array's entry, and their number as the file declares it.
func (a *Array) open() (io.ReadCloser, int64, error) {
	if a.entry == nil {
		return io.NopCloser(io.NewSectionReader(a.file.r, 0, a.file.size)), a.file.size, nil
	}
	if a.entry.UncompressedSize64 > math.MaxInt64 {
		return nil, 0, fmt.Errorf("declares %d bytes", a.entry.UncompressedSize64)
	}
	r, err := a.entry.Open()
	if errors.Is(err, zip.ErrAlgorithm) {
		err = fmt.Errorf("compression method %d is not known; numpy writes stored or deflated arrays", a.entry.Method)
	}
	return r, int64(a.entry.UncompressedSize64), err
}

// Len returns the number of elements.
func (a *Array) Len() int { return int(a.bytes / int64(a.kind.size())) }

// IsFloat reports whether the elements are floating-point numbers.
func (a *Array) IsFloat() bool { return a.kind.isFloat() }

// FitsFloat32 reports whether Reader.Float32 reads the array: float32 holds every number of its type.
func (a *Array) FitsFloat32() bool { return a.kind.fitsFloat32() }
