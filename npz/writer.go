package npz

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unsafe"

	"github.com/gocollapse/collapse/internal/atomic"
)

// Element is a type of the elements that a Writer writes.
type Element interface {
	float32 | float64 | int32 | int64 | uint8
}

// Writer writes a .npz file that numpy.load reads: stored arrays in C order and
// little-endian byte order.
type Writer struct {
	zip    *zip.Writer
	names  map[string]bool
	finish func() error // that no stream is unfinished
	file   *atomic.File // of Create, and its buffer
	buffer *bufio.Writer
}

// NewWriter returns a writer to w. Close ends the file.
func NewWriter(w io.Writer) *Writer {
	return &Writer{zip: zip.NewWriter(w), names: map[string]bool{}}
}

// Create returns a writer to a file. Close puts the file in place, complete or not at all. A caller
// that does not Close it must call Abort.
func Create(path string) (*Writer, error) {
	f, err := atomic.Create(path)
	if err != nil {
		return nil, fmt.Errorf("npz: %w", err)
	}
	buffer := bufio.NewWriterSize(f, bufferBytes)
	w := NewWriter(buffer)
	w.file, w.buffer = f, buffer
	return w, nil
}

// Abort discards a file of Create. After Close it does nothing.
func (w *Writer) Abort() error {
	if w.file == nil {
		return nil
	}
	return w.file.Abort()
}

// Close ends the file. It is an error if a stream lacks elements. After an error a file of Create
// is discarded, and an older file is not changed.
func (w *Writer) Close() error {
	err := w.check()
	if err == nil {
		err = w.zip.Close()
	}
	if err == nil && w.file != nil {
		if err = w.buffer.Flush(); err == nil {
			err = w.file.Commit()
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("npz: %w", err), w.Abort())
	}
	return nil
}

// check returns an error if the last stream lacks elements.
func (w *Writer) check() error {
	if w.finish == nil {
		return nil
	}
	return w.finish()
}

// Write writes a whole array of the given shape, data in row-major order.
func Write[T Element](w *Writer, name string, shape []int, data []T) error {
	s, err := NewStream[T](w, name, shape)
	if err != nil {
		return err
	}
	if int64(len(data)) != s.left {
		return fmt.Errorf("npz: array %q: shape %v has %d elements, found %d", name, shape, s.left, len(data))
	}
	return s.Write(data)
}

// Stream writes one array piece by piece.
type Stream[T Element] struct {
	name string
	w    io.Writer
	left int64
}

// NewStream begins an array of the given shape. All its elements must be written before the next
// array begins or the file is closed.
func NewStream[T Element](w *Writer, name string, shape []int) (*Stream[T], error) {
	if err := w.check(); err != nil {
		return nil, fmt.Errorf("npz: %w", err)
	}
	if name == "" || w.names[name] {
		return nil, fmt.Errorf("npz: an array needs a name of its own, found %q", name)
	}
	elements := int64(1)
	for _, n := range shape {
		if n < 0 || (n > 0 && elements > 1<<59/int64(n)) {
			return nil, fmt.Errorf("npz: array %q: %v is not the shape of an array", name, shape)
		}
		elements *= int64(n)
	}
	entry, err := w.zip.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
	if err != nil {
		return nil, fmt.Errorf("npz: array %q: %w", name, err)
	}
	w.names[name] = true
	if _, err := entry.Write(header[T](shape)); err != nil {
		return nil, fmt.Errorf("npz: array %q: %w", name, err)
	}
	s := &Stream[T]{name: name, w: entry, left: elements}
	w.finish = func() error {
		if s.left != 0 {
			return fmt.Errorf("array %q of shape %v lacks its last %d elements", name, shape, s.left)
		}
		return nil
	}
	return s, nil
}

// Write writes the next elements.
func (s *Stream[T]) Write(data []T) error {
	if int64(len(data)) > s.left {
		return fmt.Errorf("npz: array %q: %d elements, %d more than its shape has",
			s.name, len(data), int64(len(data))-s.left)
	}
	if len(data) == 0 {
		return nil
	}
	size := int(unsafe.Sizeof(data[0]))
	b := unsafe.Slice((*byte)(unsafe.Pointer(&data[0])), len(data)*size)
	if hostBig {
		swapped := make([]byte, len(b))
		for i := range b {
			swapped[i] = b[i-i%size+size-1-i%size]
		}
		b = swapped
	}
	if _, err := s.w.Write(b); err != nil {
		return fmt.Errorf("npz: array %q: %w", s.name, err)
	}
	s.left -= int64(len(data))
	return nil
}

// header returns the header of an array, padded to a multiple of 64 bytes as numpy's.
func header[T Element](shape []int) []byte {
	var zero T
	dtype := map[string]string{
		"float32": "<f4", "float64": "<f8", "int32": "<i4", "int64": "<i8", "uint8": "|u1",
	}[fmt.Sprintf("%T", zero)]
	var dims strings.Builder
	for _, n := range shape {
		fmt.Fprintf(&dims, "%d, ", n)
	}
	tuple := strings.TrimSuffix(dims.String(), " ")
	if len(shape) > 1 {
		tuple = strings.TrimSuffix(tuple, ",")
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", dtype, tuple)
	text += strings.Repeat(" ", 63-(10+len(text))%64) + "\n"
	b := append([]byte(magic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	return append(b, text...)
}
