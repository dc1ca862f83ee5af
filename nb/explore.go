package nb

import (
	"fmt"
	"html"
	"math"
	"strings"

	"github.com/gocollapse/collapse/figures"
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
		return Bundle{}, fmt.Errorf("explore: the %d runs have no epoch in common; give runs that were trained and measured", len(runs))
	}
	return sliderBundle("epoch", len(frames)-1, frames)
}

// Label names a run by its loss, as the figures do: "CE" or "LS (δ = 0.05)".
func Label(run *record.Record) string { return run.Spec.Loss.String() }

// Colours of Okabe and Ito, in the order in which package figures takes them.
var colours = []string{"#0072B2", "#D55E00", "#009E73", "#CC79A7"}

// epochFrame draws one epoch: rows[i] is that of runs[i].
func epochFrame(runs []*record.Record, rows []*record.Epoch) Frame {
	const left, decade, bar = 150, 90, 20
	group := bar*len(rows) + 14
	height := 3*group + 30
	x := func(v float64) float64 { return left + decade*min(4, max(0, math.Log10(v)+2)) }
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" width="600" height="%d" font-family="sans-serif" font-size="13" style="background:#fff">`, height)
	for exponent := -2; exponent <= 2; exponent++ {
		v := math.Pow(10, float64(exponent))
		fmt.Fprintf(&svg, `<line x1="%.0f" x2="%.0f" y1="4" y2="%d" stroke="#ddd"/><text x="%.0f" y="%d" text-anchor="middle">%g</text>`,
			x(v), x(v), height-26, x(v), height-10, v)
	}
	var words []string
	for i, m := range []struct {
		name  string
		value func(*record.Epoch) record.Number
	}{
		{"NC1", func(e *record.Epoch) record.Number { return e.NC1 }},
		{"NC2", func(e *record.Epoch) record.Number { return e.NC2 }},
		{"NC3", func(e *record.Epoch) record.Number { return e.NC3 }},
	} {
		top := 6 + group*i
		fmt.Fprintf(&svg, `<text x="4" y="%d" font-weight="bold">%s</text>`, top+14, m.name)
		for j, row := range rows {
			v, y := float64(m.value(row)), top+bar*j
			name := Label(runs[j])
			words = append(words, fmt.Sprintf("%s %s %.3g", m.name, name, v))
			fmt.Fprintf(&svg, `<text x="44" y="%d">%s</text>`, y+14, html.EscapeString(name))
			if math.IsNaN(v) {
				fmt.Fprintf(&svg, `<text x="%d" y="%d">not defined</text>`, left+4, y+14)
				continue
			}
			fmt.Fprintf(&svg, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/><text x="%.1f" y="%d">%.3g</text>`,
				left, y, x(v)-left, bar-3, colours[j%len(colours)], x(v)+5, y+14, v)
		}
	}
	svg.WriteString("</svg>")
	var errs []string
	for j, row := range rows {
		errs = append(errs, fmt.Sprintf("%s: training error %.2f %%, test error %.2f %%", Label(runs[j]), 100*row.TrainError, 100*row.TestError))
	}
	alt, caption := strings.Join(words, ", "), strings.Join(errs, "; ")
	return Frame{
		Label: fmt.Sprint(rows[0].Epoch),
		HTML:  SVGImage([]byte(svg.String()), alt) + "<div>" + html.EscapeString(caption) + "</div>",
		Text:  caption + "; " + alt,
	}
}
