package report

import (
	"fmt"
	"strings"

	"github.com/gocollapse/collapse/claims"
)

// scoreboard shows the verdict on every claim: counts, then one line per claim with its details.
func (p *page) scoreboard() string {
	var b strings.Builder
	fmt.Fprintf(&b, "<h2 id=\"%s\">%d claims and what came out</h2>\n<ul class=\"tallies\">\n", p.takeID("claims"),
		len(p.site.results))
	for _, t := range claims.Tallies(p.site.results) {
		fmt.Fprintf(&b, "<li>%s <strong>%d</strong> %s", sign(t.Verdict), t.Count, t.Words())
		if t.Scales != "" && t.Count > 0 {
			b.WriteString(" <small>" + esc(t.Scales) + "</small>")
		}
		b.WriteString("</li>\n")
	}
	b.WriteString("</ul>\n" + howDecided)
	of := map[string]claims.Result{}
	for _, r := range p.site.results {
		of[r.ID] = r
	}
	for _, part := range claims.Parts() {
		b.WriteString("<h3 id=\"" + p.takeID(slug(strings.ToLower(part.Title))) + "\">" + esc(part.Title) + "</h3>\n")
		b.WriteString("<div class=\"board\">\n")
		for _, c := range part.Claims {
			b.WriteString(p.claim(of[c.ID]))
		}
		b.WriteString("</div>\n")
	}
	return b.String()
}

// howDecided says how a verdict is reached.
const howDecided = `<details class="how"><summary>How a verdict is reached</summary>
<ul>
<li>A claim about formulas is decided by computing: <em>closed form</em>.</li>
<li>A claim about training is decided by runs with at least three seeds. Cross entropy (CE) and label smoothing (LS)
are compared seed by seed. The interval is a 95 % interval over seeds.</li>
<li>Many claims are tested on the same runs. Holm’s correction makes up for that, and a claim that does not survive it
is <em>not decided</em>.</li>
<li>Every margin and threshold is also tried at half and at twice its value. A verdict that changes reads
<em>depends on the margin</em>.</li>
<li>d_z is the mean difference between LS and CE, divided by the standard deviation of the differences over seeds.
ρ is Spearman’s rank correlation: 1 for a curve that only rises, −1 for one that only descends.</li>
<li>Runs <em>at reduced scale</em> are smaller or shorter than the paper’s. Their verdicts show what happens at that
scale. They neither confirm nor refute the paper.</li>
</ul>
</details>
<details class="how"><summary>What the words and symbols mean</summary>
<dl>
<div><dt>CE, LS, δ</dt><dd>Cross entropy, and label smoothing with parameter δ: of K classes the target has the label
1 − δ + δ/K and each other class δ/K. δ = 0 is CE. Without a number, LS has the paper’s δ = 0.05.</dd></div>
<div><dt>W, H̄, b</dt><dd>The last layer’s weights, the class means of its input features, and its bias.</dd></div>
<div><dt>NC1, NC2, NC3</dt><dd>Three distances from neural collapse, each 0 at collapse. NC1: how much the features vary
within a class. NC2: how far W H̄ is from a simplex ETF. NC3: how far W is from H̄.</dd></div>
<div><dt>Simplex ETF</dt><dd>K vectors of equal length with equal angles between them, as wide as possible.</dd></div>
<div><dt>ECE, T</dt><dd>Expected calibration error: the mean gap between confidence and accuracy. The temperature T
divides the logits so that confidence fits accuracy.</dd></div>
<div><dt>UFM, s, κ</dt><dd>The unconstrained feature model, which treats features as free variables. s grows with its
penalties, and where s + δ ≥ 1 its minimiser is zero. κ is a condition number.</dd></div>
<div><dt>Terminal phase</dt><dd>Training after the training error has reached zero.</dd></div>
</dl>
</details>
`

// sign is the mark of a verdict. The verdict is next to it in words, so a screen reader skips it.
func sign(v claims.Verdict) string {
	return "<span class=\"mark " + slug(string(v)) + "\" aria-hidden=\"true\">" + v.Mark() + "</span>"
}

