package claims

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"testing"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/ufm"
)

// world makes records in which every claim of the paper holds; a test changes one number to make a
// claim fail. t is the share of the schedule that is over.
type world struct {
	row   map[string]func(t, delta float64) float64 // by the key of a record.Metric
	end   map[string]func(delta float64) float64    // of the final calibration
	loss  func(epoch int, delta float64) float64    // of an epoch's steps
	spec  func(*record.Spec)
	noise float64 // relative, by seed, δ and key
}

const worldEpochs = 80

var worldDeltas = []float64{0, 0.02, 0.05, 0.08, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95}

// gain is how much faster collapse is at δ: most at 0.2.
func gain(delta float64) float64 {
	i := slices.Index(worldDeltas, delta)
	return []float64{0, 0.4, 0.8, 1, 1.2, 1.5, 1, 0.4, -0.2, -0.5}[i]
}

func rawECE(delta float64) float64 {
	i := slices.Index(worldDeltas, delta)
	return []float64{0.15, 0.1, 0.05, 0.06, 0.07, 0.1, 0.3, 0.5, 0.6, 0.65}[i]
}

// wiggle moves NC1 and entropy of wrong samples together from epoch to epoch.
func wiggle(t float64) float64 { return 0.02 * math.Sin(500*t) }

func paperWorld() *world {
	nc1 := func(t, d float64) float64 { return 1.5 * math.Exp(-(4+gain(d))*t) }
	falls := func(t, _ float64) float64 { return math.Exp(-t) }
	w := &world{noise: 0.002, end: map[string]func(float64) float64{}}
	w.row = map[string]func(t, d float64) float64{
		"train_error":           func(t, d float64) float64 { return 0.8 * math.Exp(-(8+2*gain(d))*t) },
		"test_error":            func(t, d float64) float64 { return (0.6*math.Exp(-2*t) + 0.1) * (1 - 0.2*gain(d)) },
		"ncc_error":             func(t, d float64) float64 { return 0.7 * math.Exp(-(8+2*gain(d))*t) },
		"ncc_test_error":        func(t, d float64) float64 { return (0.5*math.Exp(-2*t) + 0.1) * (1 - 0.2*gain(d)) },
		"nc1":                   nc1,
		"nc2":                   func(t, d float64) float64 { return 0.9 * math.Exp(-(4+1.5*gain(d))*t) },
		"nc3":                   func(t, d float64) float64 { return 0.9 * math.Exp(-4*t) * (1 - gain(d)/15) },
		"nc2_w":                 func(t, d float64) float64 { return 0.7 * math.Exp(-3*t) },
		"nc2_h":                 func(t, d float64) float64 { return 0.8 * math.Exp(-3*t) },
		"nc4":                   func(t, d float64) float64 { return 0.1 * nc1(t, d) },
		"w_norm":                func(_, d float64) float64 { return 2 * (1 - d) },
		"h_norm":                func(_, d float64) float64 { return 5 * (1 - d) },
		"train_loss":            func(t, d float64) float64 { return 0.3*d + 2*math.Exp(-(6+gain(d))*t) },
		"train_logit_sd":        func(_, d float64) float64 { return 1 - 0.4*gain(d) },
		"train_logit_margin":    func(_, _ float64) float64 { return 5 },
		"test_logit_sd":         func(_, d float64) float64 { return 1 - 0.4*gain(d) },
		"test_logit_margin":     func(_, _ float64) float64 { return 3 },
		"test_confidence":       func(_, d float64) float64 { return 0.9 * (1 - d) },
		"test_ece":              func(t, d float64) float64 { return rawECE(d) + 0.05*t },
		"test_temperature":      func(_, d float64) float64 { return 1.5 * (1 - d) },
		"test_scaled_ece":       func(t, d float64) float64 { return 0.05 - 0.01*math.Log(nc1(t, d)) },
		"test_correct_nll":      falls,
		"test_wrong_nll":        func(t, _ float64) float64 { return 2 + 4*(t-0.6)*(t-0.6) },
		"test_correct_entropy":  falls,
		"test_correct_nc1":      falls,
		"test_wrong_entropy":    func(t, _ float64) float64 { return math.Exp(-t) + wiggle(t) },
		"test_wrong_nc1":        func(t, _ float64) float64 { return 2*math.Exp(-t) + wiggle(t) },
		"train_correct_entropy": falls,
	}
	w.loss = func(epoch int, d float64) float64 {
		if epoch <= worldEpochs/2 {
			return 0.02 + 2*math.Exp(-float64(epoch)/6)
		}
		return 0.02 * (1 + 0.8*math.Sin(float64(7*epoch)))
	}
	w.end["unscaled"] = rawECE
	w.end["nll"] = func(d float64) float64 { return 0.05 - 0.01*math.Log(nc1(1, d)) }
	w.end["grid"] = w.end["nll"]
	w.end["top"] = func(d float64) float64 { return 0.6 * (1 - d) }
	return w
}

// jitter is a fixed number of about [−1, 1] for a seed, δ and key.
func jitter(seed int64, delta float64, key string) float64 {
	h := fnv.New64a()
	fmt.Fprint(h, seed, delta, key)
	x := h.Sum64()
	x ^= x >> 33 // FNV's high bits hardly depend on the last bytes
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11)/(1<<52) - 1
}

