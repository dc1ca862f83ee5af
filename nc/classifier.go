package nc

import (
	"errors"
	"fmt"
	"math"
)

// Classifier is the last layer of a network: logits z = W·h + B.
type Classifier struct {
	K, D int       // classes, dimension of the features
	W    []float64 // K×D row-major: row k is w_k (PyTorch's layout, the paper's Wᵀ)
	B    []float64 // K, or nil for a layer without bias
}

// check reports a classifier that does not fit k classes and d features.
func (c *Classifier) check(k, d int) error {
	if c.K != k || c.D != d {
		remedy := ""
		if c.K == d && c.D != d {
			remedy = "; W must be K×d, as PyTorch's Linear.weight: transpose it"
		}
		return fmt.Errorf("nc: classifier is %d×%d, the features have K = %d classes and d = %d dimensions%s",
			c.K, c.D, k, d, remedy)
	}
	if len(c.W) != k*d {
		return fmt.Errorf("nc: classifier's weight has %d numbers, want K·d = %d·%d", len(c.W), k, d)
	}
	if c.B != nil && len(c.B) != k {
		return fmt.Errorf("nc: classifier's bias has %d numbers, want K = %d or none", len(c.B), k)
	}
	for i, v := range c.W {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("nc: classifier's weight of class %d, dimension %d is %v", i/d, i%d, v)
		}
	}
	for i, v := range c.B {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("nc: classifier's bias of class %d is %v", i, v)
		}
	}
	return nil
}

// Decide writes to out the class that the classifier gives to each of the batch's
// samples: the largest logit, of equal ones the lowest class.
// Features that are not finite numbers are an error that names the sample, counted
// in this call.
func (c *Classifier) Decide(b Batch, out []int32) error {
	if len(b.wide) > 0 {
		return decide(c, b.wide, out)
	}
	return decide(c, b.narrow, out)
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

// Margins writes to out the margin of each of the batch's samples: the logit of its class less the
// largest of the other classes. It is negative where the classifier is wrong. K = 1, a label out
// of range and features that are not finite numbers are errors.
func (c *Classifier) Margins(b Batch, out []float64) error {
	if len(b.wide) > 0 {
		return margins(c, b.wide, b.Labels, out)
	}
	return margins(c, b.narrow, b.Labels, out)
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
