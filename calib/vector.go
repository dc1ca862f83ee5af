package calib

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"
)

// Vector is a fitted vector scaling: z'_k = Weight[k]·z_k + Bias[k] (Guo et al. 2017).
type Vector struct {
	Weight, Bias []float64 // K each
	NLL          float64   // mean loss on the samples of the fit
	// Note is "", or says that the search ended before the minimum, of which separable samples have
	// none, or why all numbers are NaN: a sample's own class has probability 0.
	Note string
}

// FitVector minimises the mean loss over weight and bias by L-BFGS, starting at 1 and 0. Each
// step reads the source once or twice. Unlike T, vector scaling can change predictions. A masked
// class (logit −∞) stays masked.
func FitVector(src Source) (*Vector, error) { return fitVector(src, part{}, scaling{}) }

// gradient is a loss and its derivatives.
type gradient struct {
	n int64
	g []float64 // mean loss, then its 2K derivatives in weight and bias
}

// gradientAt returns the mean loss of a part after the vector scaling sc, and its derivatives.
func gradientAt(src Source, p part, sc scaling) (*gradient, error) {
	k := len(sc.weight)
	plain := scaling{probabilities: sc.probabilities}
	zero := func() *gradient { return &gradient{g: make([]float64, 1+2*k)} }
	total, err := reduce(src, zero, func(t *gradient, r *row) {
		if !p.has(r.i) {
			return
		}
		_, logPY, _ := sc.softmax(r)
		t.n++
		t.g[0] -= logPY
		for c, v := range r.p {
			z := plain.logit(r.z, c)
			if math.IsInf(z, -1) {
				continue // its probability is 0 whatever the scaling
			}
			if c == int(r.y) {
				v--
			}
			t.g[1+c] += v * z
			t.g[1+k+c] += v
		}
	}, func(into, from *gradient) {
		into.n += from.n
		floats.Add(into.g, from.g)
	})
	if err == nil && total.n == 0 {
		err = errors.New("calib: no samples to fit vector scaling on")
	}
	if err == nil {
		floats.Scale(1/float64(total.n), total.g)
	}
	return total, err
}

// noVector is a vector scaling that is not defined.
func noVector(k int, note string) *Vector {
	v := &Vector{Weight: make([]float64, k), Bias: make([]float64, k), NLL: math.NaN(), Note: note}
	for c := range k {
		v.Weight[c], v.Bias[c] = math.NaN(), math.NaN()
	}
	return v
}

func fitVector(src Source, p part, sc scaling) (*Vector, error) {
	_, k := src.Shape()
	if e, err := extentOf(src, p, sc); err != nil {
		return nil, err
	} else if e.never.count > 0 {
		return noVector(k, e.never.note(sc.probabilities)), nil
	}
	var failed error
	eval := func(x []float64) []float64 {
		sc := sc
		sc.weight, sc.bias, sc.beta = x[:k], x[k:], 1
		g, err := gradientAt(src, p, sc)
		if err != nil {
			failed = errors.Join(failed, err)
			return make([]float64, 1+2*k)
		}
		return g.g
	}
	var lastX, last []float64
	at := func(x []float64) []float64 {
		if lastX == nil || !floats.Equal(x, lastX) {
			lastX, last = append(lastX[:0], x...), eval(x)
		}
		return last
	}
	x := make([]float64, 2*k)
	for c := range k {
		x[c] = 1
	}
	problem := optimize.Problem{
		Func: func(x []float64) float64 { return at(x)[0] },
		Grad: func(g, x []float64) { copy(g, at(x)[1:]) },
	}
	settings := &optimize.Settings{GradientThreshold: 1e-8, MajorIterations: 200}
	res, err := optimize.Minimize(problem, x, settings, &optimize.LBFGS{})
	if failed != nil {
		return nil, failed
	}
	if res == nil {
		return nil, fmt.Errorf("calib: vector scaling: %w", err)
	}
	if !finite(append(slices.Clone(res.X), res.F)) {
		return noVector(k, "the search left the range of float64: scale the logits to about 1 in size"), nil
	}
	v := &Vector{Weight: res.X[:k:k], Bias: res.X[k:], NLL: res.F}
	if g := at(res.X)[1:]; floats.Norm(g, math.Inf(1)) > 1e-5 {
		v.Note = "the search ended before the minimum; separable samples have none"
	}
	return v, nil
}

func finite(v []float64) bool {
	for _, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}
