package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/record/summary"
)

// The table of results.md is what the committed records say.
func TestResults(t *testing.T) {
	paths, err := filepath.Glob("../records/cifar10-resnet18-w16-500-*.json")
	if err != nil {
		t.Fatal(err)
	}
	runs, err := record.ReadAll(paths...)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := summary.Of(runs...)
	if err != nil || len(sum.Pairs) != 1 {
		t.Fatalf("%d pairs, %v", len(sum.Pairs), err)
	}
	page, err := os.ReadFile("results.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{
		"nc1": "NC1", "nc2": "NC2", "nc3": "NC3", "train_error": "training error, %", "test_error": "test error, %",
		"ncc_test_error": "test error of the nearest class mean, %",
		"test_ece":       "test ECE with 15 bins, % (seeds 2022 and 2023)",
	}
	verdicts := map[string]string{summary.LSAhead: "**LS ahead**", summary.CEAhead: "**CE ahead**",
		summary.NotDecided: "not decided"}
	for _, d := range sum.Pairs[0].Metrics {
		label, ok := rows[d.Name]
		if !ok {
			continue
		}
		delete(rows, d.Name)
		factor, digits := 1.0, 3
		if m, _ := record.MetricByKey(d.Name); m.Percent {
			factor, digits = 100, 2
		}
		number := func(v record.Number) string {
			return strings.Replace(fmt.Sprintf("%+.*f", digits, float64(v)*factor), "-", "−", 1)
		}
		want := fmt.Sprintf("%s (%s to %s) | %s", number(d.Mean), number(d.Low), number(d.High), verdicts[d.Verdict])
		found := false
		for line := range strings.Lines(string(page)) {
			found = found || strings.HasPrefix(line, "| "+label+" |") && strings.Contains(line, want)
		}
		if !found {
			t.Errorf("results.md has no row %q with %q", label, want)
		}
	}
	if len(rows) > 0 {
		t.Errorf("the records do not have %v", rows)
	}
}
