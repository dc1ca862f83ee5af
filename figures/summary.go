package figures

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/record/summary"
)

// SummaryTables returns what runs say together: a table of the groups, with the
// mean and the 95 % interval over seeds of every metric of the last epoch, and one of
// the paired differences for each pair of CE and LS groups.
func SummaryTables(s *summary.Summary) []*Table {
	groups := &Table{Title: "Last epoch: mean over seeds, 95 % interval", Header: []string{"metric"}, Notes: s.Notes,
		Caption: "Intervals are Student's t over seeds; a single seed has none. Shares, such as errors and ECE, are " +
			"in percent, losses in nats."}
	values := map[string][]string{}
	for i, g := range s.Groups {
		groups.Header = append(groups.Header, fmt.Sprintf("%s, %s", g.Label, seedCount(len(g.Seeds))))
		for _, e := range g.Metrics {
			for len(values[e.Name]) < i {
				values[e.Name] = append(values[e.Name], "–")
			}
			values[e.Name] = append(values[e.Name], estimateText(e, false)+fewer(e, len(g.Seeds)))
		}
	}
	for _, m := range record.Metrics() {
		row, ok := values[m.Key]
		if !ok {
			continue
		}
		for len(row) < len(s.Groups) {
			row = append(row, "–")
		}
		groups.Rows = append(groups.Rows, append([]string{m.Key}, row...))
	}
	tables := []*Table{groups}
	for _, p := range s.Pairs {
		t := &Table{
			Title:  fmt.Sprintf("%s less %s: paired differences over %s", p.LS, p.CE, seedCount(len(p.Seeds))),
			Header: []string{"metric", "LS − CE", "95 % interval", "verdict"},
			Caption: fmt.Sprintf("Ahead is the loss with the lower value, where the interval over at least %d paired "+
				"seeds is wholly on one side of 0. "+
				"The runs' own losses do not compare; norms, entropy and confidence are not better for being lower.",
				summary.MinSeeds),
		}
		if len(p.Seeds) < summary.MinSeeds {
			t.Notes = []string{fmt.Sprintf("Nothing is decided: a verdict needs at least %d seeds that were run "+
				"under both losses; found: %d.", summary.MinSeeds, len(p.Seeds))}
		}
		for _, d := range p.Metrics {
			verdict := d.Verdict
			if verdict == "" {
				verdict = "–"
			}
			mean, interval, _ := strings.Cut(estimateText(d.Estimate, true), "  ")
			if interval == "" {
				interval = "–"
			}
			t.Rows = append(t.Rows, []string{d.Name, mean, interval + fewer(d.Estimate, len(p.Seeds)), verdict})
		}
		tables = append(tables, t)
	}
	return tables
}

func seedCount(n int) string {
	if n == 1 {
		return "1 seed"
	}
	return strconv.Itoa(n) + " seeds"
}

// fewer says of how many seeds an estimate is where not all have the metric.
func fewer(e summary.Estimate, seeds int) string {
	if e.N == seeds {
		return ""
	}
	return fmt.Sprintf(" (%s)", seedCount(e.N))
}

// estimateText is a mean with its interval, two blanks between them.
func estimateText(e summary.Estimate, sign bool) string {
	percent := metric(e.Name).Percent
	format := func(v record.Number) string {
		x := float64(v)
		if percent {
			x *= 100
		}
		text := strings.Replace(strconv.FormatFloat(x, 'g', 4, 64), "-", "−", 1)
		if sign && x > 0 {
			text = "+" + text
		}
		return text
	}
	if math.IsNaN(float64(e.Low)) {
		return format(e.Mean)
	}
	return fmt.Sprintf("%s  %s to %s", format(e.Mean), format(e.Low), format(e.High))
}
