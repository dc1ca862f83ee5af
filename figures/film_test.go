package figures

import (
	"bytes"
	"image/gif"
	"math"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
)

// pictured returns made-up runs under CE and LS with pictures: at epoch e the means of three classes are
// a regular triangle of radius e, each with two samples 1/e of that away from it along the x axis, and the
// classifier's rows point the same way. WᵀH̄ is that of an ETF with 0.3/e added at (0, 1).
func pictured() []Series {
	runs := pair("cifar10", 8)
	for _, s := range runs {
		for i := range s.Record.Epochs {
			e := &s.Record.Epochs[i]
			radius := float64(e.Epoch)
			p := &record.Plane{}
			for c := range 3 {
				sin, cos := math.Sincos(2 * math.Pi / 3 * float64(c))
				p.Means[c], p.Weights[c] = [2]float64{radius * cos, radius * sin}, [2]float64{2 * cos, 2 * sin}
				p.Points[c] = [][2]float64{{radius*cos + 1, radius * sin}, {radius*cos - 1, radius * sin}}
			}
			wh := make([]float64, 9)
			for j := range wh {
				wh[j] = -1.0 / 3
				if j%4 == 0 {
					wh[j] = 2.0 / 3
				}
			}
			wh[1] += 0.3 / radius
			e.Picture = &record.Picture{WH: wh, Plane: p}
		}
		q := s.Record.Epochs[0].NC1
		s.Record.Final = &record.Final{Depth: []record.LayerNC1{{Layer: "stem", D: 16, NC1: 100 * q},
			{Layer: "layer1", D: 16, NC1: 10 * q}, {Layer: "layer2", D: 32, NC1: q}}}
	}
	return runs
}

// A film has a frame for every epoch that all runs have, whose words give angles and spread.
func TestFilm(t *testing.T) {
	runs := pictured()
	runs[1].Record.Epochs = runs[1].Record.Epochs[2:]
	frames, epochs, err := Frames(runs...)
	if err != nil {
		t.Fatal(err)
	}
	if len(frames) != 6 || epochs[0] != 3 || epochs[5] != 8 {
		t.Fatalf("%d frames of epochs %v", len(frames), epochs)
	}
	checkFigure(t, frames[1], Scale)
	want := "CE, epoch 4: angles between the means 120°, 120° and 120°; samples 0.25 from their mean, in units of " +
		"the means' distance from the middle; arrows within 0° of their mean."
	if !strings.Contains(frames[1].Alt, want) || !strings.Contains(frames[1].Alt, "LS (δ = 0.05), epoch 4:") {
		t.Errorf("alternative text %q", frames[1].Alt)
	}
	for _, r := range rows(t, frames[1], "CE, epoch 4") {
		if r["series"] == "class 0, mean" && (number(t, r["x"]) != 1 || number(t, r["y"]) != 0) {
			t.Errorf("the mean of class 0 is at %s, %s, want 1, 0", r["x"], r["y"])
		}
	}
	strip, err := Film(runs...)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(texts(t, strip.SVG), "|")
	for _, want := range []string{"CE, epoch 3", "LS (δ = 0.05), epoch 8", "class 2"} {
		if !strings.Contains(all, want) {
			t.Errorf("no text %q in %s", want, all)
		}
	}
	old := pair("cifar10", 3)
	if _, err := Film(old...); err == nil || !strings.Contains(err.Error(), "no epoch in common") {
		t.Errorf("records without pictures: %v", err)
	}
}

// The animation has the frames in order and shows the last one longest.
func TestFilmGIF(t *testing.T) {
	b, err := FilmGIF(pictured()...)
	if err != nil {
		t.Fatal(err)
	}
	g, err := gif.DecodeAll(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Image) != 8 || g.LoopCount != 0 || g.Delay[7] <= g.Delay[0] {
		t.Errorf("%d frames, %d times, delays %v", len(g.Image), g.LoopCount, g.Delay)
	}
	if bytes.Equal(g.Image[0].Pix, g.Image[7].Pix) {
		t.Error("nothing moves")
	}
	again, err := FilmGIF(pictured()...)
	if err != nil || !bytes.Equal(b, again) {
		t.Errorf("two animations of one film differ: %v", err)
	}
}

// The heat maps are scaled so that an ETF has −1/(K−1) off the diagonal, whatever K.
func TestProducts(t *testing.T) {
	f, err := Products(pictured()...)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, r := range rows(t, f, "CE, epoch 1") {
		got[r["series"]+"/"+r["x"]] = number(t, r["y"])
	}
	for cell, want := range map[string]float64{"class of w 0/0": 1, "class of w 0/1": -0.5 + 0.45,
		"class of w 1/0": -0.5, "class of w 2/2": 1} {
		if math.Abs(got[cell]-want) > 1e-12 {
			t.Errorf("%s is %v, want %v", cell, got[cell], want)
		}
	}
	if !strings.Contains(f.Alt, "CE, epoch 1: mean 1 on the diagonal; elsewhere −0.425, from −0.5 to −0.05.") {
		t.Errorf("alternative text %s", f.Alt)
	}
	one, err := ProductsAt(1, pictured()...)
	if err != nil || strings.Contains(one.Alt, "epoch 2") ||
		!strings.Contains(one.Alt, "CE, epoch 1: mean 1 on the diagonal; elsewhere −0.425") {
		t.Errorf("at epoch 1: %v, %+v", err, one)
	}
	if _, err := ProductsAt(1000, pictured()...); err == nil {
		t.Error("an epoch that the runs do not have gave no error")
	}
	odd := pictured()
	odd[1].Record.Epochs[0].Picture.WH = make([]float64, 16)
	if _, err := Products(odd...); err == nil || !strings.Contains(err.Error(), "epoch 1 has 16 numbers") {
		t.Errorf("another K: %v", err)
	}
}

func TestDepth(t *testing.T) {
	runs := pictured()
	f, err := Depth(runs...)
	if err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(texts(t, f.SVG), "|"); !strings.Contains(all, "stem") || !strings.Contains(all, "layer2") {
		t.Errorf("texts %s", all)
	}
	if !strings.Contains(f.Alt, "CE: from 2700 in stem to 27 in layer2;") {
		t.Errorf("alternative text %s", f.Alt)
	}
	runs[1].Record.Final.Depth[1].Layer = "block1"
	if _, err := Depth(runs...); err == nil || !strings.Contains(err.Error(), "is block1, of the first run layer1") {
		t.Errorf("other layers: %v", err)
	}
	if _, err := Depth(pair("cifar10", 3)...); err == nil || !strings.Contains(err.Error(), "--layer-profile") {
		t.Errorf("no layers: %v", err)
	}
}
