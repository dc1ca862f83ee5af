package figures

import (
	"strconv"
	"strings"
)

// texSymbols are the characters that LaTeX reads as commands, and those that its text fonts lack.
var texSymbols = strings.NewReplacer(`\`, `\textbackslash{}`, "{", `\{`, "}", `\}`, "%", `\%`, "&", `\&`, "$", `\$`,
	"#", `\#`, "_", `\_`, "~", `\textasciitilde{}`, "^", `\textasciicircum{}`,
	"−", "$-$", "×", `$\times$`, "±", `$\pm$`, "·", `$\cdot$`, "≥", `$\ge$`, "≤", `$\le$`, "<", "$<$", ">", "$>$",
	"δ", `$\delta$`, "κ", `$\kappa$`, "λ", `$\lambda$`, "Σ", `$\Sigma$`, "‖", `$\|$`, "H̄", `$\bar{H}$`,
	"ᵀ", `$^\top$`, "√", `$\sqrt{}$`, "–", "--", "…", `\dots{}`, "“", "``", "”", "''", "→", `$\to$`,
	"₂", "$_2$", "²", "$^2$", "ⁱ", "$^i$", "\u00a0", "~")

// TeX returns the table for LaTeX, with the rules of package booktabs.
func (t *Table) TeX() string {
	tex := texSymbols.Replace
	var b strings.Builder
	b.WriteString("\\begin{table}\n\\centering\n\\caption{" + tex(t.Title+". "+t.Caption) + "}\n\\begin{tabular}{")
	for i := range t.Header {
		if t.numeric(i) {
			b.WriteByte('r')
		} else {
			b.WriteByte('l')
		}
	}
	b.WriteString("}\n\\toprule\n")
	if len(t.Groups) > 0 {
		var cells []string
		for _, g := range t.Groups {
			cells = append(cells, "\\multicolumn{"+strconv.Itoa(g.Columns)+"}{c}{"+tex(g.Name)+"}")
		}
		b.WriteString(strings.Join(cells, " & ") + " \\\\\n")
	}
	line := func(cells []string) {
		for i, c := range cells {
			if i > 0 {
				b.WriteString(" & ")
			}
			b.WriteString(tex(c))
		}
		b.WriteString(" \\\\\n")
	}
	line(t.Header)
	b.WriteString("\\midrule\n")
	for _, r := range t.Rows {
		line(r)
	}
	b.WriteString("\\bottomrule\n\\end{tabular}\n")
	for _, n := range t.Notes {
		b.WriteString("\\par\\smallskip " + tex(n) + "\n")
	}
	b.WriteString("\\end{table}\n")
	return b.String()
}
