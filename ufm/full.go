package ufm

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// FullOptions say which Hessian FullHessian returns.
type FullOptions struct {
	// L2 adds the penalties. Without them the minimiser is not a critical point of the loss, and
	// the Hessian has negative eigenvalues.
	L2 bool
	// Bias includes b among the variables.
	Bias bool
	// Scaled measures W in units of 1/√λ_W, H of 1/√λ_H and b of 1/√λ_b, in which the L2 penalty is
	// half the squared norm of all variables. The condition number then depends only on K, s and δ
	// (and through λ_b on n), not on how the norm is shared between W and H.
	Scaled bool
}

// FullHessian returns the spectrum of the Hessian in all variables (W, H and b) at the minimiser,
// in closed form, for any K, n and d. The paper has only its diagonal blocks.
//
// The permutations of the classes of a simplex ETF commute with the Hessian, which therefore splits
// into blocks of at most four by four: the trivial representation, the standard one (K−1 times),
// symmetric and antisymmetric matrices with zero row sums, feature directions outside the frame's
// span, and movements of samples relative to their class mean. The eigenvalue zero belongs to the
// rotations of feature space: (K−1)(K−2)/2 + (K−1)(d−K+1) times with L2.
func (m *Minimiser) FullHessian(o FullOptions) Spectrum {
	h := m.fullHessian(o)
	h.addWithin()
	h.addOutside()
	h.addTrivial()
	h.addZeroSums()
	h.addStandard()
	return spectrum(h.all...)
}

// fullHessian collects the eigenvalues of FullHessian, block by block.
type fullHessian struct {
	*Minimiser
	FullOptions
	all []Eigenvalue

	uh, ub     float64 // units of H and b
	lw, lh, lb float64 // penalties in these units, 0 without L2
	gap        float64 // p_t − p_n
	e, c       float64 // change of a logit for a unit step of W and of one of the class's features
	couple     float64 // coupling of W and H: P − Y^δ is −σJ, which gives −σ/(K√n)
	margin     float64 // lw·lh − couple²
	rotation   bool    // rotations of feature space have the eigenvalue zero
}

func (m *Minimiser) fullHessian(o FullOptions) *fullHessian {
	h := &fullHessian{Minimiser: m, FullOptions: o, gap: max(m.Gap, 0)}
	uw, uh, ub := 1.0, 1.0, 1.0
	if o.Scaled {
		uw, uh, ub = 1/math.Sqrt(m.LambdaW), 1/math.Sqrt(m.LambdaH), 1/math.Sqrt(m.LambdaB)
	}
	h.uh, h.ub = uh, ub
	if o.L2 {
		h.lw, h.lh, h.lb = m.LambdaW*uw*uw, m.LambdaH*uh*uh, m.LambdaB*ub*ub
	}
	classes, perClass := float64(m.K), float64(m.N)
	h.e, h.c = m.ch*uw, m.cw*uh/math.Sqrt(perClass)
	sigma := min(m.S, 1-m.Delta)
	h.couple = -sigma / (classes * math.Sqrt(perClass)) * uw * uh
	// At a minimiser that is zero no block is singular. Otherwise σ/(K√n) = √(λ_W λ_H), and both
	// blocks of the rotations have determinant zero.
	h.rotation = o.L2 && m.Gap > 0
	switch {
	case h.rotation:
		h.margin = 0
	case o.L2: // √(lw·lh) is to couple as s is to σ, and s−σ is the negative gap
		h.margin = h.lw * h.lh * (-m.Gap / m.S) * ((m.S + sigma) / m.S)
	default:
		h.margin = -h.couple * h.couple
	}
	return h
}

// add adds the eigenvalues of a block that occurs count times. zero sets the first of them to 0.
func (h *fullHessian) add(count int64, zero bool, values ...float64) {
	if count <= 0 {
		return
	}
	for i, v := range values {
		if zero && i == 0 {
			v = 0
		}
		h.all = append(h.all, Eigenvalue{v, count})
	}
}

// two returns the eigenvalues of a block of W and H with curvature q of the loss: sign says whether
// W and H change the logits alike (1) or oppositely (−1).
func (h *fullHessian) two(q, sign float64) []float64 {
	// The terms q²e²c² of the determinant cancel. couple is negative or 0, so that for sign 1 at a
	// minimiser with L2 every term is positive.
	det := q*(h.e*h.e*h.lh+h.c*h.c*h.lw) - 2*sign*q*h.e*h.c*h.couple + h.margin
	return pairOf(q*h.e*h.e+h.lw, q*h.c*h.c+h.lh, sign*q*h.e*h.c+h.couple, det)
}

// pairOf returns the eigenvalues of [[a, off], [off, d]] with a+d ≥ 0, in increasing order. The
// smaller one has the relative error of the determinant, which LAPACK's has not.
func pairOf(a, d, off, det float64) []float64 {
	top := (a + d + math.Hypot(a-d, 2*off)) / 2
	if top == 0 {
		return []float64{0, 0}
	}
	return []float64{det / top, top}
}

