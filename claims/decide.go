package claims

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/stats"
)

// setName is a data set as people write it.
func setName(set string) string { return record.DataName(set) }

// Decide applies every claim's rule to records and returns the results in the order of All.
// Records of other data sets and losses than the paper's are ignored, and so are runs that are not
// complete. A record that mislabels its scale is an error.
//
// Records of several settings are never mixed. Of the project's records one setting decides, and
// the note names the fields in which the others differ. Of records that a user gave, none decides.
func Decide(records []*record.Record, o Options) ([]Result, error) { return decide(All(), records, o) }

// Options say whose records they are.
type Options struct {
	Given bool // by a user, in place of the project's
}

// decide applies the rules of some claims. Those that share Holm's correction must be among them.
func decide(some []Claim, records []*record.Record, o Options) ([]Result, error) {
	e, err := gather(records, o)
	if err != nil {
		return nil, err
	}
	var results []Result
	for _, c := range some {
		results = append(results, Result{c, c.rule(e)})
	}
	if err := correct(results); err != nil {
		return nil, err
	}
	for i := range results {
		r := &results[i]
		if r.Verdict == Holds && r.only != "" {
			r.Verdict = NotDecided
			r.Note = sentences("Partly: holds on "+r.only+" alone", r.Note)
		}
		if o.Given && r.Verdict == NotDecided && len(e.unused) > 0 {
			r.Caveats = sentences(r.Caveats, "These records do not count: "+strings.Join(e.unused, ", "))
		}
		if r.Verdict == NotDecided || r.Verdict == NotMeasurable || r.Scale == ClosedForm {
			r.Missing = e.missing(r.Needs...)
		}
	}
	return results, nil
}

// correct applies Holm's correction to the claims of each family and takes back a verdict that
// does not survive it.
func correct(results []Result) error {
	families := map[string][]int{}
	for i, r := range results {
		if r.family != "" && defined(r.P) {
			families[r.family] = append(families[r.family], i)
		}
	}
	for _, members := range families {
		var p []float64
		for _, i := range members {
			p = append(p, results[i].P)
		}
		adjusted, err := stats.Holm(p)
		if err != nil {
			return fmt.Errorf("claims: %w", err)
		}
		for j, i := range members {
			r := &results[i]
			r.PHolm = adjusted[j]
			if (r.Verdict == Holds || r.Verdict == DoesNotHold) && r.PHolm > alpha {
				r.Note = sentences(r.Note, fmt.Sprintf("Without the correction for %d claims on the same runs: %s.",
					len(members), r.Verdict))
				r.Verdict = NotDecided
				r.SeedsNeeded = seedsNeeded(r.DZ, alpha/float64(len(members)), r.Seeds)
			}
		}
	}
	return nil
}

// sentences joins texts, each as a sentence.
func sentences(texts ...string) string {
	var out []string
	for _, t := range texts {
		if t = strings.TrimSpace(t); t == "" {
			continue
		}
		if !strings.HasSuffix(t, ".") {
			t += "."
		}
		out = append(out, upper(t))
	}
	return minus.ReplaceAllString(strings.Join(out, " "), "${1}−${2}")
}

// minus is a hyphen in place of a minus sign: -0.31, not 2021-2025 or 1e-16.
var minus = regexp.MustCompile(`(^|[ (\[])-(\d)`)

// outcome turns a finding on a group into an outcome.
func (g *group) outcome(f finding, stands []string) Outcome {
	return Outcome{Verdict: f.verdict, Scale: g.scale, Effect: f.effect, Low: f.low, High: f.high, P: f.p, PHolm: nan,
		DZ: f.dz, Seeds: f.seeds, SeedsNeeded: f.needed, StandsOn: stands, Note: sentences(f.note), family: g.key}
}

// caveats says what limits a group's verdicts, or "".
func (g *group) caveats() string {
	notes := slices.Clone(g.notes)
	if g.cut() {
		notes = append(notes, fmt.Sprintf("The runs stop at epoch %d of a schedule of %d", g.spec.Epochs,
			g.spec.ScheduleEpochs))
	}
	if slices.ContainsFunc(runs(g.arms), func(r *record.Record) bool { return r.Data.Bytes != record.Official }) {
		notes = append(notes, "The images were not verified to be the official bytes")
	}
	return sentences(notes...)
}

// none is the outcome without runs.
func none(note string) Outcome { return (&group{}).outcome(undecided(0, note), nil) }

// onPairs decides a claim on CE and LS. The claim holds only if it holds on each data set that has
// runs and on each of those required; without the latter, holding elsewhere leaves it not decided.
func onPairs(required []string, rule func(pair) finding) func(*evidence) Outcome {
	return func(e *evidence) Outcome {
		var found []Outcome
		var on, notes []string
		absent, why := false, ""
		for _, set := range paperSets {
			g, others := e.choose(set, false, seedPairs)
			if g == nil {
				absent = absent || slices.Contains(required, set)
				if why = sentences(why, others); why != "" && e.Given {
					return none(why)
				}
				continue
			}
			p := g.against(0, paperDelta)
			o := g.outcome(rule(p), names(p.ce, p.ls))
			if len(found) > 0 && found[0].Scale != o.Scale {
				notes = append(notes, fmt.Sprintf("The runs on %s are left out: scale %s instead of %s", setName(set),
					o.Scale, found[0].Scale))
				absent = absent || slices.Contains(required, set)
				continue
			}
			o.Caveats = sentences(g.caveats(), others)
			found, on = append(found, o), append(on, setName(set))
		}
		if len(found) == 0 {
			return none(cmp.Or(why, "No run is there"))
		}
		o := joined(found, on)
		o.Caveats = sentences(append([]string{o.Caveats, why}, notes...)...)
		if absent {
			o.only = strings.Join(on, ", ")
		}
		return o
	}
}

// joined joins the outcomes of several data sets: any that does not hold decides.
func joined(found []Outcome, on []string) Outcome {
	if len(found) == 1 {
		return found[0]
	}
	var parts []finding
	var stands, caveats []string
	for i, o := range found {
		parts = append(parts, finding{verdict: o.Verdict, effect: o.Effect, low: o.Low, high: o.High, p: o.P, dz: o.DZ,
			seeds: o.Seeds, needed: o.SeedsNeeded, note: on[i] + ": " + strings.TrimSuffix(o.Note, ".")})
		stands = append(stands, o.StandsOn...)
		if o.Caveats != "" {
			caveats = append(caveats, on[i]+": "+o.Caveats)
		}
	}
	out := (&group{key: found[0].family, scale: found[0].Scale}).outcome(all(parts...), stands)
	out.Caveats = sentences(caveats...)
	return out
}

// onSweep decides a claim on the δ sweep of CIFAR-10 under weight decay, and onUFM on that of the
// simulated UFM.
func onSweep(rule func(*group) finding) func(*evidence) Outcome { return onDeltas(false, rule) }

func onUFM(rule func(*group) finding) func(*evidence) Outcome { return onDeltas(true, rule) }

func onDeltas(isUFM bool, rule func(*group) finding) func(*evidence) Outcome {
	return func(e *evidence) Outcome {
		g, others := e.choose("cifar10", isUFM, deltas)
		if g == nil {
			return none(cmp.Or(others, "No run is there"))
		}
		o := g.outcome(rule(g), names(runs(g.arms)))
		o.Caveats = sentences(g.caveats(), others)
		return o
	}
}