// run makes one record.
func (w *world) run(delta float64, seed int64) *record.Record {
	s := record.DefaultSpec()
	s.Epochs, s.ScheduleEpochs, s.Milestones, s.TrainPerClass, s.Width = worldEpochs, worldEpochs, []int{40, 60},
		500, 16
	s.Seed, s.Measure, s.Decay = seed, "every:2", 5e-3
	if delta > 0 {
		s.Loss = record.Loss{Name: "ls", Delta: delta}
	}
	if w.spec != nil {
		w.spec(&s)
	}
	s.Name = fmt.Sprintf("test-%s-%s-%d", s.Dataset, s.Loss.Slug(), seed)
	r := &record.Record{Format: record.Format, Version: record.Version, Spec: s, Scale: record.ReducedScale,
		Status: record.Finished, Data: record.Data{Train: 5000, Bytes: record.Official},
		Model: record.Model{Features: 128, Classes: 10}}
	noisy := func(v float64, key string) record.Number {
		return record.Number(v * (1 + w.noise*jitter(seed, delta, key)))
	}
	for epoch := 1; epoch <= s.Epochs; epoch++ {
		r.StepLosses = append(r.StepLosses, noisy(w.loss(epoch, delta), "loss"))
		if !s.Measured(epoch) {
			continue
		}
		e := record.Epoch{Epoch: epoch, Train: &record.Calibration{Logits: &record.Logits{}},
			Test: &record.Calibration{Logits: &record.Logits{}, Scaled: &record.Scaled{}}}
		for _, m := range record.Metrics() {
			m.Set(&e, math.NaN())
			if f := w.row[m.Key]; f != nil {
				m.Set(&e, float64(noisy(f(float64(epoch)/worldEpochs, delta), m.Key)))
			}
		}
		r.Epochs = append(r.Epochs, e)
	}
	r.Final = &record.Final{}
	for _, bins := range []int{15, 20} {
		for _, c := range []struct {
			samples, scaling, of string
			n                    int64
		}{{record.TestSplit, record.Unscaled, "unscaled", 1000}, {record.TestHalf, record.Unscaled, "unscaled", 500},
			{record.TestHalf, record.ScaledByNLL, "nll", 500}, {record.TestSplit, record.ScaledByECE, "grid", 1000}} {
			ece := noisy(w.end[c.of](delta), c.of)
			r.Final.Calibration = append(r.Final.Calibration, record.FinalCalibration{Samples: c.samples,
				Scaling: c.scaling, N: c.n, Metrics: map[string]record.Number{"ece": ece},
				Bins: twoBins(bins, c.n, float64(noisy(w.end["top"](delta), "top")), float64(ece))})
		}
	}
	return r
}

// twoBins puts a share of n samples into the last bin, with all of the calibration error, and the
// rest into the first.
func twoBins(bins int, n int64, share, ece float64) []record.Bin {
	out := make([]record.Bin, bins)
	top := int64(share * float64(n))
	out[0] = record.Bin{Count: n - top, Accuracy: 0.05, Confidence: 0.05}
	if top > 0 {
		out[bins-1] = record.Bin{Count: top, Accuracy: 0.9,
			Confidence: 0.9 + record.Number(ece*float64(n)/float64(top))}
	}
	return out
}

// runs makes records of several δ and seeds.
func (w *world) runs(deltas []float64, seeds ...int64) (all []*record.Record) {
	for _, d := range deltas {
		for _, seed := range seeds {
			all = append(all, w.run(d, seed))
		}
	}
	return all
}

// ufmWorld makes runs of the simulated UFM, whose norms approach the closed form.
func ufmWorld() *world {
	w := paperWorld()
	w.spec = func(s *record.Spec) {
		s.Decay, s.LambdaW, s.LambdaH, s.LambdaB = 0, 1e-3, 1e-5, 1e-2
	}
	norm := func(of func(*ufm.Minimiser) float64) func(t, d float64) float64 {
		return func(t, d float64) float64 {
			m, err := ufm.Params{K: 10, N: 500, D: 128, LambdaW: 1e-3, LambdaH: 1e-5, LambdaB: 1e-2,
				Delta: d}.Minimiser()
			if err != nil {
				panic(err)
			}
			return of(m) * (1 + 0.5*math.Exp(-10*t))
		}
	}
	w.noise = 0
	w.row["w_norm"] = norm(func(m *ufm.Minimiser) float64 { return m.WNorm })
	w.row["h_norm"] = norm(func(m *ufm.Minimiser) float64 { return m.HNorm })
	return w
}

// decided returns the results by id.
func decided(t *testing.T, records []*record.Record) map[string]Result {
	t.Helper()
	results, err := Decide(records, Options{})
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]Result{}
	for _, r := range results {
		byID[r.ID] = r
	}
	return byID
}

// ruled applies the rule of one claim, without the correction for others.
func ruled(t *testing.T, records []*record.Record, id string) Result {
	t.Helper()
	e, err := gather(records, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := ByID(id)
	if err != nil {
		t.Fatal(err)
	}
	return Result{c, c.rule(e)}
}
