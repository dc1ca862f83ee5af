package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/npz"
)

// writeDetection writes features of three classes with test features and a classifier, foreign features
// and some of another width to files of dir.
func writeDetection(t *testing.T, dir string) (id, foreign, wide string) {
	t.Helper()
	const n, d, k = 90, 6, 3
	rng := rand.New(rand.NewPCG(1, 2))
	features := func(rows, width int, shift float32) (v []float32) {
		for i := range rows {
			for j := range width {
				x := float32(rng.NormFloat64()) / 2
				if j == i%k {
					x += shift
				}
				v = append(v, x)
			}
		}
		return v
	}
	labels := make([]int64, n)
	for i := range labels {
		labels[i] = int64(i % k)
	}
	weight := make([]float32, k*d)
	for c := range k {
		weight[c*d+c] = 2
	}
	write := func(name string, arrays func(w *npz.Writer) []error) string {
		path := filepath.Join(dir, name)
		w, err := npz.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range append(arrays(w), w.Close()) {
			if err != nil {
				t.Fatal(err)
			}
		}
		return path
	}
	id = write("id.npz", func(w *npz.Writer) []error {
		return []error{npz.Write(w, "features", []int{n, d}, features(n, d, 3)),
			npz.Write(w, "labels", []int{n}, labels),
			npz.Write(w, "test_features", []int{30, d}, features(30, d, 3)), // without labels
			npz.Write(w, "weight", []int{k, d}, weight)}
	})
	foreign = write("foreign.npz", func(w *npz.Writer) []error {
		return []error{npz.Write(w, "features", []int{40, d}, features(40, d, 0))}
	})
	wide = write("wide.npz", func(w *npz.Writer) []error {
		return []error{npz.Write(w, "features", []int{4, d + 1}, features(4, d+1, 0))}
	})
	return id, foreign, wide
}

// TestOOD: classes far from the origin are told from noise around it, by every score but NECO, which
// has no use for the length; a page and a picture are written.
func TestOOD(t *testing.T) {
	dir := t.TempDir()
	id, foreign, _ := writeDetection(t, dir)
	var got struct {
		Scores map[string]map[string]map[string]any
	}
	page, picture := filepath.Join(dir, "a.html"), filepath.Join(dir, "a.svg")
	callJSON(t, &got, "ood", "--id", id, "--ood", "noise="+foreign, "--ood", "same="+id, "--json", "--bootstrap", "20",
		"--neighbours", "5",
		"--html", page, "--plot", picture)
	if len(got.Scores) != 10 {
		t.Errorf("%d scores, want 10", len(got.Scores))
	}
	for key, sets := range got.Scores {
		noise, _ := sets["noise"]["auroc"].(float64)
		same, _ := sets["same"]["auroc"].(float64)
		if key != "neco" && (noise < 0.75 || noise > 1) || same < 0.3 || same > 0.7 {
			t.Errorf("%s: AUROC %v of noise, %v of the training samples themselves", key, noise, same)
		}
		if ci, ok := sets["noise"]["ci"].(map[string]any); !ok || len(ci) != 4 {
			t.Errorf("%s: no intervals: %v", key, sets["noise"])
		}
	}
	for _, path := range []string{page, picture} {
		if b, err := os.ReadFile(path); err != nil || !strings.Contains(string(b), "relative Mahalanobis") &&
			!strings.Contains(string(b), "rel. M.") {
			t.Errorf("%s: %v, %d bytes", path, err, len(b))
		}
	}
}

// TestOODInput: each error says what is wrong, with its exit code.
func TestOODInput(t *testing.T) {
	id, foreign, wide := writeDetection(t, t.TempDir())
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"ood", "--ood", "a=" + foreign}, exitUsage, "--id names no file"},
		{[]string{"ood", "--id", id}, exitUsage, "--ood names no file"},
		{[]string{"ood", "--id", id, "--ood", foreign}, exitUsage, "NAME=FILE.npz"},
		{[]string{"ood", "--id", id, "--ood", "a=" + foreign, "--ood", "a=" + foreign}, exitUsage, "given twice"},
		{[]string{"ood", "--id", id, "--ood", "a=" + foreign, "--scores", "mps"}, exitUsage, `no score "mps"`},
		{[]string{"ood", "--id", id, "--ood", "a=" + wide}, exitInput, "d = 7 dimensions, those of training 6"},
		{[]string{"ood", "--id", foreign, "--ood", "a=" + foreign}, exitInput, `no "labels"`},
		{[]string{"ood", "--id", id, "--ood", "a=absent.npz"}, exitInput, "absent.npz"},
	} {
		code, _, stderr := call(t, c.args...)
		if code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: exit code %d, %q; want %d, %q", c.args[1:], code, stderr, c.code, c.want)
		}
	}
}
