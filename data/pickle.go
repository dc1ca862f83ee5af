package data

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// unpickle reads a Python pickle of plain values and NumPy arrays of bytes, as CIFAR's python
// archives hold it: protocol 2 by Python 2, or 3 and 4 by Python 3. It calls nothing: a pickle that
// names any other class or function is an error. Memory is in proportion to the bytes that are
// there. It is not a library since those run whatever a pickle says, or take as much memory as it
// declares.
//
// A value is nil, bool, int64, []byte (a string of either kind), pyTuple, *pyList, pyDict, pyGlobal,
// *pyArray or *pyType.
func unpickle(r io.Reader) (any, error) {
	u := &unpickler{r: bufio.NewReaderSize(r, 1<<16), memo: map[uint32]any{}}
	for {
		op, err := u.r.ReadByte()
		if err != nil {
			return nil, fmt.Errorf("pickle: %w: the file is cut", io.ErrUnexpectedEOF)
		}
		if op == '.' { // STOP
			break
		}
		if u.steps++; u.steps > maxPickleSteps {
			return nil, fmt.Errorf("pickle: more than %d operations", maxPickleSteps)
		}
		if err := u.do(op); err != nil {
			return nil, fmt.Errorf("pickle: operation %d (%q): %w", u.steps, op, err)
		}
	}
	v, err := u.pop()
	if err != nil || len(u.stack) > 0 {
		return nil, errors.New("pickle: it does not end with one value")
	}
	return v, wantEnd(u.r, "the pickle")
}

// maxPickleSteps bounds the operations of a pickle, and so its objects: CIFAR-100's training images
// take about 250,000.
const maxPickleSteps = 1 << 20

type (
	pyTuple  []any
	pyList   struct{ items []any }
	pyDict   map[string]any
	pyGlobal string // "module name"
	pyMark   struct{}
)

// pyArray is a NumPy array of bytes. It has no shape until the pickle sets its state.
type pyArray struct {
	shape    []int64
	data     []byte
	byColumn bool // Fortran's order
}

// pyType is NumPy's type of unsigned bytes.
type pyType struct{}

type unpickler struct {
	r     *bufio.Reader
	stack []any
	memo  map[uint32]any
	steps int
}

var errShort = errors.New("too few values")

func (u *unpickler) push(v any) error {
	u.stack = append(u.stack, v)
	return nil
}

func (u *unpickler) pop() (any, error) {
	if len(u.stack) == 0 {
		return nil, errShort
	}
	v := u.stack[len(u.stack)-1]
	u.stack = u.stack[:len(u.stack)-1]
	return v, nil
}

// popMark returns the values above the last mark, and takes both off.
func (u *unpickler) popMark() ([]any, error) {
	for i := len(u.stack) - 1; i >= 0; i-- {
		if _, ok := u.stack[i].(pyMark); ok {
			items := append([]any(nil), u.stack[i+1:]...)
			u.stack = u.stack[:i]
			return items, nil
		}
	}
	return nil, errors.New("no mark")
}

func (u *unpickler) popN(n int) ([]any, error) {
	if len(u.stack) < n {
		return nil, errShort
	}
	items := append([]any(nil), u.stack[len(u.stack)-n:]...)
	u.stack = u.stack[:len(u.stack)-n]
	return items, nil
}

// number reads an unsigned number of n bytes, the least significant first.
func (u *unpickler) number(n int) (uint64, error) {
	var b [8]byte
	_, err := io.ReadFull(u.r, b[:n])
	return binary.LittleEndian.Uint64(b[:]), err
}

// text reads a string whose length comes before it, in n bytes.
func (u *unpickler) text(n int) error {
	size, err := u.number(n)
	if err != nil {
		return err
	}
	if size > math.MaxInt32 {
		return fmt.Errorf("a string of %d bytes", size)
	}
	b, err := readExactly(u.r, int64(size))
	if err != nil {
		return err
	}
	return u.push(b)
}

