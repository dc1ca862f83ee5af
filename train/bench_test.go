package train

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/record"
)

// BenchmarkMeasure times what measuring a row costs beside the network's evaluation, for
// CIFAR-10 on ResNet-18: 60,000 samples, d = 512, K = 10, a hundredth of them wrong.
// docs/train.md has the result.
func BenchmarkMeasure(b *testing.B) {
	for _, c := range []struct{ n, m, d, k int }{{50000, 10000, 512, 10}, {50000, 10000, 2048, 100}} {
		b.Run(fmt.Sprintf("%dx%dx%d", c.n+c.m, c.d, c.k), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			clf := &nc.Classifier{K: c.k, D: c.d, W: make([]float64, c.k*c.d), B: make([]float64, c.k)}
			for i := range clf.W {
				clf.W[i] = rng.NormFloat64()
			}
			batch := &Batch{Features: make([]float32, evalBatch*c.d), Logits: make([]float32, evalBatch*c.k), Losses: make([]float32, evalBatch)}
			for i := range batch.Features {
				batch.Features[i] = rng.Float32()
			}
			for i := range batch.Logits {
				batch.Logits[i] = rng.Float32()
			}
			labels := make([]int32, c.n)
			for i := range labels {
				labels[i] = largest(batch.Logits[i%evalBatch*c.k:][:c.k])
				if i%100 == 0 {
					labels[i] = int32(rng.IntN(c.k))
				}
			}
			for b.Loop() {
				var means *nc.Accumulator
				for _, n := range []int{c.n, c.m} {
					l, err := newLook(labels[:n], c.k, c.d, means)
					if err != nil {
						b.Fatal(err)
					}
					for from := 0; from < n; from += evalBatch {
						batch.From, batch.Labels = from, labels[from:from+evalBatch]
						if err := finite(batch); err != nil {
							b.Fatal(err)
						}
						if err := l.add(batch); err != nil {
							b.Fatal(err)
						}
					}
					for _, p := range l.parts() {
						if err := p.beginSecond(clf); err != nil {
							b.Fatal(err)
						}
					}
					if err := l.again(); err != nil {
						b.Fatal(err)
					}
					if _, err := l.all.summary(clf); err != nil {
						b.Fatal(err)
					}
					if _, err := l.calibration(new(record.Epoch), "x"); err != nil {
						b.Fatal(err)
					}
					means = l.all.acc
				}
			}
		})
	}
}
