package stats

import (
	"fmt"
	"math"
	"slices"
)

// Line is the least-squares line y = Intercept + Slope·x and the standard deviation of
// y about it, with divisor N − 2: 0 up to rounding for points on a line.
type Line struct {
	N                        int
	Slope, Intercept, Around float64
}

// FitLine fits a line to at least 3 points. Equal x give ErrNoSpread.
func FitLine(x, y []float64) (Line, error) {
	if err := checkPairs(x, y, 3); err != nil {
		return Line{}, err
	}
	if slices.Min(x) == slices.Max(x) {
		return Line{}, fmt.Errorf("stats: %w: all %d values of x are %v", ErrNoSpread, len(x), x[0])
	}
	n := float64(len(x))
	var mx, my, xx, xy, square float64
	for i := range x {
		mx += x[i] / n
		my += y[i] / n
	}
	for i := range x {
		xx += (x[i] - mx) * (x[i] - mx)
		xy += (x[i] - mx) * (y[i] - my)
	}
	l := Line{N: len(x), Slope: xy / xx}
	l.Intercept = my - l.Slope*mx
	for i := range x {
		r := y[i] - my - l.Slope*(x[i]-mx)
		square += r * r
	}
	l.Around = math.Sqrt(square / (n - 2))
	return l, checkFinite("the line", l.Slope, l.Intercept, l.Around)
}

// Gap compares two curves where both are known.
type Gap struct {
	From, To float64 // the common range of x
	Mean     float64 // of b − a over it, weighted by x
	Share    float64 // of the range of both together that is common, 0 to 1
}

// CurveGap returns how much curve b lies above curve a on average over their common range
// of x: (∫ b − a dx)/(To − From), for curves that are straight between points. The points
// may come in any order; points of one curve with equal x count as one at their mean y. For a
// question at equal NC1, x is log NC1 and y the logarithm of the other metric, and the gap is
// the logarithm of a ratio. If the ranges share no more than one point it is ErrNoOverlap.
func CurveGap(ax, ay, bx, by []float64) (Gap, error) {
	a, err := newCurve("a", ax, ay)
	if err != nil {
		return Gap{}, err
	}
	b, err := newCurve("b", bx, by)
	if err != nil {
		return Gap{}, err
	}
	g := Gap{From: math.Max(a.low(), b.low()), To: math.Min(a.high(), b.high())}
	if g.From >= g.To {
		return Gap{}, fmt.Errorf("stats: %w: x of curve a goes from %v to %v, of curve b from %v to %v",
			ErrNoOverlap, a.low(), a.high(), b.low(), b.high())
	}
	g.Share = (g.To - g.From) / (math.Max(a.high(), b.high()) - math.Min(a.low(), b.low()))
	// The difference is straight between the points of both, so that trapezoids are exact.
	knots := []float64{g.From, g.To}
	for _, x := range slices.Concat(a.x, b.x) {
		if x > g.From && x < g.To {
			knots = append(knots, x)
		}
	}
	slices.Sort(knots)
	var area float64
	last := b.at(g.From) - a.at(g.From)
	for i, x := range knots[1:] {
		gap := b.at(x) - a.at(x)
		area += (x - knots[i]) * (last/2 + gap/2)
		last = gap
	}
	g.Mean = area / (g.To - g.From)
	return g, checkFinite("the gap of two curves", g.Mean, g.Share)
}

// curve has x in ascending order, each once.
type curve struct{ x, y []float64 }

func newCurve(name string, x, y []float64) (curve, error) {
	if err := checkPairs(x, y, 2); err != nil {
		return curve{}, fmt.Errorf("curve %s: %w", name, err)
	}
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case x[i] < x[j]:
			return -1
		case x[i] > x[j]:
			return 1
		}
		return 0
	})
	var c curve
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && x[order[to]] == x[order[from]] {
			to++
		}
		var mean float64
		for _, i := range order[from:to] {
			mean += y[i] / float64(to-from)
		}
		c.x, c.y = append(c.x, x[order[from]]), append(c.y, mean)
		from = to
	}
	return c, nil
}

func (c curve) low() float64  { return c.x[0] }
func (c curve) high() float64 { return c.x[len(c.x)-1] }

// at interpolates at an x between low and high.
func (c curve) at(x float64) float64 {
	i, found := slices.BinarySearch(c.x, x)
	if found {
		return c.y[i]
	}
	share := (x - c.x[i-1]) / (c.x[i] - c.x[i-1])
	return (1-share)*c.y[i-1] + share*c.y[i]
}

// Area is the area under the logarithm of a curve.
type Area struct {
	From, To float64 // range of x
	Area     float64 // ∫ ln y dx
	Mean     float64 // Area/(To − From), the mean of ln y
}

// AreaUnderLog integrates the natural logarithm of y > 0 over x by trapezoids, exact for a
// curve that is straight in ln y between at least 2 points; x, such as epochs, must ascend. A
// smaller area means an earlier or deeper fall. Curves compare only over the same x. A y of
// 0, such as a training error at the end, is an error: the caller chooses a floor and says so.
func AreaUnderLog(x, y []float64) (Area, error) {
	if err := checkPairs(x, y, 2); err != nil {
		return Area{}, err
	}
	for i := range y {
		if y[i] <= 0 {
			return Area{}, fmt.Errorf("stats: y %d of %d is %v, want it above 0 for its logarithm", i+1, len(y), y[i])
		}
		if i > 0 && x[i] <= x[i-1] {
			return Area{}, fmt.Errorf("stats: x %d of %d is %v after %v, want ascending x", i+1, len(x), x[i], x[i-1])
		}
	}
	a := Area{From: x[0], To: x[len(x)-1]}
	for i := 1; i < len(x); i++ {
		a.Area += (x[i] - x[i-1]) * (math.Log(y[i-1]) + math.Log(y[i])) / 2
	}
	a.Mean = a.Area / (a.To - a.From)
	return a, checkFinite("the area", a.Area, a.Mean)
}
