package nb

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/record"
)

// run returns a record of a loss with rows.
func run(loss string, delta float64, epochs ...record.Epoch) *record.Record {
	r := &record.Record{Spec: record.DefaultSpec(), Epochs: epochs}
	r.Spec.Loss = record.Loss{Name: loss, Delta: delta}
	return r
}

// drawn is a figure that says which position it is.
func drawn(t *testing.T, at string) *figures.Figure {
	t.Helper()
	f, err := figures.AtEpoch(1, figures.Of(run("ce", 0, record.Epoch{Epoch: 1, NC1: 1}))...)
	if err != nil {
		t.Fatal(err)
	}
	f.Alt, f.Caption = "picture of "+at, "</div></script><script>alert(1)</script>"
	return f
}

// frames returns the frames of a bundle in order: their alternative text, and whether each is
// hidden where scripts are stripped.
func frames(t *testing.T, b Bundle) (alts []string, hidden []bool, axes []axis) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(b.HTML))
	if err != nil {
		t.Fatal(err)
	}
	attribute := func(n *html.Node, key string) (string, bool) {
		i := slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
		if i < 0 {
			return "", false
		}
		return n.Attr[i].Val, true
	}
	for n := range doc.Descendants() {
		switch class, _ := attribute(n, "class"); {
		case class == "collapse-frames":
			spec, _ := attribute(n, "data-axes")
			if err := json.Unmarshal([]byte(spec), &axes); err != nil {
				t.Fatalf("data-axes %q: %v", spec, err)
			}
		case class == "collapse-frame":
			_, is := attribute(n, "hidden")
			hidden = append(hidden, is)
		case n.Data == "img":
			alt, _ := attribute(n, "alt")
			alts = append(alts, alt)
		case n.Data == "input" || n.Data == "button":
			t.Errorf("<%s> is a dead control where scripts are stripped", n.Data)
		}
	}
	return alts, hidden, axes
}

