// Package mathml turns the LaTeX of formulas, as notebooks and papers write it
// between dollar signs, into MathML Core, which browsers show without a script
// or a font from elsewhere.
//
// It knows the commands that mathematics of this kind uses: fractions, roots,
// scripts, sums with limits, delimiters of every size, accents, alphabets,
// matrices, cases and aligned equations. It is strict: a command that it does
// not know, or braces that do not match, are an error that names the place, so
// that a page never shows a formula other than the one that was written.
//
// Reference: MathML Core, https://www.w3.org/TR/mathml-core/.
package mathml

import (
	"fmt"
	"html"
	"strings"
	"unicode"
)

// Convert returns a <math> element for a formula written in LaTeX, without the
// dollar signs around it; display sets it on a line of its own.
func Convert(tex string, display bool) (string, error) {
	p := &parser{src: []rune(tex)}
	body, err := p.row(func() bool { return p.eof() })
	if err != nil {
		return "", err
	}
	if !p.eof() {
		return "", p.errorf("unexpected %q", string(p.src[p.pos]))
	}
	mode := "inline"
	if display {
		mode = "block"
	}
	return `<math display="` + mode + `" alttext="` + html.EscapeString(strings.Join(strings.Fields(tex), " ")) + `">` + body + "</math>", nil
}

// maxDepth bounds how deep groups may nest; formulas of people stay far below.
const maxDepth = 100

type parser struct {
	src   []rune
	pos   int
	depth int
}

func (p *parser) errorf(format string, args ...any) error {
	lo, hi := max(0, p.pos-12), min(len(p.src), p.pos+12)
	return fmt.Errorf("formula: "+format+" near %q (character %d)", append(args, string(p.src[lo:hi]), p.pos+1)...)
}

func (p *parser) eof() bool { p.space(); return p.pos >= len(p.src) }

// space skips white space and comments.
func (p *parser) space() {
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; {
		case unicode.IsSpace(c):
			p.pos++
		case c == '%':
			for p.pos < len(p.src) && p.src[p.pos] != '\n' {
				p.pos++
			}
		default:
			return
		}
	}
}

// peek returns the next token without taking it: a command with its backslash, or
// one character; "" at the end.
func (p *parser) peek() string {
	at := p.pos
	t := p.next()
	p.pos = at
	return t
}

