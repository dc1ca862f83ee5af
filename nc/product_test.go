package nc

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestProduct compares the processor's kernel and the portable product with the
// definition, for every remainder of the tiles and lengths around their depth.
func TestProduct(t *testing.T) {
	rng := rand.New(rand.NewPCG(29, 30))
	both(t, func(t *testing.T) {
		for _, s := range [][3]int{
			{1, 1, 1}, {4, 3, 4}, {5, 4, 5}, {3, 2, 3}, {9, 7, 6}, {2, 5, 511}, {6, 1, 512}, {7, 8, 1027},
			{130, 67, 40}, {0, 3, 2},
		} {
			n, m, d := s[0], s[1], s[2]
			x, y, out := make([]float64, n*d), make([]float64, m*d), make([]float64, n*m)
			for i := range x {
				x[i] = rng.NormFloat64()
			}
			for i := range y {
				y[i] = rng.NormFloat64()
			}
			for i := range out {
				out[i] = math.NaN() // is overwritten
			}
			product(n, m, d, x, y, out)
			for i := range n {
				for j := range m {
					var want float64
					for l := range d {
						want += x[i*d+l] * y[j*d+l]
					}
					if !(math.Abs(out[i*m+j]-want) <= 1e-13*float64(d)) {
						t.Fatalf("%d×%d of length %d: element %d, %d is %v, want %v", n, m, d, i, j, out[i*m+j], want)
					}
				}
			}
		}
	})
}

// both runs f with the kernel, where the processor has it, and without.
func both(t *testing.T, f func(*testing.T)) {
	has := hasKernel
	defer func() { hasKernel = has }()
	for _, use := range []bool{false, true} {
		if use && !has {
			continue
		}
		hasKernel = use
		t.Run(fmt.Sprintf("kernel %v", use), f)
	}
}

// TestKernelAgrees: the metrics do not depend on which product runs.
func TestKernelAgrees(t *testing.T) {
	s := random(rand.New(rand.NewPCG(31, 32)), 37, repeat(30, 8), 1, 2)
	var all []*Summary
	both(t, func(t *testing.T) { all = append(all, s.measure(t, 50)) })
	for _, got := range all {
		same(t, "products", got, all[0], 1e-12)
	}
}

// TestCloseDecisions: logits that float32 cannot tell apart, or does not hold, are
// decided as in float64.
func TestCloseDecisions(t *testing.T) {
	rng := rand.New(rand.NewPCG(33, 34))
	const k, d, n = 7, 24, 700
	for name, size := range map[string]float64{"ordinary": 1, "large": 1e60, "small": 1e-60} {
		x, y := make([]float64, n*d), make([]int32, n)
		clf := &Classifier{K: k, D: d, W: make([]float64, k*d), B: make([]float64, k)}
		for i := range clf.W {
			// Rows come in near pairs, the last has no partner.
			clf.W[i] = rng.NormFloat64()
			if r := i / d; r%2 == 1 {
				clf.W[i] = clf.W[i-d] * (1 + 1e-9*rng.NormFloat64())
			}
		}
		for i := range y {
			y[i] = int32(i % k)
			for j := range d {
				x[i*d+j] = (clf.W[int(y[i])*d+j] + rng.NormFloat64()) * size
			}
		}
		both(t, func(t *testing.T) {
			a := sample{k: k, d: d, x: x, y: y, clf: clf}.centred(t, OverSamples)
			// Nearest means and the second pass share buffers.
			if err := a.NearestMean(BatchOf(x, nil), make([]int32, n)); err != nil {
				t.Fatal(err)
			}
			if err := a.Add(BatchOf(x, y)); err != nil {
				t.Fatal(err)
			}
			sum, err := a.Summary()
			if err != nil {
				t.Fatal(err)
			}
			wrong := 0
			for i := range n {
				best, most := 0, math.Inf(-1)
				for c := range k {
					var z float64
					for j := range d {
						z += clf.W[c*d+j] * x[i*d+j]
					}
					if z > most {
						best, most = c, z
					}
				}
				if best != int(y[i]) {
					wrong++
				}
			}
			if got := int(math.Round(sum.Error * n)); got != wrong || wrong < n/10 {
				t.Errorf("%s: %d samples misclassified, want %d", name, got, wrong)
			}
		})
	}
}
