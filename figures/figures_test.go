package figures

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
)

// synthetic returns a made-up record whose curves have the shape of a run.
// Its numbers were not measured; they are for tests only.
func synthetic(dataset, loss string, delta float64, seed int64, epochs int) *record.Record {
	s := record.DefaultSpec()
	s.Dataset, s.Loss, s.Seed, s.Epochs = dataset, record.Loss{Name: loss, Delta: delta}, seed, epochs
	s.Width, s.TrainPerClass, s.Milestones = 16, 500, nil
	r := &record.Record{Format: record.Format, Version: record.Version, Spec: s,
		Scale: s.Scale(), Status: record.Finished,
		Environment: record.Environment{Backend: "xla:cpu", CPU: "Test CPU", Cores: 2},
		Data:        record.Data{Name: dataset, Bytes: record.Official, Train: 5000, Test: 10000}}
	q := 1.0
	if loss == "ls" {
		q = 0.8
	}
	for e := 1; e <= epochs; e++ {
		x := float64(e)
		train := math.Max(0, 0.62*q*math.Exp(-x/6)-0.002)
		r.Epochs = append(r.Epochs, record.Epoch{Epoch: e,
			TrainError: record.Number(train), TestError: record.Number(0.30 +
				0.3*q*math.Exp(-x/5) + float64(seed%7)*1e-3),
			TrainLoss: record.Number(2 * math.Exp(-x/8)), TestLoss: record.Number(1 + math.Exp(-x/8)),
			NC1: record.Number(27 * q * math.Pow(x, -1.4)), NC2: record.Number(1.05 * q * math.Pow(x, -0.28)),
			NC3:   record.Number(0.9 * math.Pow(x, -0.35)),
			WNorm: 1, HNorm: 3, NCCError: record.Number(train),
			NCCTestError: record.Number(0.31 + 0.3*q*math.Exp(-x/5))})
	}
	return r
}

func pair(dataset string, epochs int) []Series {
	return Of(synthetic(dataset, "ce", 0, 2021, epochs), synthetic(dataset, "ls", 0.05, 2021, epochs))
}

// texts parses an SVG and returns its texts; a file that is not XML fails.
func texts(t *testing.T, svg []byte) []string {
	t.Helper()
	var out []string
	in := false
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		tok, err := d.Token()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatalf("SVG is not well-formed: %v", err)
		}
		switch v := tok.(type) {
		case xml.StartElement:
			in = v.Name.Local == "text"
		case xml.CharData:
			if in {
				out = append(out, string(v))
			}
		case xml.EndElement:
			in = false
		}
	}
}

func checkFigure(t *testing.T, f *Figure, scale float64) {
	t.Helper()
	if !bytes.HasPrefix(f.SVG, []byte("<svg ")) || bytes.Contains(f.SVG, []byte("NaN")) {
		t.Errorf("SVG must start with its element and hold numbers only: %.80s", f.SVG)
	}
	img, err := png.Decode(bytes.NewReader(f.PNG))
	if err != nil {
		t.Fatal(err)
	}
	b := img.Bounds()
	if math.Abs(float64(b.Dx())-scale*f.Width) > 2 || math.Abs(float64(b.Dy())-scale*f.Height) > 2 {
		t.Errorf("PNG is %v, want %v times %.0f×%.0f", b, scale, f.Width, f.Height)
	}
}

func TestFigure1(t *testing.T) {
	f, err := Figure1(pair("cifar10", 40)...)
	if err != nil {
		t.Fatal(err)
	}
	checkFigure(t, f, Scale)
	all := strings.Join(texts(t, f.SVG), "\n")
	for _, want := range []string{"CE", "LS (δ = 0.05)", "training", "test", "epoch", "error (%)", "NC1 (log scale)",
		"NC2 (log scale)", "NC3 (log scale)", "(a)", "(d)"} {
		if !strings.Contains(all, want) {
			t.Errorf("no text %q in the figure", want)
		}
	}
	for _, want := range []string{"Reduced scale", "ResNet-18", "CIFAR-10", "Seed 2021", "xla:cpu",
		"Test CPU (2 cores)", "official bytes", "16 channels"} {
		if !strings.Contains(f.Caption, want) {
			t.Errorf("caption lacks %q: %s", want, f.Caption)
		}
	}
	again, err := Figure1(pair("cifar10", 40)...)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(f.SVG, again.SVG) || !bytes.Equal(f.PNG, again.PNG) {
		t.Error("the same records gave two different pictures")
	}
}

