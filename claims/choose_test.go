package claims

import (
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
)

// TestMixing: runs of two settings are never in one verdict, and the fields that differ are named.
func TestMixing(t *testing.T) {
	with := func(decay float64, seeds ...int64) []*record.Record {
		w := paperWorld()
		w.spec = func(s *record.Spec) { s.Decay = decay }
		return w.runs(onlyPair, seeds...)
	}
	const id = "c3.1-ls-faster-nc2"
	r := ruled(t, append(with(5e-3, 2021, 2022), with(5e-4, 2023)...), id)
	if r.Verdict != NotDecided || r.Seeds != 2 || !strings.Contains(r.Caveats, "decay 0.0005 instead of 0.005") {
		t.Errorf("two settings with three seeds together: %s over %d seeds, %s", r, r.Seeds, r.Note)
	}
	r = ruled(t, append(with(5e-3, 2021, 2022), with(5e-4, fiveSeeds...)...), id)
	if r.Verdict != Holds || r.Seeds != 5 || !strings.Contains(r.Caveats, "decay 0.005 instead of 0.0005") {
		t.Errorf("the setting with enough seeds decides: %s over %d seeds, %s", r, r.Seeds, r.Note)
	}
	r = ruled(t, append(with(5e-4, fiveSeeds...), with(5e-3, fiveSeeds[:3]...)...), id)
	if r.Seeds != 3 || !strings.Contains(r.Caveats, "decay 0.0005 instead of 0.005") {
		t.Errorf("of two with enough seeds the one that gets further decides: %d seeds, %s", r.Seeds, r.Note)
	}
	paper := record.DefaultSpec()
	big := paperWorld()
	big.spec = func(s *record.Spec) {
		width, milestones := paper.Width, paper.Milestones
		s.Width, s.Milestones, s.TrainPerClass, s.Decay = width, milestones, 0, paper.Decay
		s.Epochs, s.ScheduleEpochs = paper.Epochs, paper.ScheduleEpochs
		s.Measure = "every:40"
	}
	at := big.runs(onlyPair, fiveSeeds[:3]...)
	for _, r := range at {
		r.Scale, r.Data.Train = record.PaperScale, 50000
	}
	r = ruled(t, append(with(5e-3, fiveSeeds...), at...), id)
	if r.Scale != PaperScale || r.Seeds != 3 || !strings.Contains(r.Caveats, "scale reduced instead of paper") {
		t.Errorf("two scales: %s at scale %q over %d seeds, %s", r, r.Scale, r.Seeds, r.Note)
	}
}

// withDecay makes runs whose setting differs from others' in the decay alone.
func withDecay(w *world, decay float64, deltas []float64, seeds ...int64) []*record.Record {
	before := w.spec
	w.spec = func(s *record.Spec) {
		if before != nil {
			before(s)
		}
		s.Decay = decay
		if s.UFM() {
			s.Decay, s.LambdaB = 0, decay
		}
	}
	return w.runs(deltas, seeds...)
}

