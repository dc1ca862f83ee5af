package claims

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/stats"
)

var nan = math.NaN()

// phase is a range of epochs, From < epoch ≤ To.
type phase struct {
	name     string
	from, to float64
}

// length is the number of epochs that shares of a run refer to: the paper's at its scale, where a
// run may end early, and else the run's own.
func (g *group) length() float64 {
	if g.scale == PaperScale {
		return float64(record.PaperSets[g.spec.Dataset].Epochs)
	}
	return float64(g.spec.Epochs)
}

// cut reports whether the runs stop before the end of their schedule.
func (g *group) cut() bool { return g.spec.ScheduleEpochs > g.spec.Epochs }

func (g *group) whole() phase { return phase{"all epochs", 0, g.length()} }

// early is the paper's epochs 1–100 of 800: an eighth of the schedule.
func (g *group) early() phase {
	planned := float64(g.spec.Epochs)
	if g.spec.Schedule == "multistep" && g.spec.ScheduleEpochs > 0 {
		planned = float64(g.spec.ScheduleEpochs)
	}
	return phase{fmt.Sprintf("epochs 1 to %.0f", min(planned/8, float64(g.spec.Epochs))), 0, planned / 8}
}

// late is the paper's epochs 50–800 of 800, final the last tenth.
func (g *group) late() phase {
	from := g.length() / 16
	return phase{fmt.Sprintf("epochs from %.0f", math.Floor(from)+1), from, g.length()}
}

func (g *group) final() phase { return phase{"the last tenth", g.length() * 0.9, g.length()} }

// milestone returns the epoch of a milestone, counted from 0, or 0 where the runs do not reach it.
func (g *group) milestone(i int) float64 {
	if i < len(g.spec.Milestones) && g.spec.Milestones[i] < g.spec.Epochs {
		return float64(g.spec.Milestones[i])
	}
	return 0
}

// value is a number of a row.
type value func(*record.Epoch) float64

// of is a metric of a row by its key.
func of(key string) value {
	m, ok := record.MetricByKey(key)
	if !ok {
		panic("claims: a row has no metric " + key)
	}
	return m.Value
}

// said is a metric's name in notes: NC1, ‖w‖, test error.
func said(key string) string {
	m, ok := record.MetricByKey(key)
	switch {
	case key == "nll":
		return "cross entropy"
	case key == "nc2_w":
		return "distance of W from an ETF"
	case key == "nc2_h":
		return "distance of H̄ from an ETF"
	case key == "w_norm":
		return "‖w‖"
	case key == "h_norm":
		return "‖h‖"
	case len(key) == 3 && strings.HasPrefix(key, "nc"):
		return strings.ToUpper(key)
	case ok && strings.HasSuffix(key, "_error"):
		return m.Title
	}
	return key
}

// logOf is the logarithm of a metric, NaN where that is not above 0.
func logOf(key string) value {
	v := of(key)
	return func(e *record.Epoch) float64 {
		if x := v(e); x > 0 {
			return math.Log(x)
		}
		return nan
	}
}

// curve returns a number along the epochs of a phase, without rows that lack it.
func curve(r *record.Record, p phase, v value) (x, y []float64) {
	for i := range r.Epochs {
		e := &r.Epochs[i]
		if at := float64(e.Epoch); at > p.from && at <= p.to {
			if n := v(e); defined(n) {
				x, y = append(x, at), append(y, n)
			}
		}
	}
	return x, y
}

// meanCurve returns the mean over runs at the epochs that all of them have.
func meanCurve(runs []*record.Record, p phase, v value) (x, y []float64) {
	for i, r := range runs {
		rx, ry := curve(r, p, v)
		if i == 0 {
			x, y = rx, ry
			continue
		}
		var bx, by []float64
		for j, at := range x {
			if k := slices.Index(rx, at); k >= 0 {
				bx, by = append(bx, at), append(by, y[j]+ry[k])
			}
		}
		x, y = bx, by
	}
	for j := range y {
		y[j] /= float64(len(runs))
	}
	return x, y
}

