package nc

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"github.com/gocollapse/collapse/internal/object"
)

// An MSEDecomposition splits the mean squared error of a classifier after Han, Papyan
// and Donoho ("Neural Collapse Under MSE Loss: Proximity to and Dynamics on the
// Central Path", 2022). With y the one-hot vector of a sample's class,
//
//	Loss = ½ Ave ‖W h + b − y‖² + (λ/2)(‖W‖² + ‖b‖²) = LS + Perp = NC1 + NC23 + Perp.
//
// In their terms features are extended by a 1 and the bias belongs to W, penalised
// with it. The average is over all N samples; where they write (1/C) Σ_c for equally
// large classes, here n_k/N weighs class k, with which the decomposition holds for
// any.
type MSEDecomposition struct {
	Loss float64 // of the classifier
	// LS is the loss of the least-squares classifier W_LS, the best for these
	// features and λ.
	LS float64
	// NC1 = ½ tr(W_LS(Σ_W + λI)W_LSᵀ) goes to 0 with the variability within classes
	// and λ.
	NC1 float64
	// NC23 = ½ Σ_k (n_k/N) ‖W_LS h̄_k + b_LS − e_k‖² goes to 0 where the class means
	// and W_LS become a simplex ETF and its dual.
	NC23 float64
	// Perp is how much more the classifier loses than W_LS: ½ tr(Δ(S + λI)Δᵀ) with
	// Δ = W − W_LS and S the mean of ĥĥᵀ over extended features. 0 on the central path.
	Perp float64
}

// MSEMetrics returns the scalars of an MSEDecomposition in the order of its JSON, under "mse".
func MSEMetrics() []Metric { return mseMetrics.texts() }

// Value returns the number of a key of MSEMetrics, such as "loss", and whether there is one.
func (m *MSEDecomposition) Value(key string) (float64, bool) { return mseMetrics.value(m, key) }

var mseMetrics = table[MSEDecomposition]{
	{Metric{Key: "loss", Symbol: "MSE loss", Range: "≥ 0", Source: "Han et al. 2022",
		Equation: "½ mean ‖Wh + b − e_y‖² + (λ/2)(‖W‖² + ‖b‖²)",
		Meaning:  "with one-hot targets and weight decay λ: NC1 part + NC2/3 part + L_⊥ part",
	}, func(m *MSEDecomposition) *float64 { return &m.Loss }},
	{Metric{Key: "ls", Symbol: "MSE loss of W_LS", Range: "≥ 0", Source: "Han et al. 2022",
		Equation: "the loss of the least-squares classifier W_LS",
		Meaning:  "the loss of the best classifier for these features: NC1 part + NC2/3 part",
	}, func(m *MSEDecomposition) *float64 { return &m.LS }},
	{Metric{Key: "nc1", Symbol: "NC1 part of the MSE loss", Range: "≥ 0", Source: "Han et al. 2022",
		Equation: "½ tr(W_LS(Σ_W + λI)W_LSᵀ)",
		Meaning:  "what the spread within classes costs",
	}, func(m *MSEDecomposition) *float64 { return &m.NC1 }},
	{Metric{Key: "nc23", Symbol: "NC2/3 part of the MSE loss", Range: "≥ 0", Source: "Han et al. 2022",
		Equation: "½ Σ_k (n_k/N) ‖W_LS h̄_k + b_LS − e_k‖²",
		Meaning:  "what class means cost that are no simplex ETF",
	}, func(m *MSEDecomposition) *float64 { return &m.NC23 }},
	{Metric{Key: "perp", Symbol: "L_⊥ part of the MSE loss", Range: "≥ 0", Source: "Han et al. 2022",
		Equation: "½ tr(Δ(S + λI)Δᵀ), Δ = W − W_LS",
		Meaning:  "what the classifier loses compared with W_LS",
	}, func(m *MSEDecomposition) *float64 { return &m.Perp }},
}

// MarshalJSON writes an object with every number under its key.
func (m *MSEDecomposition) MarshalJSON() ([]byte, error) {
	var o object.Object
	mseMetrics.write(m, &o)
	return o.JSON()
}

