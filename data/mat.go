package data

import (
	"bufio"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/gocollapse/collapse/internal/bounded"
)

// Types of the elements of a MAT file, level 5, and classes of its arrays.
const (
	miINT8       = 1
	miUINT8      = 2
	miINT32      = 5
	miUINT32     = 6
	miMATRIX     = 14
	miCOMPRESSED = 15

	mxDouble = 6
	mxUint8  = 9
)

// matReader reads elements of a MAT file.
type matReader struct {
	r     io.Reader
	order binary.ByteOrder
}

// readMAT reads arrays of bytes from a MAT file of level 5, which MATLAB calls version 5 to 7. want
// names the arrays and their dimensions. Each array comes in MATLAB's order: the first index runs
// fastest. Other arrays are skipped. An array of another type or of other dimensions is an error,
// and so is a missing one. Memory is taken as the bytes come.
//
// See "MAT-File Format", The MathWorks, chapter 1.
func readMAT(r io.Reader, want map[string][]int) (map[string][]byte, error) {
	br := bufio.NewReaderSize(r, 1<<16)
	var head [128]byte
	if _, err := io.ReadFull(br, head[:]); err != nil {
		return nil, fmt.Errorf("want the 128 bytes of a MAT file's header: %w", bounded.Unexpected(err))
	}
	m := matReader{r: br}
	switch string(head[126:]) {
	case "IM":
		m.order = binary.LittleEndian
	case "MI":
		m.order = binary.BigEndian
	default:
		return nil, fmt.Errorf("not a MAT file of level 5: its byte order is %q, want IM or MI; "+
			"MATLAB writes it with save -v7", head[126:])
	}
	found := map[string][]byte{}
	for {
		kind, size, err := m.tag()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		body := io.LimitedReader{R: br, N: int64(size)}
		switch kind {
		case miMATRIX:
			err = matReader{&body, m.order}.matrix(int64(size), want, found)
		case miCOMPRESSED:
			err = m.compressed(&body, want, found)
		default:
			return nil, fmt.Errorf("element of type %d, want %d (a matrix) or %d (a compressed one)",
				kind, miMATRIX, miCOMPRESSED)
		}
		if err != nil {
			return nil, err
		}
		if _, err := io.Copy(io.Discard, &body); err != nil {
			return nil, err
		}
		if body.N > 0 {
			return nil, fmt.Errorf("an element of %d bytes lacks %d: the file is cut", size, body.N)
		}
	}
	for name, dims := range want {
		if found[name] == nil {
			return nil, fmt.Errorf("no array %s of %v bytes in the file", name, dims)
		}
	}
	return found, nil
}

// compressed reads the one matrix in a compressed element.
func (m matReader) compressed(body io.Reader, want map[string][]int, found map[string][]byte) error {
	z, err := zlib.NewReader(body)
	if err != nil {
		return fmt.Errorf("compressed element: %w", err)
	}
	in := matReader{z, m.order}
	kind, size, err := in.tag()
	if err != nil {
		return fmt.Errorf("compressed element: %w", bounded.Unexpected(err))
	}
	if kind != miMATRIX {
		return fmt.Errorf("compressed element of type %d, want %d, a matrix", kind, miMATRIX)
	}
	// matrix stops as soon as it knows enough. It reads an array that is wanted whole, and then the
	// checksum must be right.
	had := len(found)
	limited := io.LimitedReader{R: z, N: int64(size)}
	if err := (matReader{&limited, m.order}).matrix(int64(size), want, found); err != nil {
		return err
	}
	if len(found) == had {
		return nil
	}
	n, err := io.Copy(io.Discard, io.LimitReader(z, int64(limited.N)+1))
	if err != nil {
		return fmt.Errorf("compressed element: %w", err)
	}
	if n > limited.N {
		return fmt.Errorf("compressed element: bytes follow the matrix of %d", size)
	}
	return nil
}

// tag reads the eight bytes before an element. io.EOF says that there is none.
func (m matReader) tag() (kind, size uint32, err error) {
	var b [8]byte
	n, err := io.ReadFull(m.r, b[:])
	if err != nil {
		if n > 0 {
			err = fmt.Errorf("cut in the tag of an element: %w", io.ErrUnexpectedEOF)
		}
		return 0, 0, err
	}
	return m.order.Uint32(b[:]), m.order.Uint32(b[4:]), nil
}

