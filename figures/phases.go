package figures

import (
	"fmt"

	"github.com/gocollapse/collapse/record"
)

// Phases tells, run by run, at which epoch the training error first was at most limit (a share, 0
// for none), where the terminal phase begins, and by what factor NC1, NC2 and NC3 decreased before
// and after it.
func Phases(limit float64, runs ...Series) (*Table, error) {
	gs, err := grouped(runs)
	if err != nil {
		return nil, err
	}
	t := &Table{
		Title:   fmt.Sprintf("Before and after the training error is at most %g %%", 100*limit),
		Caption: "Factors: a metric's value at the start of the phase, divided by that at its end.",
		Groups: []Span{{Columns: 3}, {Name: "before: divided by", Columns: 3},
			{Name: "after: divided by", Columns: 3}},
		Header: []string{"run", "from epoch", "last epoch", "NC1", "NC2", "NC3", "NC1", "NC2", "NC3"},
	}
	for _, g := range gs {
		for _, r := range g.runs {
			if len(r.Epochs) == 0 {
				return nil, fmt.Errorf("figures: run %q has no measured epoch", r.Spec.Name)
			}
			first, last, start := &r.Epochs[0], r.Last(), terminal(r, limit)
			row := []string{g.label, "never", fmt.Sprint(last.Epoch)}
			if start == nil {
				row = append(append(row, factors(first, last)...), "–", "–", "–")
			} else {
				row[1] = fmt.Sprint(start.Epoch)
				row = append(append(row, factors(first, start)...), factors(start, last)...)
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t, nil
}

// terminal returns the first row whose training error is at most limit, or nil.
func terminal(r *record.Record, limit float64) *record.Epoch {
	for i := range r.Epochs {
		if float64(r.Epochs[i].TrainError) <= limit {
			return &r.Epochs[i]
		}
	}
	return nil
}

// factors are a's NC1 to NC3 over b's.
func factors(a, b *record.Epoch) []string {
	var out []string
	for _, key := range barMetrics {
		m := metric(key)
		out = append(out, fixed(m.Value(a)/m.Value(b), 2))
	}
	return out
}

// Reached tells, for the metric's value of one run at some epochs, in which epoch each of two runs
// first was at or below it: the horizontal distance of two curves of Figure 1.
func Reached(key string, a, b Series, epochs ...int) (*Table, error) {
	m, err := FindMetric(key)
	if err != nil {
		return nil, err
	}
	gs, err := grouped([]Series{a, b})
	if err != nil {
		return nil, err
	}
	nameA, nameB := gs[groupOf(gs, a)].label, gs[groupOf(gs, b)].label
	t := &Table{Title: m.Title + ": when each run reached the levels of " + nameA,
		Header: []string{nameA + " at epoch", m.Title, nameA + " first there", nameB + " first there"}}
	for _, epoch := range epochs {
		row := a.Record.Row(epoch)
		if row == nil {
			continue
		}
		level := m.Value(row)
		t.Rows = append(t.Rows, []string{fmt.Sprint(epoch), significant(level), firstAt(a.Record, m, level),
			firstAt(b.Record, m, level)})
	}
	return t, nil
}

// firstAt names the first epoch at which a metric is at or below a level.
func firstAt(r *record.Record, m record.Metric, level float64) string {
	for i := range r.Epochs {
		if m.Value(&r.Epochs[i]) <= level {
			return fmt.Sprint(r.Epochs[i].Epoch)
		}
	}
	return "in no epoch"
}
