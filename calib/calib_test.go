package calib

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestReference compares with torchmetrics, scipy and relplot; see
// testdata/reference.py.
func TestReference(t *testing.T) {
	b, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name   string
		K      int
		Logits []float64
		Labels []int32
		Want   map[string]float64
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			src, err := Slice(c.Logits, c.Labels, c.K)
			if err != nil {
				t.Fatal(err)
			}
			r15 := measure(t, src, Options{FitAll: true})
			r20 := measure(t, src, Options{FitAll: true, Bins: 20})
			fast := measure(t, src, Options{FitAll: true, Fast: true})
			if s, err := Summarise(src, 0); err != nil || !reflect.DeepEqual(s.Figures()[:11], fast.Figures()[:11]) || s.Correct != fast.Correct {
				t.Errorf("Summarise gives %+v, %v; Measure %+v", s, err, fast.Summary)
			}
			for name, got := range map[string]float64{
				"l1_15": r15.ECE, "l2_15": r15.ECE2, "max_15": r15.MCE, "l1_20": r20.ECE, "l2_20": r20.ECE2, "max_20": r20.MCE,
				"nll": r15.NLL, "brier": r15.Brier, "entropy": r15.Entropy,
				"temperature": r15.Temperature.T, "nll_scaled": r15.Scaled.NLL,
			} {
				if want := c.Want[name]; !(math.Abs(got-want) <= 1e-6) {
					t.Errorf("%s = %.12g, want %.12g", name, got, want)
				}
			}
			if _, ok := c.Want["smece"]; !ok {
				return
			}
			residual := residuals(r15.signed)
			if got, want := smoothed(residual, 0.1), c.Want["smece_sigma_0.1"]; !(math.Abs(got-want) <= 2e-4) {
				t.Errorf("smooth ECE at σ = 0.1 is %v, relplot has %v", got, want)
			}
			// relplot searches its bandwidth on a grid of 1/1024.
			if want := c.Want["smece"]; !(math.Abs(r15.SmoothECE-want) <= 1e-3) {
				t.Errorf("smooth ECE = %v, relplot has %v", r15.SmoothECE, want)
			}
		})
	}
}

