package nb

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/internal/player"
	"github.com/gocollapse/collapse/record"
)

// Value is what a slider moves over: a parameter such as δ, or an epoch.
type Value interface{ int | float64 }

// Slider shows the figure that draw makes for one of values, and a slider that leads to those of
// the others. It begins at the value nearest to start, which should carry the message: many readers
// only scroll.
//
//	nb.Slider("δ", nb.Steps(0, 0.5, 11), 0.05, func(delta float64) (*figures.Figure, error) { … })
//
// Every figure is made here and travels with the output, so that the slider needs no kernel, works
// offline, in an exported page and while another cell runs. A page of its own keeps the position in
// its address (#delta=0.05). Where scripts are stripped, some of the figures stand next to each
// other.
func Slider[V Value](name string, values []V, start V, draw func(V) (*figures.Figure, error)) {
	present([]axis{axisOf(name, values, start)}, func(at []int) (*figures.Figure, error) { return draw(values[at[0]]) })
}

// Play shows frames as Slider does, with a button that plays them from the first to the last. It
// begins at the last.
func Play[V Value](name string, values []V, draw func(V) (*figures.Figure, error)) {
	a := axis{Name: name, Labels: labels(values), Start: max(0, len(values)-1), Play: true}
	present([]axis{a}, func(at []int) (*figures.Figure, error) { return draw(values[at[0]]) })
}

// Film plays the features and the classifier of three classes in their plane along training, run next
// to run, over the epochs that all runs have.
func Film(runs ...*record.Record) {
	b, err := filmBundle(runs)
	Try(err)
	Display("", b)
}

func filmBundle(runs []*record.Record) (Bundle, error) {
	drawn, epochs, err := figures.Frames(figures.Of(runs...)...)
	if err != nil {
		return Bundle{}, err
	}
	a := axis{Name: "epoch", Labels: labels(epochs), Start: len(epochs) - 1, Play: true}
	return framesBundle([]axis{a}, func(at []int) (*figures.Figure, error) { return drawn[at[0]], nil })
}

// Axis is one of the two parameters of Grid.
type Axis[V Value] struct {
	Name   string
	Values []V
	Start  V // Grid begins at the value nearest to it
}

// Grid shows frames of two parameters, with a slider for each.
func Grid[V, W Value](first Axis[V], second Axis[W], draw func(V, W) (*figures.Figure, error)) {
	axes := []axis{axisOf(first.Name, first.Values, first.Start), axisOf(second.Name, second.Values, second.Start)}
	present(axes, func(at []int) (*figures.Figure, error) { return draw(first.Values[at[0]], second.Values[at[1]]) })
}

// Steps returns n numbers at equal distances from first to last, rounded to 12 digits so that 0.3
// is 0.3.
func Steps(first, last float64, n int) []float64 {
	s := make([]float64, n)
	for i := range s {
		s[i] = first
		if n > 1 {
			v := first + (last-first)*float64(i)/float64(n-1)
			s[i], _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 12, 64), 64)
		}
	}
	return s
}

// axis is a slider as the script reads it.
type axis struct {
	Name   string   `json:"name"`
	Key    string   `json:"key"` // its name in a page's address
	Labels []string `json:"labels"`
	Start  int      `json:"start"`
	Play   bool     `json:"play,omitempty"`
}

func axisOf[V Value](name string, values []V, start V) axis {
	a := axis{Name: name, Labels: labels(values)}
	for i, v := range values {
		if math.Abs(float64(v)-float64(start)) < math.Abs(float64(values[a.Start])-float64(start)) {
			a.Start = i
		}
	}
	return a
}

func labels[V Value](values []V) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = strconv.FormatFloat(float64(v), 'g', -1, 64)
	}
	return out
}

// greek are the letters that name parameters, as an address has them.
var greek = strings.NewReplacer("α", "alpha", "β", "beta", "γ", "gamma", "δ", "delta", "ε", "epsilon", "θ", "theta",
	"κ", "kappa", "λ", "lambda", "μ", "mu", "ρ", "rho", "σ", "sigma", "τ", "tau", "φ", "phi", "ω", "omega")

// key turns a slider's name into letters, digits and hyphens.
func key(name string) string {
	var b strings.Builder
	for _, r := range greek.Replace(strings.ToLower(name)) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	if k := strings.Trim(b.String(), "-"); k != "" {
		return k
	}
	return "at"
}