// small reads an element of at most limit bytes, which may be inside its tag.
func (m matReader) small(what string, limit uint32) (kind uint32, b []byte, err error) {
	var tag [8]byte
	if _, err := io.ReadFull(m.r, tag[:]); err != nil {
		return 0, nil, fmt.Errorf("%s of an array: %w", what, bounded.Unexpected(err))
	}
	kind = m.order.Uint32(tag[:])
	if n := kind >> 16; n != 0 { // the small format: size and type share four bytes
		if n > 4 {
			return 0, nil, fmt.Errorf("%s of an array: a small element of %d bytes, want at most 4", what, n)
		}
		return kind & 0xFFFF, slices.Clone(tag[4 : 4+n]), nil
	}
	size := m.order.Uint32(tag[4:])
	if size > limit {
		return 0, nil, fmt.Errorf("%s of an array: %d bytes, want at most %d", what, size, limit)
	}
	b = make([]byte, (size+7)&^7) // padded to eight bytes
	if _, err := io.ReadFull(m.r, b); err != nil {
		return 0, nil, fmt.Errorf("%s of an array: %w", what, bounded.Unexpected(err))
	}
	return kind, b[:size], nil
}

// matrix reads the body of a matrix of size bytes and keeps its bytes in found if want names it. Of
// other matrices it reads no more than the name.
func (m matReader) matrix(size int64, want map[string][]int, found map[string][]byte) error {
	if size == 0 {
		return nil // an empty matrix without a name
	}
	kind, flags, err := m.small("flags", 8)
	if err != nil {
		return err
	}
	if kind != miUINT32 || len(flags) != 8 {
		return fmt.Errorf("flags of an array: %d bytes of type %d, want 8 of type %d", len(flags), kind, miUINT32)
	}
	class := m.order.Uint32(flags)
	kind, raw, err := m.small("dimensions", 4*32)
	if err != nil {
		return err
	}
	if kind != miINT32 || len(raw) < 8 || len(raw)%4 != 0 {
		return fmt.Errorf("dimensions of an array: %d bytes of type %d, want at least two of type %d",
			len(raw), kind, miINT32)
	}
	var dims []int
	for i := 0; i < len(raw); i += 4 {
		dims = append(dims, int(int32(m.order.Uint32(raw[i:]))))
	}
	kind, text, err := m.small("name", 63)
	if err != nil {
		return err
	}
	if kind != miINT8 {
		return fmt.Errorf("name of an array: type %d, want %d", kind, miINT8)
	}
	name := string(text)
	shape, wanted := want[name]
	if !wanted {
		return nil
	}
	if found[name] != nil {
		return fmt.Errorf("array %s comes twice", name)
	}
	if !slices.Equal(dims, shape) {
		return fmt.Errorf("array %s has dimensions %v, want %v", name, dims, shape)
	}
	// MATLAB stores an array of doubles that are small whole numbers as bytes.
	const complexFlag = 1 << 11
	if c := class & 0xFF; c != mxUint8 && c != mxDouble || class&complexFlag != 0 {
		return fmt.Errorf("array %s has class %d (flags %#x), want %d, uint8", name, c, class, mxUint8)
	}
	n := 1
	for _, d := range shape {
		n *= d
	}
	if n <= 4 { // may be inside the tag
		kind, b, err := m.small("values", 8)
		if err != nil {
			return fmt.Errorf("array %s: %w", name, err)
		}
		if kind != miUINT8 || len(b) != n {
			return fmt.Errorf("array %s: %d bytes of type %d, want %d of type %d", name, len(b), kind, n, miUINT8)
		}
		found[name] = b
		return nil
	}
	kind, got, err := m.tag()
	if err != nil {
		return fmt.Errorf("array %s: %w", name, bounded.Unexpected(err))
	}
	if kind != miUINT8 || int64(got) != int64(n) {
		return fmt.Errorf("array %s: %d bytes of type %d, want %d of type %d", name, got, kind, n, miUINT8)
	}
	b, err := readExactly(m.r, int64(n))
	if err != nil {
		return fmt.Errorf("array %s: %w", name, err)
	}
	found[name] = b
	return nil
}
