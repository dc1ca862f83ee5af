package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gocollapse/collapse/figures"
)

func (r *run) title() string { return "Run " + r.name }

// body is the page of one record.
func (r *run) body(p *page) (string, error) {
	var b strings.Builder
	b.WriteString("<h1>" + esc(r.name) + " " + badge(r) + "</h1>\n")
	d := r.Describe()
	fmt.Fprintf(&b, "<p class=\"lead\">%s under %s on %s: one training run, %s.</p>\n",
		esc(r.Spec.NetworkTitle()), esc(d.Loss), esc(r.Spec.DataTitle()), d.Seed)
	b.WriteString(facts([]*run{r}))

	s := figures.Series{Record: r.Record}
	b.WriteString("<h2 id=\"" + p.takeID("curves") + "\">Curves</h2>\n")
	for _, e := range figures.All() {
		if e.Figure == nil || len(e.From(s)) == 0 {
			continue
		}
		fig, err := e.Figure(s)
		if err != nil {
			return "", fmt.Errorf("report: record %s: %s: %w", r.path, e.Name(), err)
		}
		fig.Number = "" // one run is not the paper's figure
		h, err := p.clean(fig.HTML(), nil)
		if err != nil {
			return "", fmt.Errorf("report: record %s: %s: %w", r.path, e.Name(), err)
		}
		b.WriteString(h)
	}

	if len(r.Epochs) > 0 {
		var all []int
		for _, e := range r.Epochs {
			all = append(all, e.Epoch)
		}
		t, err := figures.Curves([]figures.Series{s})
		if err != nil {
			return "", err
		}
		t.Title, t.Caption = "Chosen epochs", "Errors in evaluation mode; NCC: nearest class mean of "+
			"the training features."
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
	if n > 6 { // metrics by outcome have many, and readers look for what is defined
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
		{"Classes", strings.Join(r.Data.Classes, ", ")}, {"Licence of the images", r.Data.Licence},
		{"Citation of the images", r.Data.Citation},
		{"Mean", floats(r.Data.Mean)}, {"Standard deviation", floats(r.Data.Std)},
		{"Collapse", e.Collapse}, {"Go", e.Go}, {"GoMLX", e.GoMLX}, {"go-xla", e.GoXLA},
		{"System", strings.Trim(e.OS+"/"+e.Arch, "/")},
		{"CPU", e.CPU}, {"Cores", cores}, {"Backend", e.Backend},
		{"Why this backend", e.BackendReason}, {"Device", e.Device},
		{"Plugin", strings.TrimSpace(e.Plugin + " " + e.PluginVersion)},
	})
	if len(r.Data.Files) > 0 {
		b.WriteString("<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Data file</th><th scope=\"col\" " +
			"class=\"n\">Bytes</th><th scope=\"col\">SHA-256</th></tr></thead>\n<tbody>\n")
		for _, f := range r.Data.Files {
			b.WriteString("<tr><td>" + esc(f.Name) + "</td><td class=\"n\">" + thousands(int(f.Size)) +
				"</td><td class=\"hash\"><code>" + esc(f.SHA256) + "</code></td></tr>\n")
		}
		b.WriteString("</tbody></table></div>\n")
	}
	if c := r.Checkpoint; c != nil {
		fmt.Fprintf(&b, "<p>Checkpoint after epoch %d: <code>%s</code>, SHA-256 <code class=\"hash\">%s</code>.</p>\n",
			c.Epoch, esc(c.File), esc(c.SHA256))
	}
	return b.String()
}
