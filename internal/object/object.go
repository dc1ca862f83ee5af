// Package object writes JSON objects that keep the order of their fields, and numbers that may be
// undefined.
package object

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// Number is a float64 that JSON writes as null where it is NaN or infinite.
type Number float64

// MarshalJSON writes the number or null.
func (n Number) MarshalJSON() ([]byte, error) {
	if f := float64(n); !math.IsNaN(f) && !math.IsInf(f, 0) {
		return json.Marshal(f)
	}
	return []byte("null"), nil
}

// Numbers returns v as Numbers.
func Numbers(v []float64) []Number {
	out := make([]Number, len(v))
	for i, x := range v {
		out[i] = Number(x)
	}
	return out
}

// Object is an object being written. The zero value is an empty one.
type Object struct {
	fields bytes.Buffer
	err    error
}

// Field writes a field. After an error, which JSON returns, it does nothing.
func (o *Object) Field(name string, v any) {
	if o.err != nil {
		return
	}
	var text []byte
	if text, o.err = json.Marshal(v); o.err != nil {
		return
	}
	if o.fields.Len() > 0 {
		o.fields.WriteByte(',')
	}
	fmt.Fprintf(&o.fields, "%q:%s", name, text)
}

// JSON returns the object.
func (o *Object) JSON() ([]byte, error) {
	return slices.Concat([]byte("{"), o.fields.Bytes(), []byte("}")), o.err
}
