package npz

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unsafe"
)

// bufferBytes is the size of a Reader's buffer.
const bufferBytes = 1 << 20

// maxRow bounds the bytes of a row in Fortran order. The Reader holds at least one row.
const maxRow = 256 << 20

// Reader reads the elements of an array in row-major order. It is not safe for concurrent use, but
// an array can have several Readers at once.
type Reader struct {
	a    *Array
	src  io.Reader
	done []func() error // what Close does
	left int64          // elements to come
	next int64          // index of the next element, for messages
	buf  []byte
	swap *columns // for Fortran order in two dimensions, else nil
}

// Reader returns a reader at the first element. The caller must close it.
func (a *Array) Reader() (*Reader, error) {
	r := &Reader{a: a, left: int64(a.Len())}
	src, _, err := a.open()
	if err != nil {
		return nil, a.fault(err)
	}
	r.src = src
	r.done = append(r.done, src.Close)
	if _, err := io.CopyN(io.Discard, src, a.offset); err != nil {
		r.Close()
		return nil, a.fault(cutOff(err))
	}
	if a.Fortran && len(a.Shape) == 2 && a.Shape[0] > 1 && a.Shape[1] > 1 {
		if err := r.transpose(); err != nil {
			r.Close()
			return nil, a.fault(err)
		}
	}
	return r, nil
}

// Close closes the reader and removes its temporary file, if it has one.
func (r *Reader) Close() error {
	var err error
	for _, f := range r.done {
		err = errors.Join(err, f())
	}
	r.done = nil
	return err
}

// Float32 fills dst with the next elements, fewer at the end, and returns their number; io.EOF
// means that there are no more. Array.FitsFloat32 says which arrays can be read.
func (r *Reader) Float32(dst []float32) (int, error) {
	if !r.a.kind.fitsFloat32() {
		return 0, r.a.fault(fmt.Errorf("elements of type %q do not fit float32; read them as float64", r.a.DType))
	}
	return read(r, dst, float32s)
}

// Float64 is Float32 for float64 and arrays of every type. It is an error if float64 does not hold
// a whole number exactly; the error gives its index and value.
func (r *Reader) Float64(dst []float64) (int, error) { return read(r, dst, float64s) }

// Int64 is Float64 for int64. Floating-point numbers must be whole.
func (r *Reader) Int64(dst []int64) (int, error) { return read(r, dst, int64s) }

// Int32 is Int64 for int32.
func (r *Reader) Int32(dst []int32) (int, error) { return read(r, dst, int32s) }

// read fills dst. own is the kind of its type.
func read[T number](r *Reader, dst []T, own kind) (int, error) {
	if r.left == 0 {
		return 0, r.end()
	}
	dst = dst[:min(int64(len(dst)), r.left)]
	size := r.a.kind.size()
	for at := 0; at < len(dst); {
		n := len(dst) - at
		if r.a.kind == own && r.a.big == hostBig {
			// The bytes are the numbers, so that nothing is copied.
			part := dst[at:]
			if err := r.fill(unsafe.Slice((*byte)(unsafe.Pointer(&part[0])), n*size)); err != nil {
				return at, err
			}
		} else {
			n = min(n, bufferBytes/size)
			if r.buf == nil {
				r.buf = make([]byte, min(bufferBytes, r.left*int64(size)))
			}
			b := r.buf[:n*size]
			if err := r.fill(b); err != nil {
				return at, err
			}
			if i, why := misfit(b, r.a.kind, r.a.big, own); i >= 0 {
				return at, r.a.fault(fmt.Errorf("element %s is %s", r.a.place(r.next+int64(i)), why))
			}
			convert(dst[at:at+n], b, r.a.kind, r.a.big)
		}
		at += n
		r.left -= int64(n)
		r.next += int64(n)
	}
	if r.left == 0 {
		// The checksum comes after the last byte: a caller that stops at the last element must not
		// miss that it failed.
		if err := r.end(); err != io.EOF {
			return 0, err
		}
	}
	return len(dst), nil
}

// end returns io.EOF if the entry ends with its last element, else an error.
func (r *Reader) end() error {
	if r.swap != nil {
		return io.EOF // checked by transpose
	}
	switch n, err := io.ReadFull(r.src, make([]byte, 1)); {
	case n > 0:
		return r.a.fault(errors.New("the entry goes on after its last element"))
	case err != io.EOF:
		return r.a.fault(err)
	}
	return io.EOF
}

// fill reads the bytes of the next elements.
func (r *Reader) fill(b []byte) error {
	if r.swap != nil {
		if err := r.swap.fill(b); err != nil {
			return r.a.fault(cutOff(err))
		}
		return nil
	}
	if _, err := io.ReadFull(r.src, b); err != nil {
		return r.a.fault(cutOff(err))
	}
	return nil
}

// cutOff replaces an unexpected end of file by an error that says what it means.
func cutOff(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("cut off: the entry ends before its last element")
	}
	return err
}

// place writes the index of an element as NumPy takes it: 7, or [3, 1] in a matrix.
func (a *Array) place(i int64) string {
	if len(a.Shape) < 2 {
		return fmt.Sprint(i)
	}
	index := make([]string, len(a.Shape))
	for j := len(a.Shape) - 1; j >= 0; j-- {
		n := int64(a.Shape[j])
		index[j] = fmt.Sprint(i % n)
		i /= n
	}
	return "[" + strings.Join(index, ", ") + "]"
}

