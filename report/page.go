package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html"
	"html/template"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/ufm"
)

//go:embed page.html
var pageHTML string

//go:embed style.css
var styleCSS string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// page is one file of the site while it is made.
type page struct {
	site  *site
	file  string
	title string
	html  []byte
	ids   map[string]bool
}

// link is an entry of the navigation.
type link struct {
	File, Text string
	Here       bool
}

// pages renders the whole site.
func (s *site) pages() ([]*page, error) {
	css, err := styleSheet()
	if err != nil {
		return nil, err
	}
	var out []*page
	add := func(file, title string, body func(*page) (string, error)) error {
		p := &page{site: s, file: file, title: title, ids: map[string]bool{"main": true, "top": true}}
		b, err := body(p)
		if err != nil {
			return err
		}
		if p.html, err = p.render(css, b); err != nil {
			return err
		}
		out = append(out, p)
		return nil
	}
	if err := add("index.html", "Collapse: report", (*page).index); err != nil {
		return nil, err
	}
	for _, nb := range s.notebooks {
		if err := add(nb.file, nb.title(), nb.body); err != nil {
			return nil, err
		}
	}
	for _, r := range s.runs {
		if err := add(r.file, r.title(), r.body); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// styleSheet is the style sheet of every page: the site's and that of code, for
// light and dark.
func styleSheet() (template.CSS, error) {
	light, err := codeCSS("github")
	if err != nil {
		return "", err
	}
	dark, err := codeCSS("github-dark")
	if err != nil {
		return "", err
	}
	return template.CSS(styleCSS + "\n@media screen and (prefers-color-scheme: dark) {\n" + dark +
		"}\n@media print, not (prefers-color-scheme: dark) {\n" + light + "}\n"), nil
}

func (p *page) render(css template.CSS, body string) ([]byte, error) {
	nav := func(ls []link) []link {
		for i := range ls {
			ls[i].Here = ls[i].File == p.file
		}
		return ls
	}
	var lessons, runs []link
	for _, nb := range p.site.notebooks {
		lessons = append(lessons, link{File: nb.file, Text: nb.title()})
	}
	for _, r := range p.site.runs {
		runs = append(runs, link{File: r.file, Text: r.name})
	}
	var b bytes.Buffer
	err := pageTemplate.Execute(&b, map[string]any{
		"Mark": template.HTML(mark), "Title": p.title, "CSS": css, "Body": template.HTML(body),
		"Home": p.file == "index.html", "Lessons": nav(lessons), "Runs": nav(runs), "Versions": p.site.versions(),
	})
	if err != nil {
		return nil, fmt.Errorf("report: page %s: %w", p.file, err)
	}
	return b.Bytes(), nil
}

// versions names what wrote the site and what the runs were made with.
func (s *site) versions() string {
	v := []string{"Collapse " + version(), runtime.Version()}
	seen := map[string]bool{}
	for _, r := range s.runs {
		e := r.Environment
		for _, x := range [][2]string{{"GoMLX", e.GoMLX}, {"go-xla", e.GoXLA}, {"backend", e.Backend}} {
			if t := x[0] + " " + x[1]; x[1] != "" && !seen[t] {
				seen[t] = true
				v = append(v, t)
			}
		}
	}
	return strings.Join(v, " · ")
}

// version is this module's version as the build knows it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown version)"
	}
	const path = "github.com/gocollapse/collapse"
	if info.Main.Path == path && info.Main.Version != "" {
		return info.Main.Version
	}
	for _, d := range info.Deps {
		if d.Path == path {
			return d.Version
		}
	}
	return "(devel)"
}

func esc(s string) string { return html.EscapeString(s) }

// index is the front page.
func (p *page) index() (string, error) {
	s := p.site
	var b strings.Builder
	b.WriteString(`<h1>Collapse</h1>
<p class="lead">Collapse is a research environment for <em>neural collapse</em> in Go. It trains networks under
cross entropy and label smoothing, measures how far their last layers collapse, and rebuilds the tables and figures of
<a href="https://arxiv.org/abs/2402.03979">“Cross Entropy versus Label Smoothing: A Neural Collapse Perspective”</a>.
This report shows what was run here, on which data and at which scale, and what came out.</p>
`)
	if len(s.notebooks) > 0 {
		b.WriteString("<h2 id=\"" + p.takeID("lessons") + "\">Lessons</h2>\n<ul class=\"cards\">\n")
		for _, nb := range s.notebooks {
			sum, err := p.markdown(nb.summary(), nil)
			if err != nil {
				return "", err
			}
			b.WriteString("<li><h3><a href=\"" + nb.file + "\">" + esc(nb.title()) + "</a></h3>\n" + sum + "</li>\n")
		}
		b.WriteString("</ul>\n")
	}
	theory, err := p.theory()
	if err != nil {
		return "", err
	}
	if len(s.runs) == 0 {
		return b.String() + theory, nil
	}
	b.WriteString("<h2 id=\"" + p.takeID("runs") + "\">What was run</h2>\n" + p.overview())
	for _, g := range s.groups() {
		h, err := p.group(g)
		if err != nil {
			return "", err
		}
		b.WriteString(h)
	}
	return b.String() + theory, nil
}

