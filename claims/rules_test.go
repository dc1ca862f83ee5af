package claims

import (
	"math"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
)

var (
	fiveSeeds = []int64{2021, 2022, 2023, 2024, 2025}
	onlyPair  = []float64{0, 0.05}
)

// reversed swaps CE and LS in a number.
func reversed(f func(t, d float64) float64) func(t, d float64) float64 {
	return func(t, d float64) float64 {
		switch d {
		case 0:
			return f(t, 0.05)
		case 0.05:
			return f(t, 0)
		}
		return f(t, d)
	}
}

// rising runs a number backwards along training.
func rising(f func(t, d float64) float64) func(t, d float64) float64 {
	return func(t, d float64) float64 { return f(1-t, d) }
}

// along replaces numbers of the rows.
func along(change func(f func(t, d float64) float64) func(t, d float64) float64, keys ...string) func(*world) {
	return func(w *world) {
		for _, k := range keys {
			w.row[k] = change(w.row[k])
		}
	}
}

func constant(v float64) func(t, d float64) float64 { return func(_, _ float64) float64 { return v } }

// TestPairRules: each rule on CE and LS holds where the paper is right, does not where one number
// is otherwise, and is not decided with two seeds.
func TestPairRules(t *testing.T) {
	right := decided(t, paperWorld().runs(onlyPair, fiveSeeds...))
	few := decided(t, paperWorld().runs(onlyPair, 2021, 2022))
	for id, fail := range map[string]func(*world){
		"c3.1-both-collapse":         along(rising, "nc2"),
		"c3.1-ls-faster-train-error": along(reversed, "train_error"),
		"c3.1-ls-faster-test-error":  along(reversed, "test_error"),
		"c3.1-ls-faster-ncc-error":   along(reversed, "ncc_test_error"),
		"c3.1-ncc-at-collapse":       along(rising, "nc4"),
		"c3.1-ls-faster-nc1":         along(reversed, "nc1"),
		"c3.1-ls-faster-nc2":         along(reversed, "nc2"),
		"c3.1-ls-lower-final-nc":     along(reversed, "nc1"),
		"c3.2-ls-equal-logits":       along(reversed, "test_logit_sd"),
		"c3.3-loss-by-group":         along(rising, "test_correct_nll"),
		"c3.3-entropy-by-group":      along(rising, "test_wrong_entropy"),
		"c3.3-test-nc1-by-group":     along(rising, "test_correct_nc1"),
		"c3.3-nc1-confidence":        along(rising, "test_wrong_entropy"),
		"c3.3-ece-rises-late":        along(rising, "test_ece"),
		"cB.1-nc2-zero-etf":          along(rising, "nc2_w"),
		"cB.3-log-loss-lower":        along(reversed, "train_loss"),
		"cB.5-less-confident":        along(reversed, "test_confidence"),
		"c3.1-nc3-comparable":        func(w *world) { scaleLS(w, "nc3", 4) },
		"c3.3-post-ece-higher":       func(w *world) { w.end["nll"] = func(d float64) float64 { return 0.1 - d } },
		"cB.3-late-fluctuation":      func(w *world) { w.loss = smoothLoss },
	} {
		t.Run(id, func(t *testing.T) {
			if r := right[id]; r.Verdict != Holds {
				t.Errorf("in the paper's world: %s, %s", r, r.Note)
			} else if r.Scale != ReducedScale || !strings.Contains(r.String(), "at reduced scale") || r.Seeds != 5 {
				t.Errorf("scale %q, %d seeds, %s", r.Scale, r.Seeds, r)
			}
			w := paperWorld()
			fail(w)
			if r := ruled(t, w.runs(onlyPair, fiveSeeds...), id); r.Verdict != DoesNotHold {
				t.Errorf("where it fails: %s, %s", r, r.Note)
			}
			r := few[id]
			if r.Verdict != NotDecided || r.SeedsNeeded < MinSeeds || len(r.Missing) == 0 {
				t.Errorf("with two seeds: %s, %d seeds needed, missing %v: %s", r, r.SeedsNeeded, r.Missing, r.Note)
			}
		})
	}
}

// scaleLS multiplies a number under LS.
func scaleLS(w *world, key string, factor float64) {
	f := w.row[key]
	w.row[key] = func(t, d float64) float64 {
		if d > 0 {
			return factor * f(t, d)
		}
		return f(t, d)
	}
}

