package nc

import (
	"errors"
	"fmt"
	"math"
)

// Decide writes to out the class that the classifier gives to each of B samples
// (features are B×d row-major): the largest logit, of equal ones the lowest class.
// Features that are not finite numbers are an error that names the sample, counted
// in this call.
func (c *Classifier) Decide(features []float32, out []int32) error {
	return decide(c, features, out)
}

// Decide64 is Decide for features in float64.
func (c *Classifier) Decide64(features []float64, out []int32) error {
	return decide(c, features, out)
}

func decide[F float32 | float64](c *Classifier, features []F, out []int32) error {
	return eachLogits(c, features, len(out), func(i int, z []float64) {
		best := 0
		for k, v := range z {
			if v > z[best] {
				best = k
			}
		}
		out[i] = int32(best)
	})
}

// Margins writes to out the margin of each of B samples (features are B×d row-major,
// labels B numbers in 0…K−1): the logit of its class less the largest of the other
// classes. It is negative where the classifier is wrong. K = 1, a label out of range
// and features that are not finite numbers are errors.
func (c *Classifier) Margins(features []float32, labels []int32, out []float64) error {
	return margins(c, features, labels, out)
}

// Margins64 is Margins for features in float64.
func (c *Classifier) Margins64(features []float64, labels []int32, out []float64) error {
	return margins(c, features, labels, out)
}

func margins[F float32 | float64](c *Classifier, features []F, labels []int32, out []float64) error {
	if c.K < 2 {
		return errors.New("nc: K = 1: a margin needs another class")
	}
	if len(out) != len(labels) {
		return fmt.Errorf("nc: room for %d margins of %d samples", len(out), len(labels))
	}
	for i, y := range labels {
		if y < 0 || int(y) >= c.K {
			return fmt.Errorf("nc: label of sample %d is %d, want 0 to K−1 = %d", i, y, c.K-1)
		}
	}
	return eachLogits(c, features, len(labels), func(i int, z []float64) {
		rival := math.Inf(-1)
		for k, v := range z {
			if k != int(labels[i]) {
				rival = max(rival, v)
			}
		}
		out[i] = z[labels[i]] - rival
	})
}

// eachLogits calls f with the logits (K numbers) of each of n samples.
func eachLogits[F float32 | float64](c *Classifier, features []F, n int, f func(i int, z []float64)) error {
	if err := c.check(c.K, c.D); err != nil {
		return err
	}
	k, d := c.K, c.D
	if len(features) != n*d {
		return fmt.Errorf("nc: %d features for %d samples, want %d·d = %d (d = %d)", len(features), n, n, n*d, d)
	}
	if err := checkFinite(d, 0, features); err != nil {
		return err
	}
	rows := min(max(1<<18/d, 16), 4096, n)
	block, logits := make([]float64, rows*d), make([]float64, rows*k)
	for from := 0; from < n; from += rows {
		m := min(rows, n-from)
		for i, x := range features[from*d : (from+m)*d] {
			block[i] = float64(x)
		}
		product(m, k, d, block, c.W, logits)
		for i := range m {
			z := logits[i*k : (i+1)*k]
			for j := range c.B {
				z[j] += c.B[j]
			}
			f(from+i, z)
		}
	}
	return nil
}
