package claims

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/record"
)

// basis is what a kind of claim stands on.
type basis struct {
	has  func(*group) int      // how much of it a group has, 0 for nothing
	lack func([]*group) string // why none of several groups has any of it
}

// Bases of claims: CE and LS of the same seeds, and several δ.
var (
	seedPairs = basis{paired, unpaired}
	deltas    = basis{swept, unswept}
)

// choose returns the group of a data set that a claim stands on, and a note that names the groups
// that are left out with the fields that differ. Without a group the note says why there is none;
// it is empty where no run is on the data set.
//
// Of records that a user gave, one setting alone may have what the claim needs: with two, none is
// chosen. Of the project's records one setting is chosen, by a rule that knows no outcome: first the group
// with more evidence up to what a verdict needs, then the paper's scale, then the one that gets
// further into the terminal phase.
func (e *evidence) choose(set string, isUFM bool, b basis) (*group, string) {
	var here, all []*group
	for _, g := range e.groups {
		if g.spec.Dataset != set || g.spec.UFM() != isUFM {
			continue
		}
		here = append(here, g)
		if b.has(g) > 0 {
			all = append(all, g)
		}
	}
	if len(here) == 0 {
		return nil, ""
	}
	if len(all) == 0 {
		return nil, b.lack(here)
	}
	rank := func(g *group) [3]float64 {
		r := [3]float64{float64(b.has(g)), 0, g.intrinsicTime()}
		if g.scale == PaperScale {
			r[1] = 1
		}
		return r
	}
	slices.SortStableFunc(all, func(a, b *group) int {
		x, y := rank(a), rank(b)
		return slices.Compare(y[:], x[:])
	})
	first := all[0]
	if len(all) == 1 {
		return first, ""
	}
	var others []string
	for _, other := range all[1:] {
		others = append(others, fmt.Sprintf("%s (%s)", other.name(), first.differences(other)))
	}
	if e.Given {
		return nil, fmt.Sprintf("The records on %s are of different settings. Compared with %s: %s. "+
			"Give the records of one setting", setName(set), first.name(), strings.Join(others, ", "))
	}
	return first, "Runs of another setting are left out: " + strings.Join(others, ", ")
}

// name is that of the group's first run, with how many others there are.
func (g *group) name() string {
	list := names(runs(g.arms))
	if len(list) == 1 {
		return list[0]
	}
	return fmt.Sprintf("%s and %d more", list[0], len(list)-1)
}

// differences names the fields in which another group differs, with both values.
func (g *group) differences(other *group) string {
	var out []string
	add := func(field, a, b string) {
		if a != b {
			out = append(out, fmt.Sprintf("%s %s instead of %s", field, a, b))
		}
	}
	add("scale", string(other.scale), string(g.scale))
	for _, d := range record.Differences(setting(other.spec), setting(g.spec)) {
		add(d.Field, d.A, d.B)
	}
	add("training images", fmt.Sprint(other.data.Train), fmt.Sprint(g.data.Train))
	if len(out) == 0 {
		return "other files of the data set"
	}
	return strings.Join(out, "; ")
}

// paired is how many seeds CE and LS share, up to what a verdict needs.
func paired(g *group) int { return min(MinSeeds, len(g.against(0, paperDelta).ce)) }

// unpaired says why no group has a seed under both losses.
func unpaired(groups []*group) string {
	with := func(delta float64) (list []*group) {
		return slices.DeleteFunc(slices.Clone(groups), func(g *group) bool { return len(g.arm(delta)) == 0 })
	}
	ce, ls := with(0), with(paperDelta)
	for _, g := range ce {
		if slices.Contains(ls, g) {
			return fmt.Sprintf("No seed was run under both losses: CE has %s, LS has %s", seeds(g.arm(0)),
				seeds(g.arm(paperDelta)))
		}
	}
	switch {
	case len(ce) == 0:
		return "No run is under CE"
	case len(ls) == 0:
		return fmt.Sprintf("No run is under LS with δ = %g", paperDelta)
	}
	return apart("CE", ce[0], "LS", ls[0])
}

// apart says in which fields two groups differ that a claim needs together.
func apart(one string, a *group, two string, b *group) string {
	return fmt.Sprintf("%s and %s were run in different settings: %s under %s, compared with %s under %s, has %s", one,
		two, b.name(), two, a.name(), one, a.differences(b))
}

// swept is how many δ have enough seeds, 1 where there are several δ with too few.
func swept(g *group) int {
	if len(g.arms) < 2 {
		return 0
	}
	return max(1, len(g.sweep()))
}

// unswept says why no group has several δ.
func unswept(groups []*group) string {
	first := groups[0]
	for _, g := range groups[1:] {
		if a, b := first.arms[0].delta, g.arms[0].delta; a != b {
			return apart(fmt.Sprintf("δ = %g", a), first, fmt.Sprintf("δ = %g", b), g)
		}
	}
	return fmt.Sprintf("All runs have δ = %g", first.arms[0].delta)
}

// seeds lists the seeds of runs.
func seeds(runs []*record.Record) string {
	var list []int64
	for _, r := range runs {
		list = append(list, r.Spec.Seed)
	}
	return record.SeedsInWords(list)
}