func (p *parser) next() string {
	p.space()
	if p.pos >= len(p.src) {
		return ""
	}
	start := p.pos
	p.pos++
	if p.src[start] != '\\' || p.pos >= len(p.src) {
		return string(p.src[start])
	}
	if !isLetter(p.src[p.pos]) {
		p.pos++ // \, \| \{ and their like
		return string(p.src[start:p.pos])
	}
	for p.pos < len(p.src) && isLetter(p.src[p.pos]) {
		p.pos++
	}
	if p.pos < len(p.src) && p.src[p.pos] == '*' && string(p.src[start:p.pos]) == `\operatorname` {
		p.pos++
	}
	return string(p.src[start:p.pos])
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// class says what an atom is to its neighbours.
type class int

const (
	ord   class = iota
	oper        // binary operator, relation, opening or separating sign
	fn          // named function: thin spaces around it
	limit       // takes its scripts below and above
	empty       // nothing visible: spaces
)

type atom struct {
	mml string
	class
}

// row parses atoms with their scripts until stop holds or a closing token comes,
// which it leaves.
func (p *parser) row(stop func() bool) (string, error) {
	if p.depth++; p.depth > maxDepth {
		return "", p.errorf("groups nest deeper than %d", maxDepth)
	}
	defer func() { p.depth-- }()
	var b strings.Builder
	last := oper // at the start no space goes before a function
	closing := ""
	for !stop() {
		switch t := p.peek(); t {
		case "", "}", "&", `\\`, `\cr`, `\right`, `\middle`, `\end`:
			b.WriteString(closing)
			return mrow(b.String()), nil
		case `\displaystyle`, `\textstyle`:
			p.next()
			v := "true"
			if t == `\textstyle` {
				v = "false"
			}
			b.WriteString(`<mstyle displaystyle="` + v + `" scriptlevel="0">`)
			closing += "</mstyle>"
			continue
		}
		a, err := p.scripted()
		if err != nil {
			return "", err
		}
		if a.class == fn && last == ord {
			b.WriteString(thin)
		}
		b.WriteString(a.mml)
		if a.class == fn {
			switch p.peek() {
			case "(", "[", `\left`, `\big`, `\Big`, `\bigl`, `\Bigl`, "", "}", ")", "]", ",", "&", `\\`, "=", `\right`, `\,`:
			default:
				b.WriteString(thin)
			}
			a.class = oper
		}
		if a.class != empty {
			last = a.class
		}
	}
	b.WriteString(closing)
	return mrow(b.String()), nil
}

const thin = `<mspace width="0.1667em"></mspace>`

func mrow(s string) string { return "<mrow>" + s + "</mrow>" }

// scripted parses an atom with its subscripts, superscripts and primes.
func (p *parser) scripted() (atom, error) {
	var base atom
	if t := p.peek(); t == "_" || t == "^" || t == "'" {
		base = atom{"<mrow></mrow>", ord} // a script without a base, as in {}^2
	} else {
		var err error
		if base, err = p.atom(); err != nil {
			return base, err
		}
	}
	var sub, sup string
	limits := base.class == limit
	if limits {
		// A big sign such as ∑ is spaced by the browser, a function such as min is not.
		base.class = oper
		if strings.Contains(base.mml, "movablelimits") {
			base.class = fn
		}
	}
	for {
		switch t := p.peek(); t {
		case `\limits`, `\nolimits`:
			p.next()
			limits = t == `\limits`
		case "_", "^":
			p.next()
			a, err := p.argument()
			if err != nil {
				return base, err
			}
			to := &sub
			if t == "^" {
				to = &sup
			}
			if *to != "" && !(t == "^" && strings.HasSuffix(*to, "′</mo>")) {
				return base, p.errorf("a second %s on one base", map[string]string{"_": "subscript", "^": "superscript"}[t])
			}
			if *to != "" {
				a = mrow(*to + a) // x'^2
			}
			*to = a
		case "'":
			n := 0
			for p.peek() == "'" {
				p.next()
				n++
			}
			if sup != "" {
				return base, p.errorf("a prime after a superscript")
			}
			sup = `<mo lspace="0" rspace="0">` + strings.Repeat("′", n) + "</mo>"
		default:
			if sub == "" && sup == "" {
				return base, nil
			}
			base.mml = scripts(base.mml, sub, sup, limits)
			return base, nil
		}
	}
}

func scripts(base, sub, sup string, limits bool) string {
	tag := "m"
	kids := base
	if sub != "" {
		kids += sub
		if limits {
			tag += "under"
		} else {
			tag += "sub"
		}
	}
	if sup != "" {
		kids += sup
		if limits {
			tag += "over"
		} else {
			tag += "sup"
		}
	}
	return "<" + tag + ">" + kids + "</" + tag + ">"
}

// argument parses a group in braces, or one token, as TeX takes arguments.
func (p *parser) argument() (string, error) {
	switch p.peek() {
	case "":
		return "", p.errorf("an argument is missing")
	case "{":
		return p.group()
	case "}", "&", `\\`, "_", "^", `\right`, `\end`:
		return "", p.errorf("an argument is missing")
	}
	if t := p.peek(); t >= "0" && t <= "9" {
		p.next()
		return "<mn>" + t + "</mn>", nil // x^10 is x¹0, as in TeX
	}
	a, err := p.atom()
	return a.mml, err
}

// group parses {…}.
func (p *parser) group() (string, error) {
	p.next()
	body, err := p.row(func() bool { return false })
	if err != nil {
		return "", err
	}
	if p.next() != "}" {
		return "", p.errorf("a closing } is missing")
	}
	return body, nil
}

// raw returns the text between braces as it stands, braces inside matched.
func (p *parser) raw() (string, error) {
	p.space()
	if p.pos >= len(p.src) || p.src[p.pos] != '{' {
		return "", p.errorf("want { after the command")
	}
	depth, start := 0, p.pos+1
	for ; p.pos < len(p.src); p.pos++ {
		switch p.src[p.pos] {
		case '\\':
			p.pos++
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				s := string(p.src[start:p.pos])
				p.pos++
				return s, nil
			}
		}
	}
	p.pos = len(p.src)
	return "", p.errorf("a closing } is missing")
}

