package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func normals(r *rand.Rand, n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = r.NormFloat64()
	}
	return v
}

// TestMeanLevel: the level 95 % gives the quantile at .975 itself, so that intervals keep
// their bits whichever of the two is asked for.
func TestMeanLevel(t *testing.T) {
	if level := 0.95; (1+level)/2 != 0.975 {
		t.Error((1 + level) / 2)
	}
	e, err := Mean([]float64{3, 3, 3}, 0.95)
	if err != nil || e.Interval != (Interval{0.95, 3, 3}) {
		t.Error(e, err)
	}
}

// TestPairedSides: exchanging the two sides exchanges signs and one-sided p values; the
// interval holds 0 exactly where p is above 1 − level, and so does that of d_z.
func TestPairedSides(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := 2; n < 12; n++ {
		a, b := normals(r, n), normals(r, n)
		d, _ := Differences(a, b)
		e, _ := Differences(b, a)
		p, err := PairedT(d, 0.9)
		q, err2 := PairedT(e, 0.9)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		near(t, "t of the other side", q.T, -p.T, 1e-14)
		near(t, "one-sided p", q.PLess, p.PGreater, 1e-14)
		near(t, "sum of one-sided p", p.PLess+p.PGreater, 1, 1e-14)
		near(t, "two-sided p", p.P, 2*math.Min(p.PLess, p.PGreater), 1e-14)
		near(t, "end of the effect", q.EffectInterval.Low, -p.EffectInterval.High, 1e-9)
		if in := p.P > 0.1; p.Interval.Holds(0) != in || p.EffectInterval.Holds(0) != in {
			t.Errorf("p %v, interval %v, of d_z %v", p.P, p.Interval, p.EffectInterval)
		}
	}
}

// TestTOSTSymmetric: mirrored differences and margins give the mirrored result, margins
// further apart a smaller p, and the 90 % interval lies between the margins where p < .05.
func TestTOSTSymmetric(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		d := normals(r, 6)
		mirrored := make([]float64, len(d))
		for i := range d {
			mirrored[i] = -d[i]
		}
		q, err := TOST(d, -0.7, 1.1, 0.05)
		m, err2 := TOST(mirrored, -1.1, 0.7, 0.05)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		near(t, "mirrored p", m.P, q.P, 1e-14)
		near(t, "mirrored lower p", m.PLower, q.PUpper, 1e-14)
		if wide, _ := TOST(d, -1.4, 2.2, 0.05); wide.P > q.P {
			t.Errorf("p %v, with wider margins %v", q.P, wide.P)
		}
		if inside := q.Interval.Low > q.Lower && q.Interval.High < q.Upper; inside != q.Equivalent {
			t.Errorf("p %v, interval %v", q.P, q.Interval)
		}
	}
}

// TestHolmOrder: adjusted values are at least the raw ones, at most Bonferroni's, and
// in the same order; one test is not changed.
func TestHolmOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for n := 1; n < 20; n++ {
		p := make([]float64, n)
		for i := range p {
			p[i] = math.Pow(r.Float64(), 3)
		}
		kept := slices.Clone(p)
		a, err := Holm(p)
		if err != nil || !slices.Equal(p, kept) {
			t.Fatal(p, err)
		}
		for i := range p {
			if a[i] < p[i] || a[i] > math.Min(1, float64(n)*p[i]) {
				t.Errorf("p %v of %d, adjusted %v", p[i], n, a[i])
			}
			for j := range p {
				if p[i] <= p[j] && a[i] > a[j] {
					t.Errorf("p %v and %v, adjusted %v and %v", p[i], p[j], a[i], a[j])
				}
			}
		}
		if rejected := closedTest(p); n < 10 && !slices.Equal(rejected, below(a, 0.05)) {
			t.Errorf("p %v: closed test rejects %v, Holm's values are %v", p, rejected, a)
		}
	}
}

// closedTest rejects a hypothesis at 5 % where Bonferroni's test rejects every set of
// hypotheses that holds it: what Holm's method is short for.
func closedTest(p []float64) []bool {
	rejected := slices.Repeat([]bool{true}, len(p))
	for set := 1; set < 1<<len(p); set++ {
		least, size := 1.0, 0
		for i := range p {
			if set>>i&1 == 1 {
				least, size = math.Min(least, p[i]), size+1
			}
		}
		for i := range p {
			if set>>i&1 == 1 && least*float64(size) > 0.05 {
				rejected[i] = false
			}
		}
	}
	return rejected
}

func below(v []float64, limit float64) []bool {
	out := make([]bool, len(v))
	for i, x := range v {
		out[i] = x <= limit
	}
	return out
}

