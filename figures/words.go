package figures

import (
	"encoding/csv"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
)

// mostSpoken is how many curves of a panel are described one by one; of more, the ends are listed.
const mostSpoken = 4

// words describes what panels show, for readers who do not see them: of each curve where it begins
// and ends, and where it turns.
func words(panels []panel) string {
	var all []string
	for _, p := range panels {
		if p.Plot == nil {
			continue
		}
		if s := p.words(); s != "" {
			all = append(all, s)
		}
	}
	return strings.Join(all, " ")
}

// words describes a panel in one sentence.
func (p panel) words() string {
	says := p.shown.says
	if says == "" {
		says = p.curvesInWords()
	}
	if says == "" {
		return ""
	}
	head := p.title
	if _, log := p.Y.Scale.(plot.LogScale); log && !strings.Contains(p.y, "log") && len(p.shown.curves) > 0 {
		head += ", log axis"
	}
	return strings.TrimSpace(strings.TrimPrefix(head+": "+says+".", ": "))
}

func (p panel) curvesInWords() string {
	var spoken []*curve
	for _, k := range p.shown.curves {
		if k.name != "" && !k.silent {
			spoken = append(spoken, k)
		}
	}
	var parts []string
	for _, k := range spoken {
		if len(spoken) > mostSpoken {
			parts = append(parts, k.name+": "+k.endInWords(p.at()))
		} else {
			parts = append(parts, k.name+": "+k.inWords(p.at()))
		}
	}
	return strings.Join(parts, "; ")
}

// at writes a place on the x axis: "epoch 10", "δ = 0.1".
func (p panel) at() func(x float64) string {
	name := p.X.Label.Text + " "
	if p.X.Label.Text == deltaAxis {
		name = "δ = "
	}
	return func(x float64) string { return name + three(x) }
}

// inWords says how a curve goes.
func (k *curve) inWords(at func(float64) string) string {
	var x, y []float64
	for i := range k.y {
		if k.ok(i) {
			x, y = append(x, k.x[i]), append(y, k.y[i])
		}
	}
	if len(y) == 0 {
		return "has no value"
	}
	last := len(y) - 1
	begin, end := fmt.Sprintf("%s at %s", three(y[0]), at(x[0])), fmt.Sprintf("%s at %s", three(y[last]), at(x[last]))
	if last == 0 {
		return "is " + begin
	}
	low, high := slices.Index(y, slices.Min(y)), slices.Index(y, slices.Max(y))
	turn := func(i int, first, then string) string {
		return fmt.Sprintf("%s from %s to %s at %s, then %s to %s", first, begin, three(y[i]), at(x[i]), then, end)
	}
	// A turn counts where it is more than a tenth of the curve's range away from both ends.
	far := func(i int) bool {
		whole := k.distance(y[low], y[high])
		return k.distance(y[i], y[0]) > whole/10 && k.distance(y[i], y[last]) > whole/10
	}
	switch {
	case y[low] == y[high] || three(y[low]) == three(y[high]):
		return fmt.Sprintf("is %s from %s to %s", three(y[0]), at(x[0]), at(x[last]))
	case far(low) && !far(high):
		return turn(low, "decreases", "increases")
	case far(high) && !far(low):
		return turn(high, "increases", "decreases")
	case far(low) && far(high):
		return fmt.Sprintf("goes from %s to %s, between %s at %s and %s at %s", begin, end, three(y[low]), at(x[low]),
			three(y[high]), at(x[high]))
	case y[last] < y[0]:
		return "decreases from " + begin + " to " + end
	}
	return "increases from " + begin + " to " + end
}

// distance is that of two values on the curve's axis.
func (k *curve) distance(a, b float64) float64 {
	if k.log {
		return math.Abs(math.Log(a / b))
	}
	return math.Abs(a - b)
}

// endInWords gives the last value of a curve.
func (k *curve) endInWords(at func(float64) string) string {
	for i := len(k.y) - 1; i >= 0; i-- {
		if k.ok(i) {
			return fmt.Sprintf("%s at %s", three(k.y[i]), at(k.x[i]))
		}
	}
	return "has no value"
}

// three writes a number with three digits for a sentence.
func three(v float64) string {
	if !finite(v) {
		return "–"
	}
	s := strconv.FormatFloat(v, 'g', 3, 64)
	if a := math.Abs(v); a >= 1000 && a < 1e5 {
		s = strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strings.Replace(s, "-", "−", 1)
}

// dataHeader are the columns of a figure's data.
var dataHeader = []string{"panel", "series", "seed", "x_name", "x", "y_name", "y", "low", "high"}

// data lists the numbers behind panels, a row per point.
func data(panels []panel) [][]string {
	rows := [][]string{dataHeader}
	for _, p := range panels {
		if p.Plot == nil {
			continue
		}
		for _, k := range p.shown.curves {
			if k.name == "" {
				continue
			}
			for i := range k.x {
				row := []string{p.title, k.name, k.seed, p.X.Label.Text, exact(k.x[i]), p.y, exact(k.y[i]), "", ""}
				if k.low != nil {
					row[7], row[8] = exact(k.low[i]), exact(k.high[i])
				}
				rows = append(rows, row)
			}
		}
	}
	return rows
}

// exact writes a number with as many digits as it takes to read it back, "" for none.
func exact(v float64) string {
	if !finite(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// CSV returns the numbers behind the picture: panel, series, seed, names and values of x and y, and
// the interval of y where there is one. A number that is not defined is empty. It is nil for a
// figure without numbers, such as pictures of a data set.
func (f *Figure) CSV() []byte {
	if len(f.Data) < 2 {
		return nil
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	if err := w.WriteAll(f.Data); err != nil {
		panic(err) // a strings.Builder takes all
	}
	return []byte(b.String())
}
