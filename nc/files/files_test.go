package files

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/npz"
)

// arrays are what a test file holds; nil ones are left out.
type arrays struct {
	k, d             int
	x, testX         []float64
	y, testY         []int32
	weight, bias     []float64
	single, longInts bool // float32 features, int64 labels
}

func random(seed uint64, n, d, k int) arrays {
	rng := rand.New(rand.NewPCG(seed, 1))
	a := arrays{k: k, d: d, weight: make([]float64, k*d), bias: make([]float64, k)}
	means := make([]float64, k*d)
	for i := range means {
		means[i] = rng.NormFloat64()
		a.weight[i] = float64(float32(means[i] + rng.NormFloat64()))
	}
	for i := range a.bias {
		a.bias[i] = rng.NormFloat64()
	}
	sample := func(n int) (x []float64, y []int32) {
		for i := range n {
			c := i % k
			y = append(y, int32(c))
			for j := range d {
				x = append(x, float64(float32(means[c*d+j]+rng.NormFloat64())))
			}
		}
		return x, y
	}
	a.x, a.y = sample(n)
	a.testX, a.testY = sample(n / 2)
	return a
}

func narrow(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

func (a arrays) write(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	w, err := npz.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	floats := func(name string, shape []int, x []float64) {
		if x == nil || err != nil {
			return
		}
		if a.single {
			err = npz.Write(w, name, shape, narrow(x))
		} else {
			err = npz.Write(w, name, shape, x)
		}
	}
	labels := func(name string, y []int32) {
		if y == nil || err != nil {
			return
		}
		if !a.longInts {
			err = npz.Write(w, name, []int{len(y)}, y)
			return
		}
		long := make([]int64, len(y))
		for i, v := range y {
			long[i] = int64(v)
		}
		err = npz.Write(w, name, []int{len(y)}, long)
	}
	floats("features", []int{len(a.x) / a.d, a.d}, a.x)
	labels("labels", a.y)
	floats("test_features", []int{len(a.testX) / a.d, a.d}, a.testX)
	labels("test_labels", a.testY)
	floats("weight", []int{len(a.weight) / a.d, a.d}, a.weight)
	floats("bias", []int{len(a.bias)}, a.bias)
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// object measures and returns the JSON object.
func object(t testing.TB, o Options, paths ...string) map[string]any {
	t.Helper()
	sum, err := Measure(context.Background(), paths, o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(sum)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// in computes the summary of samples in memory.
func (a arrays) in(t testing.TB, x []float64, y []int32) *nc.Summary {
	t.Helper()
	sum, err := nc.Measure(nc.Slices(x, y), nc.Classifier{K: a.k, D: a.d, W: a.weight, B: a.bias}, nc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// TestFile: a file gives what package nc gives for the same numbers, also
// the test samples' metrics and their errors to the training means.
func TestFile(t *testing.T) {
	a := random(1, 3000, 300, 7) // more than one batch
	train, test := a.in(t, a.x, a.y), a.in(t, a.testX, a.testY)
	near := make([]int32, len(a.testY))
	if err := train.Scatter.NearestMean(nc.BatchOf(a.testX, nil), near); err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for i, y := range a.testY {
		if near[i] != y {
			wrong++
		}
	}
	for name, change := range map[string]func(*arrays){
		"float64, int32": func(*arrays) {},
		"float32, int64": func(a *arrays) { a.single, a.longInts = true, true },
	} {
		b := a
		change(&b)
		if b.single { // the bias is rounded then
			b.bias = nil
		}
		got := object(t, Options{}, b.write(t, "f.npz"))
		testGot := got["test"].(map[string]any)
		for key, want := range map[string]float64{
			"n": 3000, "d": 300, "k": 7, "nc1": train.NC1, "nc2": train.NC2, "nc3": train.NC3, "cdnv": train.CDNV,
			"ncc_error": train.NCCError, "w_norm": train.WNorm, "ncc_test_error": float64(wrong) / float64(len(near)),
		} {
			if v, ok := got[key].(float64); !ok || math.Abs(v-want) > 1e-12*want {
				t.Errorf("%s: %s = %v, want %v", name, key, got[key], want)
			}
		}
		if v, _ := testGot["nc1"].(float64); math.Abs(v-test.NC1) > 1e-12*test.NC1 || testGot["n"] != 1500.0 {
			t.Errorf("%s: test NC1 = %v of %v samples, want %v of 1500", name, v, testGot["n"], test.NC1)
		}
		if b.bias != nil && got["nc4"] != train.NC4 {
			t.Errorf("%s: nc4 = %v, want %v", name, got["nc4"], train.NC4)
		}
	}
}

// TestShards: parts give what the whole gives, whichever has the classifier.
func TestShards(t *testing.T) {
	a := random(2, 900, 20, 5)
	want := object(t, Options{}, a.write(t, "whole.npz"))
	first, second := a, a
	first.x, first.y, first.weight, first.bias = a.x[:20*333], a.y[:333], nil, nil
	second.x, second.y, second.testX, second.testY = a.x[20*333:], a.y[333:], nil, nil
	paths := []string{first.write(t, "shard-1.npz"), second.write(t, "shard-2.npz")}
	var last, total int64
	got := object(t, Options{Progress: func(d, n int64) {
		if d <= last || n != 2*900+2*450 {
			t.Errorf("progress %d of %d after %d", d, n, last)
		}
		last, total = d, n
	}}, paths...)
	if last != total {
		t.Errorf("progress ended at %d of %d", last, total)
	}
	compare(t, got, want)
	slices.Reverse(paths)
	compare(t, object(t, Options{}, paths...), want)
}

func compare(t *testing.T, got, want map[string]any) {
	t.Helper()
	for key, w := range want {
		if w, ok := w.(float64); ok {
			if g, ok := got[key].(float64); !ok || math.Abs(g-w) > 1e-10*math.Abs(w) {
				t.Errorf("%s = %v, want %v", key, got[key], w)
			}
		}
	}
}

// TestPartial: without classifier, test samples or some test class, the rest is
// measured and a note says what is not.
func TestPartial(t *testing.T) {
	a := random(3, 60, 4, 3)
	noClf := a
	noClf.weight, noClf.bias, noClf.testX, noClf.testY = nil, nil, nil, nil
	got := object(t, Options{}, noClf.write(t, "f.npz"))
	notes := got["notes"].(map[string]any)
	for _, key := range []string{"nc2", "nc3", "nc4", "ncc_test_error"} {
		if got[key] != nil || notes[key] == nil {
			t.Errorf("%s = %v with note %v, want null with a reason", key, got[key], notes[key])
		}
	}
	if got["nc1"] == nil || got["k"] != 3.0 || got["test"] != nil {
		t.Errorf("without a classifier: %v", got)
	}

	fewTests := a
	fewTests.testX, fewTests.testY = a.testX[:4*2], a.testY[:2] // classes 0 and 1
	got = object(t, Options{}, fewTests.write(t, "f.npz"))
	if got["test"] != nil || got["ncc_test_error"] == nil {
		t.Errorf("without test samples of a class: test %v, ncc_test_error %v", got["test"], got["ncc_test_error"])
	}
	if note, _ := got["notes"].(map[string]any)["test"].(string); !strings.Contains(note, "class 2") {
		t.Errorf("note of test is %q, want the class without a sample", note)
	}
	if got["nc4"] == nil || got["bias_alignment"] == nil {
		t.Errorf("nc4 = %v, bias_alignment = %v", got["nc4"], got["bias_alignment"])
	}
}

func TestFaults(t *testing.T) {
	a := random(4, 30, 4, 3)
	for _, c := range []struct {
		name   string
		change func(*arrays)
		o      Options
		words  []string
	}{
		{"no features", func(a *arrays) { a.x = nil }, Options{}, []string{"labels", "no \"features\""}},
		{"no labels", func(a *arrays) { a.y = nil }, Options{}, []string{"no \"labels\""}},
		{"no test labels", func(a *arrays) { a.testY = nil }, Options{}, []string{"no \"test_labels\""}},
		{"no training samples", func(a *arrays) { a.x, a.y = nil, nil }, Options{}, []string{"features and labels"}},
		{"labels short", func(a *arrays) { a.y = a.y[:29] }, Options{}, []string{"[29]", "30"}},
		{"bias alone", func(a *arrays) { a.weight = nil }, Options{}, []string{"bias", "no weight"}},
		{"bias short", func(a *arrays) { a.bias = a.bias[:2] }, Options{}, []string{"bias", "[2]", "K = 3"}},
		{"K not of weight", func(*arrays) {}, Options{K: 4}, []string{"3 rows", "K = 4"}},
		{"K negative", func(*arrays) {}, Options{K: -1}, []string{"K = -1"}},
		{"K too small", func(a *arrays) { a.weight, a.bias = nil, nil }, Options{K: 2},
			[]string{"sample 2", "label", "2"}},
		{"K too large", func(a *arrays) { a.weight, a.bias = nil, nil }, Options{K: 4},
			[]string{"class 3", "no sample"}},
		{"NaN", func(a *arrays) { a.x = slices.Clone(a.x); a.x[4*9+3] = math.NaN() }, Options{},
			[]string{"sample 9", "feature 3", "NaN"}},
		{"test NaN", func(a *arrays) { a.testX = slices.Clone(a.testX); a.testX[2] = math.Inf(1) }, Options{},
			[]string{"test", "sample 0", "feature 2"}},
		{"huge label", func(a *arrays) { a.weight, a.bias, a.y = nil, nil, slices.Clone(a.y); a.y[0] = 1 << 30 },
			Options{}, []string{"f.npz", "1073741821 of 1073741825 classes", "0, 1, 2, 1073741824", "numpy.unique"}},
		{"negative labels", func(a *arrays) {
			a.weight, a.bias, a.y = nil, nil, slices.Repeat([]int32{-1}, 30)
		}, Options{}, []string{"label of 0 or more"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := a
			c.change(&b)
			sum, err := Measure(context.Background(), []string{b.write(t, "f.npz")}, c.o)
			if err == nil {
				t.Fatalf("no error but %+v", sum)
			}
			for _, w := range c.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q does not say %q", err, w)
				}
			}
		})
	}
	says := func(want string, paths ...string) {
		t.Helper()
		if _, err := Measure(context.Background(), paths, Options{}); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
	whole := a.write(t, "f.npz")
	says("no file was named")
	says("weight in", whole, whole)
	says("none.npz", whole, "none.npz")
	other := random(5, 30, 6, 3)
	other.weight, other.bias = nil, nil
	says("d = 6", whole, other.write(t, "g.npz"))
	turned := a
	turned.d, turned.k, turned.x, turned.y, turned.testX, turned.testY = 3, 4, nil, nil, nil, nil
	turned.bias = nil
	noClf := a
	noClf.weight, noClf.bias = nil, nil
	says("4×3", noClf.write(t, "f.npz"), turned.write(t, "w.npz"))

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Measure(ctx, []string{whole}, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after a cancel: %v", err)
	}
}