// TestNoncentralTIdentities: without a shift it is Student's t; mirrored it is its own
// complement; at t = 0 it is the normal distribution; it decreases in the shift.
func TestNoncentralTIdentities(t *testing.T) {
	for _, df := range []int{1, 2, 5, 40, 5000} {
		for _, x := range []float64{-30, -2, -0.1, 0, 0.3, 1, 7, 1e3} {
			last := 2.0
			for _, shift := range []float64{-20, -1, 0, 0.5, 3, 60} {
				below, above, err := NoncentralT(x, df, shift)
				if err != nil {
					t.Fatal(err)
				}
				near(t, "sum", below+above, 1, 1e-14)
				_, mirrored, _ := NoncentralT(-x, df, -shift)
				near(t, "mirror", mirrored, below, 1e-14)
				if below > last {
					t.Errorf("t %v, df %d: increases to %v at shift %v", x, df, below, shift)
				}
				last = below
				if shift == 0 {
					near(t, "central", below, student(df).CDF(x), 1e-12)
				}
				if x == 0 {
					near(t, "at 0", below, math.Erfc(shift/math.Sqrt2)/2, 1e-14)
				}
			}
		}
	}
}

// TestPowerIncreases: in the pairs, in the effect and in alpha; without an effect it is alpha.
func TestPowerIncreases(t *testing.T) {
	at := func(effect float64, n int, alpha float64) float64 {
		p, err := Power(effect, n, alpha)
		if err != nil || p < 0 || p > 1 {
			t.Fatal(p, err)
		}
		return p
	}
	for n := 2; n < 60; n++ {
		near(t, "power without effect", at(0, n, 0.03), 0.03, 1e-12)
		p := at(0.4, n, 0.05)
		if at(0.4, n+1, 0.05) <= p || at(0.41, n, 0.05) <= p || at(0.4, n, 0.06) <= p || at(-0.4, n, 0.05) != p {
			t.Errorf("power at %d is %v", n, p)
		}
	}
}

// TestPowerBySimulation: the power is the share of simulated experiments that reject.
func TestPowerBySimulation(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	const runs = 20000
	rejected := 0
	limit := critical(4, 0.975)
	for range runs {
		d := normals(r, 5)
		for i := range d {
			d[i] += 1.2
		}
		e, _ := Mean(d, 0.95)
		if math.Abs(e.Mean/e.SD*math.Sqrt(5)) > limit {
			rejected++
		}
	}
	want, _ := Power(1.2, 5, 0.05)
	near(t, "share rejected", float64(rejected)/runs, want, 4*math.Sqrt(want*(1-want)/runs))
}

// TestPairsNeeded: the number is the least by trying all, and an effect too small for
// the limit says so.
func TestPairsNeeded(t *testing.T) {
	for _, effect := range []float64{0.3, -0.9, 2, 50} {
		n, err := PairsNeeded(effect, 0.05, 0.8, 300)
		if err != nil {
			t.Fatal(err)
		}
		least := 2
		for power(effect, least, 0.05) < 0.8 {
			least++
		}
		if n.N != least || n.More() {
			t.Errorf("effect %v: %v, want %d", effect, n, least)
		}
	}
	for _, effect := range []float64{0, 0.01} {
		n, err := PairsNeeded(effect, 0.05, 0.8, 100)
		if err != nil || !n.More() || n.String() != "more than 100" || n.Power >= 0.8 || n.Power < 0.05-1e-12 {
			t.Errorf("effect %v: %v, %+v, %v", effect, n, n, err)
		}
	}
}

// TestSpearmanMonotone: monotone maps keep rho and p, decreasing ones turn them round,
// and so does exchanging the axes.
func TestSpearmanMonotone(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, n := range []int{3, 5, 8, 15} {
		x, y := normals(r, n), normals(r, n)
		x[1] = x[0]
		grown, turned := make([]float64, n), make([]float64, n)
		for i := range y {
			grown[i], turned[i] = math.Exp(3*y[i])-7, -y[i]*y[i]*y[i]
		}
		c, err := Spearman(x, y)
		if err != nil {
			t.Fatal(err)
		}
		if g, _ := Spearman(x, grown); g != c {
			t.Errorf("%+v, of exp(3y) %+v", c, g)
		}
		if g, _ := Spearman(y, x); g != c {
			t.Errorf("%+v, exchanged %+v", c, g)
		}
		g, _ := Spearman(x, turned)
		near(t, "turned rho", g.Rho, -c.Rho, 0)
		near(t, "turned p", g.PLess, c.PGreater, 1e-14)
		if g.P != c.P {
			t.Errorf("p %v, turned %v", c.P, g.P)
		}
	}
}