// overviewColumns are the metrics of the last epoch in the table of all runs.
var overviewColumns = []struct{ key, name string }{
	{"train_error", "Training error (%)"}, {"test_error", "Test error (%)"}, {"nc1", "NC1"},
	{"nc2", "NC2"}, {"nc3", "NC3"},
}

// overview is the table of all runs with their last numbers.
func (p *page) overview() string {
	var b strings.Builder
	b.WriteString(`<p>One line per run, with the numbers of its last epoch. Every name leads to the whole record.</p>
<div class="scroll"><table class="runs">
<thead><tr><th scope="col">Run</th><th scope="col">Data</th><th scope="col">Scale</th><th scope="col">Loss</th>` +
		`<th scope="col" class="n">Epochs</th>`)
	for _, c := range overviewColumns {
		b.WriteString(`<th scope="col" class="n">` + c.name + "</th>")
	}
	b.WriteString("</tr></thead>\n<tbody>\n")
	for _, r := range p.site.runs {
		b.WriteString("<tr><th scope=\"row\"><a href=\"" + r.file + "\">" + esc(r.name) + "</a></th><td>" +
			esc(record.DataName(r.Spec.Dataset)) + "</td><td>" + badge(r) + "</td><td class=\"nowrap\">" +
			esc(r.Spec.Loss.String()) + "</td><td class=\"n\">" + epochsText(r) + "</td>")
		for _, c := range overviewColumns {
			b.WriteString("<td class=\"n\">" + lastValue(r, c.key) + "</td>")
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody></table></div>\n")
	return b.String()
}

// theory shows the closed forms of figures.All in the paper's simulated setting.
func (p *page) theory() (string, error) {
	var b strings.Builder
	for _, e := range figures.All() {
		if e.Theory == nil {
			continue
		}
		f, err := e.Theory(ufm.PaperParams())
		if err != nil {
			return "", fmt.Errorf("report: %s: %w", e.Name(), err)
		}
		f.Title = e.Name() + ": " + f.Title
		h, err := p.clean(f.HTML(), nil)
		if err != nil {
			return "", fmt.Errorf("report: %s: %w", e.Name(), err)
		}
		b.WriteString(h)
	}
	return "<h2 id=\"" + p.takeID("theory") + "\">Theory</h2>\n" + b.String(), nil
}

// group shows the runs of one setting: what it was, and each figure and table of figures.All that
// can be made from them.
func (p *page) group(g []*run) (string, error) {
	var b strings.Builder
	first := g[0]
	title := first.Spec.DataTitle() + ", " + first.Spec.NetworkTitle()
	b.WriteString("<section class=\"group\">\n<h2 id=\"" + p.takeID(slug(strings.ToLower(title))) + "\">" +
		esc(title) + " " + badge(first) + "</h2>\n")
	b.WriteString(facts(g))
	var absent []string
	for _, e := range figures.All() {
		if e.Theory != nil || e.PaperScale && !atPaperScale(g) {
			continue
		}
		runs := e.From(series(g)...)
		if len(runs) == 0 {
			absent = append(absent, fmt.Sprintf("There is no %s for these runs: it needs %s.", e.Name(), e.Needs))
			continue
		}
		h, err := p.made(e, runs)
		if err != nil {
			return "", err
		}
		b.WriteString(h)
	}
	if absent != nil {
		b.WriteString("<p class=\"note\">" + esc(strings.Join(absent, " ")) + "</p>\n")
	}
	b.WriteString("</section>\n")
	return b.String(), nil
}

// made returns the figure or table of an entry for some runs.
func (p *page) made(e figures.Entry, runs []figures.Series) (string, error) {
	if e.Table != nil {
		t, err := e.Table(runs...)
		if err != nil {
			return "", fmt.Errorf("report: %s: %w", e.Name(), err)
		}
		return t.HTML(), nil
	}
	f, err := e.Figure(runs...)
	if err != nil {
		return "", fmt.Errorf("report: %s: %w", e.Name(), err)
	}
	return p.clean(f.HTML(), nil)
}

// atPaperScale says whether all runs of a group are at the paper's scale.
func atPaperScale(g []*run) bool {
	return !slices.ContainsFunc(g, func(r *run) bool { return !r.AtPaperScale() })
}

func series(g []*run) []figures.Series {
	var s []figures.Series
	for _, r := range g {
		s = append(s, figures.Series{Record: r.Record})
	}
	return s
}
