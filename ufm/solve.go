package ufm

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize"
)

// SolveOptions are the options of Problem.Solve. The zero value is a good choice.
type SolveOptions struct {
	Seed  uint64    // of the random start
	Start []float64 // a point to start from instead of a random one; it is not changed
	// Tolerance is the norm of the gradient, in the scaled coordinates, at which the solver stops.
	// 0 is 1e-11.
	Tolerance float64
	// Iterations bounds the iterations of L-BFGS and those of Newton's method. 0 is 2000.
	Iterations int
	// Evaluations bounds the gradients and the products with the Hessian, which take nearly all of
	// the time. 0 is 20000.
	Evaluations int
}

// A Solution is the end of a minimisation.
type Solution struct {
	X         []float64 // the point; Problem.Split gives W, H and b
	Objective float64
	Loss      float64 // mean loss without the penalties
	// GradientNorm is ‖∇‖ in the scaled coordinates.
	GradientNorm float64
	Iterations   int // of L-BFGS and Newton together
	// Converged says whether GradientNorm reached the tolerance.
	Converged bool
}

// Solve minimises the objective from a random start: by L-BFGS, then by Newton's method in a trust
// region with conjugate gradients, which leaves saddle points along negative curvature and
// converges quadratically. Both work in the scaled coordinates of View.
//
// λ_W and λ_H must be above 0: without penalties there is no minimiser. If the iterations or the
// evaluations run out, Converged is false. A cancelled ctx ends it with its error.
func (p *Problem) Solve(ctx context.Context, o SolveOptions) (*Solution, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if p.LambdaW == 0 || p.LambdaH == 0 {
		return nil, fmt.Errorf("ufm: λ_W = %v, λ_H = %v: Solve needs both above 0, else the loss has no minimiser",
			p.LambdaW, p.LambdaH)
	}
	if o.Tolerance == 0 {
		o.Tolerance = 1e-11
	}
	if o.Iterations == 0 {
		o.Iterations = 2000
	}
	if o.Evaluations == 0 {
		o.Evaluations = 20000
	}
	if !(o.Tolerance > 0) || o.Iterations < 0 || o.Evaluations < 0 {
		return nil, fmt.Errorf("ufm: Tolerance = %v, Iterations = %d, Evaluations = %d: all must be above 0",
			o.Tolerance, o.Iterations, o.Evaluations)
	}
	start := o.Start
	if start == nil {
		start = p.Random(o.Seed)
	}
	if err := p.point(start); err != nil {
		return nil, err
	}
	s := &solver{ctx: ctx, left: o.Evaluations, p: p, x: make([]float64, p.Size()), scale: make([]float64, p.Size())}
	u := make([]float64, p.Size())
	scale := p.scale()
	for i := range u {
		s.scale[i] = scale(i)
		u[i] = start[i] / s.scale[i]
	}
	sol := &Solution{}
	// L-BFGS may end in a failed line search where the objective is flat to rounding. Newton's
	// method takes over from any point.
	problem := optimize.Problem{
		Func: s.value, Grad: func(g, u []float64) { s.gradient(u, g) },
		Status: func() (optimize.Status, error) {
			if s.spent() {
				return optimize.FunctionEvaluationLimit, ctx.Err()
			}
			return optimize.NotTerminated, nil
		},
	}
	settings := &optimize.Settings{
		GradientThreshold: 1e-7, MajorIterations: o.Iterations, Converger: optimize.NeverTerminate{},
	}
	r, err := optimize.Minimize(problem, u, settings, &optimize.LBFGS{})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if r == nil {
		return nil, fmt.Errorf("ufm: L-BFGS: %w", err)
	}
	if !math.IsInf(r.F, 1) { // else it ended before it had a point
		copy(u, r.X)
	}
	sol.Iterations = r.MajorIterations + s.newton(u, o.Tolerance, o.Iterations)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	grad := make([]float64, len(u))
	s.gradient(u, grad)
	sol.GradientNorm = floats.Norm(grad, 2)
	sol.Converged = sol.GradientNorm <= o.Tolerance
	sol.X = append([]float64(nil), s.at(u)...)
	sol.Objective, sol.Loss = p.Value(sol.X)
	if math.IsNaN(sol.Objective) || math.IsInf(sol.Objective, 0) {
		return nil, errors.New("ufm: the objective overflowed float64; " +
			"take larger λ_W and λ_H, or a start nearer to zero")
	}
	return sol, nil
}

