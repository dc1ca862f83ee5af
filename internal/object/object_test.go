package object

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
)

type inner struct {
	A float64            `json:"a"`
	B []float32          `json:"b,omitempty"`
	M map[string]float64 `json:"m,omitempty"`
}

type outer struct {
	inner
	*Extra
	Name    string  `json:"name"`
	Hidden  float64 `json:"-"`
	private float64
	Any     any               `json:"any"`
	List    []inner           `json:"list"`
	Pointer *float64          `json:"pointer"`
	Notes   map[string]string `json:"notes"`
}

type Extra struct{ X float64 }

// writer has its own JSON.
type writer struct{ fail bool }

func (w writer) MarshalJSON() ([]byte, error) {
	if w.fail {
		return nil, errors.New("no")
	}
	var o Object
	o.Field("v", math.Inf(-1))
	return o.JSON()
}

// TestMarshal: numbers that JSON does not have are null wherever they are, notes name them, and all
// else is as package encoding/json writes it.
func TestMarshal(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		v    any
		want string
	}{
		{nan, "null"},
		{[]float64{1, nan}, "[1,null]"},
		{map[string]any{"b": nan, "a": 1}, `{"a":1,"b":null,"notes":{"b":"not a number (0/0 or ∞−∞ in float64)"}}`},
		{[]inner{{A: 1}, {A: inf}}, `[{"a":1},{"a":null,"notes":{"a":"above the range of float64"}}]`},
		{&outer{inner: inner{A: nan, B: []float32{2, float32(-inf)}}, Extra: &Extra{3}, Name: "<&>", Hidden: nan,
			private: nan, Any: map[string]float64{"k": inf}, List: []inner{{M: map[string]float64{"z": nan}}},
			Pointer: &nan, Notes: map[string]string{"a": "known"}},
			`{"a":null,"b":[2,null],"X":3,"name":"<&>","any":{"k":null},"list":[{"a":0,"m":{"z":null}}],` +
				`"pointer":null,"notes":{"a":"known","any.k":"above the range of float64",` +
				`"b[1]":"below the range of float64","list[0].m.z":"not a number (0/0 or ∞−∞ in float64)",` +
				`"pointer":"not a number (0/0 or ∞−∞ in float64)"}}`},
		{struct {
			V     float64  `json:"v"`
			Notes []string `json:"notes"`
		}{nan, []string{"first"}}, `{"v":null,"notes":["first","v: not a number (0/0 or ∞−∞ in float64)"]}`},
		{struct {
			W writer
			V float64
		}{V: inf}, `{"W":{"v":null,"notes":{"v":"below the range of float64"}},"V":null,` +
			`"notes":{"V":"above the range of float64"}}`},
		{Numbers([]float64{nan, 2}), "[null,2]"},
	} {
		got, err := Marshal(c.v)
		if err != nil || string(got) != c.want {
			t.Errorf("%+v:\n got %s, %v\nwant %s", c.v, got, err, c.want)
		}
	}
	if _, err := Marshal(map[string]any{"w": writer{fail: true}, "v": nan}); err == nil {
		t.Error("the error of a value is lost")
	}
	if _, err := Marshal(func() {}); err == nil {
		t.Error("a function was written")
	}
}

// FuzzMarshal: any floats give valid JSON, which is package encoding/json's where that has one.
func FuzzMarshal(f *testing.F) {
	f.Add(1.0, math.NaN(), "name")
	f.Fuzz(func(t *testing.T, a, b float64, name string) {
		v := outer{inner: inner{A: a, B: []float32{float32(b)}}, Any: []any{b, name}, Name: name}
		got, err := Marshal(v)
		if err != nil || !json.Valid(got) {
			t.Fatalf("%v: %s", err, got)
		}
		if want, err := plain(v); err == nil && string(got) != string(want) {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}
