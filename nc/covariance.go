package nc

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"github.com/gocollapse/collapse/internal/object"
)

// Covariance measures what needs the d×d within-class covariance
// Σ_W = (1/N) Σ (h_{k,i}−h̄_k)(h_{k,i}−h̄_k)ᵀ, which an Accumulator does not keep. It
// takes the samples once, beside or after the accumulator's second pass:
//
//	err = acc.BeginSecond()
//	cov, err := nc.NewCovariance(acc)
//	for batch := range batches {
//		err = acc.AddSecond(batch.Features, batch.Labels)
//		err = cov.Add(batch.Features, batch.Labels)
//	}
//	full, err := cov.Summary()
//
// Its memory is CovarianceBytes, its time N·d² and d³. Sums are in float64. It is not
// safe for concurrent use; see Fork.
type Covariance struct {
	acc *Accumulator // for K, d and the errors of its batches; its sums are not read
	*frame
	count   []int64 // K, of the first pass
	n       int64
	count2  []int64 // K, of this one
	n2      int64
	scatter scatter
}

// NewCovariance returns a Covariance around the class means of a. It is called after
// a.BeginSecond, whose samples it must see. The caller compares CovarianceBytes with
// the memory that there is.
func NewCovariance(a *Accumulator) (*Covariance, error) {
	if a.frame == nil {
		return nil, errors.New("nc: NewCovariance before BeginSecond, which fixes the class means")
	}
	if need := CovarianceBytes(a.d); need > maxBytes {
		return nil, fmt.Errorf("nc: a covariance of d = %d dimensions needs %d GiB, more than %d", a.d, need>>30, maxBytes>>30)
	}
	return &Covariance{
		acc: a, frame: a.frame, count: a.count, n: a.n, count2: make([]int64, a.k), scatter: newScatter(a.d),
	}, nil
}

// CovarianceBytes is the memory of a Covariance of d dimensions, its summary included.
func CovarianceBytes(d int) int64 { return scatterBytes(d) + 2*8*int64(d)*int64(d) }

// Add takes a batch: features are B×d row-major, labels B numbers in 0…K−1. Its
// errors are those of Accumulator.Add.
func (c *Covariance) Add(features []float32, labels []int32) error {
	return addCovariance(c, features, labels)
}

// Add64 is Add for features in float64.
func (c *Covariance) Add64(features []float64, labels []int32) error {
	return addCovariance(c, features, labels)
}

func addCovariance[F float32 | float64](c *Covariance, features []F, labels []int32) error {
	if err := check(c.acc, c.n2, features, labels); err != nil {
		return err
	}
	d := c.acc.d
	for _, y := range labels {
		c.count2[y]++
	}
	c.n2 += int64(len(labels))
	for len(labels) > 0 {
		m := min(blockRows-c.scatter.n, len(labels))
		gather(&c.scatter, m, features, func(i int) []float64 { return c.mean[int(labels[i])*d:][:d] })
		if c.scatter.n == blockRows {
			c.scatter.flush()
		}
		features, labels = features[m*d:], labels[m:]
	}
	return nil
}

// Fork returns an empty Covariance around the same means for a part of the samples,
// to be merged into c later.
func (c *Covariance) Fork() *Covariance {
	return &Covariance{
		acc: c.acc, frame: c.frame, count: c.count, n: c.n, count2: make([]int64, len(c.count)), scatter: newScatter(c.acc.d),
	}
}

// Merge adds what b has seen to c. Both must be of one accumulator, of its forks or
// of its state: around the same class means. b stands for the same afterwards.
func (c *Covariance) Merge(b *Covariance) error {
	if c == b {
		return errors.New("nc: a covariance cannot be merged into itself")
	}
	if c.frame != b.frame && !(slices.Equal(c.count, b.count) && slices.Equal(c.mean, b.mean)) {
		return errors.New("nc: cannot merge covariances around different class means; merge the first passes before NewCovariance")
	}
	for k, n := range b.count2 {
		c.count2[k] += n
	}
	c.n2 += b.n2
	c.scatter.merge(&b.scatter)
	return nil
}

