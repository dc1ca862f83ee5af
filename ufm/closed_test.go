package ufm

import (
	"encoding/json"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

// The reference is evaluated with 400 bits (1−p cancels up to 270 of them), from the same float64
// inputs and straight from the paper's formulas.
const precision = 400

func num(v float64) *big.Float         { return new(big.Float).SetPrec(precision).SetFloat64(v) }
func zero() *big.Float                 { return new(big.Float).SetPrec(precision) }
func mul(a, b *big.Float) *big.Float   { return zero().Mul(a, b) }
func div(a, b *big.Float) *big.Float   { return zero().Quo(a, b) }
func plus(a, b *big.Float) *big.Float  { return zero().Add(a, b) }
func minus(a, b *big.Float) *big.Float { return zero().Sub(a, b) }
func bigSqrt(a *big.Float) *big.Float  { return zero().Sqrt(a) }
func product(v ...*big.Float) (p *big.Float) {
	p = num(1)
	for _, x := range v {
		p = mul(p, x)
	}
	return p
}

// ln2 is 2·atanh(1/3).
var ln2 = mul(num(2), atanh(div(num(1), num(3))))

// atanh sums the series x + x³/3 + x⁵/5 + … for |x| ≤ 1/3.
func atanh(x *big.Float) *big.Float {
	sum, power, square := zero(), zero().Set(x), mul(x, x)
	for i := 1; i < 300; i += 2 {
		sum = plus(sum, div(power, num(float64(i))))
		power = mul(power, square)
	}
	return sum
}

// bigLog returns log v: v = m·2^e with m in [½, 1), and log m = 2·atanh((m−1)/(m+1)).
func bigLog(v *big.Float) *big.Float {
	m := zero()
	e := v.MantExp(m)
	return plus(mul(num(float64(e)), ln2), mul(num(2), atanh(div(minus(m, num(1)), plus(m, num(1))))))
}

// reference returns every metric by its key, 1−s−δ, and the non-zero eigenvalues of both blocks.
func reference(p Params) (metrics map[string]*big.Float, gap *big.Float, h, w []*big.Float) {
	k, n, one := num(float64(p.K)), num(float64(p.N)), num(1)
	lw, lh, delta := num(p.LambdaW), num(p.LambdaH), num(p.Delta)
	k1 := minus(k, one)
	s := mul(k, bigSqrt(product(n, lw, lh)))
	sum := plus(s, delta)
	gap = minus(one, sum)
	a, pn := zero(), div(one, k)
	if gap.Sign() > 0 {
		a = bigLog(plus(minus(div(k, sum), k), one))
		pn = div(sum, k)
	}
	pt := minus(one, mul(k1, pn))
	ratio := bigSqrt(div(mul(n, lh), lw))
	cw2, ch2 := mul(a, ratio), div(a, ratio)
	share := div(k1, k)
	smooth := div(delta, k)
	loss := zero().Neg(mul(plus(minus(one, delta), smooth), bigLog(pt)))
	loss = minus(loss, product(k1, smooth, bigLog(pn)))
	// ‖W‖² = (K−1) c_W², ‖H‖² = n(K−1) c_H².
	objective := plus(loss, plus(product(num(0.5), lw, k1, cw2), product(num(0.5), lh, n, k1, ch2)))
	kappa := mul(k, pt)
	metrics = map[string]*big.Float{
		"s": s, "a": a, "w_norm": bigSqrt(mul(share, cw2)), "h_norm": bigSqrt(mul(share, ch2)),
		"p_t": pt, "p_n": pn, "loss": loss, "objective": objective,
	}
	if gap.Sign() > 0 {
		N := mul(k, n)
		if p.K > 2 {
			metrics["kappa_h"], metrics["kappa_w"] = kappa, kappa
			h = append(h, div(mul(cw2, pn), N))
			w = append(w, div(mul(ch2, pn), k), div(product(ch2, pn, plus(mul(k1, pt), pn)), k))
		} else {
			metrics["kappa_h"], metrics["kappa_w"] = one, one
		}
		h = append(h, div(product(cw2, k, pt, pn), N))
		w = append(w, product(ch2, pt, pn))
	}
	return metrics, gap, h, w
}

// TestClosedForm compares with the reference over the whole admissible range, and
// close to the collapse.
func TestClosedForm(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	near, collapsed := 0, 0
	for range 1500 {
		p := drawParams(rng)
		m, err := p.Minimiser()
		if err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
		gap := checkReference(t, m)
		if gap < 1e-3 {
			near++
		}
		if gap <= 0 {
			collapsed++
		}
	}
	if near < 200 || collapsed < 50 {
		t.Errorf("%d near the collapse, %d collapsed: the draw does not cover them", near, collapsed)
	}
}

// drawParams draws admissible parameters, some of them close to the collapse or beyond it.
func drawParams(rng *rand.Rand) Params {
	k := 2 + int(math.Exp(rng.Float64()*math.Log(1e6-1)))
	p := Params{K: k, N: int(math.Exp(rng.Float64() * 12)), LambdaB: 1}
	p.D = p.K - 1 + rng.IntN(3)
	p.Delta = []float64{0, rng.Float64(), 1e-12 * rng.Float64(), 1 - 1e-9*rng.Float64(), 0.05}[rng.IntN(5)]
	exponent := 90.0
	p.LambdaW = math.Pow(10, exponent*(2*rng.Float64()-1))
	s := (1 - p.Delta) * rng.Float64()
	switch rng.IntN(4) {
	case 0:
		s = math.Pow(10, -80*rng.Float64())
	case 1: // at a relative distance of 1e-3 … 1e-15 from the collapse
		s = (1 - p.Delta) * (1 - math.Pow(10, -3-12*rng.Float64()))
	case 2:
		s = rng.Float64() * 2
	}
	root := s / float64(p.K)
	p.LambdaH = root * root / float64(p.N) / p.LambdaW
	if !(p.LambdaH >= MinLambda && p.LambdaH <= MaxLambda) {
		p.LambdaW = root
		p.LambdaH = root / float64(p.N)
	}
	return p
}

// checkReference compares a minimiser with the reference, and returns the reference's 1−s−δ.
func checkReference(t *testing.T, m *Minimiser) float64 {
	t.Helper()
	p := m.Params
	want, bigGap, h, w := reference(p)
	gap, _ := bigGap.Float64()
	bound := 1e-12
	if gap > 0 && gap < 1e-3 {
		bound = 1e-15 / gap
	}
	check := func(name string, got float64, want *big.Float) {
		t.Helper()
		if want.Sign() == 0 {
			if got != 0 {
				t.Errorf("%+v: %s = %v, want 0", p, name, got)
			}
			return
		}
		e, _ := div(minus(num(got), want), want).Float64()
		if math.Abs(e) > bound {
			t.Errorf("%+v, 1−s−δ = %.3g: %s = %.17g, want %.20g, relative error %.2g above %.2g",
				p, gap, name, got, want, e, bound)
		}
	}
	for _, metric := range Metrics() {
		v, ok := want[metric.Key]
		if got := metric.Value(m); ok {
			check(metric.Key, got, v)
		} else if !math.IsNaN(got) || m.Notes[metric.Key] == "" {
			t.Errorf("%+v: %s = %v with note %q; want NaN and a note", p, metric.Key, got, m.Notes[metric.Key])
		}
	}
	for _, side := range []struct {
		name string
		got  Spectrum
		want []*big.Float
	}{{"H", m.HessianH, h}, {"W", m.HessianW, w}} {
		var values []float64
		for _, e := range side.got {
			if e.Value > 0 {
				values = append(values, e.Value)
			}
		}
		if len(values) == len(side.want) {
			for i, v := range values {
				check("eigenvalue of "+side.name, v, side.want[i])
			}
		} else if gap > 1e-12 {
			t.Errorf("%+v: block %s has eigenvalues %v, want %d", p, side.name, values, len(side.want))
		}
	}
	n := int64(p.K) * int64(p.N) * int64(p.D)
	if m.HessianH.Size() != n || m.HessianW.Size() != int64(p.K)*int64(p.D) {
		t.Errorf("%+v: multiplicities add up to %d and %d", p, m.HessianH.Size(), m.HessianW.Size())
	}
	return gap
}

// TestPaperSetting: the paper's simulated UFM.
func TestPaperSetting(t *testing.T) {
	for _, c := range []struct{ delta, w, h, kappaWL2, full float64 }{
		{0, 3.4987, 1.5647, 6.96, 11.9}, {0.05, 3.1278, 1.3988, 15.7, 29.4}, {0.1, 2.9371, 1.3135, 21.87, 41.75},
	} {
		p := PaperParams()
		p.Delta = c.delta
		m, err := p.Minimiser()
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(m.WNorm-c.w) > 5e-5 || math.Abs(m.HNorm-c.h) > 5e-5 {
			t.Errorf("δ = %v: ‖w‖ = %.5f, ‖h‖ = %.5f, want %v, %v", c.delta, m.WNorm, m.HNorm, c.w, c.h)
		}
		// With the penalties label smoothing has the larger condition number.
		got := m.Conditions()
		if math.Abs(got.WL2-c.kappaWL2) > 0.05 || math.Abs(got.Full-c.full) > 0.05 {
			t.Errorf("δ = %v: with L2 κ = %v (W), %v (all), want %v, %v",
				c.delta, got.WL2, got.Full, c.kappaWL2, c.full)
		}
		if got.NullH != 50000*503 || got.NullW != 10*512-81 {
			t.Errorf("δ = %v: null spaces %d, %d", c.delta, got.NullH, got.NullW)
		}
	}
}

// TestCrossings: at the s that Crossings returns both conditions are equal, and the
// order is as it says around them.
func TestCrossings(t *testing.T) {
	p := PaperParams()
	full := (*Minimiser).KappaFull
	first, all, err := p.Crossings(full)
	if err != nil || !first || len(all) != 2 || all[0].Worse || !all[1].Worse {
		t.Fatalf("crossings %v %v, %v", first, all, err)
	}
	gain := func(s float64) float64 {
		var v [2]float64
		for i, d := range []float64{0, p.Delta} {
			q := p.WithS(s)
			q.Delta = d
			m, err := q.Minimiser()
			if err != nil {
				t.Fatal(err)
			}
			v[i] = m.Conditions().Full
		}
		return v[1]/v[0] - 1
	}
	for _, c := range all {
		below, at, above := gain(c.S*0.98), gain(c.S), gain(c.S*1.02)
		if math.Abs(at) > 1e-6 || (above > 0) != c.Worse || (below > 0) == c.Worse {
			t.Errorf("around %+v: %v, %v, %v", c, below, at, above)
		}
	}
	// The theorem's own number never crosses.
	first, all, err = p.Crossings(func(m *Minimiser) float64 { return m.KappaH })
	if err != nil || first || len(all) != 0 {
		t.Errorf("Eq 15: crossings %v %v, %v", first, all, err)
	}
}

// TestWithS: s is what was asked for, and the ratio of the norms stays.
func TestWithS(t *testing.T) {
	p := Params{K: 10, N: 50, D: 12, LambdaW: 3e-3, LambdaH: 2e-6, LambdaB: 1e-2, Delta: 0.05}
	before, err := p.Minimiser()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []float64{1e-6, 0.02, 0.7} {
		m, err := p.WithS(s).Minimiser()
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(m.S/s-1) > 1e-14 || math.Abs(m.WNorm/m.HNorm*before.HNorm/before.WNorm-1) > 1e-12 {
			t.Errorf("WithS(%v): s = %v, norms %v and %v", s, m.S, m.WNorm, m.HNorm)
		}
	}
}

func TestSmall(t *testing.T) {
	p := PaperParams()
	a, err := p.Minimiser()
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Small(3, 4).Minimiser()
	if err != nil {
		t.Fatal(err)
	}
	if b.N != 3 || b.D != 9 {
		t.Errorf("small model has n = %d, d = %d", b.N, b.D)
	}
	for _, m := range Metrics() {
		if v, w := m.Value(a), m.Value(b); math.Abs(v-w) > 1e-12*math.Abs(v) {
			t.Errorf("%s: %v, small %v", m.Key, v, w)
		}
	}
}

func TestValidate(t *testing.T) {
	good := PaperParams()
	for name, change := range map[string]func(*Params){
		"K = 1":                   func(p *Params) { p.K = 1 },
		"n = 0":                   func(p *Params) { p.N = 0 },
		"d = 8 is outside [K−1":   func(p *Params) { p.D = 8 },
		"λ_W = 0 is outside":      func(p *Params) { p.LambdaW = 0 },
		"λ_H = NaN":               func(p *Params) { p.LambdaH = math.NaN() },
		"λ_b = +Inf":              func(p *Params) { p.LambdaB = math.Inf(1) },
		"λ_W = -1":                func(p *Params) { p.LambdaW = -1 },
		"λ_H = 1e-101":            func(p *Params) { p.LambdaH = 1e-101 },
		"δ = 1 is outside [0, 1)": func(p *Params) { p.Delta = 1 },
		"δ = NaN":                 func(p *Params) { p.Delta = math.NaN() },
		"is more than 2^62":       func(p *Params) { p.N, p.D = 1<<35, 1<<35 },
	} {
		p := good
		change(&p)
		if _, err := p.Minimiser(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// FuzzMinimiser: any parameters give an error, or metrics that are finite or have a note, and JSON.
func FuzzMinimiser(f *testing.F) {
	f.Add(10, 5000, 512, 1e-3, 1e-6, 1e-2, 0.05)
	f.Add(2, 1, 1, 1e-100, 1e100, 1e-100, 0.0)
	f.Add(1<<31, 1, 1<<31, 1e-100, 1e-100, 1.0, 5e-324)
	f.Add(3, 7, 2, 0.1, 0.1, 1.0, 0.999)
	f.Fuzz(func(t *testing.T, k, n, d int, lw, lh, lb, delta float64) {
		m, err := Params{k, n, d, lw, lh, lb, delta}.Minimiser()
		if err != nil {
			return
		}
		for _, metric := range Metrics() {
			v := metric.Value(m)
			if math.IsInf(v, 0) || math.IsNaN(v) && m.Notes[metric.Key] == "" || v < 0 {
				t.Errorf("%+v: %s = %v", m.Params, metric.Key, v)
			}
		}
		for _, s := range []Spectrum{m.HessianH, m.HessianW, m.FullHessian(FullOptions{L2: true, Bias: true})} {
			for _, e := range s {
				if math.IsNaN(e.Value) || math.IsInf(e.Value, 0) || e.Count <= 0 {
					t.Errorf("%+v: spectrum %v", m.Params, s)
				}
			}
		}
		if b, err := json.Marshal(m); err != nil || !json.Valid(b) {
			t.Errorf("%+v: JSON %v", m.Params, err)
		}
	})
}
