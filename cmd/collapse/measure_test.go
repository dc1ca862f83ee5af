package main

import (
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/npz"
)

// TestMeasure goes the way of a researcher: features that have collapsed to a
// simplex ETF, in two shards with the classifier in one of them.
func TestMeasure(t *testing.T) {
	const k = 4
	var features, weight []float32
	var labels []int64
	for c := range k {
		for j := range k {
			v := float32(-1.0 / k)
			if c == j {
				v++
			}
			weight = append(weight, v)
			features = append(features, 5+3*v)
		}
		labels = append(labels, int64(c))
	}
	dir := t.TempDir()
	write := func(name string, withWeight bool) {
		t.Helper()
		w, err := npz.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		errs := []error{npz.Write(w, "features", []int{k, k}, features), npz.Write(w, "labels", []int{k}, labels)}
		if withWeight {
			errs = append(errs, npz.Write(w, "weight", []int{k, k}, weight))
		}
		for _, err := range append(errs, w.Close()) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	write("shard-1.npz", true)
	write("shard-2.npz", false)

	code, stdout, stderr := call(t, "measure", "--features", filepath.Join(dir, "shard-*.npz"), "--json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, stdout)
	}
	for key, want := range map[string]float64{
		"n": 2 * k, "d": k, "k": k, "nc1": 0, "nc2": 0, "nc3": 0, "ncc_error": 0, "nc4": 0, "h_norm": 3 * math.Sqrt(0.75), "w_norm": math.Sqrt(0.75),
	} {
		if v, ok := got[key].(float64); !ok || math.Abs(v-want) > 1e-6 {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
	if code, stdout, _ := call(t, "measure", "--features", filepath.Join(dir, "shard-1.npz")); code != 0 || !strings.Contains(stdout, "Eq 4: spread") {
		t.Errorf("exit code %d, table:\n%s", code, stdout)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"measure"}, exitUsage, "--features"},
		{[]string{"measure", "--features", filepath.Join(dir, "absent.npz")}, exitInput, "absent.npz"},
		{[]string{"measure", "--features", filepath.Join(dir, "shard-1.npz"), "--global-mean", "median"}, exitUsage, "median"},
		{[]string{"measure", "--features", filepath.Join(dir, "shard-1.npz"), "--k", "3"}, exitInput, "shard-1.npz"},
	} {
		if code, _, stderr := call(t, c.args...); code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: exit code %d, want %d with %q: %s", c.args, code, c.code, c.want, stderr)
		}
	}
}
