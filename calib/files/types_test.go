package files

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/internal/npztest"
)

// TestTypes: the numbers of a file count, not the type that they are saved in.
func TestTypes(t *testing.T) {
	const n, k = 80, 3
	path := filepath.Join(t.TempDir(), "x.npz")
	measure := func(dtype string, fortran bool, most int) string {
		logits := npztest.Array{Type: dtype, Fortran: fortran, Shape: []int{n, k}}
		labels := npztest.Array{Type: dtype, Shape: []int{n}}
		for i := range n {
			labels.Values = append(labels.Values, float64(i%min(k, most)))
			for c := range k {
				logits.Values = append(logits.Values, float64((i*i+5*i*c+c)%11%most))
			}
		}
		npztest.Write(t, path, map[string]npztest.Array{"logits": logits, "labels": labels})
		models, err := Measure(context.Background(), []string{path},
			Options{Kind: Logits, Options: calib.Options{FitAll: true}})
		if err != nil {
			t.Fatalf("%s: %v", dtype, err)
		}
		b, err := json.Marshal(models[0].Report)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, dtype := range npztest.Types {
		most := 8
		if dtype == "|b1" {
			most = 2
		}
		for _, fortran := range []bool{false, true} {
			if got, want := measure(dtype, fortran, most), measure("<f8", false, most); got != want {
				t.Errorf("%s, Fortran %v: %s; as float64 %s", dtype, fortran, got, want)
			}
		}
	}
}
