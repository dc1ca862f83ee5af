package claims

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gocollapse/collapse/stats"
	"github.com/gocollapse/collapse/ufm"
)

// localSpeed measures the factor per step of gradient descent on the objective, from near the
// minimiser, against δ. The note also has the factor that the loss alone would have.
func localSpeed() finding {
	deltas := []float64{0, 0.05, 0.1, 0.2, 0.4}
	base := ufm.PaperParams()
	base.K, base.D = 4, 5
	base = base.Small(3, 5).WithS(0.0224)
	faster, text := 0, ""
	for _, block := range []ufm.Block{ufm.OnlyW, ufm.OnlyH, ufm.All} {
		for _, best := range []bool{false, true} {
			rates, err := measuredRates(base, deltas, block, best)
			if err != nil {
				return failed(err)
			}
			falls := true
			for j := 1; j < len(rates); j++ {
				falls = falls && rates[j] < rates[j-1]-1e-4
			}
			if falls {
				faster++
			}
			step := "one step size"
			if best {
				step = "each δ's best"
			}
			text += fmt.Sprintf("; %s, %s: %.3f at δ = 0, %.3f at δ = 0.4", block, step, rates[0],
				rates[len(rates)-1])
		}
	}
	alone := func(delta float64) float64 {
		p := base
		p.Delta = delta
		m, err := p.Minimiser()
		if err != nil {
			return nan
		}
		_, factor := m.HessianW.BestRate()
		return factor
	}
	return computed(faster == 6, float64(faster),
		"larger δ is faster in %d of 6 settings; factor per step of descent on "+
			"the objective with its penalties%s. On the nonzero curvature of the loss alone the best factor would "+
			"decrease from "+
			"%.3f to %.3f, as Theorem 4.2 has it", faster, text, alone(0), alone(0.4))
}

// measuredRates returns the factor by which a step shrinks the gradient, for each δ, at one step
// size that is stable for all or at each δ's best one, in the coordinates in which the penalties
// are half the squared norm.
func measuredRates(base ufm.Params, deltas []float64, block ufm.Block, best bool) (rates []float64, err error) {
	var tops, lows []float64
	for _, delta := range deltas {
		p := base
		p.Delta = delta
		m, err := p.Minimiser()
		if err != nil {
			return nil, err
		}
		values, err := p.Problem().Eigenvalues(m.Point(true), ufm.View{Block: block, Scaled: true})
		if err != nil {
			return nil, err
		}
		top := values[len(values)-1]
		low := slices.IndexFunc(values, func(v float64) bool { return v > 1e-7*top })
		tops, lows = append(tops, top), append(lows, values[low])
	}
	for i, delta := range deltas {
		p := base
		p.Delta = delta
		m, err := p.Minimiser()
		if err != nil {
			return nil, err
		}
		problem := p.Problem()
		x := m.Point(true)
		for j, v := range problem.Random(7) {
			x[j] += 1e-4 * v
		}
		rate := 1 / slices.Max(tops)
		if best {
			rate = 2 / (tops[i] + lows[i])
		}
		path, err := problem.Descend(context.Background(), x,
			ufm.DescentOptions{Rate: rate, Steps: 900, Every: 5, Block: block, Scaled: true})
		if err != nil {
			return nil, err
		}
		rates = append(rates, path.Rate())
	}
	return rates, nil
}

// freeNormError: with free features both norms descend to the closed form.
func freeNormError() finding {
	d, err := ufm.PaperParams().Dynamics(context.Background(), 2021)
	if err != nil {
		return failed(err)
	}
	return atMargins(0.01, "relative error below", func(most float64) finding {
		worst, approach := 0.0, true
		for _, path := range d.Paths {
			p := d.Params
			p.Delta = path.Delta
			m, err := p.Minimiser()
			if err != nil {
				return failed(err)
			}
			var steps, w, h []float64
			for _, r := range path.Rows {
				steps = append(steps, float64(r.Step))
				w = append(w, math.Abs(r.WNorm/m.WNorm-1))
				h = append(h, math.Abs(r.HNorm/m.HNorm-1))
			}
			worst = max(worst, w[len(w)-1], h[len(h)-1])
			approach = approach && rho(steps, w) < 0 && rho(steps, h) < 0
		}
		return computed(worst < most && approach, worst,
			"relative error of both norms at the end at most %.1g for δ of 0, .05 and .1, decreasing along the "+
				"descent", worst)
	})
}

// freeLargerDeltaFaster: with free features and random starts, the area under the logarithm of NC1,
// NC2 and NC3 against δ, over the same number of steps, at one step size and at each δ's best.
func freeLargerDeltaFaster() finding {
	deltas := []float64{0, 0.05, 0.1, 0.2, 0.3, 0.4}
	base := ufm.PaperParams().Small(3, 11)
	steps := []float64{0.006, 0.012, 0.024}
	const seeds = 3
	var one, tuned [3][]float64 // by metric, along δ: mean area over seeds
	for _, delta := range deltas {
		p := base
		p.Delta = delta
		var at, best [3]float64
		least := math.Inf(1)
		for i, rate := range steps {
			areas, err := freeAreas(p, rate, seeds)
			switch {
			case err == nil:
			case i == 0:
				return failed(err)
			default:
				continue // too large a step is not the best one
			}
			if i == 0 {
				at = areas
			}
			if sum := areas[0] + areas[1] + areas[2]; sum < least {
				least, best = sum, areas
			}
		}
		for j := range at {
			one[j], tuned[j] = append(one[j], at[j]), append(tuned[j], best[j])
		}
	}
	falls, text := 0, ""
	for j, name := range []string{"nc1", "nc2", "nc3"} {
		a, b := rho(deltas, one[j]), rho(deltas, tuned[j])
		for _, r := range []float64{a, b} {
			if r < 0 {
				falls++
			}
		}
		text += fmt.Sprintf("; %s: ρ(δ, area) = %.2f, tuned %.2f", name, a, b)
	}
	return computed(falls == 6, float64(falls),
		"larger δ has the smaller area under the log curve in %d of 6 cases%s", falls, text)
}

// freeAreas returns the mean over seeds of the mean of log NC1, NC2 and NC3 along a descent. A
// descent that does not go down is an error, as is a metric of 0.
func freeAreas(p ufm.Params, rate float64, seeds uint64) (areas [3]float64, err error) {
	problem := p.Problem()
	for seed := range seeds {
		path, err := problem.Descend(context.Background(), problem.Random(seed+1),
			ufm.DescentOptions{Rate: rate, Steps: 400, Every: 20, Scaled: true})
		if err != nil {
			return areas, err
		}
		if end := path.Rows[len(path.Rows)-1]; !(end.GradientNorm < path.Rows[0].GradientNorm) {
			return areas, fmt.Errorf("claims: at step size %g the descent does not go down", rate)
		}
		for j := range areas {
			var x, y []float64
			for _, r := range path.Rows {
				x, y = append(x, float64(r.Step)), append(y, []float64{r.NC1, r.NC2, r.NC3}[j])
			}
			area, err := stats.AreaUnderLog(x, y)
			if err != nil {
				return areas, err
			}
			areas[j] += area.Mean / float64(seeds)
		}
	}
	return areas, nil
}