// TestSpearmanCounts: known cases, and n = 4 against all orders written out.
func TestSpearmanCounts(t *testing.T) {
	for n := 3; n <= 12; n++ {
		x := make([]float64, n)
		for i := range x {
			x[i] = float64(i * i)
		}
		c, err := Spearman(x, x)
		if err != nil || c.Rho != 1 {
			t.Fatal(c, err)
		}
		factorial := math.Round(math.Gamma(float64(n) + 1))
		near(t, "p × n!, greater", c.PGreater*factorial, 1, 1e-12)
		near(t, "p × n!, both", c.P*factorial, 2, 1e-12)
	}
	x, y := []float64{1, 2, 3, 4}, []float64{2, 1, 4, 3}
	var greater, all float64
	for code := range 256 {
		z := []float64{float64(code & 3), float64(code >> 2 & 3), float64(code >> 4 & 3), float64(code >> 6 & 3)}
		if z[0] == z[1] || z[0] == z[2] || z[0] == z[3] || z[1] == z[2] || z[1] == z[3] || z[2] == z[3] {
			continue
		}
		all++
		if z[0]+2*z[1]+3*z[2]+4*z[3] >= y[0]+2*y[1]+3*y[2]+4*y[3]-10 { // z counts from 0
			greater++
		}
	}
	c, err := Spearman(x, y)
	if err != nil || all != 24 || c.PGreater != greater/all || math.Abs(c.Rho-0.6) > 1e-15 {
		t.Errorf("%+v (%v), want p %v of %v", c, err, greater/all, all)
	}
}

// TestSpearmanApproximation holds what the doc comment says of N = 11: next to the exact
// values of a count over all 11! orders, taken by sums.
func TestSpearmanApproximation(t *testing.T) {
	counts := orders(11)
	total, above := 0.0, 0.0
	for _, c := range counts {
		total += c
	}
	// ρ = 1 − 6·Σd²/(n³ − n), and Σd² = 2·(Σi² − Σi·r).
	for sum := len(counts) - 1; sum >= 0; sum-- {
		if above += counts[sum]; counts[sum] == 0 {
			continue
		}
		rho := 1 - 12*float64(506-sum)/1320
		if rho >= 1 || rho <= -1 {
			continue
		}
		approximate := student(9).Survival(rho * math.Sqrt(9/(1-rho*rho)))
		if math.Abs(approximate-above/total) > 0.01 {
			t.Errorf("rho %.3f: p %v, exact %v", rho, approximate, above/total)
		}
	}
	near(t, "orders", total, 39916800, 0)
}

// orders returns how many orders r of 1 to n have the sum Σ i·r(i), by the sum.
func orders(n int) []float64 {
	size := n*(n+1)*(2*n+1)/6 + 1
	sums := map[int][]float64{0: make([]float64, size)}
	sums[0][0] = 1
	for i := 1; i <= n; i++ {
		next := map[int][]float64{}
		for used, counts := range sums {
			for r := 1; r <= n; r++ {
				if used>>r&1 == 1 {
					continue
				}
				to := next[used|1<<r]
				if to == nil {
					to = make([]float64, size)
					next[used|1<<r] = to
				}
				for s, c := range counts[:size-i*r] {
					to[s+i*r] += c
				}
			}
		}
		sums = next
	}
	for _, counts := range sums {
		return counts
	}
	return nil
}

// TestCurveGap: parallel lines on different points, a triangle by hand, points out of
// order and twice, and the sign when the curves are exchanged.
func TestCurveGap(t *testing.T) {
	g, err := CurveGap([]float64{0, 1, 4}, []float64{0, 2, 8}, []float64{5, 2.5, 1}, []float64{13, 8, 5})
	if err != nil || g.From != 1 || g.To != 4 || math.Abs(g.Mean-3) > 1e-14 || math.Abs(g.Share-0.6) > 1e-15 {
		t.Errorf("parallel: %+v, %v", g, err)
	}
	flat, peak := [][]float64{{0, 2}, {0, 0}}, [][]float64{{2, 1, 0, 1}, {0, 5, 0, 3}}
	g, err = CurveGap(flat[0], flat[1], peak[0], peak[1])
	back, _ := CurveGap(peak[0], peak[1], flat[0], flat[1])
	if err != nil || g.Mean != 2 || back.Mean != -2 {
		t.Errorf("triangle: %+v, %+v, %v", g, back, err)
	}
	zero := []float64{0, 0}
	if _, err := CurveGap([]float64{0, 1}, zero, []float64{1, 2}, zero); !errors.Is(err, ErrNoOverlap) {
		t.Error(err)
	}
}

