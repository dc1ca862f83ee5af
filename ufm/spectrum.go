package ufm

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/gocollapse/collapse/internal/object"
)

// An Eigenvalue is one value of a spectrum with its multiplicity.
type Eigenvalue struct {
	Value float64
	Count int64
}

// MarshalJSON writes [value, multiplicity].
func (e Eigenvalue) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{object.Number(e.Value), e.Count})
}

// A Spectrum lists the eigenvalues of a symmetric matrix, rising, each once.
type Spectrum []Eigenvalue

// spectrum sorts eigenvalues, joins equal ones and leaves out multiplicity zero.
func spectrum(all ...Eigenvalue) Spectrum {
	slices.SortStableFunc(all, func(a, b Eigenvalue) int {
		switch {
		case a.Value < b.Value:
			return -1
		case a.Value > b.Value:
			return 1
		}
		return 0
	})
	var s Spectrum
	for _, e := range all {
		switch {
		case e.Count <= 0:
		case len(s) > 0 && s[len(s)-1].Value == e.Value:
			s[len(s)-1].Count += e.Count
		default:
			s = append(s, Eigenvalue{e.Value + 0, e.Count}) // −0 becomes 0
		}
	}
	return s
}

// Size returns the sum of the multiplicities: the side of the matrix.
func (s Spectrum) Size() (n int64) {
	for _, e := range s {
		n += e.Count
	}
	return n
}

// Condition returns the largest eigenvalue over the smallest that is not zero, or
// NaN where there is no positive eigenvalue or one is negative.
func (s Spectrum) Condition() float64 {
	if len(s) == 0 || s[0].Value < 0 {
		return math.NaN()
	}
	for _, e := range s {
		if e.Value > 0 {
			return s[len(s)-1].Value / e.Value
		}
	}
	return math.NaN()
}

// Plus returns the spectrum of the matrix plus lambda times the identity: a block
// of the Hessian with its L2 penalty. Its null space then has the eigenvalue lambda.
func (s Spectrum) Plus(lambda float64) Spectrum {
	all := slices.Clone(s)
	for i := range all {
		all[i].Value += lambda
	}
	return spectrum(all...)
}

// blocks fills the spectra of Theorem 4.2 (Eq 49, 58).
func (m *Minimiser) blocks() {
	k, n, d := int64(m.K), int64(m.N), int64(m.D)
	if m.Gap <= 0 {
		m.HessianH, m.HessianW = Spectrum{{0, k * n * d}}, Spectrum{{0, k * d}}
		return
	}
	classes, samples := float64(m.K), float64(m.K)*float64(m.N)
	cw2, ch2 := m.cw*m.cw, m.ch*m.ch
	m.HessianH = spectrum(
		Eigenvalue{0, k * n * (d - k + 1)},
		Eigenvalue{cw2 * m.PN / samples, k * n * (k - 2)},
		// K p_t is K(1−s−δ) + s+δ.
		Eigenvalue{cw2 * m.PN * (classes*m.Gap + m.sum) / samples, k * n})
	if m.K == 2 {
		// The two middle families of Eq 58 cancel.
		m.HessianW = spectrum(Eigenvalue{0, 2*d - 1}, Eigenvalue{ch2 * m.PT * m.PN, 1})
		return
	}
	m.HessianW = spectrum(
		Eigenvalue{0, k*d - (k-1)*(k-1)},
		Eigenvalue{ch2 / classes * m.PN, k*k - 3*k + 1},
		// (K−1)p_t + p_n is 1 + (K−2)(p_t − p_n).
		Eigenvalue{ch2 / classes * m.PN * (1 + (classes-2)*m.Gap), k - 1},
		Eigenvalue{ch2 * m.PT * m.PN, 1})
}

// FullOptions say which Hessian FullHessian returns.
type FullOptions struct {
	// L2 adds the penalties. Without them the minimiser is no critical point of the
	// loss, and the Hessian has negative eigenvalues.
	L2 bool
	// Bias includes b among the variables.
	Bias bool
	// Scaled measures W in units of 1/√λ_W, H of 1/√λ_H and b of 1/√λ_b, in which
	// the L2 penalty is half the squared norm of all variables. The condition number then
	// depends on K, s and δ (and on n through λ_b) alone and not on how norm is shared between W and H.
	Scaled bool
}

