package record

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type scipyEstimate struct{ Mean, SD, Low, High float64 }

type scipyFigure struct {
	CE, LS     []float64
	CEEstimate scipyEstimate `json:"ce_estimate"`
	LSEstimate scipyEstimate `json:"ls_estimate"`
	Difference scipyEstimate
}

// scipy is what testdata/summary.py recorded.
func scipy(t *testing.T) (s struct {
	Quantiles [][3]float64
	Seeds     []int64
	NC1       scipyFigure
	TestError scipyFigure `json:"test_error"`
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
	for _, p := range [][2]float64{{float64(e.Mean), s.Mean}, {float64(e.SD), s.SD}, {float64(e.Low), s.Low}, {float64(e.High), s.High}} {
		if !(math.Abs(p[0]-p[1]) <= 1e-12) || e.N != n {
			t.Errorf("%s: %+v, want %+v of %d", what, e, s, n)
			return
		}
	}
}

func TestStudentQuantile(t *testing.T) {
	for _, q := range scipy(t).Quantiles {
		p, nu, want := q[0], q[1], q[2]
		if got := StudentQuantile(p, nu); !(math.Abs(got-want) <= 1e-9*want) {
			t.Errorf("t(%v; %v) = %v, scipy's %v", p, nu, got, want)
		}
		if got := StudentQuantile(1-p, nu); !(math.Abs(got+want) <= 1e-9*want) {
			t.Errorf("t(%v; %v) = %v, want %v", 1-p, nu, got, -want)
		}
	}
	for _, bad := range [][2]float64{{0, 1}, {1, 1}, {0.5, 0}, {math.NaN(), 1}} {
		if v := StudentQuantile(bad[0], bad[1]); !math.IsNaN(v) {
			t.Errorf("t(%v; %v) = %v", bad[0], bad[1], v)
		}
	}
}

// runsOf returns finished runs of one epoch, one a seed.
func runsOf(loss string, seeds []int64, nc1, testError []float64) []*Record {
	var runs []*Record
	for i, seed := range seeds {
		s := DefaultSpec()
		s.Name, s.Seed, s.Epochs, s.Loss = loss, seed, 1, loss
		if loss == "ls" {
			s.Delta = 0.05
		}
		nan := Number(math.NaN())
		row := Epoch{Epoch: 1, NC1: Number(nc1[i]), TestError: Number(testError[i]), TrainLoss: Number(0.1), WNorm: Number(1 + float64(i)),
			NC2: nan, Test: &Calibration{ECE: Number(0.01), Entropy: Number(0.2)}}
		runs = append(runs, &Record{Format: Format, Version: Version, Spec: s, Status: Finished, Epochs: []Epoch{row}})
	}
	return runs
}

func (g *Group) figure(name string) *Estimate {
	for i := range g.Figures {
		if g.Figures[i].Name == name {
			return &g.Figures[i]
		}
	}
	return nil
}

func (p *Pair) figure(name string) *Difference {
	for i := range p.Figures {
		if p.Figures[i].Name == name {
			return &p.Figures[i]
		}
	}
	return nil
}

func TestSummarise(t *testing.T) {
	want := scipy(t)
	ce := runsOf("ce", want.Seeds, want.NC1.CE, want.TestError.CE)
	ls := runsOf("ls", want.Seeds, want.NC1.LS, want.TestError.LS)
	slices.Reverse(ls) // pairs go by seed, whatever the order
	other := runsOf("ce", []int64{1}, []float64{9}, []float64{9})[0]
	other.Spec.Width = 16
	stopped := runsOf("ce", []int64{7}, []float64{9}, []float64{9})[0]
	stopped.Spec.Name, stopped.Spec.Epochs, stopped.Status = "cut off", 2, Stopped
	s, err := Summarise(slices.Concat(ce, ls, []*Record{other, stopped, ce[0]})...)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Groups) != 3 || len(s.Pairs) != 1 {
		t.Fatalf("%d groups and %d pairs, want 3 and 1: %+v", len(s.Groups), len(s.Pairs), s)
	}
	if notes := strings.Join(s.Notes, " "); !strings.Contains(notes, "cut off") || !strings.Contains(notes, "second run of seed 2021") {
		t.Errorf("notes %q", notes)
	}
	if l := s.Groups[1].Label; l != "LS (δ = 0.05), width 64" {
		t.Errorf("label %q", l)
	}
	want.NC1.CEEstimate.equal(t, "NC1 under CE", *s.Groups[0].figure("nc1"), 5)
	want.NC1.LSEstimate.equal(t, "NC1 under LS", *s.Groups[1].figure("nc1"), 5)
	want.TestError.CEEstimate.equal(t, "test error under CE", *s.Groups[0].figure("test_error"), 5)
	if s.Groups[0].figure("nc2") != nil || s.Groups[0].figure("test_ece") == nil {
		t.Error("a figure that no run has is shown, or one that all have is not")
	}
	single := s.Groups[2].figure("nc1")
	if single.Mean != 9 || !math.IsNaN(float64(single.Low)) || !math.IsNaN(float64(single.SD)) {
		t.Errorf("one seed: %+v", single)
	}

	p := &s.Pairs[0]
	if !slices.Equal(p.Seeds, want.Seeds) {
		t.Errorf("paired seeds %v", p.Seeds)
	}
	want.NC1.Difference.equal(t, "NC1, LS − CE", p.figure("nc1").Estimate, 5)
	want.TestError.Difference.equal(t, "test error, LS − CE", p.figure("test_error").Estimate, 5)
	for name, verdict := range map[string]string{"nc1": LSAhead, "test_error": NotDecided, "w_norm": "", "test_entropy": ""} {
		if got := p.figure(name).Verdict; got != verdict {
			t.Errorf("%s: verdict %q, want %q", name, got, verdict)
		}
	}
	if p.figure("train_loss") != nil {
		t.Error("losses of different kinds are compared")
	}

	// The other way round, and with too few seeds.
	swapped, err := Summarise(slices.Concat(runsOf("ce", want.Seeds, want.NC1.LS, want.TestError.CE), runsOf("ls", want.Seeds, want.NC1.CE, want.TestError.LS))...)
	if err != nil || swapped.Pairs[0].figure("nc1").Verdict != CEAhead {
		t.Errorf("swapped: %v, %+v", err, swapped)
	}
	few, err := Summarise(ce[0], ce[1], ls[4], ls[3])
	if err != nil || few.Pairs[0].figure("nc1").Verdict != NotDecided || math.IsNaN(float64(few.Pairs[0].figure("nc1").High)) {
		t.Errorf("two seeds: %v, %+v", err, few)
	}
	if _, err := Summarise(stopped); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("nothing complete: %v", err)
	}
}