// verdictText is a verdict with its scale, in words.
func verdictText(r claims.Result) string {
	return "<span class=\"verdict\">" + esc(string(r.Verdict)) + " <small>" + esc(r.Scale.Words()) + "</small></span>"
}

// claimLine is a claim in one line that leads to its details on another page.
func claimLine(r claims.Result, file string) string {
	return sign(r.Verdict) + " <a href=\"" + file + "#" + r.ID + "\">" + esc(r.Sentence) + "</a> " + verdictText(r)
}

// claim is a claim in one line, with its details below on demand.
func (p *page) claim(r claims.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<details class=\"claim\" id=\"%s\">\n<summary>%s <span class=\"sentence\">%s</span> %s"+
		"</summary>\n",
		p.takeID(r.ID), sign(r.Verdict), esc(r.Sentence), verdictText(r))
	b.WriteString("<dl>\n")
	row := func(name, inner string) {
		if inner != "" {
			b.WriteString("<div><dt>" + esc(name) + "</dt><dd>" + inner + "</dd></div>\n")
		}
	}
	row("In the paper", p.where(r.Claim))
	for _, d := range r.Details() {
		if d.Name != "Verdict" && d.Name != "Scale" { // the line above has them
			row(d.Name, esc(d.Text))
		}
	}
	row("Rests on", p.runLinks(r.StandsOn))
	var missing []string
	for _, name := range claims.ShortNames(r.Missing) {
		missing = append(missing, "<code>"+esc(name)+"</code>")
	}
	if len(missing) > 0 {
		row(fmt.Sprintf("Missing runs: %d", len(r.Missing)), strings.Join(missing, "<br>"))
		row("To make them", "<code>"+esc(r.Command())+"</code>")
	}
	row("How and why", esc(r.Note))
	row("About the runs", esc(r.Caveats))
	row("Name", "<code>"+esc(r.ID)+"</code>")
	b.WriteString("</dl>\n</details>\n")
	return b.String()
}

// where is the place of a claim in the paper, with links to the figures and tables that are here.
func (p *page) where(c claims.Claim) string {
	text := "Section " + c.Section
	if first := c.Section[0]; first >= 'A' && first <= 'Z' {
		text = "Appendix " + c.Section
	}
	text = esc(text + ": " + c.Place)
	var links []string
	for _, id := range c.Shown() {
		for _, e := range p.site.entries {
			if e.ID == id {
				links = append(links, "<a href=\""+e.file()+"\">"+esc(e.Name())+"</a>")
			}
		}
	}
	if links != nil {
		text += " (here: " + strings.Join(links, ", ") + ")"
	}
	return text
}

// runLinks links the names of runs to their pages.
func (p *page) runLinks(names []string) string {
	var links []string
	for _, name := range names {
		if r := p.site.runNamed(name); r != nil {
			links = append(links, "<a href=\""+r.file+"\">"+esc(name)+"</a>")
		} else {
			links = append(links, esc(name))
		}
	}
	return strings.Join(links, ", ")
}

// unsupported lists what the paper's own numbers do not support as worded.
func (p *page) unsupported() string {
	var b strings.Builder
	b.WriteString("<h2 id=\"" + p.takeID("limits") + "\">What the paper’s own numbers do not support</h2>\n" +
		"<p>Counted from the paper’s Tables 1 and 2, or computed from its formulas. No run is needed for that.</p>\n" +
		"<dl class=\"limits\">\n")
	for _, l := range p.site.limits {
		var links []string
		for _, id := range l.Claims {
			links = append(links, "<a href=\"#"+id+"\"><code>"+esc(id)+"</code></a>")
		}
		b.WriteString("<div><dt>" + esc(l.Title) + "</dt><dd>" + esc(l.Finding) + " <small>" +
			strings.Join(links, " ") + "</small></dd></div>\n")
	}
	b.WriteString("</dl>\n")
	return b.String()
}
