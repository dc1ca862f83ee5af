package docs

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
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

// TestRecordsTable: results.md lists every committed record on CIFAR and Tiny ImageNet at its last
// epoch, with the intrinsic time that it reached.
func TestRecordsTable(t *testing.T) {
	runs, err := record.ReadAll("../records")
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(runs, func(a, b *record.Record) int { return strings.Compare(a.Spec.Name, b.Spec.Name) })
	var rows [][]string
	for _, r := range runs {
		last := r.Last()
		if _, ok := record.PaperSets[r.Spec.Dataset]; !ok || last == nil {
			continue
		}
		scale := "reduced"
		if r.AtPaperScale() {
			scale = "paper"
		}
		row := []string{"`" + r.Spec.Name + "`", scale, fmt.Sprintf("%d of %d", last.Epoch, r.Spec.Epochs),
			fmt.Sprintf("%.2f", r.Spec.IntrinsicTime(r.Data.Train, last.Epoch))}
		for _, key := range []string{"train_error", "test_error", "nc1", "nc2", "nc3", "test_ece"} {
			m, ok := record.MetricByKey(key)
			if !ok {
				t.Fatalf("no metric %s", key)
			}
			text := "–"
			if v := m.Shown(last); !math.IsNaN(v) {
				text = fmt.Sprintf(map[bool]string{true: "%.2f", false: "%.3f"}[m.Percent], v)
			}
			row = append(row, text)
		}
		rows = append(rows, row)
	}
	generated(t, "results.md", "records", "\n"+table([]string{"run", "scale", "epoch", "intrinsic time",
		"training error, %", "test error, %", "NC1", "NC2", "NC3", "test ECE, %"}, rows)+"\n")
}
