package nc

import (
	"context"
	"fmt"
)

// Source gives the samples of a data set as often as it is asked to, in the same order each time.
type Source interface {
	// Shape returns the number of samples and the dimension of their features.
	Shape() (n int64, d int)
	// Each calls visit with batches until the samples end, ctx is done or visit returns an error,
	// which it returns. visit does not keep the slices of a batch.
	Each(ctx context.Context, visit func(Batch) error) error
}

// Slices returns features (N×d row-major) and labels (N) in memory as a Source, without copying
// them. What is wrong with them, such as lengths that do not fit, is an error of Each.
func Slices[F float32 | float64](features []F, labels []int32) Source {
	return inMemory[F]{features, labels}
}

type inMemory[F float32 | float64] struct {
	features []F
	labels   []int32
}

func (s inMemory[F]) Shape() (n int64, d int) {
	return int64(len(s.labels)), len(s.features) / max(len(s.labels), 1)
}

func (s inMemory[F]) Each(ctx context.Context, visit func(Batch) error) error {
	n, d := len(s.labels), len(s.features)/max(len(s.labels), 1)
	if n == 0 || d == 0 || n*d != len(s.features) {
		return fmt.Errorf("nc: %d features for %d labels, want N·d numbers for N labels", len(s.features), n)
	}
	rows := BatchRows(d)
	for from := 0; from < n; from += rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		to := min(from+rows, n)
		if err := visit(BatchOf(s.features[from*d:to*d], s.labels[from:to])); err != nil {
			return err
		}
	}
	return nil
}