// solver is a problem in its scaled coordinates u: x = u·scale.
type solver struct {
	ctx      context.Context
	left     int // evaluations that it may still take
	p        *Problem
	scale, x []float64
}

// spent says whether the solver has to end: cancelled, or without an evaluation left.
func (s *solver) spent() bool { return s.left <= 0 || s.ctx.Err() != nil }

func (s *solver) at(u []float64) []float64 {
	for i, v := range u {
		s.x[i] = v * s.scale[i]
	}
	return s.x
}

func (s *solver) value(u []float64) float64 {
	s.left--
	f, _ := s.p.Value(s.at(u))
	return f
}

func (s *solver) gradient(u, g []float64) float64 {
	s.left--
	f, _ := s.p.Gradient(s.at(u), g)
	floats.Mul(g, s.scale)
	return f
}

// newton minimises from u, in place, and returns the number of steps: Steihaug's
// conjugate gradients in a trust region (Nocedal and Wright 2006, Algorithms 4.1, 7.2).
func (s *solver) newton(u []float64, tolerance float64, most int) int {
	n := len(u)
	g, trial, gTrial := make([]float64, n), make([]float64, n), make([]float64, n)
	step, v := make([]float64, n), make([]float64, n)
	f := s.gradient(u, g)
	radius := 1.0
	for it := range most {
		norm := floats.Norm(g, 2)
		if !(norm > tolerance) || radius < 1e-14 || s.spent() {
			return it
		}
		_, dz := s.p.slopes(s.at(u))
		x := append([]float64(nil), s.x...)
		hessian := func(d, out []float64) {
			s.left--
			floats.MulTo(v, d, s.scale)
			s.p.curve(x, dz, v, out)
			s.p.addPenalty(v, out)
			floats.Mul(out, s.scale)
		}
		expected := steihaug(hessian, s.spent, g, radius, min(0.1, math.Sqrt(norm)), step)
		floats.AddTo(trial, u, step)
		fTrial := s.gradient(trial, gTrial)
		// Where the decrease is below rounding, the gradient decides.
		flat := expected <= 1e-13*max(1, math.Abs(f))
		ratio := (f - fTrial) / expected
		ok := ratio > 0.05
		if flat {
			ok = floats.Norm(gTrial, 2) < norm
		}
		length := floats.Norm(step, 2)
		switch {
		case !ok:
			radius = length / 4
		case ratio > 0.75 && length > 0.9*radius:
			radius *= 2
		}
		if ok {
			copy(u, trial)
			copy(g, gTrial)
			f = fTrial
		}
	}
	return most
}

// steihaug writes an approximate minimiser of gᵀd + ½dᵀHd over ‖d‖ ≤ radius to d, and returns the
// decrease. rel is the residual, relative to ‖g‖, at which it stops; it also stops once spent says so.
func steihaug(hessian func(d, out []float64), spent func() bool, g []float64, radius, rel float64,
	d []float64) float64 {
	n := len(g)
	r := append([]float64(nil), g...)
	q := make([]float64, n)
	floats.ScaleTo(q, -1, r)
	hq, hd := make([]float64, n), make([]float64, n)
	clear(d)
	rr := floats.Dot(r, r)
	stop := rel * rel * rr
	// border moves d along q to the trust region's edge.
	border := func() {
		a, b, c := floats.Dot(q, q), floats.Dot(d, q), floats.Dot(d, d)-radius*radius
		t := (-b + math.Sqrt(max(0, b*b-a*c))) / a
		floats.AddScaled(d, t, q)
	}
	for range min(n+10, 500) {
		hessian(q, hq)
		bend := floats.Dot(q, hq)
		if bend <= 1e-16*floats.Dot(q, q) {
			border()
			break
		}
		t := rr / bend
		floats.AddScaledTo(hd, d, t, q)
		if floats.Norm(hd, 2) >= radius {
			border()
			break
		}
		copy(d, hd)
		floats.AddScaled(r, t, hq)
		next := floats.Dot(r, r)
		if next <= stop || spent() {
			break
		}
		floats.Scale(next/rr, q)
		floats.Sub(q, r)
		rr = next
	}
	hessian(d, hd)
	return -floats.Dot(g, d) - floats.Dot(d, hd)/2
}

