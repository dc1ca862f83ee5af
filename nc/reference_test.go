package nc

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"
)

// TestReference compares with the metrics of testdata/reference.py: numpy's, and
// mpmath's of 50 digits for H̄ with singular values from 1 to 1e-6.
func TestReference(t *testing.T) {
	b, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name                   string
		K, D                   int
		Features, Weight, Bias []float64
		Labels                 []int32
		Want                   map[string]any
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			s := sample{k: c.K, d: c.D, x: c.Features, y: c.Labels,
				clf: &Classifier{K: c.K, D: c.D, W: c.Weight, B: c.Bias}}
			sum := s.measure(t, 7)
			got := sum.scalars()
			const tol = 1e-11
			compare := func(name string, got float64, want any) {
				if want == nil {
					want = math.NaN()
				}
				w := want.(float64)
				if got != w && !(math.IsNaN(got) && math.IsNaN(w)) && !(math.Abs(got-w) <= tol*math.Abs(w)+1e-15) {
					t.Errorf("%s = %.17g, want %.17g (difference %.2g)", name, got, w, got-w)
				}
			}
			for name, want := range c.Want {
				if list, ok := want.([]any); ok {
					for k, w := range list {
						compare(fmt.Sprintf("%s[%d]", name, k), sum.NC1PerClass[k], w)
					}
				} else {
					compare(name, *got[name], want)
				}
			}
		})
	}
}
