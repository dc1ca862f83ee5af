package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/gocollapse/collapse/internal/bounded"
)

// ReadSpec reads one specification. Fields that are absent keep the values of DefaultSpec. It is an
// error if a field is unknown, if anything follows the JSON object, or if the specification is not
// valid.
func ReadSpec(r io.Reader) (Spec, error) {
	s, err := DecodeSpec(r, nil, nil)
	if err != nil {
		return s, err
	}
	return s, s.Validate()
}

// DecodeSpec reads a specification as ReadSpec does, lets set change fields of it, and completes
// it; changed says of a field's JSON name whether set is to change it. If set changes a choice,
// such as the loss, the fields that belong to the file's choice, such as its δ, are dropped.
// The result may still be one that Validate refuses.
func DecodeSpec(r io.Reader, changed func(field string) bool, set func(*Spec) error) (Spec, error) {
	s, given, err := decodeSpec(r)
	if err != nil {
		return Spec{}, fmt.Errorf("specification: %w", err)
	}
	if changed == nil {
		changed = func(string) bool { return false }
	}
	file := s
	if set != nil {
		if err := set(&s); err != nil {
			return Spec{}, err
		}
	}
	for _, f := range fields {
		if f.Of == "" || changed(f.Key) {
			continue
		}
		if of, _ := FieldByKey(f.Of); of.value(&s).String() != of.value(&file).String() {
			delete(given, f.Key)
			f.value(&s).SetZero()
		}
	}
	s.Complete(func(field string) bool { _, ok := given[field]; return ok || changed(field) })
	return s.Resolve(), nil
}

// decodeSpec reads a specification over DefaultSpec; given has the fields that the JSON object has.
func decodeSpec(r io.Reader) (s Spec, given map[string]json.RawMessage, err error) {
	b, err := bounded.ReadAll(r, "the file", maxBytes)
	if err != nil {
		return s, nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	s = DefaultSpec()
	into := &s
	switch err := dec.Decode(&into); {
	case err == io.EOF:
		return s, nil, errors.New("the file is empty, want a JSON object")
	case err != nil:
		return s, nil, err
	case into == nil:
		return s, nil, errors.New("found null, want a JSON object")
	}
	if _, err := dec.Token(); err != io.EOF {
		return s, nil, errors.New("there is more after the JSON object")
	}
	return s, given, json.Unmarshal(b, &given)
}