// smoothLoss fluctuates before the first milestone, and not after it.
func smoothLoss(epoch int, _ float64) float64 {
	if epoch <= worldEpochs/2 {
		return 0.02 + 2*math.Exp(-float64(epoch)/6)*(1+0.5*math.Sin(float64(7*epoch)))
	}
	return 0.02 * math.Exp(-float64(epoch)/1000)
}

// TestFourDataSets: a claim about four data sets holds only with all of them, and fails with one.
func TestFourDataSets(t *testing.T) {
	runs := func(fail func(*world), sets ...string) (all []*record.Record) {
		for _, set := range sets {
			w := paperWorld()
			if fail != nil {
				fail(w)
			}
			w.spec = func(s *record.Spec) { s.Dataset = set }
			all = append(all, w.runs(onlyPair, fiveSeeds...)...)
		}
		return all
	}
	alone := decided(t, runs(nil, "cifar10"))
	for id, key := range map[string]string{"c3.1-ls-lower-test-error": "test_error", "c3.2-nc2-at-equal-nc1": "nc2"} {
		r := alone[id]
		if r.Verdict != NotDecided || !strings.Contains(r.Note, "Partly: holds on CIFAR-10 alone") {
			t.Errorf("%s on CIFAR-10 alone: %s, %s", id, r, r.Note)
		}
		if len(r.Missing) == 0 {
			t.Errorf("%s on CIFAR-10 alone names no missing run", id)
		}
		if r := ruled(t, runs(nil, paperSets...), id); r.Verdict != Holds || len(r.StandsOn) != 40 {
			t.Errorf("%s on all four: %s on %d records, %s", id, r, len(r.StandsOn), r.Note)
		}
		bad := runs(along(reversed, key), "cifar100")
		if r := ruled(t, append(runs(nil, "cifar10", "stl10", "tiny-imagenet"), bad...), id); r.Verdict != DoesNotHold {
			t.Errorf("%s, failing on CIFAR-100: %s, %s", id, r, r.Note)
		}
	}
}

// TestGainByDataSet: without STL-10 it cannot be measured, with it the sizes count.
func TestGainByDataSet(t *testing.T) {
	of := func(gains map[string]float64) []*record.Record {
		var all []*record.Record
		for set, g := range gains {
			w := paperWorld()
			w.row["test_error"] = func(t, d float64) float64 {
				if d > 0 {
					return 0.3 - g
				}
				return 0.3
			}
			w.spec = func(s *record.Spec) { s.Dataset = set }
			all = append(all, w.runs(onlyPair, fiveSeeds...)...)
		}
		return all
	}
	const id = "c3.2-gain-by-data-set"
	if r := ruled(t, of(map[string]float64{"cifar10": 0.02}), id); r.Verdict != NotMeasurable ||
		!strings.Contains(r.Note, "CIFAR-10: mean difference of the final test error −0.0196, holds") {
		t.Errorf("without STL-10: %s, %s", r, r.Note)
	}
	for stl, want := range map[float64]Verdict{0.1: Holds, 0.01: DoesNotHold} {
		r := ruled(t, of(map[string]float64{"cifar10": 0.02, "cifar100": 0.02, "stl10": stl}), id)
		if r.Verdict != want {
			t.Errorf("gain %g on STL-10: %s, %s; want %s", stl, r, r.Note, want)
		}
	}
}