// CovarianceSummary is what Covariance.Summary measures. A figure that is not
// defined for the input is NaN; Notes says why under its JSON name.
type CovarianceSummary struct {
	// SpectrumW are the d eigenvalues of Σ_W, falling, in squared units of the
	// features ("spectrum_w"). Those that rounding makes negative are 0.
	SpectrumW []float64
	// StableRankW is ‖X‖_F²/‖X‖₂² of the N×d matrix X of the h−h̄_k, which is
	// tr Σ_W over its largest eigenvalue, in [1, d] ("stable_rank_w").
	StableRankW float64
	// EffectiveRankW is the exponential of the entropy of X's singular values over
	// their sum (Roy and Vetterli 2007), in [1, d] ("effective_rank_w").
	EffectiveRankW float64
	// VCI is the variability collapse index of Xu and Liu ("Quantifying the
	// Variability Collapse of Neural Networks", 2023), 1 − tr(Σ_T†Σ_B)/rank Σ_B, in
	// [0, 1]; 0 is collapse ("vci"). Σ_T = Σ_W + Σ_B is the covariance of all
	// samples: here Σ_B = Σ_k (n_k/N)(h̄_k−h_G)(h̄_k−h_G)ᵀ with h_G the mean of all
	// samples, which for equally large classes is the Σ_B of NC1 and else is not.
	// No invertible linear map of the features changes it.
	VCI float64

	Notes map[string]string
}

// CovarianceMetrics returns the scalars of a CovarianceSummary in the order of its JSON.
func CovarianceMetrics() []Metric { return covarianceMetrics.texts() }

// Value returns the number of a key of CovarianceMetrics, such as "vci", and whether there is one.
func (s *CovarianceSummary) Value(key string) (float64, bool) { return covarianceMetrics.value(s, key) }

var covarianceMetrics = table[CovarianceSummary]{
	{Metric{Key: "vci", Symbol: "VCI", Range: "[0, 1]", Source: "Xu and Liu 2023",
		Equation: "1 − tr(Σ_T† Σ_B)/rank Σ_B",
		Meaning:  "variability collapse index; 0 is collapse",
	}, func(s *CovarianceSummary) *float64 { return &s.VCI }},
	{Metric{Key: "stable_rank_w", Symbol: "stable rank Σ_W", Range: "[1, d]",
		Equation: "tr Σ_W / λ_1(Σ_W)",
		Meaning:  "directions that the spread within classes uses, by its variance",
	}, func(s *CovarianceSummary) *float64 { return &s.StableRankW }},
	{Metric{Key: "effective_rank_w", Symbol: "effective rank Σ_W", Range: "[1, d]", Source: "Roy and Vetterli 2007",
		Equation: "exp of the entropy of √λ_i/Σ√λ, λ_i the eigenvalues of Σ_W",
		Meaning:  "directions that the spread within classes uses, by entropy",
	}, func(s *CovarianceSummary) *float64 { return &s.EffectiveRankW }},
}

// Summary returns the spectrum and VCI. It is an error if not all samples of the
// first pass were added, each once. More samples may be added afterwards.
func (c *Covariance) Summary() (*CovarianceSummary, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	s := &CovarianceSummary{StableRankW: math.NaN(), EffectiveRankW: math.NaN(), VCI: math.NaN(), Notes: map[string]string{}}
	if err := c.spectrum(s); err != nil {
		return nil, err
	}
	return s, c.vci(s)
}

// complete reports samples that are missing or there twice, and flushes the rest.
func (c *Covariance) complete() error {
	for k, n := range c.count {
		if c.count2[k] != n {
			return fmt.Errorf("nc: the covariance saw %d samples of class %d, the first pass %d; both must see the same", c.count2[k], k, n)
		}
	}
	c.scatter.flush()
	if t := c.scatter.trace(); math.IsNaN(t) || math.IsInf(t, 0) {
		return errors.New("nc: the squares of the features overflow float64; divide the features by a constant")
	}
	return nil
}

func (c *Covariance) spectrum(s *CovarianceSummary) error {
	d := c.acc.d
	if c.scatter.scale == 0 {
		s.SpectrumW = make([]float64, d)
		for _, name := range []string{"stable_rank_w", "effective_rank_w"} {
			s.Notes[name] = "all samples are at their class means, so Σ_W = 0"
		}
		return nil
	}
	values, _, ok := eigenvalues(d, c.scatter.square(c.scatter.scale, c.n), 0)
	if !ok {
		return errors.New("nc: the eigenvalues of Σ_W did not converge")
	}
	s.SpectrumW = values
	singular := make([]float64, d)
	for i, v := range s.SpectrumW {
		s.SpectrumW[i] = max(v, 0)
		singular[i] = math.Sqrt(s.SpectrumW[i])
	}
	s.StableRankW = floats.Sum(s.SpectrumW) / s.SpectrumW[0]
	s.EffectiveRankW = effectiveRank(singular)
	for i, v := range s.SpectrumW {
		s.SpectrumW[i] = v / c.scatter.scale / c.scatter.scale
	}
	if math.IsInf(s.SpectrumW[0], 0) {
		s.SpectrumW = nil
		s.Notes["spectrum_w"] = "the squares of the features overflow float64"
	}
	return nil
}

