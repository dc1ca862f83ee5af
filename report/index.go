package report

import (
	"fmt"
	"strings"
)

// index is the front page: claims, figures and tables, lessons, runs.
func (p *page) index() (string, error) {
	s := p.site
	var b strings.Builder
	b.WriteString(`<h1>What the paper claims, and what was found</h1>
<p class="lead">The paper is <a href="https://arxiv.org/abs/2402.03979">“Cross Entropy versus Label Smoothing:
A Neural Collapse Perspective”</a>. Collapse trains networks under both losses, measures <em>neural collapse</em>
and calibration, and computes the paper’s formulas. This report shows each claim with its verdict, and what the
verdict rests on.</p>
`)
	b.WriteString(p.scoreboard() + p.unsupported())
	figures, err := p.gallery()
	if err != nil {
		return "", err
	}
	b.WriteString(figures)
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
	b.WriteString("<h2 id=\"" + p.takeID("runs") + "\">Runs</h2>\n")
	if len(s.runs) == 0 {
		b.WriteString(noRuns)
		return b.String(), nil
	}
	fmt.Fprintf(&b, "<p><a href=\"runs.html\">%s in %s</a>, with the numbers of the last epoch and what each setting "+
		"was:</p>\n<ul>\n", plural(len(s.runs), "run"), plural(len(s.groups), "setting"))
	for _, g := range s.groups {
		fmt.Fprintf(&b, "<li><a href=\"runs.html#%s\">%s</a>: %s %s</li>\n", g.id, esc(g.title),
			plural(len(g.runs), "run"), badge(g.runs[0]))
	}
	b.WriteString("</ul>\n")
	return b.String(), nil
}

// gallery shows a small picture of each figure, and the names of the tables.
func (p *page) gallery() (string, error) {
	var b strings.Builder
	b.WriteString("<h2 id=\"" + p.takeID("figures") + "\">Figures and tables</h2>\n<ul class=\"cards gallery\">\n")
	for _, e := range p.site.entries {
		inner := ""
		switch {
		case len(e.drawn) == 0:
			inner = "<div class=\"missing\">Missing: it needs " + esc(e.needs()) + ".</div>"
		case e.Table == nil:
			svg, err := p.clean(string(e.drawn[0].figure.SVG), nil)
			if err != nil {
				return "", fmt.Errorf("report: %s: %w", e.Name(), err)
			}
			inner = "<div class=\"thumb\" aria-hidden=\"true\">" + svg + "</div>"
		}
		b.WriteString("<li><h3><a href=\"" + e.file() + "\">" + esc(e.Name()) + "</a></h3>\n<p>" + esc(e.Title) + ". " +
			esc(e.lead()) + "</p>" + inner + "</li>\n")
	}
	b.WriteString("</ul>\n")
	return b.String(), nil
}
