package ufm

import (
	"context"
	"errors"
	"slices"
)

// Dynamics compares gradient descent on the small model (n at most 3, d at most K+1) for several
// δ, from one random start at one step size.
type Dynamics struct {
	Params         // of the small model; each path has its own δ
	Seed   uint64  // of the start
	Rate   float64 // step size, in the scaled coordinates of View
	Paths  []DynamicsPath
}

// DynamicsPath is the descent for one δ.
type DynamicsPath struct {
	Delta float64
	*Path
	// Predicted is the factor by which a step shrinks the gradient near the minimiser, as the
	// eigenvalues of the Hessian predict it (Spectrum.Rate); NaN if unknown.
	Predicted float64
}

// Dynamics descends for δ = 0, 0.05, 0.1 and the δ of the parameters. It is ErrTooLarge if the
// small model has more than 2^14 variables.
func (p Params) Dynamics(ctx context.Context, seed uint64) (*Dynamics, error) {
	deltas := []float64{0, 0.05, 0.1}
	if !slices.Contains(deltas, p.Delta) {
		deltas = append(deltas, p.Delta)
	}
	small, err := p.small(14)
	if err != nil {
		return nil, err
	}
	spectra := make([]Spectrum, len(deltas))
	top := 0.0
	for i, delta := range deltas {
		q := small
		q.Delta = delta
		m, err := q.Minimiser()
		if err != nil {
			return nil, err
		}
		spectra[i] = m.FullHessian(FullOptions{L2: true, Bias: true, Scaled: true})
		top = max(top, spectra[i][len(spectra[i])-1].Value)
	}
	// 1/top is at most half of what is stable near any of the minimisers. On the way there the
	// objective can curve more, so that the step size may have to be smaller.
	for d := (&Dynamics{Params: small, Seed: seed, Rate: 1 / top}); ; d.Rate /= 2 {
		switch err := d.descend(ctx, deltas, spectra); {
		case errors.Is(err, errTooFast):
			continue
		case err != nil:
			return nil, err
		}
		return d, nil
	}
}

// errTooFast is the error of a step size at which a descent does not go down.
var errTooFast = errors.New("ufm: the step size is too large")

// descend sets the paths, one for each δ.
func (d *Dynamics) descend(ctx context.Context, deltas []float64, spectra []Spectrum) error {
	d.Paths = nil
	// The slowest direction has a curvature of at most 1: 12/rate steps shrink it by e⁻¹².
	steps := int(12/d.Rate) + 1
	p := d.Params
	for i, delta := range deltas {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.Delta = delta
		problem := p.Problem()
		options := DescentOptions{Rate: d.Rate, Steps: steps, Every: max(1, steps/200), Scaled: true}
		path, err := problem.Descend(problem.Random(d.Seed), options)
		if errors.Is(err, ErrDiverged) {
			return errTooFast
		}
		if err != nil {
			return err
		}
		if last := path.Rows[len(path.Rows)-1]; !(last.GradientNorm < path.Rows[0].GradientNorm/10) {
			return errTooFast
		}
		d.Paths = append(d.Paths, DynamicsPath{Delta: delta, Path: path, Predicted: spectra[i].Rate(d.Rate, 0)})
	}
	return nil
}
