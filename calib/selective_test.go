package calib

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// equal fails unless two numbers agree to 1e-12.
func equal(t *testing.T, name string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-12) {
		t.Errorf("%s = %.15g, want %.15g", name, got, want)
	}
}

// permutations calls f with all orders of 0…n−1.
func permutations(n int, f func([]int)) {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	var swap func(i int)
	swap = func(i int) {
		if i == n {
			f(order)
			return
		}
		for j := i; j < n; j++ {
			order[i], order[j] = order[j], order[i]
			swap(i + 1)
			order[i], order[j] = order[j], order[i]
		}
	}
	swap(0)
}

// inOrder are AURC, AUGRC and the risks of 1…n samples that are accepted in an order, by the definitions.
func inOrder(correct []bool) (aurc, augrc float64, risks []float64) {
	n := float64(len(correct))
	wrong := 0.0
	for i, ok := range correct {
		before := wrong
		if !ok {
			wrong++
		}
		risks = append(risks, wrong/float64(i+1))
		aurc += wrong / float64(i+1) / n
		augrc += (before + wrong) / 2 / (n * n)
	}
	return aurc, augrc, risks
}

// TestTies: of equal scores the metrics are the means over all orders that the scores allow.
func TestTies(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		n := 1 + rng.IntN(6)
		score, correct := make([]float64, n), make([]bool, n)
		for i := range n {
			score[i], correct[i] = float64(rng.IntN(3)), rng.IntN(2) == 0
		}
		var aurc, augrc, count float64
		risks := make([]float64, n)
		permutations(n, func(order []int) {
			if !slices.IsSortedFunc(order, func(a, b int) int { return int(score[b] - score[a]) }) {
				return
			}
			row := make([]bool, n)
			for i, j := range order {
				row[i] = correct[j]
			}
			a, g, r := inOrder(row)
			aurc, augrc, count = aurc+a, augrc+g, count+1
			for i, v := range r {
				risks[i] += v
			}
		})
		c, err := NewRiskCoverage(score, correct)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "AURC", c.AURC(), aurc/count)
		equal(t, "AUGRC", c.AUGRC(), augrc/count)
		limit, most := 0.1+0.4*rng.Float64(), 0
		for i := range risks {
			risks[i] /= count
			got, err := c.Risk(float64(i+1) / float64(n))
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "risk", got, risks[i])
			if risks[i] <= limit {
				most = i + 1
			}
		}
		equal(t, "coverage", c.Coverage(limit), float64(most)/float64(n))
	}
}

// TestSelectiveIdentities: of the best score E-AURC is 0; AUGRC follows from accuracy and AUROC; without
// a sense of what is right the risk is the error at every coverage.
func TestSelectiveIdentities(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const n = 2000
	score, best, flat, correct := make([]float64, n), make([]float64, n), make([]float64, n), make([]bool, n)
	right := 0.0
	for i := range n {
		score[i] = math.Round(20 * rng.Float64())
		if correct[i] = rng.Float64()*25 < score[i]+2; correct[i] {
			best[i] = 1 + float64(i)
			right++
		}
	}
	c, _ := NewRiskCoverage(score, correct)
	var above float64
	for i := range n {
		for j := range n {
			switch {
			case !correct[i] || correct[j]:
			case score[i] > score[j]:
				above++
			case score[i] == score[j]:
				above += 0.5
			}
		}
	}
	auroc, a := above/(right*(n-right)), right/n
	equal(t, "AUGRC", c.AUGRC(), (1-auroc)*a*(1-a)+(1-a)*(1-a)/2)
	perfect, _ := NewRiskCoverage(best, correct)
	equal(t, "E-AURC of the best score", perfect.EAURC(), 0)
	equal(t, "E-AURC", c.EAURC(), c.AURC()-perfect.AURC())
	if got := perfect.Coverage(0); got != a {
		t.Errorf("the best score has the coverage %v without a wrong sample, want the accuracy %v", got, a)
	}
	constant, _ := NewRiskCoverage(flat, correct)
	equal(t, "AURC of a constant", constant.AURC(), 1-a)
	equal(t, "AUGRC of a constant", constant.AUGRC(), (1-a)/2)
	if got := constant.Coverage((1 - a) / 2); got != 0 {
		t.Errorf("a constant score has the coverage %v at half the error, want 0", got)
	}
}

