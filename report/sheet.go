package report

import (
	"bytes"
	"fmt"
	"html/template"
	"strings"

	"github.com/gocollapse/collapse/figures"
)

// A Sheet is one page that needs no other, in the style of the report: what
// collapse measure, calibrate and ufm write under --html.
type Sheet struct {
	Title    string // the page's heading
	Lead     string // plain text under it: what was measured
	Sections []Section
}

// A Section is a part of a Sheet. What it does not hold is left out.
type Section struct {
	Title   string // heading; "" continues the section before
	Text    string // plain text; an empty line begins a new paragraph
	Tables  []*figures.Table
	Figures []*figures.Figure
}

// HTML returns the page, which needs no other file, script or network.
func (s *Sheet) HTML() ([]byte, error) {
	css, err := styleSheet()
	if err != nil {
		return nil, err
	}
	p := &page{site: &site{}, title: s.Title, ids: map[string]bool{"main": true, "top": true}}
	var b strings.Builder
	b.WriteString("<h1>" + esc(s.Title) + "</h1>\n")
	if s.Lead != "" {
		b.WriteString("<p class=\"lead\">" + esc(s.Lead) + "</p>\n")
	}
	for _, sec := range s.Sections {
		if sec.Title != "" {
			b.WriteString("<h2 id=\"" + p.takeID(slug(strings.ToLower(sec.Title))) + "\">" + esc(sec.Title) + "</h2>\n")
		}
		for par := range strings.SplitSeq(sec.Text, "\n\n") {
			if par = strings.TrimSpace(par); par != "" {
				b.WriteString("<p>" + esc(par) + "</p>\n")
			}
		}
		for _, f := range sec.Figures {
			// Clip paths of two figures would share their names.
			h, err := p.clean(f.HTML(), nil)
			if err != nil {
				return nil, fmt.Errorf("report: figure %q: %w", f.Title, err)
			}
			b.WriteString(h)
		}
		for _, t := range sec.Tables {
			b.WriteString(t.HTML())
		}
	}
	body, err := finished(b.String())
	if err != nil {
		return nil, fmt.Errorf("report: page %q: %w", s.Title, err)
	}
	var out bytes.Buffer
	err = pageTemplate.Execute(&out, map[string]any{
		"Mark": template.HTML(`<meta name="generator" content="Collapse">`), "Title": s.Title, "CSS": css,
		"Body": template.HTML(body), "Previous": link{}, "Next": link{}, "Alone": true, "Versions": p.site.versions(),
	})
	if err != nil {
		return nil, fmt.Errorf("report: page %q: %w", s.Title, err)
	}
	return out.Bytes(), nil
}