// atom parses one thing that can carry scripts.
func (p *parser) atom() (atom, error) {
	if p.pos < len(p.src) {
		p.space()
	}
	start := p.pos
	t := p.next()
	if t == "" {
		return atom{}, p.errorf("the formula ends too early")
	}
	r := []rune(t)[0]
	switch {
	case t == "{":
		p.pos = start
		g, err := p.group()
		return atom{g, ord}, err
	case t == "}" || t == "&" || t == "#" || t == "$":
		return atom{}, p.errorf("unexpected %s", t)
	case t == "~":
		return atom{`<mspace width="0.3333em"></mspace>`, empty}, nil
	case r >= '0' && r <= '9':
		return atom{"<mn>" + string(r) + p.digits() + "</mn>", ord}, nil
	case r == '.' && p.pos < len(p.src) && unicode.IsDigit(p.src[p.pos]):
		return atom{"<mn>." + p.digits() + "</mn>", ord}, nil
	case r == '\\' && len(t) > 1:
		return p.command(t)
	case r == '\\':
		return atom{}, p.errorf("a single backslash at the end")
	case unicode.IsLetter(r):
		return atom{"<mi>" + html.EscapeString(t) + "</mi>", ord}, nil
	case strings.ContainsRune("([", r):
		return atom{`<mo stretchy="false" form="prefix">` + t + "</mo>", oper}, nil
	case strings.ContainsRune(")]", r):
		return atom{`<mo stretchy="false" form="postfix">` + t + "</mo>", ord}, nil
	case r == '|':
		return atom{bar("|"), ord}, nil
	case r == '-':
		return atom{"<mo>−</mo>", oper}, nil
	case r == '*':
		return atom{"<mo>∗</mo>", oper}, nil
	case r == '/':
		return atom{`<mo lspace="0" rspace="0">/</mo>`, oper}, nil
	case r == ',' || r == ';':
		return atom{`<mo separator="true">` + t + "</mo>", oper}, nil
	case strings.ContainsRune("!?.", r):
		return atom{`<mo lspace="0" rspace="0">` + t + "</mo>", ord}, nil
	}
	return atom{"<mo>" + html.EscapeString(t) + "</mo>", oper}, nil
}

// bar is a vertical bar or double bar whose side is not known: no spaces.
func bar(s string) string { return `<mo stretchy="false" lspace="0" rspace="0">` + s + "</mo>" }

// digits takes what belongs to a number after its first digit: digits, and a
// point or {,} between digits.
func (p *parser) digits() string {
	var b strings.Builder
	for p.pos < len(p.src) {
		c := p.src[p.pos]
		switch {
		case unicode.IsDigit(c), c == '.' && p.pos+1 < len(p.src) && unicode.IsDigit(p.src[p.pos+1]):
			b.WriteRune(c)
			p.pos++
		case c == '{' && p.pos+2 < len(p.src) && p.src[p.pos+1] == ',' && p.src[p.pos+2] == '}':
			b.WriteByte(',')
			p.pos += 3
		default:
			return b.String()
		}
	}
	return b.String()
}

