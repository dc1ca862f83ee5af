package nb

import (
	"fmt"
	"math"
	"strings"

	"github.com/gocollapse/collapse/claims"
	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/record"
)

// Compare shows what the paper says in one of its claims, what was found here, and the verdict, by
// the claim's id in claims.All: nb.Compare("c3.1-ls-faster-nc2"). It decides on the given runs, or
// without any on the committed records and on closed forms. Fewer than three seeds decide nothing, nor do
// given runs of several settings.
func Compare(id string, runs ...*record.Record) {
	o := claims.Options{Given: len(runs) > 0}
	if !o.Given {
		runs = Runs()
	}
	r, err := claims.DecideOne(id, runs, o)
	Try(err)
	Table(comparison(r), nil)
}

// comparison is a result as a table: one line each for the paper, for what was found, and for the
// verdict.
func comparison(r claims.Result) *figures.Table {
	t := &figures.Table{Title: "Claim " + r.ID, Header: []string{"", "what it says"}}
	line := func(head, text string) {
		if text != "" {
			t.Rows = append(t.Rows, []string{head, text})
		}
	}
	line("The paper", fmt.Sprintf("%s (Section %s, %s)", r.Sentence, r.Section, r.Place))
	line("Here", found(r))
	line("Verdict", r.String())
	line("It rests on", strings.Join(claims.ShortNames(r.StandsOn), "; "))
	if short := claims.ShortNames(r.Missing); len(short) > 3 {
		line("To decide it", fmt.Sprintf("%d runs, such as %s; collapse reproduce %s lists them", len(r.Missing),
			short[0], r.ID))
	} else {
		line("To decide it", strings.Join(short, "; "))
	}
	for _, text := range []string{r.Note, r.Caveats} {
		if text != "" {
			t.Notes = append(t.Notes, text)
		}
	}
	return t
}

// found says what a verdict rests on: the effect with its interval, the seeds, or a computation.
func found(r claims.Result) string {
	if r.Scale == claims.ClosedForm {
		return "computed from closed forms, without a run"
	}
	if r.Seeds == 0 || math.IsNaN(r.Effect) {
		return "nothing that decides it"
	}
	s := fmt.Sprintf("%.3g", r.Effect)
	if !math.IsNaN(r.Low) && !math.IsNaN(r.High) {
		s += fmt.Sprintf(" [%.3g, %.3g]", r.Low, r.High)
	}
	return s + fmt.Sprintf(", %d seeds", r.Seeds)
}
