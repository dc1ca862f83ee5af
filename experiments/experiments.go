// Package experiments lists the training runs behind every figure, table and claim of the paper: at
// the paper's scale, and as reduced twins that a laptop can train.
//
// The list is the table in plans.go. A row is a specification of this folder, what differs from it,
// and the δ and seeds that it is trained with. All composes the rows into runs, the most valuable
// first: in this order `collapse reproduce --queue` trains them. A run's name is also what
// `collapse train --spec` and the records folder call it.
//
// # Twins
//
// What carries a run into the terminal phase is its intrinsic time, Σ rate × decay over the steps
// (record.Spec.IntrinsicTime): 1.47 in the paper before the first milestone, 1.71 in all. A twin
// sees 5,000 images instead of 50,000 and has ten times the decay, which gives 0.40 of the paper's
// 1.47 in 60 epochs. All other settings but the width are the paper's, and the milestones keep
// their order: most of the time at the first rate, the rest at two smaller ones.
package experiments

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/gocollapse/collapse/internal/edit"
	"github.com/gocollapse/collapse/record"
)

// Kind is what several runs show together.
type Kind string

// Kinds of runs.
const (
	Pairs      Kind = "CE and LS δ=.05, CIFAR-10"
	Pairs100   Kind = "CE and LS δ=.05, CIFAR-100"
	PairsSTL   Kind = "CE and LS δ=.05, STL-10"
	PairsTiny  Kind = "CE and LS δ=.05, Tiny ImageNet"
	Tables     Kind = "CE and LS δ=.05, CIFAR-10, the steps and images of Tables 1 and 2"
	LongPair   Kind = "CE and LS δ=.05, CIFAR-10, three times as long"
	Batch64    Kind = "CE and LS δ=.05, CIFAR-10, batch 64"
	Sweep      Kind = "δ sweep, CIFAR-10"
	Sweep100   Kind = "δ sweep, CIFAR-100"
	UFMSweep   Kind = "simulated UFM, δ sweep, CIFAR-10"
	DecaySweep Kind = "decay sweep, CIFAR-10"
)

// service is which figures, tables and theorems of the paper are drawn from a kind of runs.
type service struct {
	kind Kind
	ids  []string
}

// served lists the kinds; where several serve one id, the one that shows most comes first.
var served = []service{
	{Tables, []string{"table1", "table2"}},
	{Pairs, []string{"fig1", "fig2", "fig4", "fig5", "fig7", "table1", "table2", "film", "products", "depth"}},
	{Pairs100, []string{"fig1", "fig2", "fig5", "table1", "table2"}},
	{PairsSTL, []string{"fig1", "fig2", "fig5", "table1", "table2"}},
	{PairsTiny, []string{"fig1", "fig2", "fig5", "table1", "table2"}},
	{LongPair, []string{"fig1"}},
	{Batch64, []string{"fig4"}},
	{Sweep, []string{"fig3", "fig6", "fig9"}},
	{Sweep100, []string{"fig3", "fig6", "fig9"}},
	{UFMSweep, []string{"fig8", "fig10", "thm4.1"}},
	{DecaySweep, nil}, // ours: does intrinsic time alone explain NC1 to NC3?
}

// Run is one training run of the list.
type Run struct {
	Name  string // also of its specification and of its record
	Group string // the name without loss and seed: runs of a group differ in these alone
	Spec  record.Spec
	Scale record.Scale
	Kinds []Kind // a run can belong to a pair and to a sweep
}

