package live

import (
	"fmt"
	"html"
	"math"
	"strings"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/record"
)

// colours of curves: those of package figures, and grey for the noise of single steps.
var blue, orange, green, grey = figures.Colour(0), figures.Colour(1), figures.Colour(2), "#999999"

// html returns the live picture: three panels drawn by hand, since a plotting
// library would take longer than a training step.
func (d *drawing) html(status string) string {
	var b strings.Builder
	done := 0.0
	if n := len(d.steps); n > 0 {
		done = d.steps[n-1].x
	} else if n := len(d.rows); n > 0 {
		done = float64(d.rows[n-1].Epoch)
	}
	fmt.Fprintf(&b, `<div><div>%s</div><div>%s&nbsp;</div>`+
		`<progress max="%d" value="%.3f" style="width:100%%;max-width:840px"></progress>`+
		`<div style="color:#777;font-size:90%%">%s</div>`,
		html.EscapeString(status), html.EscapeString(d.measured()), d.spec.Epochs, done,
		html.EscapeString(d.choice.Name+": "+d.choice.Reason))
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 840 230" ` +
		`style="width:100%;max-width:840px;background:#fff" font-family="sans-serif" font-size="11">`)
	panels := []panel{
		{title: "loss", lines: []line{
			{"each step", grey, thin(d.steps, 600)},
			{"training set", blue, d.column("train_loss")},
		}},
		{title: "error, %", lines: []line{
			{"train", blue, d.column("train_error")},
			{"test", orange, d.column("test_error")},
		}},
		{title: "collapse, log scale", log: true, lines: []line{
			{"NC1", blue, d.column("nc1")},
			{"NC2", orange, d.column("nc2")},
			{"NC3", green, d.column("nc3")},
		}},
	}
	for i, p := range panels {
		p.write(&b, 45+float64(i)*270, 22, 220, 170, float64(d.spec.Epochs))
	}
	b.WriteString("</svg></div>")
	return b.String()
}

// column returns a metric of record.Metrics at every measured epoch, in the unit of its axis.
func (d *drawing) column(key string) []point {
	m, ok := record.MetricByKey(key)
	if !ok {
		panic("live: no metric " + key)
	}
	ps := make([]point, len(d.rows))
	for i := range d.rows {
		ps[i] = point{float64(d.rows[i].Epoch), m.Shown(&d.rows[i])}
	}
	return ps
}

// thin returns at most about n points of ps, each the mean of its neighbours, so
// that a long run's curve stays small.
func thin(ps []point, n int) []point {
	k := (len(ps) + n - 1) / n
	if k <= 1 {
		return ps
	}
	var out []point
	for i := 0; i < len(ps); i += k {
		group := ps[i:min(i+k, len(ps))]
		var sum float64
		for _, p := range group {
			sum += p.y
		}
		out = append(out, point{group[len(group)-1].x, sum / float64(len(group))})
	}
	return out
}

type line struct {
	name, colour string
	points       []point
}

type panel struct {
	title string
	log   bool
	lines []line
}

// write draws the panel at (x, y) with w×h pixels for the curves; epochs is the
// right end of the axis.
func (p panel) write(b *strings.Builder, x, y, w, h, epochs float64) {
	lo, hi := p.limits()
	sx := func(e float64) float64 { return x + w*e/epochs }
	sy := func(v float64) float64 { return y + h*(1-(p.scale(v)-lo)/(hi-lo)) }
	fmt.Fprintf(b, `<g><rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="none" stroke="#ccc"/>`+
		`<text x="%.1f" y="%.1f" font-weight="bold" fill="#222">%s</text>`,
		x, y, w, h, x, y-8, html.EscapeString(p.title+p.undrawn()))
	for i := 0; i <= 2; i++ {
		s := lo + (hi-lo)*float64(i)/2
		v := s
		if p.log {
			v = math.Pow(10, s)
		}
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="end" fill="#555">%.2g</text>`,
			x-4, y+h*(1-float64(i)/2)+4, v)
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" fill="#555">0</text>`+
		`<text x="%.1f" y="%.1f" text-anchor="end" fill="#555">epoch %.0f</text>`,
		x, y+h+14, x+w, y+h+14, epochs)
	for i, l := range p.lines {
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="end" fill="%s">%s</text>`, x+w-6, y+14+float64(i)*13,
			l.colour, html.EscapeString(l.name))
		var path strings.Builder
		for _, q := range l.points {
			if !p.drawable(q.y) {
				continue
			}
			fmt.Fprintf(&path, "%.1f,%.1f ", sx(q.x), sy(q.y))
			if len(l.points) <= 60 {
				fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="2" fill="%s"/>`, sx(q.x), sy(q.y), l.colour)
			}
		}
		fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>`,
			strings.TrimSpace(path.String()), l.colour)
	}
	b.WriteString("</g>")
}

// scale returns v on the panel's axis; on a logarithmic one log10 v, which is not
// finite for v ≤ 0.
func (p panel) scale(v float64) float64 {
	if p.log {
		return math.Log10(v)
	}
	return v
}

// drawable says whether v has a place on the panel's axis.
func (p panel) drawable(v float64) bool {
	s := p.scale(v)
	return !math.IsNaN(s) && !math.IsInf(s, 0)
}

// undrawn says how many values are not defined or, on a logarithmic axis, not above 0; "" if none.
func (p panel) undrawn() string {
	n := 0
	for _, l := range p.lines {
		for _, q := range l.points {
			if !p.drawable(q.y) {
				n++
			}
		}
	}
	switch {
	case n == 0:
		return ""
	case p.log:
		return fmt.Sprintf(" (not drawn: %d undefined or 0)", n)
	}
	return fmt.Sprintf(" (not drawn: %d undefined)", n)
}

// limits returns the ends of the vertical axis: from 0 on a linear one, whole
// powers of ten on a logarithmic one.
func (p panel) limits() (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, l := range p.lines {
		for _, q := range l.points {
			if p.drawable(q.y) {
				lo, hi = min(lo, p.scale(q.y)), max(hi, p.scale(q.y))
			}
		}
	}
	if lo > hi { // no points yet
		lo, hi = 0, 1
	}
	if p.log {
		lo, hi = math.Floor(lo), math.Ceil(hi)
	} else {
		lo = min(lo, 0)
	}
	if hi == lo {
		hi = lo + 1
	}
	return lo, hi
}
