package summary

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
)

type scipyEstimate struct{ Mean, SD, Low, High float64 }

type scipyMetric struct {
	CE, LS     []float64
	CEEstimate scipyEstimate `json:"ce_estimate"`
	LSEstimate scipyEstimate `json:"ls_estimate"`
	Difference scipyEstimate
}

// scipy is what testdata/summary.py recorded.
func scipy(t *testing.T) (s struct {
	Seeds     []int64
	NC1       scipyMetric
	TestError scipyMetric `json:"test_error"`
}) {
	t.Helper()
	b, err := os.ReadFile("testdata/summary.json")
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s scipyEstimate) equal(t *testing.T, what string, e Estimate, n int) {
	t.Helper()
	for _, p := range [][2]float64{{float64(e.Mean), s.Mean}, {float64(e.SD), s.SD}, {float64(e.Low), s.Low},
		{float64(e.High), s.High}} {
		if !(math.Abs(p[0]-p[1]) <= 1e-12) || e.N != n {
			t.Errorf("%s: %+v, want %+v of %d", what, e, s, n)
			return
		}
	}
}

// runsOf returns finished runs of one epoch, one a seed.
func runsOf(loss string, seeds []int64, nc1, testError []float64) []*record.Record {
	var runs []*record.Record
	for i, seed := range seeds {
		s := record.DefaultSpec()
		s.Name, s.Seed, s.Epochs, s.Loss.Name = loss, seed, 1, loss
		if loss == "ls" {
			s.Delta = 0.05
		}
		nan := record.Number(math.NaN())
		row := record.Epoch{Epoch: 1, NC1: record.Number(nc1[i]), TestError: record.Number(testError[i]),
			TrainLoss: record.Number(0.1), WNorm: record.Number(1 + float64(i)),
			NC2: nan, Test: &record.Calibration{ECE: record.Number(0.01), Entropy: record.Number(0.2)}}
		runs = append(runs, &record.Record{Format: record.Format, Version: record.Version, Spec: s,
			Status: record.Finished, Epochs: []record.Epoch{row}})
	}
	return runs
}

func (g *Group) metric(name string) *Estimate {
	for i := range g.Metrics {
		if g.Metrics[i].Name == name {
			return &g.Metrics[i]
		}
	}
	return nil
}

func (p *Pair) metric(name string) *Difference {
	for i := range p.Metrics {
		if p.Metrics[i].Name == name {
			return &p.Metrics[i]
		}
	}
	return nil
}

func TestOf(t *testing.T) {
	want := scipy(t)
	ce := runsOf("ce", want.Seeds, want.NC1.CE, want.TestError.CE)
	ls := runsOf("ls", want.Seeds, want.NC1.LS, want.TestError.LS)
	slices.Reverse(ls) // pairs go by seed, whatever the order
	other := runsOf("ce", []int64{1}, []float64{9}, []float64{9})[0]
	other.Spec.Width = 16
	stopped := runsOf("ce", []int64{7}, []float64{9}, []float64{9})[0]
	stopped.Spec.Name, stopped.Spec.Epochs, stopped.Status = "cut off", 2, record.Stopped
	s, err := Of(slices.Concat(ce, ls, []*record.Record{other, stopped, ce[0]})...)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Groups) != 3 || len(s.Pairs) != 1 {
		t.Fatalf("%d groups and %d pairs, want 3 and 1: %+v", len(s.Groups), len(s.Pairs), s)
	}
	if notes := strings.Join(s.Notes, " "); !strings.Contains(notes, "cut off") ||
		!strings.Contains(notes, "second run of seed 2021") {
		t.Errorf("notes %q", notes)
	}
	if l := s.Groups[1].Label; l != "LS (δ = 0.05), width 64" {
		t.Errorf("label %q", l)
	}
	want.NC1.CEEstimate.equal(t, "NC1 under CE", *s.Groups[0].metric("nc1"), 5)
	want.NC1.LSEstimate.equal(t, "NC1 under LS", *s.Groups[1].metric("nc1"), 5)
	want.TestError.CEEstimate.equal(t, "test error under CE", *s.Groups[0].metric("test_error"), 5)
	if s.Groups[0].metric("nc2") != nil || s.Groups[0].metric("test_ece") == nil {
		t.Error("a metric that no run has is shown, or one that all have is not")
	}
	single := s.Groups[2].metric("nc1")
	if single.Mean != 9 || !math.IsNaN(float64(single.Low)) || !math.IsNaN(float64(single.SD)) {
		t.Errorf("one seed: %+v", single)
	}

	p := &s.Pairs[0]
	if !slices.Equal(p.Seeds, want.Seeds) {
		t.Errorf("paired seeds %v", p.Seeds)
	}
	want.NC1.Difference.equal(t, "NC1, LS − CE", p.metric("nc1").Estimate, 5)
	want.TestError.Difference.equal(t, "test error, LS − CE", p.metric("test_error").Estimate, 5)
	for name, verdict := range map[string]string{"nc1": LSAhead, "test_error": NotDecided, "w_norm": "",
		"test_entropy": ""} {
		if got := p.metric(name).Verdict; got != verdict {
			t.Errorf("%s: verdict %q, want %q", name, got, verdict)
		}
	}
	if p.metric("train_loss") != nil {
		t.Error("losses of different kinds are compared")
	}

	// The other way round, and with too few seeds.
	swapped, err := Of(slices.Concat(runsOf("ce", want.Seeds, want.NC1.LS, want.TestError.CE), runsOf("ls", want.Seeds,
		want.NC1.CE, want.TestError.LS))...)
	if err != nil || swapped.Pairs[0].metric("nc1").Verdict != CEAhead {
		t.Errorf("swapped: %v, %+v", err, swapped)
	}
	few, err := Of(ce[0], ce[1], ls[4], ls[3])
	if err != nil || few.Pairs[0].metric("nc1").Verdict != NotDecided ||
		math.IsNaN(float64(few.Pairs[0].metric("nc1").High)) {
		t.Errorf("two seeds: %v, %+v", err, few)
	}
	// A metric that one run lacks is of the other seeds, and decided by their number.
	ls[4].Last().NC1 = record.Number(math.NaN())
	gap, err := Of(slices.Concat(ce[:3], ls[2:])...)
	if err != nil {
		t.Fatal(err)
	}
	if g, d := gap.Groups[1].metric("nc1"), gap.Pairs[0].metric("nc1"); g.N != 2 || d.N != 2 ||
		d.Verdict != NotDecided || gap.Pairs[0].metric("test_error").N != 3 {
		t.Errorf("a metric that one of three runs lacks: %+v, %+v", g, d)
	}
	if _, err := Of(stopped); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("nothing complete: %v", err)
	}
}

// A record of before schedule_epochs is of the same group as one that has it, and the
// schedule's length is no part of a label.
func TestOlderRecord(t *testing.T) {
	ce := runsOf("ce", []int64{1, 2}, []float64{3, 5}, []float64{1, 1})
	ls := runsOf("ls", []int64{1}, []float64{2}, []float64{1})
	ce[0].Spec.ScheduleEpochs = 0
	s, err := Of(ce[0], ls[0], ce[1])
	if err != nil || len(s.Groups) != 2 || s.Groups[0].metric("nc1").Mean != 4 || s.Groups[0].Label != "CE" ||
		len(s.Pairs) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}
