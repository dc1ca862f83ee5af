package report

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html"
	"html/template"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/record"
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
	return template.CSS(styleCSS + "\n@media screen and (prefers-color-scheme: dark) {\n" + dark + "}\n@media print, not (prefers-color-scheme: dark) {\n" + light + "}\n"), nil
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
<p class="lead">Collapse is a research environment for <em>neural collapse</em> in Go: it trains networks under cross entropy and label smoothing, measures how far their last layers collapse, and rebuilds the tables and figures of <a href="https://arxiv.org/abs/2402.03979">“Cross Entropy versus Label Smoothing: A Neural Collapse Perspective”</a>. This report shows what was run here, on which data and at which scale, and what came out.</p>
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
	if len(s.runs) == 0 {
		return b.String(), nil
	}
	b.WriteString("<h2 id=\"" + p.takeID("runs") + "\">What was run</h2>\n" + p.overview())
	for _, g := range s.groups() {
		h, err := p.group(g)
		if err != nil {
			return "", err
		}
		b.WriteString(h)
	}
	return b.String(), nil
}

// overview is the table of all runs with their last numbers.
func (p *page) overview() string {
	var b strings.Builder
	b.WriteString(`<p>One line a run, with the numbers of its last epoch. Every name leads to the whole record.</p>
<div class="scroll"><table class="runs">
<thead><tr><th scope="col">Run</th><th scope="col">Data</th><th scope="col">Scale</th><th scope="col">Loss</th><th scope="col" class="n">Epochs</th><th scope="col" class="n">Training error (%)</th><th scope="col" class="n">Test error (%)</th><th scope="col" class="n">NC1</th><th scope="col" class="n">NC2</th><th scope="col" class="n">NC3</th></tr></thead>
<tbody>
`)
	for _, r := range p.site.runs {
		b.WriteString("<tr><th scope=\"row\"><a href=\"" + r.file + "\">" + esc(r.name) + "</a></th><td>" + esc(figures.DataName(r.Spec.Dataset)) + "</td><td>" + badge(r) + "</td><td class=\"nowrap\">" + esc(r.Spec.Loss.String()) + "</td><td class=\"n\">" + epochsText(r) + "</td>")
		e := r.Last()
		if e == nil {
			e = &record.Epoch{}
			nan := record.Number(math.NaN())
			e.TrainError, e.TestError, e.NC1, e.NC2, e.NC3 = nan, nan, nan, nan, nan
		}
		for _, v := range []string{percent(e.TrainError), percent(e.TestError), number(e.NC1), number(e.NC2), number(e.NC3)} {
			b.WriteString("<td class=\"n\">" + v + "</td>")
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody></table></div>\n")
	return b.String()
}

// group shows the runs of one setting: what it was, Figure 1, Table 1 and, of runs at
// the paper's scale, Table 2. Other runs' Table 2 is left to the command: most end before
// their schedule, so that all of its cells would be marked as not the paper's.
func (p *page) group(g []*run) (string, error) {
	var b strings.Builder
	first := g[0]
	title := figures.DataName(first.Spec.Dataset)
	if n := first.Spec.TrainPerClass; n > 0 {
		title += fmt.Sprintf(", %d images a class", n)
	}
	title += fmt.Sprintf(", %s of width %d", figures.NetworkName(first.Spec.Model), first.Spec.Width)
	b.WriteString("<section class=\"group\">\n<h2 id=\"" + p.takeID(slug(strings.ToLower(title))) + "\">" + esc(title) + " " + badge(first) + "</h2>\n")
	b.WriteString(facts(g))
	fig, err := figures.Figure1(series(g)...)
	if err != nil {
		return "", fmt.Errorf("report: %w", err)
	}
	h, err := p.clean(fig.HTML(), nil)
	if err != nil {
		return "", fmt.Errorf("report: %w", err)
	}
	b.WriteString(h)
	switch t, err := figures.Table1(series(g)...); {
	case errors.Is(err, figures.ErrNoEpochs):
		b.WriteString("<p class=\"note\">There is no Table 1 for these runs: they are shorter than its first epoch, 10. No claim of the paper is judged.</p>\n")
	case err != nil:
		return "", fmt.Errorf("report: %w", err)
	default:
		b.WriteString(t.HTML())
		if !slices.ContainsFunc(g, func(r *run) bool { return !figures.PaperScale(r.Record) }) {
			if t, err = figures.Table2(series(g)...); err != nil {
				return "", fmt.Errorf("report: %w", err)
			}
			b.WriteString(t.HTML())
		}
	}
	b.WriteString("</section>\n")
	return b.String(), nil
}

func series(g []*run) []figures.Series {
	var s []figures.Series
	for _, r := range g {
		s = append(s, figures.Series{Record: r.Record})
	}
	return s
}

// fact is a line of a run's description.
type fact struct {
	name  string
	value func(*run) string
}

var allFacts = []fact{
	{"Data set", func(r *run) string { return esc(figures.DataName(r.Spec.Dataset)) }},
	{"Data bytes", func(r *run) string {
		b := r.Data.Bytes
		if b == "" {
			b = "not stated"
		}
		if r.Data.Source != "" {
			b += " (" + r.Data.Source + ")"
		}
		return esc(b)
	}},
	{"Images", func(r *run) string {
		if r.Data.Train == 0 {
			return "not stated"
		}
		s := fmt.Sprintf("%s training, %s test", thousands(r.Data.Train), thousands(r.Data.Test))
		if r.Data.Height > 0 {
			s += fmt.Sprintf("; %d×%d×%d", r.Data.Height, r.Data.Width, r.Data.Channels)
		}
		return esc(s)
	}},
	{"Preparation", func(r *run) string { return esc(r.Data.Preparation) }},
	{"Network", func(r *run) string {
		s := fmt.Sprintf("%s, width %d", figures.NetworkName(r.Spec.Model), r.Spec.Width)
		if r.Model.Parameters > 0 {
			s += fmt.Sprintf(", %s parameters, %d features", thousands(r.Model.Parameters), r.Model.Features)
		}
		return esc(s)
	}},
	{"Loss", func(r *run) string { return esc(r.Spec.Loss.Words()) }},
	{"Epochs", func(r *run) string { return epochsText(r) }},
	{"Optimiser", func(r *run) string {
		s := fmt.Sprintf("SGD, batch %d, rate %g, momentum %g, decay %g", r.Spec.Batch, r.Spec.Rate, r.Spec.Momentum, r.Spec.Decay)
		if len(r.Spec.Milestones) > 0 {
			s += fmt.Sprintf("; rate ×%g after epochs %s", r.Spec.Gamma, strings.Trim(strings.Join(strings.Fields(fmt.Sprint(r.Spec.Milestones)), ", "), "[]"))
		}
		return esc(s)
	}},
	{"Scale", func(r *run) string { return badge(r) }},
	{"Seed", func(r *run) string { return strconv.FormatInt(r.Spec.Seed, 10) }},
	{"Backend", func(r *run) string { return esc(strings.TrimSpace(r.Environment.Backend)) }},
	{"Device", func(r *run) string { return esc(figures.Machine(r.Environment)) }},
	{"Time", func(r *run) string { return esc(duration(r.Seconds)) }},
	{"Started", func(r *run) string {
		if r.Started.IsZero() {
			return ""
		}
		return esc(r.Started.UTC().Format("2 January 2006, 15:04 UTC"))
	}},
	{"Record", func(r *run) string { return "<code>" + esc(r.path) + "</code>" }},
}

// facts is a table with a column a run; what all runs share stands once.
func facts(g []*run) string {
	var b strings.Builder
	b.WriteString("<div class=\"scroll\"><table class=\"facts\">\n")
	if len(g) > 1 {
		b.WriteString("<thead><tr><td></td>")
		for _, r := range g {
			b.WriteString("<th scope=\"col\"><a href=\"" + r.file + "\">" + esc(r.name) + "</a></th>")
		}
		b.WriteString("</tr></thead>\n")
	}
	b.WriteString("<tbody>\n")
	for _, f := range allFacts {
		var vs []string
		for _, r := range g {
			vs = append(vs, f.value(r))
		}
		if strings.Join(vs, "") == "" {
			continue
		}
		b.WriteString("<tr><th scope=\"row\">" + f.name + "</th>")
		if len(slices.Compact(slices.Clone(vs))) == 1 {
			span := ""
			if len(vs) > 1 {
				span = " colspan=\"" + strconv.Itoa(len(vs)) + "\""
			}
			b.WriteString("<td" + span + ">" + vs[0] + "</td>")
		} else {
			for _, v := range vs {
				b.WriteString("<td>" + v + "</td>")
			}
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody></table></div>\n")
	return b.String()
}

func (r *run) title() string { return "Run " + r.name }

// body is the page of one record.
func (r *run) body(p *page) (string, error) {
	var b strings.Builder
	b.WriteString("<h1>" + esc(r.name) + " " + badge(r) + "</h1>\n")
	fmt.Fprintf(&b, "<p class=\"lead\">%s of width %d under %s on %s: one training run, seed %d.</p>\n",
		esc(figures.NetworkName(r.Spec.Model)), r.Spec.Width, esc(r.Spec.Loss.Words()), esc(figures.DataName(r.Spec.Dataset)), r.Spec.Seed)
	b.WriteString(facts([]*run{r}))

	s := figures.Series{Record: r.Record}
	fig, err := figures.Figure1(s)
	if err != nil {
		return "", fmt.Errorf("report: record %s: %w", r.path, err)
	}
	fig.Number = "" // one run is not the paper's figure
	h, err := p.clean(fig.HTML(), nil)
	if err != nil {
		return "", fmt.Errorf("report: record %s: %w", r.path, err)
	}
	b.WriteString("<h2 id=\"" + p.takeID("curves") + "\">Curves</h2>\n" + h)

	if len(r.Epochs) > 0 {
		var all []int
		for _, e := range r.Epochs {
			all = append(all, e.Epoch)
		}
		t, err := figures.Curves([]figures.Series{s})
		if err != nil {
			return "", err
		}
		t.Title, t.Caption = "Chosen epochs", "Errors in evaluation mode; NCC: nearest class mean of the training features."
		b.WriteString(t.HTML())
		full, err := figures.Curves([]figures.Series{s}, all...)
		if err != nil {
			return "", err
		}
		full.Title, full.Caption = "Every epoch", ""
		b.WriteString("<details><summary>Every epoch</summary>\n" + full.HTML() + "</details>\n")
	}
	b.WriteString(r.notes())
	b.WriteString("<h2 id=\"" + p.takeID("origin") + "\">Data and software</h2>\n" + r.origin())
	return b.String(), nil
}

// notes lists why values are null.
func (r *run) notes() string {
	var b strings.Builder
	n := 0
	for _, e := range r.Epochs {
		var keys []string
		n += len(e.Notes)
		for k := range e.Notes {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			fmt.Fprintf(&b, "<li>Epoch %d, <code>%s</code>: %s</li>\n", e.Epoch, esc(k), esc(e.Notes[k]))
		}
	}
	if n == 0 {
		return ""
	}
	list := "<ul>\n" + b.String() + "</ul>\n"
	if n > 6 { // figures by outcome have many, and the page is read for what is defined
		list = fmt.Sprintf("<details><summary>%d values, each with its reason</summary>\n%s</details>\n", n, list)
	}
	return "<h2>Values that are not defined</h2>\n" + list
}

// origin is the tables of data files and of software.
func (r *run) origin() string {
	var b strings.Builder
	rows := func(kv [][2]string) {
		b.WriteString("<div class=\"scroll\"><table class=\"facts\"><tbody>\n")
		for _, x := range kv {
			if x[1] != "" {
				b.WriteString("<tr><th scope=\"row\">" + esc(x[0]) + "</th><td>" + esc(x[1]) + "</td></tr>\n")
			}
		}
		b.WriteString("</tbody></table></div>\n")
	}
	e := r.Environment
	var cores string
	if e.Cores > 0 {
		cores = strconv.Itoa(e.Cores)
	}
	rows([][2]string{
		{"Classes", strings.Join(r.Data.Classes, ", ")}, {"Licence of the images", r.Data.Licence}, {"Citation of the images", r.Data.Citation},
		{"Mean", floats(r.Data.Mean)}, {"Standard deviation", floats(r.Data.Std)},
		{"Collapse", e.Collapse}, {"Go", e.Go}, {"GoMLX", e.GoMLX}, {"go-xla", e.GoXLA}, {"System", strings.Trim(e.OS+"/"+e.Arch, "/")},
		{"CPU", e.CPU}, {"Cores", cores}, {"Backend", e.Backend}, {"Why this backend", e.BackendReason}, {"Device", e.Device},
		{"Plugin", strings.TrimSpace(e.Plugin + " " + e.PluginVersion)},
	})
	if len(r.Data.Files) > 0 {
		b.WriteString("<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Data file</th><th scope=\"col\" class=\"n\">Bytes</th><th scope=\"col\">SHA-256</th></tr></thead>\n<tbody>\n")
		for _, f := range r.Data.Files {
			b.WriteString("<tr><td>" + esc(f.Name) + "</td><td class=\"n\">" + thousands(int(f.Size)) + "</td><td class=\"hash\"><code>" + esc(f.SHA256) + "</code></td></tr>\n")
		}
		b.WriteString("</tbody></table></div>\n")
	}
	if c := r.Checkpoint; c != nil {
		fmt.Fprintf(&b, "<p>Checkpoint after epoch %d: <code>%s</code>, SHA-256 <code class=\"hash\">%s</code>.</p>\n", c.Epoch, esc(c.File), esc(c.SHA256))
	}
	return b.String()
}

// badge says the scale in a word that is seen.
func badge(r *run) string {
	if figures.PaperScale(r.Record) {
		return `<span class="badge paper">paper scale</span>`
	}
	return `<span class="badge">reduced scale</span>`
}

// epochsText is the number of epochs, with what was asked for where that is more.
func epochsText(r *run) string {
	n := 0
	if e := r.Last(); e != nil {
		n = e.Epoch
	}
	if r.Status == record.Finished && n == r.Spec.Epochs {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d of %d (%s)", n, r.Spec.Epochs, esc(string(r.Status)))
}

func percent(v record.Number) string {
	if x := float64(v); !math.IsNaN(x) && !math.IsInf(x, 0) {
		return strconv.FormatFloat(100*x, 'f', 2, 64)
	}
	return "–"
}

func number(v record.Number) string {
	x := float64(v)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "–"
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

func floats(v []float64) string {
	var s []string
	for _, x := range v {
		s = append(s, strconv.FormatFloat(x, 'g', 5, 64))
	}
	return strings.Join(s, ", ")
}

// thousands sets narrow spaces between groups of three digits.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

func duration(seconds float64) string {
	if !(seconds > 0) || math.IsInf(seconds, 0) {
		return ""
	}
	d := time.Duration(math.Min(seconds, 1e9) * float64(time.Second)).Round(time.Second)
	switch {
	case d < time.Second:
		return "under a second"
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
