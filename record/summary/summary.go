// Package summary says what runs of several seeds say together: means with intervals,
// and cross entropy beside label smoothing on the same seeds.
package summary

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/stats"
)

// MinSeeds is how many paired seeds a verdict needs; fewer decide nothing.
const MinSeeds = 3

// Verdicts on two losses.
const (
	LSAhead    = "LS ahead"
	CEAhead    = "CE ahead"
	NotDecided = "not decided at this scale"
)

// Summary is what runs say together: the means over seeds and, where the same seeds
// were run under cross entropy and under label smoothing, their differences.
type Summary struct {
	Groups []Group  `json:"groups"`
	Pairs  []Pair   `json:"pairs"`
	Notes  []string `json:"notes,omitempty"` // runs that were left out, and reservations
}

// Group is the runs of one specification that differ in their seeds alone.
type Group struct {
	Label   string      `json:"label"` // what sets the group apart from the others
	Spec    record.Spec `json:"spec"`  // of the first run
	Seeds   []int64     `json:"seeds"`
	Metrics []Estimate  `json:"figures"` // of the last epoch

	runs []*record.Record
}

// Pair is one specification under both losses, on the seeds that both have.
type Pair struct {
	CE      string       `json:"ce"` // labels of the groups
	LS      string       `json:"ls"`
	Seeds   []int64      `json:"seeds"`
	Metrics []Difference `json:"figures"`
}

// Estimate is the mean of a metric over the n seeds that have it and its 95 %
// interval by Student's t. The interval and the standard deviation of a single seed are NaN.
type Estimate struct {
	Name string        `json:"name"` // key of a record.Metric
	N    int           `json:"n"`
	Mean record.Number `json:"mean"`
	SD   record.Number `json:"sd"` // with n − 1
	Low  record.Number `json:"low"`
	High record.Number `json:"high"`
}

// Difference is the estimate of LS less CE over paired seeds, with the verdict: the
// loss whose value is the lower one is ahead, if the interval over at least MinSeeds
// pairs lies wholly on one side of 0. The verdict of a metric that is not better for
// being lower is "".
type Difference struct {
	Estimate
	Verdict string `json:"verdict,omitempty"`
}

// metrics are the metrics that a summary shows: those of a row that are no detail of another.
func metrics() []record.Metric {
	return slices.DeleteFunc(record.Metrics(), func(m record.Metric) bool { return m.Detail })
}

// Of gathers runs that differ in their seeds alone and estimates the metrics
// of their last epoch; name, measured epochs and the machine may differ. Runs that have
// not got to their last epoch are left out, and so is the second of two runs of one
// specification and seed; notes name them. It is an error if no run is left.
func Of(runs ...*record.Record) (*Summary, error) {
	s := &Summary{Groups: []Group{}, Pairs: []Pair{}}
	var keys []string
	for i, r := range runs {
		name := r.Spec.Name
		if name == "" {
			name = fmt.Sprintf("run %d", i+1)
		}
		if last := r.Last(); last == nil || last.Epoch < r.Spec.Epochs || r.Status == record.Failed {
			s.Notes = append(s.Notes, fmt.Sprintf("Left out: %s, which is not complete (%s, %d of %d epochs).", name,
				r.Status, trained(r), r.Spec.Epochs))
			continue
		}
		key := groupKey(r)
		g := slices.Index(keys, key)
		if g < 0 {
			g = len(keys)
			keys = append(keys, key)
			s.Groups = append(s.Groups, Group{Spec: r.Spec.Resolve()})
		}
		if slices.Contains(s.Groups[g].Seeds, r.Spec.Seed) {
			s.Notes = append(s.Notes, fmt.Sprintf("Left out: %s, a second run of seed %d.", name, r.Spec.Seed))
			continue
		}
		s.Groups[g].Seeds = append(s.Groups[g].Seeds, r.Spec.Seed)
		s.Groups[g].runs = append(s.Groups[g].runs, r)
	}
	if len(s.Groups) == 0 {
		return nil, errors.New("summary: no complete run to sum up; " +
			strings.Join(append(s.Notes, "give run folders or records"), " "))
	}
	label(s.Groups)
	for i := range s.Groups {
		g := &s.Groups[i]
		sort.Sort(bySeed{g})
		g.Metrics = estimate(g.runs)
		if b := backends(g.runs); len(b) > 1 {
			s.Notes = append(s.Notes, fmt.Sprintf("%s: the runs were computed on %s.", g.Label,
				strings.Join(b, " and ")))
		}
	}
	for i := range s.Groups {
		for j := range s.Groups {
			ce, ls := &s.Groups[i], &s.Groups[j]
			if ce.Spec.Loss.Name != "ce" || ls.Spec.Loss.Name != "ls" || pairKey(ce.runs[0]) != pairKey(ls.runs[0]) {
				continue
			}
			if p := pair(ce, ls); len(p.Seeds) > 0 {
				s.Pairs = append(s.Pairs, p)
			}
		}
	}
	return s, nil
}

func trained(r *record.Record) int {
	if l := r.Last(); l != nil {
		return l.Epoch
	}
	return 0
}

// groupKey is the same of runs that differ in their seeds alone.
func groupKey(r *record.Record) string {
	s := essence(r.Spec)
	b, _ := json.Marshal(struct {
		Spec  record.Spec
		Train int
		Files []record.File
	}{s, r.Data.Train, r.Data.Files})
	return string(b)
}

