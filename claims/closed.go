package claims

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/ufm"
)

// closed decides a claim by computing alone. The computation has fixed seeds, so that it runs once.
func closed(compute func() finding) func(*evidence) Outcome {
	once := sync.OnceValue(compute)
	return func(*evidence) Outcome { return closedOutcome(once()) }
}

func closedOutcome(f finding) Outcome {
	o := (&group{scale: ClosedForm}).outcome(f, nil)
	o.Seeds, o.SeedsNeeded = 0, 0
	return o
}

// closedAnd decides a claim with a part on closed forms and one on runs: both must hold.
func closedAnd(compute func() finding, onRuns func(*evidence) Outcome) func(*evidence) Outcome {
	once := sync.OnceValue(compute)
	return func(e *evidence) Outcome {
		c := closedOutcome(once())
		if c.Verdict != Holds {
			return c
		}
		o := onRuns(e)
		o.Note = sentences("Closed form: holds", c.Note, "Runs: "+lower(o.Note))
		return o
	}
}

// closedOr decides a claim that free features decide by computing. Runs of a network that decide it
// too must agree; runs that do not are listed as missing.
func closedOr(compute func() finding, onRuns func(*evidence) Outcome) func(*evidence) Outcome {
	once := sync.OnceValue(compute)
	return func(e *evidence) Outcome {
		c, o := closedOutcome(once()), onRuns(e)
		if c.Verdict != Holds || o.Verdict == NotDecided {
			c.Note = sentences("Free features: "+lower(c.Note), fmt.Sprintf("Networks: %s", o.Verdict), o.Note)
			c.Caveats = o.Caveats
			return c
		}
		o.Note = sentences("Free features: holds", c.Note, "Networks: "+lower(o.Note))
		return o
	}
}

// computed is the finding of a computation; effect is its largest error or what note says.
func computed(holds bool, effect float64, format string, args ...any) finding {
	f := undecided(0, fmt.Sprintf(format, args...))
	f.verdict, f.effect, f.needed = verdictOf(holds), effect, 0
	return f
}

// failed is the finding of a computation that could not be done.
func failed(err error) finding { return undecided(0, err.Error()) }

// random returns the generator of a claim's random cases.
func random(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(2021, stream)) }

func gaussian(rng *rand.Rand, n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = rng.NormFloat64()
	}
	return v
}

// centre subtracts the mean row of a K×d matrix.
func centre(v []float64, k, d int) {
	for j := range d {
		var sum float64
		for i := range k {
			sum += v[i*d+j]
		}
		for i := range k {
			v[i*d+j] -= sum / float64(k)
		}
	}
}

// measure returns the collapse of a classifier and of class means, each K×d, with one sample per
// class.
func measure(w, means []float64, k, d int) (*nc.Summary, error) {
	labels := make([]int32, k)
	for i := range labels {
		labels[i] = int32(i)
	}
	s, err := nc.Measure(nc.Slices(means, labels), nc.Classifier{K: k, D: d, W: w}, nc.Options{})
	if err != nil {
		return nil, fmt.Errorf("claims: %w", err)
	}
	return s, nil
}

// rotated turns the rows of a K×d matrix by a random rotation.
func rotated(v []float64, k, d int, rng *rand.Rand) []float64 {
	var qr mat.QR
	qr.Factorize(mat.NewDense(d, d, gaussian(rng, d*d)))
	var q, out mat.Dense
	qr.QTo(&q)
	out.Mul(mat.NewDense(k, d, v), &q)
	return out.RawMatrix().Data
}

