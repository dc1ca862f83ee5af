package main

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/npz"
)

const (
	calibrateSamples = 4000
	calibrateClasses = 3
)

// calibratedModel draws logits of a model whose probabilities are right, and labels.
func calibratedModel() (logits []float32, labels []int64) {
	const n, k = calibrateSamples, calibrateClasses
	rng := rand.New(rand.NewPCG(1, 2))
	logits, labels = make([]float32, n*k), make([]int64, n)
	for i := range n {
		var p [k]float64
		var sum float64
		for c := range k {
			z := rng.NormFloat64()
			logits[i*k+c] = float32(z)
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
	return logits, labels
}

// logitFiles are the files of some models on the same samples.
type logitFiles struct {
	good  string // calibrated
	over  string // over-confident by a factor of 2
	flat  string // probabilities 1/K
	other string // the logits of good with another label
}

func writeLogits(t *testing.T, dir string) logitFiles {
	t.Helper()
	const k = calibrateClasses
	calibrated, labels := calibratedModel()
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
	over, probabilities := make([]float32, len(calibrated)), make([]float32, len(calibrated))
	for i, z := range calibrated {
		over[i] = 2 * z
		probabilities[i] = 1.0 / k
	}
	f := logitFiles{
		good: write("calibrated.npz", calibrated, labels),
		over: write("over.npz", over, labels),
		flat: write("flat.npz", probabilities, labels),
	}
	labels[0] = (labels[0] + 1) % k
	f.other = write("other.npz", calibrated, labels)
	return f
}

// TestCalibrate measures an over-confident model as JSON.
func TestCalibrate(t *testing.T) {
	files := writeLogits(t, t.TempDir())
	var got struct {
		N            int
		ECE          float64
		Temperature  float64
		Scaled       struct{ ECE, Accuracy float64 }
		UnscaledSame struct{ ECE, Accuracy float64 } `json:"unscaled_same"`
		Bins         []struct{ Count int }
		Notes        map[string]string
	}
	callJSON(t, &got, "calibrate", "--logits", files.over, "--json")
	samples := 0
	for _, b := range got.Bins {
		samples += b.Count
	}
	if got.N != calibrateSamples || samples != got.N || len(got.Bins) != 15 || math.Abs(got.Temperature-2) > 0.2 ||
		!(got.Scaled.ECE < got.UnscaledSame.ECE/3) || got.Scaled.Accuracy != got.UnscaledSame.Accuracy ||
		!strings.Contains(got.Notes["temperature"], "over-confident") {
		t.Errorf("%+v", got)
	}
	code, stdout, stderr := call(t, "calibrate", "--logits", files.flat, "--probabilities", "--fit", "all")
	if code != 0 || !strings.Contains(stdout, "optimistic") {
		t.Errorf("probabilities: exit code %d: %s%s", code, stderr, stdout)
	}
}

// TestCalibrateModels compares two models, with a page and a picture.
func TestCalibrateModels(t *testing.T) {
	dir := t.TempDir()
	files := writeLogits(t, dir)
	page, picture := filepath.Join(dir, "page.html"), filepath.Join(dir, "picture.png")
	code, stdout, stderr := call(t, "calibrate", "--logits", files.good, "--logits", files.over,
		"--bootstrap", "20", "--consistency", "19", "--bins", "20", "--html", page, "--plot", picture)
	if code != 0 || !strings.Contains(stdout, "calibrated") || !strings.Contains(stdout, ", 95 % interval 0.") ||
		!strings.Contains(stdout, "T > 1") {
		t.Errorf("exit code %d: %s\n%s", code, stderr, stdout)
	}
	checkFiles(t, map[string]string{page: "</svg>", picture: "PNG"})
}

func TestCalibrateRefuses(t *testing.T) {
	dir := t.TempDir()
	files := writeLogits(t, dir)
	checkRefused(t, "calibrate", []refusal{
		{nil, exitUsage, "--logits"},
		{[]string{"--logits", files.good, "--fit", "half"}, exitUsage, "split, all"},
		{[]string{"--logits", files.good, "--bins", "0"}, exitUsage, "--bins"},
		{[]string{"--logits", files.good, "--bootstrap", "1"}, exitUsage, "at least 2"},
		{[]string{"--logits", files.good, "--plot", "x.gif"}, exitUsage, ".svg"},
		{[]string{"--logits", filepath.Join(dir, "absent.npz")}, exitInput, "absent.npz"},
		{[]string{"--logits", files.flat}, exitInput, "--probabilities"},
		{[]string{"--logits", files.good, "--probabilities"}, exitInput, "not a distribution"},
		{[]string{"--logits", files.good, "--logits", files.other, "--bootstrap", "5"}, exitInput, "same samples"},
	})
}

// TestCalibrateUndefined: a probability of 0 in its own class leaves T undefined in JSON, text, page
// and picture, which all say so.
func TestCalibrateUndefined(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "zero.npz")
	w, err := npz.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	p, y := []float64{0.7, 0.3, 0.2, 0.8, 0, 1, 0.6, 0.4, 0.1, 0.9, 0.6, 0.4}, []int64{0, 1, 0, 1, 1, 0}
	for _, err := range []error{
		npz.Write(w, "logits", []int{6, 2}, p), npz.Write(w, "labels", []int{6}, y), w.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"calibrate", "--logits", path, "--logits-are", "probabilities", "--vector", "--bootstrap", "5",
		"--name", "mine"}
	var got struct {
		NLL, Temperature *float64
		ECE              *float64
		Scaled           struct{ ECE *float64 }
		Notes            map[string]string
	}
	callJSON(t, &got, append(args, "--json")...)
	if got.NLL != nil || got.Temperature != nil || got.Scaled.ECE != nil || got.ECE == nil ||
		!strings.Contains(got.Notes["temperature"], "sample 2") {
		t.Errorf("%+v", got)
	}
	page, picture := filepath.Join(dir, "page.html"), filepath.Join(dir, "picture.svg")
	code, stdout, stderr := call(t, append(args, "--html", page, "--plot", picture)...)
	if code != 0 || !strings.Contains(stdout, "mine: NLL is not defined: sample 2") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	checkFiles(t, map[string]string{page: "sample 2", picture: "</svg>"})
	checkRefused(t, "calibrate", []refusal{
		{[]string{"--logits", path, "--logits-are", "logits", "--probabilities"}, exitUsage, "contradicts"},
		{[]string{"--logits", path, "--name", "a", "--name", "b"}, exitUsage, "2 names for 1 files"},
		{[]string{"--logits", path}, exitInput, "probabilities, not logits"},
	})
}
