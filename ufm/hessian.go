package ufm

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// A Block says which variables move.
type Block int

// The blocks of a point.
const (
	All   Block = iota // W, H and b
	OnlyW              // W with H and b fixed
	OnlyH              // H with W and b fixed
)

// String returns the block's name.
func (b Block) String() string {
	switch b {
	case OnlyW:
		return "W"
	case OnlyH:
		return "H"
	}
	return "all"
}

// A View says which Hessian of a Problem is meant. The zero value is the Hessian of the whole
// objective in W, H and b.
type View struct {
	Block Block
	// NoL2 leaves the penalties out: the Hessian of the mean loss.
	NoL2 bool
	// Scaled measures W in units of 1/√λ_W, H of 1/√λ_H and b of 1/√λ_b, so that the penalties are
	// half the squared norm. A penalty of 0 counts as 1.
	Scaled bool
}

// operator returns the side of the view's Hessian at x, and a function that multiplies by it.
func (p *Problem) operator(x []float64, v View) (side int, times func(in, out []float64)) {
	kd, nd := p.K()*p.D, p.N()*p.D
	from, to := 0, p.Size()
	switch v.Block {
	case OnlyW:
		to = kd
	case OnlyH:
		from, to = kd, kd+nd
	}
	scale := make([]float64, p.Size())
	unit := p.scale()
	for i := range scale {
		scale[i] = 1
		if v.Scaled {
			scale[i] = unit(i)
		}
	}
	_, dz := p.slopes(x)
	full, result := make([]float64, p.Size()), make([]float64, p.Size())
	return to - from, func(in, out []float64) {
		clear(full)
		floats.MulTo(full[from:to], in, scale[from:to])
		p.curve(x, dz, full, result)
		if !v.NoL2 {
			p.addPenalty(full, result)
		}
		floats.MulTo(out, result[from:to], scale[from:to])
	}
}

// MaxDense is the largest side of a Hessian that Problem.Hessian builds: 128 MiB.
const MaxDense = 4096

// Hessian returns the view's Hessian at x as a matrix. It is an error if its side is above
// MaxDense; Lanczos has no such bound.
func (p *Problem) Hessian(x []float64, v View) (*mat.SymDense, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if err := p.point(x); err != nil {
		return nil, err
	}
	side, times := p.operator(x, v)
	if side > MaxDense {
		return nil, fmt.Errorf("ufm: the Hessian (block %s) has side %d, above %d; use Lanczos, or smaller n and d",
			v.Block, side, MaxDense)
	}
	h := mat.NewSymDense(side, nil)
	in, out := make([]float64, side), make([]float64, side)
	for j := range side {
		in[j] = 1
		times(in, out)
		in[j] = 0
		for i := range j + 1 {
			h.SetSym(i, j, out[i])
		}
	}
	return h, nil
}

// Eigenvalues returns the eigenvalues of the view's Hessian at x in increasing order, each as often
// as it occurs. The errors are those of Hessian.
func (p *Problem) Eigenvalues(x []float64, v View) ([]float64, error) {
	h, err := p.Hessian(x, v)
	if err != nil {
		return nil, err
	}
	var e mat.EigenSym
	if !e.Factorize(h, false) {
		return nil, fmt.Errorf("ufm: the eigenvalues of the Hessian (block %s) did not converge; "+
			"are the point and the objective there finite?", v.Block)
	}
	return e.Values(nil), nil
}

// A Ritz value approximates an eigenvalue to within Residual.
type Ritz struct{ Value, Residual float64 }

// Lanczos returns the Ritz values, in increasing order, of at most the given number of Lanczos
// steps on the view's Hessian at x, with full reorthogonalisation, from a random vector. It needs
// only products with vectors, so that it also works for the paper's n = 5000.
//
// The values come without multiplicities, since a random vector has one direction in every
// eigenspace. Where the Hessian has few distinct eigenvalues, as at the global minimiser, the
// iteration ends when it has found all of them.
func (p *Problem) Lanczos(x []float64, v View, steps int, seed uint64) ([]Ritz, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if err := p.point(x); err != nil {
		return nil, err
	}
	if steps < 1 {
		return nil, fmt.Errorf("ufm: %d Lanczos steps; want at least 1", steps)
	}
	side, times := p.operator(x, v)
	steps = min(steps, side)
	rng := rand.New(rand.NewPCG(seed, 0x6c616e))
	q := make([]float64, side)
	for i := range q {
		q[i] = rng.NormFloat64()
	}
	floats.Scale(1/floats.Norm(q, 2), q)
	var basis [][]float64
	var alpha, beta []float64
	var size, last float64
	for len(alpha) < steps {
		basis = append(basis, q)
		r := make([]float64, side)
		times(q, r)
		a := floats.Dot(q, r)
		alpha = append(alpha, a)
		for range 2 { // twice is enough (Kahan, Parlett)
			for _, b := range basis {
				floats.AddScaled(r, -floats.Dot(b, r), b)
			}
		}
		last = floats.Norm(r, 2)
		size = max(size, math.Abs(a), last)
		if !(last > 1e-13*size) {
			break // an invariant subspace: the Ritz values are eigenvalues
		}
		beta = append(beta, last)
		floats.Scale(1/last, r)
		q = r
	}
	m := len(alpha)
	t := mat.NewSymDense(m, nil)
	for i := range m {
		t.SetSym(i, i, alpha[i])
		if i+1 < m {
			t.SetSym(i, i+1, beta[i])
		}
	}
	var e mat.EigenSym
	if !e.Factorize(t, true) {
		return nil, fmt.Errorf("ufm: the eigenvalues of the Lanczos matrix (block %s) did not converge; "+
			"are the point and the objective there finite?", v.Block)
	}
	var vectors mat.Dense
	e.VectorsTo(&vectors)
	out := make([]Ritz, m)
	for i, value := range e.Values(nil) {
		out[i] = Ritz{value, last * math.Abs(vectors.At(m-1, i))}
	}
	return out, nil
}
