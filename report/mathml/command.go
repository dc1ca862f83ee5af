package mathml

import (
	"html"
	"strings"
	"unicode"
)

// command parses what follows a command that was taken.
func (p *parser) command(t string) (atom, error) {
	name := t[1:]
	if a, ok := sign(name); ok {
		return a, nil
	}
	if side := map[string]string{"overline": "top", "underline": "bottom"}[name]; side != "" {
		// A border has the length of what it covers with every font.
		a, err := p.argument()
		style := "border-" + side + ":0.06em solid;padding-" + side + ":0.12em"
		return atom{`<mrow style="` + style + `">` + a + "</mrow>", ord}, err
	}
	if f, ok := accents[name]; ok {
		return p.accented(f)
	}
	if v, ok := alphabets[name]; ok {
		return p.alphabet(v)
	}
	if size, ok := bigSizes[strings.TrimRight(name, "lrm")]; ok && name != "" {
		return p.bigDelimiter(name, size)
	}
	if parse := structure(name); parse != nil {
		return parse(p, name)
	}
	if d, ok := delimiters[t]; ok {
		return loneDelimiter(t, d), nil
	}
	return atom{}, p.errorf("unknown command %s", t)
}

// sign returns a command for a sign, a space or a function, without an argument.
func sign(name string) (atom, bool) {
	if s, ok := symbols[name]; ok {
		return s, true
	}
	if w, ok := spaces[name]; ok {
		return atom{`<mspace width="` + w + `"></mspace>`, empty}, true
	}
	if functions[name] {
		return atom{"<mi>" + name + "</mi>", fn}, true
	}
	if s, ok := limitFunctions[name]; ok {
		return atom{`<mo movablelimits="true" lspace="0" rspace="0">` + s + "</mo>", limit}, true
	}
	return atom{}, false
}

// structure returns the function that parses the arguments of a command, or nil.
func structure(name string) func(p *parser, name string) (atom, error) {
	switch name {
	case "frac", "dfrac", "tfrac", "cfrac", "binom":
		return (*parser).fraction
	case "sqrt":
		return (*parser).root
	case "text", "textrm", "textnormal", "mbox", "textbf", "textit", "texttt":
		return (*parser).text
	case "operatorname", "operatorname*":
		return (*parser).operatorName
	case "overset", "underset", "stackrel":
		return (*parser).stacked
	case "not":
		return (*parser).negated
	case "mathop", "mathrel", "mathbin", "mathord", "phantom":
		return (*parser).wrapped
	case "tag", "label", "nonumber", "notag":
		return (*parser).numbering
	case "left":
		return (*parser).fenced
	case "begin":
		return (*parser).environment
	}
	return nil
}

// accented parses the argument of an accent.
func (p *parser) accented(f accent) (atom, error) {
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
	return atom{"<m" + side + attr + ">" + a + `<mo stretchy="` + stretch + `">` + f.sign +
		"</mo></m" + side + ">", c}, err
}

// fraction parses the two arguments of a fraction or a binomial coefficient.
func (p *parser) fraction(name string) (atom, error) {
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
		return atom{`<mstyle displaystyle="false" scriptlevel="0"><mfrac>` + num + den +
			"</mfrac></mstyle>", ord}, nil
	}
	return atom{"<mfrac>" + num + den + "</mfrac>", ord}, nil
}

// root parses a square root, or with an index in brackets another root.
func (p *parser) root(string) (atom, error) {
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
}

// text parses plain text.
func (p *parser) text(name string) (atom, error) {
	s, err := p.raw()
	style := map[string]string{"textbf": ` style="font-weight:bold"`, "textit": ` style="font-style:italic"`,
		"texttt": ` style="font-family:monospace"`}[name]
	// A browser drops spaces at the ends of <mtext>; no-break spaces stay.
	body := strings.NewReplacer(`\ `, "\u00a0", `\%`, "%", `\&`, "&", `\_`, "_", "~",
		"\u00a0", "\n", " ").Replace(s)
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
}

// operatorName parses the name of a function that has no command of its own.
func (p *parser) operatorName(name string) (atom, error) {
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
}

// stacked parses a base with something over or under it.
func (p *parser) stacked(name string) (atom, error) {
	over, err := p.argument()
	if err != nil {
		return atom{}, err
	}
	base, err := p.argument()
	if name == "underset" {
		return atom{"<munder>" + base + over + "</munder>", oper}, err
	}
	return atom{"<mover>" + base + over + "</mover>", oper}, err
}

// negated parses a relation and strikes it through.
func (p *parser) negated(string) (atom, error) {
	a, err := p.atom()
	if err != nil {
		return a, err
	}
	i := strings.LastIndex(a.mml, "</mo>")
	if i < 0 {
		return a, p.errorf(`\not goes before a relation`)
	}
	return atom{a.mml[:i] + "\u0338" + a.mml[i:], a.class}, nil
}

// wrapped parses an argument that keeps its form and takes another class.
func (p *parser) wrapped(name string) (atom, error) {
	a, err := p.argument()
	switch name {
	case "mathop":
		return atom{a, limit}, err
	case "phantom":
		return atom{"<mphantom>" + a + "</mphantom>", ord}, err
	}
	return atom{a, oper}, err
}

// numbering parses an equation's number; labels show nothing.
func (p *parser) numbering(name string) (atom, error) {
	switch name {
	case "tag":
		s, err := p.raw()
		return atom{`<mspace width="2em"></mspace><mtext>(` + html.EscapeString(s) + ")</mtext>", ord}, err
	case "label":
		_, err := p.raw()
		return atom{"", empty}, err
	}
	return atom{"", empty}, nil
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
	if v.word && !strings.ContainsAny(word, `\{}_^$&#`) || !v.word &&
		strings.IndexFunc(word, func(r rune) bool { return !isLetter(r) && !unicode.IsDigit(r) }) < 0 {
		return atom{v.letters(word), ord}, nil
	}
	// More than letters: parse the group, then change the letters in it.
	p.pos = at
	g, err := p.argument()
	return atom{v.inside(g), ord}, err
}
