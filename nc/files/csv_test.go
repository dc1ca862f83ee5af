package files

import (
	"encoding/csv"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/nc"
)

// TestWriteCSV: every metric has a column, a number keeps its digits, and what is not defined is an
// empty cell.
func TestWriteCSV(t *testing.T) {
	point := nc.Layer{Name: "epoch-2", Summary: &nc.Summary{N: 4, D: 3, K: 2}}
	point.NC1, point.NC3 = 1.0/3, math.NaN()
	var b strings.Builder
	if err := WriteCSV(&b, []nc.Layer{point}); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil || len(lines) != 2 {
		t.Fatalf("%d lines, %v:\n%s", len(lines), err, b.String())
	}
	if len(lines[0]) != 4+len(nc.Metrics()) {
		t.Errorf("%d columns, want 4 and %d metrics", len(lines[0]), len(nc.Metrics()))
	}
	want := map[string]string{
		"file": "epoch-2", "n": "4", "d": "3", "k": "2", "nc1": strconv.FormatFloat(1.0/3, 'g', -1, 64), "nc3": "",
	}
	for i, name := range lines[0] {
		if v, ok := want[name]; ok && lines[1][i] != v {
			t.Errorf("%s is %q, want %q", name, lines[1][i], v)
		}
	}
}
