package mathml

import "html"

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
func (p *parser) fenced(string) (atom, error) {
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

// bigDelimiter parses a delimiter of a given size: name is big, bigl, Bigr and the like.
func (p *parser) bigDelimiter(name, size string) (atom, error) {
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
		// elsewhere; next to an empty identifier it keeps its own.
		f = mrow(f + "<mi></mi>")
	}
	return atom{f, c}, nil
}

// loneDelimiter returns a delimiter that is written without \left, \right or a size.
func loneDelimiter(t string, d delim) atom {
	if t == `\|` || t == `\Vert` || t == `\vert` {
		return atom{bar(d.sign), ord}
	}
	c := ord
	if d.form == "prefix" {
		c = oper
	}
	return atom{fence(d, d.form, `stretchy="false"`), c}
}
