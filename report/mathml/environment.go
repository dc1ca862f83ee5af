package mathml

import (
	"strings"
	"unicode"
)

// environment parses \begin{name} … \end{name}.
func (p *parser) environment(string) (atom, error) {
	name, err := p.raw()
	if err != nil {
		return atom{}, err
	}
	env, ok := environments[name]
	if !ok {
		return atom{}, p.errorf("unknown environment %s", name)
	}
	align := env.align
	if name == "array" {
		spec, err := p.raw()
		if err != nil {
			return atom{}, err
		}
		align = strings.Join(strings.FieldsFunc(spec, func(r rune) bool { return r == '|' || unicode.IsSpace(r) }), "")
		if strings.Trim(align, "lcr") != "" {
			return atom{}, p.errorf("columns of an array are l, c or r, found %q", spec)
		}
	}
	if p.depth++; p.depth > maxDepth {
		return atom{}, p.errorf("groups nest deeper than %d", maxDepth)
	}
	defer func() { p.depth-- }()
	var rows [][]string
	row := []string{}
	for {
		cell, err := p.row(func() bool { return false })
		if err != nil {
			return atom{}, err
		}
		row = append(row, cell)
		switch t := p.next(); t {
		case "&":
		case `\\`, `\cr`:
			if p.peek() == "[" { // \\[2pt]: extra space, which a page does without
				for t := p.next(); t != "]"; t = p.next() {
					if t == "" {
						return atom{}, p.errorf("a closing ] is missing")
					}
				}
			}
			rows = append(rows, row)
			row = nil
		case `\end`:
			end, err := p.raw()
			if err != nil {
				return atom{}, err
			}
			if end != name {
				return atom{}, p.errorf(`\begin{%s} ended by \end{%s}`, name, end)
			}
			if len(row) > 1 || row[0] != mrow("") || len(rows) == 0 {
				rows = append(rows, row)
			}
			return atom{env.render(rows, align), ord}, nil
		default:
			return atom{}, p.errorf(`\end{%s} is missing`, name)
		}
	}
}

func (e environment) render(rows [][]string, align string) string {
	var b strings.Builder
	attr := ""
	if e.display {
		attr = ` displaystyle="true"`
	}
	b.WriteString("<mtable" + attr + ">")
	for _, r := range rows {
		b.WriteString("<mtr>")
		for i, c := range r {
			side := byte('c')
			if align != "" {
				side = align[i%len(align)]
			}
			// Chromium moves a formula in a cell only by its own value; browsers that
			// do not know it keep the first.
			name := map[byte]string{'l': "left", 'c': "center", 'r': "right"}[side]
			style := "text-align:" + name + ";text-align:-webkit-" + name
			if e.aligned {
				// Columns come in pairs, right and left of the sign.
				if i%2 == 0 {
					style += ";padding-right:0"
				} else {
					style += ";padding-left:0"
				}
			}
			b.WriteString(`<mtd style="` + style + `">`)
			if e.aligned && i%2 == 1 {
				b.WriteString("<mrow></mrow>") // so that a leading = keeps its spaces
			}
			b.WriteString(c + "</mtd>")
		}
		b.WriteString("</mtr>")
	}
	b.WriteString("</mtable>")
	out := b.String()
	if e.open != "" || e.close != "" {
		out = mrow(fence(delim{sign: e.open}, "prefix", `stretchy="true"`) + out +
			fence(delim{sign: e.close}, "postfix", `stretchy="true"`))
	}
	return out
}
