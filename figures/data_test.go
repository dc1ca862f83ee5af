package figures

import (
	"bytes"
	"fmt"
	"image/png"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
)

// A set of many classes is shown by one picture of each, in order, 20 a row.
func TestDataSetOfManyClasses(t *testing.T) {
	const k, side = 45, 4
	s := Samples{Title: "T", Caption: "C", Height: side, Width: side, Channels: 3}
	for i := range 2 * k { // the classes backwards, twice; only the first counts
		c := (2*k - 1 - i) % k
		v := byte(5 * c)
		if i >= k {
			v = 255
		}
		s.Pixels = append(s.Pixels, bytes.Repeat([]byte{v}, side*side*3)...)
		s.Labels = append(s.Labels, int32(c))
	}
	for c := range k {
		s.Classes = append(s.Classes, fmt.Sprintf("class%d", c))
	}
	f, err := DataSet(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"class0 … class19", "class20 … class39", "class40 … class44"} {
		if !strings.Contains(string(f.SVG), want) {
			t.Errorf("no row %q", want)
		}
	}
	if !strings.Contains(f.Alt, "45 classes") || !strings.Contains(f.Alt, "class31") {
		t.Errorf("alt %q", f.Alt)
	}
	// The colours of the first row rise from left to right.
	m, err := png.Decode(bytes.NewReader(f.PNG))
	if err != nil {
		t.Fatal(err)
	}
	// 20 pictures of 4 pixels and gaps of 2, 8 points a pixel, 6 points from the edge.
	const px = 8 * pxPerPoint
	left := float64(m.Bounds().Max.X) - 6*pxPerPoint - (20*6-2)*px
	for row, n := range []int{20, 20, 5} {
		for col := range n {
			x, y := left+(float64(col)*6+2)*px, 6*pxPerPoint+(float64(row)*6+2)*px
			r, _, _, _ := m.At(int(x), int(y)).RGBA()
			if want := 5 * (20*row + col); int(r>>8) != want {
				t.Errorf("row %d, picture %d is of grey %d, want %d", row, col, r>>8, want)
			}
		}
	}
	s.Labels[0] = k
	if _, err := DataSet(s); err == nil || !strings.Contains(err.Error(), "label 45") {
		t.Errorf("error %v", err)
	}
	s.Labels[0], s.Labels[k] = 0, 0 // class 44 has none now
	if _, err := DataSet(s); err == nil || !strings.Contains(err.Error(), "class44") {
		t.Errorf("error %v", err)
	}
	s.Pixels = s.Pixels[1:]
	if _, err := DataSet(s); err == nil {
		t.Error("took pixels that are too few")
	}
}

func TestDataSetOfFewClasses(t *testing.T) {
	s := Samples{Height: 1, Width: 1, Channels: 1, Pixels: []byte{1, 2}, Labels: []int32{0, 1},
		Classes: []string{"a", "b"}}
	f, err := DataSet(s)
	if err != nil {
		t.Fatal(err)
	}
	g, err := Images(s)
	if err != nil || !bytes.Equal(f.SVG, g.SVG) {
		t.Errorf("another picture than that of Images; %v", err)
	}
}

func TestSamplesCaption(t *testing.T) {
	d := record.Data{Train: 5000, Test: 1000, Height: 28, Width: 28, Bytes: "official", Preparation: "none"}
	want := "The first training pictures of each class; 5000 training and 1000 test images of 28×28 pixels, " +
		"official. Preparation: none."
	if got := SamplesCaption(d); got != want {
		t.Errorf("caption %q, want %q", got, want)
	}
	d.Licence, d.Citation = "MIT", "Xiao et al. 2017"
	if got := SamplesCaption(d); got != want+" Licence: MIT. Xiao et al. 2017." {
		t.Errorf("caption %q", got)
	}
}
