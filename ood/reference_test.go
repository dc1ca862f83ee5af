package ood

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/gocollapse/collapse/nc"
)

// recorded is a case of testdata/reference.py.
type recorded struct {
	Name                             string
	N, D, K                          int
	Train, Weight, Bias, Test, Other []float64
	Labels                           []int32
	Scores                           map[string]struct{ Test, Other []float64 }
	PytorchOOD                       map[string]struct{ Test, Other []float64 } `json:"pytorch_ood"`
	Detection                        map[string]struct {
		AUROC   float64
		AUPRIn  float64 `json:"aupr_in"`
		AUPROut float64 `json:"aupr_out"`
		FPR95   float64
	}
}

func reference(t *testing.T) []recorded {
	t.Helper()
	b, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []recorded
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// options are those of reference.py.
var options = Options{T: 2, Neighbours: 7, VimDim: 5, NecoDim: 4, NCIAlpha: 0.05}

func (c *recorded) classifier() *nc.Classifier {
	return &nc.Classifier{K: c.K, D: c.D, W: c.Weight, B: c.Bias}
}

// unlabelled returns features as a source, whose labels nobody reads.
func unlabelled(features []float64, d int) nc.Source {
	return nc.Slices(features, make([]int32, len(features)/d))
}

// TestReference compares with numpy, scikit-learn and pytorch-ood; see testdata/reference.py.
func TestReference(t *testing.T) {
	for _, c := range reference(t) {
		f, err := NewFit(nc.Slices(c.Train, c.Labels), c.classifier(), options)
		if err != nil {
			t.Fatal(err)
		}
		for side, features := range map[string][]float64{"test": c.Test, "other": c.Other} {
			got, err := f.all(unlabelled(features, c.D))
			if err != nil {
				t.Fatal(err)
			}
			for i, info := range infos {
				pick := func(v struct{ Test, Other []float64 }) []float64 {
					if side == "test" {
						return v.Test
					}
					return v.Other
				}
				// A distance of k-NN near 0 is the root of a difference; the bank is float32.
				compare(t, c.Name+", numpy: "+info.Key, got.values[i], pick(c.Scores[info.Key]), 3e-7)
				if peer, ok := c.PytorchOOD[info.Key]; ok {
					compare(t, c.Name+", pytorch-ood: "+info.Key, got.values[i], pick(peer), 2e-4)
				}
			}
		}
		r, err := Measure(nc.Slices(c.Train, c.Labels), unlabelled(c.Test, c.D),
			[]Set{{"other", unlabelled(c.Other, c.D)}}, c.classifier(), options)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range r.Scores {
			want, got := c.Detection[s.Key], s.Results[0].Detection
			for _, v := range [][2]float64{{got.AUROC, want.AUROC}, {got.AUPRIn, want.AUPRIn},
				{got.AUPROut, want.AUPROut}, {got.FPR95, want.FPR95}} {
				if !(math.Abs(v[0]-v[1]) <= 1e-12) {
					t.Errorf("%s: %s gives %+v, want %+v", c.Name, s.Key, got, want)
				}
			}
		}
	}
}

// compare compares scores up to a share of their size.
func compare(t *testing.T, name string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) || len(got) == 0 {
		t.Fatalf("%s: %d scores, want %d", name, len(got), len(want))
	}
	for i, v := range want {
		if !(math.Abs(got[i]-v) <= tolerance*(1+math.Abs(v))) {
			t.Errorf("%s: sample %d has %.10g, want %.10g", name, i, got[i], v)
			return
		}
	}
}
