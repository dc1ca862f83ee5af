package files

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/npz"
)

// TestMeasure: models are named after their files, in order, and each is compared with the first.
func TestMeasure(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const n, k = 400, 3
	z, y := make([]float32, n*k), make([]int64, n)
	for i := range z {
		z[i] = float32(rng.NormFloat64())
	}
	for i := range y {
		y[i] = int64(rng.IntN(k))
		z[i*k+int(y[i])]++
	}
	sharp := slices.Clone(z)
	for i := range sharp {
		sharp[i] *= 4
	}
	dir := t.TempDir()
	move := func(from, to string) string {
		t.Helper()
		path := filepath.Join(dir, to)
		if err := os.Rename(from, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	paths := []string{move(write(t, z, k, y), "plain.npz"), move(write(t, sharp, k, y), "sharp.npz")}
	models, err := Measure(context.Background(), paths, Options{Options: calib.Options{Bootstrap: 20, Fast: true}})
	if err != nil {
		t.Fatal(err)
	}
	if len(models) != 2 || models[0].Name != "plain" || models[1].Name != "sharp" || models[0].Difference != nil {
		t.Fatalf("models %+v", models)
	}
	d := models[1].Difference
	if d == nil || d.ECE != models[1].Report.ECE-models[0].Report.ECE || d.Replicates != 20 {
		t.Errorf("difference %+v", d)
	}
	var got []map[string]json.RawMessage
	text, err := json.Marshal(models)
	if err != nil || json.Unmarshal(text, &got) != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if got[0]["ece_less_first"] != nil || got[1]["ece_less_first"] == nil || string(got[1]["name"]) != `"sharp"` {
		t.Errorf("JSON %s", text)
	}
	y[0] = (y[0] + 1) % k
	other := move(write(t, z, k, y), "other.npz")
	_, err = Measure(context.Background(), []string{paths[0], other},
		Options{Options: calib.Options{Bootstrap: 20, Fast: true}})
	if err == nil || !strings.Contains(err.Error(), "other compared with plain") {
		t.Errorf("other labels: %v", err)
	}
	if _, err := Measure(context.Background(), paths, Options{Test: true}); err == nil ||
		!strings.Contains(err.Error(), `"test_logits"`) {
		t.Errorf("files without a test split: %v", err)
	}
}

// TestMeasureTest reads the arrays of the test split.
func TestMeasureTest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "both.npz")
	w, err := npz.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		npz.Write(w, "test_logits", []int{4, 2}, []float64{3, 1, 1, 2, 2, 0, 0, 2}),
		npz.Write(w, "test_labels", []int{4}, []int64{0, 1, 1, 0}), w.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	models, err := Measure(context.Background(), []string{path},
		Options{Test: true, Options: calib.Options{FitAll: true}})
	if err != nil || models[0].Report.N != 4 || models[0].Report.Accuracy != 0.5 {
		t.Errorf("%+v, %v", models, err)
	}
}
