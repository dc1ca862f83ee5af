package claims

import (
	"encoding/json"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/stats"
)

// ids are the paper's decidable claims in the order of its sections.
var ids = strings.Fields(`
c3.0-nc2-nc3-same-etf c3.1-both-collapse c3.1-ls-lower-test-error c3.1-ls-faster-train-error
c3.1-ls-faster-test-error c3.1-ls-faster-ncc-error c3.1-ncc-at-collapse c3.1-ls-faster-nc1 c3.1-ls-faster-nc2
c3.1-ls-lower-final-nc c3.1-nc3-comparable
c3.2-nc2-at-equal-nc1 c3.2-jensen-equal-nontarget c3.2-ls-equal-logits c3.2-etf-max-separation c3.2-gain-by-data-set
c3.3-raw-ece-lower c3.3-large-delta-hurts c3.3-post-ece-higher c3.3-norms-fall c3.3-temperature-falls
c3.3-loss-by-group c3.3-entropy-by-group c3.3-test-nc1-by-group c3.3-nc1-confidence c3.3-ece-rises-late
c3.3-nc1-drives-post-ece
c4.1-global-minimiser c4.1-norms-fall c4.1-probabilities c4.2-critical-points c4.2-kappa cE-spectra
c4.2-local-speed c4.2-curvature-spread cD-convex-equivalent cB.1-nc2-zero-etf
cB.3-log-loss-lower cB.3-late-fluctuation cB.4-nc-u-shape cB.4-nc3-flat cB.4-test-error-u-shape cB.4-robust-delta
cB.5-less-confident cB.6-norm-error cB.6-larger-delta-faster cB.6-larger-delta-faster-ufm`)

func TestAll(t *testing.T) {
	all := All()
	var found []string
	for _, c := range all {
		found = append(found, c.ID)
		if c.Section == "" || c.Place == "" || c.Decidable == "" || len(c.Needs) == 0 || c.rule == nil {
			t.Errorf("%s lacks something: %+v", c.ID, c)
		}
		if !strings.HasSuffix(c.Sentence, ".") {
			t.Errorf("%s: %q is no sentence", c.ID, c.Sentence)
		}
		for _, n := range c.Needs {
			if n != ClosedForms && len(planned(n)) == 0 {
				t.Errorf("%s needs %s, for which no run is planned", c.ID, n)
			}
		}
	}
	if len(ids) != 47 || !slices.Equal(found, ids) {
		t.Errorf("%d claims: %v; want %d: %v", len(found), found, len(ids), ids)
	}
	if c, err := ByID("cB.4-nc3-flat"); err != nil || c.ID != "cB.4-nc3-flat" {
		t.Errorf("ByID: %v, %v", c.ID, err)
	}
	if _, err := ByID("cB.4-nc3-flta"); err == nil || !strings.Contains(err.Error(), "cB.4-nc3-flat") {
		t.Errorf("an unknown id: %v; want the nearest ones named", err)
	}
}

// TestJSON holds the contract's keys, null where something does not apply, and no NaN.
func TestJSON(t *testing.T) {
	want := strings.Fields("id section sentence scale verdict effect interval p p_holm seeds seeds_needed " +
		"stands_on missing note")
	check := func(r Result) map[string]any {
		t.Helper()
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatalf("%s: %v", r.ID, err)
		}
		at := -1
		for _, key := range want {
			i := strings.Index(string(b), `"`+key+`":`)
			if i <= at {
				t.Errorf("%s: key %s is missing or out of order in %s", r.ID, key, b)
			}
			at = i
		}
		var o map[string]any
		if err := json.Unmarshal(b, &o); err != nil {
			t.Fatal(err)
		}
		if len(o) != len(want) {
			t.Errorf("%s has %d keys, want %d", r.ID, len(o), len(want))
		}
		return o
	}
	nothing := decided(t, nil)
	for _, r := range nothing {
		o := check(r)
		if r.Scale == ClosedForm && (o["seeds"] != nil || o["effect"] == nil) {
			t.Errorf("%s: a closed form has no seeds and an effect: %v", r.ID, o)
		}
	}
	o := check(nothing["c3.1-ls-faster-nc2"])
	for _, key := range []string{"scale", "effect", "interval", "p", "p_holm"} {
		if o[key] != nil {
			t.Errorf("without records %s is %v, want null", key, o[key])
		}
	}
	if o["seeds"] != 0.0 || o["seeds_needed"] != 3.0 || !reflect.DeepEqual(o["stands_on"], []any{}) ||
		len(o["missing"].([]any)) != 10 {
		t.Errorf("without records: %v", o)
	}
	o = check(decided(t, paperWorld().runs(onlyPair, fiveSeeds...))["c3.1-ls-faster-nc2"])
	if o["verdict"] != "holds" || o["scale"] != "reduced" || o["seeds"] != 5.0 || o["seeds_needed"] != nil ||
		len(o["interval"].([]any)) != 2 || len(o["stands_on"].([]any)) != 10 || len(o["missing"].([]any)) != 0 {
		t.Errorf("with five pairs: %v", o)
	}
}

