package nc

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
)

// TestFullReference compares with what testdata/full.py computed by numpy.
func TestFullReference(t *testing.T) {
	b, err := os.ReadFile("testdata/full.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Covariance []struct {
			K, D                   int
			Features, Weight, Bias []float64
			Labels                 []int32
			Lambda                 float64
			SpectrumW              []float64 `json:"spectrum_w"`
			Want                   map[string]float64
		}
		Regression []struct {
			D, T                      int
			Features, Targets, Weight []float64
			Gamma                     float64
			Want                      map[string]float64
		}
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	for i, c := range file.Covariance {
		s := sample{k: c.K, d: c.D, x: c.Features, y: c.Labels,
			clf: &Classifier{K: c.K, D: c.D, W: c.Weight, B: c.Bias}}
		cov := s.covariance(t, 5, OverSamples)
		sum, err := cov.Summary()
		if err != nil {
			t.Fatal(err)
		}
		mse, err := cov.MSE(s.clf, c.Lambda)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{
			"vci": sum.VCI, "stable_rank_w": sum.StableRankW, "effective_rank_w": sum.EffectiveRankW,
			"loss": mse.Loss, "ls": mse.LS, "nc1": mse.NC1, "nc23": mse.NC23, "perp": mse.Perp,
		}
		for name, want := range c.Want {
			near(t, fmt.Sprintf("covariance %d: %s", i, name), got[name], want, 1e-11)
		}
		for j, want := range c.SpectrumW {
			near(t, fmt.Sprintf("covariance %d: eigenvalue %d", i, j), sum.SpectrumW[j], want, 1e-11)
		}
	}
	for i, c := range file.Regression {
		s := regressionData{n: len(c.Features) / c.D, d: c.D, t: c.T, x: c.Features, y: c.Targets, w: c.Weight}
		got := s.measure(t, 7)
		for name, want := range c.Want {
			v, ok := got.Value(name)
			if !ok {
				t.Errorf("regression %d: no metric %s", i, name)
			}
			near(t, fmt.Sprintf("regression %d: %s", i, name), v, want, 1e-11)
		}
		if c.T > 1 { // a search finds the place of a minimum to half the digits
			near(t, fmt.Sprintf("regression %d: gamma", i), got.NRC3Gamma, c.Gamma, 1e-5)
		}
	}
}