// A Distance measures how far a point is from the minimiser of the closed form. It compares Gram
// matrices, since any rotation of feature space maps minimisers to minimisers. Errors are in
// Frobenius norm, relative to the closed form; where that is zero (s+δ ≥ 1), relative to a = 1.
type Distance struct {
	Objective float64 // objective minus the closed form's
	W         float64 // of WWᵀ, K×K
	H         float64 // of the Gram matrix of the class means (not centred), K×K
	Logits    float64 // of the class means' logits without bias, K×K
	Within    float64 // root mean square distance of samples from their class mean, over ‖h‖
	Bias      float64 // root mean square of b, over a
}

// Max returns the largest of the errors except Objective.
func (d Distance) Max() float64 { return max(d.W, d.H, d.Logits, d.Within, d.Bias) }

// Distance measures a point of m.Problem(), with or without the bias. It is an error if the problem
// has other classes, samples or dimensions.
func (m *Minimiser) Distance(p *Problem, x []float64) (Distance, error) {
	if p.K() != m.K || p.D != m.D || p.N() != m.K*m.N {
		return Distance{}, fmt.Errorf("ufm: the problem has K = %d, N = %d, d = %d, "+
			"the minimiser K = %d, N = %d, d = %d", p.K(), p.N(), p.D, m.K, m.K*m.N, m.D)
	}
	if err := p.point(x); err != nil {
		return Distance{}, err
	}
	w, h, b := p.matrices(x)
	means := mat.NewDense(m.K, m.D, nil)
	var within float64
	i := 0
	for k, c := range p.Counts {
		row := means.RawRowView(k)
		for j := range c {
			floats.AddScaled(row, 1/float64(c), h.RawRowView(i+j))
		}
		for range c {
			within += math.Pow(floats.Distance(row, h.RawRowView(i), 2), 2)
			i++
		}
	}
	a := m.A
	cw, ch := m.cw, m.ch
	if a == 0 {
		ratio := math.Sqrt(float64(m.N) * m.LambdaH / m.LambdaW)
		a, cw, ch = 1, math.Sqrt(ratio), 1/math.Sqrt(ratio)
	}
	// apart compares a Gram matrix with value·J, relative to unit·J.
	apart := func(left, right *mat.Dense, value, unit float64) float64 {
		var g mat.Dense
		g.Mul(left, right.T())
		for i := range m.K {
			for j := range m.K {
				want := -value / float64(m.K)
				if i == j {
					want += value
				}
				g.Set(i, j, g.At(i, j)-want)
			}
		}
		return mat.Norm(&g, 2) / (unit * math.Sqrt(float64(m.K-1)))
	}
	f, _ := p.Value(x)
	share := math.Sqrt(float64(m.K-1) / float64(m.K))
	return Distance{
		Objective: f - m.Objective,
		W:         apart(w, w, m.cw*m.cw, cw*cw),
		H:         apart(means, means, m.ch*m.ch, ch*ch),
		Logits:    apart(means, w, m.A, a),
		Within:    math.Sqrt(within/float64(p.N())) / (share * ch),
		Bias:      floats.Norm(b, 2) / math.Sqrt(float64(m.K)) / a,
	}, nil
}
