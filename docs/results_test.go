package docs

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/experiments"
	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/record/summary"
)

// paperRuns are the committed records on the paper's data sets, by name.
func paperRuns(t *testing.T) []*record.Record {
	t.Helper()
	runs, err := record.ReadAll("../records")
	if err != nil {
		t.Fatal(err)
	}
	runs = slices.DeleteFunc(runs, func(r *record.Record) bool {
		_, ok := record.PaperSets[r.Spec.Dataset]
		return !ok || r.Last() == nil
	})
	slices.SortFunc(runs, func(a, b *record.Record) int { return strings.Compare(a.Spec.Name, b.Spec.Name) })
	return runs
}

// compared are the metrics of TestPairs' tables.
var compared = []string{"nc1", "nc2", "nc3", "train_error", "test_error", "ncc_test_error", "test_ece",
	"w_norm", "h_norm"}

// TestPairs: results.md compares CE and LS in every setting that has three seeds of both.
func TestPairs(t *testing.T) {
	runs := paperRuns(t)
	var text strings.Builder
	for len(runs) > 0 {
		setting := runs[0].Spec.Setting()
		var same, others []*record.Record
		for _, r := range runs {
			if record.Differences(setting, r.Spec.Setting()) == nil && r.Spec.Epochs == runs[0].Spec.Epochs {
				same = append(same, r)
			} else {
				others = append(others, r)
			}
		}
		runs = others
		sum, err := summary.Of(same...)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range sum.Pairs {
			if len(p.Seeds) < summary.MinSeeds {
				continue
			}
			origin, err := figures.Origin(figures.Of(same...)...)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&text, "\n**%s and %d more.** %s\n\n%s", same[0].Spec.Name, len(same)-1, origin,
				table([]string{"metric", p.CE, p.LS, "LS − CE", "95 % interval", "seeds", ""}, pairRows(sum, p)))
		}
	}
	generated(t, "results.md", "pairs", text.String()+"\n")
}

// pairRows are a row per metric of a pair.
func pairRows(sum *summary.Summary, p summary.Pair) (rows [][]string) {
	for _, key := range compared {
		m, _ := record.MetricByKey(key)
		i := slices.IndexFunc(p.Metrics, func(d summary.Difference) bool { return d.Name == key })
		if i < 0 {
			continue
		}
		d := p.Metrics[i]
		number := func(v record.Number) string {
			if math.IsNaN(float64(v)) {
				return "–"
			}
			if m.Percent {
				return strings.Replace(fmt.Sprintf("%.2f %%", 100*float64(v)), "-", "−", 1)
			}
			return strings.Replace(fmt.Sprintf("%.3f", float64(v)), "-", "−", 1)
		}
		of := func(label string) string {
			for _, g := range sum.Groups {
				for _, e := range g.Metrics {
					if g.Label == label && e.Name == key {
						return number(e.Mean)
					}
				}
			}
			return "–"
		}
		rows = append(rows, []string{m.Title, of(p.CE), of(p.LS), number(d.Mean),
			number(d.Low) + " to " + number(d.High), fmt.Sprint(d.N), d.Verdict})
	}
	return rows
}

// TestResultsFigure: the figure of results.md is what the committed twins draw.
func TestResultsFigure(t *testing.T) {
	const file = "results-fig4.svg"
	runs, err := record.ReadAll(twins(t)...)
	if err != nil {
		t.Fatal(err)
	}
	f, err := figures.Figure4(figures.Of(runs...)...)
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile(file)
	if err != nil && !*update {
		t.Fatal(err)
	}
	if !bytes.Equal(have, f.SVG) {
		if !*update {
			t.Fatalf("%s is not what the records draw; write it with: go test ./docs -update", file)
		}
		if err := os.WriteFile(file, f.SVG, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	generated(t, "results.md", "figure", fmt.Sprintf("\n![%s](%s)\n\n*Figure 4. %s*\n\n", f.Title, file, f.Caption))
}

// twins are the files of the pair's twins: CE and LS with δ = 0.05 of each seed.
func twins(t *testing.T) (paths []string) {
	t.Helper()
	for _, run := range experiments.Of(experiments.Pairs, record.ReducedScale) {
		path := filepath.Join("..", "records", run.Name+".json")
		if _, err := os.Stat(path); err == nil {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		t.Fatal("no twin of the pair is committed")
	}
	return paths
}

// TestRecordsTable: results.md lists every committed record on CIFAR and Tiny ImageNet at its last
// epoch, with the intrinsic time that it reached.
func TestRecordsTable(t *testing.T) {
	var rows [][]string
	for _, r := range paperRuns(t) {
		last := r.Last()
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
