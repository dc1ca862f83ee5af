package files

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/npz"
	"github.com/gocollapse/collapse/ufm"
)

var params = ufm.Params{K: 4, N: 3, D: 5, LambdaW: 1e-2, LambdaH: 1e-3, LambdaB: 1e-2, Delta: 0.1}

// network writes the minimiser of params as a file, with the arrays that keep names.
func network(t *testing.T, labels []int64, keep ...string) string {
	t.Helper()
	m, err := params.Minimiser()
	if err != nil {
		t.Fatal(err)
	}
	w, h, b := params.Problem().Split(m.Point(true))
	path := filepath.Join(t.TempDir(), "net.npz")
	out, err := npz.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range keep {
		switch name {
		case "features":
			err = npz.Write(out, name, []int{12, 5}, h)
		case "labels":
			err = npz.Write(out, name, []int{len(labels)}, labels)
		case "weight":
			err = npz.Write(out, name, []int{4, 5}, w)
		case "flat weight":
			err = npz.Write(out, "weight", []int{20}, w)
		case "bias":
			err = npz.Write(out, name, []int{4}, b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

var balanced = []int64{0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3}

// TestCompare: a network at the minimiser has no error, with or without a bias; K, n and d are
// those of the file.
func TestCompare(t *testing.T) {
	asked := params
	asked.K, asked.N, asked.D = 10, 5000, 512
	for _, keep := range [][]string{{"features", "labels", "weight"}, {"features", "labels", "weight", "bias"}} {
		c, err := Compare(network(t, balanced, keep...), asked)
		if err != nil {
			t.Fatal(err)
		}
		if c.Theory.Params != params {
			t.Errorf("parameters %+v, want %+v", c.Theory.Params, params)
		}
		for _, p := range c.Pairs {
			if p.Relative > 1e-9 {
				t.Errorf("%v: %+v", keep, p)
			}
		}
	}
}

// TestErrors: an error names the file and what is wrong.
func TestErrors(t *testing.T) {
	all := []string{"features", "labels", "weight"}
	for want, path := range map[string]string{
		"absent.npz":                           filepath.Join(t.TempDir(), "absent.npz"),
		`"weight"`:                             network(t, balanced, "features", "labels"),
		"net.npz: weight has shape [20]":       network(t, balanced, "features", "labels", "flat weight"),
		"want one for each of the 12 features": network(t, balanced[:11], all...),
		"start at 1: save labels - 1":          network(t, []int64{1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4}, all...),
		"class 1 has 2 samples, class 0 has 4": network(t, []int64{0, 0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 3}, all...),
	} {
		if _, err := Compare(path, params); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
