package calib

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// population is a distribution of samples of two classes. The true logit m of the label has the mean
// `mean` and the deviation 1.5; a share flip of the labels is then exchanged. Models see the logits 0
// and ±m·scale.
type population struct{ mean, flip, scale float64 }

// draw returns n samples.
func (p population) draw(rng *rand.Rand, n int) ([]float64, []int32) {
	z, y := make([]float64, 2*n), make([]int32, n)
	for i := range y {
		m := p.mean + 1.5*rng.NormFloat64()
		if rng.IntN(2) == 0 {
			m = -m
		}
		if (rng.Float64() < logistic(m)) != (rng.Float64() < p.flip) {
			y[i] = 1
		}
		z[2*i+1] = m * p.scale
	}
	return z, y
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// truth holds the numbers of all data.
type truth struct{ t, ece, accuracy float64 }

// truth returns the T with the least mean loss, ECE in 15 bins and accuracy, by sums over a grid of m
// in place of samples.
func (p population) truth() (out truth) {
	const points = 8000
	var ms, weights, right [points]float64
	for i := range ms {
		g := -8 + 16*(float64(i)+0.5)/points
		ms[i], weights[i] = p.mean+1.5*g, math.Exp(-g*g/2)/math.Sqrt(2*math.Pi)*16/points
		right[i] = (1-p.flip)*logistic(ms[i]) + p.flip*logistic(-ms[i])
	}
	lo, hi := -5.0, 5.0 // of log β
	for range 40 {
		var slope float64
		at := (lo + hi) / 2
		beta := math.Exp(at)
		for i, m := range ms {
			slope += weights[i] * m * (logistic(beta*p.scale*m) - right[i])
		}
		if slope > 0 {
			hi = at
		} else {
			lo = at
		}
	}
	var gaps [DefaultBins]float64
	for i, m := range ms {
		c, r := logistic(math.Abs(m)*p.scale), right[i]
		if m < 0 {
			r = 1 - r // the prediction is the other class
		}
		gaps[binOf(c, DefaultBins)] += weights[i] * (r - c)
		out.accuracy += weights[i] * r
	}
	for _, g := range gaps {
		out.ece += math.Abs(g)
	}
	out.t = math.Exp(-lo)
	return out
}

// coverage counts the sets whose interval is wholly above and wholly below the true value, and without
// one end.
type coverage struct{ sets, above, below, open float64 }

func (c *coverage) add(interval [2]float64, truth float64, open bool) {
	c.sets++
	if interval[0] > truth {
		c.above++
	}
	if interval[1] < truth {
		c.below++
	}
	if open {
		c.open++
	}
}

func (c *coverage) share() float64 { return 1 - (c.above+c.below)/c.sets }

// check fails if fewer sets than 95 % hold the truth, or one end misses in more than 2.5 %, by over
// three standard deviations of the binomial distribution.
func (c *coverage) check(t *testing.T, what string) {
	most := func(p float64) float64 { return p*c.sets + 3*math.Sqrt(c.sets*p*(1-p)) }
	if c.above+c.below > most(2*tail) || c.above > most(tail) || c.below > most(tail) {
		t.Errorf("%s: of %v intervals %v are above the true value and %v below", what, c.sets, c.above, c.below)
	}
}

// TestCoverage: 95 % intervals of T, ECE, accuracy and the difference of two ECEs hold the true values
// of the populations, also where no T is right (flip > 0) and where the model is calibrated (scale 1). Of
// 10,000 samples it draws 40 sets. COLLAPSE_COVERAGE=full draws 400, which takes two minutes of a
// core, and holds the table of docs/calibrate.md to them.
func TestCoverage(t *testing.T) {
	full := os.Getenv("COLLAPSE_COVERAGE") == "full"
	docs, err := os.ReadFile("../docs/calibrate.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []population{{2.6, 0, 1.5}, {5.6, 0, 1.5}, {8, 0, 1.5}, {5.6, 0.01, 1.5}, {2.6, 0, 1}} {
		for _, n := range []int{300, 10000} {
			sets := 400
			if n > 300 && !full {
				sets = 40
			}
			name := fmt.Sprintf("%+v, N = %d", p, n)
			row := p.cover(t, name, n, sets)
			if full && !strings.Contains(string(docs), row) {
				t.Errorf("%s: docs/calibrate.md lacks the row\n%s", name, row)
			}
		}
	}
}

// cover draws sets of n samples, checks the coverage of their intervals and returns a row of the docs'
// table.
func (p population) cover(t *testing.T, name string, n, sets int) string {
	want := p.truth()
	fitted := p
	fitted.scale /= want.t
	otherECE := fitted.truth().ece
	var ofT, ofECE, ofAccuracy, ofDifference coverage
	var wrong float64
	for set := range sets {
		z, y := p.draw(rand.New(rand.NewPCG(uint64(set), uint64(n))), n)
		scaled := make([]float64, len(z))
		for i := range z {
			scaled[i] = z[i] / want.t
		}
		r := measure(t, source(t, z, y, 2), Options{FitAll: true, Fast: true, Bootstrap: 2, Seed: int64(set)})
		other, err := Summarise(source(t, scaled, y, 2), 0)
		if err != nil {
			t.Fatal(err)
		}
		d, err := Compare(r.Summary, other, 2, 1)
		if err != nil {
			t.Fatal(err)
		}
		i := r.Intervals
		ofT.add(i.Temperature, want.t, strings.Contains(i.TemperatureNote, "end is the bound"))
		ofECE.add(i.ECE, want.ece, i.ECE[0] == 0)
		ofAccuracy.add(i.Accuracy, want.accuracy, i.Accuracy[1] == 1)
		ofDifference.add(d.Interval, want.ece-otherECE, false)
		wrong += float64(r.Wrong.N) / float64(n*sets)
	}
	ofT.check(t, name+": T")
	ofECE.check(t, name+": ECE")
	ofAccuracy.check(t, name+": accuracy")
	ofDifference.check(t, name+": difference in ECE")
	return fmt.Sprintf("| %.2g %% | %d | %.4g | %.1f %% | %.0f %% | %.2g | %.1f %% | %.0f %% | %.1f %% |",
		100*wrong, n, want.t, 100*ofT.share(), 100*ofT.open/ofT.sets,
		math.Round(1e6*want.ece)/1e6, 100*ofECE.share(), 100*ofECE.open/ofECE.sets, 100*ofDifference.share())
}
