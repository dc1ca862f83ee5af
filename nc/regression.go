package nc

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gocollapse/collapse/internal/object"
)

// Regression measures neural regression collapse (Andriopoulos, Dong, Guo, Zhao and
// Ross, "The Prevalence of Neural Collapse in Neural Multivariate Regression", 2024)
// on a stream of features h_i ∈ ℝ^d and targets y_i ∈ ℝ^t, in two passes:
//
//	reg, err := nc.NewRegression(d, t)
//	for batch := range batches { err = reg.Add(batch.Features, batch.Targets) }
//	err = reg.BeginSecond(weight)
//	for batch := range batches { err = reg.AddSecond(batch.Features) }
//	sum, err := reg.Summary()
//
// The first pass keeps both means and both covariances, the second what is left of
// each feature outside the subspaces that these and the weight fix. Memory is
// RegressionBytes, time N·d² and d³. Sums are in float64. It is not safe for
// concurrent use; see Fork.
type Regression struct {
	d, t     int
	features moments
	targets  moments

	*subspaces          // nil in the first pass
	n2         int64    // samples of the second pass
	left       [4]exact // sums of nrc1, nrc2 and both centred
	none       [2]int64 // samples of length 0, not centred and centred
	drift      []float64
	block      []float64 // rows×d
	proj       []float64 // rows×(directions of a subspace)
}