// TestAreaUnderLog: an exponential is a straight line there; a factor moves the mean by
// its logarithm.
func TestAreaUnderLog(t *testing.T) {
	x := []float64{1, 2, 5, 10}
	y, z := make([]float64, 4), make([]float64, 4)
	for i := range x {
		y[i] = math.Exp(-x[i] / 2)
		z[i] = 3 * y[i]
	}
	a, err := AreaUnderLog(x, y)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "area", a.Area, -(100.0-1)/4, 1e-14)
	b, _ := AreaUnderLog(x, z)
	near(t, "shift of the mean", b.Mean-a.Mean, math.Log(3), 1e-14)
}

func TestFitLineOnALine(t *testing.T) {
	l, err := FitLine([]float64{1, 2, 4, 8}, []float64{1, -1, -5, -13})
	if err != nil || l.N != 4 || math.Abs(l.Slope+2) > 1e-14 || math.Abs(l.Intercept-3) > 1e-13 || l.Around > 1e-13 {
		t.Errorf("%+v, %v", l, err)
	}
}

// only returns the error of a function's two results.
func only[T any](_ T, err error) error { return err }

// TestRefused: every function names what is wrong with its input and where.
func TestRefused(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(-1)
	good, up := []float64{1, 2, 4}, []float64{1, 2, 3}
	_, _, noDegrees := NoncentralT(1, 0, 0)
	_, _, noShift := NoncentralT(1, 3, nan)
	for want, err := range map[string]error{
		"value 2 of 3 is NaN, want a finite number":             only(Mean([]float64{1, nan, 2}, 0.95)),
		"want at least 2 of value, found 1":                     only(Mean([]float64{1}, 0.95)),
		"the level is 95, want it between 0 and 1":              only(Mean(good, 95)),
		"interval of a mean exceeds the range":                  only(Mean([]float64{1e308, -1e308}, 0.95)),
		"as many values of y as of x, found 2 and 3":            only(Differences(good, good[:2])),
		"y 1 of 1 is -Inf":                                      only(Differences([]float64{1}, []float64{inf})),
		"at least 1 of x, found 0":                              only(Differences(nil, nil)),
		"the 3 differences are all 0.1 up to rounding":          only(PairedT([]float64{0.1, 0.3 - 0.2, 0.1}, 0.95)),
		"value 3 of 3 is -Inf":                                  only(PairedT([]float64{1, 2, inf}, 0.95)),
		"below the range of float64":                            only(PairedT([]float64{1e-200, 2e-200}, 0.95)),
		"lower margin below the upper one, found 1 and 1":       only(TOST(good, 1, 1, 0.05)),
		"margin 2 of 2 is NaN":                                  only(TOST(good, 1, nan, 0.05)),
		"alpha is 0.5, want it between 0 and 0.5":               only(TOST(good, -1, 1, 0.5)),
		"p value 2 of 2 is NaN":                                 only(Holm([]float64{0.1, nan})),
		"p value 1 of 2 is 1.5, want it between 0 and 1":        only(Holm([]float64{1.5, 0.1})),
		"at least 1 of p value, found 0":                        only(Holm(nil)),
		"at least 1 degree of freedom, found 0":                 noDegrees,
		"t or shift 2 of 2 is NaN":                              noShift,
		"at least 2 pairs, found 1":                             only(Power(1, 1, 0.05)),
		"effect 1 of 1 is NaN":                                  only(Power(nan, 5, 0.05)),
		"alpha is 0, want it at least 1e-9":                     only(Power(1, 5, 0)),
		"the power wanted is 1, want":                           only(PairsNeeded(1, 0.05, 1, 100)),
		"a limit of at least 2 pairs, found 1":                  only(PairsNeeded(1, 0.05, 0.8, 1)),
		"at least 3 of x, found 2":                              only(Spearman(good[:2], up[:2])),
		"all 3 values of y are 5":                               only(Spearman(good, []float64{5, 5, 5})),
		"value 1 of 1 is NaN":                                   only(Ranks([]float64{nan})),
		"all 3 values of x are 5":                               only(FitLine([]float64{5, 5, 5}, good)),
		"x of curve a goes from 1 to 4, of curve b from 8 to 9": only(CurveGap(good, up, []float64{8, 9}, up[:2])),
		"curve b: stats: y 1 of 2 is NaN":                       only(CurveGap(good, up, up[:2], []float64{nan, 1})),
		"y 3 of 3 is 0, want it above 0":                        only(AreaUnderLog(good, []float64{2, 1, 0})),
		"x 3 of 3 is 2 after 2, want ascending x":               only(AreaUnderLog([]float64{1, 2, 2}, good)),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, found %v", want, err)
		}
	}
	for _, err := range []error{only(PairedT([]float64{2, 2}, 0.95)), only(TOST([]float64{2, 2}, -1, 1, 0.05))} {
		if !errors.Is(err, ErrNoSpread) {
			t.Error(err)
		}
	}
	if err := only(Mean(nil, 0.95)); !errors.Is(err, ErrTooFew) {
		t.Error(err)
	}
}
