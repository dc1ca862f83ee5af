package figures

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/record/summary"
)

// TestSummaryTables: the numbers and verdicts of a summary are in its tables.
func TestSummaryTables(t *testing.T) {
	var runs []*record.Record
	for _, loss := range []string{"ce", "ls"} {
		for i := range 3 {
			s := record.DefaultSpec()
			s.Loss.Name, s.Seed, s.Epochs = loss, int64(i), 1
			nc1 := 0.5 + float64(i)/100
			if loss == "ls" {
				s.Delta, nc1 = 0.05, nc1-0.2+float64(i)/1000
			}
			row := record.Epoch{Epoch: 1, NC1: record.Number(nc1), TestError: record.Number(0.25),
				NC2: record.Number(math.NaN()), NC3: record.Number(math.NaN())}
			if i > 0 {
				row.NC2 = record.Number(nc1)
			}
			runs = append(runs, &record.Record{Spec: s, Status: record.Finished, Epochs: []record.Epoch{row}})
		}
	}
	sum, err := summary.Of(runs...)
	if err != nil {
		t.Fatal(err)
	}
	tables := SummaryTables(sum)
	if len(tables) != 2 {
		t.Fatalf("%d tables", len(tables))
	}
	var text strings.Builder
	for _, table := range tables {
		for _, r := range table.Rows {
			if len(r) != len(table.Header) {
				t.Errorf("row %v under %v", r, table.Header)
			}
		}
		fmt.Fprint(&text, table.Text())
	}
	for _, want := range []string{"CE, 3 seeds", "LS (δ = 0.05), 3 seeds", "0.51  0.4852 to 0.5348", "−0.199",
		"−0.2015 to −0.1965", "LS ahead", "25  25 to 25", "not decided", " (2 seeds)"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, &text)
		}
	}
	if strings.Contains(text.String(), "\nnc3") {
		t.Errorf("a metric that no run has is shown:\n%s", &text)
	}
}
