package stats

import (
	"fmt"
	"math"
	"sort"
)

// Power returns the power of the two-sided paired t test of n ≥ 2 pairs at the level
// alpha, if the true effect is d_z = effect (mean over standard deviation of the
// differences): P(|T| > t(n−1; 1−alpha/2)) for T noncentral t with n − 1 degrees of
// freedom and shift effect·√n (Cohen 1988). alpha is at least 1e-9; the error is below 1e-9.
func Power(effect float64, n int, alpha float64) (float64, error) {
	if err := checkTest(effect, alpha); err != nil {
		return 0, err
	}
	if n < 2 {
		return 0, fmt.Errorf("stats: %w: want at least 2 pairs, found %d", ErrTooFew, n)
	}
	return power(effect, n, alpha), nil
}

func checkTest(effect, alpha float64) error {
	if err := checkValues("effect", []float64{effect}, 1); err != nil {
		return err
	}
	if !(alpha >= 1e-9 && alpha < 1) {
		return fmt.Errorf("stats: alpha is %v, want it at least 1e-9 and below 1", alpha)
	}
	return nil
}

func power(effect float64, n int, alpha float64) float64 {
	t := critical(n-1, 1-alpha/2)
	shift := math.Abs(effect) * math.Sqrt(float64(n))
	lower, _ := noncentralT(-t, n-1, shift)
	_, upper := noncentralT(t, n-1, shift)
	return math.Min(1, lower+upper)
}

// Needed is how many pairs a paired t test needs.
type Needed struct {
	N     int     // least number of pairs; 0 if it is more than Max
	Max   int     // most pairs that were considered
	Power float64 // at N, or at Max if N is 0
}

// More reports whether more than Max pairs are needed.
func (n Needed) More() bool { return n.N == 0 }

// String is "7" or "more than 100".
func (n Needed) String() string {
	if n.More() {
		return fmt.Sprintf("more than %d", n.Max)
	}
	return fmt.Sprint(n.N)
}

// PairsNeeded returns the least number of pairs, 2 to most, with which the two-sided
// paired t test at the level alpha has the power wanted, such as .8, if the true effect is
// d_z = effect. An effect seen in a few pairs is uncertain and on average too large, so
// that the number is a lower guess; the ends of EffectInterval show how uncertain.
func PairsNeeded(effect, alpha, wanted float64, most int) (Needed, error) {
	if err := checkTest(effect, alpha); err != nil {
		return Needed{}, err
	}
	if err := checkShare("the power wanted", wanted); err != nil {
		return Needed{}, err
	}
	if most < 2 {
		return Needed{}, fmt.Errorf("stats: want a limit of at least 2 pairs, found %d", most)
	}
	// The power increases in n, so that a search by halves finds the least.
	i := sort.Search(most-1, func(i int) bool { return power(effect, i+2, alpha) >= wanted })
	n := Needed{N: i + 2, Max: most}
	if n.N > most {
		return Needed{Max: most, Power: power(effect, most, alpha)}, nil
	}
	n.Power = power(effect, n.N, alpha)
	return n, nil
}
