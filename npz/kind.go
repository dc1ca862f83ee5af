package npz

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/gocollapse/collapse/internal/half"
)

// kind is an element type without its byte order.
type kind int

const (
	float32s kind = iota
	float64s
	float16s
	bfloat16s
	int8s
	int16s
	int32s
	int64s
	uint8s
	uint16s
	uint32s
	uint64s
)

var kinds = map[string]kind{
	"f2": float16s, "V2": bfloat16s, "f4": float32s, "f8": float64s, "i1": int8s, "i2": int16s, "i4": int32s,
	"i8": int64s, "u1": uint8s, "b1": uint8s, "u2": uint16s, "u4": uint32s, "u8": uint64s,
}

func (k kind) size() int { return [...]int{4, 8, 2, 2, 1, 2, 4, 8, 1, 2, 4, 8}[k] }

func (k kind) isFloat() bool { return k <= bfloat16s }

func (k kind) fitsFloat32() bool {
	switch k {
	case float64s, int32s, int64s, uint32s, uint64s:
		return false
	}
	return true
}

// setType sets the kind and the byte order from DType.
func (a *Array) setType() error {
	if a.DType == "bfloat16" { // as writers other than NumPy name it
		a.kind = bfloat16s
		return nil
	}
	if a.DType != "" && strings.Contains("<>=|", a.DType[:1]) {
		a.big = a.DType[0] == '>'
		if k, ok := kinds[a.DType[1:]]; ok {
			a.kind = k
			return nil
		}
	}
	return unknownType(a.DType)
}

// unknownType says what to write in place of a type that is not read.
func unknownType(dtype string) error {
	if strings.Contains(dtype, "O") {
		return errors.New("pickled Python objects, which are never loaded; save one array of numbers: " +
			"numpy.stack([numpy.asarray(v, dtype='float64') for v in x])")
	}
	remedy := "write x.astype('float64')"
	switch name := strings.TrimLeft(dtype, "<>=|"); {
	case strings.HasPrefix(name, "U"), strings.HasPrefix(name, "S"):
		remedy = "write class names as numbers: numpy.unique(x, return_inverse=True)[1]"
	case strings.HasPrefix(name, "c"):
		remedy = "write x.real or numpy.abs(x)"
	case name == "V1", name == "f1":
		// ml_dtypes saves all its types of 8 and 4 bits under these names.
		remedy = "write x.astype('float32') while x has its type of 8 or 4 bits, which a file does not name"
	}
	return fmt.Errorf("elements of type %q; known are float16, bfloat16, float32, float64, whole numbers of up to "+
		"8 bytes and bool; %s", dtype, remedy)
}

// number is what a Reader reads elements into.
type number interface {
	float32 | float64 | int32 | int64
}

var hostBig = binary.NativeEndian.Uint16([]byte{0, 1}) == 1

func orderOf(big bool) binary.ByteOrder {
	if big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// convert decodes the elements in b, which T must hold; see misfit.
func convert[T number](dst []T, b []byte, k kind, big bool) {
	order := orderOf(big)
	for i := range dst {
		switch k {
		case float16s:
			dst[i] = T(half.Float16(order.Uint16(b[2*i:])))
		case bfloat16s:
			dst[i] = T(half.BFloat16(order.Uint16(b[2*i:])))
		case float32s:
			dst[i] = T(math.Float32frombits(order.Uint32(b[4*i:])))
		case float64s:
			dst[i] = T(math.Float64frombits(order.Uint64(b[8*i:])))
		case int8s:
			dst[i] = T(int8(b[i]))
		case int16s:
			dst[i] = T(int16(order.Uint16(b[2*i:])))
		case int32s:
			dst[i] = T(int32(order.Uint32(b[4*i:])))
		case int64s:
			dst[i] = T(int64(order.Uint64(b[8*i:])))
		case uint8s:
			dst[i] = T(b[i])
		case uint16s:
			dst[i] = T(order.Uint16(b[2*i:]))
		case uint32s:
			dst[i] = T(order.Uint32(b[4*i:]))
		case uint64s:
			dst[i] = T(order.Uint64(b[8*i:]))
		}
	}
}

// misfit returns the index of the first element in b that a number of the type own does not hold
// exactly, with what is wrong and the remedy, or −1.
func misfit(b []byte, k kind, big bool, own kind) (at int, why string) {
	n := len(b) / k.size()
	order := orderOf(big)
	switch {
	case own == float64s && (k == int64s || k == uint64s):
		const remedy = ", which float64 does not hold exactly: it holds every whole number up to 2^53; " +
			"subtract a constant from the array, or round it with x.astype('float64')"
		for i := range n {
			v := order.Uint64(b[8*i:])
			if k == uint64s {
				if v>>53 != 0 && (float64(v) == 0x1p64 || uint64(float64(v)) != v) {
					return i, fmt.Sprint(v) + remedy
				}
			} else if v := int64(v); float64(v) == 0x1p63 || int64(float64(v)) != v {
				return i, fmt.Sprint(v) + remedy
			}
		}
	case k.isFloat() && (own == int32s || own == int64s):
		limit := 0x1p63
		if own == int32s {
			limit = 0x1p31
		}
		var v [1]float64
		for i := range n {
			convert(v[:], b[k.size()*i:], k, big)
			switch {
			case v[0]-v[0] != 0:
				return i, fmt.Sprintf("%v, want a whole number; leave it out", v[0])
			case v[0] != math.Trunc(v[0]):
				return i, fmt.Sprintf("%v, want a whole number; if rounding is right, write "+
					"numpy.rint(x).astype('int64')", v[0])
			case v[0] < -limit || v[0] >= limit:
				return i, fmt.Sprintf("%v, which does not fit %d bits", v[0], own.size()*8)
			}
		}
	case own == int64s && k == uint64s:
		for i := range n {
			if v := order.Uint64(b[8*i:]); v > math.MaxInt64 {
				return i, fmt.Sprintf("%d, which does not fit 64 bits with a sign", v)
			}
		}
	case own == int32s && (k == int64s || k == uint32s || k == uint64s):
		for i := range n {
			v := uint64(order.Uint32(b[k.size()*i:]))
			if k != uint32s {
				v = order.Uint64(b[8*i:])
			}
			if k == int64s && int64(int32(v)) != int64(v) {
				return i, fmt.Sprintf("%d, which does not fit 32 bits", int64(v))
			}
			if k != int64s && v > math.MaxInt32 {
				return i, fmt.Sprintf("%d, which does not fit 32 bits", v)
			}
		}
	}
	return -1, ""
}
