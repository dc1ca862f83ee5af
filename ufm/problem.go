package ufm

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gocollapse/collapse/nc"
)

// A Problem is an unconstrained feature model in which the feature of every sample is free. Unlike
// Params it takes any loss, unbalanced classes, d < K−1, and a model without bias.
//
// Its points are vectors of Size numbers: W (K×d, PyTorch's layout), then H (N×d, the samples of
// class 0, of class 1, …), then b (K) if there is a bias. Split returns the three parts.
type Problem struct {
	Counts []int // n_k, samples of each class, each at least 1; K = len(Counts)
	D      int   // feature dimension, at least 1
	Loss   Loss
	// LambdaW, LambdaH and LambdaB are the L2 penalties, finite and not negative. LambdaB has no
	// meaning without Bias.
	LambdaW, LambdaH, LambdaB float64
	Bias                      bool
}

// Problem returns the model of the parameters, with cross entropy on smoothed labels and a bias.
func (p Params) Problem() *Problem {
	counts := make([]int, p.K)
	for i := range counts {
		counts[i] = p.N
	}
	return &Problem{Counts: counts, D: p.D, Loss: Loss{Kind: LS, Delta: p.Delta},
		LambdaW: p.LambdaW, LambdaH: p.LambdaH, LambdaB: p.LambdaB, Bias: true}
}

// maxSize bounds the numbers of a point: 2 GiB of float64.
const maxSize = 1 << 28

// Validate reports everything that is out of range, with the range.
func (p *Problem) Validate() error {
	var errs []error
	if len(p.Counts) < 2 {
		errs = append(errs, fmt.Errorf("ufm: Counts has K = %d classes; want at least 2", len(p.Counts)))
	}
	n := 0
	for k, c := range p.Counts {
		if c < 1 || c > maxSize {
			errs = append(errs, fmt.Errorf("ufm: n_k = %d samples of class %d are outside [1, 2^28]", c, k))
			n = 0
			break
		}
		n = min(n+c, maxSize+1)
	}
	if p.D < 1 || p.D > maxSize || (n+len(p.Counts))*p.D > maxSize {
		errs = append(errs, fmt.Errorf("ufm: d = %d with K+N = %d vectors: want d ≥ 1 and (K+N)·d ≤ 2^28",
			p.D, n+len(p.Counts)))
	}
	for _, l := range []struct {
		name  string
		value float64
	}{{"λ_W", p.LambdaW}, {"λ_H", p.LambdaH}, {"λ_b", p.LambdaB}} {
		// λ_H of a small model is up to maxCount times that of its parameters.
		if !(l.value == 0 || l.value >= MinLambda && l.value <= MaxLambda*maxCount) {
			errs = append(errs, fmt.Errorf("ufm: %s = %v is neither 0 nor in [%v, %.3g]",
				l.name, l.value, MinLambda, MaxLambda*maxCount))
		}
	}
	return errors.Join(append(errs, p.Loss.check())...)
}

// K returns the number of classes.
func (p *Problem) K() int { return len(p.Counts) }

// N returns the number of samples, Σ n_k.
func (p *Problem) N() int {
	n := 0
	for _, c := range p.Counts {
		n += c
	}
	return n
}

// Size returns the number of variables, K·d + N·d and K for a bias.
func (p *Problem) Size() int {
	n := (p.K() + p.N()) * p.D
	if p.Bias {
		n += p.K()
	}
	return n
}

// Labels returns the class of each sample.
func (p *Problem) Labels() []int32 {
	y := make([]int32, 0, p.N())
	for k, c := range p.Counts {
		for range c {
			y = append(y, int32(k))
		}
	}
	return y
}

// Split returns the parts of a point, which share its memory: W (K×d), H (N×d) and b (K, or nil).
func (p *Problem) Split(x []float64) (w, h, b []float64) {
	kd, nd := p.K()*p.D, p.N()*p.D
	if p.Bias {
		b = x[kd+nd : kd+nd+p.K()]
	}
	return x[:kd], x[kd : kd+nd], b
}

// Random returns a random point: normal numbers in the scaled coordinates (see View), with a norm
// of about one there. A penalty of 0 counts as 1 in the scale.
func (p *Problem) Random(seed uint64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 0x75666d))
	x := make([]float64, p.Size())
	unit := 1 / math.Sqrt(float64(len(x)))
	scale := p.scale()
	for i := range x {
		x[i] = rng.NormFloat64() * unit * scale(i)
	}
	return x
}

// scale returns, for each variable, its unit in the scaled coordinates: 1/√λ.
func (p *Problem) scale() func(i int) float64 {
	unit := func(lambda float64) float64 {
		if lambda == 0 {
			return 1
		}
		return 1 / math.Sqrt(lambda)
	}
	uw, uh, ub := unit(p.LambdaW), unit(p.LambdaH), unit(p.LambdaB)
	kd, nd := p.K()*p.D, p.N()*p.D
	return func(i int) float64 {
		switch {
		case i < kd:
			return uw
		case i < kd+nd:
			return uh
		}
		return ub
	}
}

