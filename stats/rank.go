package stats

import (
	"fmt"
	"math"
	"slices"
)

// exactN is the most pairs whose permutations are all counted: 10! is 3.6 million.
const exactN = 10

// Correlation is Spearman's rank correlation of N pairs.
type Correlation struct {
	N        int
	Rho      float64 // −1 to 1
	P        float64 // two-sided, of independence
	PLess    float64 // of Rho or less: small where one falls as the other grows
	PGreater float64 // of Rho or more: small where both grow together
	Exact    bool    // the p values count all permutations
}

// Ranks returns the ranks 1 to n of values; equal values share the mean of their ranks.
func Ranks(v []float64) ([]float64, error) {
	if err := checkValues("value", v, 1); err != nil {
		return nil, err
	}
	ranks := make([]float64, len(v))
	for i, r := range centredRanks(v) {
		ranks[i] = float64(r+len(v)+1) / 2
	}
	return ranks, nil
}

// centredRanks returns 2·rank − (n + 1), which is a whole number with ties too and sums to 0.
func centredRanks(v []float64) []int {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		switch {
		case v[i] < v[j]:
			return -1
		case v[i] > v[j]:
			return 1
		}
		return 0
	})
	ranks := make([]int, len(v))
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && v[order[to]] == v[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			ranks[i] = from + to - len(order)
		}
		from = to
	}
	return ranks
}

// Spearman returns the correlation of the ranks of x and y, at least 3 pairs, equal
// values with the mean of their ranks (Spearman 1904). Without spread in x or y it is
// ErrNoSpread.
//
// For up to 10 pairs the p values are exact: the shares of all permutations of y, ties
// included, whose correlation is as extreme. For more they come from
// t = ρ·√((N−2)/(1−ρ²)) as Student's t with N − 2 degrees of freedom, which is within .01
// of the exact value for N = 11 and nearer for more, and are at least 1/N! (2/N! two-sided).
// All of them take the pairs as independent: along the epochs of one run they are not, and
// only Rho counts.
func Spearman(x, y []float64) (Correlation, error) {
	if err := checkPairs(x, y, 3); err != nil {
		return Correlation{}, err
	}
	a, b := centredRanks(x), centredRanks(y)
	aa, bb, ab := dot(a, a), dot(b, b), dot(a, b)
	for i, square := range []int{aa, bb} {
		if square == 0 {
			return Correlation{}, fmt.Errorf("stats: %w: all %d values of %s are %v", ErrNoSpread, len(x),
				[]string{"x", "y"}[i], [][]float64{x, y}[i][0])
		}
	}
	c := Correlation{N: len(x), Rho: float64(ab) / math.Sqrt(float64(aa)*float64(bb))}
	if aa == bb { // without a root that rounds
		c.Rho = float64(ab) / float64(aa)
	}
	if c.N <= exactN {
		c.Exact = true
		c.P, c.PLess, c.PGreater = permutations(a, b)
		return c, nil
	}
	least := 1 / math.Gamma(float64(c.N)+1)
	dist := student(c.N - 2)
	t := c.Rho * math.Sqrt(float64(c.N-2)/((1-c.Rho)*(1+c.Rho)))
	c.PLess, c.PGreater = math.Max(least, dist.CDF(t)), math.Max(least, dist.Survival(t))
	c.P = math.Min(1, 2*math.Min(c.PLess, c.PGreater))
	return c, nil
}

func dot(a, b []int) int {
	sum := 0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// permutations returns the shares of the permutations of b whose product with a is as far
// from 0 as that of a and b, as low, and as high. It visits them by Heap's algorithm (1963),
// each one exchange from the last.
func permutations(a, b []int) (both, less, greater float64) {
	b = slices.Clone(b)
	seen, sum := dot(a, b), dot(a, b)
	far := max(seen, -seen)
	var nBoth, nLess, nGreater, n int
	count := func() {
		n++
		if max(sum, -sum) >= far {
			nBoth++
		}
		if sum <= seen {
			nLess++
		}
		if sum >= seen {
			nGreater++
		}
	}
	count()
	turns := make([]int, len(b))
	for i := 1; i < len(b); {
		if turns[i] == i {
			turns[i] = 0
			i++
			continue
		}
		j := 0
		if i%2 == 1 {
			j = turns[i]
		}
		sum -= (a[i] - a[j]) * (b[i] - b[j])
		b[i], b[j] = b[j], b[i]
		count()
		turns[i]++
		i = 1
	}
	all := float64(n)
	return float64(nBoth) / all, float64(nLess) / all, float64(nGreater) / all
}
