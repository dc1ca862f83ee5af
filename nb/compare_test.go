package nb

import (
	"errors"
	"io/fs"
	"math"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/claims"
)

func TestComparisonSaysSentenceNumberAndVerdict(t *testing.T) {
	c, err := claims.ByID("c3.1-ls-faster-nc2")
	if err != nil {
		t.Fatal(err)
	}
	r := claims.Result{Claim: c, Outcome: claims.Outcome{
		Verdict: claims.Holds, Scale: claims.ReducedScale, Effect: -0.908,
		Low: -1.2, High: -0.6, Seeds: 3, StandsOn: []string{"a", "b"}, Note: "a note"}}
	text := comparison(r).Text()
	for _, want := range []string{c.Sentence, "Section 3.1, Fig 1", "-0.908 [-1.2, -0.6], 3 seeds",
		"holds at reduced scale", "a; b", "a note"} {
		if !strings.Contains(text, want) {
			t.Errorf("the comparison lacks %q:\n%s", want, text)
		}
	}
	r.Missing = []string{"a-2021", "a-2022", "b-2021", "c-2021", "d-2021"}
	if text := comparison(r).Text(); !strings.Contains(text, "5 runs, such as a, seeds 2021") ||
		!strings.Contains(text, "collapse reproduce "+c.ID) || strings.Contains(text, "d-2021") {
		t.Errorf("many missing runs:\n%s", text)
	}
	nan := math.NaN()
	r.Outcome = claims.Outcome{Verdict: claims.NotDecided, Effect: nan, Low: nan, High: nan}
	text = comparison(r).Text()
	if !strings.Contains(text, "nothing that decides it") || strings.Contains(text, "NaN") {
		t.Errorf("without a number:\n%s", text)
	}
}

func TestRunsByPattern(t *testing.T) {
	newProject(t, "records/a-ce.json", "records/a-ls.json", "records/b-ce.json", "runs/a-zz/record.json")
	names := func(patterns ...string) string {
		runs, err := loadRuns(patterns)
		if err != nil {
			t.Fatal(err)
		}
		var s []string
		for _, r := range runs {
			s = append(s, strings.TrimSuffix(strings.TrimPrefix(r.Spec.Name, "records/"), ".json"))
		}
		return strings.Join(s, " ")
	}
	for want, patterns := range map[string][]string{
		"a-ce a-ls b-ce": nil, "a-ce a-ls": {"a-*"}, "b-ce a-ce": {"b-*", "*-ce"},
	} {
		if got := names(patterns...); got != want {
			t.Errorf("Runs(%q) = %s, want %s", patterns, got, want)
		}
	}
	if _, err := loadRuns([]string{"c-*"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a pattern that matches none gave %v", err)
	}
}
