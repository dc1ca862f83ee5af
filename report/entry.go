package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/claims"
	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/ufm"
)

// entry is a figure or table with what was made of it.
type entry struct {
	figures.Entry
	drawn  []drawing
	absent []*group // settings whose runs do not hold what it needs
}

// drawing is a figure or table for the runs of one setting, or in closed form.
type drawing struct {
	group  *group // nil in closed form
	figure *figures.Figure
	table  *figures.Table
	files  []download
}

// download is a file of the site next to its pages.
type download struct {
	name, kind string // files/fig1-x.svg, SVG
	bytes      []byte
}

func (e *entry) file() string { return e.ID + ".html" }

// make draws the entry without runs, where it can, and for every setting that holds what it needs.
func (e *entry) make(groups []*group) error {
	if e.Theory != nil {
		f, err := e.Theory(ufm.PaperParams())
		if err != nil {
			return fmt.Errorf("report: %s: %w", e.Name(), err)
		}
		if err := e.add(drawing{figure: f}, e.ID); err != nil {
			return err
		}
	}
	if !e.fromRuns() {
		return nil
	}
	for _, g := range groups {
		runs := e.From(g.series()...)
		switch {
		case e.PaperScale && !g.atPaperScale(), len(runs) == 0:
			e.absent = append(e.absent, g)
			continue
		}
		d := drawing{group: g}
		var err error
		if e.Table != nil {
			d.table, err = e.Table(runs...)
		} else {
			d.figure, err = e.Figure(runs...)
		}
		if err != nil {
			return fmt.Errorf("report: %s of %s: %w", e.Name(), g.title, err)
		}
		if err := e.add(d, e.ID+"-"+g.id); err != nil {
			return err
		}
	}
	return nil
}

// fromRuns reports whether runs make the entry.
func (e *entry) fromRuns() bool { return e.Figure != nil || e.Table != nil }

// add keeps a drawing with its files, whose names begin with base.
func (e *entry) add(d drawing, base string) error {
	file := func(ext, kind string, b []byte) {
		d.files = append(d.files, download{downloads + "/" + base + ext, kind, b})
	}
	if d.table != nil {
		b, err := d.table.CSV()
		if err != nil {
			return fmt.Errorf("report: %s: %w", e.Name(), err)
		}
		file(".csv", "CSV", b)
		file(".md", "Markdown", []byte(d.table.Markdown()))
	} else {
		file(".svg", "SVG", d.figure.SVG)
		file(".png", "PNG", d.figure.PNG)
	}
	e.drawn = append(e.drawn, d)
	return nil
}

// body is the page of an entry.
func (e *entry) body(p *page) (string, error) {
	var b strings.Builder
	b.WriteString("<h1>" + esc(e.Name()+": "+e.Title) + "</h1>\n<p class=\"lead\">" + e.lead() + "</p>\n")
	for _, d := range e.drawn {
		if d.group != nil {
			b.WriteString("<h2 id=\"" + p.takeID(d.group.id) + "\">" + esc(d.group.title) + " " +
				badge(d.group.runs[0]) + "</h2>\n")
		} else {
			b.WriteString("<h2 id=\"" + p.takeID("without-runs") + "\">Without runs</h2>\n")
		}
		h, err := d.html(p)
		if err != nil {
			return "", fmt.Errorf("report: %s: %w", e.Name(), err)
		}
		b.WriteString(h)
	}
	if !slices.ContainsFunc(e.drawn, func(d drawing) bool { return d.group != nil }) && e.fromRuns() {
		b.WriteString(e.missing())
	}
	if list := p.site.claimsOn(e.Entry); len(list) > 0 {
		b.WriteString("<h2 id=\"" + p.takeID("claims") + "\">What the paper says here</h2>\n<ul class=\"board\">\n")
		for _, r := range list {
			b.WriteString("<li>" + claimLine(r, "index.html") + "</li>\n")
		}
		b.WriteString("</ul>\n")
	}
	if len(e.absent) > 0 {
		b.WriteString("<h2 id=\"" + p.takeID("absent") + "\">Runs without it</h2>\n<p>It needs " + esc(e.needs()) +
			". The runs of these settings do not have that:</p>\n<ul>\n")
		for _, g := range e.absent {
			b.WriteString("<li><a href=\"runs.html#" + g.id + "\">" + esc(g.title) + "</a></li>\n")
		}
		b.WriteString("</ul>\n")
	}
	return b.String(), nil
}

// lead says what the page shows.
func (e *entry) lead() string {
	n, computed := len(e.drawn), ""
	if e.Theory != nil {
		if !e.fromRuns() {
			return "Computed from the unconstrained feature model, without any run."
		}
		n, computed = n-1, " It is also computed from the unconstrained feature model, without any run."
	}
	switch {
	case n == 0:
		return "No run shows it yet." + computed
	case n == 1:
		return "Drawn from the runs of one setting." + computed
	default:
		return fmt.Sprintf("Drawn from the runs of %d settings, each apart.", n) + computed
	}
}

// needs says what an entry's runs must hold.
func (e *entry) needs() string {
	s := e.Needs
	if e.PaperScale {
		s += ", at the paper's scale"
	}
	return s
}

// missing is the panel in the place of a picture without runs.
func (e *entry) missing() string {
	return "<div class=\"missing\"><p><strong>" + esc(e.Name()) + " is missing.</strong> It needs " + esc(e.needs()) +
		".</p><p>This makes the runs and draws it: <code>collapse reproduce " + esc(e.ID) + " --run</code></p></div>\n"
}

// html returns the drawing with its words and files.
func (d *drawing) html(p *page) (string, error) {
	var b strings.Builder
	if d.table != nil {
		b.WriteString(d.table.HTML())
	} else {
		h, err := p.clean(d.figure.HTML(), nil)
		if err != nil {
			return "", err
		}
		b.WriteString(h)
	}
	b.WriteString("<p class=\"files\">Files:")
	for _, f := range d.files {
		b.WriteString(" <a href=\"" + f.name + "\">" + f.kind + "</a>")
	}
	b.WriteString("</p>\n")
	if d.figure != nil && d.figure.Alt != "" {
		b.WriteString("<details><summary>The picture in words</summary><p>" + esc(d.figure.Alt) + "</p></details>\n")
	}
	return b.String(), nil
}

// claimsOn lists the results of the claims that the paper states at an entry.
func (s *site) claimsOn(e figures.Entry) (list []claims.Result) {
	for _, r := range s.results {
		if slices.Contains(r.Shown(), e.ID) {
			list = append(list, r)
		}
	}
	return list
}
