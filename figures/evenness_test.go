package figures

import (
	"math"
	"strings"
	"testing"
)

// The price of uneven logits is the difference of Equation 3 at two sets of logits whose own class has
// the same probability.
func TestUnevenPriceIsADifferenceOfLosses(t *testing.T) {
	for _, k := range []int{3, 4, 10} {
		for _, sd := range []float64{0, 0.3, 2, 4} {
			for _, delta := range []float64{0.05, 0.3} {
				loss := func(others []float64) (l float64) {
					const own = 0.7
					l = -(1 - delta + delta/float64(k)) * math.Log(own)
					for _, p := range others {
						l -= delta / float64(k) * math.Log((1-own)*p)
					}
					return l
				}
				even := make([]float64, k-1)
				for i := range even {
					even[i] = 1 / float64(k-1)
				}
				want := loss(othersOf(k, sd)) - loss(even)
				if got := UnevenPrice(k, delta, sd); math.Abs(got-want) > 1e-12 {
					t.Errorf("K = %d, δ = %g, sd = %g: %g, want %g", k, delta, sd, got, want)
				}
				if got := evenLoss(k, 0.7, delta); math.Abs(got-loss(even)) > 1e-12 {
					t.Errorf("K = %d, δ = %g: the bound is %g, want %g", k, delta, got, loss(even))
				}
			}
		}
	}
}

func TestEvenness(t *testing.T) {
	f, err := Evenness(10, 0.9, 0.05, 1.3)
	if err != nil {
		t.Fatal(err)
	}
	checkFigure(t, f, Scale)
	if want := "CE: 0.1054;"; !strings.Contains(f.Caption, want) { // −log 0.9
		t.Errorf("the caption %q lacks %q", f.Caption, want)
	}
	for _, bad := range []float64{-0.1, 5, math.NaN()} {
		if _, err := Evenness(10, 0.9, 0.05, bad); err == nil {
			t.Errorf("a standard deviation of %g gave no error", bad)
		}
	}
}

// Three class means at 120° in the plane: what softmax gives on the way is that of the scalar products.
func TestOnTheWayIsSoftmaxOfAnETF(t *testing.T) {
	var v [3][2]float64
	for i := range v {
		s, c := math.Sincos(2 * math.Pi / 3 * float64(i))
		v[i] = [2]float64{c, s}
	}
	for _, margin := range []float64{0, 1, 5.25} {
		for _, way := range []float64{0, 0.3, 0.5, 1} {
			h := [2]float64{(1-way)*v[0][0] + way*v[1][0], (1-way)*v[0][1] + way*v[1][1]}
			var p [3]float64
			var sum, entropy float64
			for k := range p {
				p[k] = math.Exp(margin / 1.5 * (v[k][0]*h[0] + v[k][1]*h[1])) // scores 1 and −1/2 are 1.5 apart
				sum += p[k]
			}
			for k := range p {
				p[k] /= sum
				entropy -= p[k] * math.Log(p[k])
			}
			a, b, e := onTheWay(3, margin, way)
			if math.Abs(a-p[0])+math.Abs(b-p[1])+math.Abs(e-entropy) > 1e-12 {
				t.Errorf("margin %g, %g of the way: %g, %g, %g; want %g, %g, %g", margin, way, a, b, e, p[0], p[1],
					entropy)
			}
		}
	}
}

func TestBetweenMeans(t *testing.T) {
	f, err := BetweenMeans(10, 5.25)
	if err != nil {
		t.Fatal(err)
	}
	checkFigure(t, f, Scale)
	// log 191 = 5.252 is the best margin at δ = 0.05: 0.955, and the entropy of (0.955, nine times 0.005).
	if want := "it is 0.283, and class 2 has the probability 0.955"; !strings.Contains(f.Caption, want) {
		t.Errorf("the caption %q lacks %q", f.Caption, want)
	}
	for _, bad := range []float64{-1, 1000, math.NaN()} {
		if _, err := BetweenMeans(10, bad); err == nil {
			t.Errorf("a margin of %g gave no error", bad)
		}
	}
}
