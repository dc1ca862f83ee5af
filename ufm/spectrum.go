package ufm

import (
	"math"
	"slices"

	"github.com/gocollapse/collapse/internal/object"
)

// An Eigenvalue is one value of a spectrum with its multiplicity.
type Eigenvalue struct {
	Value float64
	Count int64
}

// MarshalJSON writes [value, multiplicity].
func (e Eigenvalue) MarshalJSON() ([]byte, error) {
	return object.Marshal([]any{object.Number(e.Value), e.Count})
}

// A Spectrum lists the distinct eigenvalues of a symmetric matrix in increasing order.
type Spectrum []Eigenvalue

// spectrum sorts eigenvalues, joins equal ones and drops those of multiplicity zero.
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

// nullity returns the multiplicity of the eigenvalue zero of a matrix without negative ones.
func (s Spectrum) nullity() int64 {
	if len(s) > 0 && s[0].Value == 0 {
		return s[0].Count
	}
	return 0
}

// Condition returns the largest eigenvalue over the smallest that is not zero. It is NaN if there
// is no positive eigenvalue or if one is negative.
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

// Plus returns the spectrum of the matrix plus lambda times the identity, such as a block of the
// Hessian with its L2 penalty. The null space then has the eigenvalue lambda.
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
