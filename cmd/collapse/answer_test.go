package main

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/record/summary"
	"github.com/gocollapse/collapse/ufm"
)

// undefine sets every float in v to x, with one element in each empty list and map and a value behind
// each nil pointer.
func undefine(v reflect.Value, x float64, depth int) {
	if !v.CanSet() || depth > 12 {
		return
	}
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		v.SetFloat(x)
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		undefine(v.Elem(), x, depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			undefine(v.Field(i), x, depth+1)
		}
	case reflect.Slice:
		if depth > 3 { // a layer holds a summary, which holds layers
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		undefine(v.Index(0), x, depth+1)
	case reflect.Array:
		for i := range v.Len() {
			undefine(v.Index(i), x, depth+1)
		}
	case reflect.Map:
		element := reflect.New(v.Type().Elem()).Elem()
		undefine(element, x, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.Zero(v.Type().Key()), element)
	}
}

// TestJSONOfUndefined: an answer whose numbers are all NaN or infinite is JSON, with null for them.
func TestJSONOfUndefined(t *testing.T) {
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, v := range []any{
			&nc.Summary{}, &nc.RegressionSummary{}, &calib.Report{}, &ufm.Minimiser{}, &ufm.Comparison{},
			&ufm.Conditions{}, &record.Epoch{}, &summary.Summary{},
		} {
			undefine(reflect.ValueOf(v).Elem(), x, 0)
			var out bytes.Buffer
			if err := printJSON(&out, v); err != nil {
				t.Errorf("%T of %v: %v", v, x, err)
				continue
			}
			if !json.Valid(out.Bytes()) || !strings.Contains(out.String(), "null") {
				t.Errorf("%T of %v: %s", v, x, out.String())
			}
		}
	}
}

// TestWorkIsBounded: what would take for ever is refused with what was asked and what is allowed.
func TestWorkIsBounded(t *testing.T) {
	for _, c := range []struct{ command, flag string }{
		{"measure --features", "bootstrap"}, {"calibrate --logits", "bootstrap"}, {"calibrate --logits", "consistency"},
	} {
		checkRefused(t, c.command, []refusal{
			{[]string{"x.npz", "--" + c.flag, "2000000000"}, exitUsage, "2000000000 replicates, want"},
			{[]string{"x.npz", "--" + c.flag, "100001"}, exitUsage, "at most 100000, or 0 for none"},
		})
	}
	checkRefused(t, "calibrate --logits x.npz", []refusal{{[]string{"--bins", "10001"}, exitUsage, "want 1 to 10000"}})
	checkRefused(t, "measure --features x.npz --merge y.npz --state z.npz", []refusal{
		{[]string{"--json"}, exitUsage, "writes a state and no metrics"}})
}
