package files

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/internal/npztest"
)

// TestAdvice: each error names the file, what was found and a remedy; the file that the remedy makes
// is read.
func TestAdvice(t *testing.T) {
	const n, k = 30, 3
	logits := npztest.Array{Type: "<f4", Shape: []int{n, k}}
	turned := npztest.Array{Type: "<f4", Shape: []int{k, n}, Values: make([]float64, n*k)}
	labels := npztest.Array{Type: "<i8", Shape: []int{n}}
	later := npztest.Array{Type: "<f4", Shape: []int{n}}
	for i := range n {
		labels.Values, later.Values = append(labels.Values, float64(i%k)), append(later.Values, float64(i%k+1))
		for c := range k {
			v := float64((i*i+3*i*c+c)%7) - 3
			logits.Values = append(logits.Values, v)
			turned.Values[c*n+i] = v
		}
	}
	halves := later
	halves.Values = append([]float64{0.5}, later.Values[1:]...)
	shaped := func(a npztest.Array, shape ...int) npztest.Array { a.Shape = shape; return a }
	good := map[string]npztest.Array{"logits": logits, "labels": labels}
	for _, c := range []struct {
		name  string
		bad   map[string]npztest.Array
		test  bool
		words []string
	}{
		{"labels from 1", map[string]npztest.Array{"logits": logits, "labels": later}, false,
			[]string{"is 3, want 0 to K−1 = 2", "start at 1, subtract 1"}},
		{"labels with halves", map[string]npztest.Array{"logits": logits, "labels": halves}, false,
			[]string{`"labels"`, "element 0 is 0.5", "rint"}},
		{"transposed", map[string]npztest.Array{"logits": turned, "labels": labels}, false,
			[]string{"[3 30]", "logits.T"}},
		{"planes", map[string]npztest.Array{"logits": shaped(logits, n, k, 1, 1), "labels": labels}, false,
			[]string{"[30 3 1 1]", "logits.reshape(len(logits), -1)"}},
		{"column", map[string]npztest.Array{"logits": logits, "labels": shaped(labels, n, 1)}, false,
			[]string{"[30 1]", "labels.ravel()"}},
		{"one-hot", map[string]npztest.Array{"logits": logits, "labels": logits}, false, []string{"labels.argmax(1)"}},
		{"another name", map[string]npztest.Array{"scores": logits, "labels": labels}, false,
			[]string{`"scores"`, "numpy.savez(path, logits="}},
		{"no test split", good, true, []string{"no array \"test_logits\"", "--split labels"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.npz")
			npztest.Write(t, path, c.bad)
			read := Open
			if c.test {
				read = OpenTest
			}
			_, err := read(context.Background(), path, Logits)
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range append(c.words, path) {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q does not say %q", err, w)
				}
			}
			npztest.Write(t, path, good)
			f, err := Open(context.Background(), path, Logits)
			if err != nil {
				t.Fatalf("the remedy does not work: %v", err)
			}
			f.Close()
		})
	}
}
