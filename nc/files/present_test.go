package files

import (
	"context"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/npz"
)

// TestPresent: the metrics, intervals and margins over the classes present are those of a file
// without the rows of W of the absent ones, labelled anew.
func TestPresent(t *testing.T) {
	const d, absent = 5, 1
	a := random(31, 120, d, 4)
	keep := func(x []float64, y []int32, number bool) (outX []float64, outY []int32) {
		for i, c := range y {
			if c == absent {
				continue
			}
			if number && c > absent {
				c--
			}
			outX, outY = append(outX, x[i*d:(i+1)*d]...), append(outY, c)
		}
		return outX, outY
	}
	part, few := a, a
	part.x, part.y = keep(a.x, a.y, false)
	few.x, few.y = keep(a.x, a.y, true)
	few.testX, few.testY = keep(a.testX, a.testY, true)
	few.k = 3
	few.weight = slices.Delete(slices.Clone(a.weight), absent*d, (absent+1)*d)
	few.bias = slices.Delete(slices.Clone(a.bias), absent, absent+1)
	dir := t.TempDir()
	measure := func(a arrays, present bool, margins string) *nc.Summary {
		sum, err := Measure(context.Background(), []string{a.write(t, "f.npz")}, Options{Present: present,
			Bootstrap: 20, Full: true, Seed: 3, Margins: filepath.Join(dir, margins)})
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	got, want := measure(part, true, "got.npz"), measure(few, false, "want.npz")
	for _, m := range nc.Metrics() {
		v, _ := got.Value(m.Key)
		if w, _ := want.Value(m.Key); v != w && (v == v || w == w) {
			t.Errorf("%s = %v, want %v", m.Key, v, w)
		}
	}
	if !reflect.DeepEqual(got.Classes, []int{0, 2, 3}) || !reflect.DeepEqual(got.Test.Classes, []int{0, 2, 3}) {
		t.Errorf("classes %v, of the test samples %v", got.Classes, got.Test.Classes)
	}
	if got.Notes["ncc_test_error"] == "" {
		t.Error("no note says that test samples of class 1 are left out")
	}
	if !reflect.DeepEqual(got.Intervals, want.Intervals) ||
		!reflect.DeepEqual(got.Test.Intervals, want.Test.Intervals) {
		t.Errorf("intervals %v, want %v", got.Intervals, want.Intervals)
	}
	margins := func(name string) []float64 {
		f, err := npz.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		x, err := f.Array("margins")
		if err != nil {
			t.Fatal(err)
		}
		v, err := x.Float64s()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if !slices.Equal(margins("got.npz"), margins("want.npz")) {
		t.Error("the margins differ")
	}
}
