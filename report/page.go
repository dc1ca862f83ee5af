package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html"
	"html/template"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/gocollapse/collapse/internal/player"
)

//go:embed page.html
var pageHTML string

//go:embed style.css
var styleCSS string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// page is one file of the site while it is made.
type page struct {
	site           *site
	file           string
	title          string
	within         string // the part of the site that it belongs to: figures, lessons, runs, or ""
	previous, next link
	body           func(*page) (string, error)
	html           []byte
	ids            map[string]bool
}

// link leads to a page of the site; without a file it leads nowhere.
type link struct{ File, Text string }

// write renders the page.
func (p *page) write() error {
	body, err := p.body(p)
	if err != nil {
		return err
	}
	if body, err = finished(body); err != nil {
		return fmt.Errorf("report: page %s: %w", p.file, err)
	}
	css, err := styleSheet()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	err = pageTemplate.Execute(&b, map[string]any{
		"Mark": template.HTML(mark), "Title": p.title, "CSS": css, "Body": template.HTML(body),
		"Parts": p.parts(), "Home": p.file == "index.html", "Previous": p.previous, "Next": p.next,
		"Versions": p.site.versions(), "Date": p.site.date.Format("2 January 2006"),
		"Script": script(body),
	})
	if err != nil {
		return fmt.Errorf("report: page %s: %w", p.file, err)
	}
	p.html = b.Bytes()
	return nil
}

// part is an entry of the navigation. Here is "page", "true" for a page within it, or "".
type part struct{ File, Text, Here string }

// parts is the navigation of the site.
func (p *page) parts() (list []part) {
	add := func(file, text, within string) {
		here := ""
		switch {
		case p.file == file:
			here = "page"
		case within != "" && p.within == within:
			here = "true"
		}
		list = append(list, part{file, text, here})
	}
	add("index.html#claims", "Claims", "")
	add("index.html#figures", "Figures and tables", "figures")
	if len(p.site.notebooks) > 0 {
		add("index.html#lessons", "Lessons", "lessons")
	}
	add("runs.html", "Runs", "runs")
	return list
}

// finished adds the contents to a body, and lets the keyboard scroll what is wider than the page.
func finished(body string) (string, error) {
	body = strings.ReplaceAll(body, `<div class="scroll">`,
		`<div class="scroll" tabindex="0" role="group" aria-label="Table that scrolls sideways">`)
	body = strings.ReplaceAll(body, `<div class="formula">`, `<div class="formula" tabindex="0">`)
	return withContents(body)
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

// script is what the sliders of a page need, or "" for a page without. Nothing else of a page runs:
// the scripts of notebooks' outputs are left out.
func script(body string) template.JS {
	if strings.Contains(body, `class="`+player.Class+`"`) {
		return template.JS(player.Script)
	}
	return ""
}

// versions names what wrote the site and what the runs were made with.
func (s *site) versions() string {
	v := []string{"Collapse " + version(), "commit " + commit(), runtime.Version()}
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

// commit is the commit that this program was built from, as the build knows it.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision, changed := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = " with changes"
		}
	}
	return revision + changed
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
