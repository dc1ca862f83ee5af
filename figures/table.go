package figures

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gocollapse/collapse/record"
)

// A Table is rows of text under a header, with its words.
type Table struct {
	Number  string     // the paper's number, "1", or ""
	Title   string     // one line
	Caption string     // plain text: how the numbers came about
	Groups  []Span     // optional line over the header; spans add up to len(Header)
	Header  []string   // one name per column
	Rows    [][]string // each as long as Header
	Notes   []string   // sentences under the table: verdicts and reservations
}

// Span is a name over some neighbouring columns.
type Span struct {
	Name    string
	Columns int
}

// head returns title and number as one line.
func (t *Table) head() string {
	if t.Number != "" {
		return "Table " + t.Number + ". " + t.Title
	}
	return t.Title
}

// numeric reports whether a column holds numbers, which are aligned to the right.
func (t *Table) numeric(col int) bool {
	some := false
	for _, r := range t.Rows {
		switch v := strings.NewReplacer("−", "", "+", "").Replace(r[col]); {
		case v == "" || v == "–":
		default:
			if _, err := strconv.ParseFloat(v, 64); err != nil {
				return false
			}
			some = true
		}
	}
	return some
}

// Text returns the table aligned for a terminal, with title, caption and notes
// in lines of at most 100 characters.
func (t *Table) Text() string {
	width := make([]int, len(t.Header))
	num := make([]bool, len(t.Header))
	for i, h := range t.Header {
		width[i], num[i] = columns(h), t.numeric(i)
		for _, r := range t.Rows {
			width[i] = max(width[i], columns(r[i]))
		}
	}
	at := 0
	for _, g := range t.Groups {
		have := 2 * (g.Columns - 1)
		for i := at; i < at+g.Columns; i++ {
			have += width[i]
		}
		at += g.Columns
		if n := columns(g.Name); n > have {
			width[at-1] += n - have
		}
	}
	var b strings.Builder
	line := func(cells []string) {
		var l strings.Builder
		for i, c := range cells {
			pad := strings.Repeat(" ", width[i]-columns(c))
			if i > 0 {
				l.WriteString("  ")
			}
			if num[i] {
				l.WriteString(pad + c)
			} else {
				l.WriteString(c + pad)
			}
		}
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	b.WriteString(t.head() + "\n\n")
	if len(t.Groups) > 0 {
		var l strings.Builder
		at := 0
		for _, g := range t.Groups {
			w := 2 * g.Columns
			for i := at; i < at+g.Columns; i++ {
				w += width[i]
			}
			at += g.Columns
			l.WriteString(g.Name + strings.Repeat(" ", max(0, w-columns(g.Name))))
		}
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	line(t.Header)
	rule := make([]string, len(width))
	for i, w := range width {
		rule[i] = strings.Repeat("─", w)
	}
	line(rule)
	for _, r := range t.Rows {
		line(r)
	}
	for _, s := range append(slices.Clone(t.Notes), t.Caption) {
		if s != "" {
			b.WriteString("\n" + wrap(s, 100) + "\n")
		}
	}
	return b.String()
}

// columns returns how many columns of a terminal a text takes: combining marks, such
// as the bar of H̄, take none.
func columns(s string) int {
	n := 0
	for _, r := range s {
		if !unicode.Is(unicode.Mn, r) {
			n++
		}
	}
	return n
}

// noBreak keeps "δ = 0.05" and "LS − CE" on one line of a narrow column.
var noBreak = strings.NewReplacer(" = ", "\u00a0=\u00a0", " − ", "\u00a0−\u00a0")

// HTML returns the table as a <table> in a <figure>, with caption and notes.
func (t *Table) HTML() string {
	var b strings.Builder
	b.WriteString("<figure class=\"collapse-table\">\n<figcaption>" +
		captionHTML("Table", t.Number, t.Title, t.Caption) + "</figcaption>\n<div class=\"scroll\"><table>\n<thead>\n")
	if len(t.Groups) > 0 {
		b.WriteString("<tr>")
		for _, g := range t.Groups {
			tag, attrs := "th", ` scope="colgroup"`
			if g.Name == "" { // no heading
				tag, attrs = "td", ""
			}
			if g.Columns > 1 {
				attrs = ` colspan="` + strconv.Itoa(g.Columns) + `"` + attrs
			}
			b.WriteString("<" + tag + ` class="group"` + attrs + ">" + html.EscapeString(g.Name) + "</" + tag + ">")
		}
		b.WriteString("</tr>\n")
	}
	row := func(tag string, cells []string) {
		b.WriteString("<tr>")
		for i, c := range cells {
			b.WriteString("<" + tag)
			if tag == "th" {
				b.WriteString(` scope="col"`)
			}
			if t.numeric(i) {
				b.WriteString(` style="text-align:right"`)
			} else {
				b.WriteString(` style="text-align:left"`)
			}
			if tag == "th" {
				c = noBreak.Replace(c)
			}
			b.WriteString(">" + html.EscapeString(c) + "</" + tag + ">")
		}
		b.WriteString("</tr>\n")
	}
	row("th", t.Header)
	b.WriteString("</thead>\n<tbody>\n")
	for _, r := range t.Rows {
		row("td", r)
	}
	b.WriteString("</tbody>\n</table></div>\n")
	for _, n := range t.Notes {
		b.WriteString("<p class=\"note\">" + html.EscapeString(n) + "</p>\n")
	}
	b.WriteString("</figure>\n")
	return b.String()
}

// Markdown returns the table in GitHub's Markdown. Group names are put before the
// column names, since Markdown has no spans.
func (t *Table) Markdown() string {
	esc := strings.NewReplacer("|", `\|`, "\n", " ", "*", `\*`, "_", `\_`, "<", "&lt;")
	head := t.columnNames()
	var b strings.Builder
	line := func(cells []string, plain bool) {
		for _, c := range cells {
			if !plain {
				c = esc.Replace(c)
			}
			b.WriteString("| " + c + " ")
		}
		b.WriteString("|\n")
	}
	b.WriteString("**" + esc.Replace(t.head()) + "**\n\n")
	line(head, false)
	rule := make([]string, len(head))
	for i := range rule {
		rule[i] = "---"
		if t.numeric(i) {
			rule[i] = "---:"
		}
	}
	line(rule, true)
	for _, r := range t.Rows {
		line(r, false)
	}
	for _, s := range append(slices.Clone(t.Notes), t.Caption) {
		if s != "" {
			b.WriteString("\n" + esc.Replace(s) + "\n")
		}
	}
	return b.String()
}

// columnNames returns the header with the name of its group before each column.
func (t *Table) columnNames() []string {
	head := slices.Clone(t.Header)
	at := 0
	for _, g := range t.Groups {
		for i := at; i < at+g.Columns; i++ {
			if g.Name != "" {
				head[i] = g.Name + ": " + head[i]
			}
		}
		at += g.Columns
	}
	return head
}

// CSV returns the cells under their column names, as Markdown has them.
func (t *Table) CSV() ([]byte, error) {
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(append([][]string{t.columnNames()}, t.Rows...)); err != nil {
		return nil, fmt.Errorf("figures: %w", err)
	}
	return b.Bytes(), nil
}

// wrap breaks s at spaces into lines of at most n characters where words allow.
func wrap(s string, n int) string {
	var b strings.Builder
	col := 0
	for i, w := range strings.Fields(s) {
		l := utf8.RuneCountInString(w)
		switch {
		case i == 0:
		case col+1+l > n:
			b.WriteByte('\n')
			col = 0
		default:
			b.WriteByte(' ')
			col++
		}
		b.WriteString(w)
		col += l
	}
	return b.String()
}

// fixed writes a number with so many decimals; "–" where it is not defined.
func fixed(v float64, prec int) string {
	if !finite(v) {
		return "–"
	}
	return strconv.FormatFloat(v, 'f', prec, 64)
}

// signed writes a difference with its sign; "–" where it is not defined.
func signed(v float64) string {
	if !finite(v) {
		return "–"
	}
	s := strconv.FormatFloat(math.Abs(v), 'f', 2, 64)
	switch {
	case strings.Trim(s, "0.") == "":
		return s
	case v < 0:
		return "−" + s
	}
	return "+" + s
}

// significant writes v with three significant digits, plain where that is short.
func significant(v float64) string {
	if !finite(v) {
		return "–"
	}
	if v == 0 {
		return "0"
	}
	if a := math.Abs(v); a >= 1e-4 && a < 1e5 {
		return strconv.FormatFloat(v, 'f', max(0, 2-int(math.Floor(math.Log10(a)))), 64)
	}
	return strconv.FormatFloat(v, 'e', 2, 64)
}

// Curves returns a run's rows at chosen epochs: errors in percent, NC1 to NC3,
// norms. Without epochs it takes 1, 2, 5, 10, 20, 50 … and the last. Epochs that
// a run does not have are left out. A run without rows gives a table without rows.
func Curves(runs []Series, epochs ...int) (*Table, error) {
	gs, origin, err := groupedOrigin(runs)
	if err != nil {
		return nil, err
	}
	t := &Table{Title: "The runs at chosen epochs", Caption: origin + " “–”: not defined for this run.",
		Header: []string{"run", "epoch"}}
	for _, c := range curvesColumns {
		t.Header = append(t.Header, c.name)
	}
	for _, g := range gs {
		for _, r := range g.runs {
			label := g.label
			if len(g.runs) > 1 {
				label += ", seed " + strconv.FormatInt(r.Spec.Seed, 10)
			}
			for _, e := range chosen(r, epochs) {
				row := []string{label, strconv.Itoa(e.Epoch)}
				for _, c := range curvesColumns {
					row = append(row, cellText(metric(c.key), e))
				}
				t.Rows = append(t.Rows, row)
			}
		}
	}
	return t, nil
}

// curvesColumns are the metrics of Curves under the names of its columns.
var curvesColumns = []struct{ key, name string }{
	{"train_error", "training error (%)"}, {"test_error", "test error (%)"}, {"nc1", "NC1"},
	{"nc2", "NC2"}, {"nc3", "NC3"},
	{"w_norm", "‖w‖"}, {"h_norm", "‖h‖"}, {"ncc_error", "NCC training (%)"}, {"ncc_test_error", "NCC test (%)"},
}

// chosen returns the rows at the given epochs, or at 1, 2, 5, 10 … and the last.
func chosen(r *record.Record, epochs []int) (rows []*record.Epoch) {
	if len(epochs) == 0 {
		last := r.Last()
		if last == nil {
			return nil
		}
		for e := 1; e < last.Epoch; e *= 10 {
			epochs = append(epochs, e, 2*e, 5*e)
		}
		epochs = slices.DeleteFunc(epochs, func(e int) bool { return e >= last.Epoch })
		epochs = append(epochs, last.Epoch)
	}
	for _, e := range epochs {
		if row := r.Row(e); row != nil {
			rows = append(rows, row)
		}
	}
	return rows
}
