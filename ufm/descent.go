package ufm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
)

// DescentOptions are the options of Problem.Descend.
type DescentOptions struct {
	Rate     float64 // step size η, above 0
	Momentum float64 // μ in [0, 1): velocity ← μ·velocity + gradient, x ← x − η·velocity, as PyTorch has it
	Steps    int     // at least 1
	Every    int     // steps between rows; 0 is 1
	// Batch is the number of samples in a step of SGD, drawn without replacement, epoch by epoch; 0
	// takes all samples, which is gradient descent. A batch of B has the penalty
	// (λ_H/2)(N/B) Σ_batch ‖h‖², as in the paper's simulated UFM: its expectation is the penalty of
	// all samples.
	Batch int
	Seed  uint64 // of the batches
	Block Block  // the variables that move
	// Scaled takes the steps in the scaled coordinates of View.
	Scaled bool
}

// A Row is the state after a number of steps.
type Row struct {
	Step         int
	Objective    float64 // of all samples
	Loss         float64 // without penalties
	GradientNorm float64 // of the moving block and of all samples, in the coordinates of the steps
	// NC1, NC2 and NC3 are Eq 4 to 6, WNorm and HNorm the mean norms, as package nc measures them;
	// NaN where they are not defined.
	NC1, NC2, NC3, WNorm, HNorm float64
	Error                       float64 // share of samples that are not classified as their label, in [0, 1]
}

// A Path is a descent.
type Path struct {
	Rows []Row     // the start first, the end last
	X    []float64 // where it ended
}

// ErrDiverged is the error of a descent that left float64.
var ErrDiverged = errors.New("ufm: the descent diverged")

// Descend descends from start, which it does not change, step by step. The error of a descent that
// leaves float64 is ErrDiverged with the step. ctx is looked at before every step.
func (p *Problem) Descend(ctx context.Context, start []float64, o DescentOptions) (*Path, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if err := p.point(start); err != nil {
		return nil, err
	}
	if o.Every == 0 {
		o.Every = 1
	}
	switch {
	case !(o.Rate > 0) || math.IsInf(o.Rate, 0):
		return nil, fmt.Errorf("ufm: Rate = %v is not a finite number above 0", o.Rate)
	case !(o.Momentum >= 0 && o.Momentum < 1):
		return nil, fmt.Errorf("ufm: Momentum = %v is outside [0, 1)", o.Momentum)
	case o.Steps < 1 || o.Every < 1:
		return nil, fmt.Errorf("ufm: Steps = %d, Every = %d: both must be at least 1", o.Steps, o.Every)
	case o.Batch < 0 || o.Batch > p.N():
		return nil, fmt.Errorf("ufm: Batch = %d is outside [0, N] = [0, %d]", o.Batch, p.N())
	}
	metric := make([]float64, p.Size()) // squared units: a step η in scaled coordinates is η·unit² here
	unit := p.scale()
	for i := range metric {
		metric[i] = 1
		if o.Scaled {
			metric[i] = unit(i) * unit(i)
		}
		kd := p.K() * p.D
		if in := i < kd; o.Block == OnlyW && !in || o.Block == OnlyH && (in || i >= kd+p.N()*p.D) {
			metric[i] = 0
		}
	}
	x := append([]float64(nil), start...)
	grad, velocity := make([]float64, len(x)), make([]float64, len(x))
	batch := p.batches(o)
	path := &Path{}
	for step := 0; ; step++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if step%o.Every == 0 || step == o.Steps {
			row := Row{Step: step}
			row.Objective, row.Loss = p.Gradient(x, grad)
			for i, g := range grad {
				row.GradientNorm += metric[i] * g * g
			}
			row.GradientNorm = math.Sqrt(row.GradientNorm)
			if math.IsNaN(row.GradientNorm) || math.IsInf(row.GradientNorm, 0) || math.IsInf(row.Objective, 0) {
				return nil, fmt.Errorf("%w by step %d; take a Rate below %v", ErrDiverged, step, o.Rate)
			}
			sum, err := p.Measure(x)
			if err != nil {
				return nil, fmt.Errorf("ufm: step %d: %w", step, err)
			}
			row.NC1, row.NC2, row.NC3, row.WNorm, row.HNorm = sum.NC1, sum.NC2, sum.NC3, sum.WNorm, sum.HNorm
			row.Error = sum.Error
			path.Rows = append(path.Rows, row)
		}
		if step == o.Steps {
			path.X = x
			return path, nil
		}
		if o.Batch == 0 {
			p.Gradient(x, grad)
		} else {
			p.batchGradient(x, batch(), grad)
		}
		for i, g := range grad {
			velocity[i] = o.Momentum*velocity[i] + metric[i]*g
			x[i] -= o.Rate * velocity[i]
		}
	}
}

