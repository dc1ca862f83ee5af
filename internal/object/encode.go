package object

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
)

// Marshal returns v as JSON, as package encoding/json does without escaping HTML. A number that is
// NaN or infinite is null, and the object's notes say which field it is and what it was. In a list
// every object has its own notes.
func Marshal(v any) ([]byte, error) {
	text, err := plain(v)
	if !unsupported(err) {
		return text, err
	}
	x := reflect.ValueOf(v)
	for x.Kind() == reflect.Pointer || x.Kind() == reflect.Interface {
		x = x.Elem()
	}
	if x.Kind() == reflect.Slice || x.Kind() == reflect.Array {
		var list [][]byte
		for i := range x.Len() {
			element, err := Marshal(x.Index(i).Interface())
			if err != nil {
				return nil, err
			}
			list = append(list, element)
		}
		return slices.Concat([]byte("["), bytes.Join(list, []byte(",")), []byte("]")), nil
	}
	t, err := encode(reflect.ValueOf(v))
	if err != nil || t.object == nil {
		return t.text, err
	}
	t.object.missing = t.missing
	return t.object.JSON()
}

// MarshalIndent is Marshal over several lines, each level indented.
func MarshalIndent(v any, indent string) ([]byte, error) {
	text, err := Marshal(v)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = json.Indent(&b, text, "", indent)
	return b.Bytes(), err
}

// plain is package encoding/json's text.
func plain(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// unsupported says whether an error is that of a number which JSON does not have.
func unsupported(err error) bool {
	var value *json.UnsupportedValueError
	return errors.As(err, &value)
}

// A missing number is null in the text.
type missing struct {
	path string // .field[2].other
	was  float64
}

// encoded is a value as text.
type encoded struct {
	text    []byte
	object  *Object // the text's, if it is an object
	missing []missing
}

// encode writes a value that package encoding/json refuses for a number in it, by its rules.
func encode(x reflect.Value) (encoded, error) {
	if !x.IsValid() {
		return encoded{text: []byte("null")}, nil
	}
	text, err := plain(x.Interface())
	if !unsupported(err) {
		return encoded{text: text}, err
	}
	switch x.Interface().(type) {
	case json.Marshaler, encoding.TextMarshaler: // it says itself what it is
		return encoded{}, err
	}
	switch x.Kind() {
	case reflect.Float32, reflect.Float64:
		return encoded{text: []byte("null"), missing: []missing{{was: x.Float()}}}, nil
	case reflect.Pointer, reflect.Interface:
		return encode(x.Elem())
	case reflect.Slice, reflect.Array:
		var e encoded
		var list [][]byte
		for i := range x.Len() {
			element, err := encode(x.Index(i))
			if err != nil {
				return e, err
			}
			e.take(fmt.Sprintf("[%d]", i), element)
			list = append(list, element.text)
		}
		e.text = slices.Concat([]byte("["), bytes.Join(list, []byte(",")), []byte("]"))
		return e, nil
	case reflect.Map:
		members := map[string]reflect.Value{}
		for _, k := range x.MapKeys() {
			members[fmt.Sprint(k.Interface())] = x.MapIndex(k)
		}
		e := encoded{object: &Object{}}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			if err := e.field(name, members[name]); err != nil {
				return e, err
			}
		}
		return e.end()
	case reflect.Struct:
		e := encoded{object: &Object{}}
		if err := e.fields(x); err != nil {
			return e, err
		}
		return e.end()
	}
	return encoded{}, err
}

// take keeps what is missing in a part.
func (e *encoded) take(at string, part encoded) {
	for _, m := range part.missing {
		e.missing = append(e.missing, missing{at + m.path, m.was})
	}
}

// field writes a field of an object.
func (e *encoded) field(name string, x reflect.Value) error {
	part, err := encode(x)
	if err != nil {
		return err
	}
	e.take("."+name, part)
	e.object.put(name, part.text)
	return nil
}

// fields writes the fields of a struct and of those that it embeds.
func (e *encoded) fields(x reflect.Value) error {
	for i := range x.NumField() {
		f, v := x.Type().Field(i), x.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" && options == "":
			continue
		case f.Anonymous && name == "":
			if v.Kind() == reflect.Pointer {
				if v.IsNil() {
					continue
				}
				v = v.Elem()
			}
			if v.Kind() == reflect.Struct {
				if err := e.fields(v); err != nil {
					return err
				}
				continue
			}
		case !f.IsExported():
			continue
		}
		if strings.Contains(options, "omitempty") && empty(v) || strings.Contains(options, "omitzero") && v.IsZero() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		if err := e.field(name, v); err != nil {
			return err
		}
	}
	return nil
}

// end gives the object's text.
func (e encoded) end() (encoded, error) {
	var err error
	e.text, err = e.object.JSON()
	return e, err
}

// empty is what omitempty means.
func empty(x reflect.Value) bool {
	switch x.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return x.Len() == 0
	case reflect.Struct:
		return false
	}
	return x.IsZero()
}

// reason says what a missing number was.
func (m missing) reason() string {
	switch {
	case math.IsNaN(m.was):
		return "not a number (0/0 or ∞−∞ in float64)"
	case m.was > 0:
		return "above the range of float64"
	}
	return "below the range of float64"
}
