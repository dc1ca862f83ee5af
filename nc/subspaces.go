package nc

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// subspaces is what Project fixes. Forks of Residuals share it.
type subspaces struct {
	d      int
	n      int64
	unit   float64 // power of two that brings the features' spread near 1
	mean   []float64
	spread float64 // unit²·tr of the features' covariance
	quiet  float64 // squared length of unit·(h−h̄) up to which a sample may differ from h̄ by rounding alone
	// outside has the shares outside a subspace that are rounding, of h and of h−h̄.
	outside [2]float64
	// bases are the leading principal components and the rows of the weight, r×d
	// orthonormal; nil where there are none.
	bases   [2]basis
	summary RegressionSummary // what the first pass and the weight settle
}

// basis is r orthonormal vectors.
type basis struct {
	r    int
	rows []float64 // r×d
	mean []float64 // d, what is left of unit·mean outside
}

// Project ends the first pass: it fixes the subspaces that the second measures the features outside
// of. weight is the last layer, t×d row-major as PyTorch stores it, or nil: NRC2 and NRC3 are then
// not defined. A bias plays no part.
func (r *Regression) Project(weight []float64) (*Residuals, error) {
	n := r.features.seen()
	if n == 0 {
		return nil, errors.New("nc: no samples were added")
	}
	if weight != nil && len(weight) != r.t*r.d {
		return nil, fmt.Errorf("nc: weight has %d numbers, want t·d = %d·%d", len(weight), r.t, r.d)
	}
	for i, v := range weight {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("nc: weight of target %d, dimension %d is %v", i/r.d, i%r.d, v)
		}
	}
	r.features.flush()
	r.targets.flush()
	s := &subspaces{d: r.d, n: n, mean: r.features.average()}
	s.summary = RegressionSummary{N: int(n), D: r.d, T: r.t, Notes: map[string]string{}}
	for name, m := range map[string]*moments{"features": &r.features, "targets": &r.targets} {
		if t := m.scatter.trace(); math.IsNaN(t) || math.IsInf(t, 0) {
			return nil, fmt.Errorf("nc: the squares of the %s overflow float64; divide them by a constant", name)
		}
	}
	if s.unit = r.features.scatter.scale; s.unit == 0 { // all features are equal
		_, e := math.Frexp(floats.Norm(s.mean, math.Inf(1)))
		s.unit = math.Ldexp(1, -min(max(e, -1000), 1000))
	}
	s.spread = r.features.scatter.trace() / float64(n)
	offset := rounding * s.unit * floats.Norm(s.mean, 2)
	s.quiet = offset * offset
	s.outside[0] = rankTolerance(r.d) * rankTolerance(r.d)
	s.outside[1] = s.outside[0]
	if s.spread > 0 {
		varying := scaled(s.mean, s.unit)
		for j := range varying {
			if r.features.scatter.sum[j*r.d+j] == 0 {
				varying[j] = 0
			}
		}
		offset = rounding * floats.Norm(varying, 2)
		s.outside[1] += offset * offset / s.spread
	}
	if err := r.principal(s); err != nil {
		return nil, err
	}
	if err := r.rows(s, weight); err != nil {
		return nil, err
	}
	if err := r.structure(s, weight); err != nil {
		return nil, err
	}
	return newResiduals(s), nil
}

// principal sets the basis of the principal components.
func (r *Regression) principal(s *subspaces) error {
	sum := &s.summary
	if s.spread == 0 {
		sum.undefined("all features are equal: there are no principal components", "nrc1", "nrc1_centred",
			"explained_variance")
		return nil
	}
	want := min(r.t, r.d)
	values, vectors, ok := eigenvalues(r.d, r.features.scatter.square(s.unit, s.n), want)
	if !ok {
		return errors.New("nc: the eigenvalues of the features' covariance did not converge")
	}
	rank := 0
	for rank < want && values[rank] > rankTolerance(r.d)*values[0] {
		rank++
	}
	sum.ExplainedVariance = min(floats.Sum(values[:want])/s.spread, 1)
	switch {
	case r.t >= r.d:
		s.note(fmt.Sprintf("t = %d targets for d = %d dimensions: the principal components span all that the features "+
			"do", r.t, r.d), "nrc1", "nrc1_centred")
	case rank < want:
		s.note(fmt.Sprintf("the features vary in %d directions only, less than t = %d: NRC1 is to these", rank, r.t),
			"nrc1", "nrc1_centred")
	case values[want-1]-values[want] <= 1e-12*values[0]:
		s.note(fmt.Sprintf("principal components %d and %d have the same variance: which of them counts is open", want,
			want+1), "nrc1", "nrc1_centred")
	}
	s.bases[0] = s.basisOf(r.d, rank, vectors[:rank*r.d])
	return nil
}

func (s *subspaces) note(text string, names ...string) {
	for _, name := range names {
		s.summary.Notes[name] = text
	}
}

// basisOf returns the basis of r orthonormal rows.
func (s *subspaces) basisOf(d, r int, rows []float64) basis {
	b := basis{r: r, rows: rows, mean: make([]float64, d)}
	for j, v := range s.mean {
		b.mean[j] = v * s.unit
	}
	p := make([]float64, r)
	for i := range r {
		p[i] = floats.Dot(b.mean, rows[i*d:(i+1)*d])
	}
	for i := range r {
		floats.AddScaled(b.mean, -p[i], rows[i*d:(i+1)*d])
	}
	return b
}

