package mathml

import (
	"html"
	"strings"
	"unicode"
)

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
