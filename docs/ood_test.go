package docs

import (
	"strings"
	"testing"

	"github.com/gocollapse/collapse/ood"
)

// The table of scores in ood.md is ood's.
func TestDetectionScores(t *testing.T) {
	var rows [][]string
	for _, s := range ood.Infos() {
		needs := "features, labels"
		if s.Classifier {
			needs = "classifier"
		}
		formula := strings.ReplaceAll(s.Formula, "|", `\|`)
		rows = append(rows, []string{"`" + s.Key + "`", s.Name, formula, needs, s.Source})
	}
	generated(t, "ood.md", "scores", "\n"+table([]string{"key", "score", "formula", "needs", "source"}, rows)+"\n")
}
