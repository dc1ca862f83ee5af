package ufm

import (
	"context"
	"errors"
	"fmt"

	"github.com/gocollapse/collapse/internal/object"
)

// Report is a minimiser with what was asked for besides it: the answer of collapse ufm.
type Report struct {
	*Minimiser
	Compared *Comparison    // with a trained network; nil unless asked for
	Solved   *SmallSolution // nil unless asked for
}

// MarshalJSON writes the minimiser's object, then compared, conditions and solver.
func (r *Report) MarshalJSON() ([]byte, error) {
	var o object.Object
	r.Minimiser.fields(&o)
	if r.Compared != nil {
		o.Field("compared", r.Compared)
	}
	o.Field("conditions", r.Conditions())
	if r.Solved != nil {
		o.Field("solver", r.Solved)
	}
	return o.JSON()
}

// ErrTooLarge is the error of a model with too many variables to solve step by step.
var ErrTooLarge = errors.New("too many variables")

// small returns the small model (n = 3, d = K+1) with the same minimiser. It is ErrTooLarge if it
// has more than 2^power variables.
func (p Params) small(power int) (Params, error) {
	if err := p.Validate(); err != nil {
		return Params{}, err
	}
	small := p.Small(3, p.K+1)
	k := float64(p.K)
	if size := k*float64(small.N+1)*float64(small.D) + k; size > float64(int(1)<<power) {
		return Params{}, fmt.Errorf("ufm: %w: the small model of K = %d has %.0f, more than 2^%d; "+
			"take a smaller K (--k)", ErrTooLarge, p.K, size, power)
	}
	return small, nil
}

// SmallSolution is what Problem.Solve finds from a random start on the small model, compared with
// its closed form.
type SmallSolution struct {
	Params           // of the small model: n at most 3, d at most K+1
	Original  Params // those of the model asked for, which has the same minimiser
	Seed      uint64
	Variables int
	*Solution
	Distance Distance // from the closed form
}

// SolveSmall minimises the small model of the parameters from a random start, with every sample
// free. It is ErrTooLarge if that has more than 2^20 variables.
func (p Params) SolveSmall(ctx context.Context, seed uint64) (*SmallSolution, error) {
	small, err := p.small(20)
	if err != nil {
		return nil, err
	}
	m := small.minimiser()
	problem := small.Problem()
	solution, err := problem.Solve(ctx, SolveOptions{Seed: seed})
	if err != nil {
		return nil, err
	}
	distance, err := m.Distance(problem, solution.X)
	if err != nil {
		return nil, err
	}
	return &SmallSolution{
		Params: small, Original: p, Seed: seed, Variables: problem.Size(), Solution: solution, Distance: distance,
	}, nil
}

// MarshalJSON writes the parameters that differ from the original's, the errors relative to the
// closed form, and how the solver ended.
func (s *SmallSolution) MarshalJSON() ([]byte, error) {
	d := s.Distance
	var o object.Object
	o.Field("bias", object.Number(d.Bias))
	o.Field("converged", s.Converged)
	o.Field("d", s.D)
	o.Field("gradient_norm", object.Number(s.GradientNorm))
	o.Field("h_error", object.Number(d.H))
	o.Field("iterations", s.Iterations)
	o.Field("lambda_h", s.LambdaH)
	o.Field("logits_error", object.Number(d.Logits))
	o.Field("n", s.N)
	o.Field("objective", object.Number(s.Objective))
	o.Field("objective_error", object.Number(d.Objective))
	o.Field("seed", s.Seed)
	o.Field("w_error", object.Number(d.W))
	o.Field("within", object.Number(d.Within))
	return o.JSON()
}
