package toy

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/nc"
)

// Tested is test samples as a network at collapse sees them: its classifier is a simplex ETF of K
// classes, and each sample lies around the mean of a class, of its own or, for the wrong ones, of
// another.
type Tested struct {
	Features         // Labels are the samples' own classes
	Margin   float64 // by which the logit of its class is above each other, at a class mean

	spread float64
}

// looser is how much wider samples lie around the mean of a class that is not their own: in the
// recorded runs NC1 of the wrong test samples is about twice that of the others.
const looser = 1.5

// Test returns n test samples for each of k classes: a share wrong of them (0 to 1) lie around the mean
// of another class than their own, each class equally often. The coordinates of samples scatter around
// the mean with standard deviation spread, of the wrong ones with 1.5 times as much. The same call gives
// the same numbers.
func Test(k, n int, wrong, spread, margin float64) *Tested {
	t := &Tested{Features: Features{K: k, D: k - 1, W: Corners(k)}, Margin: margin, spread: spread}
	corners := Corners(k)
	random := rand.New(rand.NewPCG(3, 4))
	astray := int(math.Round(wrong * float64(n)))
	for class := range k {
		for i := range n {
			at, sd := class, spread
			if i < astray {
				at, sd = (class+1+i%(k-1))%k, looser*spread
			}
			for _, c := range corners[at*t.D : (at+1)*t.D] {
				t.X = append(t.X, c+sd*random.NormFloat64())
			}
			t.Labels = append(t.Labels, int32(class))
		}
	}
	// At a mean the scores ⟨w, h⟩ are 1 and −1/(K−1).
	scale := margin * float64(k-1) / float64(k)
	for i := range t.W {
		t.W[i] *= scale
	}
	return t
}

// Logits returns ⟨w_k, h⟩, N×K row-major.
func (t *Tested) Logits() []float64 {
	z := make([]float64, len(t.Labels)*t.K)
	for i := range t.Labels {
		for c := range t.K {
			for j := range t.D {
				z[i*t.K+c] += t.W[c*t.D+j] * t.X[i*t.D+j]
			}
		}
	}
	return z
}

// Calibration measures the predictions.
func (t *Tested) Calibration() (*calib.Summary, error) {
	source, err := calib.Slice(t.Logits(), t.Labels, t.K)
	if err != nil {
		return nil, err
	}
	return calib.Summarise(source, 15)
}

// NC1 returns NC1 of the samples that are classified correctly and of the others, each gathered by the
// class that the classifier gives them (footnote 3).
func (t *Tested) NC1() (correct, wrong float64, err error) {
	var x [2][]float64
	var given [2][]int32
	z := t.Logits()
	for i, l := range t.Labels {
		best := 0
		for c := range t.K {
			if z[i*t.K+c] > z[i*t.K+best] {
				best = c
			}
		}
		side := 0
		if int32(best) != l {
			side = 1
		}
		x[side] = append(x[side], t.X[i*t.D:(i+1)*t.D]...)
		given[side] = append(given[side], int32(best))
	}
	var out [2]float64
	for side := range out {
		s, err := nc.Measure(nc.Slices(x[side], given[side]), t.Classifier(), nc.Options{})
		if err != nil {
			return 0, 0, fmt.Errorf("toy: NC1 of the test samples by outcome: %w", err)
		}
		out[side] = s.NC1
	}
	return out[0], out[1], nil
}

// Picture draws how sure the predictions are, of the samples that are classified correctly and of the
// others, with error, entropies, NC1 and ECE in the caption.
func (t *Tested) Picture() (*figures.Figure, error) {
	s, err := t.Calibration()
	if err != nil {
		return nil, err
	}
	_, nc1, err := t.NC1()
	if err != nil {
		return nil, err
	}
	confidence, right := s.Samples()
	return figures.Confidences(fmt.Sprintf("Spread %g, margin %g", t.spread, t.Margin),
		fmt.Sprintf("Test error %.1f %%, mean confidence %.1f %%, ECE %.1f %%. Of the wrong samples: NC1 %.3f, "+
			"entropy %.3f, loss %.2f.", 100*(1-s.Accuracy), 100*s.Confidence, 100*s.ECE, nc1, s.Wrong.Entropy,
			s.Wrong.Loss),
		confidence, right)
}
