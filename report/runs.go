package report

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gocollapse/collapse/record"
)

//go:embed filter.js
var filterScript string

// overviewColumns are the metrics of the last epoch in the table of all runs.
var overviewColumns = []struct{ key, name string }{
	{"train_error", "Training error (%)"}, {"test_error", "Test error (%)"}, {"nc1", "NC1"},
	{"nc2", "NC2"}, {"nc3", "NC3"},
}

// filters are the columns by which the table of runs can be narrowed down.
var filters = []struct {
	key, name string
	value     func(*run) string
}{
	{"set", "Data set", func(r *run) string { return record.DataName(r.Spec.Dataset) }},
	{"loss", "Loss", func(r *run) string { return r.Spec.Loss.String() }},
	{"scale", "Scale", func(r *run) string { return scaleWord(r) }},
	{"seed", "Seed", func(r *run) string { return strconv.FormatInt(r.Spec.Seed, 10) }},
}

// listRuns is the page with the table of all runs and what each setting was.
func (p *page) listRuns() (string, error) {
	s := p.site
	var b strings.Builder
	b.WriteString("<h1>What was run</h1>\n")
	if len(s.runs) == 0 {
		b.WriteString("<p class=\"lead\">Nothing yet.</p>\n" + noRuns)
		return b.String(), nil
	}
	fmt.Fprintf(&b, "<p class=\"lead\">%s in %s. One line per run, with the numbers of its last epoch. "+
		"Each name leads to the whole record.</p>\n", plural(len(s.runs), "run"), plural(len(s.groups), "setting"))
	b.WriteString("<h2 id=\"" + p.takeID("all") + "\">All runs</h2>\n" + p.filterBar() + p.overview())
	b.WriteString("<script>\n" + filterScript + "</script>\n")
	b.WriteString("<h2 id=\"" + p.takeID("settings") + "\">Settings</h2>\n<p>Runs of one setting differ in their " +
		"loss, δ, seed and length alone. Only such runs are shown in one figure or table, or compared by a " +
		"claim.</p>\n")
	for _, g := range s.groups {
		b.WriteString("<section>\n<h3 id=\"" + p.takeID(g.id) + "\">" + esc(g.title) + " " + badge(g.runs[0]) +
			"</h3>\n" + facts(g.runs) + p.drawnFrom(g) + "</section>\n")
	}
	return b.String(), nil
}

// noRuns says how to get the first run.
const noRuns = "<p>No record was found. <code>make report</code> trains two small networks and shows them here; " +
	"<code>collapse train</code> trains any specification.</p>\n"

// plural is a count with its noun: 1 run, 2 runs.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// drawnFrom links the figures and tables that show a group's runs.
func (p *page) drawnFrom(g *group) string {
	var links []string
	for _, e := range p.site.entries {
		for _, d := range e.drawn {
			if d.group == g {
				links = append(links, "<a href=\""+e.file()+"#"+g.id+"\">"+esc(e.Name())+"</a>")
			}
		}
	}
	if links == nil {
		return ""
	}
	return "<p>Drawn from these runs: " + strings.Join(links, ", ") + ".</p>\n"
}

// filterBar is hidden until the script shows it: without scripts the table is whole.
func (p *page) filterBar() string {
	var b strings.Builder
	b.WriteString("<div class=\"filters\" id=\"" + p.takeID("filters") + "\" hidden>\n")
	for _, f := range filters {
		var values []string
		for _, r := range p.site.runs {
			if v := f.value(r); !slices.Contains(values, v) {
				values = append(values, v)
			}
		}
		slices.Sort(values)
		b.WriteString("<label>" + f.name + " <select data-key=\"" + f.key + "\"><option value=\"\">all</option>")
		for _, v := range values {
			b.WriteString("<option>" + esc(v) + "</option>")
		}
		b.WriteString("</select></label>\n")
	}
	b.WriteString("<output></output>\n</div>\n")
	return b.String()
}

// overview is the table of all runs with their last numbers.
func (p *page) overview() string {
	var b strings.Builder
	b.WriteString(`<div class="scroll"><table class="runs">
<thead><tr><th scope="col">Run</th><th scope="col">Data and network</th><th scope="col">Loss</th>` +
		`<th scope="col" class="n">Seed</th><th scope="col">Scale</th><th scope="col" class="n">Epochs</th>`)
	for _, c := range overviewColumns {
		b.WriteString(`<th scope="col" class="n">` + c.name + "</th>")
	}
	b.WriteString("</tr></thead>\n<tbody>\n")
	for _, r := range p.site.runs {
		b.WriteString("<tr")
		for _, f := range filters {
			b.WriteString(" data-" + f.key + "=\"" + esc(f.value(r)) + "\"")
		}
		b.WriteString("><th scope=\"row\"><a href=\"" + r.file + "\">" + esc(r.name) + "</a></th><td>" +
			esc(r.Spec.DataTitle()+", "+r.Spec.NetworkTitle()) + "</td><td class=\"nowrap\">" +
			esc(r.Spec.Loss.String()) + "</td><td class=\"n\">" + strconv.FormatInt(r.Spec.Seed, 10) + "</td><td>" +
			strings.TrimSuffix(scaleWord(r), " scale") + "</td><td class=\"n\">" + epochsText(r) + "</td>")
		for _, c := range overviewColumns {
			b.WriteString("<td class=\"n\">" + lastValue(r, c.key) + "</td>")
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody></table></div>\n")
	return b.String()
}