func (u *unpickler) do(op byte) error {
	switch op {
	case 0x80: // PROTO
		v, err := u.number(1)
		if err == nil && (v < 2 || v > 4) {
			err = fmt.Errorf("protocol %d; want 2, 3 or 4", v)
		}
		return err
	case 0x95: // FRAME
		_, err := u.number(8)
		return err
	case '(':
		return u.push(pyMark{})
	case 'N':
		return u.push(nil)
	case 0x88, 0x89: // NEWTRUE, NEWFALSE
		return u.push(op == 0x88)
	case 'K', 'M', 'J':
		return u.whole(op)
	case 'U', 0x8c, 'C': // strings of up to 255 bytes: SHORT_BINSTRING, SHORT_BINUNICODE, SHORT_BINBYTES
		return u.text(1)
	case 'T', 'X', 'B': // BINSTRING, BINUNICODE, BINBYTES
		return u.text(4)
	case 'q', 'r', 0x94, 'h', 'j':
		return u.remember(op)
	case 'c', 0x93: // GLOBAL, STACK_GLOBAL
		return u.global(op)
	case 'R':
		return u.reduce()
	case 'b':
		return u.build()
	}
	return u.collect(op)
}

// whole reads BININT1, BININT2 or BININT.
func (u *unpickler) whole(op byte) error {
	size := map[byte]int{'K': 1, 'M': 2, 'J': 4}[op]
	v, err := u.number(size)
	if err != nil {
		return err
	}
	if op == 'J' {
		return u.push(int64(int32(v)))
	}
	return u.push(int64(v))
}

// remember keeps the top value under a number, or pushes the one that was kept.
func (u *unpickler) remember(op byte) error {
	if op == 0x94 { // MEMOIZE: the next number
		if len(u.stack) == 0 {
			return errShort
		}
		u.memo[uint32(len(u.memo))] = u.stack[len(u.stack)-1]
		return nil
	}
	size := map[byte]int{'q': 1, 'r': 4, 'h': 1, 'j': 4}[op]
	at, err := u.number(size)
	if err != nil {
		return err
	}
	if op == 'q' || op == 'r' { // BINPUT, LONG_BINPUT
		if len(u.stack) == 0 {
			return errShort
		}
		u.memo[uint32(at)] = u.stack[len(u.stack)-1]
		return nil
	}
	v, ok := u.memo[uint32(at)]
	if !ok {
		return fmt.Errorf("nothing was kept under %d", at)
	}
	return u.push(v)
}

// Names of NumPy's functions and classes in a pickle of an array.
const (
	numpyArray = "numpy ndarray"
	numpyType  = "numpy dtype"
	numpyNew   = "numpy.core.multiarray _reconstruct" // numpy._core from NumPy 2 on
)

// global reads the name of a function or class.
func (u *unpickler) global(op byte) error {
	var name string
	if op == 'c' {
		for range 2 {
			b, err := u.r.ReadSlice('\n')
			if err != nil {
				return errors.New("a name without end")
			}
			name += " " + strings.TrimSuffix(string(b), "\n")
		}
		name = name[1:]
	} else {
		parts, err := u.popN(2)
		if err != nil {
			return err
		}
		module, ok := parts[0].([]byte)
		own, ok2 := parts[1].([]byte)
		if !ok || !ok2 {
			return errors.New("a name that is no string")
		}
		name = string(module) + " " + string(own)
	}
	name = strings.Replace(name, "numpy._core.", "numpy.core.", 1)
	switch name {
	case numpyArray, numpyType, numpyNew:
		return u.push(pyGlobal(name))
	}
	return fmt.Errorf("it names %.80q, which a file of CIFAR does not: another file, or one that is not safe to load",
		name)
}

