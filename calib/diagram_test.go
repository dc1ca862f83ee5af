package calib

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

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
			if math.Abs(d[b].Count-float64(n)/bins) > 1e-6 ||
				math.Abs(d[b].Confidence-c) > 1e-9 || math.Abs(d[b].Accuracy-acc) > 1e-9 {
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