func measure(t testing.TB, src Source, o Options) *Report {
	t.Helper()
	r, err := Measure(src, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestHand: four samples of three classes in three bins, computed by hand. L1 .2000,
// L2 .2082, maximum .2333.
func TestHand(t *testing.T) {
	p := []float64{.25, .20, .55, .55, .05, .40, .10, .30, .60, .90, .05, .05}
	src, err := Slice(p, []int32{0, 1, 2, 0}, 3)
	if err != nil {
		t.Fatal(err)
	}
	r := measure(t, src, Options{Bins: 3, FitAll: true, Probabilities: true})
	for _, c := range []struct{ got, want float64 }{{r.ECE, 0.2}, {r.ECE2, 0.2082}, {r.MCE, 0.2333}, {r.Accuracy, 0.5}} {
		if math.Abs(c.got-c.want) > 5e-5 {
			t.Errorf("%v, want %v", c.got, c.want)
		}
	}
}

// TestEdges: bins are (lo, hi], and 0 belongs to the first.
func TestEdges(t *testing.T) {
	for _, bins := range []int{1, 3, 10, 15, 20, 49} {
		for b := range bins + 1 {
			edge := float64(b) / float64(bins)
			if got, want := binOf(edge, bins), max(b-1, 0); got != want {
				t.Errorf("%d bins: %v lies in bin %d, want %d", bins, edge, got, want)
			}
			if b < bins {
				if got := binOf(math.Nextafter(edge, 2), bins); got != b {
					t.Errorf("%d bins: just over %v lies in bin %d, want %d", bins, edge, got, b)
				}
			}
		}
	}
}

// model draws logits of a model whose probabilities are right, then divides them by 1/t:
// T recovers t.
func model(rng *rand.Rand, n, k int, t float64) ([]float64, []int32) {
	z, y := make([]float64, n*k), make([]int32, n)
	p := make([]float64, k)
	for i := range y {
		var sum float64
		for c := range k {
			z[i*k+c] = 1.5 * rng.NormFloat64()
			p[c] = math.Exp(z[i*k+c])
			sum += p[c]
		}
		u := rng.Float64() * sum
		for c, v := range p {
			if u -= v; u < 0 || c == k-1 {
				y[i] = int32(c)
				break
			}
		}
		for c := range k {
			z[i*k+c] *= t
		}
	}
	return z, y
}

func source(t testing.TB, z []float64, y []int32, k int) Source {
	t.Helper()
	src, err := Slice(z, y, k)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// TestCalibrated: the ECE of a perfectly calibrated model falls as N grows, about as
// 1/√N.
func TestCalibrated(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	mean := func(n int) (sum float64) {
		for range 20 {
			z, y := model(rng, n, 4, 1)
			sum += measure(t, source(t, z, y, 4), Options{FitAll: true, Fast: true}).ECE / 20
		}
		return sum
	}
	small, large := mean(300), mean(4800)
	if !(large < small/2.5 && large > small/7) {
		t.Errorf("ECE %v of 300 samples and %v of 4800, want about a quarter", small, large)
	}
}

// TestDebiased: the mean over 200 draws of a calibrated model is 0 within four standard
// errors, while that of the plain squared error is not.
func TestDebiased(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var sum, square, plain float64
	const draws = 200
	for range draws {
		z, y := model(rng, 200, 3, 1)
		r := measure(t, source(t, z, y, 3), Options{FitAll: true, Fast: true})
		sum += r.Debiased
		square += r.Debiased * r.Debiased
		plain += r.ECE2 * r.ECE2 / draws
	}
	mean := sum / draws
	se := math.Sqrt((square/draws - mean*mean) / draws)
	if math.Abs(mean) > 4*se {
		t.Errorf("mean %v, standard error %v", mean, se)
	}
	if plain < 20*se {
		t.Errorf("the plain squared error's mean is %v, standard error %v: nothing to take away", plain, se)
	}
}

// TestConsistency: at the level of 5 % the test rejects a calibrated model as often
// within binomial error, and one of T = 2 nearly always.
func TestConsistency(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const trials = 300
	rejected := 0
	for i := range trials {
		z, y := model(rng, 200, 3, 1)
		r := measure(t, source(t, z, y, 3), Options{FitAll: true, Fast: true, Consistency: 99, Seed: int64(i)})
		if r.Consistency.P <= 0.05 {
			rejected++
		}
	}
	// Four standard deviations of the binomial distribution.
	if d := math.Abs(float64(rejected) - 0.05*trials); d > 4*math.Sqrt(trials*0.05*0.95) {
		t.Errorf("%d of %d calibrated models rejected at 5 %%", rejected, trials)
	}
	rejected = 0
	for i := range 20 {
		z, y := model(rng, 400, 3, 2)
		if measure(t, source(t, z, y, 3), Options{FitAll: true, Fast: true, Consistency: 99, Seed: int64(i)}).Consistency.P <= 0.05 {
			rejected++
		}
	}
	if rejected < 19 {
		t.Errorf("%d of 20 models with T = 2 rejected", rejected)
	}
}

// TestTemperature: T recovers the one that was drawn, its loss is the least of any, and
// no prediction changes.
func TestTemperature(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, want := range []float64{0.5, 1, 2.5} {
		z, y := model(rng, 40000, 5, want)
		src := source(t, z, y, 5)
		r := measure(t, src, Options{Fast: true})
		if math.Abs(r.Temperature.T/want-1) > 0.04 || r.Temperature.Bound != "" {
			t.Errorf("T = %v (%s), drawn with %v", r.Temperature.T, r.Temperature.Bound, want)
		}
		if r.Scaled.Accuracy != r.Unscaled.Accuracy || r.Scaled.N != r.Unscaled.N || r.Temperature.Samples+r.Scaled.N != 40000 {
			t.Errorf("accuracy %v scaled, %v unscaled; %d and %d samples", r.Scaled.Accuracy, r.Unscaled.Accuracy, r.Temperature.Samples, r.Scaled.N)
		}
		fit, err := FitTemperature(src)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []float64{0.5, 0.9, 0.99, 0.999, 1.001, 1.01, 1.1, 2} {
			s, err := lossAt(src, part{}, scaling{}, 1/(f*fit.T))
			if err != nil || s.loss <= fit.NLL {
				t.Errorf("loss %v at %v·T, %v at T (%v)", s.loss, f, fit.NLL, err)
			}
		}
	}
}

// TestTemperatureBounds: separable, constant and contrary logits end the search at a
// bound, and say so.
func TestTemperatureBounds(t *testing.T) {
	for _, c := range []struct {
		name string
		z    []float64
		y    []int32
		t    float64
		word string
	}{
		{"separable", []float64{3, 0, 0, 2, 5, 1, 0, 9}, []int32{0, 1, 0, 1}, MinTemperature, "separable"},
		{"contrary", []float64{3, 0, 0, 2, 5, 1, 0, 9}, []int32{1, 0, 1, 0}, MaxTemperature, "upper bound"},
		{"constant", []float64{4, 4, 4, 4, 4, 4, 4, 4}, []int32{0, 1, 0, 1}, 1, "equal"},
		{"huge", []float64{1e99, 0, 0, 1e99, 1e99, 0, 0, -1e99}, []int32{0, 1, 0, 0}, MinTemperature, "separable"},
		{"tiny", []float64{1e-99, 0, 0, 1e-99, 1e-99, 0, 0, 1e-99}, []int32{0, 1, 0, 1}, MinTemperature, "separable"},
	} {
		fit, err := FitTemperature(source(t, c.z, c.y, 2))
		if c.word != "equal" { // the bounds are times the mean range
			var width float64
			for i := 0; i < len(c.z); i += 2 {
				width += math.Abs(c.z[i]-c.z[i+1]) / 4
			}
			c.t *= width
		}
		if err != nil || math.Abs(fit.T/c.t-1) > 1e-9 || !strings.Contains(fit.Bound, c.word) {
			t.Errorf("%s: %+v, %v; want T = %v, %q", c.name, fit, err, c.t, c.word)
		}
	}
}

// TestTemperatureScale: with logits c times as large T is c times as large, however
// large c is.
func TestTemperatureScale(t *testing.T) {
	z, y := model(rand.New(rand.NewPCG(21, 22)), 500, 3, 1)
	want, err := FitTemperature(source(t, z, y, 3))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []float64{1e-60, 1e-4, 1e4, 1e60} {
		scaled := make([]float64, len(z))
		for i, v := range z {
			scaled[i] = c * v
		}
		got, err := FitTemperature(source(t, scaled, y, 3))
		if err != nil || got.Bound != "" || math.Abs(got.T/c/want.T-1) > 1e-9 {
			t.Errorf("logits times %g: %+v (%v), want T = %v", c, got, err, c*want.T)
		}
	}
}

// TestEqualMass: a brute-force cut of distinct confidences, and an order that does not
// matter where some are equal.
func TestEqualMass(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	const n, bins = 120, 10
	conf, right := make([]float64, n), make([]bool, n)
	order := make([]int, n)
	for i := range conf {
		conf[i], right[i], order[i] = rng.Float64(), rng.IntN(3) > 0, i
	}
	slices.SortFunc(order, func(a, b int) int {
		if conf[a] < conf[b] {
			return -1
		}
		return 1
	})
	var want float64
	for b := range bins {
		var c, r float64
		for _, i := range order[b*n/bins : (b+1)*n/bins] {
			c += conf[i]
			if right[i] {
				r++
			}
		}
		want += math.Abs(c-r) / n
	}
	d, err := EqualMass(conf, right, bins)
	if err != nil || len(d) != bins || math.Abs(d.ECE()-want) > 1e-12 {
		t.Errorf("ECE %v in %d bins (%v), want %v", d.ECE(), len(d), err, want)
	}
	for i := range conf {
		conf[i] = math.Round(conf[i]*8) / 8
	}
	first, _ := EqualMass(conf, right, 7)
	for i := range conf {
		j := rng.IntN(n)
		conf[i], conf[j], right[i], right[j] = conf[j], conf[i], right[j], right[i]
	}
	second, _ := EqualMass(conf, right, 7)
	if math.Abs(first.ECE()-second.ECE()) > 1e-12 || math.Abs(second.total()-n) > 1e-9 {
		t.Errorf("ECE with ties %v and, in another order, %v; %v samples", first.ECE(), second.ECE(), second.total())
	}
	same := make([]float64, n)
	for i := range same {
		same[i] = 0.5
	}
	acc := 0.0
	for _, r := range right {
		if r {
			acc += 1.0 / n
		}
	}
	if d, _ := EqualMass(same, right, 9); math.Abs(d.ECE()-math.Abs(acc-0.5)) > 1e-12 {
		t.Errorf("equal confidences: ECE %v, want |%v − 0.5|", d.ECE(), acc)
	}
}

// TestEqualMassShares: bins of a size that is no whole number, with equal confidences,
// against samples cut into as many parts as there are bins, of which each bin takes N.
func TestEqualMassShares(t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 24))
	for _, n := range []int{10, 97, 3001} {
		const bins = 7
		conf, right := make([]float64, n), make([]bool, n)
		for i := range conf {
			conf[i], right[i] = float64(1+rng.IntN(40))/41, rng.IntN(3) > 0
		}
		d, err := EqualMass(conf, right, bins)
		if err != nil {
			t.Fatal(err)
		}
		// Samples of equal confidence are each as right as their mean.
		sorted := slices.Clone(conf)
		slices.Sort(sorted)
		share := map[float64][2]float64{}
		for i, c := range conf {
			s := share[c]
			s[0]++
			if right[i] {
				s[1]++
			}
			share[c] = s
		}
		for b := range bins {
			var c, acc float64
			for part := b * n; part < (b+1)*n; part++ {
				v := sorted[part/bins]
				c += v / float64(n)
				acc += share[v][1] / share[v][0] / float64(n)
			}
			if math.Abs(d[b].Count-float64(n)/bins) > 1e-6 || math.Abs(d[b].Confidence-c) > 1e-9 || math.Abs(d[b].Accuracy-acc) > 1e-9 {
				t.Errorf("%d samples, bin %d: %+v, want confidence %v and accuracy %v", n, b, d[b], c, acc)
			}
		}
	}
}

// TestDebiasedByHand: one bin of four samples, with the errors −.2, .8, −.2, −.2 of the
// mean .05: g² − v/n with v the sample variance .25.
func TestDebiasedByHand(t *testing.T) {
	d, err := Reliability([]float64{.2, .2, .2, .2}, []bool{false, true, false, false}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := d.Debiased(), .05*.05-.25/4; math.Abs(got-want) > 1e-15 {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestClasses: ACE and class-wise ECE by brute force over each class.
func TestClasses(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	const n, k = 900, 4
	z, y := model(rng, n, k, 1.7)
	r := measure(t, source(t, z, y, k), Options{FitAll: true, Bins: 10})
	var classwise, ace float64
	for c := range k {
		p, is := make([]float64, n), make([]bool, n)
		for i := range n {
			var sum float64
			for j := range k {
				sum += math.Exp(z[i*k+j])
			}
			p[i], is[i] = math.Exp(z[i*k+c])/sum, int(y[i]) == c
		}
		width, err := Reliability(p, is, 10)
		if err != nil {
			t.Fatal(err)
		}
		mass, err := EqualMass(p, is, 10)
		if err != nil {
			t.Fatal(err)
		}
		classwise += width.ECE() / k
		ace += mass.ECE() / k
	}
	if math.Abs(r.ClasswiseECE-classwise) > 1e-12 || math.Abs(r.ACE-ace) > 1e-12 {
		t.Errorf("class-wise %v and ACE %v, want %v and %v", r.ClasswiseECE, r.ACE, classwise, ace)
	}
}

// TestIdentities: parts of ECE, the Brier decomposition, outcomes and their means.
func TestIdentities(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	z, y := model(rng, 3000, 5, 2)
	r := measure(t, source(t, z, y, 5), Options{FitAll: true})
	near := func(name string, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) <= 1e-12) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	near("over + under", r.Over+r.Under, r.ECE)
	d := r.Decomposition
	// The decomposition by hand: the score of the samples, and within a bin the variance
	// of the confidence less twice its covariance with being right.
	confidence, outcome := r.Samples()
	var score, within float64
	for _, b := range r.Bins {
		var n, f, y, ff, fy float64
		for i, c := range confidence {
			if c > b.Lo && c <= b.Hi {
				right := 0.0
				if outcome[i] {
					right = 1
				}
				n, f, y, ff, fy = n+1, f+c, y+right, ff+c*c, fy+c*right
				score += (right - c) * (right - c) / float64(len(confidence))
			}
		}
		if n > 0 {
			within += n / float64(len(confidence)) * (ff/n - f/n*f/n - 2*(fy/n-f/n*y/n))
		}
	}
	near("Brier score of the confidence", d.Score, score)
	near("within bins", d.Within, within)
	near("uncertainty", d.Uncertainty, r.Accuracy*(1-r.Accuracy))
	n, a, b := float64(r.N), float64(r.Correct.N), float64(r.Wrong.N)
	near("accuracy", a/n, r.Accuracy)
	near("loss", (a*r.Correct.Loss+b*r.Wrong.Loss)/n, r.NLL)
	near("entropy", (a*r.Correct.Entropy+b*r.Wrong.Entropy)/n, r.Entropy)
	near("confidence", (a*r.Correct.Confidence+b*r.Wrong.Confidence)/n, r.Confidence)
	if got, err := Reliability(confidence, outcome, DefaultBins); err != nil || math.Abs(got.ECE()-r.ECE) > 1e-12 {
		t.Errorf("ECE of the samples %v, want %v (%v)", got.ECE(), r.ECE, err)
	}
	if !(r.Over > 10*r.Under) || !(r.ECE2 >= r.ECE) || !(r.MCE >= r.ECE2) {
		t.Errorf("over %v, under %v of a model with T = 2; L1 %v, L2 %v, maximum %v", r.Over, r.Under, r.ECE, r.ECE2, r.MCE)
	}
}

// TestScalings: after each scaling of an over-confident model the held-out loss falls,
// and vector scaling finds weights and biases that were put in.
func TestScalings(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	const n, k = 20000, 3
	z, y := model(rng, n, k, 1)
	weight, bias := []float64{2, 1, 0.5}, []float64{0.5, 0, -0.5}
	for i := range n {
		for c := range k {
			z[i*k+c] = (z[i*k+c] - bias[c]) / weight[c]
		}
	}
	r := measure(t, source(t, z, y, k), Options{Grid: true, Vector: true, Fast: true})
	if r.Vector.Note != "" || !(r.Vector.Scaled.NLL < r.Unscaled.NLL-0.05) || !(r.Vector.Scaled.NLL <= r.Scaled.NLL) {
		t.Errorf("vector scaling: loss %v, by T %v, unscaled %v, %q", r.Vector.Scaled.NLL, r.Scaled.NLL, r.Unscaled.NLL, r.Vector.Note)
	}
	for c := range k {
		// Biases are known up to a constant.
		if math.Abs(r.Vector.Weight[c]/weight[c]-1) > 0.1 || math.Abs(r.Vector.Bias[c]-r.Vector.Bias[1]-bias[c]) > 0.1 {
			t.Errorf("class %d: weight %v and bias %v, want %v and %v", c, r.Vector.Weight[c], r.Vector.Bias[c]-r.Vector.Bias[1], weight[c], bias[c])
		}
	}
	// The grid's T has the least ECE of all candidates on the samples of the fit.
	src := source(t, z, y, k)
	got, ece, err := GridTemperature(src, 15, AuthorsGrid())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range AuthorsGrid() {
		s, err := summarise(src, part{}, scaling{beta: 1 / c}, 15, false, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if s.ECE < ece-1e-12 {
			t.Errorf("T = %v has ECE %v, less than %v at %v", c, s.ECE, ece, got)
		}
	}
}

// TestIntervals: the intervals of ECE and T hold what they are of, a seed gives the same
// again, and the difference of a model with itself is none.
func TestIntervals(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	z, y := model(rng, 2000, 4, 2)
	src := source(t, z, y, 4)
	o := Options{FitAll: true, Bootstrap: 100, Seed: 3, Fast: true}
	r := measure(t, src, o)
	i := r.Intervals
	if !(i.ECE[0] < r.ECE && r.ECE < i.ECE[1]) || !(i.Temperature[0] < r.Temperature.T && r.Temperature.T < i.Temperature[1]) ||
		!(i.Temperature[0] < 2 && 2 < i.Temperature[1]) || !(i.Accuracy[0] < r.Accuracy && r.Accuracy < i.Accuracy[1]) {
		t.Errorf("ECE %v, T %v, intervals %+v", r.ECE, r.Temperature.T, i)
	}
	if again := measure(t, src, o).Intervals; *again != *i {
		t.Errorf("the same seed gives %+v and %+v", i, again)
	}
	calibrated, same := model(rand.New(rand.NewPCG(17, 18)), 2000, 4, 1)
	if !slices.Equal(y, same) {
		t.Fatal("labels differ")
	}
	other := measure(t, source(t, calibrated, y, 4), o)
	d, err := Compare(r.Summary, other.Summary, 200, 1)
	if err != nil || !(d.ECE > 0 && d.Interval[0] > 0 && d.P < 0.02) {
		t.Errorf("difference to the calibrated model %+v, %v", d, err)
	}
	if d, err := Compare(r.Summary, r.Summary, 50, 1); err != nil || d.ECE != 0 || d.P != 1 {
		t.Errorf("difference to itself %+v, %v", d, err)
	}
	y2 := slices.Clone(y)
	y2[7] = (y2[7] + 1) % 4
	if _, err := Compare(r.Summary, measure(t, source(t, z, y2, 4), o).Summary, 50, 1); err == nil {
		t.Error("other labels were compared")
	}
}

// TestSmoothECE: a calibrated model's is near 0, and of constant confidence it is the
// gap that is left after a kernel of that width.
func TestSmoothECE(t *testing.T) {
	conf, right := make([]float64, 4000), make([]bool, 4000)
	for i := range conf {
		conf[i] = 0.7
		right[i] = i%2 == 0 // accuracy 0.5
	}
	if got, sigma, err := SmoothECE(conf, right); err != nil || math.Abs(got-0.2) > 1e-3 || math.Abs(got-sigma) > 1e-5 {
		t.Errorf("constant confidence: %v at σ = %v (%v), want the gap 0.2", got, sigma, err)
	}
	// At the end of the scale half of the kernel is reflected, and nothing is lost.
	for i := range conf {
		conf[i] = 1
	}
	if got, _, err := SmoothECE(conf, right); err != nil || math.Abs(got-0.5) > 1e-3 {
		t.Errorf("always certain, half the time right: %v (%v), want 0.5", got, err)
	}
	for i := range conf {
		conf[i] = 0.5
	}
	if got, _, err := SmoothECE(conf, right); err != nil || got > 5e-3 {
		t.Errorf("calibrated: %v, %v", got, err)
	}
}

func TestBadInput(t *testing.T) {
	ok := []float64{1, 2, 3, 4}
	for name, c := range map[string]struct {
		z []float64
		y []int32
		k int
		w string
	}{
		"NaN":        {[]float64{1, 2, math.NaN(), 4}, []int32{0, 1}, 2, "sample 1, class 0"},
		"infinity":   {[]float64{1, math.Inf(-1), 3, 4}, []int32{0, 1}, 2, "sample 0, class 1"},
		"label":      {ok, []int32{0, 2}, 2, "label of sample 1 is 2"},
		"negative":   {ok, []int32{-1, 1}, 2, "label of sample 0 is -1"},
		"one class":  {ok, []int32{0, 0, 0, 0}, 1, "K = 1"},
		"lengths":    {ok, []int32{0}, 2, "4 logits for 1"},
		"no samples": {nil, nil, 2, "no samples"},
		"no class":   {ok, []int32{0}, 0, "K = 0"},
	} {
		if _, err := Slice(c.z, c.y, c.k); err == nil || !strings.Contains(err.Error(), c.w) {
			t.Errorf("%s: error %v, want %q", name, err, c.w)
		}
	}
	src := source(t, ok, []int32{0, 1}, 2)
	for name, o := range map[string]Options{"bins": {Bins: -1, FitAll: true}, "split": {}, "replicates": {FitAll: true, Bootstrap: 1}} {
		if _, err := Measure(src, o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, c := range []float64{-0.1, 1.1, math.NaN()} {
		if _, err := Reliability([]float64{c}, []bool{true}, 3); err == nil {
			t.Errorf("confidence %v: no error", c)
		}
	}
	if _, err := Reliability([]float64{0.5}, nil, 3); err == nil {
		t.Error("lengths that differ: no error")
	}
	if _, _, err := GridTemperature(src, 15, []float64{0}); err == nil {
		t.Error("T = 0 in the grid: no error")
	}
}

// TestFloat32 gives what float64 of the same numbers gives, and JSON holds no NaN.
func TestFloat32(t *testing.T) {
	z, y := model(rand.New(rand.NewPCG(19, 20)), 500, 3, 1)
	narrow := make([]float32, len(z))
	for i, v := range z {
		narrow[i] = float32(v)
		z[i] = float64(narrow[i])
	}
	src, err := Slice32(narrow, y, 3)
	if err != nil {
		t.Fatal(err)
	}
	a, b := measure(t, src, Options{}), measure(t, source(t, z, y, 3), Options{})
	if a.ECE != b.ECE || a.Temperature.T != b.Temperature.T || a.ACE != b.ACE {
		t.Errorf("ECE %v and %v, T %v and %v", a.ECE, b.ECE, a.Temperature.T, b.Temperature.T)
	}
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	for _, key := range strings.Fields("n k accuracy nll brier entropy ece mce ace classwise_ece adaptive_ece temperature scaled unscaled_same bins notes") {
		if object[key] == nil {
			t.Errorf("no %q in %s", key, text)
		}
	}
	if bins := object["bins"].([]any); len(bins) != DefaultBins || bins[0].(map[string]any)["count"] != 0.0 || bins[0].(map[string]any)["accuracy"] != nil {
		t.Errorf("bins %v", bins)
	}
}

// FuzzMeasure: whatever the logits, figures lie in their ranges or are noted.
func FuzzMeasure(f *testing.F) {
	f.Add(uint64(1), 20, 3, 1.0, 0.0)
	f.Add(uint64(2), 5, 2, 1e300, 0.0)
	f.Add(uint64(3), 9, 4, 1e-300, 1e10)
	f.Add(uint64(4), 4, 2, 0.0, 0.0)
	f.Fuzz(func(t *testing.T, seed uint64, n, k int, size, offset float64) {
		if n < 4 || n > 50 || k < 2 || k > 8 {
			return
		}
		rng := rand.New(rand.NewPCG(seed, 1))
		z, y := make([]float64, n*k), make([]int32, n)
		for i := range z {
			z[i] = size*rng.NormFloat64() + offset
		}
		for i := range y {
			y[i] = int32(rng.IntN(k))
		}
		src, err := Slice(z, y, k)
		if err != nil {
			return
		}
		r, err := Measure(src, Options{Bins: 1 + int(seed%20), Seed: int64(seed), Bootstrap: 3, Consistency: 3})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []*Summary{r.Summary, r.Scaled, r.Unscaled} {
			for _, f := range s.Figures() {
				if math.IsInf(f.Value, 0) || math.IsNaN(f.Value) && s.Notes[f.Name] == "" {
					t.Errorf("%s = %v without a note", f.Name, f.Value)
				}
			}
			if !(s.ECE >= 0 && s.ECE <= 1 && s.MCE <= 1 && s.Brier >= 0 && s.Brier <= 2.0000001 && s.SmoothECE >= 0) {
				t.Errorf("ECE %v, MCE %v, Brier %v, smooth %v", s.ECE, s.MCE, s.Brier, s.SmoothECE)
			}
		}
		if tt := r.Temperature.T; !(tt > 0) || math.IsInf(tt, 0) {
			t.Errorf("T = %v", tt)
		}
	})
}
