// Package claims decides the paper's claims from records of runs and from closed forms.
//
// All lists the claims. Decide applies each claim's rule to records and returns a Result per claim:
// a verdict with the numbers that it rests on. The rules follow three principles.
//
//   - Fewer than three seeds decide nothing. Differences between losses are paired by seed, and
//     Holm's correction at 5 % covers all claims that a test decides on the same runs.
//   - Every margin and threshold is also tried at half and at twice its value. A verdict that
//     changes reads "depends on the margin". Thresholds on ratios change on a logarithmic scale: 2
//     becomes √2 and 4.
//   - Runs of different settings or scales are never mixed. A verdict at reduced scale says so, and
//     is not the paper's.
//
// Symbols are the paper's; logarithms are natural.
package claims

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/experiments"
	"github.com/gocollapse/collapse/internal/edit"
	"github.com/gocollapse/collapse/internal/object"
)

// MinSeeds is how many seeds a verdict needs.
const MinSeeds = 3

// Verdict is what can be said of a claim.
type Verdict string

// Verdicts.
const (
	Holds         Verdict = "holds"
	DoesNotHold   Verdict = "does not hold"
	NotDecided    Verdict = "not decided"
	OnMargin      Verdict = "depends on the margin"
	NotMeasurable Verdict = "not measurable here"
)

// Scale says what a verdict was found on; "" is nothing yet.
type Scale string

// Scales.
const (
	PaperScale   Scale = "paper"
	ReducedScale Scale = "reduced"
	ClosedForm   Scale = "closed form"
)

// Claim is one decidable claim of the paper.
type Claim struct {
	ID        string
	Section   string // 3.1, 4.2, B.6; several are joined by commas
	Place     string // figures, tables, theorems and equations that state it
	Sentence  string
	Decidable string // at reduced scale: yes, partly or no, with the reason
	Needs     []Need // what decides it

	rule func(*evidence) Outcome
}

// Outcome is what a rule finds. Numbers that do not apply are NaN or 0, as each field says.
type Outcome struct {
	Verdict Verdict
	Scale   Scale
	// Effect is the number that the verdict rests on, in the unit that Note gives; Low and High are
	// its 95 % interval over seeds. Each is NaN where there is none.
	Effect, Low, High float64
	// P is the p value of the rule's test and PHolm the one after Holm's correction; NaN where the
	// rule is no test.
	P, PHolm float64
	// DZ is the effect in standard deviations of the paired differences, NaN where there is none.
	DZ          float64
	Seeds       int      // that the verdict rests on; 0 for a closed form
	SeedsNeeded int      // that would decide the claim at the observed effect with 80 % power; 0 where not known
	StandsOn    []string // names of the records
	Missing     []string // names of runs that would decide it or add a data set
	Note        string   // what the rule found, or why it did not decide
	Caveats     string   // what limits the runs, and which records of other settings were left out

	family string // of the runs: claims of one family share Holm's correction
	only   string // the data sets that were measured, where the claim speaks of more
}

// Result is a claim with its outcome.
type Result struct {
	Claim
	Outcome
}

// String is the verdict in words, with "at reduced scale" where that is so.
func (r Result) String() string {
	if r.Scale == ReducedScale && (r.Verdict == Holds || r.Verdict == DoesNotHold) {
		return string(r.Verdict) + " at reduced scale"
	}
	return string(r.Verdict)
}

// MarshalJSON writes one object; what does not apply is null.
func (r Result) MarshalJSON() ([]byte, error) {
	count := func(n int, applies bool) any {
		if !applies {
			return nil
		}
		return n
	}
	var interval any
	if defined(r.Low) && defined(r.High) {
		interval = []float64{r.Low, r.High}
	}
	var scale any
	if r.Scale != "" {
		scale = r.Scale
	}
	var o object.Object
	o.Field("id", r.ID)
	o.Field("section", r.Section)
	o.Field("sentence", r.Sentence)
	o.Field("scale", scale)
	o.Field("verdict", r.Verdict)
	o.Field("effect", object.Number(r.Effect))
	o.Field("interval", interval)
	o.Field("p", object.Number(r.P))
	o.Field("p_holm", object.Number(r.PHolm))
	o.Field("seeds", count(r.Seeds, r.Scale != ClosedForm))
	o.Field("seeds_needed", count(r.SeedsNeeded, r.SeedsNeeded > 0))
	o.Field("stands_on", append([]string{}, r.StandsOn...))
	o.Field("missing", append([]string{}, r.Missing...))
	o.Field("note", sentences(r.Note, r.Caveats))
	return o.JSON()
}

func defined(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// All returns the claims in the order of the paper's sections.
func All() []Claim {
	var all []Claim
	for _, p := range Parts() {
		all = append(all, p.Claims...)
	}
	return all
}

// ByID returns the claim of an id, or an error that names those most like it.
func ByID(id string) (Claim, error) {
	all := All()
	if i := slices.IndexFunc(all, func(c Claim) bool { return c.ID == id }); i >= 0 {
		return all[i], nil
	}
	var ids []string
	for _, c := range all {
		ids = append(ids, c.ID)
	}
	return Claim{}, fmt.Errorf("claims: no claim %q; near it are %s", id, strings.Join(edit.Near(id, ids, 3), ", "))
}

// Shown lists the ids of the figures, tables and theorems that Place names: fig3, table1, thm4.1.
func (c Claim) Shown() (ids []string) {
	prefixes := map[string]string{"Fig": "fig", "Table": "table", "Thm": "thm"}
	prefix := ""
	for _, word := range strings.Fields(c.Place) {
		word = strings.Trim(word, ",")
		if p, ok := prefixes[word]; ok {
			prefix = p
		} else if word == "" || word[0] < '0' || word[0] > '9' {
			prefix = "" // an equation, a lemma or a word
		} else if prefix != "" {
			ids = append(ids, prefix+word)
		}
	}
	return ids
}

// Runs lists the runs that the claim is decided on, at both scales; none for closed forms.
func (c Claim) Runs() (runs []experiments.Run) {
	for _, r := range experiments.All() {
		if slices.ContainsFunc(c.Needs, func(n Need) bool { return slices.Contains(r.Kinds, experiments.Kind(n)) }) {
			runs = append(runs, r)
		}
	}
	return runs
}