// sameETF: for any W and H̄ with ‖W/‖W‖ − H̄/‖H̄‖‖ = NC3, W's own distance from an ETF is at most
// NC2 + 2√K·NC3, and so is H̄'s: with A and B the normed matrices ‖AᵀA − AᵀB‖ ≤ NC3, and ‖AᵀA‖ ≥
// 1/√K. So it is 0 where both are 0. The bound is tried on random matrices and around an ETF, and
// at an ETF itself both distances are 0 to 1e-9.
func sameETF() finding {
	rng := random(1)
	exact, excess, still := 0.0, 0.0, 0.0
	for _, k := range []int{2, 3, 5, 10} {
		for _, d := range []int{k - 1, k, k + 7} {
			etf := rotated(ufm.Frame(k, d), k, d, rng)
			noiseW, noiseH := gaussian(rng, k*d), gaussian(rng, k*d)
			centre(noiseH, k, d)
			before := math.Inf(1)
			for _, eps := range []float64{math.Inf(1), 1e-2, 1e-3, 1e-4, 1e-5, 0} {
				w, h := slices.Clone(noiseW), slices.Clone(noiseH)
				if !math.IsInf(eps, 1) { // else without an ETF
					floats.AddScaledTo(w, etf, eps/math.Sqrt(float64(d)), noiseW)
					floats.AddScaledTo(h, etf, eps/math.Sqrt(float64(d)), noiseH)
					floats.Scale(0.3, w)
				}
				c, err := measure(w, h, k, d)
				if err != nil {
					return failed(err)
				}
				own, bound := max(c.FrameW.ETF, c.FrameH.ETF), c.NC2+2*math.Sqrt(float64(k))*c.NC3
				excess = max(excess, own-bound)
				switch {
				case eps == 0:
					exact = max(exact, own, c.NC2, c.NC3)
				case eps <= 1e-3 && own > 0.5*before:
					still = max(still, own)
				}
				before = own
			}
		}
	}
	return computed(exact < 1e-9 && excess < 1e-9 && still == 0, exact,
		"W and H̄ are ETFs to %.1g where NC2 and NC3 are 0; W's and H̄'s own distances stay below NC2 + 2√K·NC3 for "+
			"random matrices and go to 0 with the perturbation", exact)
}

// nearestMeanAtCollapse: W = αH̄ with an ETF and b = 0 decides as the nearest mean for any h. With
// means around h_G ≠ 0 the bias must be −W h_G.
func nearestMeanAtCollapse() finding {
	rng := random(2)
	differ, all := 0, 0
	for _, k := range []int{2, 3, 10, 100} {
		d := k + 3
		means := rotated(ufm.Frame(k, d), k, d, rng)
		for _, offset := range []float64{0, 2} {
			g := gaussian(rng, d)
			floats.Scale(offset, g)
			for range 1000 {
				h := gaussian(rng, d)
				floats.Add(h, g)
				best, nearest := 0, 0
				top, least := math.Inf(-1), math.Inf(1)
				for c := range k {
					m := means[c*d : (c+1)*d]
					z := 1.7 * (floats.Dot(m, h) - floats.Dot(m, g))
					var far float64
					for j := range d {
						far += (h[j] - g[j] - m[j]) * (h[j] - g[j] - m[j])
					}
					if z > top {
						best, top = c, z
					}
					if far < least {
						nearest, least = c, far
					}
				}
				all++
				if best != nearest {
					differ++
				}
			}
		}
	}
	return computed(differ == 0, float64(differ), "%d of %d random features are decided differently", differ, all)
}

// crossEntropy is −Σ y_j log p_j.
func crossEntropy(y, p []float64) (sum float64) {
	for j, v := range p {
		if y[j] > 0 {
			sum -= y[j] * math.Log(v)
		}
	}
	return sum
}

// label is y^δ of class 0.
func label(k int, delta float64) []float64 {
	y := make([]float64, k)
	for j := range y {
		y[j] = delta / float64(k)
	}
	y[0] += 1 - delta
	return y
}