func TestSliderHoldsEveryFrameAndShowsSomeWithoutScripts(t *testing.T) {
	values := Steps(0, 0.5, 6)
	b, err := framesBundle([]axis{axisOf("δ", values, 0.19)}, func(at []int) (*figures.Figure, error) {
		return drawn(t, fmt.Sprint(values[at[0]])), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	alts, hidden, axes := frames(t, b)
	want := []string{"picture of 0", "picture of 0.1", "picture of 0.2", "picture of 0.3", "picture of 0.4",
		"picture of 0.5"}
	if !slices.Equal(alts, want) {
		t.Errorf("frames show %q, want %q", alts, want)
	}
	if len(axes) != 1 || axes[0].Key != "delta" || axes[0].Name != "δ" || axes[0].Start != 2 ||
		!slices.Equal(axes[0].Labels, []string{"0", "0.1", "0.2", "0.3", "0.4", "0.5"}) {
		t.Errorf("the slider is %+v; want delta at 0.2, the value nearest to 0.19", axes)
	}
	shown := 0
	for _, h := range hidden {
		if !h {
			shown++
		}
	}
	if shown != 4 || hidden[0] || hidden[2] || hidden[5] {
		t.Errorf("hidden without scripts: %v; want four shown, among them the ends and the start", hidden)
	}
	if n := strings.Count(b.HTML, "<script"); n != 1 || !strings.HasSuffix(b.HTML, "</script>\n") {
		t.Errorf("%d scripts, want one at the end", n)
	}
	if !strings.Contains(b.Text, "δ = 0.2: picture of 0.2\n") || strings.Count(b.Text, "\n") != 5 ||
		strings.Count(b.Text, "alert(1)") != 1 {
		t.Errorf("text form is %q", b.Text)
	}
	img, err := png.Decode(bytes.NewReader(b.PNG))
	if err != nil {
		t.Fatal(err)
	}
	one, _ := png.DecodeConfig(bytes.NewReader(drawn(t, "").PNG))
	if w := img.Bounds().Dx(); w < one.Width/figures.Scale {
		t.Errorf("the saved picture is %d pixels wide, less than one figure", w)
	}
}

func TestGridAndPlay(t *testing.T) {
	ks, deltas := []int{2, 10, 100}, []float64{0, 0.1}
	axes := []axis{axisOf("K", ks, 10), axisOf("δ", deltas, 0.1)}
	b, err := framesBundle(axes, func(at []int) (*figures.Figure, error) {
		return drawn(t, fmt.Sprint(ks[at[0]], " ", deltas[at[1]])), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	alts, hidden, _ := frames(t, b)
	// The script computes a frame's index as the first position times the second's length, plus the second.
	if len(alts) != 6 || alts[1*2+1] != "picture of 10 0.1" || alts[2*2] != "picture of 100 0" {
		t.Errorf("frames are %q, want the second parameter to run fastest", alts)
	}
	if want := []bool{false, false, true, true, false, false}; !slices.Equal(hidden, want) {
		t.Errorf("hidden without scripts: %v, want the corners shown", hidden)
	}
	for name, axes := range map[string][]axis{
		"no values": {axisOf("δ", []float64{}, 0)},
		"too many":  {axisOf("a", Steps(0, 1, 50), 0), axisOf("b", Steps(0, 1, 50), 0)},
	} {
		if _, err := framesBundle(axes, func([]int) (*figures.Figure, error) { return drawn(t, ""), nil }); err == nil {
			t.Errorf("%s gave no error", name)
		}
	}
	_, err = framesBundle([]axis{axisOf("K", ks, 2)}, func(at []int) (*figures.Figure, error) {
		return nil, fmt.Errorf("no picture")
	})
	if err == nil || !strings.Contains(err.Error(), "K = 2: no picture") {
		t.Errorf("a failing figure gave %v, want the position in the error", err)
	}
}

func TestFramesOfDifferentCaptionsSayEach(t *testing.T) {
	b, err := framesBundle([]axis{axisOf("δ", Steps(0, 1, 2), 0)}, func(at []int) (*figures.Figure, error) {
		f := drawn(t, "x")
		f.Caption = fmt.Sprint("caption ", at[0])
		return f, nil
	})
	if want := "δ = 0: picture of x caption 0\nδ = 1: picture of x caption 1\n"; err != nil || b.Text != want {
		t.Errorf("text form is %q, %v; want %q", b.Text, err, want)
	}
}

func TestSteps(t *testing.T) {
	if got := Steps(0, 0.9, 4); !slices.Equal(got, []float64{0, 0.3, 0.6, 0.9}) {
		t.Errorf("got %v", got)
	}
	if got := Steps(2, 5, 1); !slices.Equal(got, []float64{2}) {
		t.Errorf("one step is %v", got)
	}
}

func TestKeyIsFitForAnAddress(t *testing.T) {
	for name, want := range map[string]string{"δ": "delta", "label smoothing δ": "label-smoothing-delta", "K": "k",
		"‖w‖": "w", "°": "at"} {
		if got := key(name); got != want {
			t.Errorf("key(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestExploreTakesCommonEpochs(t *testing.T) {
	ce := run("ce", 0, record.Epoch{Epoch: 1}, record.Epoch{Epoch: 2}, record.Epoch{Epoch: 3})
	ls := run("ls", 0.05, record.Epoch{Epoch: 2}, record.Epoch{Epoch: 3})
	got, err := commonEpochs([]*record.Record{ce, ls})
	if err != nil || !slices.Equal(got, []int{2, 3}) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := commonEpochs([]*record.Record{ce, run("ls", 0.05)}); err == nil {
		t.Error("runs without an epoch in common gave no error")
	}
	if _, err := commonEpochs(nil); err == nil {
		t.Error("no run gave no error")
	}
	if got := thinned([]int{1, 2, 3, 4, 5, 6, 7, 8, 9}, 3); !slices.Equal(got, []int{1, 5, 9}) {
		t.Errorf("9 epochs thinned to 3 are %v", got)
	}
	focal := run("focal", 0)
	focal.Spec.FocalGamma = 3
	if got := Label(focal); got != "focal (γ = 3)" {
		t.Errorf("a focal loss is called %q", got)
	}
}

// A film plays the epochs that all runs have, and says of each what its picture shows.
func TestFilm(t *testing.T) {
	var runs []*record.Record
	for _, loss := range []string{"ce", "ls"} {
		r := run(loss, 0)
		plane := &record.Plane{Means: [3][2]float64{{2, 0}, {-1, 1.732}, {-1, -1.732}},
			Weights: [3][2]float64{{1, 0}, {-1, 1}, {-1, -1}}, Points: [3][][2]float64{{{2, 1}}, {{-1, 1}}, {{-1, -1}}}}
		for epoch := range 3 {
			r.Epochs = append(r.Epochs, record.Epoch{Epoch: epoch + 1, Picture: &record.Picture{Plane: plane}})
		}
		runs = append(runs, r)
	}
	b, err := filmBundle(runs)
	if err != nil {
		t.Fatal(err)
	}
	alts, _, axes := frames(t, b)
	if len(alts) != 3 || !axes[0].Play || axes[0].Labels[axes[0].Start] != "3" {
		t.Errorf("%d frames, %+v", len(alts), axes)
	}
	if !strings.Contains(alts[1], "epoch 2: angles between the means 120°, 120° and 120°") ||
		b.Alt == "" || len(b.PNG) == 0 {
		t.Errorf("alternative text %s", alts[1])
	}
	without := run("ce", 0, record.Epoch{Epoch: 1})
	if _, err := filmBundle([]*record.Record{without}); err == nil {
		t.Error("a run without pictures has a film")
	}
}