func TestFigure1OddRuns(t *testing.T) {
	one := synthetic("cifar10", "ce", 0, 1, 1)
	none := synthetic("cifar10", "ce", 0, 1, 3)
	none.Epochs, none.Status = nil, record.Running
	gaps := synthetic("fashion-mnist-small", "ls", 0.1, 3, 12)
	gaps.Epochs[0].NC1, gaps.Epochs[5].NC1, gaps.Epochs[6].NC2, gaps.Epochs[7].NC3 = record.Number(math.NaN()), 0,
		record.Number(math.Inf(1)), -1
	perfect := synthetic("cifar10", "ce", 0, 1, 2)
	for i := range perfect.Epochs {
		perfect.Epochs[i].TrainError, perfect.Epochs[i].TestError = 0, 0
		perfect.Epochs[i].NC1, perfect.Epochs[i].NC2, perfect.Epochs[i].NC3 = 0, 0.5, 1e-9
	}
	for name, r := range map[string]*record.Record{"one epoch": one, "no epoch": none, "gaps": gaps, "zeros": perfect} {
		t.Run(name, func(t *testing.T) {
			f, err := Figure1(Series{Record: r})
			if err != nil {
				t.Fatal(err)
			}
			checkFigure(t, f, Scale)
			texts(t, f.SVG)
			switch name {
			case "gaps":
				if !strings.Contains(f.Caption, "not above zero: 4.") {
					t.Errorf("the caption must count the 4 values left out: %s", f.Caption)
				}
			case "no epoch":
				if !strings.Contains(string(f.SVG), "nothing measured to draw") ||
					!strings.Contains(f.Caption, "not complete (running after 0 of 3 epochs)") {
					t.Errorf("an empty run must say that it is one: %s", f.Caption)
				}
			}
		})
	}
	if _, err := Figure1(); !errors.Is(err, ErrNoSeries) {
		t.Errorf("no run: %v", err)
	}
	if _, err := Figure1(Series{Label: "x"}); err == nil || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("a series without record must be named: %v", err)
	}
}

func TestCurve(t *testing.T) {
	for _, m := range record.Metrics() {
		f, err := Curve(m.Key, pair("fashion-mnist-small", 5)...)
		if err != nil {
			t.Fatal(err)
		}
		checkFigure(t, f, Scale)
		if f.Title != m.Title || !slices.Contains(texts(t, f.SVG), m.Axis) {
			t.Errorf("%s: title %q, texts %q", m.Key, f.Title, texts(t, f.SVG))
		}
	}
	if _, err := Curve("nc9", pair("cifar10", 2)...); err == nil ||
		!strings.Contains(err.Error(), "did you mean nc0?") {
		t.Errorf("the error of an unknown metric must name the nearest: %v", err)
	}
}

// TestManyRuns: labels that do not fit one line of the legend take the next, and
// runs of one label are counted.
func TestManyRuns(t *testing.T) {
	var s []Series
	for _, d := range []float64{0, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8} {
		loss := "ls"
		if d == 0 {
			loss = "ce"
		}
		s = append(s, Of(synthetic("cifar10", loss, d, 1, 10), synthetic("cifar10", loss, d, 2, 10))...)
	}
	f, err := Figure1(s...)
	if err != nil {
		t.Fatal(err)
	}
	checkFigure(t, f, Scale)
	if n := strings.Count(string(f.SVG), ", 2 runs</text>"); n != 7 {
		t.Errorf("%d legend entries with 2 runs, want 7", n)
	}
	if !strings.Contains(f.Caption, "Seeds 1, 2.") {
		t.Errorf("caption must name the seeds: %s", f.Caption)
	}
}

func TestLogTicks(t *testing.T) {
	for _, c := range []struct {
		min, max float64
		want     string
	}{
		{0.1, 30, "0.1 1 10"},
		{0.3, 1.2, "0.3 0.4 0.6 0.8 1"},
		{0.08, 1.2, "0.1 0.2 0.5 1"},
		{0.61, 0.69, "0.62 0.64 0.66 0.68"},
		{1e-9, 1e3, "1e-09 1e-06 0.001 1 1000"},
	} {
		var got []string
		for _, k := range logTicks(c.min, c.max) {
			if !k.IsMinor() {
				got = append(got, k.Label)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("ticks of [%g, %g]: %v, want %s", c.min, c.max, got, c.want)
		}
	}
}

func TestImages(t *testing.T) {
	px := make([]byte, 4*2*3*3)
	px[0] = 200
	s := Samples{Pixels: px, Labels: []int32{0, 1, 1, 1}, Classes: []string{"cat & dog", "ship"}, Height: 2,
		Width: 3, Channels: 3, PerClass: 2}
	f, err := Images(s)
	if err != nil {
		t.Fatal(err)
	}
	checkFigure(t, f, 1)
	if got := strings.Join(texts(t, f.SVG), ","); !strings.Contains(got, "cat & dog") {
		t.Errorf("class names are missing: %s", got)
	}
	for name, spoil := range map[string]func(*Samples){
		"short pixels":   func(s *Samples) { s.Pixels = s.Pixels[1:] },
		"label too big":  func(s *Samples) { s.Labels = []int32{0, 1, 2, 1} },
		"label negative": func(s *Samples) { s.Labels = []int32{0, -1, 1, 1} },
		"two channels":   func(s *Samples) { s.Channels = 2 },
		"no height":      func(s *Samples) { s.Height = 0 },
		"no classes":     func(s *Samples) { s.Classes = nil },
		"per class":      func(s *Samples) { s.PerClass = -1 },
	} {
		bad := s
		spoil(&bad)
		if _, err := Images(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
