package nc

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// TestEigenvalues finds the spectra that matrices were made of, with gaps, equal
// eigenvalues, zeros and many orders of magnitude, and their vectors.
func TestEigenvalues(t *testing.T) {
	both(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(81, 82))
		for name, spectrum := range map[string]func(i, d int) float64{
			"random":     func(i, d int) float64 { return rng.Float64() },
			"steep":      func(i, d int) float64 { return math.Pow(10, -float64(i)/5) },
			"collapsed":  func(i, d int) float64 { return map[bool]float64{true: 1, false: 1e-6}[i < 5] },
			"equal":      func(i, d int) float64 { return 3 },
			"zero":       func(i, d int) float64 { return 0 },
			"rank three": func(i, d int) float64 { return float64(max(3-i, 0)) },
			"tiny block": func(i, d int) float64 {
				if i < 1 {
					return 1
				}
				return 1e-140 * float64(1+i)
			},
			"small": func(i, d int) float64 { return 1e-150 * float64(1+i%7) },
		} {
			for _, d := range []int{1, 2, 63, 64, 65, 97, 130} {
				want := make([]float64, d)
				for i := range want {
					want[i] = spectrum(i, d)
				}
				slices.SortFunc(want, func(a, b float64) int { return -int(math.Copysign(1, a-b)) })
				q := rotation(rng, d)
				var scaled, full mat.Dense
				scaled.Apply(func(i, j int, v float64) float64 { return v * want[j] }, q)
				full.Mul(&scaled, q.T())
				a := make([]float64, d*d)
				for i := range d {
					for j := range d {
						a[i*d+j] = (full.At(i, j) + full.At(j, i)) / 2
					}
				}
				for _, m := range []int{min(6, d), d} {
					all, none, ok := eigenvalues(d, slices.Clone(a), 0)
					if !ok || len(none) != 0 {
						t.Fatalf("%s %d: no values", name, d)
					}
					values, vectors, ok := eigenvalues(d, slices.Clone(a), m)
					if !ok {
						t.Fatalf("%s %d: no vectors", name, d)
					}
					what := fmt.Sprintf("%s %d", name, d)
					for i, v := range want {
						if math.Abs(values[i]-v) > 1e-13*want[0] || math.Abs(all[i]-v) > 1e-13*want[0] {
							t.Errorf("%s: eigenvalue %d is %v, without vectors %v, want %v", what, i, values[i], all[i],
								v)
						}
					}
					if !eigenpairs(d, a, values[:m], vectors) {
						t.Errorf("%s: the vectors are not orthonormal eigenvectors", what)
					}
				}
			}
		}
	})
}

// eigenpairs says whether the rows of vectors are orthonormal eigenvectors of a.
func eigenpairs(d int, a, values, vectors []float64) bool {
	m := len(values)
	limit := 64 * float64(d) * 0x1p-52
	gram, image := make([]float64, m*m), make([]float64, m*d)
	product(m, m, d, vectors, vectors, gram)
	for i := range m {
		gram[i*m+i]--
	}
	product(m, d, d, vectors, a, image)
	for i, v := range values {
		floats.AddScaled(image[i*d:(i+1)*d], -v, vectors[i*d:(i+1)*d])
		if !(floats.Norm(image[i*d:(i+1)*d], 2) <= limit*math.Abs(values[0])) {
			return false
		}
	}
	return floats.Norm(gram, math.Inf(1)) <= limit
}

func BenchmarkEigenvalues(b *testing.B) {
	for _, d := range []int{512, 1024, 2048} {
		rng := rand.New(rand.NewPCG(1, 1))
		x, a := make([]float64, 2*d*d), make([]float64, d*d)
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		product(d, d, 2*d, x, x, a)
		for _, m := range []int{0, 10} {
			b.Run(fmt.Sprintf("%d/vectors=%d", d, m), func(b *testing.B) {
				for b.Loop() {
					if _, _, ok := eigenvalues(d, slices.Clone(a), m); !ok {
						b.Fatal("no values")
					}
				}
			})
		}
	}
}