// command parses what follows a command that was taken.
func (p *parser) command(t string) (atom, error) {
	name := t[1:]
	if s, ok := symbols[name]; ok {
		return s, nil
	}
	if w, ok := spaces[name]; ok {
		return atom{`<mspace width="` + w + `"></mspace>`, empty}, nil
	}
	if functions[name] {
		return atom{"<mi>" + name + "</mi>", fn}, nil
	}
	if s, ok := limitFunctions[name]; ok {
		return atom{`<mo movablelimits="true" lspace="0" rspace="0">` + s + "</mo>", limit}, nil
	}
	if side := map[string]string{"overline": "top", "underline": "bottom"}[name]; side != "" {
		// A border has the length of what it covers with every font.
		a, err := p.argument()
		return atom{`<mrow style="border-` + side + `:0.06em solid;padding-` + side + `:0.12em">` + a + "</mrow>", ord}, err
	}
	if f, ok := accents[name]; ok {
		a, err := p.argument()
		side := "over"
		if f.under {
			side = "under"
		}
		stretch := "false"
		if f.stretchy {
			stretch = "true"
		}
		c := ord
		if f.limits {
			c = limit
		}
		attr := ` accent="true"`
		if f.under {
			attr = ` accentunder="true"`
		}
		return atom{"<m" + side + attr + ">" + a + `<mo stretchy="` + stretch + `">` + f.sign + "</mo></m" + side + ">", c}, err
	}
	if v, ok := alphabets[name]; ok {
		return p.alphabet(v)
	}
	if size, ok := bigSizes[strings.TrimRight(name, "lrm")]; ok && name != "" {
		form := map[byte]string{'l': "prefix", 'r': "postfix", 'm': "infix"}[name[len(name)-1]]
		d, err := p.delimiter()
		if err != nil {
			return atom{}, err
		}
		c := ord
		if form == "prefix" {
			c = oper
		}
		f := fence(d, form, `stretchy="true" minsize="`+size+`" maxsize="`+size+`"`)
		if t := p.peek(); f != "" && (t == "_" || t == "^") {
			// A delimiter that is the whole base of a script takes its size from
			// elsewhere; beside an empty identifier it keeps its own.
			f = mrow(f + "<mi></mi>")
		}
		return atom{f, c}, nil
	}
	switch name {
	case "frac", "dfrac", "tfrac", "cfrac", "binom":
		num, err := p.argument()
		if err != nil {
			return atom{}, err
		}
		den, err := p.argument()
		if err != nil {
			return atom{}, err
		}
		switch name {
		case "binom":
			return atom{mrow(`<mo>(</mo><mfrac linethickness="0">` + num + den + "</mfrac><mo>)</mo>"), ord}, nil
		case "dfrac", "cfrac":
			return atom{`<mstyle displaystyle="true"><mfrac>` + num + den + "</mfrac></mstyle>", ord}, nil
		case "tfrac":
			return atom{`<mstyle displaystyle="false" scriptlevel="0"><mfrac>` + num + den + "</mfrac></mstyle>", ord}, nil
		}
		return atom{"<mfrac>" + num + den + "</mfrac>", ord}, nil
	case "sqrt":
		if p.peek() == "[" {
			p.next()
			index, err := p.row(func() bool { return p.peek() == "]" })
			if err != nil {
				return atom{}, err
			}
			if p.next() != "]" {
				return atom{}, p.errorf("a closing ] is missing")
			}
			a, err := p.argument()
			return atom{"<mroot>" + a + index + "</mroot>", ord}, err
		}
		a, err := p.argument()
		return atom{"<msqrt>" + a + "</msqrt>", ord}, err
	case "text", "textrm", "textnormal", "mbox", "textbf", "textit", "texttt":
		s, err := p.raw()
		style := map[string]string{"textbf": ` style="font-weight:bold"`, "textit": ` style="font-style:italic"`, "texttt": ` style="font-family:monospace"`}[name]
		// A browser drops spaces at the ends of <mtext>; no-break spaces stay.
		body := strings.NewReplacer(`\ `, "\u00a0", `\%`, "%", `\&`, "&", `\_`, "_", "~", "\u00a0", "\n", " ").Replace(s)
		if strings.ContainsAny(body, `\$`) {
			return atom{}, p.errorf(`\%s takes plain text, found %q`, name, s)
		}
		if t := strings.TrimLeft(body, " "); t != body {
			body = "\u00a0" + t
		}
		if t := strings.TrimRight(body, " "); t != body {
			body = t + "\u00a0"
		}
		return atom{"<mtext" + style + ">" + html.EscapeString(body) + "</mtext>", ord}, err
	case "operatorname", "operatorname*":
		s, err := p.raw()
		if err != nil {
			return atom{}, err
		}
		s = strings.NewReplacer(`\,`, "\u2009", `\ `, "\u00a0", "{", "", "}", "").Replace(s)
		if strings.ContainsAny(s, `\$`) || strings.TrimSpace(s) == "" {
			return atom{}, p.errorf(`\operatorname takes a name, found %q`, s)
		}
		if name == "operatorname*" {
			return atom{`<mo movablelimits="true" lspace="0" rspace="0">` + html.EscapeString(s) + "</mo>", limit}, nil
		}
		return atom{`<mi mathvariant="normal">` + html.EscapeString(s) + "</mi>", fn}, nil
	case "overset", "underset", "stackrel":
		over, err := p.argument()
		if err != nil {
			return atom{}, err
		}
		base, err := p.argument()
		if name == "underset" {
			return atom{"<munder>" + base + over + "</munder>", oper}, err
		}
		return atom{"<mover>" + base + over + "</mover>", oper}, err
	case "not":
		a, err := p.atom()
		if err != nil {
			return a, err
		}
		i := strings.LastIndex(a.mml, "</mo>")
		if i < 0 {
			return a, p.errorf(`\not goes before a relation`)
		}
		return atom{a.mml[:i] + "\u0338" + a.mml[i:], a.class}, nil
	case "mathop":
		a, err := p.argument()
		return atom{a, limit}, err
	case "mathrel", "mathbin", "mathord":
		a, err := p.argument()
		return atom{a, oper}, err
	case "phantom":
		a, err := p.argument()
		return atom{"<mphantom>" + a + "</mphantom>", ord}, err
	case "left":
		return p.fenced()
	case "begin":
		return p.environment()
	case "tag":
		s, err := p.raw()
		return atom{`<mspace width="2em"></mspace><mtext>(` + html.EscapeString(s) + ")</mtext>", ord}, err
	case "label":
		_, err := p.raw()
		return atom{"", empty}, err
	case "nonumber", "notag":
		return atom{"", empty}, nil
	}
	if d, ok := delimiters[t]; ok {
		if t == `\|` || t == `\Vert` || t == `\vert` {
			return atom{bar(d.sign), ord}, nil
		}
		c := ord
		if d.form == "prefix" {
			c = oper
		}
		return atom{fence(d, d.form, `stretchy="false"`), c}, nil
	}
	return atom{}, p.errorf("unknown command %s", t)
}