// TestGivenSettings: records of several settings that a user gives decide nothing, for every kind of
// rule, and the fields that differ are named. Those of one setting decide.
func TestGivenSettings(t *testing.T) {
	on := func(set string) *world {
		w := paperWorld()
		w.spec = func(s *record.Spec) { s.Dataset = set }
		return w
	}
	hundred := withDecay(on("cifar100"), 5e-3, worldDeltas, fiveSeeds...)
	for id, c := range map[string]struct {
		one, two []*record.Record
		field    string
	}{
		"c3.1-ls-faster-nc2": {withDecay(paperWorld(), 5e-3, onlyPair, fiveSeeds...),
			withDecay(paperWorld(), 5e-4, onlyPair, fiveSeeds...), "decay 0.0005 instead of 0.005"},
		"cB.1-nc2-zero-etf": {withDecay(paperWorld(), 5e-3, onlyPair, fiveSeeds...),
			withDecay(paperWorld(), 5e-4, onlyPair, 2021), "decay 0.0005 instead of 0.005"},
		"c3.3-norms-fall": {withDecay(paperWorld(), 5e-3, worldDeltas, fiveSeeds...),
			withDecay(paperWorld(), 5e-4, worldDeltas, 2021), "decay 0.0005 instead of 0.005"},
		"cB.6-norm-error": {withDecay(ufmWorld(), 1e-2, worldDeltas[:5], fiveSeeds...),
			withDecay(ufmWorld(), 1e-3, worldDeltas[:5], fiveSeeds...), "lambda_b 0.001 instead of 0.01"},
		"cB.4-robust-delta": {append(withDecay(on("cifar10"), 5e-3, worldDeltas, fiveSeeds...), hundred...),
			withDecay(on("cifar10"), 5e-4, worldDeltas, fiveSeeds...), "decay 0.0005 instead of 0.005"},
	} {
		given := func(records []*record.Record) Result {
			r, err := DecideOne(id, records, Options{Given: true})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		if r := given(c.one); r.Scale != ReducedScale || strings.Contains(r.Note+r.Caveats, "instead of") {
			t.Errorf("%s, one setting: %s at scale %q; %s %s", id, r, r.Scale, r.Note, r.Caveats)
		}
		r := given(slices.Concat(c.one, c.two))
		if r.Scale == ReducedScale || len(r.StandsOn) > 0 {
			t.Errorf("%s, two settings: %s on %v", id, r, r.StandsOn)
		}
		if text := r.Note + r.Caveats; !strings.Contains(text, c.field) {
			t.Errorf("%s, two settings: the reason lacks %q: %s", id, c.field, text)
		}
	}
}

// TestNoGroup: without a setting that has what a claim needs, the reason says what stands in the
// way.
func TestNoGroup(t *testing.T) {
	ce, ls := []float64{0}, []float64{0.05}
	for _, c := range []struct {
		id      string
		records []*record.Record
		want    string
	}{
		{"c3.1-ls-faster-nc2", append(withDecay(paperWorld(), 5e-3, ce, fiveSeeds...),
			withDecay(paperWorld(), 5e-4, ls, fiveSeeds...)...),
			"CE and LS were run in different settings: test-cifar10-ls0.05-2021 and 4 more under LS, compared with " +
				"test-cifar10-ce-2021 and 4 more under CE, has decay 0.0005 instead of 0.005"},
		{"c3.3-norms-fall", append(withDecay(paperWorld(), 5e-3, ce, fiveSeeds...),
			withDecay(paperWorld(), 5e-4, ls, fiveSeeds...)...), "decay 0.0005 instead of 0.005"},
		{"c3.1-ls-faster-nc2", append(paperWorld().runs(ce, 2021, 2022), paperWorld().runs(ls, 2023)...),
			"No seed was run under both losses: CE has seeds 2021, 2022, LS has seed 2023"},
		{"c3.1-ls-faster-nc2", paperWorld().runs(ls, 2021), "No run is under CE"},
		{"c3.1-ls-faster-nc2", paperWorld().runs([]float64{0, 0.1}, 2021), "No run is under LS with δ = 0.05"},
		{"c3.3-norms-fall", paperWorld().runs(ls, fiveSeeds...), "All runs have δ = 0.05"},
		{"c3.3-norms-fall", nil, "No run is there"},
	} {
		for _, given := range []bool{false, true} {
			r, err := DecideOne(c.id, c.records, Options{Given: given})
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != NotDecided || !strings.Contains(r.Note, c.want) {
				t.Errorf("%s: %s, %q; want %q", c.id, r, r.Note, c.want)
			}
		}
	}
	other := paperWorld()
	other.spec = func(s *record.Spec) { s.Dataset = "fashion-mnist" }
	unfinished := paperWorld().run(0, 2021)
	unfinished.Epochs = unfinished.Epochs[:5]
	r, err := DecideOne("c3.1-ls-faster-nc2", append(other.runs(ls, 2021), unfinished), Options{Given: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"test-fashion-mnist-ls0.05-2021 (the paper has no claim on its data set or loss)",
		"test-cifar10-ce-2021 (it is not complete)"} {
		if !strings.Contains(r.Caveats, want) {
			t.Errorf("records that do not count: %q; want %q", r.Caveats, want)
		}
	}
}