// reduce makes an array or a type, as yet without content.
func (u *unpickler) reduce() error {
	v, err := u.popN(2)
	if err != nil {
		return err
	}
	name, ok := v[0].(pyGlobal)
	args, isTuple := v[1].(pyTuple)
	if !ok || !isTuple {
		return errors.New("a call of what is no function")
	}
	switch {
	case name == numpyNew && len(args) == 3 && args[0] == pyGlobal(numpyArray):
		return u.push(&pyArray{})
	case name == numpyType && len(args) == 3 && isText(args[0], "u1"):
		return u.push(pyType{})
	case name == numpyType:
		return errors.New("an array of another type than uint8")
	}
	return fmt.Errorf("a call of %s with other arguments than NumPy's", name)
}

func isText(v any, text string) bool {
	b, ok := v.([]byte)
	return ok && string(b) == text
}

// build gives a type its state, which for bytes has nothing, or an array its shape and content.
func (u *unpickler) build() error {
	v, err := u.popN(2)
	if err != nil {
		return err
	}
	state, ok := v[1].(pyTuple)
	if !ok {
		return errors.New("a state that is no tuple")
	}
	switch to := v[0].(type) {
	case pyType:
		return u.push(to)
	case *pyArray:
		if len(state) != 5 {
			return fmt.Errorf("an array of %d parts, want 5", len(state))
		}
		shape, ok := state[1].(pyTuple)
		_, isByte := state[2].(pyType)
		byColumn, isBool := state[3].(bool)
		content, isText := state[4].([]byte)
		if !ok || !isByte || !isBool || !isText {
			return errors.New("an array that is not one of bytes as NumPy writes it")
		}
		n := int64(1)
		to.shape = nil
		for _, s := range shape {
			side, ok := s.(int64)
			if !ok || side < 0 || side > math.MaxInt32 || n > math.MaxInt32 {
				return fmt.Errorf("an array of shape %v", shape)
			}
			n *= side
			to.shape = append(to.shape, side)
		}
		if n != int64(len(content)) {
			return fmt.Errorf("an array of shape %v with %d bytes", to.shape, len(content))
		}
		to.data, to.byColumn = content, byColumn
		return u.push(to)
	}
	return errors.New("a state for what has none")
}

// collect makes and fills tuples, lists and dictionaries.
func (u *unpickler) collect(op byte) error {
	switch op {
	case ')', 0x85, 0x86, 0x87: // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3
		n := 0
		if op != ')' {
			n = int(op - 0x84)
		}
		items, err := u.popN(n)
		if err != nil {
			return err
		}
		return u.push(pyTuple(items))
	case 't':
		items, err := u.popMark()
		if err != nil {
			return err
		}
		return u.push(pyTuple(items))
	case ']':
		return u.push(&pyList{})
	case '}':
		return u.push(pyDict{})
	case 'a', 's', 'e', 'u': // APPEND, SETITEM; APPENDS, SETITEMS
		var items []any
		var err error
		if op == 'a' || op == 's' {
			items, err = u.popN(map[byte]int{'a': 1, 's': 2}[op])
		} else {
			items, err = u.popMark()
		}
		if err != nil {
			return err
		}
		return u.fill(items, op == 's' || op == 'u')
	}
	return errors.New("not in a file of CIFAR")
}

// fill adds items to the list or the dictionary on top.
func (u *unpickler) fill(items []any, dict bool) error {
	if len(u.stack) == 0 {
		return errShort
	}
	switch to := u.stack[len(u.stack)-1].(type) {
	case *pyList:
		if !dict {
			to.items = append(to.items, items...)
			return nil
		}
	case pyDict:
		if !dict || len(items)%2 != 0 {
			break
		}
		for i := 0; i < len(items); i += 2 {
			key, ok := items[i].([]byte)
			if !ok || len(key) > 1000 {
				return errors.New("a key that is no short string")
			}
			to[string(bytes.Clone(key))] = items[i+1]
		}
		return nil
	}
	return errors.New("values for what is no list or dictionary")
}
