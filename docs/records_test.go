package docs

import (
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
)

// The table of a row's metrics in records.md is record's.
func TestRowMetrics(t *testing.T) {
	var rows [][]string
	for _, m := range record.Metrics() {
		path := "`" + m.Path + "`"
		if strings.HasPrefix(m.Path, "train_calibration.") {
			continue // as the test split's
		}
		rows = append(rows, []string{path, "`" + m.Key + "`", m.Range, m.Meaning})
	}
	generated(t, "records.md", "row metrics", "\n"+table([]string{"field of a row", "key", "range", "meaning"}, rows)+
		"\n")
}
