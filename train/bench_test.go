package train

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/record"
)

// BenchmarkMeasure times what measuring a row costs on top of the network's evaluation, for
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
			batch := &Batch{Features: make([]float32, evalBatch*c.d), Logits: make([]float32, evalBatch*c.k),
				Losses: make([]float32, evalBatch)}
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
				var splits []*evaluation
				for _, n := range []int{c.n, c.m} {
					s := newEvaluation(labels[:n], c.k, c.d)
					s.evaluate = func(_ context.Context, visit func(*Batch) error) error {
						for from := 0; from < n; from += evalBatch {
							batch.From, batch.Labels = from, labels[from:from+evalBatch]
							if err := finite(batch); err != nil {
								return err
							}
							if err := visit(batch); err != nil {
								return err
							}
						}
						return nil
					}
					splits = append(splits, s)
				}
				sum, err := measured(nc.Measure(splits[0], *clf, nc.Options{Outcomes: true, Test: splits[1]}))
				if err != nil {
					b.Fatal(err)
				}
				for i, of := range []collapse{sum, sum.part(sum.Test, "test")} {
					if _, err := splits[i].calibration(new(record.Epoch), "x", of); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