// subspaces is what BeginSecond fixes. Forks share it.
type subspaces struct {
	n      int64
	unit   float64 // power of two that brings the features' spread near 1
	mean   []float64
	spread float64 // unit²·tr of the features' covariance
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

// RegressionSummary is what Regression.Summary measures. A figure that is not defined
// for the input is NaN, and Notes holds the reason under the metric's JSON name;
// Notes also holds what a reader must know of a figure that is defined.
//
// The definitions are those of Sec. 3.1 of the paper of 2024, whose features are
// normalised without centring (h̃ = h/‖h‖), while the principal components are those
// of the covariance, around the mean; the distances are squared. The centred forms,
// with h̃ = (h−h̄)/‖h−h̄‖, are of the same group's later work ("Geometric Analysis of
// Neural Regression Collapse via Intrinsic Dimension", 2025).
type RegressionSummary struct {
	N, D, T int // samples, dimension of features, of targets

	// NRC1 is the mean of ‖h̃ − P h̃‖² over samples, with P the projection on the
	// first t principal components of the features; in [0, 1], 0 is collapse.
	// A sample with h = 0 has no direction and is left out.
	NRC1 float64
	// NRC2 is the same with P the projection on the t rows of the weight W.
	NRC2 float64
	// NRC3 is the least value over γ in [0, λ_min] of
	// ‖WWᵀ/‖WWᵀ‖_F − (Σ^{1/2}−√γ I)/‖Σ^{1/2}−√γ I‖_F‖_F², with Σ the covariance of the
	// targets (over N) and λ_min its least eigenvalue; in [0, 4], 0 is collapse.
	// NRC3Gamma is the γ, in squared units of the targets. Both are exact: as a
	// function of √γ there is one stationary point, in closed form.
	NRC3, NRC3Gamma float64
	// NRC1Centred and NRC2Centred are NRC1 and NRC2 of h̃ = (h−h̄)/‖h−h̄‖.
	NRC1Centred, NRC2Centred float64
	// ExplainedVariance is the share, in [0, 1], of the features' variance along their
	// first t principal components; 1 is collapse.
	ExplainedVariance float64

	Notes map[string]string
}

// RegressionMetrics returns the scalars of a RegressionSummary in the order of its JSON object.
func RegressionMetrics() []Metric { return regressionMetrics.texts() }

// Value returns the number of a key of RegressionMetrics, such as "nrc1", and whether there is one.
func (s *RegressionSummary) Value(key string) (float64, bool) { return regressionMetrics.value(s, key) }

var regressionMetrics = table[RegressionSummary]{
	{Metric{Key: "nrc1", Symbol: "NRC1", Range: "[0, 1]",
		Equation: "mean of ‖h̃ − P h̃‖², h̃ = h/‖h‖, P onto the first t principal components",
		Meaning:  "share of the features' directions outside their first t principal components; 0 is collapse",
	}, func(s *RegressionSummary) *float64 { return &s.NRC1 }},
	{Metric{Key: "nrc2", Symbol: "NRC2", Range: "[0, 1]",
		Equation: "mean of ‖h̃ − P h̃‖², h̃ = h/‖h‖, P onto the rows of W",
		Meaning:  "share of the features' directions outside the rows of W; 0 is collapse",
	}, func(s *RegressionSummary) *float64 { return &s.NRC2 }},
	{Metric{Key: "nrc3", Symbol: "NRC3", Range: "[0, 4]",
		Equation: "min over γ of ‖WWᵀ/‖WWᵀ‖_F − (Σ^{1/2} − √γ I)/‖Σ^{1/2} − √γ I‖_F‖_F²",
		Meaning:  "squared distance of WWᵀ from Σ^{1/2} − √γ I, each over its norm, at the best γ; 0 is collapse",
	}, func(s *RegressionSummary) *float64 { return &s.NRC3 }},
	{Metric{Key: "nrc3_gamma", Symbol: "γ of NRC3", Range: "[0, λ_min(Σ)]",
		Equation: "argmin over γ of NRC3",
		Meaning:  "the best γ, in squared units of the targets, whose covariance is Σ",
	}, func(s *RegressionSummary) *float64 { return &s.NRC3Gamma }},
	{Metric{Key: "nrc1_centred", Symbol: "NRC1, centred", Range: "[0, 1]",
		Equation: "mean of ‖h̃ − P h̃‖², h̃ = (h − h̄)/‖h − h̄‖",
		Meaning:  "NRC1 of the features less their mean",
	}, func(s *RegressionSummary) *float64 { return &s.NRC1Centred }},
	{Metric{Key: "nrc2_centred", Symbol: "NRC2, centred", Range: "[0, 1]",
		Equation: "mean of ‖h̃ − P h̃‖², h̃ = (h − h̄)/‖h − h̄‖",
		Meaning:  "NRC2 of the features less their mean",
	}, func(s *RegressionSummary) *float64 { return &s.NRC2Centred }},
	{Metric{Key: "explained_variance", Symbol: "explained variance", Range: "[0, 1]",
		Equation: "Σ_{i ≤ t} λ_i / Σ_i λ_i, λ_i of the features' covariance in descending order",
		Meaning:  "share of the features' variance along their first t principal components; 1 is collapse",
	}, func(s *RegressionSummary) *float64 { return &s.ExplainedVariance }},
}

// MarshalJSON writes one object with n, d, t, every figure under its name, null where
// it is not defined, and notes.
func (s *RegressionSummary) MarshalJSON() ([]byte, error) {
	var o object.Object
	o.Field("n", s.N)
	o.Field("d", s.D)
	o.Field("t", s.T)
	regressionMetrics.write(s, &o)
	notes := s.Notes
	if notes == nil {
		notes = map[string]string{}
	}
	o.Field("notes", notes)
	return o.JSON()
}

func (s *RegressionSummary) undefined(why string, keys ...string) {
	for _, key := range keys {
		*regressionMetrics.field(s, key) = math.NaN()
		s.Notes[key] = why
	}
}

// NewRegression returns a Regression for features of dimension d and targets of
// dimension t. It is an error if one is less than 1 or RegressionBytes is over 16 GiB.
func NewRegression(d, t int) (*Regression, error) {
	if d < 1 || t < 1 {
		return nil, fmt.Errorf("nc: want at least one dimension of features and of targets, found d = %d, t = %d", d, t)
	}
	if float64(d)*float64(d)+float64(t)*float64(t) > maxBytes/8 || RegressionBytes(d, t) > maxBytes {
		return nil, fmt.Errorf("nc: the covariances of d = %d features and t = %d targets need more than %d GiB", d, t, maxBytes>>30)
	}
	return &Regression{d: d, t: t, features: newMoments(d), targets: newMoments(t)}, nil
}

// RegressionBytes is the memory of a Regression of d features and t targets.
func RegressionBytes(d, t int) int64 {
	square := 8 * (int64(d)*int64(d) + int64(t)*int64(t))
	return scatterBytes(d) + scatterBytes(t) + 3*square + 8*(1<<20)
}

// D returns the dimension of the features.
func (r *Regression) D() int { return r.d }

// T returns the dimension of the targets.
func (r *Regression) T() int { return r.t }

// Add takes a batch of the first pass: features are B×d, targets B×t, row-major. A
// NaN or an infinity is an error that names the sample, counted from 0 over all
// batches; nothing of the batch is added then.
func (r *Regression) Add(features, targets []float32) error {
	return addRegression(r, features, targets)
}

// Add64 is Add for numbers in float64.
func (r *Regression) Add64(features, targets []float64) error {
	return addRegression(r, features, targets)
}

func addRegression[F float32 | float64](r *Regression, features, targets []F) error {
	if r.subspaces != nil {
		return errors.New("nc: Add after BeginSecond; the second pass takes AddSecond")
	}
	n := len(features) / r.d
	if len(features) != n*r.d || len(targets) != n*r.t {
		return fmt.Errorf("nc: batch has %d features and %d targets, want B·d and B·t for one B (d = %d, t = %d)",
			len(features), len(targets), r.d, r.t)
	}
	base := r.features.seen()
	if err := checkFinite(r.d, base, features); err != nil {
		return err
	}
	for i, y := range targets {
		if y-y != 0 {
			return fmt.Errorf("nc: target %d of sample %d is %v; targets must be finite numbers", i%r.t, base+int64(i/r.t), y)
		}
	}
	addMoments(&r.features, n, features)
	addMoments(&r.targets, n, targets)
	return nil
}

// BeginSecond ends the first pass. weight is the last layer, t×d row-major as PyTorch
// stores it, or nil: NRC2 and NRC3 are not defined then. A bias plays no part.
func (r *Regression) BeginSecond(weight []float64) error {
	if r.subspaces != nil {
		return errors.New("nc: BeginSecond was called before")
	}
	n := r.features.seen()
	if n == 0 {
		return errors.New("nc: no samples were added")
	}
	if weight != nil && len(weight) != r.t*r.d {
		return fmt.Errorf("nc: weight has %d numbers, want t·d = %d·%d", len(weight), r.t, r.d)
	}
	for i, v := range weight {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("nc: weight of target %d, dimension %d is %v", i/r.d, i%r.d, v)
		}
	}
	r.features.flush()
	r.targets.flush()
	s := &subspaces{n: n, mean: r.features.average()}
	s.summary = RegressionSummary{N: int(n), D: r.d, T: r.t, Notes: map[string]string{}}
	for name, m := range map[string]*moments{"features": &r.features, "targets": &r.targets} {
		if t := m.scatter.trace(); math.IsNaN(t) || math.IsInf(t, 0) {
			return fmt.Errorf("nc: the squares of the %s overflow float64; divide them by a constant", name)
		}
	}
	if s.unit = r.features.scatter.scale; s.unit == 0 { // all features are equal
		_, e := math.Frexp(floats.Norm(s.mean, math.Inf(1)))
		s.unit = math.Ldexp(1, -min(max(e, -1000), 1000))
	}
	s.spread = r.features.scatter.trace() / float64(n)
	if err := r.principal(s); err != nil {
		return err
	}
	if err := r.rows(s, weight); err != nil {
		return err
	}
	if err := r.structure(s, weight); err != nil {
		return err
	}
	r.start(s)
	return nil
}