// jensen: at a fixed p of the target the smoothed loss is least with equal others, and only there;
// CE does not change.
func jensen() finding {
	rng := random(3)
	worst, ce, cases := 0.0, 0.0, 0
	strict := true
	for _, k := range []int{3, 5, 10, 100} {
		for range 200 {
			delta, target := 0.01+0.9*rng.Float64(), 0.01+0.98*rng.Float64()
			p, equal := make([]float64, k), make([]float64, k)
			for j := 1; j < k; j++ {
				p[j] = rng.ExpFloat64() + 1e-6
			}
			floats.Scale((1-target)/floats.Sum(p), p)
			p[0], equal[0] = target, target
			for j := 1; j < k; j++ {
				equal[j] = (1 - target) / float64(k-1)
			}
			y := label(k, delta)
			// Eq 8's right side: −(1−δ+δ/K) log p_t − δ(K−1)/K · log((1−p_t)/(K−1)).
			bound := -(1-delta+delta/float64(k))*math.Log(target) -
				delta*float64(k-1)/float64(k)*math.Log((1-target)/float64(k-1))
			worst = max(worst, math.Abs(crossEntropy(y, equal)-bound))
			strict = strict && crossEntropy(y, p) > bound+1e-12
			one := label(k, 0)
			ce = max(ce, math.Abs(crossEntropy(one, p)-crossEntropy(one, equal)))
			cases++
		}
	}
	return computed(strict && worst < 1e-12 && ce < 1e-12, max(worst, ce),
		"in %d random cases the loss is above the bound unless the others are equal, where it meets it to "+
			"%.1g; CE changes by %.1g",
		cases, worst, ce)
}

// largestCosine is the largest cosine of two of K rows.
func largestCosine(v []float64, k, d int) float64 {
	most := -1.0
	for i := range k {
		for j := range i {
			a, b := v[i*d:(i+1)*d], v[j*d:(j+1)*d]
			most = max(most, floats.Dot(a, b)/floats.Norm(a, 2)/floats.Norm(b, 2))
		}
	}
	return most
}

// maxSeparation: no K vectors, random or near an ETF, have all cosines below −1/(K−1), which an ETF
// reaches.
func maxSeparation() finding {
	rng := random(4)
	reached, below, cases := 0.0, 0.0, 0
	for _, k := range []int{2, 3, 5, 10, 50} {
		for _, d := range []int{max(2, k-1), k + 3} {
			bound := -1 / float64(k-1)
			etf := rotated(ufm.Frame(k, d), k, d, rng)
			reached = max(reached, math.Abs(largestCosine(etf, k, d)-bound))
			for i := range 100 {
				v := gaussian(rng, k*d)
				if i%2 == 1 {
					floats.Scale(math.Pow(10, -4*rng.Float64()), v)
					floats.Add(v, etf)
				}
				below = max(below, bound-largestCosine(v, k, d))
				cases++
			}
		}
	}
	return computed(reached < 1e-12 && below < 1e-12, reached,
		"an ETF reaches −1/(K−1) to %.1g, and none of %d other sets of vectors is below it", reached, cases)
}

// factors returns W and H, each K×d, with W Hᵀ = Z (K×K) and the least λ_W‖W‖² + λ_H‖H‖², from Z's
// singular values, and the sum of these.
func factors(z *mat.Dense, d int, lambdaW, lambdaH float64) (w, h *mat.Dense, nuclear float64) {
	k, _ := z.Dims()
	var svd mat.SVD
	svd.Factorize(z, mat.SVDThin)
	var u, v mat.Dense
	svd.UTo(&u)
	svd.VTo(&v)
	w, h = mat.NewDense(k, d, nil), mat.NewDense(k, d, nil)
	ratio := math.Pow(lambdaH/lambdaW, 0.25)
	for j, s := range svd.Values(nil) {
		nuclear += s
		for i := range k {
			w.Set(i, j, u.At(i, j)*math.Sqrt(s)*ratio)
			h.Set(i, j, v.At(i, j)*math.Sqrt(s)/ratio)
		}
	}
	return w, h, nuclear
}

