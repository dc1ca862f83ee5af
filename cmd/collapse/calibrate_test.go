package main

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/npz"
)

// TestCalibrate compares two models of the same samples, one of them over-confident by
// a factor of 2.
func TestCalibrate(t *testing.T) {
	const n, k = 4000, 3
	rng := rand.New(rand.NewPCG(1, 2))
	calibrated, labels := make([]float32, n*k), make([]int64, n)
	for i := range n {
		var p [k]float64
		var sum float64
		for c := range k {
			z := rng.NormFloat64()
			calibrated[i*k+c] = float32(z)
			p[c] = math.Exp(z)
			sum += p[c]
		}
		u := rng.Float64() * sum
		for c := range k {
			if u -= p[c]; u < 0 {
				labels[i] = int64(c)
				break
			}
		}
	}
	over, probabilities := make([]float32, n*k), make([]float32, n*k)
	for i, z := range calibrated {
		over[i] = 2 * z
		probabilities[i] = 1.0 / k
	}
	dir := t.TempDir()
	write := func(name string, z []float32, y []int64) string {
		t.Helper()
		path := filepath.Join(dir, name)
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
	good, bad := write("calibrated.npz", calibrated, labels), write("over.npz", over, labels)
	flat := write("flat.npz", probabilities, labels)
	labels[0] = (labels[0] + 1) % k
	other := write("other.npz", calibrated, labels)

	code, stdout, stderr := call(t, "calibrate", "--logits", bad, "--json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var got struct {
		N            int
		ECE          float64
		Temperature  float64
		Scaled       struct{ ECE, Accuracy float64 }
		UnscaledSame struct{ ECE, Accuracy float64 } `json:"unscaled_same"`
		Bins         []struct{ Count int }
		Notes        map[string]string
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	samples := 0
	for _, b := range got.Bins {
		samples += b.Count
	}
	if got.N != n || samples != n || len(got.Bins) != 15 || math.Abs(got.Temperature-2) > 0.2 ||
		!(got.Scaled.ECE < got.UnscaledSame.ECE/3) || got.Scaled.Accuracy != got.UnscaledSame.Accuracy || !strings.Contains(got.Notes["temperature"], "over-confident") {
		t.Errorf("%+v", got)
	}

	page, picture := filepath.Join(dir, "page.html"), filepath.Join(dir, "picture.png")
	code, stdout, stderr = call(t, "calibrate", "--logits", good, "--logits", bad, "--bootstrap", "20", "--consistency", "19", "--bins", "20", "--html", page, "--plot", picture)
	if code != 0 || !strings.Contains(stdout, "calibrated") || !strings.Contains(stdout, "paired replicates") || !strings.Contains(stdout, "T > 1") {
		t.Errorf("exit code %d: %s\n%s", code, stderr, stdout)
	}
	for path, want := range map[string]string{page: "</svg>", picture: "PNG"} {
		if b, err := os.ReadFile(path); err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, exitUsage, "--logits"},
		{[]string{"--logits", good, "--fit", "half"}, exitUsage, "split, all"},
		{[]string{"--logits", good, "--bins", "0"}, exitUsage, "--bins"},
		{[]string{"--logits", good, "--plot", "x.gif"}, exitUsage, ".svg"},
		{[]string{"--logits", filepath.Join(dir, "absent.npz")}, exitInput, "absent.npz"},
		{[]string{"--logits", flat}, exitInput, "--probabilities"},
		{[]string{"--logits", good, "--probabilities"}, exitInput, "not a distribution"},
		{[]string{"--logits", good, "--logits", other, "--bootstrap", "5"}, exitInput, "same samples"},
	} {
		if code, _, stderr := call(t, append([]string{"calibrate"}, c.args...)...); code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: exit code %d, want %d with %q: %s", c.args, code, c.code, c.want, stderr)
		}
	}
	if code, stdout, stderr := call(t, "calibrate", "--logits", flat, "--probabilities", "--fit", "all"); code != 0 || !strings.Contains(stdout, "optimistic") {
		t.Errorf("probabilities: exit code %d: %s%s", code, stderr, stdout)
	}
}
