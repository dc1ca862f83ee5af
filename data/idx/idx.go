// Package idx reads and writes IDX files of unsigned bytes, the format of MNIST
// and of the sets that follow it, such as Fashion-MNIST.
//
// A file is a magic number (two zero bytes, the type 0x08, the number of
// dimensions), each dimension as a big-endian 32-bit integer, and the values in
// row-major order. See http://yann.lecun.com/exdb/mnist/.
package idx

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/gocollapse/collapse/internal/bounded"
)

// unsignedByte is the type code of the only type of value read here.
const unsignedByte = 0x08

// Array is the content of an IDX file: Data holds the product of Dims bytes in
// row-major order.
type Array struct {
	Dims []int
	Data []byte
}

// Read reads one array of exactly rank dimensions and at most limit values. Nothing may follow it.
// Whatever the header says, Read takes no more memory than there are bytes.
func Read(r io.Reader, rank, limit int) (Array, error) {
	var magic [4]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil {
		return Array{}, fmt.Errorf("idx: want the 4 bytes of the magic number: %w", bounded.Unexpected(err))
	}
	if magic[0] != 0 || magic[1] != 0 || magic[2] != unsignedByte {
		return Array{}, fmt.Errorf("idx: magic number % x, want 00 00 08 and the number of dimensions "+
			"(unsigned bytes); is it another file, or still compressed?", magic)
	}
	if int(magic[3]) != rank {
		return Array{}, fmt.Errorf("idx: %d dimensions, want %d; images have 3, labels 1", magic[3], rank)
	}
	a := Array{Dims: make([]int, rank)}
	size := int64(1)
	for i := range a.Dims {
		var b [4]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return Array{}, fmt.Errorf("idx: want dimension %d of %d: %w", i+1, rank, bounded.Unexpected(err))
		}
		d := int64(binary.BigEndian.Uint32(b[:]))
		if d == 0 || d > int64(limit) || size > int64(limit)/d {
			return Array{}, fmt.Errorf("idx: dimension %d is %d; want at least 1 and at most %d values in all",
				i+1, d, limit)
		}
		a.Dims[i] = int(d)
		size *= d
	}
	var buf bytes.Buffer
	n, err := io.Copy(&buf, io.LimitReader(r, size+1))
	switch {
	case err != nil:
		return Array{}, fmt.Errorf("idx: %w", err)
	case n < size:
		return Array{}, fmt.Errorf("idx: %d values, the header %v says %d: the file is cut", n, a.Dims, size)
	case n > size:
		return Array{}, fmt.Errorf("idx: bytes follow the %d values that the header %v says", size, a.Dims)
	}
	a.Data = buf.Bytes()
	return a, nil
}

// Write writes a as an IDX file.
func Write(w io.Writer, a Array) error {
	if len(a.Dims) > 255 {
		return fmt.Errorf("idx: %d dimensions, the format holds 255", len(a.Dims))
	}
	head := []byte{0, 0, unsignedByte, byte(len(a.Dims))}
	size := 1
	for _, d := range a.Dims {
		if d < 1 || int64(d) > 1<<32-1 {
			return fmt.Errorf("idx: dimensions %v, each must be from 1 to 2³²−1", a.Dims)
		}
		head = binary.BigEndian.AppendUint32(head, uint32(d))
		size *= d
	}
	if size != len(a.Data) {
		return fmt.Errorf("idx: %d values for dimensions %v, want %d", len(a.Data), a.Dims, size)
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	_, err := w.Write(a.Data)
	return err
}