func TestSelectiveInput(t *testing.T) {
	for name, err := range map[string]error{
		"lengths": errorOf(NewRiskCoverage([]float64{1}, nil)),
		"none":    errorOf(NewRiskCoverage(nil, nil)),
		"NaN":     errorOf(NewRiskCoverage([]float64{1, math.NaN()}, make([]bool, 2))),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	c, _ := NewRiskCoverage([]float64{1, 2}, []bool{true, false})
	for _, bad := range []float64{-0.1, 1.1, math.NaN()} {
		if _, err := c.Risk(bad); err == nil {
			t.Errorf("coverage %v: no error", bad)
		}
	}
}

func errorOf[T any](_ T, err error) error { return err }

// drawn returns samples whose labels follow their logits at temperature 2.
func drawn(n, k int, seed uint64) (z []float64, y []int32) {
	rng := rand.New(rand.NewPCG(seed, 1))
	z, y = make([]float64, n*k), make([]int32, n)
	for i := range n {
		scale := 0.5 + 3*rng.Float64()
		best, most := 0, math.Inf(-1)
		for c := range k {
			v := rng.NormFloat64()
			z[i*k+c] = scale*v + 1
			if v += rng.NormFloat64(); v > most {
				best, most = c, v
			}
		}
		y[i] = int32(best)
	}
	return z, y
}

// TestSelectiveScores: Measure gives what the definitions give for each score, and p and the centring are
// those of the least AURC on the half that fits.
func TestSelectiveScores(t *testing.T) {
	const n, k = 601, 5
	z, y := drawn(n, k, 9)
	z[3*k+1], z[7*k+4] = math.Inf(-1), math.Inf(-1)
	for i, masked := range map[int]int32{3: 1, 7: 4} {
		if y[i] == masked {
			y[i] = 0
		}
	}
	src, err := Slice(z, y, k)
	if err != nil {
		t.Fatal(err)
	}
	r := measure(t, src, Options{Seed: 4})
	want := map[string][]float64{}
	var correct []bool
	for i := range n {
		s, ok := scoresByHand(z[i*k:(i+1)*k], int(y[i]))
		correct = append(correct, ok)
		for name, v := range s {
			want[name] = append(want[name], v)
		}
	}
	for _, s := range r.Selective[:len(r.Selective)-1] {
		c, _ := NewRiskCoverage(want[s.Key], correct)
		equal(t, s.Key, s.AURC, c.AURC())
		equal(t, s.Key+" E-AURC", s.EAURC, c.EAURC())
		equal(t, s.Key+" AUGRC", s.AUGRC, c.AUGRC())
		risk, _ := c.Risk(0.9)
		equal(t, s.Key+" risk", s.RiskAt90, risk)
		equal(t, s.Key+" coverage", s.CoverageAt5, c.Coverage(0.05))
		if s.N != n || len(s.Risks) != 100 || s.Risks[99] != 1-r.Accuracy {
			t.Errorf("%s: %d samples, risk at full coverage %v", s.Key, s.N, s.Risks)
		}
	}
	// The halves as Measure splits them.
	half := func(values []float64, fit bool) *RiskCoverage {
		var v []float64
		var ok []bool
		for i := range n {
			if (halves{4}).fit(int64(i)) == fit {
				v, ok = append(v, values[i]), append(ok, correct[i])
			}
		}
		c, _ := NewRiskCoverage(v, ok)
		return c
	}
	least := math.Inf(1)
	for p := range maxP + 1 {
		for _, centred := range []bool{true, false} {
			least = min(least, half(normsByHand(z, k, p, centred), true).AURC())
		}
	}
	got := r.Selective[len(r.Selective)-1]
	pn := got.PNorm
	chosen := normsByHand(z, k, pn.P, pn.Centred)
	if fit := half(chosen, true).AURC(); math.Abs(fit-least) > 1e-9 || math.Abs(pn.AURC-least) > 1e-9 {
		t.Errorf("p = %d has AURC %v on its half (stated %v), the least is %v", pn.P, fit, pn.AURC, least)
	}
	if c := half(chosen, false); math.Abs(got.AURC-c.AURC()) > 1e-9 || got.N != int64(c.N()) {
		t.Errorf("AURC %v of %d, want %v of %d", got.AURC, got.N, c.AURC(), c.N())
	}
	equal(t, "MSP of the half", pn.MSP.AURC, half(want["msp"], false).AURC())
}

// scoresByHand are the scores of logits by their definitions.
func scoresByHand(z []float64, y int) (map[string]float64, bool) {
	best, sum := 0, 0.0
	for c, v := range z {
		sum += math.Exp(v)
		if v > z[best] {
			best = c
		}
	}
	var entropy float64
	var p []float64
	for _, v := range z {
		p = append(p, math.Exp(v)/sum)
		if v := p[len(p)-1]; v > 0 {
			entropy -= v * math.Log(v)
		}
	}
	sorted := func(v []float64) []float64 { v = slices.Clone(v); slices.Sort(v); slices.Reverse(v); return v }
	ps, zs := sorted(p), sorted(z)
	return map[string]float64{"msp": ps[0], "max_logit": zs[0], "margin": ps[0] - ps[1], "logit_margin": zs[0] - zs[1],
		"entropy": -entropy}, best == y
}

// normsByHand are the scores of the p-norm.
func normsByHand(z []float64, k, p int, centred bool) (out []float64) {
	for i := 0; i < len(z); i += k {
		var row []float64
		var mean float64
		for _, v := range z[i : i+k] {
			if !math.IsInf(v, -1) {
				row, mean = append(row, v), mean+v
			}
		}
		mean /= float64(len(row))
		if !centred {
			mean = 0
		}
		var norm float64
		for _, v := range row {
			norm += math.Pow(math.Abs(v-mean), float64(p))
		}
		norm = math.Pow(norm, 1/float64(p))
		if p == 0 {
			norm = 1
		}
		out = append(out, (slices.Max(row)-mean)/norm)
	}
	return out
}

// TestSelectiveScale: the p-norm and MSP of large logits are numbers, and the p-norm does not depend on
// their scale.
func TestSelectiveScale(t *testing.T) {
	z, y := drawn(400, 4, 2)
	var scores [2]float64
	for i, scale := range []float64{1, 1e98} {
		large := slices.Clone(z)
		for j := range large {
			large[j] *= scale
		}
		src, err := Slice(large, y, 4)
		if err != nil {
			t.Fatal(err)
		}
		r := measure(t, src, Options{FitAll: true})
		for _, s := range r.Selective {
			if !(s.AURC > 0 && s.AURC < 1) || s.N != 400 {
				t.Errorf("scale %g: %s has AURC %v of %d", scale, s.Key, s.AURC, s.N)
			}
		}
		scores[i] = r.Selective[len(r.Selective)-1].AURC
	}
	if math.Abs(scores[0]-scores[1]) > 1e-9 {
		t.Errorf("AURC of the p-norm is %v, of larger logits %v", scores[0], scores[1])
	}
}

// TestSelectiveProbabilities: probabilities have no largest logit, and their p-norm is the centred one.
func TestSelectiveProbabilities(t *testing.T) {
	z, y := drawn(400, 4, 3)
	p := slices.Clone(z)
	for i := 0; i < len(p); i += 4 {
		var sum float64
		for c := range 4 {
			p[i+c] = math.Exp(z[i+c])
			sum += p[i+c]
		}
		for c := range 4 {
			p[i+c] /= sum
		}
	}
	of := func(v []float64, probabilities bool) *Report {
		src, err := Slice(v, y, 4)
		if err != nil {
			t.Fatal(err)
		}
		return measure(t, src, Options{Probabilities: probabilities})
	}
	a, b := of(z, false), of(p, true)
	for i, s := range b.Selective {
		switch s.Key {
		case "max_logit":
			if !math.IsNaN(s.AURC) || s.Note == "" {
				t.Errorf("max logit of probabilities: AURC %v, note %q", s.AURC, s.Note)
			}
		case "pnorm":
			if !s.PNorm.Centred {
				t.Error("the p-norm of probabilities is not centred")
			}
		default:
			if math.Abs(s.AURC-a.Selective[i].AURC) > 1e-9 {
				t.Errorf("%s: AURC %v of probabilities, %v of logits", s.Key, s.AURC, a.Selective[i].AURC)
			}
		}
	}
}

// TestSelectiveReference compares with numpy, scipy and scikit-learn; see testdata/selective.py.
func TestSelectiveReference(t *testing.T) {
	b, err := os.ReadFile("testdata/selective.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name   string
		K      int
		Logits []float64
		Labels []int32
		Want   map[string]map[string]float64
		PNorm  struct{ Centred, Plain []float64 }
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		src, err := Slice(c.Logits, c.Labels, c.K)
		if err != nil {
			t.Fatal(err)
		}
		r := measure(t, src, Options{FitAll: true})
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Selective map[string]map[string]any
		}
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		for score, values := range c.Want {
			for key, want := range values {
				if v, ok := got.Selective[score][key].(float64); !ok || !(math.Abs(v-want) <= 1e-12) {
					t.Errorf("%s: %s of %s = %v, want %.12g", c.Name, key, score, got.Selective[score][key], want)
				}
			}
		}
		least := min(slices.Min(c.PNorm.Centred), slices.Min(c.PNorm.Plain))
		pn := r.Selective[len(r.Selective)-1]
		of := c.PNorm.Plain
		if pn.PNorm.Centred {
			of = c.PNorm.Centred
		}
		if math.Abs(pn.AURC-least) > 1e-9 || math.Abs(of[pn.PNorm.P]-least) > 1e-9 {
			t.Errorf("%s: p = %d, centred %v, AURC %v; want %v", c.Name, pn.PNorm.P, pn.PNorm.Centred, pn.AURC, least)
		}
	}
}