// addWithin adds movements of samples relative to their class mean, in H alone, as in Eq 49.
func (h *fullHessian) addWithin() {
	k, n, d := int64(h.K), int64(h.N), int64(h.D)
	classes, perClass := float64(h.K), float64(h.N)
	within := h.cw * h.cw * h.uh * h.uh / (classes * perClass) * h.PN
	h.add(k*(n-1)*(d-k+1), false, h.lh)
	h.add(k*(n-1)*(k-2), false, h.lh+within)
	h.add(k*(n-1), false, h.lh+within*(classes*h.gap+1-h.gap))
}

// addOutside adds directions of feature space outside the frame's span.
func (h *fullHessian) addOutside() {
	k, d := int64(h.K), int64(h.D)
	h.add(d-k+1, false, h.lw, h.lh)
	h.add((d-k+1)*(k-1), h.rotation, pairOf(h.lw, h.lh, h.couple, h.margin)...)
}

// addTrivial adds the scales of all classes together. A constant bias does not change the loss.
func (h *fullHessian) addTrivial() {
	h.add(1, false, h.two(h.PT*h.PN, 1)...)
	if h.Bias {
		h.add(1, false, h.lb)
	}
}

// addZeroSums adds symmetric and antisymmetric matrices with zero row sums.
func (h *fullHessian) addZeroSums() {
	k, q := int64(h.K), h.PN/float64(h.K)
	h.add(k*(k-3)/2, false, h.two(q, 1)...)
	h.add((k-1)*(k-2)/2, h.rotation, h.two(q, -1)...)
}

// addStandard adds the standard representation. One vector x ∈ 1⊥ moves all w_k alike along their
// own coordinate (no difference of logits, so λ_W alone), the frame's shape in W and in H (η), and
// all features of every class by one vector, or the bias (ω):
// (1/K)[p_n(η² + Kω²) + g(1−g)(φη + ω)²] with φ² = (K−2)/K, g = p_t − p_n.
func (h *fullHessian) addStandard() {
	k := int64(h.K)
	h.add(k-1, false, h.lw)
	switch {
	case h.Gap <= 0: // η and the feature's ω are zero
		if h.K > 2 {
			h.add(k-1, false, pairOf(h.lw, h.lh, h.couple, h.margin)...)
		}
		h.add(k-1, false, h.lh)
		if h.Bias {
			h.add(k-1, false, h.lb+h.ub*h.ub*h.PN)
		}
	case h.L2 && h.Scaled:
		h.add(k-1, false, h.scaledStandard()...)
	default:
		values := eigenvalues(h.standard())
		if h.L2 && !(values[0] > 1e-3*values[len(values)-1]) {
			values = h.graded()
		}
		h.add(k-1, false, values...)
	}
}

// scaledStandard returns the eigenvalues in the scaled coordinates with L2. There W and H have
// equal parts of η, and the penalty is the identity, so that two directions separate: W against H
// in the frame's shape (eigenvalue 2), and the features against the bias, orthogonal to ω
// (eigenvalue 1). Two by two remain, with a determinant of positive terms.
func (h *fullHessian) scaledStandard() []float64 {
	classes := float64(h.K)
	g := h.gap * h.sum / classes // g(1−g)/K
	omega2 := h.c * h.c / classes
	var values []float64
	if h.Bias {
		omega2 += h.ub * h.ub
		values = append(values, 1)
	}
	ridge := 1 + h.PN*omega2
	if h.K == 2 {
		return append(values, ridge+g*omega2) // the frame of two classes has no shape to change
	}
	phi2, eta2 := (classes-2)/classes, 2*h.e*h.e
	a, d := (h.PN/classes+g*phi2)*eta2, ridge+g*omega2
	det := h.PN/classes*eta2*d + g*phi2*eta2*ridge
	values = append(values, 2)
	return append(values, pairOf(a, d, g*math.Sqrt(phi2*eta2*omega2), det)...)
}

// standard returns the block of the standard representation: side and elements.
func (h *fullHessian) standard() (side int, block []float64) {
	classes := float64(h.K)
	phi, g := math.Sqrt((classes-2)/classes), h.gap*(1-h.gap)
	eta := []float64{h.e, h.c, 0, 0}
	omega := []float64{0, 0, h.c / math.Sqrt(classes), h.ub}
	diagonal := []float64{h.lw, h.lh, h.lh, h.lb}
	first, last := h.standardRange()
	for i := first; i < last; i++ {
		for j := first; j < last; j++ {
			loss := h.PN * (eta[i]*eta[j] + classes*omega[i]*omega[j])
			v := (loss + g*(phi*eta[i]+omega[i])*(phi*eta[j]+omega[j])) / classes
			if i == j {
				v += diagonal[i]
			}
			if i+j == 1 {
				v += h.couple
			}
			block = append(block, v)
		}
	}
	return last - first, block
}

// standardRange says which of the frame's shape in W and in H, the features and the bias move.
func (h *fullHessian) standardRange() (first, last int) {
	first, last = 0, 4
	if !h.Bias {
		last = 3
	}
	if h.K == 2 {
		first = 2 // the frame of two classes has no shape to change
	}
	return first, last
}

// eigenvalues returns the eigenvalues of a symmetric matrix of the given side, in increasing
// order.
func eigenvalues(side int, v []float64) []float64 {
	var e mat.EigenSym
	if !e.Factorize(mat.NewSymDense(side, v), false) {
		// LAPACK's iteration does not fail on finite matrices of this size.
		panic(fmt.Sprintf("ufm: no eigenvalues of %v", v))
	}
	return e.Values(nil)
}