// average returns the mean of a curve over its epochs, straight between measured ones; NaN without
// points.
func average(x, y []float64) float64 {
	switch len(x) {
	case 0:
		return nan
	case 1:
		return y[0]
	}
	var sum float64
	for i := 1; i < len(x); i++ {
		sum += (x[i] - x[i-1]) * (y[i] + y[i-1]) / 2
	}
	return sum / (x[len(x)-1] - x[0])
}

// differences returns D: for each seed the mean over the epochs of a phase of LS less CE. Seeds
// that lack the number are left out.
func (p pair) differences(at phase, v value) (d []float64) {
	for i := range p.ce {
		ax, ay := curve(p.ce[i], at, v)
		bx, by := curve(p.ls[i], at, v)
		var x, y []float64
		for j, epoch := range ax {
			if k := slices.Index(bx, epoch); k >= 0 {
				x, y = append(x, epoch), append(y, by[k]-ay[j])
			}
		}
		if m := average(x, y); defined(m) {
			d = append(d, m)
		}
	}
	return d
}

// crossings counts the levels of CE's seed-mean curve, its running minima in a phase, and those
// that LS's reaches no later.
func (p pair) crossings(at phase, v value) (earlier, levels int) {
	x, ce := meanCurve(p.ce, at, v)
	lx, ls := meanCurve(p.ls, at, v)
	least := math.Inf(1)
	for i, y := range ce {
		if y >= least {
			continue
		}
		least = y
		levels++
		for j := range ls {
			if lx[j] > x[i] {
				break
			}
			if ls[j] <= y {
				earlier++
				break
			}
		}
	}
	return earlier, levels
}

// sooner decides D < 0 over a phase, and that LS reaches each level of CE no later. The second part
// rests on seed means and can only take the verdict back.
func (p pair) sooner(at phase, v value, what string) finding {
	f := below(p.differences(at, v), "mean difference of "+what+", "+at.name)
	earlier, levels := p.crossings(at, v)
	f.note += fmt.Sprintf("; of the %[2]d levels that the curve of CE reaches, LS reaches %[1]d as early or "+
		"earlier", earlier, levels)
	if f.verdict == Holds && earlier < levels {
		f.verdict = NotDecided
		f.note += ", so the two parts of the rule disagree"
	}
	return f
}

// finals returns a number's mean over the last tenth, one a run; nil if one lacks it.
func (g *group) finals(runs []*record.Record, v value) (out []float64) {
	for _, r := range runs {
		m := average(curve(r, g.final(), v))
		if !defined(m) {
			return nil
		}
		out = append(out, m)
	}
	return out
}

func mean(v []float64) float64 {
	if len(v) == 0 {
		return nan
	}
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// rho is Spearman's correlation, NaN for fewer than three pairs and without spread. It has no p
// value: along the epochs of a run pairs are not independent, and an exact one takes long.
func rho(x, y []float64) float64 {
	a, errX := stats.Ranks(x)
	b, errY := stats.Ranks(y)
	if len(x) != len(y) || len(x) < 3 || errX != nil || errY != nil {
		return nan
	}
	return stat.Correlation(a, b, nil)
}

// trend decides the sign of ρ(x, y) along the epochs of a phase on seed means, and counts the seeds
// that agree. x may be nil for the epoch itself.
func (g *group) trend(runs []*record.Record, at phase, x, y value, sign float64, what string) finding {
	along := func(runs []*record.Record) float64 {
		epochs, b := meanCurve(runs, at, y)
		if x == nil {
			return rho(epochs, b)
		}
		ax, a := meanCurve(runs, at, x)
		var u, v []float64
		for i, epoch := range ax {
			if k := slices.Index(epochs, epoch); k >= 0 {
				u, v = append(u, a[i]), append(v, b[k])
			}
		}
		return rho(u, v)
	}
	r := along(runs)
	if !defined(r) {
		return undecided(len(runs), what+": fewer than three measured epochs that all runs have")
	}
	agree := 0
	for _, run := range runs {
		if sign*along([]*record.Record{run}) > 0 {
			agree++
		}
	}
	return shown(sign*r > 0, r, len(runs), fmt.Sprintf("%s: ρ = %.2f (%d of %d seeds agree)", what, r, agree,
		len(runs)))
}

// named is the runs of one loss.
type named struct {
	name string
	runs []*record.Record
}

func (p pair) losses() []named { return []named{{"CE", p.ce}, {"LS", p.ls}} }
