// Package ufm is the unconstrained feature model: the theory of neural collapse in which the
// last-layer features are free variables. It minimises, over the classifier W, the features H and
// the bias b,
//
//	(1/N) Σ ℓ(Wᵀh_{k,i} + b, y^δ_k) + λ_W/2 ‖W‖² + λ_H/2 ‖H‖² + λ_b/2 ‖b‖²   (Eq 9, 10)
//
// for N = K·n samples, n in each of K classes, features of dimension d, and cross entropy on labels
// smoothed by δ (δ = 0 is cross entropy itself).
//
// There are three views of it, which confirm each other:
//
//   - Params.Minimiser and Minimiser.FullHessian are closed forms: the global minimiser
//     (Theorem 4.1), the Hessian's blocks there (Theorem 4.2) and, beyond the paper, the spectrum
//     of the whole Hessian.
//   - Problem is the model with the feature of every sample free: objective, gradient,
//     Hessian-vector product, minimisation from random starts, and gradient descent step by step.
//     It also takes other losses, unbalanced classes and d < K−1.
//   - Problem.Hessian and Problem.Lanczos compute the Hessian numerically.
//
// Compare measures how far a trained network is from the minimiser; package ufm/files reads the
// network from an .npz.
//
// Symbols are the paper's. Matrices are row-major: the classifier K×d as PyTorch stores it (the
// paper's Wᵀ), features N×d, class after class. Logarithms are natural.
package ufm

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/bits"

	"github.com/gocollapse/collapse/internal/object"
)

// Params are the parameters of a balanced unconstrained feature model.
type Params struct {
	K int // classes, at least 2
	N int // samples per class, at least 1: the paper's n, not its N = K·n
	D int // feature dimension, at least K−1

	// LambdaW, LambdaH and LambdaB are the L2 penalties λ_W, λ_H and λ_b, each in
	// [MinLambda, MaxLambda].
	LambdaW, LambdaH, LambdaB float64
	// Delta is δ of label smoothing, in [0, 1).
	Delta float64
}

// PaperParams returns the parameters of the paper's simulated setting, with δ = 0.05.
func PaperParams() Params {
	return Params{K: 10, N: 5000, D: 512, LambdaW: 1e-3, LambdaH: 1e-6, LambdaB: 1e-2, Delta: 0.05}
}

// The admissible L2 penalties. Inside them no number of the closed form leaves float64's range.
const (
	MinLambda = 1e-100
	MaxLambda = 1e100
)

// maxCount bounds K, n and d: up to it an int is exact in float64.
const maxCount = 1 << 40