// alphabet sets the letters and digits of a group in another alphabet.
func (p *parser) alphabet(v variant) (atom, error) {
	p.space()
	if p.peek() != "{" {
		t := p.next()
		if r := []rune(t); len(r) == 1 && (unicode.IsLetter(r[0]) || unicode.IsDigit(r[0])) {
			return atom{v.letters(t), ord}, nil
		}
		if s, ok := symbols[strings.TrimPrefix(t, `\`)]; ok && strings.HasPrefix(t, `\`) {
			return atom{v.inside(s.mml), s.class}, nil
		}
		return atom{}, p.errorf("want a letter or a group after the alphabet's command, found %q", t)
	}
	at := p.pos
	s, err := p.raw()
	if err != nil {
		return atom{}, err
	}
	word := strings.NewReplacer(`\_`, "_", `\,`, "\u2009", `\ `, "\u00a0", "~", "\u00a0", " ", "").Replace(s)
	if v.word && !strings.ContainsAny(word, `\{}_^$&#`) || !v.word && strings.IndexFunc(word, func(r rune) bool { return !isLetter(r) && !unicode.IsDigit(r) }) < 0 {
		return atom{v.letters(word), ord}, nil
	}
	// More than letters: parse the group, then change the letters in it.
	p.pos = at
	g, err := p.argument()
	return atom{v.inside(g), ord}, err
}

// delimiter takes the token after \left, \right, \middle or \big.
func (p *parser) delimiter() (delim, error) {
	t := p.next()
	d, ok := delimiters[t]
	if !ok {
		return d, p.errorf("want a delimiter such as ( | or \\langle, found %q", t)
	}
	return d, nil
}

func fence(d delim, form, attr string) string {
	if d.sign == "" {
		return ""
	}
	if form != "" {
		attr += ` form="` + form + `"`
	}
	if form == "infix" || form == "" {
		attr += ` lspace="0.1em" rspace="0.1em"`
	}
	return `<mo fence="true" ` + attr + ">" + html.EscapeString(d.sign) + "</mo>"
}

// fenced parses \left( … \right) with \middle inside.
func (p *parser) fenced() (atom, error) {
	d, err := p.delimiter()
	if err != nil {
		return atom{}, err
	}
	out := fence(d, "prefix", `stretchy="true"`)
	for {
		body, err := p.row(func() bool { return false })
		if err != nil {
			return atom{}, err
		}
		out += body
		t := p.next()
		if t != `\right` && t != `\middle` {
			return atom{}, p.errorf(`\left without \right`)
		}
		if d, err = p.delimiter(); err != nil {
			return atom{}, err
		}
		if t == `\right` {
			return atom{mrow(out + fence(d, "postfix", `stretchy="true"`)), ord}, nil
		}
		out += fence(d, "infix", `stretchy="true"`)
	}
}

// environment parses \begin{name} … \end{name}.
func (p *parser) environment() (atom, error) {
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
		out = mrow(fence(delim{sign: e.open}, "prefix", `stretchy="true"`) + out + fence(delim{sign: e.close}, "postfix", `stretchy="true"`))
	}
	return out
}
