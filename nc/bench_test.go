package nc

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkMeasure times both passes and the summary over float32 features in
// memory, in batches of 1,024.
func BenchmarkMeasure(b *testing.B) {
	for _, c := range []struct{ n, d, k int }{{5000, 128, 10}, {50000, 512, 10}, {50000, 2048, 100}} {
		b.Run(fmt.Sprintf("%dx%dx%d", c.n, c.d, c.k), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			means := make([]float32, c.k*c.d)
			for i := range means {
				means[i] = float32(rng.NormFloat64())
			}
			x, y := make([]float32, c.n*c.d), make([]int32, c.n)
			for i := range y {
				y[i] = int32(i % c.k)
				for j := range c.d {
					x[i*c.d+j] = means[int(y[i])*c.d+j] + rng.Float32()
				}
			}
			b.SetBytes(int64(4 * len(x)))
			for b.Loop() {
				sums, err := NewSums(c.k, c.d)
				if err != nil {
					b.Fatal(err)
				}
				pass := func(add func(Batch) error) {
					for i := 0; i < c.n; i += 1024 {
						to := min(i+1024, c.n)
						if err := add(BatchOf(x[i*c.d:to*c.d], y[i:to])); err != nil {
							b.Fatal(err)
						}
					}
				}
				pass(sums.Add)
				a, err := sums.Centre(nil)
				if err != nil {
					b.Fatal(err)
				}
				pass(a.Add)
				if _, err := a.Summary(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