// rows sets the basis of the weight's rows.
func (r *Regression) rows(s *subspaces, weight []float64) error {
	const why = "the weight is zero: its rows span nothing"
	if weight == nil {
		s.summary.undefined("no weight was given", "nrc2", "nrc2_centred", "nrc3", "nrc3_gamma")
		return nil
	}
	w := nearOne(weight)
	if w == nil {
		s.summary.undefined(why, "nrc2", "nrc2_centred", "nrc3", "nrc3_gamma")
		return nil
	}
	var svd mat.SVD
	if !svd.Factorize(mat.NewDense(r.t, r.d, w), mat.SVDThin) {
		return errors.New("nc: the singular values of the weight did not converge")
	}
	values := svd.Values(nil)
	rank := 0
	for rank < len(values) && values[rank] > leastSingular(r.t, r.d, values[0]) {
		rank++
	}
	var v mat.Dense
	svd.VTo(&v)
	rows := make([]float64, rank*r.d)
	for i := range rank {
		mat.Col(rows[i*r.d:(i+1)*r.d], i, &v)
	}
	if rank == r.d {
		s.note(fmt.Sprintf("the rows of the weight span all d = %d dimensions, so NRC2 is 0 whatever the features",
			r.d), "nrc2", "nrc2_centred")
	} else if rank < r.t {
		s.note(fmt.Sprintf("the rows of the weight span %d dimensions, less than t = %d", rank, r.t), "nrc2",
			"nrc2_centred")
	}
	s.bases[1] = s.basisOf(r.d, rank, rows)
	return nil
}

// nearOne returns v times a power of two that brings its largest magnitude near 1, or
// nil where that is 0.
func nearOne(v []float64) []float64 {
	largest := floats.Norm(v, math.Inf(1))
	if largest == 0 {
		return nil
	}
	_, e := math.Frexp(largest)
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = math.Ldexp(x, -e)
	}
	return out
}

// structure sets NRC3.
func (r *Regression) structure(s *subspaces, weight []float64) error {
	sum := &s.summary
	if sum.Notes["nrc3"] != "" {
		return nil
	}
	t := r.t
	scale := r.targets.scatter.scale
	if scale == 0 {
		sum.undefined("all targets are equal: Σ = 0", "nrc3", "nrc3_gamma")
		return nil
	}
	w := nearOne(weight)
	gram := make([]float64, t*t)
	product(t, t, r.d, w, w, gram)
	floats.Scale(1/floats.Norm(gram, 2), gram)
	values, vectors, ok := eigenvalues(t, r.targets.scatter.square(scale, s.n), t)
	if !ok {
		return errors.New("nc: the eigenvalues of the targets' covariance did not converge")
	}
	// Σ^{1/2} is the sum of √λ·vvᵀ.
	root := mat.NewDense(t, t, nil)
	for i, v := range values {
		if v <= rankTolerance(t)*values[0] {
			v = 0
		}
		values[i] = math.Sqrt(v)
		vector := mat.NewVecDense(t, vectors[i*t:(i+1)*t])
		root.RankOne(root, values[i], vector, vector)
	}
	var note string
	sum.NRC3, sum.NRC3Gamma, note = nrc3(t, gram, root.RawMatrix().Data, values[t-1])
	sum.NRC3 = settle(sum.NRC3, rankTolerance(t)*rankTolerance(t))
	sum.NRC3Gamma = sum.NRC3Gamma / scale / scale
	if note != "" {
		s.note(note, "nrc3", "nrc3_gamma")
	}
	return nil
}

// nrc3 minimises ‖A − (S−xI)/‖S−xI‖‖² over x in [0, least], for t×t matrices A of norm
// 1 and S symmetric of least eigenvalue least, and returns the minimum and its x².
//
// That is 2 − 2(p−qx)/√(s − 2τx + t x²) with p = ⟨A, S⟩, q = tr A, s = ‖S‖², τ = tr S.
// The derivative's numerator is linear in x: its zero and the ends are all that can
// be least.
func nrc3(t int, a, root []float64, least float64) (value, gamma float64, note string) {
	trace := func(m []float64) (sum float64) {
		for i := range t {
			sum += m[i*t+i]
		}
		return sum
	}
	shifted := func(x float64) []float64 {
		m := slices.Clone(root)
		for i := range t {
			m[i*t+i] -= x
		}
		return m
	}
	at := func(x float64) float64 {
		m := shifted(x)
		floats.Scale(1/floats.Norm(m, 2), m)
		return squaredDistance(a, m)
	}
	norm := floats.Norm(root, 2)
	tau := trace(root)
	if t == 1 {
		return 0, 0, "t = 1: NRC3 is 0 whatever the weight, and gamma any"
	}
	if floats.Norm(shifted(tau/float64(t)), 2) <= 1e-14*norm {
		return at(0), 0, "the targets are uncorrelated and of equal variance: NRC3 is the same for any gamma"
	}
	candidates := []float64{0, least}
	p, q := floats.Dot(a, root), trace(a)
	if x := (q*norm*norm - p*tau) / (q*tau - p*float64(t)); x > 0 && x < least {
		candidates = append(candidates, x)
	}
	if least == 0 {
		note = "the targets' covariance is singular, so gamma is 0"
	}
	value = math.Inf(1)
	for _, x := range candidates {
		if v := at(x); v < value {
			value, gamma = v, x*x
		}
	}
	return value, gamma, note
}
