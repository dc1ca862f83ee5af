package nc

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// Covariance measures what needs the d×d within-class covariance
// Σ_W = (1/N) Σ (h_{k,i}−h̄_k)(h_{k,i}−h̄_k)ᵀ, which a Scatter does not keep. It
// takes the samples once, together with the second pass or after it:
//
//	scatter, err := sums.Centre(nil)
//	cov, err := nc.NewCovariance(scatter)
//	for batch := range batches {
//		err = scatter.Add(batch)
//		err = cov.Add(batch)
//	}
//	full, err := cov.Summary()
//
// Its memory is CovarianceBytes, its time N·d² and d³. Sums are in float64. It is not
// safe for concurrent use; see Fork.
type Covariance struct {
	classSums // of the first pass; not written to
	*means
	count2  []int64 // K, of this one
	n2      int64
	scatter outerSum
}

// NewCovariance returns a Covariance around the class means of a, whose samples it must see. The
// caller compares CovarianceBytes with the memory that there is.
func NewCovariance(a *Scatter) (*Covariance, error) {
	if need := CovarianceBytes(a.d); need > maxBytes {
		return nil, fmt.Errorf("nc: a covariance of d = %d dimensions needs %d GiB, more than %d", a.d, need>>30,
			maxBytes>>30)
	}
	return newCovariance(a.classSums, a.means), nil
}

func newCovariance(sums classSums, f *means) *Covariance {
	return &Covariance{classSums: sums, means: f, count2: make([]int64, sums.k), scatter: newOuterSum(sums.d)}
}

// CovarianceBytes is the memory of a Covariance of d dimensions, its summary included.
func CovarianceBytes(d int) int64 { return outerSumBytes(d) + 2*8*int64(d)*int64(d) }

// Add takes a batch. Its errors are those of Sums.Add.
func (c *Covariance) Add(b Batch) error {
	if len(b.wide) > 0 {
		return addCovariance(c, b.wide, b.Labels)
	}
	return addCovariance(c, b.narrow, b.Labels)
}

func addCovariance[F float32 | float64](c *Covariance, features []F, labels []int32) error {
	if err := check(&c.classSums, c.n2, features, labels); err != nil {
		return err
	}
	d := c.d
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

// Fork returns an empty Covariance around the same means for a part of the samples, to be merged
// into c.
func (c *Covariance) Fork() *Covariance { return newCovariance(c.classSums, c.means) }

// Merge adds what b has seen to c. Both must be around the same class means: of one
// Scatter, of its forks or of its state. b is for the same samples afterwards.
func (c *Covariance) Merge(b *Covariance) error {
	if c == b {
		return errors.New("nc: a covariance cannot be merged into itself")
	}
	if c.means != b.means && !(slices.Equal(c.count, b.count) && slices.Equal(c.mean, b.mean)) {
		return errors.New("nc: cannot merge covariances around different class means; merge the first passes before " +
			"NewCovariance")
	}
	for k, n := range b.count2 {
		c.count2[k] += n
	}
	c.n2 += b.n2
	c.scatter.merge(&b.scatter)
	return nil
}

// CovarianceSummary is what Covariance.Summary measures. A metric that is not
// defined for the input is NaN; Notes says why under its JSON name.
type CovarianceSummary struct {
	// SpectrumW are the d eigenvalues of Σ_W, descending, in squared units of the
	// features ("spectrum_w"). Those that are rounding are 0.
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
	s := &CovarianceSummary{StableRankW: math.NaN(), EffectiveRankW: math.NaN(), VCI: math.NaN(),
		Notes: map[string]string{}}
	if err := c.spectrum(s); err != nil {
		return nil, err
	}
	return s, c.vci(s)
}

// complete reports samples that are missing or there twice, and flushes the rest.
func (c *Covariance) complete() error {
	for k, n := range c.count {
		if c.count2[k] != n {
			return fmt.Errorf("nc: the covariance saw %d samples of class %d, the first pass %d; both must see "+
				"the same", c.count2[k], k, n)
		}
	}
	c.scatter.flush()
	if t := c.scatter.trace(); math.IsNaN(t) || math.IsInf(t, 0) {
		return errors.New("nc: the squares of the features overflow float64; divide the features by a constant")
	}
	return nil
}

func (c *Covariance) spectrum(s *CovarianceSummary) error {
	d := c.d
	within, zero := c.within(c.scatter.scale)
	if zero {
		s.SpectrumW = make([]float64, d)
		for _, name := range []string{"stable_rank_w", "effective_rank_w"} {
			s.Notes[name] = "all samples are at their class means, so Σ_W = 0"
		}
		return nil
	}
	values, _, ok := eigenvalues(d, within, 0)
	if !ok {
		return errors.New("nc: the eigenvalues of Σ_W did not converge")
	}
	s.SpectrumW = values
	singular := make([]float64, d)
	for i, v := range s.SpectrumW {
		s.SpectrumW[i] = settle(max(v, 0), rankTolerance(d)*s.SpectrumW[0])
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
	d := c.d
	shift := make([]float64, d) // not 0 where the Scatter's h_G is the mean over classes
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
	k, d := c.k, c.d
	switch {
	case k == 1:
		s.Notes["vci"] = "K = 1: there are no other classes"
		return nil
	case !c.differ(c.spread()):
		s.Notes["vci"] = "all class means are equal, so Σ_B = 0"
		return nil
	}
	unit, x := c.between()
	for y, n := range c.count {
		floats.Scale(math.Sqrt(float64(n)/float64(c.n)), x[y*d:(y+1)*d])
	}
	total, zero := c.within(unit)
	if zero {
		s.VCI = 0
		return nil
	}
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
