package docs

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/claims"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/reproduce"
)

// TestClaims: the page says what the committed records decide today.
func TestClaims(t *testing.T) {
	state, err := reproduce.Load("..", record.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	// What is in runs/ of this machine is not committed.
	committed := state.Committed()
	results, err := claims.Decide(committed, claims.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cell := strings.NewReplacer("|", `\|`, "*", `\*`, "<", "&lt;", "_", `\_`).Replace
	counts := map[string]int{}
	var order, caveats []string
	var rows [][]string
	for _, r := range results {
		verdict := r.String()
		if counts[verdict]++; counts[verdict] == 1 {
			order = append(order, verdict)
		}
		note, effect := r.Note, ""
		for _, d := range r.Details() {
			if d.Name == "Effect" {
				effect = d.Text
			}
		}
		if r.Scale == claims.ClosedForm { // its note has rounding errors, which differ between processors
			effect, note = "", "Computed from formulas: "+r.Place+"."
		}
		if r.Caveats != "" {
			i := slices.Index(caveats, r.Caveats)
			if i < 0 {
				i, caveats = len(caveats), append(caveats, r.Caveats)
			}
			note += fmt.Sprintf(" See (%c).", 'a'+i)
		}
		rows = append(rows, []string{"`" + r.ID + "`", cell(r.Sentence), verdict, effect, cell(note)})
	}
	var tally []string
	for _, v := range order {
		tally = append(tally, fmt.Sprintf("%s %d", v, counts[v]))
	}
	about := "About the runs:\n\n"
	for i, text := range caveats {
		about += fmt.Sprintf("- (%c) %s\n", 'a'+i, cell(text))
	}
	generated(t, "claims.md", "claims", fmt.Sprintf("\nOf %d claims: %s.\n\n%s\n%s\n", len(results),
		strings.Join(tally, ", "), table([]string{"claim", "the paper says", "verdict", "effect",
			"what it rests on"}, rows),
		about))
}
