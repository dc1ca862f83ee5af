package claims

import (
	"slices"
	"strings"
	"testing"
)

// TestDetails: a test over seeds has effect, interval and both p; a closed form has no seeds.
func TestDetails(t *testing.T) {
	all := decided(t, paperWorld().runs(onlyPair, fiveSeeds...))
	lines := func(id string) map[string]string {
		m := map[string]string{}
		for _, d := range all[id].Details() {
			m[d.Name] = d.Text
		}
		return m
	}
	m := lines("c3.1-ls-faster-nc2")
	if m["Verdict"] != "holds at reduced scale" || m["Scale"] != "reduced scale" || m["Seeds"] != "5" ||
		!strings.Contains(m["Effect"], "95 % interval −") || m["p value"] == "" ||
		m["p after Holm's correction"] == "" {
		t.Errorf("a test over seeds: %v", m)
	}
	if _, ok := m["Seeds needed"]; ok {
		t.Errorf("a decided claim needs seeds: %v", m)
	}
	m = lines("c4.2-kappa")
	if _, ok := m["Seeds"]; ok || m["Scale"] != "closed form" || m["p value"] != "" {
		t.Errorf("a closed form: %v", m)
	}
	words := all["c3.1-ls-faster-nc2"].Words()
	if !strings.HasPrefix(words, "Holds at reduced scale. Effect: −") || strings.Contains(words, "..") {
		t.Errorf("in words: %s", words)
	}
	if w := decided(t, nil)["c3.1-ls-faster-nc2"].Words(); !strings.HasPrefix(w, "Not decided (no runs yet). ") {
		t.Errorf("without runs: %s", w)
	}
}

// TestTallies: every claim is counted once, and the parts hold all claims.
func TestTallies(t *testing.T) {
	var results []Result
	for _, r := range decided(t, paperWorld().runs(onlyPair, fiveSeeds...)) {
		results = append(results, r)
	}
	sum := 0
	for i, c := range Tallies(results) {
		sum += c.Count
		if c.Verdict != Verdicts[i] || c.Verdict == Holds && !strings.Contains(c.Scales, "closed form") {
			t.Errorf("%+v", c)
		}
	}
	if sum != len(ids) {
		t.Errorf("%d claims counted, want %d", sum, len(ids))
	}
	var marks []string
	for _, v := range Verdicts {
		if m := v.Mark(); slices.Contains(marks, m) {
			t.Errorf("two verdicts have the mark %s", m)
		} else {
			marks = append(marks, m)
		}
	}
}

func TestShortNames(t *testing.T) {
	got := ShortNames([]string{"a-ce-2021", "a-ce-2022", "a-ce-2023", "a-ls-2023", "alone",
		"b-2021", "b-2023", "b-2024", "first", "first-2022"})
	want := []string{"a-ce, seeds 2021 to 2023", "a-ls, seed 2023", "alone", "b, seeds 2021, 2023, 2024", "first",
		"first, seed 2022"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
