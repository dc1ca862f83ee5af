package ufm

import (
	"context"
	"errors"
	"fmt"
	"math"
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

// ErrTooLong is the error of a descent that would take too many steps.
var ErrTooLong = errors.New("too many steps")

// maxDescent bounds the work of Dynamics: about as many nanoseconds or twice that.
const maxDescent = 1 << 31

// Dynamics descends for several δ, without any for 0, 0.05, 0.1 and the δ of the parameters. It is ErrTooLarge if the
// small model has more than 2^14 variables, and ErrTooLong if the step size that is stable for
// every δ is so small that the descents would take long: the smaller s is, the larger is the largest
// curvature. The error says from which s on they do not.
func (p Params) Dynamics(ctx context.Context, seed uint64, deltas ...float64) (*Dynamics, error) {
	if len(deltas) == 0 {
		deltas = []float64{0, 0.05, 0.1}
		if !slices.Contains(deltas, p.Delta) {
			deltas = append(deltas, p.Delta)
		}
	}
	small, err := p.small(14)
	if err != nil {
		return nil, err
	}
	spectra, top := small.scaledSpectra(deltas)
	// 1/top is at most half of what is stable near any of the minimisers. On the way there the
	// objective can curve more, so that the step size may have to be smaller.
	for d := (&Dynamics{Params: small, Seed: seed, Rate: 1 / top}); ; d.Rate /= 2 {
		if most := small.mostSteps(len(deltas)); steps(d.Rate) > most {
			return nil, fmt.Errorf("ufm: %w: a descent at step size %.3g needs %.3g steps to end, more than the %.0f "+
				"that are taken; %s", ErrTooLong, d.Rate, steps(d.Rate), most, small.enough(deltas))
		}
		switch err := d.descend(ctx, deltas, spectra); {
		case errors.Is(err, errTooFast):
			continue
		case err != nil:
			return nil, err
		}
		return d, nil
	}
}

// scaledSpectra returns the spectra of the objective at the minimiser for each δ, in the scaled
// coordinates, and their largest eigenvalue.
func (p Params) scaledSpectra(deltas []float64) (spectra []Spectrum, top float64) {
	for _, delta := range deltas {
		p.Delta = delta
		s := p.minimiser().FullHessian(FullOptions{L2: true, Bias: true, Scaled: true})
		spectra = append(spectra, s)
		top = max(top, s[len(s)-1].Value)
	}
	return spectra, top
}

// steps is how many steps a descent takes at a step size: the slowest direction has a curvature of
// at most 1, and 12/rate steps shrink it by e⁻¹².
func steps(rate float64) float64 { return math.Floor(12/rate) + 1 }

// mostSteps is how many steps each of several descents may take.
func (p Params) mostSteps(descents int) float64 {
	samples, classes := float64(p.K)*float64(p.N), float64(p.K)
	// Three products of matrices, the exponentials, and what any call costs.
	step := 3*samples*classes*float64(p.D) + 20*samples*classes + 5000
	return math.Floor(maxDescent / step / float64(descents))
}

// enough says with which penalties the descents do not take too long.
func (p Params) enough(deltas []float64) string {
	s := p.minimiser().S
	for factor := 10.0; factor*s < 0.5; factor *= 10 {
		q := p
		q.LambdaW *= factor
		q.LambdaH *= factor
		if _, top := q.scaledSpectra(deltas); steps(1/top) <= p.mostSteps(len(deltas)) {
			return fmt.Sprintf("s is %.3g; take %.3g times λ_W (--lambda-w) and λ_H (--lambda-h), which gives s = %.3g",
				s, factor, factor*s)
		}
	}
	return fmt.Sprintf("take a larger λ_b (--lambda-b) than %.3g, or a smaller K (--k)", p.LambdaB)
}

// errTooFast is the error of a step size at which a descent does not go down.
var errTooFast = errors.New("ufm: the step size is too large")

// descend sets the paths, one for each δ.
func (d *Dynamics) descend(ctx context.Context, deltas []float64, spectra []Spectrum) error {
	d.Paths = nil
	steps := int(steps(d.Rate))
	p := d.Params
	for i, delta := range deltas {
		p.Delta = delta
		problem := p.Problem()
		options := DescentOptions{Rate: d.Rate, Steps: steps, Every: max(1, steps/200), Scaled: true}
		path, err := problem.Descend(ctx, problem.Random(d.Seed), options)
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
