package figures

import (
	"bytes"
	"image/png"
	"math"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
)

func TestAtEpoch(t *testing.T) {
	of := func(loss string, delta float64, nc2 float64) *record.Record {
		r := &record.Record{Spec: record.DefaultSpec()}
		r.Epochs = []record.Epoch{{Epoch: 2, TrainError: 0.25, TestError: 0.5,
			NC1: 1e6, NC2: record.Number(nc2), NC3: 1e-9}}
		r.Spec.Loss = record.Loss{Name: loss, Delta: delta}
		return r
	}
	runs := Of(of("ce", 0, 0.5), of("ls", 0.05, math.NaN()))
	f, err := AtEpoch(2, runs...)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Epoch 2", "NC1 CE", "NC2 CE 0.500", "NC2 LS (δ = 0.05) –"} {
		if !strings.Contains(f.Alt, want) {
			t.Errorf("the alternative text lacks %q: %s", want, f.Alt)
		}
	}
	if !strings.Contains(f.Caption, "CE: training error 25.00 %, test error 50.00 %") {
		t.Errorf("the caption lacks the errors: %s", f.Caption)
	}
	if svg := string(f.SVG); strings.Contains(svg, "NaN") || !strings.Contains(svg, "not defined") {
		t.Error("a value that is not defined must be said in the picture")
	}
	if _, err := AtEpoch(3, runs...); err == nil {
		t.Error("an epoch that no run has gave no error")
	}
}

func TestSheetHoldsEveryFigureAtHalfItsPixels(t *testing.T) {
	f, err := AtEpoch(1, Of(&record.Record{Spec: record.DefaultSpec(), Epochs: []record.Epoch{{Epoch: 1, NC1: 1}}})...)
	if err != nil {
		t.Fatal(err)
	}
	size := func(b []byte) (w, h int) {
		c, err := png.DecodeConfig(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		return c.Width, c.Height
	}
	one, err := Sheet(Captioned{"a", f})
	if err != nil {
		t.Fatal(err)
	}
	three, err := Sheet(Captioned{"a", f}, Captioned{"b", f}, Captioned{"c", f})
	if err != nil {
		t.Fatal(err)
	}
	fw, fh := size(f.PNG)
	w1, h1 := size(one)
	w3, h3 := size(three)
	if w1 < fw/Scale-1 || w1 > fw/Scale+1 || h1 <= fh/Scale {
		t.Errorf("one figure of %d×%d gives a sheet of %d×%d", fw, fh, w1, h1)
	}
	if w3 <= 2*w1-1 || h3 <= 2*h1-1 {
		t.Errorf("three figures give a sheet of %d×%d, one %d×%d; want two rows of two", w3, h3, w1, h1)
	}
	if _, err := Sheet(); err == nil {
		t.Error("no figure gave no error")
	}
}
