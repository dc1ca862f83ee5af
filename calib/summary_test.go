package calib

import (
	"math"
	"math/rand/v2"
	"testing"
)

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
		t.Errorf("over %v, under %v of a model with T = 2; L1 %v, L2 %v, maximum %v",
			r.Over, r.Under, r.ECE, r.ECE2, r.MCE)
	}
}
