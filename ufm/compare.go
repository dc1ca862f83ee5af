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

// A Pair is a figure of a trained network beside the closed form's.
type Pair struct {
	Name     string // w_norm, h_norm, p_t, kappa_h, kappa_w
	Measured float64
	Theory   float64
	Relative float64 // |Measured − Theory|/|Theory|
}

// A Comparison says how far a trained network is from the minimiser of the
// unconstrained feature model with its regularisation. A figure that is not defined is
// NaN; Notes says why under its name.
type Comparison struct {
	Theory *Minimiser
	Pairs  []Pair
	Notes  map[string]string
}

// maxKappaK bounds K for the measured condition numbers, which need an
// eigendecomposition of a (K−1)²-sided matrix (W) or of K matrices of side K (H).
const maxKappaK = 32

// Compare compares a trained classifier and its training features, N×d row-major
// with labels 0…K−1, with the closed form of the parameters (the paper's Figure 8).
//
//   - w_norm and h_norm are the means over classes of ‖w_k‖ and ‖h̄_k − h_G‖;
//   - p_t is the mean over samples of the target's probability;
//   - kappa_h and kappa_w are the condition numbers of the two blocks of the network's own
//     Hessian in (h, W) at its class means, on their largest K−1 (in each class)
//     and (K−1)² eigenvalues. They are NaN with a note above K = 32.
//
// The features must be balanced, n of each class: it is an error, naming
// the class, if they are not or if K, n or d differ from the parameters.
func Compare(clf *nc.Classifier, features []float64, labels []int32, p Params) (*Comparison, error) {
	m, err := p.Minimiser()
	if err != nil {
		return nil, err
	}
	if clf == nil || clf.K != p.K || clf.D != p.D {
		return nil, fmt.Errorf("ufm: Compare needs a classifier with K = %d, d = %d", p.K, p.D)
	}
	if len(labels) != p.K*p.N || len(features) != len(labels)*p.D {
		return nil, fmt.Errorf("ufm: Compare was given %d labels and %d numbers of features; want N = K·n = %d and N·d = %d", len(labels), len(features), p.K*p.N, p.K*p.N*p.D)
	}
	acc, err := nc.NewAccumulator(p.K, p.D)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(acc.Add64(features, labels), acc.BeginSecond()); err != nil {
		return nil, err
	}
	if err := acc.AddSecond64(features, labels); err != nil {
		return nil, err
	}
	sum, err := acc.Summary(clf)
	if err != nil {
		return nil, err
	}
	for k, c := range sum.Counts {
		if c != int64(p.N) {
			return nil, fmt.Errorf("ufm: class %d has %d samples, want n = %d of each class: the closed form is for balanced classes", k, c, p.N)
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
	kh, kw := math.NaN(), math.NaN()
	switch {
	case p.K > maxKappaK:
		c.Notes["kappa_h"] = fmt.Sprintf("K = %d: the measured condition numbers are computed up to K = %d", p.K, maxKappaK)
	case m.A == 0:
		c.Notes["kappa_h"] = m.Notes["kappa_h"]
	default:
		if kh, kw, err = conditions(clf, means); err != nil {
			return nil, err
		}
		if math.IsNaN(kh) || math.IsNaN(kw) {
			c.Notes["kappa_h"] = "the network's blocks have fewer non-zero eigenvalues than the minimiser's"
		}
	}
	if why, ok := c.Notes["kappa_h"]; ok {
		c.Notes["kappa_w"] = why
	}
	for _, f := range []Pair{{Name: "w_norm", Measured: sum.WNorm, Theory: m.WNorm}, {Name: "h_norm", Measured: sum.HNorm, Theory: m.HNorm},
		{Name: "p_t", Measured: prob, Theory: m.PT}, {Name: "kappa_h", Measured: kh, Theory: m.KappaH}, {Name: "kappa_w", Measured: kw, Theory: m.KappaW}} {
		f.Relative = math.Abs(f.Measured-f.Theory) / math.Abs(f.Theory)
		if f.Theory == 0 {
			f.Relative = math.NaN()
			c.Notes[f.Name] = "the closed form is zero: there is no relative error"
		}
		c.Pairs = append(c.Pairs, f)
	}
	return c, nil
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

// conditions returns the condition numbers of the two blocks with every sample at its
// class mean; factors common to a block cancel.
func conditions(clf *nc.Classifier, means *mat.Dense) (kh, kw float64, err error) {
	k, d := clf.K, clf.D
	if d < k-1 {
		return math.NaN(), math.NaN(), nil
	}
	w := mat.NewDense(k, d, clf.W)
	var gramW, gramH mat.Dense
	gramW.Mul(w, w.T())
	gramH.Mul(means, means.T())
	// The block in W is Σ_k L_k ⊗ h_k h_kᵀ = XXᵀ with columns r ⊗ h_k, where the r of
	// L_k = RRᵀ are the columns of R. XᵀX has the same non-zero eigenvalues and side K².
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

// symmetric returns the eigenvalues of a symmetric matrix, rising.
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
		return nil, errors.New("ufm: the eigenvalues of the network's Hessian did not converge; are its logits finite?")
	}
	return e.Values(nil), nil
}

// MarshalJSON writes {"w_norm": {"measured", "theory", "relative"}, …, "notes"}.
func (c *Comparison) MarshalJSON() ([]byte, error) {
	var o object.Object
	for _, p := range c.Pairs {
		o.Field(p.Name, map[string]object.Number{
			"measured": object.Number(p.Measured), "theory": object.Number(p.Theory), "relative": object.Number(p.Relative),
		})
	}
	o.Field("notes", c.Notes)
	return o.JSON()
}
