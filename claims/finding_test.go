package claims

import (
	"math"
	"strings"
	"testing"
)

// TestSide: the 95 % interval decides, with three seeds at least.
func TestSide(t *testing.T) {
	for _, c := range []struct {
		d    []float64
		want Verdict
	}{
		{[]float64{-1, -1.1, -0.9}, Holds},
		{[]float64{1, 1.1, 0.9}, DoesNotHold},
		{[]float64{-1, 1.1, -0.9}, NotDecided},
		{[]float64{-1, -1.01}, NotDecided},
		{[]float64{-1, -1, -1}, Holds},
		{[]float64{0, 0, 0}, NotDecided},
		{nil, NotDecided},
	} {
		if f := below(c.d, "x"); f.verdict != c.want || f.seeds != len(c.d) {
			t.Errorf("below(%v): %s over %d seeds, want %s", c.d, f.verdict, f.seeds, c.want)
		}
	}
	// t = −1/(0.1/√3) with 2 degrees of freedom: p = .0033, interval −1 ± 4.3027·0.1/√3.
	f := below([]float64{-1, -1.1, -0.9}, "x")
	if math.Abs(f.effect+1) > 1e-12 || math.Abs(f.high+1-4.302653*0.1/math.Sqrt(3)) > 1e-6 ||
		math.Abs(f.dz+10) > 1e-9 ||
		math.Abs(f.p-0.003310) > 1e-5 {
		t.Errorf("effect %g, upper end %g, d_z %g, p %g", f.effect, f.high, f.dz, f.p)
	}
	if f := below([]float64{-1, -1.01}, "x"); f.needed != MinSeeds {
		t.Errorf("two seeds: %d needed, want %d", f.needed, MinSeeds)
	}
	if f := above([]float64{-1, 1.1, -0.9}, "x"); f.needed <= 3 {
		t.Errorf("a small effect needs %d seeds, want more than 3", f.needed)
	}
}

// TestWithin: equivalence inside a margin.
func TestWithin(t *testing.T) {
	near, far, wide := []float64{0.1, 0.11, 0.09, 0.1}, []float64{2, 2.1, 1.9, 2}, []float64{-1, 1, -1.2, 1.1}
	for _, c := range []struct {
		d    []float64
		want Verdict
	}{{near, Holds}, {far, DoesNotHold}, {wide, NotDecided}, {near[:2], NotDecided}, {[]float64{0.1, 0.1, 0.1},
		Holds}} {
		if f := within(c.d, 0.5, "x"); f.verdict != c.want {
			t.Errorf("within(%v): %s, want %s", c.d, f.verdict, c.want)
		}
	}
	if f := within(near, 0.5, "x"); !(f.p < 0.001) {
		t.Errorf("p %g of equivalence, want below .001", f.p)
	}
	if f := within(far, 0.5, "x"); !(f.p < 0.001) {
		t.Errorf("p %g of a difference beyond the margin, want below .001", f.p)
	}
}

// TestMargins: a verdict that changes at half or twice the value depends on it.
func TestMargins(t *testing.T) {
	below := func(x float64) func(float64) finding {
		return func(most float64) finding { return shown(x < most, x, 3, "x") }
	}
	for x, want := range map[float64]Verdict{0.4: Holds, 0.6: OnMargin, 1.5: OnMargin, 2.5: DoesNotHold} {
		f := atMargins(1, "x below", below(x))
		if f.verdict != want || f.effect != x {
			t.Errorf("%g below 1: %s with effect %g, want %s", x, f.verdict, f.effect, want)
		}
		if want == OnMargin && !strings.Contains(f.note, "x below 0.5: does not hold") {
			t.Errorf("the note says %q", f.note)
		}
	}
	for x, want := range map[float64]Verdict{1.3: Holds, 1.5: OnMargin, 3: OnMargin, 5: DoesNotHold} {
		if f := atRatios(2, "ratio", below(x)); f.verdict != want {
			t.Errorf("ratio %g below 2: %s, want %s", x, f.verdict, want)
		}
	}
}

// TestJoining: a claim of several parts.
func TestJoining(t *testing.T) {
	part := func(v Verdict, p float64, seeds int) finding {
		f := undecided(seeds, string(v))
		f.verdict, f.p, f.effect = v, p, p
		return f
	}
	for _, c := range []struct {
		parts []finding
		want  Verdict
		p     float64
	}{
		{[]finding{part(Holds, 0.01, 5), part(Holds, 0.03, 5)}, Holds, 0.03},
		{[]finding{part(Holds, 0.01, 5), part(NotDecided, 0.2, 5)}, NotDecided, 0.2},
		{[]finding{part(NotDecided, 0.2, 5), part(DoesNotHold, 0.004, 5)}, DoesNotHold, 0.008},
		{[]finding{part(Holds, 0.01, 5), part(OnMargin, 0.02, 4)}, OnMargin, 0.02},
		{[]finding{part(Holds, nan, 5), part(Holds, nan, 3)}, Holds, nan},
	} {
		f := all(c.parts...)
		if f.verdict != c.want || f.p != c.p && !(math.IsNaN(f.p) && math.IsNaN(c.p)) {
			t.Errorf("%s and %s: %s with p %g, want %s with p %g", c.parts[0].note, c.parts[1].note, f.verdict, f.p,
				c.want, c.p)
		}
		if want := min(c.parts[0].seeds, c.parts[1].seeds); f.seeds != want {
			t.Errorf("%d seeds, want %d", f.seeds, want)
		}
	}
}
