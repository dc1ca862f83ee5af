// Package object writes JSON objects that keep the order of their fields, and numbers that may be
// undefined.
package object

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
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
	names   []string
	values  [][]byte
	missing []missing
	err     error
}

// Field writes a field. A number that is NaN or infinite is null, with a note. After an error, which
// JSON returns, it does nothing.
func (o *Object) Field(name string, v any) {
	if o.err != nil {
		return
	}
	text, err := plain(v)
	if unsupported(err) {
		var e encoded
		if e, err = encode(reflect.ValueOf(v)); err == nil {
			var at encoded
			at.take("."+name, e)
			o.missing, text = append(o.missing, at.missing...), e.text
		}
	}
	if o.err = err; err == nil {
		o.put(name, text)
	}
}

// put writes a field whose text is known.
func (o *Object) put(name string, text []byte) {
	o.names, o.values = append(o.names, name), append(o.values, text)
}

// JSON returns the object. Where numbers are missing for which there is no note yet, it has one.
func (o *Object) JSON() ([]byte, error) {
	if o.err != nil {
		return nil, o.err
	}
	names, values := o.names, o.values
	if len(o.missing) > 0 {
		i := slices.Index(names, "notes")
		var before []byte
		if i >= 0 {
			before = values[i]
		}
		notes, err := o.notes(before)
		if err != nil {
			return nil, err
		}
		names, values = slices.Clone(names), slices.Clone(values)
		if i < 0 {
			names, values = append(names, "notes"), append(values, notes)
		} else {
			values[i] = notes
		}
	}
	b := []byte("{")
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, "%q:%s", name, values[i])
	}
	return append(b, '}'), nil
}

// notes adds a note for each missing number to the notes, a JSON object or list of strings.
func (o *Object) notes(before []byte) ([]byte, error) {
	var list []string
	if json.Unmarshal(before, &list) == nil && list != nil {
		for _, m := range o.missing {
			list = append(list, strings.TrimPrefix(m.path, ".")+": "+m.reason())
		}
		return plain(list)
	}
	notes := map[string]any{}
	if err := json.Unmarshal(before, &notes); err != nil && len(before) > 0 || notes == nil {
		notes = map[string]any{"notes": json.RawMessage(before)}
	}
	for _, m := range o.missing {
		path := strings.TrimPrefix(m.path, ".")
		if notes[path] == nil {
			notes[path] = m.reason()
		}
	}
	return plain(notes)
}