// matrices returns W and H of a point as matrices.
func (p *Problem) matrices(x []float64) (w, h *mat.Dense, b []float64) {
	wv, hv, b := p.Split(x)
	return mat.NewDense(p.K(), p.D, wv), mat.NewDense(p.N(), p.D, hv), b
}

// logits returns HWᵀ + b, N×K.
func (p *Problem) logits(x []float64) *mat.Dense {
	w, h, b := p.matrices(x)
	z := mat.NewDense(p.N(), p.K(), nil)
	z.Mul(h, w.T())
	if b != nil {
		for i := range p.N() {
			floats.Add(z.RawRowView(i), b)
		}
	}
	return z
}

// slopes returns the mean loss and ∂loss/∂Z, N×K, the mean's 1/N included.
func (p *Problem) slopes(x []float64) (loss float64, dz *mat.Dense) {
	dz = p.logits(x)
	scratch := make([]float64, p.K())
	n := float64(p.N())
	i := 0
	for y, c := range p.Counts {
		for range c {
			row := dz.RawRowView(i)
			loss += p.Loss.value(row, y, scratch)
			floats.Scale(1/n, row)
			i++
		}
	}
	return loss / n, dz
}

func (p *Problem) penalty(x []float64) float64 {
	w, h, b := p.Split(x)
	return p.LambdaW/2*floats.Dot(w, w) + p.LambdaH/2*floats.Dot(h, h) + p.LambdaB/2*floats.Dot(b, b)
}

// Value returns the objective and its mean loss at a point of Size numbers.
func (p *Problem) Value(x []float64) (objective, loss float64) {
	loss, _ = p.slopes(x)
	return loss + p.penalty(x), loss
}

// Gradient writes the gradient of the objective to grad, of Size numbers, and returns the objective
// and the mean loss.
func (p *Problem) Gradient(x, grad []float64) (objective, loss float64) {
	loss, dz := p.slopes(x)
	p.gather(dz, x, grad)
	p.addPenalty(x, grad)
	return loss + p.penalty(x), loss
}

// gather writes dZᵀH, dZ·W and the column sums of dZ to out.
func (p *Problem) gather(dz *mat.Dense, x, out []float64) {
	w, h, _ := p.matrices(x)
	gw, gh, gb := p.matrices(out)
	gw.Mul(dz.T(), h)
	gh.Mul(dz, w)
	if gb == nil {
		return
	}
	clear(gb)
	for i := range p.N() {
		floats.Add(gb, dz.RawRowView(i))
	}
}

// addPenalty adds λ·v, part by part, to out: the penalty's gradient at v, which is also its Hessian
// times v.
func (p *Problem) addPenalty(v, out []float64) {
	w, h, b := p.Split(v)
	ow, oh, ob := p.Split(out)
	floats.AddScaled(ow, p.LambdaW, w)
	floats.AddScaled(oh, p.LambdaH, h)
	if b != nil {
		floats.AddScaled(ob, p.LambdaB, b)
	}
}

// HessianVector writes the Hessian of the objective at x times v to out. All have Size numbers.
func (p *Problem) HessianVector(x, v, out []float64) {
	_, dz := p.slopes(x)
	p.curve(x, dz, v, out)
	p.addPenalty(v, out)
}

// curve writes the loss's Hessian times v to out; dz are the slopes at x.
func (p *Problem) curve(x []float64, dz *mat.Dense, v, out []float64) {
	w, h, _ := p.matrices(x)
	vw, vh, vb := p.matrices(v)
	z := p.logits(x)
	// The change of the logits along v, to first order.
	move := mat.NewDense(p.N(), p.K(), nil)
	move.Mul(vh, w.T())
	var t mat.Dense
	t.Mul(h, vw.T())
	move.Add(move, &t)
	i := 0
	for y, c := range p.Counts {
		for range c {
			row := move.RawRowView(i)
			if vb != nil {
				floats.Add(row, vb)
			}
			p.Loss.curve(z.RawRowView(i), y, row)
			floats.Scale(1/float64(p.N()), row)
			i++
		}
	}
	p.gather(move, x, out)
	// The product of W and H couples them through the slopes.
	ow, oh, _ := p.matrices(out)
	t.Reset()
	t.Mul(dz.T(), vh)
	ow.Add(ow, &t)
	t.Reset()
	t.Mul(dz, vw)
	oh.Add(oh, &t)
}

// Measure returns the collapse metrics of a point (see package nc), of the classifier and all
// samples.
func (p *Problem) Measure(x []float64) (*nc.Summary, error) {
	w, h, b := p.Split(x)
	return nc.Measure(nc.Slices(h, p.Labels()), nc.Classifier{K: p.K(), D: p.D, W: w, B: b}, nc.Options{})
}

// point reports a vector that is not a point of the problem.
func (p *Problem) point(x []float64) error {
	if len(x) != p.Size() {
		return fmt.Errorf("ufm: the point has %d numbers, want K·d + N·d + K (with a bias) = %d", len(x), p.Size())
	}
	for i, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("ufm: number %d of the point is %v", i, v)
		}
	}
	return nil
}
