package figures

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/record"
)

// Series is a run with the name under which a figure or table shows it.
type Series struct {
	Label  string // "" gives "CE" or "LS (δ = 0.05)"; runs with the same label share colour and line
	Record *record.Record
}

// Of returns the records as series with the labels that follow from their
// losses.
func Of(recs ...*record.Record) []Series {
	s := make([]Series, len(recs))
	for i, r := range recs {
		s[i] = Series{Record: r}
	}
	return s
}

// group is the runs of one label, in the order given.
type group struct {
	label string
	runs  []*record.Record
}

// name is the label, with the number of runs where there are several.
func (g group) name() string {
	if len(g.runs) > 1 {
		return fmt.Sprintf("%s, %d runs", g.label, len(g.runs))
	}
	return g.label
}

// grouped checks the series and gathers those with the same label.
func grouped(runs []Series) ([]group, error) {
	if len(runs) == 0 {
		return nil, ErrNoSeries
	}
	var gs []group
	for i, s := range runs {
		if s.Record == nil {
			return nil, fmt.Errorf("figures: series %d (%q) has no record", i+1, s.Label)
		}
		label := s.Label
		if label == "" {
			label = s.Record.Spec.Loss.String()
		}
		j := slices.IndexFunc(gs, func(g group) bool { return g.label == label })
		if j < 0 {
			gs = append(gs, group{label: label})
			j = len(gs) - 1
		}
		gs[j].runs = append(gs[j].runs, s.Record)
	}
	return gs, nil
}

// Origin says in sentences how the numbers of the runs came about: scale,
// network, data and whether its bytes were official, schedule, seeds, backend
// and machine. What all runs share is said once.
func Origin(runs ...Series) (string, error) {
	gs, err := grouped(runs)
	if err != nil {
		return "", err
	}
	var out []string
	for _, fact := range originFacts {
		var parts []string // label → fact, in order
		var values []string
		for _, g := range gs {
			var of []string
			for _, r := range g.runs {
				if f := fact(r.Describe()); f != "" && !slices.Contains(of, f) {
					of = append(of, f)
				}
			}
			v := strings.Join(of, " and ")
			values = append(values, v)
			if v != "" {
				parts = append(parts, g.label+": "+v)
			}
		}
		switch {
		case len(parts) == 0:
		case len(slices.Compact(slices.Clone(values))) == 1:
			out = append(out, upperFirst(values[0])+".")
		default:
			out = append(out, strings.Join(parts, "; ")+".")
		}
	}
	return strings.Join(out, " "), nil
}

// originFacts are the facts of a run that Origin says, each in a sentence.
var originFacts = []func(record.Description) string{
	func(d record.Description) string { return d.Scale },
	func(d record.Description) string { return "network " + d.Network },
	func(d record.Description) string { return "data set " + given(d.Dataset, d.Images, d.Bytes, d.Changes) },
	func(d record.Description) string { return given(d.Schedule, d.Optimiser, d.Precision) },
	func(d record.Description) string { return d.Seed },
	func(d record.Description) string {
		switch {
		case d.Backend == "":
			return ""
		case d.Machine == "":
			return "backend " + d.Backend
		}
		return "backend " + d.Backend + " on " + d.Machine
	},
	func(d record.Description) string { return d.Status },
}

// given lists what a record says, with commas.
func given(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), ", ")
}

func upperFirst(s string) string {
	for i, r := range s {
		return strings.ToUpper(string(r)) + s[i+len(string(r)):]
	}
	return s
}

// finite reports whether v can be shown as a number.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
