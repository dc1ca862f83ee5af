package record

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every description is complete, names fields that exist, and allows the default.
func TestFields(t *testing.T) {
	s := DefaultSpec()
	for _, f := range Fields() {
		if f.Meaning == "" || !slices.Contains(FieldGroups, f.Group) || f.Allowed() == "" {
			t.Errorf("the description of %s has gaps: %+v", f.Key, f)
		}
		if of, ok := FieldByKey(f.Of); f.Of != "" && (!ok || f.Key != "loss_parameters" && len(f.With) == 0) {
			t.Errorf("%s belongs to %q, %v", f.Key, f.Of, f.With)
		} else {
			for _, name := range f.With {
				if !slices.Contains(of.Names, name) {
					t.Errorf("%s belongs to %s %s, which is none of %v", f.Key, f.Of, name, of.Names)
				}
			}
		}
		if err := f.validate(&s); f.Group != lossGroup && err != nil {
			t.Error(err)
		}
	}
	if _, ok := FieldByKey("epoch"); ok {
		t.Error("there is a field epoch")
	}
}

// The JSON has one key for each description, in the same order.
func TestFieldOrder(t *testing.T) {
	s := DefaultSpec()
	s.Loss = Loss{Name: "own:mine", Parameters: map[string]float64{"a": 1}}
	s.TestShare, s.Resize = 0.2, 64 // left out where 0
	dec := json.NewDecoder(strings.NewReader(s.String()))
	var keys []string
	for depth := 0; ; {
		token, err := dec.Token()
		if err != nil {
			break
		}
		switch d, ok := token.(json.Delim); {
		case ok && (d == '{' || d == '['):
			depth++
		case ok:
			depth--
		case depth == 1:
			keys = append(keys, token.(string))
			var value json.RawMessage
			if err := dec.Decode(&value); err != nil {
				t.Fatal(err)
			}
		}
	}
	var want []string
	for _, f := range Fields() {
		want = append(want, f.Key)
	}
	if !slices.Equal(keys, want) {
		t.Errorf("JSON has %v, the descriptions are of %v", keys, want)
	}
}

func TestInterval(t *testing.T) {
	for _, c := range []struct {
		i       Interval
		text    string
		in, out []float64
	}{
		{positive, "(0, ∞)", []float64{1e-300, 1e300}, []float64{0, -1, math.NaN(), math.Inf(1)}},
		{Interval{Low: 0, High: 1, OpenHigh: true}, "[0, 1)", []float64{0, 0.9}, []float64{1, -0.1}},
		{Interval{Low: 1, High: infinity, OrZero: true}, "0 or [1, ∞)", []float64{0, 1, 2}, []float64{0.5, -1}},
	} {
		if got := c.i.String(); got != c.text {
			t.Errorf("%q, want %q", got, c.text)
		}
		for _, v := range c.in {
			if !c.i.Has(v) {
				t.Errorf("%v is not in %s", v, c.text)
			}
		}
		for _, v := range c.out {
			if c.i.Has(v) {
				t.Errorf("%v is in %s", v, c.text)
			}
		}
	}
}

// A committed specification is written again byte for byte, alone and in a record. Of one that
// leaves fields out, those that it has are.
func TestSpecRoundTrip(t *testing.T) {
	whole := 0
	for _, b := range committedSpecs(t) {
		var s Spec
		if err := json.Unmarshal(b, &s); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		var given, written map[string]json.RawMessage
		if json.Unmarshal(b, &given) != nil || json.Unmarshal([]byte(s.String()), &written) != nil {
			t.Fatalf("%s: not an object", b)
		}
		if len(given) == len(written) {
			whole++
			if got := s.String(); got != string(b) {
				t.Errorf("written as\n%s\nwant\n%s", got, b)
			}
		}
		for key, v := range given {
			if !bytes.Equal(v, written[key]) {
				t.Errorf("%s of %s is written as %s", key, b, written[key])
			}
		}
	}
	if whole < 11 {
		t.Errorf("%d whole specifications, want at least 11", whole)
	}
}

// committedSpecs returns the specifications in experiments and records, each on one line.
func committedSpecs(t *testing.T) (all [][]byte) {
	t.Helper()
	for _, pattern := range []string{"../experiments/*.json", "../records/*.json", "testdata/v1*.json"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var record struct{ Spec json.RawMessage }
			if err := json.Unmarshal(b, &record); err != nil {
				t.Fatal(err)
			}
			if record.Spec != nil {
				b = record.Spec
			}
			var line bytes.Buffer
			if err := json.Compact(&line, b); err != nil {
				t.Fatal(err)
			}
			all = append(all, line.Bytes())
		}
	}
	return all
}