// TestReadAll: files, run folders, and folders of both.
func TestReadAll(t *testing.T) {
	dir := t.TempDir()
	run := runsOf("ce", []int64{1}, []float64{1}, []float64{1})[0]
	for _, file := range []string{"seeds/seed-1/record.json", "seeds/seed-2/record.json", "kept[1]/a.json", "kept[1]/deep/record.json"} {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := run.WriteFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "seeds/seed-3"), 0o777); err != nil { // not begun
		t.Fatal(err)
	}
	for path, n := range map[string]int{"seeds": 2, "seeds/seed-1": 1, "kept[1]": 2, "kept[1]/a.json": 1, "seeds/seed-3": 0, "absent": 0} {
		runs, err := ReadAll(filepath.Join(dir, path))
		if len(runs) != n || (n == 0) != (err != nil) {
			t.Errorf("%s: %d records, want %d; %v", path, len(runs), n, err)
		}
		if err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("error does not name %s: %v", path, err)
		}
	}
}

func TestDecodeSpec(t *testing.T) {
	decode := func(file string, changed []string, set func(*Spec)) Spec {
		t.Helper()
		s, err := DecodeSpec(strings.NewReader(file), func(f string) bool { return slices.Contains(changed, f) }, func(s *Spec) error { set(s); return nil })
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(); err != nil {
			t.Error(err)
		}
		return s
	}
	// Another loss takes the file's δ away; the same loss keeps it.
	full := `{"loss":"ls","delta":0.1,"milestones":[5],"epochs":10,"schedule_epochs":10}`
	if s := decode(full, []string{"loss"}, func(s *Spec) { s.Loss = "ce" }); s.Delta != 0 {
		t.Errorf("δ = %v under ce", s.Delta)
	}
	if s := decode(full, []string{"loss"}, func(s *Spec) { s.Loss = "ls" }); s.Delta != 0.1 {
		t.Errorf("δ = %v, want the file's", s.Delta)
	}
	if s := decode(`{"loss":"ce","delta":0}`, []string{"loss"}, func(s *Spec) { s.Loss = "ls" }); s.Delta != 0.05 {
		t.Errorf("δ = %v, want the paper's", s.Delta)
	}
	if s := decode(full, []string{"schedule"}, func(s *Spec) { s.Schedule = "cosine" }); len(s.Milestones) != 0 || s.ScheduleEpochs != 10 {
		t.Errorf("cosine in place of the file's multistep: %+v", s)
	}
	if s := decode(`{"schedule":"cosine","epochs":20}`, []string{"epochs"}, func(s *Spec) { s.Epochs = 5 }); s.ScheduleEpochs != 5 {
		t.Errorf("a cosine of %d epochs, want 5", s.ScheduleEpochs)
	}
}
