package main

import (
	"encoding/json"
	"math"
	"os"
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
	write("epoch-2.npz", true)
	write("epoch-10.npz", true)
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
	if code, stdout, _ := call(t, "measure", "--features", filepath.Join(dir, "shard-*.npz")); code != 0 || !strings.Contains(stdout, "Eq 4: spread") {
		t.Errorf("exit code %d, table:\n%s", code, stdout)
	}
	// A page and a picture, an interval and the costly figures.
	page, picture := filepath.Join(dir, "page.html"), filepath.Join(dir, "picture.svg")
	code, stdout, stderr = call(t, "measure", "--features", filepath.Join(dir, "shard-*.npz"), "--html", page, "--plot", picture, "--bootstrap", "5", "--full")
	if code != 0 || !strings.Contains(stdout, "VCI") || !strings.Contains(stdout, " to ") || !strings.Contains(stderr, "bootstrap: 5 replicates") {
		t.Errorf("exit code %d: %s\n%s", code, stderr, stdout)
	}
	for path, want := range map[string]string{page: "</svg>", picture: "<svg"} {
		if b, err := os.ReadFile(path); err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s: %v, without %q", path, err, want)
		}
	}
	// A series: one line a file, epochs in their order.
	code, stdout, _ = call(t, "measure", "--features", filepath.Join(dir, "epoch-*.npz"), "--csv")
	if lines := strings.Split(stdout, "\n"); code != 0 || len(lines) != 4 || !strings.HasPrefix(lines[0], "file,n,d,k,nc0,") ||
		!strings.HasPrefix(lines[1], "epoch-2,4,4,4,") || !strings.HasPrefix(lines[2], "epoch-10,") {
		t.Errorf("exit code %d, CSV:\n%s", code, stdout)
	}
	// Parts measured apart and merged, as docs/measure.md has it.
	state := func(name string) string { return filepath.Join(dir, name) }
	for _, args := range [][]string{
		{"--features", state("shard-1.npz"), "--state", state("a.state")},
		{"--features", state("shard-2.npz"), "--state", state("b.state")},
		{"--features", state("shard-1.npz"), "--merge", state("a.state"), "--merge", state("b.state"), "--state", state("a2.state")},
		{"--features", state("shard-2.npz"), "--merge", state("a.state"), "--merge", state("b.state"), "--state", state("b2.state")},
	} {
		if code, _, stderr := call(t, append([]string{"measure"}, args...)...); code != 0 {
			t.Fatalf("%v: exit code %d: %s", args, code, stderr)
		}
	}
	code, merged, stderr := call(t, "measure", "--merge", state("?2.state"), "--json")
	var whole map[string]any
	if err := json.Unmarshal([]byte(merged), &whole); code != 0 || err != nil || whole["n"] != 8.0 || whole["nc4"] != got["nc4"] {
		t.Errorf("merged: exit code %d, %v: %s%s", code, err, stderr, merged)
	}

	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"measure", "--merge", state("a.state"), "--merge", state("b.state")}, exitInput, "--features PART.npz"},
		{[]string{"measure", "--merge", state("a.state"), "--features", state("shard-1.npz")}, exitUsage, "--state"},
		{[]string{"measure", "--merge", state("shard-1.npz")}, exitInput, "shard-1.npz"},
		{[]string{"measure", "--features", state("shard-1.npz"), "--full", "--memory", "1KiB"}, exitInput, "memory bound"},
		{[]string{"measure", "--features", state("shard-1.npz"), "--memory", "much"}, exitUsage, "4GiB"},
		{[]string{"measure", "--features", state("shard-1.npz"), "--bootstrap", "1"}, exitUsage, "replicates"},
		{[]string{"measure", "--features", state("shard-1.npz"), "--plot", "x.gif"}, exitUsage, ".svg or .png"},
		{[]string{"measure", "--features", state("shard-1.npz"), "--csv", "--json"}, exitUsage, "--csv"},
		{[]string{"measure", "--features-dir", filepath.Join(dir, "absent")}, exitInput, "absent"},
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
