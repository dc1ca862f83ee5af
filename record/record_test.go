package record

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const sampleFile = "testdata/v1.json"

func sampleBytes(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile(sampleFile)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sample(t testing.TB) *Record {
	t.Helper()
	rec, err := ReadFile(sampleFile)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func says(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

// The fields that version 1 got later are read, and written again with their values.
func TestReadsLaterFields(t *testing.T) {
	const file = "testdata/v1-later.json"
	rec, err := ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	last := rec.Last()
	if rec.Spec.Measure != "log" || rec.TestLogits == nil || rec.Failure == "" || !rec.Environment.Deterministic ||
		last.Test == nil || last.Test.Wrong.N != 580 || !(last.NC4 > 0) || !(last.TestNC1 > 0) {
		t.Errorf("read %+v", rec)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want, got any
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	if b, err = json.Marshal(rec); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	holds(t, "record", got, want)
}

// TestReadsVersion1 holds the promise that every later version reads version 1:
// the committed sample has every field of that version.
func TestReadsVersion1(t *testing.T) {
	rec := sample(t)
	if rec.Spec.Loss.Name != "ls" || rec.Spec.Delta != 0.05 || rec.Spec.Seed != 2021 || rec.Status != Stopped ||
		rec.Scale != ReducedScale {
		t.Errorf("read %+v, %v, %v", rec.Spec, rec.Status, rec.Scale)
	}
	if !rec.Started.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) || rec.Seconds != 41.5 {
		t.Errorf("started %v, %v seconds", rec.Started, rec.Seconds)
	}
	first, last := rec.Row(1), rec.Last()
	if first == nil || !math.IsNaN(float64(first.NC1)) || first.Notes["nc1"] == "" || first.HNorm != 0 {
		t.Errorf("row 1: %+v", first)
	}
	if last.Epoch != 2 || last.NC1 != 7.5 || last.NCCTestError != 0.5625 || rec.Row(3) != nil {
		t.Errorf("last row: %+v", last)
	}
	if rec.Checkpoint == nil || rec.Checkpoint.Epoch != 2 || rec.Checkpoint.Step != 17 {
		t.Errorf("checkpoint: %+v", rec.Checkpoint)
	}

	// Written again, every field of the sample is there with its value.
	b, err := json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	var want, got any
	if err := json.Unmarshal(sampleBytes(t), &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	holds(t, "record", got, want)
}

// holds reports what of want, at any depth, got does not have.
func holds(t *testing.T, path string, got, want any) {
	t.Helper()
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		for k, v := range w {
			if k != "version" {
				holds(t, path+"."+k, g[k], v)
			}
		}
	case []any:
		g, _ := got.([]any)
		if len(g) != len(w) {
			t.Errorf("%s: %d elements, want %d", path, len(g), len(w))
			return
		}
		for i, v := range w {
			holds(t, path, g[i], v)
		}
	default:
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %v, want %v", path, got, want)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	rec := sample(t)
	path := filepath.Join(t.TempDir(), "record.json")
	if err := rec.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	byFolder, err := ReadFile(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(rec)
	b, _ := json.Marshal(byFolder)
	if !bytes.Equal(a, b) {
		t.Errorf("read back:\n%s\nwritten:\n%s", b, a)
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v; want 0644", st.Mode(), err)
	}
}

func TestNumber(t *testing.T) {
	for _, v := range []float64{0, -1.5, 1e-300, math.MaxFloat64, 0.1} {
		b, err := json.Marshal(Number(v))
		if err != nil {
			t.Fatal(err)
		}
		var back Number
		if err := json.Unmarshal(b, &back); err != nil || float64(back) != v {
			t.Errorf("%v → %s → %v, %v", v, b, back, err)
		}
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if b, err := json.Marshal(Number(v)); err != nil || string(b) != "null" {
			t.Errorf("%v → %s, %v; want null", v, b, err)
		}
	}
	n := Number(3)
	if err := json.Unmarshal([]byte("null"), &n); err != nil || !math.IsNaN(float64(n)) {
		t.Errorf("null → %v, %v; want NaN", n, err)
	}
	says(t, json.Unmarshal([]byte(`"three"`), &n), "number or null", "three")
}

// TestAbsentNumber: a figure that a row does not have is NaN, not a measured 0.
// It goes over every Number of Epoch, so a new one cannot be forgotten.
func TestAbsentNumber(t *testing.T) {
	var e Epoch
	if err := json.Unmarshal([]byte(`{"epoch": 3, "rate": 0.1}`), &e); err != nil {
		t.Fatal(err)
	}
	if e.Epoch != 3 || e.Rate != 0.1 {
		t.Errorf("row %+v", e)
	}
	v := reflect.ValueOf(e)
	numbers := 0
	for i := range v.NumField() {
		if n, ok := v.Field(i).Interface().(Number); ok {
			numbers++
			if !math.IsNaN(float64(n)) {
				t.Errorf("%s is %v where the row has no such field, want NaN", v.Type().Field(i).Name, n)
			}
		}
	}
	if numbers == 0 {
		t.Error("Epoch has no Number")
	}
}

func TestReadFaults(t *testing.T) {
	good := string(sampleBytes(t))
	change := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("the sample has no %q", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for _, c := range []struct {
		name, text string
		words      []string
	}{
		{"empty", "", []string{"not JSON"}},
		{"cut off", good[:len(good)/2], []string{"not JSON"}},
		{"two", good + good, []string{"not JSON"}},
		{"another format", change(`"collapse-record"`, `"other"`), []string{`"collapse-record"`, `"other"`}},
		{"no format", `{"version": 1}`, []string{`"collapse-record"`}},
		{"null", `null`, []string{`"collapse-record"`}},
		{"version 0", change(`"version": 1`, `"version": 0`), []string{"version", "found 0"}},
		{"version of the future", change(`"version": 1`, `"version": 99`), []string{"version 99", "newer"}},
		{"specification", change(`"delta": 0.05`, `"delta": 1.5`), []string{"delta", "1.5", "(0, 1)"}},
		{"no specification", `{"format": "collapse-record", "version": 1}`, []string{"dataset", "epochs"}},
		{"epochs fall", change(`"epoch": 2`, `"epoch": 1`), []string{"row 2", "epoch 1", "rise"}},
		{"epoch 0", change(`"epoch": 1`, `"epoch": 0`), []string{"row 1", "epoch 0"}},
		{"null row", change(`"epochs": [`, `"epochs": [null,`), []string{"row 1"}},
		{"text for a number", change(`"nc1": 7.5`, `"nc1": "7.5"`), []string{"number or null"}},
		{"number too large", change(`"nc1": 7.5`, `"nc1": 1e999`), []string{"1e999"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec, err := Read(strings.NewReader(c.text))
			says(t, err, c.words...)
			if rec != nil {
				t.Error("a record as well as an error")
			}
		})
	}
	_, err := ReadFile(filepath.Join(t.TempDir(), "none.json"))
	says(t, err, "none.json")
	bad := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(bad, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = ReadFile(bad)
	says(t, err, bad, "not JSON")

	// Fields that this version does not know are for a later one to use.
	if _, err := Read(strings.NewReader(change(`"nc1": 7.5`, `"nc1": 7.5, "nc9": [1]`))); err != nil {
		t.Errorf("unknown field: %v", err)
	}
}

func TestWriteFileRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "record.json")
	if err := sample(t).WriteFile(path); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	for name, spoil := range map[string]func(*Record){
		"format":  func(r *Record) { r.Format = "" },
		"delta":   func(r *Record) { r.Spec.Delta = 2 },
		"epoch":   func(r *Record) { r.Epochs[1].Epoch = 1 },
		"seconds": func(r *Record) { r.Seconds = math.NaN() },
	} {
		rec := sample(t)
		spoil(rec)
		if err := rec.WriteFile(path); err == nil {
			t.Errorf("a record with a bad %s was written", name)
		}
	}
	after, _ := os.ReadFile(path)
	if !bytes.Equal(before, after) {
		t.Error("a refused record changed the file")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(sampleBytes(f))
	f.Add([]byte(`{"format":"collapse-record","version":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		rec, err := Read(bytes.NewReader(b))
		if err != nil {
			if rec != nil {
				t.Error("a record as well as an error")
			}
			return
		}
		// What was read can be written, and reads back as the same.
		once, err := json.Marshal(rec)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Read(bytes.NewReader(once))
		if err != nil {
			t.Fatalf("written as %s: %v", once, err)
		}
		if twice, err := json.Marshal(again); err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%s became %s (%v)", once, twice, err)
		}
	})
}

// What is written is the record's JSON in lines: one for each list of numbers, and for each row of an
// epoch. A bracket in a text is none.
func TestLaidOut(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{"a":[1,null],"b":[],"c":{}}`, "{\n \"a\": [1,null],\n \"b\": [],\n \"c\": {}\n}"},
		{`{"a":[[1,2],{"c":[3],"d":{"e":4,"f":"g, h"}}],"b":{"k":1,"l":{"m":[5]}}}`,
			"{\n \"a\": [\n  [1,2],\n  {\"c\":[3],\"d\":{\"e\":4,\"f\":\"g, h\"}}\n ],\n" +
				" \"b\": {\n  \"k\": 1,\n  \"l\": {\"m\":[5]}\n }\n}"},
		{`{"a":"[1,\"[2]\"]","b":["x:[3]"]}`, "{\n \"a\": \"[1,\\\"[2]\\\"]\",\n \"b\": [\n  \"x:[3]\"\n ]\n}"},
		{`{"a":"\\","b":[1]}`, "{\n \"a\": \"\\\\\",\n \"b\": [1]\n}"},
	} {
		got := laidOut([]byte(c.in))
		if string(got) != c.want {
			t.Errorf("%s\ngives\n%s\nwant\n%s", c.in, got, c.want)
		}
		var back bytes.Buffer
		if err := json.Compact(&back, got); err != nil || back.String() != c.in {
			t.Errorf("%s compacts to %s, %v", got, back.String(), err)
		}
	}
}
