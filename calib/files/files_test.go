package files

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/npz"
)

func write[F float32 | float64](t *testing.T, z []F, k int, y []int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "logits.npz")
	w, err := npz.Create(path)
	if err == nil {
		err = npz.Write(w, "logits", []int{len(z) / k, k}, z)
	}
	if err == nil {
		err = npz.Write(w, "labels", []int{len(y)}, y)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestFile: a file gives what the same numbers give in memory.
func TestFile(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n, k = 3000, 4
	z, y, long := make([]float64, n*k), make([]int32, n), make([]int64, n)
	for i := range z {
		z[i] = 2 * rng.NormFloat64()
	}
	for i := range y {
		y[i] = int32(rng.IntN(k))
		long[i] = int64(y[i])
	}
	f, err := Open(context.Background(), write(t, z, k, long), Guess)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	src, err := calib.Slice(z, y, k)
	if err != nil {
		t.Fatal(err)
	}
	got, err := calib.Measure(f, calib.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := calib.Measure(src, calib.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got.ECE-want.ECE) > 1e-12 || math.Abs(got.ACE-want.ACE) > 1e-12 ||
		math.Abs(got.Temperature.T/want.Temperature.T-1) > 1e-9 || got.N != n {
		t.Errorf("ECE %v, ACE %v, T %v; in memory %v, %v, %v",
			got.ECE, got.ACE, got.Temperature.T, want.ECE, want.ACE, want.Temperature.T)
	}
}

func TestFaults(t *testing.T) {
	ctx := context.Background()
	p := []float64{0.25, 0.75, 0.5, 0.5}
	labels := []int64{0, 1}
	for want, c := range map[string]struct {
		path string
		kind Kind
	}{
		"probabilities, not logits":   {write(t, p, 2, labels), Guess},
		"row 1 is not a distribution": {write(t, []float64{0.25, 0.75, 0.5, 0.6}, 2, labels), Probabilities},
		"sample 1, class 0 is NaN":    {write(t, []float64{1, 2, math.NaN(), 4}, 2, labels), Guess},
		"label of sample 1 is 2":      {write(t, []float64{1, 2, 3, 4}, 2, []int64{0, 2}), Guess},
		"want one for each":           {write(t, []float64{1, 2, 3, 4}, 2, []int64{0}), Guess},
		"no samples":                  {write(t, []float64{}, 2, []int64{}), Guess},
		"no such file":                {filepath.Join(t.TempDir(), "absent.npz"), Guess},
	} {
		if _, err := Open(ctx, c.path, c.kind); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if f, err := Open(ctx, write(t, p, 2, labels), Probabilities); err != nil {
		t.Errorf("probabilities: %v", err)
	} else {
		f.Close()
	}
	empty := filepath.Join(t.TempDir(), "empty.npz")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, empty, Guess); err == nil {
		t.Error("an empty file was read")
	}
	stopped, stop := context.WithCancel(ctx)
	f, err := Open(stopped, write(t, []float64{1, 2, 3, 4}, 2, labels), Guess)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	stop()
	if err := f.Each(func([]float64, []int32) error { return nil }); err == nil {
		t.Error("a stopped context reads on")
	}
}
