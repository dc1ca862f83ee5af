package docs

import (
	"testing"

	"github.com/gocollapse/collapse/ufm"
)

// The table of metrics in ufm.md is ufm's.
func TestUFMMetrics(t *testing.T) {
	var rows [][]string
	for _, m := range ufm.Metrics() {
		rows = append(rows, []string{"`" + m.Key + "`", m.Equation, m.Range, m.Meaning, m.Source})
	}
	metricTable(t, "ufm.md", "ufm metrics", rows)
}
