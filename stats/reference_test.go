package stats

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// reference is testdata/reference.json: values of scipy, statsmodels and mpmath.
type reference struct {
	Quantile []struct {
		DF   int `json:"df"`
		P, T float64
	}
	Paired []struct {
		D                     []float64
		Level, Mean, SD, T, P float64
		Less                  float64 `json:"p_less"`
		Greater               float64 `json:"p_greater"`
		Low, High, Effect     float64
		EffectLow             float64 `json:"effect_low"`
		EffectHigh            float64 `json:"effect_high"`
	}
	TOST []struct {
		A, B            []float64
		Lower, Upper, P float64
		PLower          float64 `json:"p_lower"`
		PUpper          float64 `json:"p_upper"`
		Low, High       float64
	}
	Holm       []struct{ P, Adjusted []float64 }
	Noncentral []struct {
		T, Shift, Below, Above float64
		DF                     int
	}
	Power []struct {
		Effect, Alpha, Power float64
		N                    int
	}
	Needed []struct {
		Effect, Alpha, Power float64
		N                    int
	}
	Spearman []ranked
	Exact    []ranked
	Line     []struct {
		X, Y                     []float64
		Slope, Intercept, Around float64
	}
}

type ranked struct {
	X, Y, Ranks []float64
	Rho, P      float64
	Less        float64 `json:"p_less"`
	Greater     float64 `json:"p_greater"`
}

func readReference(t *testing.T) (r reference) {
	t.Helper()
	b, err := os.ReadFile("testdata/reference.json")
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// near fails unless got is within tolerance·max(1, |want|) of want.
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*math.Max(1, math.Abs(want))) {
		t.Errorf("%s is %v, want %v (off by %.2g)", what, got, want, got-want)
	}
}

const tight = 1e-10

func TestQuantileAgainstScipy(t *testing.T) {
	for _, c := range readReference(t).Quantile {
		tolerance := tight
		if c.DF > 10000 { // gonum's distribution itself is off
			tolerance = 1e-9
		}
		near(t, "quantile", critical(c.DF, c.P), c.T, tolerance)
	}
}

func TestPairedAgainstScipy(t *testing.T) {
	for _, c := range readReference(t).Paired {
		p, err := PairedT(c.D, c.Level)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "mean", p.Mean, c.Mean, tight)
		near(t, "sd", p.SD, c.SD, tight)
		near(t, "t", p.T, c.T, tight)
		near(t, "p", p.P, c.P, tight)
		near(t, "p, less", p.PLess, c.Less, tight)
		near(t, "p, greater", p.PGreater, c.Greater, tight)
		near(t, "low", p.Interval.Low, c.Low, tight)
		near(t, "high", p.Interval.High, c.High, tight)
		near(t, "d_z", p.Effect, c.Effect, tight)
		near(t, "d_z, low", p.EffectInterval.Low, c.EffectLow, 1e-9)
		near(t, "d_z, high", p.EffectInterval.High, c.EffectHigh, 1e-9)
		if c.P > 0 {
			near(t, "p relative to itself", p.P/c.P, 1, 1e-9)
		}
	}
}

func TestTOSTAgainstStatsmodels(t *testing.T) {
	for _, c := range readReference(t).TOST {
		d, err := Differences(c.A, c.B)
		if err != nil {
			t.Fatal(err)
		}
		q, err := TOST(d, c.Lower, c.Upper, 0.05)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "p", q.P, c.P, tight)
		near(t, "p, lower", q.PLower, c.PLower, tight)
		near(t, "p, upper", q.PUpper, c.PUpper, tight)
		near(t, "low", q.Interval.Low, c.Low, tight)
		near(t, "high", q.Interval.High, c.High, tight)
	}
}

func TestHolmAgainstStatsmodels(t *testing.T) {
	for _, c := range readReference(t).Holm {
		got, err := Holm(c.P)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			near(t, "adjusted p", got[i], c.Adjusted[i], 1e-14)
		}
	}
}

func TestNoncentralTAgainstMpmath(t *testing.T) {
	for _, c := range readReference(t).Noncentral {
		below, above, err := NoncentralT(c.T, c.DF, c.Shift)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(below-c.Below) > 1e-12 || math.Abs(above-c.Above) > 1e-12 {
			t.Errorf("t %v, df %d, shift %v: %v and %v, want %v and %v (off by %.2g)",
				c.T, c.DF, c.Shift, below, above, c.Below, c.Above, below-c.Below)
		}
		for _, two := range [][2]float64{{below, c.Below}, {above, c.Above}} {
			if two[1] > 1e-14 && math.Abs(two[0]/two[1]-1) > 1e-8 {
				t.Errorf("t %v, df %d, shift %v: tail %v, want %v", c.T, c.DF, c.Shift, two[0], two[1])
			}
		}
	}
}

func TestPowerAgainstStatsmodels(t *testing.T) {
	r := readReference(t)
	for _, c := range r.Power {
		got, err := Power(c.Effect, c.N, c.Alpha)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "power", got, c.Power, tight)
	}
	for _, c := range r.Needed {
		got, err := PairsNeeded(c.Effect, c.Alpha, c.Power, 2000)
		if err != nil || got.N != c.N || got.Power < c.Power {
			t.Errorf("effect %v, alpha %v, power %v: %v (%v), want %d", c.Effect, c.Alpha, c.Power, got, err, c.N)
		}
	}
}

func TestSpearmanAgainstScipy(t *testing.T) {
	r := readReference(t)
	for _, c := range r.Spearman {
		got, err := Spearman(c.X, c.Y)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "rho", got.Rho, c.Rho, 1e-14)
		near(t, "p", got.P, c.P, tight)
		near(t, "p, less", got.PLess, c.Less, tight)
		near(t, "p, greater", got.PGreater, c.Greater, tight)
		ranks, _ := Ranks(c.X)
		for i := range ranks {
			near(t, "rank", ranks[i], c.Ranks[i], 0)
		}
	}
	for _, c := range r.Exact {
		got, err := Spearman(c.X, c.Y)
		if err != nil || !got.Exact {
			t.Fatal(got, err)
		}
		near(t, "exact p, less", got.PLess, c.Less, 1e-14)
		near(t, "exact p, greater", got.PGreater, c.Greater, 1e-14)
	}
}

func TestLineAgainstScipy(t *testing.T) {
	for _, c := range readReference(t).Line {
		got, err := FitLine(c.X, c.Y)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "slope", got.Slope, c.Slope, tight)
		near(t, "intercept", got.Intercept, c.Intercept, tight)
		near(t, "sd about the line", got.Around, c.Around, tight)
	}
}
