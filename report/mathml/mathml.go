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
	return `<math display="` + mode + `" alttext="` + html.EscapeString(strings.Join(strings.Fields(tex), " ")) +
		`">` + body + "</math>", nil
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
			case "(", "[", `\left`, `\big`, `\Big`, `\bigl`, `\Bigl`, "", "}", ")", "]", ",",
				"&", `\\`, "=", `\right`, `\,`:
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
				return base, p.errorf("a second %s on one base",
					map[string]string{"_": "subscript", "^": "superscript"}[t])
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

// raw returns the text between braces unchanged, braces inside matched.
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