// between returns unit, a power of two that brings the larger of Σ_W and Σ_B near 1,
// and unit·(h̄_k−h_G) for h_G the mean of all samples, K×d.
func (c *Covariance) between() (unit float64, means []float64) {
	unit = c.scale
	if c.scatter.scale != 0 {
		unit = min(unit, c.scatter.scale)
	}
	means = slices.Clone(c.centred)
	floats.Scale(unit/c.scale, means)
	d := c.acc.d
	shift := make([]float64, d) // not 0 where the accumulator's h_G is the mean over classes
	for k, n := range c.count {
		floats.AddScaled(shift, float64(n)/float64(c.n), means[k*d:(k+1)*d])
	}
	for k := range c.count {
		floats.Sub(means[k*d:(k+1)*d], shift)
	}
	return unit, means
}

// addSquare adds Σ_k x_k x_kᵀ of the rows of x (k×d) to the full matrix m.
func addSquare(k, d int, x, m []float64) {
	t := make([]float64, d*k)
	for c := range k {
		for j := range d {
			t[j*k+c] = x[c*d+j]
		}
	}
	row := make([]float64, min(d, 64)*d)
	for from := 0; from < d; from += 64 {
		n := min(64, d-from)
		product(n, d, k, t[from*k:], t, row)
		floats.Add(m[from*d:(from+n)*d], row[:n*d])
	}
}

func (c *Covariance) vci(s *CovarianceSummary) error {
	k, d := c.acc.k, c.acc.d
	switch {
	case k == 1:
		s.Notes["vci"] = "K = 1: there are no other classes"
		return nil
	case c.rank == 0:
		s.Notes["vci"] = "all class means are equal, so Σ_B = 0"
		return nil
	}
	unit, x := c.between()
	for y, n := range c.count {
		floats.Scale(math.Sqrt(float64(n)/float64(c.n)), x[y*d:(y+1)*d])
	}
	total := c.scatter.square(unit, c.n)
	addSquare(k, d, x, total)
	p := factorPivoted(d, total)
	z := p.pick(k, x)
	p.solveHalf(k, z)
	s.VCI = max(1-floats.Dot(z, z)/float64(c.rank), 0)
	if math.IsNaN(s.VCI) {
		return errors.New("nc: the total covariance is not positive semidefinite")
	}
	return nil
}

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
// not span all dimensions W_LS is not unique, but the figures are. It is an error if
// not all samples were added, each once.
func (c *Covariance) MSE(clf *Classifier, lambda float64) (*MSEDecomposition, error) {
	k, d := c.acc.k, c.acc.d
	if clf == nil {
		return nil, errors.New("nc: the MSE decomposition needs a classifier")
	}
	if err := clf.check(k, d); err != nil {
		return nil, err
	}
	if !(lambda >= 0) || math.IsInf(lambda, 0) {
		return nil, fmt.Errorf("nc: weight decay lambda is %v, want a number of at least 0", lambda)
	}
	if err := c.complete(); err != nil {
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
	within := c.scatter.square(unit, c.n)

	// For fixed W the best bias is that of b + W h_G = (ȳ + λ W h_G)/(1+λ). With it
	// W solves W(Σ_T + λI + μ h_G h_Gᵀ) = C + μ ȳ h_Gᵀ, μ = λ/(1+λ) and C the
	// covariance of y and h.
	mu, decay := lambda/(1+lambda), lambda*unit*unit
	if math.IsInf(decay, 0) || floats.Norm(global, 2) > 1e150 {
		return nil, fmt.Errorf("nc: the features' spread of about %.2g is too small beside their mean or the weight decay lambda = %v", 1/unit, lambda)
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
	m.LS = m.NC1 + m.NC23
	for _, v := range []float64{m.Loss, m.LS, m.Perp} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, errors.New("nc: the mean squared error overflows float64; divide the features by a constant")
		}
	}
	return m, nil
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