// columns reads a matrix in Fortran order by blocks of rows. The part of a column that a block
// needs is contiguous in the file.
type columns struct {
	src        io.ReaderAt
	offset     int64
	rows, cols int
	size       int    // of an element
	row        int    // next row to load
	block      []byte // the loaded rows that are left, in row-major order
	whole      []byte // the memory of block
	column     []byte // a part of one column
}

// transpose makes the reader read a matrix in Fortran order by rows. Reading across columns needs
// random access, which only a stored entry has: a deflated one is unpacked into a temporary file.
// Either way the entry is first read to its end, to verify its checksum.
func (r *Reader) transpose() error {
	a := r.a
	c := &columns{rows: a.Shape[0], cols: a.Shape[1], size: a.kind.size()}
	if c.cols > maxRow/c.size {
		return fmt.Errorf("rows of %d bytes in Fortran order, want at most %d; write numpy.ascontiguousarray of it",
			c.cols*c.size, maxRow)
	}
	var copyTo io.Writer = io.Discard
	switch {
	case a.entry == nil:
		c.src, c.offset = a.file.r, a.offset
	case a.entry.Method == 0:
		at, err := a.entry.DataOffset()
		if err != nil {
			return err
		}
		c.src, c.offset = a.file.r, at+a.offset
	default:
		if a.bytes > a.file.MaxBytes {
			return fmt.Errorf("compressed in Fortran order, it needs %d bytes of disk, more than the limit of %d; "+
				"write numpy.ascontiguousarray of it", a.bytes, a.file.MaxBytes)
		}
		f, err := os.CreateTemp("", "collapse-npz-*")
		if err != nil {
			return err
		}
		r.done = append(r.done, f.Close, func() error { return os.Remove(f.Name()) })
		copyTo, c.src = f, f
	}
	n, err := io.Copy(copyTo, io.LimitReader(r.src, a.bytes+1))
	switch {
	case err != nil:
		return err
	case n < a.bytes:
		return cutOff(io.EOF)
	case n > a.bytes:
		return errors.New("the entry goes on after its last element")
	}
	r.swap = c
	return nil
}

func (c *columns) fill(b []byte) error {
	for len(b) > 0 {
		if len(c.block) == 0 {
			if err := c.load(); err != nil {
				return err
			}
		}
		n := copy(b, c.block)
		b, c.block = b[n:], c.block[n:]
	}
	return nil
}

// load reads the next block of rows: as many as fit in 8 MiB, and at least one.
func (c *columns) load() error {
	n := min(max(1, 8<<20/(c.cols*c.size)), c.rows-c.row)
	if n <= 0 {
		return io.ErrUnexpectedEOF
	}
	if c.whole == nil {
		c.whole = make([]byte, n*c.cols*c.size)
		c.column = make([]byte, n*c.size)
	}
	c.block = c.whole[:n*c.cols*c.size]
	column := c.column[:n*c.size]
	stride := c.cols * c.size
	for j := range c.cols {
		at := c.offset + (int64(j)*int64(c.rows)+int64(c.row))*int64(c.size)
		if n, err := c.src.ReadAt(column, at); n < len(column) {
			return err
		}
		for i := 0; i < n; i++ {
			copy(c.block[i*stride+j*c.size:][:c.size], column[i*c.size:])
		}
	}
	c.row += n
	return nil
}

// Float64s returns all elements in row-major order. It is an error if they need more than the
// file's MaxBytes.
func (a *Array) Float64s() ([]float64, error) {
	return all(a, func(r *Reader, dst []float64) (int, error) { return r.Float64(dst) })
}

// Float32s is Float64s for float32.
func (a *Array) Float32s() ([]float32, error) {
	return all(a, func(r *Reader, dst []float32) (int, error) { return r.Float32(dst) })
}

// Int32s is Float64s for int32.
func (a *Array) Int32s() ([]int32, error) {
	return all(a, func(r *Reader, dst []int32) (int, error) { return r.Int32(dst) })
}

// Int64s is Float64s for int64.
func (a *Array) Int64s() ([]int64, error) {
	return all(a, func(r *Reader, dst []int64) (int, error) { return r.Int64(dst) })
}

func all[T any](a *Array, next func(*Reader, []T) (int, error)) ([]T, error) {
	var zero T
	if size := int64(unsafe.Sizeof(zero)); int64(a.Len()) > a.file.MaxBytes/size {
		return nil, a.fault(fmt.Errorf("%d elements need %d bytes, more than the limit of %d",
			a.Len(), int64(a.Len())*size, a.file.MaxBytes))
	}
	r, err := a.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	// The memory grows with the bytes that are read, whatever the header claims.
	var out []T
	for {
		if cap(out)-len(out) < 1 {
			grown := make([]T, len(out), min(a.Len(), max(2*cap(out), 1<<16)))
			copy(grown, out)
			out = grown
		}
		n, err := next(r, out[len(out):cap(out)])
		out = out[:len(out)+n]
		if err == io.EOF || (err == nil && len(out) == a.Len()) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