// MSE decomposes the loss of a classifier (a nil bias counts as 0) for the weight
// decay lambda ≥ 0, that of ‖W‖² + ‖b‖² over 2. With lambda = 0 and features that do
// not span all dimensions W_LS is not unique, but the metrics are. It is an error if
// not all samples were added, each once.
func (c *Covariance) MSE(clf *Classifier, lambda float64) (*MSEDecomposition, error) {
	k, d := c.k, c.d
	if err := c.checkMSE(clf, lambda); err != nil {
		return nil, err
	}
	unit, u := c.between() // all features below are unit·(h−h_G), which W over unit maps to the same
	share, root := make([]float64, k), make([]float64, k)
	for y, n := range c.count {
		share[y] = float64(n) / float64(c.n)
		root[y] = math.Sqrt(share[y])
	}
	global := make([]float64, d)
	for y := range k {
		floats.AddScaled(global, share[y]*unit, c.mean[y*d:(y+1)*d])
	}
	within, still := c.within(unit)

	// For fixed W the best bias is that of b + W h_G = (ȳ + λ W h_G)/(1+λ). With it
	// W solves W(Σ_T + λI + μ h_G h_Gᵀ) = C + μ ȳ h_Gᵀ, μ = λ/(1+λ) and C the
	// covariance of y and h.
	mu, decay := lambda/(1+lambda), lambda*unit*unit
	if math.IsInf(decay, 0) || floats.Norm(global, 2) > 1e150 {
		return nil, fmt.Errorf("nc: the features' spread of about %.2g is too small next to their mean or the weight "+
			"decay lambda = %v", 1/unit, lambda)
	}
	a := slices.Clone(within)
	weighted, right := slices.Clone(u), slices.Clone(u)
	for y := range k {
		floats.Scale(root[y], weighted[y*d:(y+1)*d])
		floats.Scale(share[y], right[y*d:(y+1)*d])
		floats.AddScaled(right[y*d:(y+1)*d], mu*share[y], global)
	}
	addSquare(k, d, weighted, a)
	for j := range d {
		a[j*d+j] += decay
		floats.AddScaled(a[j*d:(j+1)*d], mu*global[j], global)
	}
	w := factorPivoted(d, a).solve(k, right) // W_LS over unit
	best := layer{w: w, at: make([]float64, k), bias: make([]float64, k)}
	given := layer{w: make([]float64, k*d), at: make([]float64, k), bias: make([]float64, k)}
	for y := range k {
		wg := floats.Dot(w[y*d:(y+1)*d], global)
		best.at[y] = (share[y] + lambda*wg) / (1 + lambda)
		best.bias[y] = best.at[y] - wg
		if clf.B != nil {
			given.bias[y] = clf.B[y]
		}
		for j := range d {
			given.w[y*d+j] = clf.W[y*d+j] / unit
		}
		given.at[y] = floats.Dot(given.w[y*d:(y+1)*d], global) + given.bias[y]
	}
	apart := layer{w: make([]float64, k*d), at: make([]float64, k), bias: make([]float64, k)}
	floats.SubTo(apart.w, given.w, best.w)
	floats.SubTo(apart.at, given.at, best.at)
	floats.SubTo(apart.bias, given.bias, best.bias)

	l := lossOf{k: k, d: d, within: within, means: u, share: share, lambda: lambda, decay: decay}
	m := &MSEDecomposition{
		Loss: l.spread(given) + l.misfit(given, 1),
		NC1:  l.spread(best),
		NC23: l.misfit(best, 1),
		Perp: l.spread(apart) + l.misfit(apart, 0),
	}
	if still && lambda == 0 && c.rank == k-1 {
		m.NC1, m.NC23 = 0, 0 // an affine map takes K independent points to any others
	}
	m.LS = m.NC1 + m.NC23
	for _, v := range []float64{m.Loss, m.LS, m.Perp} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, errors.New("nc: the mean squared error overflows float64; divide the features by a constant")
		}
	}
	return m, nil
}

// checkMSE reports what MSE cannot decompose.
func (c *Covariance) checkMSE(clf *Classifier, lambda float64) error {
	if clf == nil {
		return errors.New("nc: the MSE decomposition needs a classifier")
	}
	if err := clf.check(c.k, c.d); err != nil {
		return err
	}
	if !(lambda >= 0) || math.IsInf(lambda, 0) {
		return fmt.Errorf("nc: weight decay lambda is %v, want a number of at least 0", lambda)
	}
	return c.complete()
}

// layer is a classifier of features around the global mean: W over unit, its output at
// the global mean, and its bias at the origin.
type layer struct{ w, at, bias []float64 }

// lossOf is what the parts of the MSE are of.
type lossOf struct {
	k, d          int
	within, means []float64 // unit²·Σ_W, unit·(h̄_k−h_G)
	share         []float64 // n_k/N
	lambda, decay float64   // λ, λ·unit²
}

// spread returns ½ tr(W Σ_W Wᵀ) + (λ/2)(‖W‖² + ‖b‖²), which rounding must not make
// negative.
func (l *lossOf) spread(f layer) float64 {
	ws := make([]float64, l.k*l.d)
	product(l.k, l.d, l.d, f.w, l.within, ws)
	return 0.5 * (max(floats.Dot(f.w, ws), 0) + l.decay*floats.Dot(f.w, f.w) + l.lambda*floats.Dot(f.bias, f.bias))
}

// misfit returns ½ Σ_k (n_k/N) ‖W h̄_k + b − target·e_k‖².
func (l *lossOf) misfit(f layer, target float64) float64 {
	out := make([]float64, l.k*l.k) // row y: at the mean of class y
	product(l.k, l.k, l.d, l.means, f.w, out)
	var sum float64
	for y := range l.k {
		row := out[y*l.k : (y+1)*l.k]
		floats.Add(row, f.at)
		row[y] -= target
		sum += 0.5 * l.share[y] * floats.Dot(row, row)
	}
	return sum
}
