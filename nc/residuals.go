package nc

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"github.com/gocollapse/collapse/internal/object"
)

// Residuals is the second pass of neural regression collapse: what is left of each feature outside
// the subspaces that Regression.Project has fixed. It must see the features of the first pass once
// more, in any order and in batches of any size. It is not safe for concurrent use; see Fork.
type Residuals struct {
	*subspaces
	n2    int64    // samples of this pass
	left  [4]exact // sums of nrc1, nrc2 and both centred
	none  [2]int64 // samples of length 0, not centred and centred
	drift []float64
	block []float64 // rows×d
	proj  []float64 // rows×(directions of a subspace)
}

func newResiduals(s *subspaces) *Residuals {
	rows := min(max(1<<18/s.d, 16), 4096)
	return &Residuals{subspaces: s, drift: make([]float64, s.d), block: make([]float64, rows*s.d),
		proj: make([]float64, rows*max(s.bases[0].r, s.bases[1].r))}
}

// Add takes a batch of features, B×d. Its errors are those of Regression.Add.
func (r *Residuals) Add(b Batch) error {
	if len(b.wide) > 0 {
		return addResiduals(r, b.wide)
	}
	return addResiduals(r, b.narrow)
}

func addResiduals[F float32 | float64](r *Residuals, features []F) error {
	d := r.d
	if len(features)%d != 0 {
		return fmt.Errorf("nc: batch has %d features, want B·d (d = %d)", len(features), d)
	}
	if err := checkFinite(d, r.n2, features); err != nil {
		return err
	}
	for len(features) > 0 {
		n := min(len(r.block), len(features)) / d
		blockResiduals(r, n, features)
		features = features[n*d:]
	}
	return nil
}

// blockResiduals adds n samples, which fit into the block.
func blockResiduals[F float32 | float64](r *Residuals, n int, features []F) {
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
			if centred[i] = floats.Dot(row, row); centred[i] <= r.quiet && setStill(row, r.mean, r.unit) {
				centred[i] = floats.Dot(row, row)
			}
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

// Fork returns empty Residuals of the same subspaces for a part of the samples, to be merged into
// r.
func (r *Residuals) Fork() *Residuals { return newResiduals(r.subspaces) }

// Merge adds what b, a fork of r, has seen to r; b is not changed.
func (r *Residuals) Merge(b *Residuals) error {
	switch {
	case r == b:
		return errors.New("nc: Residuals cannot be merged into themselves")
	case r.subspaces != b.subspaces:
		return errors.New("nc: cannot merge residuals of different subspaces; merge the first passes, then Project, " +
			"then Fork")
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

// RegressionSummary is what Residuals.Summary measures. A metric that is not defined
// for the input is NaN, and Notes holds the reason under the metric's JSON name;
// Notes also holds what a reader must know of a metric that is defined.
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

// MarshalJSON writes one object with n, d, t, every metric under its name, null where
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

// Summary ends the second pass. It is an error if the two passes did not see the same
// features.
func (r *Residuals) Summary() (*RegressionSummary, error) {
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
			*v = settle(r.left[i].value()/float64(r.n-none), r.outside[i/2])
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