// convexEquivalent: over WᵀH = Z the least of λ_W‖W‖² + λ_H‖H‖² is 2√(λ_Wλ_H)‖Z‖_*.
func convexEquivalent() finding {
	rng := random(5)
	worst, below, cases := 0.0, 0.0, 0
	for range 50 {
		k, d := 2+rng.IntN(8), 12
		lw, lh := math.Pow(10, -3*rng.Float64()), math.Pow(10, -3*rng.Float64())
		z := mat.NewDense(k, k, gaussian(rng, k*k))
		w, h, nuclear := factors(z, d, lw, lh)
		bound := 2 * math.Sqrt(lw*lh) * nuclear
		penalty := func(w, h *mat.Dense) float64 {
			return lw*math.Pow(mat.Norm(w, 2), 2) + lh*math.Pow(mat.Norm(h, 2), 2)
		}
		var back mat.Dense
		back.Mul(w, h.T())
		back.Sub(&back, z)
		worst = max(worst, math.Abs(penalty(w, h)/bound-1), mat.Norm(&back, 2)/mat.Norm(z, 2))
		for range 10 { // any other factors: W A and H A⁻ᵀ
			a := mat.NewDense(d, d, gaussian(rng, d*d))
			for i := range d {
				a.Set(i, i, a.At(i, i)+4)
			}
			var inverse, wa, ha mat.Dense
			if err := inverse.Inverse(a); err != nil {
				continue
			}
			wa.Mul(w, a)
			ha.Mul(h, inverse.T())
			below = max(below, 1-penalty(&wa, &ha)/bound)
			cases++
		}
	}
	return computed(worst < 1e-9 && below < 1e-9, worst,
		"the singular vectors' factors reach the bound to %.1g, and none of %d others is below it", worst, cases)
}

// leastFactorsOfETF: with Z = cJ the penalty's least factors are ETFs; without the penalty W A and
// H̄ A⁻ᵀ have the same logits and are not.
func leastFactorsOfETF() finding {
	rng := random(6)
	worst, counter := 0.0, math.Inf(1)
	for _, k := range []int{3, 5, 10} {
		d := k + 2
		z := mat.NewDense(k, k, nil)
		for i := range k {
			for j := range k {
				z.Set(i, j, -2.5/float64(k))
			}
			z.Set(i, i, 2.5-2.5/float64(k))
		}
		w, h, _ := factors(z, d, 1e-3, 1e-6)
		c, err := measure(w.RawMatrix().Data, h.RawMatrix().Data, k, d)
		if err != nil {
			return failed(err)
		}
		worst = max(worst, c.NC2, c.FrameW.ETF, c.FrameH.ETF)
		a := mat.NewDense(d, d, gaussian(rng, d*d))
		var inverse, wa, ha mat.Dense
		if err := inverse.Inverse(a); err != nil {
			return failed(err)
		}
		wa.Mul(w, a)
		ha.Mul(h, inverse.T())
		other, err := measure(wa.RawMatrix().Data, ha.RawMatrix().Data, k, d)
		if err != nil {
			return failed(err)
		}
		worst = max(worst, other.NC2)
		counter = min(counter, other.FrameW.ETF, other.FrameH.ETF)
	}
	return computed(worst < 1e-9 && counter > 0.01, worst,
		"the factors of cJ with the smallest penalty are ETFs to rounding; without a penalty, other factors of the "+
			"same logits are at distances of %.2g and more from an ETF", counter)
}

// closedNorms returns the closed form's norms for the runs of a δ.
func (g *group) closedNorms(a arm) (w, h float64, err error) {
	r := a.runs[0]
	k := r.Model.Classes
	if k < 2 {
		return nan, nan, fmt.Errorf("claims: %s does not say how many classes it has",
			strings.Join(names([]*record.Record{r}), ""))
	}
	m, err := ufm.Params{K: k, N: r.Data.Train / k, D: r.Model.Features, LambdaW: g.spec.LambdaW,
		LambdaH: g.spec.LambdaH, LambdaB: g.spec.LambdaB, Delta: a.delta}.Minimiser()
	if err != nil {
		return nan, nan, fmt.Errorf("claims: %w", err)
	}
	if m.A == 0 {
		return nan, nan, fmt.Errorf("claims: at δ = %g the closed form is zero, and no relative error is defined",
			a.delta)
	}
	return m.WNorm, m.HNorm, nil
}
