package npz

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

const (
	magic = "\x93NUMPY"
	// maxHeader bounds a header; numpy's own limit is 10,000 bytes.
	maxHeader = 1 << 16
	// maxDimensions is numpy's limit.
	maxDimensions = 64
)

// readHeader reads the header from the beginning of an entry of size bytes and fills the array's
// fields.
func (a *Array) readHeader(r io.Reader, size int64) error {
	cut := func(err error) error {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return errors.New("cut off in its header")
		}
		return err
	}
	var fixed [12]byte
	if _, err := io.ReadFull(r, fixed[:10]); err != nil {
		return cut(err)
	}
	if string(fixed[:6]) != magic {
		return fmt.Errorf("not a .npy array: it begins with %q", fixed[:6])
	}
	a.offset = 10
	length := int64(binary.LittleEndian.Uint16(fixed[8:]))
	switch fixed[6] {
	case 1:
	case 2, 3:
		if _, err := io.ReadFull(r, fixed[10:12]); err != nil {
			return cut(err)
		}
		a.offset = 12
		length = int64(binary.LittleEndian.Uint32(fixed[8:]))
	default:
		return fmt.Errorf("format version %d.%d; versions 1 to 3 are known", fixed[6], fixed[7])
	}
	if length > maxHeader {
		return fmt.Errorf("header of %d bytes, want at most %d", length, maxHeader)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return cut(err)
	}
	a.offset += length
	if err := a.parse(string(text)); err != nil {
		return err
	}
	// What the header claims must be what the entry holds.
	elements := int64(1)
	for _, n := range a.Shape {
		if n > 0 && elements > math.MaxInt64/16/int64(n) {
			return fmt.Errorf("shape %v has more elements than memory has bytes", a.Shape)
		}
		elements *= int64(n)
	}
	if elements > math.MaxInt/16 {
		return fmt.Errorf("shape %v has more elements than this machine can count", a.Shape)
	}
	a.bytes = elements * int64(a.kind.size())
	if found := size - a.offset; found < a.bytes {
		return fmt.Errorf("cut off: shape %v of %s needs %d bytes, found %d", a.Shape, a.DType, a.bytes, found)
	} else if found > a.bytes {
		return fmt.Errorf("shape %v of %s needs %d bytes, found %d", a.Shape, a.DType, a.bytes, found)
	}
	if a.Fortran && len(a.Shape) > 2 {
		return fmt.Errorf("Fortran order of %d dimensions; write numpy.ascontiguousarray of it", len(a.Shape))
	}
	return nil
}

// parse reads the Python literal of a header, such as
// {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
func (a *Array) parse(text string) error {
	p := parser{rest: text}
	seen := map[string]bool{}
	p.want("{")
	for !p.failed && !p.has("}") {
		key := p.text()
		p.want(":")
		if p.failed {
			break
		}
		if seen[key] {
			return fmt.Errorf("header names %q twice: %q", key, text)
		}
		seen[key] = true
		switch key {
		case "descr":
			if p.peek("[") {
				return errors.New("structured elements; write the fields as arrays of their own")
			}
			a.DType = p.text()
		case "fortran_order":
			if a.Fortran = p.has("True"); !a.Fortran {
				p.want("False")
			}
		case "shape":
			a.Shape = p.tuple()
		default:
			return fmt.Errorf("header has the unknown key %q: %q", key, text)
		}
		if !p.has(",") {
			p.want("}")
			break
		}
	}
	if p.failed || strings.TrimSpace(p.rest) != "" || len(seen) != 3 {
		return fmt.Errorf("header is not {'descr': …, 'fortran_order': …, 'shape': …}: %q", text)
	}
	return a.setType()
}

// parser reads the parts of a header. Once something is missing, failed is true.
type parser struct {
	rest   string
	failed bool
}

func (p *parser) peek(s string) bool {
	p.rest = strings.TrimLeft(p.rest, " \t\n")
	return !p.failed && strings.HasPrefix(p.rest, s)
}

func (p *parser) has(s string) bool {
	if !p.peek(s) {
		return false
	}
	p.rest = p.rest[len(s):]
	return true
}

func (p *parser) want(s string) {
	if !p.has(s) {
		p.failed = true
	}
}

// text reads a quoted text without escapes.
func (p *parser) text() string {
	quote := "'"
	if p.peek(`"`) {
		quote = `"`
	}
	p.want(quote)
	s, rest, ok := strings.Cut(p.rest, quote)
	if !ok || strings.Contains(s, `\`) {
		p.failed = true
		return ""
	}
	p.rest = rest
	return s
}

// tuple reads a tuple of whole numbers, each not negative.
func (p *parser) tuple() []int {
	shape := []int{}
	p.want("(")
	for !p.failed && !p.has(")") {
		p.peek("")
		end := strings.IndexFunc(p.rest, func(r rune) bool { return r < '0' || r > '9' })
		if end < 1 || len(shape) == maxDimensions {
			p.failed = true
			return nil
		}
		n, err := strconv.Atoi(p.rest[:end])
		if err != nil {
			p.failed = true
			return nil
		}
		shape = append(shape, n)
		p.rest = p.rest[end:]
		p.has("L") // written by Python 2
		if !p.has(",") {
			p.want(")")
			break
		}
	}
	return shape
}
