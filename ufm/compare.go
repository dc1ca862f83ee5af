package ufm

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gocollapse/collapse/internal/object"
	"github.com/gocollapse/collapse/nc"
)

// A Pair is a metric of a trained network and that of the closed form.
type Pair struct {
	Key      string // of the Metric: w_norm, h_norm, p_t, kappa_h, kappa_w
	Measured float64
	Theory   float64
	Relative float64 // |Measured − Theory|/|Theory|
}

// A Comparison measures how far a trained network is from the minimiser of the unconstrained
// feature model with its regularisation. A number that is not defined is NaN; Notes says why, under
// its key.
type Comparison struct {
	Theory *Minimiser
	Pairs  []Pair
	Notes  map[string]string
}

// maxKappaK bounds K for the measured condition numbers, which need the eigenvalues of a matrix of
// side K² (W) and of K matrices of side K (H).
const maxKappaK = 32

// Compare compares a trained classifier and its training features, N×d row-major with labels
// 0…K−1, with the closed form for the parameters (the paper's Figure 8).
//
//   - w_norm and h_norm are the means over classes of ‖w_k‖ and ‖h̄_k − h_G‖;
//   - p_t is the mean probability of the target over the samples;
//   - kappa_h and kappa_w are the condition numbers of the two blocks of the network's own Hessian
//     in (h, W) at its class means, on their largest K−1 (in each class) and (K−1)² eigenvalues.
//     They are NaN with a note above K = 32.
//
// It is an error if the features are not n per class (the error names the class), or if K, n or d
// differ from the parameters.
func Compare(clf *nc.Classifier, features []float64, labels []int32, p Params) (*Comparison, error) {
	m, err := p.Minimiser()
	if err != nil {
		return nil, err
	}
	if clf == nil || clf.K != p.K || clf.D != p.D {
		return nil, fmt.Errorf("ufm: Compare needs a classifier with K = %d, d = %d", p.K, p.D)
	}
	if len(labels) != p.K*p.N || len(features) != len(labels)*p.D {
		return nil, fmt.Errorf("ufm: Compare was given %d labels and %d numbers of features, "+
			"want N = K·n = %d and N·d = %d", len(labels), len(features), p.K*p.N, p.K*p.N*p.D)
	}
	sum, err := nc.Measure(nc.Slices(features, labels), *clf, nc.Options{})
	if err != nil {
		return nil, err
	}
	for k, c := range sum.Counts {
		if c != int64(p.N) {
			return nil, fmt.Errorf("ufm: class %d has %d samples, want n = %d: the closed form needs balanced classes",
				k, c, p.N)
		}
	}
	means := mat.NewDense(p.K, p.D, nil)
	prob := 0.0
	z := make([]float64, p.K)
	for i, y := range labels {
		h := features[i*p.D : (i+1)*p.D]
		floats.AddScaled(means.RawRowView(int(y)), 1/float64(p.N), h)
		logits(clf, h, z)
		_, rest := softmax(z, int(y))
		prob += (1 - rest) / float64(len(labels))
	}
	c := &Comparison{Theory: m, Notes: map[string]string{}}
	kh, kw, note, err := m.measuredConditions(clf, means)
	if err != nil {
		return nil, err
	}
	if note != "" {
		c.Notes["kappa_h"], c.Notes["kappa_w"] = note, note
	}
	for _, f := range []Pair{
		{Key: "w_norm", Measured: sum.WNorm, Theory: m.WNorm},
		{Key: "h_norm", Measured: sum.HNorm, Theory: m.HNorm},
		{Key: "p_t", Measured: prob, Theory: m.PT},
		{Key: "kappa_h", Measured: kh, Theory: m.KappaH},
		{Key: "kappa_w", Measured: kw, Theory: m.KappaW},
	} {
		f.Relative = math.Abs(f.Measured-f.Theory) / math.Abs(f.Theory)
		if f.Theory == 0 {
			f.Relative = math.NaN()
			c.Notes[f.Key] = "the closed form is zero: there is no relative error"
		}
		c.Pairs = append(c.Pairs, f)
	}
	return c, nil
}

