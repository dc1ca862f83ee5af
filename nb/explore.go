package nb

import (
	"fmt"
	"html"
	"math"
	"strings"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/record"
)

// Explore shows a slider over the epochs of runs: at each, NC1, NC2 and NC3 of
// every run as bars on a log scale, and the errors in words. Epochs that not
// every run has are left out. It begins at the last.
func Explore(runs ...*record.Record) {
	b, err := exploreBundle(runs)
	Try(err)
	Display("", b)
}

func exploreBundle(runs []*record.Record) (Bundle, error) {
	if len(runs) == 0 {
		return Bundle{}, figures.ErrNoSeries
	}
	var frames []Frame
	for _, e := range runs[0].Epochs {
		rows := make([]*record.Epoch, len(runs))
		complete := true
		for i, r := range runs {
			rows[i] = r.Row(e.Epoch)
			complete = complete && rows[i] != nil
		}
		if complete {
			frames = append(frames, epochFrame(runs, rows))
		}
	}
	if frames == nil {
		return Bundle{}, fmt.Errorf(
			"explore: the %d runs have no epoch in common; give runs that were trained and measured", len(runs))
	}
	return sliderBundle("epoch", len(frames)-1, frames)
}

// Label names a run by its loss, as the figures do: "CE" or "LS (δ = 0.05)".
func Label(run *record.Record) string { return run.Spec.Loss.String() }

// exploredMetrics are the metrics whose values epochFrame draws as bars.
var exploredMetrics = []string{"nc1", "nc2", "nc3"}

// epochFrame draws one epoch: rows[i] is that of runs[i].
func epochFrame(runs []*record.Record, rows []*record.Epoch) Frame {
	const left, decade, bar = 150, 90, 20
	group := bar*len(rows) + 14
	height := len(exploredMetrics)*group + 30
	x := func(v float64) float64 { return left + decade*min(4, max(0, math.Log10(v)+2)) }
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" width="600" height="%d" `+
		`font-family="sans-serif" font-size="13" style="background:#fff">`, height)
	for exponent := -2; exponent <= 2; exponent++ {
		v := math.Pow(10, float64(exponent))
		fmt.Fprintf(&svg, `<line x1="%.0f" x2="%.0f" y1="4" y2="%d" stroke="#ddd"/>`+
			`<text x="%.0f" y="%d" text-anchor="middle">%g</text>`,
			x(v), x(v), height-26, x(v), height-10, v)
	}
	var words []string
	for i, key := range exploredMetrics {
		m, symbol := metric(key)
		top := 6 + group*i
		fmt.Fprintf(&svg, `<text x="4" y="%d" font-weight="bold">%s</text>`, top+14, symbol)
		for j, row := range rows {
			v, y := m.Value(row), top+bar*j
			name := Label(runs[j])
			words = append(words, fmt.Sprintf("%s %s %.3g", symbol, name, v))
			fmt.Fprintf(&svg, `<text x="44" y="%d">%s</text>`, y+14, html.EscapeString(name))
			if math.IsNaN(v) {
				fmt.Fprintf(&svg, `<text x="%d" y="%d">not defined</text>`, left+4, y+14)
				continue
			}
			fmt.Fprintf(&svg,
				`<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/><text x="%.1f" y="%d">%.3g</text>`,
				left, y, x(v)-left, bar-3, figures.Colour(j), x(v)+5, y+14, v)
		}
	}
	svg.WriteString("</svg>")
	alt, caption := strings.Join(words, ", "), errorsText(runs, rows)
	return Frame{
		Label: fmt.Sprint(rows[0].Epoch),
		HTML:  SVGImage([]byte(svg.String()), alt) + "<div>" + html.EscapeString(caption) + "</div>",
		Text:  caption + "; " + alt,
	}
}

// metric returns a metric of package nc that rows of a record hold, and its symbol.
func metric(key string) (record.Metric, string) {
	m, ok := record.MetricByKey(key)
	of, measured := nc.MetricByKey(m.NC)
	if !ok || !measured {
		panic("nb: no metric " + key)
	}
	return m, of.Symbol
}

// errorsText says the errors of each run in a row.
func errorsText(runs []*record.Record, rows []*record.Epoch) string {
	training, _ := record.MetricByKey("train_error")
	test, _ := record.MetricByKey("test_error")
	var texts []string
	for j, row := range rows {
		texts = append(texts, fmt.Sprintf("%s: training error %.2f %%, test error %.2f %%",
			Label(runs[j]), training.Shown(row), test.Shown(row)))
	}
	return strings.Join(texts, "; ")
}
