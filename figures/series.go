package figures

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/record"
)

// Series is a run with the name under which a figure or table shows it, or a planned run that is
// not recorded.
type Series struct {
	Label  string // "" gives "CE" or "LS (δ = 0.05)"; runs with the same label share colour and line
	Record *record.Record
	// ShowScale adds the run's scale to its label. Runs of two scales in one figure need it.
	ShowScale bool
	// Missing is given in place of a record. A figure names the run where its curve would be.
	Missing *Missing
}

// Missing is a planned run that is not recorded.
type Missing struct {
	Spec    record.Spec // its name says which run it is, its data set in which panel it is missed
	Command string      // that makes it: collapse reproduce fig6 --run
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

// WithScales returns the series with ShowScale, so that a figure may show two scales.
func WithScales(runs ...Series) []Series {
	runs = slices.Clone(runs)
	for i := range runs {
		runs[i].ShowScale = true
	}
	return runs
}

// recorded splits series into those with a record and the planned runs without one.
func recorded(runs []Series) (with []Series, missing []Missing) {
	for _, s := range runs {
		if s.Missing != nil && s.Record == nil {
			missing = append(missing, *s.Missing)
		} else {
			with = append(with, s)
		}
	}
	return with, missing
}

// label is the name of a series in a legend, before runs of another setting are told apart.
func (s Series) label() string {
	label := s.Label
	if label == "" {
		label = s.Record.Spec.Loss.String()
	}
	if s.ShowScale {
		label += ", " + string(scaleOf(s.Record)) + " scale"
	}
	return label
}

// scaleOf is the scale of a run by what it was, whatever its record says.
func scaleOf(r *record.Record) record.Scale {
	if r.AtPaperScale() {
		return record.PaperScale
	}
	return record.ReducedScale
}

// group is the runs of one label. They differ in their seeds, and perhaps in
// their number of epochs.
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

// ErrTwoScales is the error of runs at the paper's scale and at a smaller one in a figure that does
// not tell them apart.
var ErrTwoScales = errors.New("figures: one run is at the paper's scale and another is not; " +
	"draw them apart, or let the labels say the scale (WithScales, in the command --two-scales)")

// checked reports series without a record, records whose scale is not what they say, and runs of
// two scales without labels that say so.
func checked(runs []Series) error {
	if len(runs) == 0 {
		return ErrNoSeries
	}
	var first *record.Record
	for i, s := range runs {
		if s.Record == nil {
			return fmt.Errorf("figures: series %d (%q) has no record", i+1, s.Label)
		}
		if err := s.Record.CheckScale(); err != nil {
			return fmt.Errorf("figures: %w", err)
		}
		if first == nil {
			first = s.Record
		}
		if !s.ShowScale && scaleOf(s.Record) != scaleOf(first) {
			return fmt.Errorf("%w: %q and %q", ErrTwoScales, first.Spec.Name, s.Record.Spec.Name)
		}
	}
	return nil
}

// grouped checks the series and gathers those with the same label, in the order of their seeds. Runs of one label whose
// settings differ form groups of their own, whose labels say in what. A run that is given twice
// counts once.
func grouped(runs []Series) ([]group, error) {
	if err := checked(runs); err != nil {
		return nil, err
	}
	var labels []string
	byLabel := map[string][]*record.Record{}
	for _, s := range runs {
		label := s.label()
		if byLabel[label] == nil {
			labels = append(labels, label)
		}
		if !slices.ContainsFunc(byLabel[label], func(r *record.Record) bool { return sameRun(r, s.Record) }) {
			byLabel[label] = append(byLabel[label], s.Record)
		}
	}
	var gs []group
	for _, label := range labels {
		slices.SortStableFunc(byLabel[label], func(a, b *record.Record) int {
			return cmp.Compare(a.Spec.Seed, b.Spec.Seed)
		})
		gs = append(gs, bySetting(label, byLabel[label])...)
	}
	return gs, nil
}

// sameRun reports whether two records are of one run.
func sameRun(a, b *record.Record) bool {
	free := []string{"name", "measure", "devices"}
	return a == b || a.Started.Equal(b.Started) && !a.Started.IsZero() &&
		record.Differences(a.Spec.Without(free...), b.Spec.Without(free...)) == nil
}

// bySetting splits runs of one label by their settings.
func bySetting(label string, runs []*record.Record) (gs []group) {
	var first []record.Spec // a setting of each group
	for _, r := range runs {
		setting := r.Spec.Setting()
		i := slices.IndexFunc(first, func(s record.Spec) bool { return record.Differences(s, setting) == nil })
		if i < 0 {
			i = len(first)
			first, gs = append(first, setting), append(gs, group{label: label})
		}
		gs[i].runs = append(gs[i].runs, r)
	}
	if len(gs) == 1 {
		return gs
	}
	var apart []string
	for _, s := range first[1:] {
		for _, d := range record.Differences(first[0], s) {
			if !slices.Contains(apart, d.Field) {
				apart = append(apart, d.Field)
			}
		}
	}
	for i, s := range first {
		for _, key := range apart {
			f, _ := record.FieldByKey(key)
			text := strings.ReplaceAll(key, "_", " ") + " " + f.Text(s)
			if key == "dataset" {
				text = record.DataName(s.Dataset)
			}
			gs[i].label += ", " + text
		}
	}
	return gs
}

// Origin says in sentences how the numbers of the runs came about: scale,
// network, data and whether its bytes were official, schedule, seeds, backend
// and machine. What all runs share is said once.
func Origin(runs ...Series) (string, error) {
	_, origin, err := groupedOrigin(runs)
	return origin, err
}

// groupedOrigin is grouped, and Origin for the caption.
func groupedOrigin(runs []Series) ([]group, string, error) {
	gs, err := grouped(runs)
	if err != nil {
		return nil, "", err
	}
	return gs, originOfGroups(gs), nil
}

func originOfGroups(gs []group) string {
	var out []string
	for _, fact := range originFacts {
		values := make([]string, len(gs))
		for i, g := range gs {
			values[i] = factOf(g, fact)
		}
		if text := told(gs, values); text != "" {
			out = append(out, text+".")
		}
	}
	out = slices.Insert(out, min(len(out), seedsAt), told(gs, seedsOf(gs))+".")
	return strings.Join(out, " ")
}

// seedsAt is the place of the seeds among originFacts.
const seedsAt = 4

// factOf is a fact of a group's runs.
func factOf(g group, fact func(record.Description) string) string {
	var of []string
	for _, r := range g.runs {
		if f := fact(r.Describe()); f != "" && !slices.Contains(of, f) {
			of = append(of, f)
		}
	}
	return strings.Join(of, " and ")
}

// seedsOf is the seeds of each group, in words.
func seedsOf(gs []group) (values []string) {
	for _, g := range gs {
		var seeds []int64
		for _, r := range g.runs {
			seeds = append(seeds, r.Spec.Seed)
		}
		values = append(values, record.SeedsInWords(seeds))
	}
	return values
}

// told says once what all groups share. Otherwise it names the data sets to which each value belongs,
// or the labels where a data set has several values.
func told(gs []group, values []string) string {
	heads := make([]string, len(gs))
	ofSet := map[string]string{}
	apart := false
	for i, g := range gs {
		heads[i] = record.DataName(g.runs[0].Spec.Dataset)
		v, seen := ofSet[heads[i]]
		apart = apart || seen && v != values[i]
		ofSet[heads[i]] = values[i]
	}
	if apart {
		for i, g := range gs {
			heads[i] = g.label
		}
	}
	var order []string
	by := map[string][]string{}
	for i, v := range values {
		if _, ok := by[v]; !ok {
			order = append(order, v)
		}
		if !slices.Contains(by[v], heads[i]) {
			by[v] = append(by[v], heads[i])
		}
	}
	if len(order) == 1 {
		return upperFirst(order[0])
	}
	var parts []string
	for _, v := range order {
		if v != "" {
			head := strings.Join(by[v], ", ")
			parts = append(parts, head+": "+strings.TrimPrefix(v, "data set "+head+", "))
		}
	}
	return strings.Join(parts, "; ")
}

// originFacts are the facts of a run that Origin says, each in a sentence.
var originFacts = []func(record.Description) string{
	func(d record.Description) string { return d.Scale },
	func(d record.Description) string { return "network " + d.Network },
	func(d record.Description) string { return "data set " + given(d.Dataset, d.Images, d.Bytes, d.Changes) },
	func(d record.Description) string { return given(d.Schedule, d.Optimiser, d.Precision) },
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
