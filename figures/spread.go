package figures

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/record/summary"
)

// thinWidth is the width of a line that is one of several of a group.
const thinWidth = 0.8

// look is how a group's curves are drawn.
type look struct {
	line  draw.LineStyle
	glyph *draw.GlyphStyle
	log   bool
	share bool // the values are percent: their intervals end at 0 and 100
}

// lookOf is the look of a metric of the i-th group of a figure.
func lookOf(i int, m record.Metric, log bool) look {
	return look{line: lineStyle(i), log: log, share: m.Percent}
}

// path is a number of one run against another.
type path struct {
	seed string
	x, y []float64
}

// of returns the paths of a metric of the group's runs against the epoch.
func (g group) of(m record.Metric) []path {
	paths := make([]path, len(g.runs))
	for i, r := range g.runs {
		x, y := column(r, m)
		paths[i] = path{seedText(r), x, y}
	}
	return paths
}

// seedText is the seed of a run.
func seedText(r *record.Record) string { return strconv.FormatInt(r.Spec.Seed, 10) }

// banded reports whether the runs of a group are enough seeds for an interval.
func (g group) banded() bool {
	seeds := map[int64]bool{}
	for _, r := range g.runs {
		seeds[r.Spec.Seed] = true
	}
	return len(seeds) == len(g.runs) && len(seeds) >= summary.MinSeeds
}

// spread returns what a panel draws of a number of a group's runs, and how many values it leaves
// out. One run is a line. From three seeds on there is a line through the means at the x that all
// runs have, with a band of their 95 % intervals; the runs themselves are in the data. Two runs, and
// runs without two x in common, are thin lines.
func (g group) spread(paths []path, l look) (curves []*curve, missing int) {
	for _, p := range paths {
		k := &curve{name: g.label, seed: p.seed, x: p.x, y: p.y, line: l.line, glyph: l.glyph, log: l.log}
		curves = append(curves, k)
		missing += k.missing()
	}
	if len(paths) < 2 {
		return curves, missing
	}
	m := meanCurve(curves)
	m.name, m.line, m.glyph = g.label, l.line, l.glyph
	m.seed = fmt.Sprintf("mean of %d", len(paths))
	band := g.banded() && len(m.x) > 1
	if !band {
		m.low, m.high = nil, nil
	}
	m.hidden = !band
	if l.share {
		for i := range m.low {
			m.low[i], m.high[i] = math.Max(m.low[i], 0), math.Min(m.high[i], 100)
		}
	}
	for _, k := range curves {
		k.silent, k.hidden = true, band
		k.line.Width = vg.Points(thinWidth)
		if k.glyph != nil {
			small := *k.glyph
			small.Radius = vg.Points(1.8)
			k.glyph = &small
		}
	}
	if len(m.x) == 0 { // nothing in common: the first run speaks
		curves[0].silent = false
		return curves, missing
	}
	return append(curves, m), missing
}

// meanCurve returns the means of curves of one look, with their 95 % intervals, at the x at which
// all have a value that can be drawn. On a log axis they are those of the logarithms.
func meanCurve(curves []*curve) *curve {
	m := &curve{log: curves[0].log, low: []float64{}, high: []float64{}}
	for i, x := range curves[0].x {
		var v []float64
		for _, k := range curves {
			if j := slices.Index(k.x, x); j >= 0 && k.ok(j) {
				v = append(v, k.y[j])
			}
		}
		if !curves[0].ok(i) || len(v) < len(curves) {
			continue
		}
		y, low, high := meanOf(v, m.log)
		m.x, m.y, m.low, m.high = append(m.x, x), append(m.y, y), append(m.low, low), append(m.high, high)
	}
	return m
}

// meanOf returns the mean of values and its 95 % interval by Student's t, NaN for fewer than three;
// with log those of the logarithms.
func meanOf(v []float64, log bool) (mean, low, high float64) {
	if log {
		v = slices.Clone(v)
		for i := range v {
			v[i] = math.Log(v[i])
		}
	}
	e := summary.NewEstimate("", v)
	mean, low, high = float64(e.Mean), float64(e.Low), float64(e.High)
	if len(v) < summary.MinSeeds {
		low, high = math.NaN(), math.NaN()
	}
	if log {
		mean, low, high = math.Exp(mean), math.Exp(low), math.Exp(high)
	}
	return mean, low, high
}

// seedsNote says in a caption how seeds are shown, or "" where every group is one run.
func seedsNote(gs []group) string {
	banded, thin := false, false
	for _, g := range gs {
		banded = banded || g.banded()
		thin = thin || len(g.runs) > 1 && !g.banded()
	}
	var s string
	if banded {
		s = "Line and band: mean over seeds and its 95 % interval by Student's t, on a log axis of the " +
			"logarithms; those of shares end at 0 and 100 %. "
	}
	if thin {
		s += fmt.Sprintf("Thin lines are single runs: a band needs at least %d seeds of one setting. ",
			summary.MinSeeds)
	}
	return s
}
