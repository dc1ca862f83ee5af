package stats

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Estimate is the mean of N values, their standard deviation with divisor N − 1, and
// Student's interval of the mean.
type Estimate struct {
	N        int
	Mean, SD float64
	Interval Interval
}

// Mean estimates the mean of at least two values that are independent and about normal:
// mean ± t(N−1; (1+level)/2) · SD/√N (Student 1908). Values that are all equal have an
// interval of no width.
func Mean(v []float64, level float64) (Estimate, error) {
	if err := checkValues("value", v, 2); err != nil {
		return Estimate{}, err
	}
	if err := checkShare("the level", level); err != nil {
		return Estimate{}, err
	}
	n := float64(len(v))
	var mean, square float64
	for _, x := range v {
		mean += x / n
	}
	for _, x := range v {
		square += (x - mean) * (x - mean)
	}
	sd := math.Sqrt(square / (n - 1))
	half := critical(len(v)-1, (1+level)/2) * sd / math.Sqrt(n)
	e := Estimate{N: len(v), Mean: mean, SD: sd, Interval: Interval{Level: level, Low: mean - half, High: mean + half}}
	return e, checkFinite("the interval of a mean", sd, e.Interval.Low, e.Interval.High)
}

// Differences returns a − b, element by element: the pairs of a paired test, such as the
// values of two losses on the same seeds.
func Differences(a, b []float64) ([]float64, error) {
	if err := checkPairs(a, b, 1); err != nil {
		return nil, err
	}
	d := make([]float64, len(a))
	for i := range d {
		d[i] = a[i] - b[i]
	}
	return d, checkFinite("a difference", d...)
}

// Paired is the test of paired differences against mean 0.
type Paired struct {
	Estimate
	T        float64 // Mean / (SD/√N)
	DF       int     // N − 1
	P        float64 // two-sided
	PLess    float64 // of T or less: small where the mean is below 0
	PGreater float64 // of T or more: small where the mean is above 0

	// Effect is d_z = Mean/SD, the mean in standard deviations of the differences
	// (Cohen 1988). It is not corrected for its bias away from 0 in small samples.
	Effect         float64
	EffectInterval Interval
}

// PairedT is Student's test of at least two paired differences, which must be independent
// and about normal. The interval of d_z inverts the noncentral t distribution: its ends
// are λ/√N for the λ at which P(T(N−1, λ) ≤ T) is (1+level)/2 and (1−level)/2 (Steiger
// and Fouladi 1997), accurate to 1e-9 of 1 + |d_z|. Differences that are equal up to
// rounding give ErrNoSpread.
func PairedT(d []float64, level float64) (Paired, error) {
	e, se, err := spread(d, level)
	if err != nil {
		return Paired{}, err
	}
	p := Paired{Estimate: e, T: e.Mean / se, DF: e.N - 1, Effect: e.Mean / e.SD}
	dist := student(p.DF)
	p.PLess, p.PGreater = dist.CDF(p.T), dist.Survival(p.T)
	p.P = math.Min(1, 2*dist.Survival(math.Abs(p.T)))
	root := math.Sqrt(float64(e.N))
	p.EffectInterval = Interval{
		Level: level,
		Low:   noncentrality(p.T, p.DF, (1+level)/2) / root,
		High:  noncentrality(p.T, p.DF, (1-level)/2) / root,
	}
	return p, checkFinite("the test of differences", p.T, p.EffectInterval.Low, p.EffectInterval.High)
}

// Equivalence is the outcome of two one-sided tests. Interval of the estimate has the
// level 1 − 2·Alpha, 90 % for Alpha .05: it lies between the margins exactly where P < Alpha.
type Equivalence struct {
	Estimate
	Alpha        float64
	Lower, Upper float64 // the margins
	PLower       float64 // of the test against a mean of Lower or less
	PUpper       float64 // of the test against a mean of Upper or more
	P            float64 // the larger of the two
	Equivalent   bool    // P < Alpha
}

// TOST tests whether the mean of at least two paired differences lies between the margins
// lower and upper, by two one-sided t tests at the level alpha (Schuirmann 1987). The
// margins are in the unit of the differences; alpha is below .5. Differences that are
// equal up to rounding give ErrNoSpread.
func TOST(d []float64, lower, upper, alpha float64) (Equivalence, error) {
	if err := checkValues("margin", []float64{lower, upper}, 2); err != nil {
		return Equivalence{}, err
	}
	if lower >= upper {
		return Equivalence{}, fmt.Errorf("stats: want the lower margin below the upper one, found %v and %v",
			lower, upper)
	}
	if !(alpha > 0 && alpha < 0.5) {
		return Equivalence{}, fmt.Errorf("stats: alpha is %v, want it between 0 and 0.5, ends excluded", alpha)
	}
	e, se, err := spread(d, 1-2*alpha)
	if err != nil {
		return Equivalence{}, err
	}
	q := Equivalence{Estimate: e, Alpha: alpha, Lower: lower, Upper: upper}
	dist := student(e.N - 1)
	over, under := (e.Mean-lower)/se, (e.Mean-upper)/se
	if err := checkFinite("the test of equivalence", over, under); err != nil {
		return Equivalence{}, err
	}
	q.PLower, q.PUpper = dist.Survival(over), dist.CDF(under)
	q.P = math.Max(q.PLower, q.PUpper)
	q.Equivalent = q.P < alpha
	return q, nil
}

// spread returns the mean of differences with its interval and its standard error, or
// ErrNoSpread.
func spread(d []float64, level float64) (Estimate, float64, error) {
	e, err := Mean(d, level)
	if err != nil {
		return e, 0, err
	}
	// A few rounding errors of the largest value are no spread.
	const rounding = 8 * 0x1p-52
	low, high := slices.Min(d), slices.Max(d)
	if high-low <= rounding*math.Max(math.Abs(low), math.Abs(high)) {
		return e, 0, fmt.Errorf("stats: %w: the %d differences are all %v up to rounding, "+
			"so that there is no t; check that the runs differ", ErrNoSpread, len(d), d[0])
	}
	se := e.SD / math.Sqrt(float64(e.N))
	if se == 0 {
		return e, 0, fmt.Errorf("stats: the spread of the %d differences is below the range of float64; "+
			"scale the values first", len(d))
	}
	return e, se, nil
}

// student is Student's t distribution.
func student(df int) distuv.StudentsT { return distuv.StudentsT{Sigma: 1, Nu: float64(df)} }

// critical returns the t at which Student's distribution is p, above one half. Gonum's
// quantile is wrong for small tails of many degrees of freedom (df 100,000, tail 5e-11: 81.7
// instead of 6.5), so that it counts only if the distribution agrees; else bisection finds t.
func critical(df int, p float64) float64 {
	dist, tail := student(df), 1-p
	over := func(t float64) bool { return dist.Survival(t) > tail }
	if t := dist.Quantile(p); math.Abs(dist.Survival(t)-tail) <= 1e-11*tail {
		return t
	}
	low, high := 0.0, 1.0
	for over(high) {
		low, high = high, 2*high
	}
	for high-low > 1e-15*high {
		if middle := low + (high-low)/2; over(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}