func (r *Regression) start(s *subspaces) {
	r.subspaces = s
	r.drift = make([]float64, r.d)
	rows := min(max(1<<18/r.d, 16), 4096)
	r.block = make([]float64, rows*r.d)
	r.proj = make([]float64, rows*max(s.bases[0].r, s.bases[1].r))
}

// rankTolerance is what an eigenvalue of a d×d covariance must be over, relative to
// the largest, to be more than rounding.
func rankTolerance(d int) float64 { return 16 * float64(d) * 0x1p-52 }

// principal sets the basis of the principal components.
func (r *Regression) principal(s *subspaces) error {
	sum := &s.summary
	if s.spread == 0 {
		sum.undefined("all features are equal: there are no principal components", "nrc1", "nrc1_centred", "explained_variance")
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
		s.note(fmt.Sprintf("t = %d targets for d = %d dimensions: the principal components span all that the features do", r.t, r.d), "nrc1", "nrc1_centred")
	case rank < want:
		s.note(fmt.Sprintf("the features vary in %d directions only, less than t = %d: NRC1 is to these", rank, r.t), "nrc1", "nrc1_centred")
	case values[want-1]-values[want] <= 1e-12*values[0]:
		s.note(fmt.Sprintf("principal components %d and %d have the same variance: which of them counts is open", want, want+1), "nrc1", "nrc1_centred")
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
	for rank < len(values) && values[rank] > values[0]*float64(max(r.t, r.d))*0x1p-52 {
		rank++
	}
	var v mat.Dense
	svd.VTo(&v)
	rows := make([]float64, rank*r.d)
	for i := range rank {
		mat.Col(rows[i*r.d:(i+1)*r.d], i, &v)
	}
	if rank == r.d {
		s.note(fmt.Sprintf("the rows of the weight span all d = %d dimensions, so NRC2 is 0 whatever the features", r.d), "nrc2", "nrc2_centred")
	} else if rank < r.t {
		s.note(fmt.Sprintf("the rows of the weight span %d dimensions, less than t = %d", rank, r.t), "nrc2", "nrc2_centred")
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

// AddSecond takes a batch of the second pass (B×d row-major), which must see the
// features of the first once more, in any order and in batches of any size. Its
// errors are those of Add.
func (r *Regression) AddSecond(features []float32) error {
	return addSecondRegression(r, features)
}

// AddSecond64 is AddSecond for features in float64.
func (r *Regression) AddSecond64(features []float64) error {
	return addSecondRegression(r, features)
}

func addSecondRegression[F float32 | float64](r *Regression, features []F) error {
	if r.subspaces == nil {
		return errors.New("nc: AddSecond before BeginSecond, which fixes the subspaces")
	}
	d := r.d
	if len(features)%d != 0 {
		return fmt.Errorf("nc: batch has %d features, want B·d (d = %d)", len(features), d)
	}
	if err := checkFinite(d, r.n2, features); err != nil {
		return err
	}
	for len(features) > 0 {
		n := min(len(r.block), len(features)) / d
		secondRegression(r, n, features)
		features = features[n*d:]
	}
	return nil
}

// secondRegression adds n samples, which fit into the block.
func secondRegression[F float32 | float64](r *Regression, n int, features []F) {
	d := r.d
	raw, centred := make([]float64, n), make([]float64, n) // squared lengths
	parallel(n, n*d, func(from, to int) {
		for i := from; i < to; i++ {
			row := r.block[i*d : (i+1)*d]
			for j, x := range features[i*d : (i+1)*d] {
				v := float64(x) * r.unit
				raw[i] += v * v
				row[j] = (float64(x) - r.mean[j]) * r.unit
			}
			centred[i] = floats.Dot(row, row)
		}
	})
	for i := range n {
		floats.Add(r.drift, r.block[i*d:(i+1)*d])
		if raw[i] == 0 {
			r.none[0]++
		}
		if centred[i] == 0 {
			r.none[1]++
		}
	}
	for b, basis := range r.bases {
		if basis.r == 0 {
			continue
		}
		product(n, basis.r, d, r.block, basis.rows, r.proj)
		shares := make([][2]float64, n)
		parallel(n, n*d*basis.r, func(from, to int) {
			outside := make([]float64, d)
			for i := from; i < to; i++ {
				copy(outside, r.block[i*d:(i+1)*d])
				for l, p := range r.proj[i*basis.r : (i+1)*basis.r] {
					floats.AddScaled(outside, -p, basis.rows[l*d:(l+1)*d])
				}
				if centred[i] > 0 {
					shares[i][1] = min(floats.Dot(outside, outside)/centred[i], 1)
				}
				if raw[i] > 0 {
					floats.Add(outside, basis.mean)
					shares[i][0] = min(floats.Dot(outside, outside)/raw[i], 1)
				}
			}
		})
		for _, v := range shares {
			r.left[b].add(v[0])
			r.left[2+b].add(v[1])
		}
	}
	r.n2 += int64(n)
}

// Fork returns a Regression for a part of the samples, to be merged into r later. In
// the first pass it is empty, in the second it shares r's subspaces.
func (r *Regression) Fork() *Regression {
	f := &Regression{d: r.d, t: r.t}
	if r.subspaces != nil {
		f.start(r.subspaces)
		return f
	}
	f.features, f.targets = newMoments(r.d), newMoments(r.t)
	return f
}

// Merge adds what b has seen to r; b stands for the same afterwards. In the first pass
// b is any Regression of the same d and t, in the second a fork of r.
func (r *Regression) Merge(b *Regression) error {
	switch {
	case r == b:
		return errors.New("nc: a Regression cannot be merged into itself")
	case r.d != b.d || r.t != b.t:
		return fmt.Errorf("nc: cannot merge d = %d, t = %d into d = %d, t = %d", b.d, b.t, r.d, r.t)
	case r.subspaces != b.subspaces:
		return errors.New("nc: cannot merge regressions of different passes or subspaces; merge the first passes, then BeginSecond, then Fork")
	}
	if r.subspaces == nil {
		r.features.merge(&b.features)
		r.targets.merge(&b.targets)
		return nil
	}
	for i := range r.left {
		r.left[i].merge(b.left[i])
	}
	for i := range r.none {
		r.none[i] += b.none[i]
	}
	floats.Add(r.drift, b.drift)
	r.n2 += b.n2
	return nil
}

// Summary ends the second pass. It is an error if the two passes did not see the same
// features.
func (r *Regression) Summary() (*RegressionSummary, error) {
	if r.subspaces == nil {
		return nil, errors.New("nc: Summary before BeginSecond and the second pass")
	}
	if r.n2 != r.n {
		return nil, fmt.Errorf("nc: the second pass saw %d samples, the first %d; both must see the same", r.n2, r.n)
	}
	limit := maxDrift*math.Sqrt(r.spread) + 1e-12*r.unit*floats.Norm(r.mean, 2)
	if drift := floats.Norm(r.drift, 2) / float64(r.n); drift > limit {
		return nil, fmt.Errorf("nc: the mean of the features differs between the passes by %.2g of their spread; "+
			"both must see the same features (is the network in evaluation mode?)", drift/math.Sqrt(r.spread))
	}
	s := r.summary
	s.Notes = map[string]string{}
	for name, note := range r.summary.Notes {
		s.Notes[name] = note
	}
	values := [4]*float64{&s.NRC1, &s.NRC2, &s.NRC1Centred, &s.NRC2Centred}
	names := [4]string{"nrc1", "nrc2", "nrc1_centred", "nrc2_centred"}
	why := [2]string{"feature zero", "the mean feature"}
	for i, v := range values {
		none := r.none[i/2]
		switch {
		case math.IsNaN(*v):
		case none == r.n:
			s.undefined(fmt.Sprintf("all samples have %s and no direction", why[i/2]), names[i])
		default:
			*v = r.left[i].value() / float64(r.n-none)
			if none > 0 {
				note := fmt.Sprintf("%d of %d samples have %s and no direction: they are left out", none, r.n, why[i/2])
				if s.Notes[names[i]] != "" {
					note = s.Notes[names[i]] + "; " + note
				}
				s.Notes[names[i]] = note
			}
		}
	}
	for _, m := range regressionMetrics {
		if v := *m.at(&s); math.IsInf(v, 0) || math.IsNaN(v) && s.Notes[m.Key] == "" {
			s.undefined("the squares of the numbers overflow float64", m.Key)
		}
	}
	return &s, nil
}

// moments is the mean of a stream of vectors and their scatter around it, by the
// update of Chan, Golub and LeVeque (1983): the scatter of two parts is that of each
// and n·m/(n+m)·δδᵀ, δ between their means. No first guess at the mean is needed, and
// an offset of the vectors costs no digits.
//
// A dimension in which all vectors are equal must not gain a variance by rounding:
// differences of a unit in the last place are taken for 0.
type moments struct {
	n         int64 // vectors in scatter
	high, low []float64
	scatter   scatter
}

const rounding = 0x1p-52

func newMoments(d int) moments {
	return moments{high: make([]float64, d), low: make([]float64, d), scatter: newScatter(d)}
}

// seen is the number of all vectors.
func (m *moments) seen() int64 { return m.n + int64(m.scatter.n) }

// average returns the mean of the vectors in scatter.
func (m *moments) average() []float64 {
	out := make([]float64, len(m.high))
	floats.AddTo(out, m.high, m.low)
	return out
}

func addMoments[F float32 | float64](m *moments, n int, v []F) {
	d := len(m.high)
	for n > 0 {
		k := min(blockRows-1-m.scatter.n, n) // one place is for δ
		gather(&m.scatter, k, v, func(int) []float64 { return nil })
		if m.scatter.n == blockRows-1 {
			m.flush()
		}
		v, n = v[k*d:], n-k
	}
}

// flush takes the block into the scatter.
func (m *moments) flush() {
	s := &m.scatter
	k := s.n
	if k == 0 {
		return
	}
	old, size := float64(m.n), float64(k)
	parallel(s.d, s.d*k, func(from, to int) {
		for j := from; j < to; j++ {
			row := s.block[j*blockRows:][:k+1]
			var sum float64
			for _, v := range row[:k] {
				sum += v / size // a sum could overflow
			}
			var rest float64
			for i := range row[:k] {
				row[i] -= sum
				rest += row[i] / size
			}
			var largest float64
			for i := range row[:k] {
				row[i] -= rest
				largest = max(largest, math.Abs(row[i]))
			}
			if largest <= rounding*math.Abs(sum) {
				clear(row[:k])
			}
			row[k] = m.move(j, sum, rest, old, size)
		}
	})
	s.n = k + 1
	m.n += int64(k)
	s.flush()
}

// move takes the mean (high + low) of size further vectors in dimension j into the mean
// of old ones, and returns the number whose square that adds to their scatter.
func (m *moments) move(j int, high, low, old, size float64) float64 {
	delta := (high - m.high[j]) + (low - m.low[j])
	if old == 0 {
		m.high[j], m.low[j] = twoSum(high, low)
		return 0
	}
	if math.Abs(delta) <= rounding*math.Abs(high) {
		delta = 0
	}
	sum, e := twoSum(m.high[j], delta*(size/(old+size)))
	m.high[j], m.low[j] = sum, m.low[j]+e
	return delta * math.Sqrt(old*(size/(old+size)))
}

func (m *moments) merge(o *moments) {
	m.flush()
	o.flush()
	if o.n == 0 {
		return
	}
	m.scatter.merge(&o.scatter)
	for j := range m.high {
		m.scatter.block[j*blockRows] = m.move(j, o.high[j], o.low[j], float64(m.n), float64(o.n))
	}
	m.scatter.n = 1
	m.scatter.flush()
	m.n += o.n
}