// present draws the figure of every position and shows them.
func present(axes []axis, draw func(at []int) (*figures.Figure, error)) {
	b, err := framesBundle(axes, draw)
	Try(err)
	Display("", b)
}

// maxFrames bounds how many figures one output holds: each has some 20 kB.
const maxFrames = 400

func framesBundle(axes []axis, draw func(at []int) (*figures.Figure, error)) (Bundle, error) {
	total := 1
	for i := range axes {
		if len(axes[i].Labels) == 0 {
			return Bundle{}, fmt.Errorf("slider %q has no values; give at least one", axes[i].Name)
		}
		total *= len(axes[i].Labels)
		axes[i].Key = key(axes[i].Name)
	}
	if total > maxFrames {
		return Bundle{}, fmt.Errorf("slider %q: %d pictures are too many for one output; give values for at most %d",
			axes[0].Name, total, maxFrames)
	}
	var page strings.Builder
	var still []figures.Captioned
	some := fewOf(axes)
	for i := range total {
		at := positions(axes, i)
		f, err := draw(at)
		if err == nil && f == nil {
			err = errors.New("the function drew nothing")
		}
		if err != nil {
			return Bundle{}, fmt.Errorf("slider at %s: %w", place(axes, at), err)
		}
		hidden := " hidden"
		if some[i] {
			hidden = ""
			still = append(still, figures.Captioned{Text: place(axes, at), Figure: f})
		}
		fmt.Fprintf(&page, `<div class="collapse-frame" style="flex:1 1 18em"%s>`+
			"<p class=\"collapse-at\"><b>%s</b></p>%s</div>\n",
			hidden, html.EscapeString(place(axes, at)), FigureHTML(f))
	}
	spec, err := json.Marshal(axes)
	if err != nil {
		return Bundle{}, fmt.Errorf("slider %q: %w", axes[0].Name, err)
	}
	png, err := figures.Sheet(still...)
	if err != nil {
		return Bundle{}, fmt.Errorf("slider %q: %w", axes[0].Name, err)
	}
	words := inWords(still)
	return Bundle{
		HTML: fmt.Sprintf(`<div class="%s" data-axes="%s" style="display:flex;flex-wrap:wrap;gap:0 1em">`+
			"\n%s</div>\n<script>%s</script>\n",
			player.Class, html.EscapeString(string(spec)), page.String(), player.Script),
		PNG: png, Alt: strings.TrimSpace(words), Text: words,
	}, nil
}

// inWords says what some frames show; a caption that all have is said once.
func inWords(still []figures.Captioned) string {
	var text strings.Builder
	one := still[0].Figure.Caption
	for _, s := range still {
		if s.Figure.Caption != one {
			one = ""
		}
	}
	for _, s := range still {
		words := s.Figure.Alt
		if one == "" {
			words = strings.TrimSpace(words + " " + s.Figure.Caption)
		}
		fmt.Fprintf(&text, "%s: %s\n", s.Text, words)
	}
	if one != "" {
		text.WriteString(one + "\n")
	}
	return text.String()
}

// positions returns where frame i stands on each axis.
func positions(axes []axis, i int) []int {
	at := make([]int, len(axes))
	for j := len(axes) - 1; j >= 0; j-- {
		at[j] = i % len(axes[j].Labels)
		i /= len(axes[j].Labels)
	}
	return at
}

// place names a position: "δ = 0.05, K = 10".
func place(axes []axis, at []int) string {
	var parts []string
	for j, a := range axes {
		parts = append(parts, a.Name+" = "+a.Labels[at[j]])
	}
	return strings.Join(parts, ", ")
}

// few is how many frames are shown where scripts are stripped.
const few = 4

// fewOf says which frames are shown where scripts are stripped: of one slider the first, the last,
// the start and one between, of two the corners.
func fewOf(axes []axis) map[int]bool {
	some := map[int]bool{}
	if len(axes) == 2 {
		n, m := len(axes[0].Labels), len(axes[1].Labels)
		for _, i := range []int{0, m - 1, (n - 1) * m, n*m - 1} {
			some[i] = true
		}
		return some
	}
	n, start := len(axes[0].Labels), axes[0].Start
	for _, i := range []int{start, 0, n - 1, n / 2, n / 4, 3 * n / 4} {
		if len(some) < few {
			some[i] = true
		}
	}
	return some
}
