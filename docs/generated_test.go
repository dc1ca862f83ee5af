package docs

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated tables into the pages")

// generated checks that the part of a page between <!-- name --> and <!-- /name --> is what
// the program says; with -update it writes it there.
func generated(t *testing.T, page, name, want string) {
	t.Helper()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	open, close := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	head, rest, ok := strings.Cut(string(b), open)
	have, tail, ok2 := strings.Cut(rest, close)
	if !ok || !ok2 {
		t.Fatalf("%s has no part between %s and %s", page, strings.TrimSpace(open), close)
	}
	if have == want {
		return
	}
	if !*update {
		t.Fatalf("the part %q of %s is not what the program says; write it with: go test ./docs -update\nwant:\n%s",
			name, page, want)
	}
	if err := os.WriteFile(page, []byte(head+open+want+close+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}

// table returns a Markdown table.
func table(header []string, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(header)
	b.WriteString("|" + strings.Repeat("---|", len(header)) + "\n")
	for _, r := range rows {
		line(r)
	}
	return b.String()
}

// metricTable checks the part of a page that lists metrics: key, equation, range, meaning and source
// of each.
func metricTable(t *testing.T, page, name string, rows [][]string) {
	t.Helper()
	for _, row := range rows {
		for i, cell := range row {
			row[i] = strings.ReplaceAll(cell, "|", `\|`)
		}
	}
	generated(t, page, name, "\n"+table([]string{"key", "equation", "range", "meaning", "source"}, rows)+"\n")
}