// essence is a specification without the fields in which runs of one group may differ.
func essence(s record.Spec) record.Spec { return s.Without("name", "seed", "measure") }

// pairKey is the same of runs that differ in loss and seed alone.
func pairKey(r *record.Record) string {
	c := *r
	c.Spec.Loss = record.Loss{Name: "ce"}
	return groupKey(&c)
}

type bySeed struct{ *Group }

func (g bySeed) Len() int           { return len(g.Seeds) }
func (g bySeed) Less(i, j int) bool { return g.Seeds[i] < g.Seeds[j] }
func (g bySeed) Swap(i, j int) {
	g.Seeds[i], g.Seeds[j] = g.Seeds[j], g.Seeds[i]
	g.runs[i], g.runs[j] = g.runs[j], g.runs[i]
}

func backends(runs []*record.Record) []string {
	var names []string
	for _, r := range runs {
		if b := r.Environment.Backend; b != "" && !slices.Contains(names, b) {
			names = append(names, b)
		}
	}
	return names
}

// label names each group by its loss and by what else sets the groups apart.
func label(groups []Group) {
	var apart []string
	first := essence(groups[0].Spec).WithoutLoss()
	for _, g := range groups[1:] {
		for _, d := range record.Differences(first, essence(g.Spec).WithoutLoss()) {
			apart = append(apart, d.Field)
		}
	}
	slices.Sort(apart)
	apart = slices.Compact(apart)
	for i := range groups {
		g := &groups[i]
		g.Label = g.Spec.Loss.String()
		for _, key := range apart {
			f, _ := record.FieldByKey(key)
			g.Label += ", " + key + " " + f.Text(essence(g.Spec))
		}
	}
	for i := range groups { // what no field of the specification tells apart
		for j := range i {
			if groups[j].Label == groups[i].Label {
				groups[i].Label += fmt.Sprintf(", other images (%d)", i+1)
			}
		}
	}
}

// estimate returns the estimates of the metrics, each over the runs that have it.
func estimate(runs []*record.Record) []Estimate {
	out := []Estimate{}
	for _, m := range metrics() {
		if v := defined(column(runs, m)); len(v) > 0 {
			out = append(out, NewEstimate(m.Key, v))
		}
	}
	return out
}

// column returns a metric of the last epoch of all runs, NaN where one lacks it.
func column(runs []*record.Record, m record.Metric) []float64 {
	v := make([]float64, len(runs))
	for i, r := range runs {
		v[i] = m.Value(r.Last())
	}
	return v
}

// defined returns the values that are not NaN.
func defined(v []float64) []float64 { return slices.DeleteFunc(v, math.IsNaN) }

func pair(ce, ls *Group) Pair {
	p := Pair{CE: ce.Label, LS: ls.Label, Metrics: []Difference{}}
	var a, b []*record.Record
	for _, two := range PairSeeds(ce.runs, ls.runs) {
		p.Seeds = append(p.Seeds, two[0].Spec.Seed)
		a, b = append(a, two[0]), append(b, two[1])
	}
	for _, m := range metrics() {
		x, y := column(a, m), column(b, m)
		for i := range y {
			y[i] -= x[i]
		}
		if y = defined(y); m.OwnLoss || len(y) == 0 {
			continue
		}
		d := Difference{Estimate: NewEstimate(m.Key, y)}
		if m.Better == record.Lower {
			switch d.Side() {
			case -1:
				d.Verdict = LSAhead
			case 1:
				d.Verdict = CEAhead
			default:
				d.Verdict = NotDecided
			}
		}
		p.Metrics = append(p.Metrics, d)
	}
	return p
}

// PairSeeds pairs the runs of two groups by seed, in the order of a; a seed that
// stands twice counts once.
func PairSeeds(a, b []*record.Record) (pairs [][2]*record.Record) {
	seen := map[int64]bool{}
	for _, x := range a {
		i := slices.IndexFunc(b, func(y *record.Record) bool { return y.Spec.Seed == x.Spec.Seed })
		if i >= 0 && !seen[x.Spec.Seed] {
			seen[x.Spec.Seed] = true
			pairs = append(pairs, [2]*record.Record{x, b[i]})
		}
	}
	return pairs
}

// NewEstimate returns the estimate of values, one a seed. Without values, or with one that
// is not finite, all its numbers are NaN.
func NewEstimate(name string, v []float64) Estimate {
	nan := record.Number(math.NaN())
	e := Estimate{Name: name, N: len(v), Mean: nan, SD: nan, Low: nan, High: nan}
	if len(v) == 1 {
		e.Mean = record.Number(v[0])
	}
	if s, err := stats.Mean(v, 0.95); err == nil {
		e.Mean, e.SD = record.Number(s.Mean), record.Number(s.SD)
		e.Low, e.High = record.Number(s.Interval.Low), record.Number(s.Interval.High)
	}
	return e
}

// Side returns on which side of 0 the interval lies wholly, −1 or 1. It is 0 where
// the interval holds 0, and for fewer than MinSeeds values.
func (e Estimate) Side() int {
	switch {
	case e.N < MinSeeds:
	case e.Low > 0:
		return 1
	case e.High < 0:
		return -1
	}
	return 0
}
