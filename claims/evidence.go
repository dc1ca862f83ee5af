package claims

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gocollapse/collapse/record"
)

// paperDelta is the δ of LS where a claim names none.
const paperDelta = 0.05

// paperSets are the paper's data sets in its order.
var paperSets = []string{"cifar10", "cifar100", "stl10", "tiny-imagenet"}

// arm is the runs of one δ in a group, in the order of their seeds; δ = 0 is CE.
type arm struct {
	delta float64
	runs  []*record.Record
}

// group is complete runs of one setting and scale that differ in δ and seed alone.
type group struct {
	key   string
	spec  record.Spec
	scale Scale
	data  record.Data
	arms  []arm // in increasing order of δ
	notes []string
}

// pair is runs under CE and under LS with δ = .05, of the same seeds in the same order.
type pair struct {
	*group
	ce, ls []*record.Record
}

// evidence is what the rules read.
type evidence struct {
	Options
	groups []*group
	names  map[string]bool // of all complete records
	unused []string        // why records do not count, by name
}

// gather sorts records into groups. A record whose label of its scale is not its specification's
// is an error.
func gather(records []*record.Record, o Options) (*evidence, error) {
	e := &evidence{Options: o, names: map[string]bool{}}
	for i, r := range records {
		name := cmp.Or(r.Spec.Name, fmt.Sprintf("record %d", i+1))
		if err := r.CheckScale(); err != nil {
			return nil, fmt.Errorf("claims: %w", err)
		}
		if loss := r.Spec.Loss.Name; loss != "ce" && loss != "ls" || !slices.Contains(paperSets, r.Spec.Dataset) {
			e.unused = append(e.unused, name+" (the paper has no claim on its data set or loss)")
			continue
		}
		if last := r.Last(); last == nil || last.Epoch < r.Spec.Epochs || r.Status == record.Failed {
			e.unused = append(e.unused, name+" (it is not complete)")
			continue // it counts as missing
		}
		e.names[name] = true
		e.add(r, name)
	}
	for _, g := range e.groups {
		slices.SortFunc(g.arms, func(a, b arm) int { return cmp.Compare(a.delta, b.delta) })
		for _, a := range g.arms {
			slices.SortFunc(a.runs, func(a, b *record.Record) int { return cmp.Compare(a.Spec.Seed, b.Spec.Seed) })
		}
	}
	return e, nil
}

// add puts a record into its group. The second record of a setting, δ and seed is left out.
func (e *evidence) add(r *record.Record, name string) {
	scale := ReducedScale
	if r.AtPaperScale() {
		scale = PaperScale
	}
	spec := setting(r.Spec)
	b, _ := json.Marshal(struct {
		Spec  record.Spec
		Scale Scale
		Train int
		Files []record.File
	}{spec, scale, r.Data.Train, r.Data.Files})
	i := slices.IndexFunc(e.groups, func(g *group) bool { return g.key == string(b) })
	if i < 0 {
		i = len(e.groups)
		e.groups = append(e.groups, &group{key: string(b), spec: r.Spec.Resolve(), scale: scale, data: r.Data})
	}
	g := e.groups[i]
	j := slices.IndexFunc(g.arms, func(a arm) bool { return a.delta == r.Spec.Delta })
	if j < 0 {
		j = len(g.arms)
		g.arms = append(g.arms, arm{delta: r.Spec.Delta})
	}
	a := &g.arms[j]
	if slices.ContainsFunc(a.runs, func(o *record.Record) bool { return o.Spec.Seed == r.Spec.Seed }) {
		g.notes = append(g.notes, name+" repeats a setting, δ and seed and is left out")
		return
	}
	a.runs = append(a.runs, r)
}

// setting is a specification without what may differ within a group.
func setting(s record.Spec) record.Spec {
	return s.Without("name", "seed", "measure", "devices").WithoutLoss()
}

// arm returns the runs of a δ, nil where there are none.
func (g *group) arm(delta float64) []*record.Record {
	for _, a := range g.arms {
		if a.delta == delta {
			return a.runs
		}
	}
	return nil
}

// against pairs the runs of two δ by seed.
func (g *group) against(base, delta float64) pair {
	p := pair{group: g}
	for _, r := range g.arm(base) {
		for _, o := range g.arm(delta) {
			if o.Spec.Seed == r.Spec.Seed {
				p.ce, p.ls = append(p.ce, r), append(p.ls, o)
			}
		}
	}
	return p
}

// sweep returns the arms with at least MinSeeds runs.
func (g *group) sweep() []arm {
	return slices.DeleteFunc(slices.Clone(g.arms), func(a arm) bool { return len(a.runs) < MinSeeds })
}

// intrinsicTime is how far a group's runs get into the terminal phase.
func (g *group) intrinsicTime() float64 {
	train := 0
	for _, r := range runs(g.arms) {
		train = max(train, r.Data.Train)
	}
	return g.spec.IntrinsicTime(train, g.spec.Epochs)
}

// names lists the names of runs.
func names(lists ...[]*record.Record) (out []string) {
	for _, list := range lists {
		for _, r := range list {
			if name := cmp.Or(r.Spec.Name, fmt.Sprintf("a run of seed %d", r.Spec.Seed)); !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// runs lists all runs of a group's arms.
func runs(arms []arm) (out []*record.Record) {
	for _, a := range arms {
		out = append(out, a.runs...)
	}
	return out
}