// Serves lists the figures, tables and theorems that are drawn from the run.
func (r Run) Serves() (ids []string) {
	for _, s := range served {
		for _, id := range s.ids {
			if slices.Contains(r.Kinds, s.kind) && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// Command is the command that trains the run into Folder. After a stop, `collapse train --resume
// --layer-profile --out FOLDER` goes on.
func (r Run) Command() string { return "collapse train --spec " + r.Name + " --layer-profile" }

// Folder is where Command trains the run, relative to the project.
func (r Run) Folder() string { return "runs/" + r.Name }

// Images is the number of training images that the run sees.
func (r Run) Images() int {
	set := record.PaperSets[r.Spec.Dataset]
	if r.Spec.TrainPerClass > 0 {
		return r.Spec.TrainPerClass * set.Classes
	}
	return set.Train
}

// TestImages are the numbers of test images of the paper's data sets. Tiny ImageNet is tested on
// its validation images.
var TestImages = map[string]int{"cifar10": 10000, "cifar100": 10000, "stl10": 8000, "tiny-imagenet": 10000}

//go:embed *.json
var specs embed.FS

// All returns all runs, the most valuable first.
func All() []Run { return slices.Clone(composed()) }

// composed composes the plans once. A plan that cannot be composed is a fault of this package.
var composed = sync.OnceValue(func() (all []Run) {
	for _, p := range plans {
		for _, seed := range p.seeds {
			for _, delta := range p.deltas {
				r := p.run(delta, seed)
				if i := slices.IndexFunc(all, func(o Run) bool { return o.Name == r.Name }); i >= 0 {
					panic("experiments: " + r.Name + " is planned twice")
				}
				all = append(all, r)
			}
		}
	}
	return all
})

// Of returns the runs of a kind at a scale, or of every scale where scale is "".
func Of(k Kind, scale record.Scale) []Run {
	return slices.DeleteFunc(All(), func(r Run) bool {
		return !slices.Contains(r.Kinds, k) || scale != "" && r.Scale != scale
	})
}

// For returns the runs that a figure, table or theorem of the paper is drawn from, at both scales;
// none for a closed form. The runs that show most come first: for Tables 1 and 2 those that take the
// paper's steps. Package claims says which runs a claim stands on.
func For(id string) []Run {
	runs := slices.DeleteFunc(All(), func(r Run) bool { return !slices.Contains(r.Serves(), id) })
	slices.SortStableFunc(runs, func(a, b Run) int { return cmp.Compare(a.rank(id), b.rank(id)) })
	return runs
}

// rank is the place of the run's first kind that serves an id.
func (r Run) rank(id string) int {
	return slices.IndexFunc(served, func(s service) bool {
		return slices.Contains(r.Kinds, s.kind) && slices.Contains(s.ids, id)
	})
}

// ByName returns a run. The error wraps fs.ErrNotExist and has the nearest name.
func ByName(name string) (Run, error) {
	all := composed()
	if i := slices.IndexFunc(all, func(r Run) bool { return r.Name == name }); i >= 0 {
		return all[i], nil
	}
	return Run{}, fmt.Errorf("experiments: %w: no run %q; did you mean %s?", fs.ErrNotExist, name,
		edit.Nearest(name, runNames()))
}

// Names lists what JSON knows: the specifications of this folder, then the runs.
func Names() []string {
	files, err := fs.Glob(specs, "*.json")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(f, ".json")
	}
	return append(files, runNames()...)
}

// JSON returns the specification of a name: of a file of this folder, or of a run. The error wraps
// fs.ErrNotExist.
func JSON(name string) ([]byte, error) {
	if b, err := specs.ReadFile(name + ".json"); err == nil {
		return b, nil
	}
	r, err := ByName(name)
	if err != nil {
		return nil, err
	}
	return json.Marshal(r.Spec)
}

func runNames() (names []string) {
	for _, r := range composed() {
		names = append(names, r.Name)
	}
	return names
}

// base reads a specification of this folder.
func base(name string) record.Spec {
	b, err := specs.ReadFile(name + ".json")
	if err != nil {
		panic(err)
	}
	s, err := record.ReadSpec(bytes.NewReader(b))
	if err != nil {
		panic(fmt.Errorf("experiments: %s: %w", name, err))
	}
	return s
}