// TestSweepRules: the same for the rules on a δ sweep.
func TestSweepRules(t *testing.T) {
	right := decided(t, paperWorld().runs(worldDeltas, fiveSeeds...))
	few := decided(t, paperWorld().runs(worldDeltas, 2021, 2022))
	one := decided(t, paperWorld().runs([]float64{0}, fiveSeeds...))
	flat := func(w *world) {
		for _, key := range []string{"nc1", "nc2", "nc3"} {
			w.row[key] = constant(0.1)
		}
	}
	for id, fail := range map[string]func(*world){
		"c3.3-raw-ece-lower": func(w *world) {
			w.end["unscaled"] = func(d float64) float64 { return 0.1 + d }
		},
		"c3.3-large-delta-hurts": func(w *world) { w.row["test_confidence"] = constant(0.99) },
		"c3.3-norms-fall":        func(w *world) { w.row["w_norm"] = func(_, d float64) float64 { return 1 + d } },
		"c3.3-temperature-falls": func(w *world) {
			w.row["test_temperature"] = func(_,
				d float64) float64 {
				return 3 - d
			}
		},
		"c3.3-nc1-drives-post-ece": func(w *world) {
			nc1 := w.row["nc1"]
			w.row["test_scaled_ece"] = func(t, d float64) float64 { return 0.1 + 0.01*math.Log(nc1(t, d)) }
		},
		"cB.4-nc-u-shape": func(w *world) {
			w.row["nc1"] = func(t, d float64) float64 { return math.Exp(-4*t) * (1 + d) }
		},
		"cB.4-nc3-flat": func(w *world) { w.row["nc3"] = func(_, d float64) float64 { return 0.1 + 10*d } },
		"cB.4-test-error-u-shape": func(w *world) {
			w.row["test_error"] = func(_,
				d float64) float64 {
				return 0.1 + d
			}
		},
		"cB.6-larger-delta-faster": flat,
	} {
		t.Run(id, func(t *testing.T) {
			if r := right[id]; r.Verdict != Holds {
				t.Errorf("in the paper's world: %s, %s", r, r.Note)
			}
			w := paperWorld()
			fail(w)
			if r := ruled(t, w.runs(worldDeltas, fiveSeeds...), id); r.Verdict != DoesNotHold {
				t.Errorf("where it fails: %s, %s", r, r.Note)
			}
			if r := few[id]; r.Verdict != NotDecided || len(r.Missing) == 0 {
				t.Errorf("with two seeds: %s, %s", r, r.Note)
			}
			if r := one[id]; r.Verdict != NotDecided {
				t.Errorf("with one δ: %s, %s", r, r.Note)
			}
		})
	}
}

// TestRobustDelta compares the sweeps of two data sets.
func TestRobustDelta(t *testing.T) {
	of := func(set string, upTo float64) []*record.Record {
		w := paperWorld()
		w.spec = func(s *record.Spec) { s.Dataset = set }
		for key, level := range map[string]float64{"test_error": 0.1, "nc1": 0.1, "nc2": 0.1} {
			w.row[key] = func(_, d float64) float64 {
				if d > upTo {
					return 8 * level
				}
				return level
			}
		}
		return w.runs(worldDeltas, fiveSeeds[:3]...)
	}
	const id = "cB.4-robust-delta"
	if r := ruled(t, append(of("cifar10", 0.1), of("cifar100", 0.5)...),
		id); r.Verdict != Holds || math.Abs(r.Effect-0.4) > 1e-9 {
		t.Errorf("wider on CIFAR-100: %s, effect %g, %s", r, r.Effect, r.Note)
	}
	if r := ruled(t, append(of("cifar10", 0.5), of("cifar100", 0.1)...), id); r.Verdict != DoesNotHold {
		t.Errorf("narrower on CIFAR-100: %s, %s", r, r.Note)
	}
	if r := decided(t, of("cifar10", 0.1))[id]; r.Verdict != NotDecided || len(r.Missing) == 0 {
		t.Errorf("on CIFAR-10 alone: %s, %s", r, r.Note)
	}
}

// TestUFMRules: networks of the simulated UFM join free features.
func TestUFMRules(t *testing.T) {
	deltas := []float64{0, 0.05, 0.1, 0.2}
	const id = "cB.6-norm-error"
	if r := ruled(t, ufmWorld().runs(deltas, 2021, 2022, 2023), id); r.Verdict != Holds || r.Scale != ReducedScale {
		t.Errorf("near the closed form: %s, %s", r, r.Note)
	}
	w := ufmWorld()
	norm := w.row["h_norm"]
	w.row["h_norm"] = func(t, d float64) float64 { return 1.2 * norm(t, d) }
	if r := ruled(t, w.runs(deltas, 2021, 2022, 2023), id); r.Verdict != DoesNotHold {
		t.Errorf("20 %% above the closed form: %s, %s", r, r.Note)
	}
	w.row["h_norm"] = func(t, d float64) float64 { return 1.012 * norm(t, d) }
	if r := ruled(t, w.runs(deltas, 2021, 2022, 2023), id); r.Verdict != OnMargin {
		t.Errorf("1.2 %% above the closed form: %s, %s", r, r.Note)
	}
	if r := decided(t, ufmWorld().runs(deltas, 2021, 2022))[id]; r.Scale != ClosedForm || len(r.Missing) == 0 {
		t.Errorf("with two seeds: %s at scale %s, missing %v", r, r.Scale, r.Missing)
	}
}