// batches returns a function that draws the next batch.
func (p *Problem) batches(o DescentOptions) func() []int {
	rng := rand.New(rand.NewPCG(o.Seed, 0x736764))
	var left []int
	return func() []int {
		if len(left) < o.Batch {
			left = rng.Perm(p.N())
		}
		b := left[:o.Batch]
		left = left[o.Batch:]
		return b
	}
}

// batchGradient writes the gradient of a batch's objective to grad.
func (p *Problem) batchGradient(x []float64, batch []int, grad []float64) {
	w, h, b := p.Split(x)
	gw, gh, gb := p.Split(grad)
	clear(grad)
	y := p.Labels()
	z, scratch := make([]float64, p.K()), make([]float64, p.K())
	share := 1 / float64(len(batch))
	d := p.D
	for _, i := range batch {
		feature, slope := h[i*d:(i+1)*d], gh[i*d:(i+1)*d]
		for k := range z {
			z[k] = floats.Dot(w[k*d:(k+1)*d], feature)
			if b != nil {
				z[k] += b[k]
			}
		}
		p.Loss.value(z, int(y[i]), scratch)
		for k, g := range z {
			floats.AddScaled(gw[k*d:(k+1)*d], g*share, feature)
			floats.AddScaled(slope, g*share, w[k*d:(k+1)*d])
			if b != nil {
				gb[k] += g * share
			}
		}
		floats.AddScaled(slope, p.LambdaH*float64(p.N())*share, feature)
	}
	floats.AddScaled(gw, p.LambdaW, w)
	if b != nil {
		floats.AddScaled(gb, p.LambdaB, b)
	}
}

// Rate returns the factor by which one step shrank the gradient in the last third of the path: the
// exponential of the slope of a line fitted to log ‖∇‖, down to 1e-9 of its largest value. Near a
// minimiser it is below 1, and Spectrum.Rate predicts it. It is NaN if fewer than three rows are
// left.
func (p *Path) Rate() float64 {
	var x, y []float64
	most := 0.0
	for _, r := range p.Rows {
		most = max(most, r.GradientNorm)
		if !(r.GradientNorm > 1e-9*most) {
			break
		}
		x, y = append(x, float64(r.Step)), append(y, math.Log(r.GradientNorm))
	}
	x, y = x[len(x)-len(x)/3:], y[len(y)-len(y)/3:]
	if len(x) < 3 {
		return math.NaN()
	}
	_, slope := stat.LinearRegression(x, y, nil, false)
	return math.Exp(slope)
}

// Rate returns the factor by which one step of gradient descent, with a step size and momentum,
// shrinks the distance from a minimiser with this Hessian: the spectral radius of the iteration
// over the non-zero eigenvalues (in the null space nothing has to shrink). At 1 or above the
// descent diverges. It is NaN if there is no non-zero eigenvalue.
func (s Spectrum) Rate(rate, momentum float64) float64 {
	worst := math.NaN()
	for _, e := range s {
		if e.Value == 0 {
			continue
		}
		// Roots of z² − (1+μ−ηλ)z + μ.
		b := 1 + momentum - rate*e.Value
		radius := math.Sqrt(momentum)
		if disc := b*b - 4*momentum; disc >= 0 {
			radius = (math.Abs(b) + math.Sqrt(disc)) / 2
		}
		if !(radius <= worst) {
			worst = radius
		}
	}
	return worst
}

// BestRate returns the step size at which gradient descent converges fastest, 2/(λ_max+λ_min) over
// the non-zero eigenvalues, and its factor per step, (κ−1)/(κ+1). Both are NaN if the spectrum has
// no condition number.
func (s Spectrum) BestRate() (rate, factor float64) {
	k := s.Condition()
	top := math.NaN()
	if len(s) > 0 {
		top = s[len(s)-1].Value
	}
	return 2 / (top + top/k), (k - 1) / (k + 1)
}