// Validate reports every parameter that is out of its range, each with its range.
func (p Params) Validate() error {
	var errs []error
	count := func(name string, v, least int) {
		if v < least || v > maxCount {
			errs = append(errs, fmt.Errorf("ufm: %s = %d is outside [%d, 2^40]", name, v, least))
		}
	}
	count("K", p.K, 2)
	count("n", p.N, 1)
	if p.K >= 2 && p.K <= maxCount && (p.D < p.K-1 || p.D > maxCount) {
		errs = append(errs, fmt.Errorf("ufm: d = %d is outside [K−1, 2^40] = [%d, 2^40]: "+
			"fewer dimensions hold no simplex ETF of K = %d classes, and there is no closed form "+
			"(Problem.Solve does not need one)", p.D, p.K-1, p.K))
	}
	for _, l := range []struct {
		name  string
		value float64
	}{{"λ_W", p.LambdaW}, {"λ_H", p.LambdaH}, {"λ_b", p.LambdaB}} {
		if !(l.value >= MinLambda && l.value <= MaxLambda) {
			errs = append(errs, fmt.Errorf("ufm: %s = %v is outside [%v, %v]", l.name, l.value, MinLambda, MaxLambda))
		}
	}
	if !(p.Delta >= 0 && p.Delta < 1) {
		errs = append(errs, fmt.Errorf("ufm: δ = %v is outside [0, 1)", p.Delta))
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	// The multiplicities count the coordinates of H, N·d, and of W, K·d.
	hi, lo := bits.Mul64(uint64(p.K), uint64(p.N))
	if hi == 0 {
		hi, lo = bits.Mul64(lo, uint64(p.D))
	}
	if kk, ll := bits.Mul64(uint64(p.K), uint64(p.D)); hi != 0 || lo > 1<<62 || kk != 0 || ll > 1<<61 {
		return fmt.Errorf("ufm: K·n·d = %d·%d·%d is more than 2^62: the multiplicities do not fit an int64; "+
			"take a smaller K, n or d", p.K, p.N, p.D)
	}
	return nil
}

// Minimiser is the global minimiser of Theorem 4.1 and what follows from it. Metrics describes its
// scalars. A number that is not defined is NaN; Notes says why, under its key.
//
// Besides the rounding of the result, every number has a relative error of at most 1e-12 where
// 1−s−δ ≥ 1e-3, and of 1e-15/(1−s−δ) for smaller 1−s−δ.
type Minimiser struct {
	Params

	S float64 // s = K√(n λ_W λ_H), in (0, ∞)
	// Gap is 1−s−δ, which equals p_t − p_n; at 0 or below, W, H and b are zero.
	Gap float64
	A   float64 // a = log(K/(s+δ) − K + 1), the target logit less any other; 0 where s+δ ≥ 1

	WNorm float64 // ‖w‖ = ‖w_k‖ of every class (Eq 11)
	HNorm float64 // ‖h‖ = ‖h̄_k‖ of every class; the global mean is zero (Eq 12)
	PT    float64 // p_t, the probability of the target class, in [1/K, 1) (Eq 14)
	PN    float64 // p_n, that of every other class, in (0, 1/K]

	Loss      float64 // mean ℓ, without penalties, in nats
	Objective float64 // with penalties

	// KappaH and KappaW are the condition numbers of the two blocks on their non-zero eigenvalues
	// (Eq 15): K − (K−1)(s+δ) for K ≥ 3, 1 for K = 2.
	KappaH, KappaW float64
	// HessianH and HessianW are the spectra of the Hessian of the mean loss without penalties, in H
	// with W fixed (Eq 49) and in W with H fixed (Eq 58).
	HessianH, HessianW Spectrum

	Notes map[string]string

	// cw and ch are the scales of W and H̄ relative to a frame M with MMᵀ = J.
	cw, ch float64
	// sum is s+δ.
	sum float64
}

// Minimiser returns the closed form, or the error of Validate. Its time and memory do not grow with
// K, n or d.
func (p Params) Minimiser() (*Minimiser, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return p.minimiser(), nil
}

// minimiser is Minimiser without the check, for penalties that follow from admissible ones.
func (p Params) minimiser() *Minimiser {
	k, n := float64(p.K), float64(p.N)
	s := scale(k, n, p.LambdaW, p.LambdaH)
	sum := s.plus(p.Delta)
	gap := sum.times(-1).plus(1)
	m := &Minimiser{Params: p, S: s.hi, Gap: gap.hi, sum: sum.hi, Notes: map[string]string{}}
	ratio := math.Sqrt(n * p.LambdaH / p.LambdaW) // √(nλ_H/λ_W)
	if m.Gap <= 0 {
		m.PT, m.PN = 1/k, 1/k
		m.Loss = math.Log(k)
		m.Objective = m.Loss
		m.KappaH, m.KappaW = math.NaN(), math.NaN()
		for _, name := range []string{"kappa_h", "kappa_w"} {
			m.Notes[name] = fmt.Sprintf("s+δ = %.6g ≥ 1: the minimiser and both Hessians are zero", m.sum)
		}
		m.blocks()
		return m
	}
	// K/(s+δ) − K + 1 = 1 + K(1−s−δ)/(s+δ): the right side has no cancellation.
	m.A = math.Log1p(k * m.Gap / m.sum)
	m.cw, m.ch = math.Sqrt(m.A*ratio), math.Sqrt(m.A/ratio)
	share := math.Sqrt((k - 1) / k)
	m.WNorm, m.HNorm = share*m.cw, share*m.ch
	// p_t = 1 − (K−1)p_n, as a sum of positive terms.
	m.PN = m.sum / k
	m.PT = m.Gap + m.PN
	m.Loss = -(1-p.Delta+p.Delta/k)*m.logPT() - (k-1)/k*p.Delta*math.Log(m.PN)
	// Both penalties have the value (K−1)·a·s/(2K).
	m.Objective = m.Loss + (k-1)/k*m.A*m.S
	m.KappaH = k*m.Gap + m.sum
	if p.K == 2 {
		m.KappaH = 1
		m.Notes["kappa_h"] = "K = 2: each block has one non-zero eigenvalue, so the condition number is 1 for every δ"
		m.Notes["kappa_w"] = m.Notes["kappa_h"]
	}
	m.KappaW = m.KappaH
	m.blocks()
	return m
}

// logPT returns log p_t from whichever of p_t and 1−p_t is the smaller.
func (m *Minimiser) logPT() float64 {
	if m.PT < 0.5 {
		return math.Log(m.PT)
	}
	return math.Log1p(-float64(m.K-1) * m.PN)
}

// W returns the classifier of the minimiser, K×d row-major (PyTorch's layout), in the orientation
// of Frame. Any rotation of the feature space gives another minimiser.
func (m *Minimiser) W() []float64 { return m.scaled(m.cw) }

// Means returns the class means of the minimiser, K×d row-major, in the orientation of W. Every
// sample lies on its class mean; the bias is zero.
func (m *Minimiser) Means() []float64 { return m.scaled(m.ch) }

func (m *Minimiser) scaled(c float64) []float64 {
	f := Frame(m.K, m.D)
	for i := range f {
		f[i] *= c
	}
	return f
}

// Point returns the minimiser as a point (W, H, b) of the problem with n samples per class, with or
// without the bias: K·d + N·d + K or K·d + N·d numbers in the order of Problem.
func (m *Minimiser) Point(bias bool) []float64 {
	x := m.W()
	means := m.Means()
	for k := range m.K {
		for range m.N {
			x = append(x, means[k*m.D:(k+1)*m.D]...)
		}
	}
	if bias {
		x = append(x, make([]float64, m.K)...)
	}
	return x
}

// Frame returns a K×d matrix M, row-major, with MMᵀ = J = I − 11ᵀ/K: its rows are a simplex
// equiangular tight frame of norm √((K−1)/K). It is Helmert's basis, which uses K−1 dimensions;
// the others are zero. It panics if K < 2 or d < K−1.
func Frame(k, d int) []float64 {
	if k < 2 || d < k-1 {
		panic(fmt.Sprintf("ufm: no frame of K = %d vectors in d = %d dimensions; want K ≥ 2 and d ≥ K−1", k, d))
	}
	f := make([]float64, k*d)
	for j := 1; j < k; j++ {
		v := 1 / math.Sqrt(float64(j)*float64(j+1))
		for i := range j {
			f[i*d+j-1] = v
		}
		f[j*d+j-1] = -float64(j) * v
	}
	return f
}

// MarshalJSON writes one object: the parameters (k, n, d, lambda_w, lambda_h, lambda_b, delta),
// every metric under its key, gap (1−s−δ), hessian_h and hessian_w as lists of [eigenvalue,
// multiplicity], and notes. What is not defined is null.
func (m *Minimiser) MarshalJSON() ([]byte, error) {
	var o object.Object
	m.fields(&o)
	return o.JSON()
}

// fields writes the fields of the object.
func (m *Minimiser) fields(o *object.Object) {
	o.Field("k", m.K)
	o.Field("n", m.N)
	o.Field("d", m.D)
	o.Field("lambda_w", m.LambdaW)
	o.Field("lambda_h", m.LambdaH)
	o.Field("lambda_b", m.LambdaB)
	o.Field("delta", m.Delta)
	for _, metric := range metrics {
		o.Field(metric.Key, object.Number(metric.Value(m)))
	}
	o.Field("gap", m.Gap)
	o.Field("hessian_h", m.HessianH)
	o.Field("hessian_w", m.HessianW)
	notes := map[string]string{}
	maps.Copy(notes, m.Notes)
	o.Field("notes", notes)
}

// pair is an unevaluated sum hi + lo with |lo| ≤ ulp(hi)/2: about 32 digits. Only 1−s−δ needs it,
// where the rounding of s alone would exceed the bound on the error.
type pair struct{ hi, lo float64 }

func twoSum(a, b float64) pair {
	s := a + b
	t := s - a
	return pair{s, (a - (s - t)) + (b - t)}
}

func twoProduct(a, b float64) pair {
	p := a * b
	return pair{p, math.FMA(a, b, -p)}
}

func (x pair) times(f float64) pair {
	p := twoProduct(x.hi, f)
	return twoSum(p.hi, p.lo+x.lo*f)
}

func (x pair) plus(f float64) pair {
	s := twoSum(x.hi, f)
	return twoSum(s.hi, s.lo+x.lo)
}

func (x pair) sqrt() pair {
	r := math.Sqrt(x.hi)
	return twoSum(r, (math.FMA(-r, r, x.hi)+x.lo)/(2*r))
}

// scale returns s = K√(n λ_W λ_H). Inside Validate's ranges nothing under- or overflows.
func scale(k, n, lambdaW, lambdaH float64) pair {
	return twoProduct(lambdaW, lambdaH).times(n).sqrt().times(k)
}