// measuredConditions returns the condition numbers of the network's blocks, or NaN and why.
func (m *Minimiser) measuredConditions(clf *nc.Classifier, means *mat.Dense) (kh, kw float64, note string, err error) {
	switch {
	case m.K > maxKappaK:
		note = fmt.Sprintf("K = %d: the measured condition numbers are computed up to K = %d", m.K, maxKappaK)
		return math.NaN(), math.NaN(), note, nil
	case m.A == 0:
		return math.NaN(), math.NaN(), m.Notes["kappa_h"], nil
	}
	kh, kw, err = conditions(clf, means)
	if math.IsNaN(kh) || math.IsNaN(kw) {
		note = "the network's blocks have fewer non-zero eigenvalues than the minimiser's"
	}
	return kh, kw, note, err
}

// logits writes W·h + b to z.
func logits(clf *nc.Classifier, h, z []float64) {
	for k := range z {
		z[k] = floats.Dot(clf.W[k*clf.D:(k+1)*clf.D], h)
		if clf.B != nil {
			z[k] += clf.B[k]
		}
	}
}

// conditions returns the condition numbers of the two blocks with every sample at its class mean.
// Factors common to a block cancel.
func conditions(clf *nc.Classifier, means *mat.Dense) (kh, kw float64, err error) {
	k, d := clf.K, clf.D
	if d < k-1 {
		return math.NaN(), math.NaN(), nil
	}
	w := mat.NewDense(k, d, clf.W)
	var gramW, gramH mat.Dense
	gramW.Mul(w, w.T())
	gramH.Mul(means, means.T())
	// The block in W is Σ_k L_k ⊗ h_k h_kᵀ = XXᵀ, where L_k = R_k R_kᵀ and X has the columns
	// r ⊗ h_k for the columns r of R_k. XᵀX has the same non-zero eigenvalues and side K².
	root := make([]*mat.Dense, k) // R_k, K×K: column j is √p_j (e_j − p)
	least, most := math.Inf(1), 0.0
	z := make([]float64, k)
	for c := range k {
		logits(clf, means.RawRowView(c), z)
		softmax(z, c)
		root[c] = mat.NewDense(k, k, nil)
		for j, pj := range z {
			for i, pi := range z {
				v := -pi
				if i == j {
					v++
				}
				root[c].Set(i, j, math.Sqrt(pj)*v)
			}
		}
		var t, block mat.Dense
		t.Mul(root[c].T(), &gramW)
		block.Mul(&t, root[c])
		e, err := symmetric(&block)
		if err != nil {
			return 0, 0, err
		}
		most = max(most, e[k-1])
		least = min(least, e[1])
	}
	kh = ratio(most, least)
	side := k * k
	x := mat.NewDense(side, side, nil)
	for a := range k {
		for b := range k {
			var t mat.Dense
			t.Mul(root[a].T(), root[b])
			t.Scale(gramH.At(a, b), &t)
			x.Slice(a*k, (a+1)*k, b*k, (b+1)*k).(*mat.Dense).Copy(&t)
		}
	}
	e, err := symmetric(x)
	if err != nil {
		return 0, 0, err
	}
	return kh, ratio(e[side-1], e[side-(k-1)*(k-1)]), nil
}

// ratio returns most/least, or NaN where least is zero to rounding.
func ratio(most, least float64) float64 {
	if !(least > 1e-12*most) {
		return math.NaN()
	}
	return most / least
}

// symmetric returns the eigenvalues of a symmetric matrix in increasing order.
func symmetric(m *mat.Dense) ([]float64, error) {
	n, _ := m.Dims()
	s := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			s.SetSym(j, i, m.At(j, i))
		}
	}
	var e mat.EigenSym
	if !e.Factorize(s, false) {
		return nil, errors.New("ufm: the eigenvalues of the network's Hessian did not converge; " +
			"are its logits finite?")
	}
	return e.Values(nil), nil
}

// MarshalJSON writes {"w_norm": {"measured", "theory", "relative"}, …, "notes"}.
func (c *Comparison) MarshalJSON() ([]byte, error) {
	var o object.Object
	for _, p := range c.Pairs {
		o.Field(p.Key, map[string]object.Number{
			"measured": object.Number(p.Measured), "theory": object.Number(p.Theory),
			"relative": object.Number(p.Relative),
		})
	}
	o.Field("notes", c.Notes)
	return o.JSON()
}