// TestClosedAlone: without records only closed forms are decided.
func TestClosedAlone(t *testing.T) {
	want := map[string]Verdict{
		"c3.0-nc2-nc3-same-etf": Holds, "c3.2-jensen-equal-nontarget": Holds, "c3.2-etf-max-separation": Holds,
		"c4.1-global-minimiser": Holds, "c4.1-norms-fall": Holds, "c4.1-probabilities": Holds,
		"c4.2-critical-points": Holds,
		"c4.2-kappa":           Holds, "cE-spectra": Holds, "c4.2-local-speed": DoesNotHold,
		"c4.2-curvature-spread": Holds, "cD-convex-equivalent": Holds, "cB.6-norm-error": Holds,
		"cB.6-larger-delta-faster-ufm": DoesNotHold,
		"c3.2-gain-by-data-set":        NotMeasurable,
	}
	for id, r := range decided(t, nil) {
		v, closed := want[id]
		if !closed {
			v = NotDecided
		}
		if r.Verdict != v {
			t.Errorf("%s: %s, want %s: %s", id, r, v, r.Note)
		}
		if v != NotDecided && v != NotMeasurable && r.Scale != ClosedForm {
			t.Errorf("%s is decided at scale %q", id, r.Scale)
		}
	}
}

// TestHolm: the corrected p are Holm's over the claims on the same runs, and a verdict that does
// not survive is taken back.
func TestHolm(t *testing.T) {
	result := func(family string, p float64, v Verdict) Result {
		f := undecided(5, "")
		f.verdict, f.p, f.dz = v, p, 1.4
		return Result{Claim{}, (&group{key: family}).outcome(f, nil)}
	}
	results := []Result{result("a", 0.01, Holds), result("a", 0.03, Holds), result("a", 0.04, DoesNotHold),
		result("a", 0.5, NotDecided), result("b", 0.03, Holds), result("a", nan, Holds)}
	if err := correct(results); err != nil {
		t.Fatal(err)
	}
	adjusted, err := stats.Holm([]float64{0.01, 0.03, 0.04, 0.5})
	if err != nil {
		t.Fatal(err)
	}
	want := append(adjusted, 0.03, nan)
	verdicts := []Verdict{Holds, NotDecided, NotDecided, NotDecided, Holds, Holds}
	for i, r := range results {
		if r.PHolm != want[i] && !(math.IsNaN(r.PHolm) && math.IsNaN(want[i])) || r.Verdict != verdicts[i] {
			t.Errorf("%d: p %g, corrected %g, %s; want %g, %s", i, r.P, r.PHolm, r.Verdict, want[i], verdicts[i])
		}
	}
	if r := results[2]; !strings.Contains(r.Note,
		"Without the correction for 4 claims on the same runs: does not hold.") {
		t.Errorf("the note says %q", r.Note)
	}
	n, err := stats.PairsNeeded(1.4, 0.05/4, 0.8, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if results[1].SeedsNeeded != n.N || n.N <= 5 {
		t.Errorf("%d seeds needed, want %d", results[1].SeedsNeeded, n.N)
	}
	if err := correct([]Result{result("a", 1.5, Holds)}); err == nil {
		t.Error("a p of 1.5 is taken")
	}
}

// TestFamilies: the claims of one world share the correction, and those without a test have no p.
func TestFamilies(t *testing.T) {
	all := decided(t, paperWorld().runs(onlyPair, fiveSeeds...))
	var p []float64
	var members []string
	for _, id := range ids {
		if r := all[id]; defined(r.P) {
			p, members = append(p, r.P), append(members, id)
		}
	}
	adjusted, err := stats.Holm(p)
	if err != nil {
		t.Fatal(err)
	}
	if len(members) < 12 {
		t.Errorf("only %v are tests", members)
	}
	for i, id := range members {
		if all[id].PHolm != adjusted[i] {
			t.Errorf("%s: corrected p %g, want %g", id, all[id].PHolm, adjusted[i])
		}
	}
	if r := all["c3.1-both-collapse"]; defined(r.P) || defined(r.PHolm) {
		t.Errorf("a threshold on seed means has p %g", r.P)
	}
}

// TestRecords: what a record must be to count.
func TestRecords(t *testing.T) {
	const id = "c3.1-ls-faster-nc2"
	mislabelled := paperWorld().run(0, 2021)
	mislabelled.Scale = record.PaperScale
	if _, err := Decide([]*record.Record{mislabelled}, Options{}); err == nil ||
		!strings.Contains(err.Error(), "test-cifar10-ce-2021 says it is at the paper's scale") {
		t.Errorf("a reduced run that says it is at the paper's scale: %v", err)
	}
	runs := paperWorld().runs(onlyPair, fiveSeeds[:3]...)
	runs[0].Epochs = runs[0].Epochs[:5]
	if r := ruled(t, runs, id); r.Seeds != 2 {
		t.Errorf("with an unfinished run: %d seeds, want 2", r.Seeds)
	}
	runs[0].Spec.Name = "cifar10-twin-ce-2021"
	if r := decided(t, runs)[id]; len(r.Missing) != 10 || r.Missing[0] != "cifar10-twin-ce-2021" {
		t.Errorf("an unfinished run is not missing: %v", r.Missing)
	}
	runs = paperWorld().runs(onlyPair, fiveSeeds[:3]...)
	runs[1].Status = record.Failed
	if r := ruled(t, runs, id); r.Seeds != 2 {
		t.Errorf("with a failed run: %d seeds, want 2", r.Seeds)
	}
	runs = append(paperWorld().runs(onlyPair, 2021, 2022), paperWorld().runs(onlyPair, 2021)...)
	if r := ruled(t, runs, id); r.Seeds != 2 || !strings.Contains(r.Caveats, "repeats a setting, δ and seed") {
		t.Errorf("with a seed twice: %d seeds, %s", r.Seeds, r.Note)
	}
	other := paperWorld()
	other.spec = func(s *record.Spec) { s.Dataset = "fashion-mnist" }
	if r := ruled(t, other.runs(onlyPair, fiveSeeds...), id); r.Verdict != NotDecided || len(r.StandsOn) != 0 {
		t.Errorf("on another data set than the paper's: %s on %v", r, r.StandsOn)
	}
	runs = paperWorld().runs(onlyPair, fiveSeeds[:3]...)
	runs[0].Data.Bytes = record.Unofficial
	if r := ruled(t, runs, id); !strings.Contains(r.Caveats, "not verified to be the official bytes") {
		t.Errorf("the caveats lack the images: %s", r.Caveats)
	}
}

// TestCommittedRecords: the records of this repository give a verdict or a reason for each claim.
func TestCommittedRecords(t *testing.T) {
	records, err := record.ReadAll("../records")
	if err != nil {
		t.Fatal(err)
	}
	for id, r := range decided(t, records) {
		if r.Verdict == NotDecided && r.Note == "" || r.Note == "" {
			t.Errorf("%s: %s without a reason", id, r)
		}
		if r.Scale == PaperScale {
			t.Errorf("%s: no committed record is at the paper's scale", id)
		}
		for _, name := range r.StandsOn {
			if _, err := os.Stat("../records/" + name + ".json"); err != nil {
				t.Errorf("%s stands on %s: %v", id, name, err)
			}
		}
	}
}
