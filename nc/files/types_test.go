package files

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/internal/npztest"
)

// inType returns every array that a file may hold, in one type. They are whole numbers from 0 to 7, or from
// 0 to 1 of bool, which every type holds.
func inType(dtype string, fortran bool) map[string]npztest.Array {
	const n, d, k = 60, 5, 3
	most := 8
	if dtype == "|b1" {
		most = 2
	}
	matrix := func(rows, cols, seed int) npztest.Array {
		a := npztest.Array{Type: dtype, Fortran: fortran, Shape: []int{rows, cols}}
		for i := range rows * cols {
			a.Values = append(a.Values, float64((i*i*seed+i*7+i/cols*3)%11%most))
		}
		return a
	}
	vector := func(n int, at func(i int) int) npztest.Array {
		a := npztest.Array{Type: dtype, Shape: []int{n}}
		for i := range n {
			a.Values = append(a.Values, float64(at(i)%most))
		}
		return a
	}
	classes := min(k, most)
	labels := func(n int) npztest.Array { return vector(n, func(i int) int { return i % classes }) }
	return map[string]npztest.Array{
		"features": matrix(n, d, 3), "labels": labels(n),
		"test_features": matrix(n/2, d, 5), "test_labels": labels(n / 2),
		"ood_features": matrix(7, d, 2), "features_conv": matrix(n, d+1, 6), "weight": matrix(classes, d, 4),
		"bias": vector(classes, func(i int) int { return i * 2 }),
	}
}

// TestTypes: the numbers of a file count, not the type that they are saved in.
func TestTypes(t *testing.T) {
	dir := t.TempDir()
	measure := func(path string, regression bool) string {
		var got any
		var err error
		if regression {
			got, err = Regression(context.Background(), []string{path}, Options{})
		} else {
			got, err = Measure(context.Background(), []string{path}, Options{Full: true, Outcomes: true, Bootstrap: 2})
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		b, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, regression := range []bool{false, true} {
		want := map[bool]string{}
		write := func(dtype, as string, fortran bool) string {
			a := inType(dtype, fortran)
			if regression {
				a = map[string]npztest.Array{"features": a["features"], "targets": a["features_conv"]}
			}
			for name, v := range a {
				v.Type = as
				a[name] = v
			}
			path := filepath.Join(dir, "x.npz")
			npztest.Write(t, path, a)
			return measure(path, regression)
		}
		for _, isBool := range []bool{false, true} {
			dtype := "<f8"
			if isBool {
				dtype = "|b1"
			}
			want[isBool] = write(dtype, "<f8", false)
		}
		for _, dtype := range npztest.Types {
			for _, fortran := range []bool{false, true} {
				if got := write(dtype, dtype, fortran); got != want[dtype == "|b1"] {
					t.Errorf("%s, Fortran %v, regression %v: %s; as float64 %s", dtype, fortran, regression, got,
						want[dtype == "|b1"])
				}
			}
		}
	}
}

// TestTypesRefused: a number that float64 does not hold, or a label that is not whole, is an error
// that names file, array, place, value and remedy.
func TestTypesRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		value npztest.Array
		words []string
	}{
		{"labels", npztest.Array{Type: "<f4", Shape: []int{3}, Values: []float64{0, 1.5, 1}},
			[]string{"x.npz", `"labels"`, "element 1 is 1.5", "rint"}},
		{"features", npztest.Array{Type: "<i8", Shape: []int{3, 1}, Values: []float64{0, 1, 1 << 53}}, nil},
	} {
		path := filepath.Join(t.TempDir(), "x.npz")
		a := map[string]npztest.Array{
			"features": {Type: "<f4", Shape: []int{3, 1}, Values: []float64{0, 1, 2}},
			"labels":   {Type: "<f4", Shape: []int{3}, Values: []float64{0, 1, 1}},
		}
		a[c.name] = c.value
		npztest.Write(t, path, a)
		_, err := Measure(context.Background(), []string{path}, Options{})
		if c.words == nil {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		mentions(t, err, c.words...)
	}
}

func mentions(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}
