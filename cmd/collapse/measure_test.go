package main

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/internal/npztest"
	"github.com/gocollapse/collapse/npz"
)

// collapsedClasses is the number of classes of writeCollapsed.
const collapsedClasses = 4

// writeCollapsed writes features that have collapsed to a simplex ETF, one sample per class, to
// files of dir: shard-1 with the classifier, shard-2 without, and epoch-2 and epoch-10 with it.
func writeCollapsed(t *testing.T, dir string) {
	t.Helper()
	const k = collapsedClasses
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
	for name, classifier := range map[string]bool{
		"shard-1.npz": true, "epoch-2.npz": true, "epoch-10.npz": true, "shard-2.npz": false,
	} {
		w, err := npz.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		errs := []error{
			npz.Write(w, "features", []int{k, k}, features), npz.Write(w, "labels", []int{k}, labels),
		}
		if classifier {
			errs = append(errs, npz.Write(w, "weight", []int{k, k}, weight))
		}
		for _, err := range append(errs, w.Close()) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestMeasure measures two shards, with the classifier in one of them.
func TestMeasure(t *testing.T) {
	const k = collapsedClasses
	dir := t.TempDir()
	writeCollapsed(t, dir)
	shards := filepath.Join(dir, "shard-*.npz")
	var got map[string]any
	callJSON(t, &got, "measure", "--features", shards, "--json")
	for key, want := range map[string]float64{
		"n": 2 * k, "d": k, "k": k, "nc1": 0, "nc2": 0, "nc3": 0, "ncc_error": 0, "nc4": 0,
		"h_norm": 3 * math.Sqrt(0.75), "w_norm": math.Sqrt(0.75),
	} {
		if v, ok := got[key].(float64); !ok || math.Abs(v-want) > 1e-6 {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
	code, stdout, _ := call(t, "measure", "--features", shards)
	if code != 0 || !strings.Contains(stdout, "Eq 4: spread") {
		t.Errorf("exit code %d, table:\n%s", code, stdout)
	}
	// A page and a picture, an interval and the costly metrics.
	page, picture := filepath.Join(dir, "page.html"), filepath.Join(dir, "picture.svg")
	code, stdout, stderr := call(t, "measure", "--features", shards,
		"--html", page, "--plot", picture, "--bootstrap", "5", "--full")
	if code != 0 || !strings.Contains(stdout, "VCI") || !strings.Contains(stdout, " to ") ||
		!strings.Contains(stderr, "bootstrap: 5 replicates") {
		t.Errorf("exit code %d: %s\n%s", code, stderr, stdout)
	}
	checkFiles(t, map[string]string{page: "</svg>", picture: "<svg"})
}

// TestMeasurePresent measures three of four classes: the program says which in JSON and in words, and
// without --classes present it says what to choose.
func TestMeasurePresent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "part.npz")
	npztest.Write(t, path, map[string]npztest.Array{
		"features": {Type: "<f2", Shape: []int{6, 2}, Values: []float64{0, 0, 1, 0, 5, 0, 6, 0, 0, 7, 0, 8}},
		"labels":   {Type: "<f4", Shape: []int{6}, Values: []float64{0, 0, 1, 1, 3, 3}},
		"weight":   {Type: "|i1", Shape: []int{4, 2}, Values: []float64{-1, -1, 2, 0, 9, 9, 0, 2}},
	})
	checkRefused(t, "measure", []refusal{{[]string{"--features", path}, exitInput, "--classes present"}})
	var got struct {
		K       int
		Classes []int
		Error   float64
		Notes   map[string]string
	}
	callJSON(t, &got, "measure", "--features", path, "--classes", "present", "--json")
	// The sample of class 0 at (1, 0) goes to class 1, whose logit is 2.
	if got.K != 3 || !slices.Equal(got.Classes, []int{0, 1, 3}) || math.Abs(got.Error-1./6) > 1e-15 ||
		!strings.Contains(got.Notes["classes"], "class 2 has no sample") {
		t.Errorf("%+v", got)
	}
	code, stdout, _ := call(t, "measure", "--features", path, "--classes", "present")
	if code != 0 || !strings.Contains(stdout, "class 2 has no sample") {
		t.Errorf("exit code %d:\n%s", code, stdout)
	}
}

// TestMeasureSeries: one line per file, epochs in their order.
func TestMeasureSeries(t *testing.T) {
	dir := t.TempDir()
	writeCollapsed(t, dir)
	code, stdout, stderr := call(t, "measure", "--features", filepath.Join(dir, "epoch-*.npz"), "--csv")
	lines := strings.Split(stdout, "\n")
	if code != 0 || len(lines) != 4 {
		t.Fatalf("exit code %d: %s\n%s", code, stderr, stdout)
	}
	for i, want := range []string{"file,n,d,k,nc0,", "epoch-2,4,4,4,", "epoch-10,"} {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d is %q, want it to begin with %q", i, lines[i], want)
		}
	}
}

// TestMeasureParts measures parts and merges them, as docs/measure.md says.
func TestMeasureParts(t *testing.T) {
	dir := t.TempDir()
	writeCollapsed(t, dir)
	in := func(name string) string { return filepath.Join(dir, name) }
	both := []string{"--merge", in("a.state"), "--merge", in("b.state")}
	for _, args := range [][]string{
		{"--features", in("shard-1.npz"), "--state", in("a.state")},
		{"--features", in("shard-2.npz"), "--state", in("b.state")},
		append([]string{"--features", in("shard-1.npz"), "--state", in("a2.state")}, both...),
		append([]string{"--features", in("shard-2.npz"), "--state", in("b2.state")}, both...),
	} {
		if code, _, stderr := call(t, append([]string{"measure"}, args...)...); code != 0 {
			t.Fatalf("%v: exit code %d: %s", args, code, stderr)
		}
	}
	var merged, whole map[string]any
	callJSON(t, &merged, "measure", "--merge", in("?2.state"), "--json")
	callJSON(t, &whole, "measure", "--features", in("shard-*.npz"), "--json")
	if merged["n"] != 8.0 || merged["nc4"] == nil || merged["nc4"] != whole["nc4"] {
		t.Errorf("merged: %v, whole: %v", merged, whole)
	}
	checkRefused(t, "measure", []refusal{
		{both, exitInput, "--features PART.npz"},
		{[]string{"--merge", in("a.state"), "--features", in("shard-1.npz")}, exitUsage, "--state"},
		{[]string{"--merge", in("shard-1.npz")}, exitInput, "shard-1.npz"},
	})
}

func TestMeasureRefuses(t *testing.T) {
	dir := t.TempDir()
	writeCollapsed(t, dir)
	shard := []string{"--features", filepath.Join(dir, "shard-1.npz")}
	with := func(more ...string) []string { return slices.Concat(shard, more) }
	checkRefused(t, "measure", []refusal{
		{with("--full", "--memory", "1KiB"), exitInput, "memory bound"},
		{with("--memory", "much"), exitUsage, "4GiB"},
		{with("--bootstrap", "1"), exitUsage, "replicates"},
		{with("--plot", "x.gif"), exitUsage, ".svg or .png"},
		{with("--csv", "--json"), exitUsage, "--csv"},
		{with("--global-mean", "median"), exitUsage, "median"},
		{with("--k", "3"), exitInput, "shard-1.npz"},
		{with("--classes", "some"), exitUsage, "present"},
		{with("--classes", "present", "--state", "x.state"), exitUsage, "--state"},
		{[]string{"--features-dir", filepath.Join(dir, "absent")}, exitInput, "absent"},
		{[]string{"--features", filepath.Join(dir, "absent.npz")}, exitInput, "absent.npz"},
		{nil, exitUsage, "--features"},
	})
}