// FullHessian returns the spectrum of the Hessian in all variables (W, H and b) at
// the minimiser, in closed form, for any K, n and d. The paper has its diagonal
// blocks only; this is beyond it.
//
// The symmetric group permutes the classes of a simplex ETF and commutes with the
// Hessian, which falls apart into blocks of at most four by four: the trivial
// representation, the standard one (K−1 times), symmetric and antisymmetric
// matrices with zero row sums, feature directions outside the frame's span, and what moves
// samples against their class mean. The eigenvalue zero is that of the rotations
// of feature space: (K−1)(K−2)/2 + (K−1)(d−K+1) times with L2.
func (m *Minimiser) FullHessian(o FullOptions) Spectrum {
	k, n, d := int64(m.K), int64(m.N), int64(m.D)
	classes, perClass := float64(m.K), float64(m.N)
	// uw, uh and ub turn a coordinate into W, H and b.
	uw, uh, ub := 1.0, 1.0, 1.0
	if o.Scaled {
		uw, uh, ub = 1/math.Sqrt(m.LambdaW), 1/math.Sqrt(m.LambdaH), 1/math.Sqrt(m.LambdaB)
	}
	var lw, lh, lb float64
	if o.L2 {
		lw, lh, lb = m.LambdaW*uw*uw, m.LambdaH*uh*uh, m.LambdaB*ub*ub
	}
	pn, gap := m.PN, max(m.Gap, 0)
	// A logit moves by e for a unit step of W and by c for one of the class's features.
	e, c := m.ch*uw, m.cw*uh/math.Sqrt(perClass)
	// P − Y^δ is −σJ; it couples W and H with strength −σ/(K√n).
	sigma := min(m.S, 1-m.Delta)
	couple := -sigma / (classes * math.Sqrt(perClass)) * uw * uh
	// At a collapsed minimiser no block is singular; else σ/(K√n) = √(λ_W λ_H), and
	// both blocks of the rotations have determinant zero.
	rotation := o.L2 && m.Gap > 0

	var all []Eigenvalue
	add := func(count int64, zero bool, values ...float64) {
		if count <= 0 {
			return
		}
		for i, v := range values {
			if zero && i == 0 {
				v = 0
			}
			all = append(all, Eigenvalue{v, count})
		}
	}
	two := func(a, b, off float64) []float64 { return eigenvalues(2, a, off, off, b) }

	// Samples against their class mean move H alone, as in Eq 49.
	within := m.cw * m.cw * uh * uh / (classes * perClass) * pn
	add(k*(n-1)*(d-k+1), false, lh)
	add(k*(n-1)*(k-2), false, lh+within)
	add(k*(n-1), false, lh+within*(classes*gap+1-gap))
	// Directions of feature space outside the frame's span.
	add(d-k+1, false, lw, lh)
	add((d-k+1)*(k-1), rotation, two(lw, lh, couple)...)
	// Trivial: all scales together. A constant bias changes no loss.
	q := m.PT * pn
	add(1, false, two(q*e*e+lw, q*c*c+lh, q*e*c+couple)...)
	if o.Bias {
		add(1, false, lb)
	}
	// Symmetric and antisymmetric matrices with zero row sums.
	q = pn / classes
	add(k*(k-3)/2, false, two(q*e*e+lw, q*c*c+lh, q*e*c+couple)...)
	add((k-1)*(k-2)/2, rotation, two(q*e*e+lw, q*c*c+lh, -q*e*c+couple)...)
	// Standard. One vector x ∈ 1⊥ moves all w_k alike along their own coordinate
	// (no logit differences: λ_W alone), the frame's shape in W and in H (η), and all
	// features of every class by one vector, or the bias (ω):
	// (1/K)[p_n(η² + Kω²) + g(1−g)(φη + ω)²] with φ² = (K−2)/K, g = p_t − p_n.
	add(k-1, false, lw)
	phi, g := math.Sqrt((classes-2)/classes), gap*(1-gap)
	names := 4
	eta := []float64{e, c, 0, 0}
	omega := []float64{0, 0, c / math.Sqrt(classes), ub}
	diagonal := []float64{lw, lh, lh, lb}
	if !o.Bias {
		names = 3
	}
	var first int
	if m.K == 2 {
		first = 2 // the frame of two classes has no shape to change
	}
	side := names - first
	block := make([]float64, 0, side*side)
	for i := first; i < names; i++ {
		for j := first; j < names; j++ {
			v := (pn*(eta[i]*eta[j]+classes*omega[i]*omega[j]) + g*(phi*eta[i]+omega[i])*(phi*eta[j]+omega[j])) / classes
			if i == j {
				v += diagonal[i]
			}
			if i+j == 1 {
				v += couple
			}
			block = append(block, v)
		}
	}
	add(k-1, false, eigenvalues(side, block...)...)
	return spectrum(all...)
}

// eigenvalues returns the eigenvalues of a symmetric matrix of the given side, rising.
func eigenvalues(side int, v ...float64) []float64 {
	var e mat.EigenSym
	if !e.Factorize(mat.NewSymDense(side, v), false) {
		// LAPACK's iteration does not fail on finite matrices of this size.
		panic(fmt.Sprintf("ufm: no eigenvalues of %v", v))
	}
	return e.Values(nil)
}
