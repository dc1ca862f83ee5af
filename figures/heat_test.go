package figures

import (
	"image/color"
	"math"
	"testing"
)

// TestMatrix: a matrix is drawn as it is written, row 0 at the top.
func TestMatrix(t *testing.T) {
	m := matrix{rows: 2, cols: 3, values: []float64{1, 2, 3, 4, 5, 6}}
	if c, r := m.Dims(); c != 3 || r != 2 {
		t.Fatalf("%d columns and %d rows", c, r)
	}
	// Row 1 of a grid is over row 0.
	if m.Z(0, 1) != 1 || m.Z(2, 1) != 3 || m.Z(0, 0) != 4 || m.Z(2, 0) != 6 {
		t.Errorf("top row %v … %v, bottom row %v … %v", m.Z(0, 1), m.Z(2, 1), m.Z(0, 0), m.Z(2, 0))
	}
}

// On the scale of cosines the value of a simplex ETF has no colour, and values on both sides of it
// differ from it and from each other by eye.
func TestCosineScale(t *testing.T) {
	const k = 10
	s := cosines(k)
	grey := func(c color.Color) bool {
		r, g, b, _ := c.RGBA()
		return max(r, g, b)-min(r, g, b) < 0x0600
	}
	etf := s.of(-1.0 / (k - 1))
	if !grey(etf) {
		t.Errorf("an ETF's −1/9 has the colour %v", etf)
	}
	distance := func(a, b color.Color) float64 {
		x, y := lab(a), lab(b)
		return math.Hypot(x[0]-y[0], math.Hypot(x[1]-y[1], x[2]-y[2]))
	}
	// 10 is far beyond what is just seen, about 2.
	if d := distance(etf, s.of(0.2)); d < 10 {
		t.Errorf("−1/9 and 0.2 differ by %.1f", d)
	}
	if d := distance(s.of(-0.3), s.of(0.08)); d < 10 {
		t.Errorf("values as far below and above −1/9 differ by %.1f", d)
	}
	for _, v := range []float64{-1, -0.5, 0.5, 1} {
		if grey(s.of(v)) {
			t.Errorf("%v has no colour: %v", v, s.of(v))
		}
	}
	if s.of(2) != s.of(1) || s.of(math.NaN()) != color.White {
		t.Error("values beyond the scale")
	}
}

// Every class has its label up to 20 classes, and cells have their numbers up to 10.
func TestClassAxes(t *testing.T) {
	for k, want := range map[int]int{2: 2, 10: 10, 20: 20, 21: 5, 100: 10} {
		n := 0
		for _, tick := range classTicks(k) {
			if tick.Label != "" {
				n++
			}
		}
		if n != want {
			t.Errorf("%d labels for %d classes, want %d", n, k, want)
		}
	}
	for v, want := range map[float64]string{-0.111: "−.11", 1: "1.00", -0.001: ".00", 0.5: ".50"} {
		if got := inCell(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
}

// lab returns L*, a* and b* (CIE 1976) of an sRGB colour under the white point D65.
func lab(c color.Color) [3]float64 {
	r, g, b, _ := c.RGBA()
	linear := func(v uint32) float64 {
		x := float64(v) / 0xFFFF
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	red, green, blue := linear(r), linear(g), linear(b)
	f := func(x float64) float64 {
		if x > 216.0/24389 {
			return math.Cbrt(x)
		}
		return (24389.0/27*x + 16) / 116
	}
	x := f((0.4124*red + 0.3576*green + 0.1805*blue) / 0.9505)
	y := f(0.2126*red + 0.7152*green + 0.0722*blue)
	z := f((0.0193*red + 0.1192*green + 0.9505*blue) / 1.089)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}
