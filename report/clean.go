package report

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// dropped are elements that run, load or need a script.
var dropped = map[string]bool{
	"script": true, "noscript": true, "iframe": true, "frame": true, "frameset": true, "object": true,
	"embed": true, "applet": true,
	"link": true, "meta": true, "base": true, "form": true, "input": true, "button": true,
	"select": true, "textarea": true,
	"audio": true, "video": true, "source": true, "track": true, "canvas": true, "template": true,
	"foreignobject": true, "set": true, "animate": true,
}

var (
	cssURL   = regexp.MustCompile(`(?i)url\(\s*["']?([^"')]*)["']?\s*\)`)
	cssLoad  = regexp.MustCompile(`(?i)@import|expression\s*\(`)
	localURL = regexp.MustCompile(`url\(["']?#([^)"']+)["']?\)`)
)

// clean returns HTML from a notebook fit for a page: what runs or loads from
// elsewhere is taken out, pictures that embed returns an address for are put in,
// SVG pictures in data: addresses become inline SVG, and ids are made unique on
// the page. It returns "" where nothing visible is left.
func (p *page) clean(fragment string, embed func(ref string) string) (string, error) {
	// An SVG file may start with a declaration, which HTML does not know.
	if i := strings.Index(fragment, "<svg"); i > 0 && strings.HasPrefix(strings.TrimSpace(fragment), "<?xml") {
		fragment = fragment[i:]
	}
	nodes, err := html.ParseFragment(strings.NewReader(fragment),
		&html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil {
		return "", fmt.Errorf("HTML: %w", err)
	}
	root := &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div}
	for _, n := range nodes {
		root.AppendChild(n)
	}
	if err := p.strip(root, embed, 0); err != nil {
		return "", err
	}
	p.uniqueIDs(root)
	keepPunctuation(root)
	if !visible(root) {
		return "", nil
	}
	var b strings.Builder
	for n := root.FirstChild; n != nil; n = n.NextSibling {
		if err := html.Render(&b, n); err != nil {
			return "", fmt.Errorf("HTML: %w", err)
		}
	}
	return b.String(), nil
}

// keepPunctuation ties a formula in a line to the sign that follows it, where a
// browser would break the line between them.
func keepPunctuation(root *html.Node) {
	var inline []*html.Node
	each(root, func(n *html.Node) {
		if n.Data == "math" && attr(n, "display") != "block" {
			inline = append(inline, n)
		}
	})
	for _, m := range inline {
		t := m.NextSibling
		if t == nil || t.Type != html.TextNode || t.Data == "" ||
			!strings.ContainsRune(".,;:!?)’”", []rune(t.Data)[0]) {
			continue
		}
		sign := string([]rune(t.Data)[0])
		span := &html.Node{Type: html.ElementNode, Data: "span", DataAtom: atom.Span,
			Attr: []html.Attribute{{Key: "class", Val: "nowrap"}}}
		m.Parent.InsertBefore(span, m)
		m.Parent.RemoveChild(m)
		span.AppendChild(m)
		span.AppendChild(&html.Node{Type: html.TextNode, Data: sign})
		t.Data = strings.TrimPrefix(t.Data, sign)
	}
}

// maxHTMLDepth bounds recursion; html.Parse itself allows 512 open elements.
const maxHTMLDepth = 2000

func (p *page) strip(n *html.Node, embed func(string) string, depth int) error {
	if depth > maxHTMLDepth {
		return fmt.Errorf("HTML: elements nest deeper than %d", maxHTMLDepth)
	}
	var next *html.Node
	for c := n.FirstChild; c != nil; c = next {
		next = c.NextSibling
		if c.Type == html.CommentNode || c.Type == html.DoctypeNode {
			n.RemoveChild(c)
			continue
		}
		if c.Type != html.ElementNode {
			continue
		}
		name := strings.ToLower(c.Data)
		if dropped[name] && !(name == "input" && attr(c, "type") == "checkbox" && has(c, "disabled")) {
			n.RemoveChild(c)
			continue
		}
		if name == "style" {
			// A style sheet of a cell would restyle the page.
			if c.FirstChild == nil || c.Namespace == "" || cssLoad.MatchString(c.FirstChild.Data) ||
				external(c.FirstChild.Data) {
				n.RemoveChild(c)
			}
			continue
		}
		c.Attr = slices.DeleteFunc(c.Attr, func(a html.Attribute) bool {
			k := strings.ToLower(a.Key)
			return strings.HasPrefix(k, "on") || k == "srcset" || k == "srcdoc" || k == "ping" || k == "background" ||
				k == "autofocus" || k == "contenteditable" ||
				k == "style" && (cssLoad.MatchString(a.Val) || external(a.Val)) || a.Key != "style" &&
				strings.Contains(a.Val, "url(") && external(a.Val)
		})
		switch {
		case name == "img":
			repl, err := p.picture(c, embed)
			if err != nil {
				return err
			}
			if repl != c {
				n.InsertBefore(repl, c)
				n.RemoveChild(c)
				c = repl
			}
		case name == "a" && c.Namespace == "":
			p.link(c)
		default:
			// What loads has an address inside the page, or is data.
			c.Attr = slices.DeleteFunc(c.Attr, func(a html.Attribute) bool {
				k := strings.ToLower(a.Key)
				return (k == "href" || k == "src" || k == "action" || k == "data" || k == "poster" || k == "cite") &&
					!strings.HasPrefix(a.Val, "#") && !isImageData(a.Val)
			})
		}
		if err := p.strip(c, embed, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// external tells whether CSS loads something from outside the page.
func external(css string) bool {
	for _, m := range cssURL.FindAllStringSubmatch(css, -1) {
		if !strings.HasPrefix(m[1], "#") && !isImageData(m[1]) {
			return true
		}
	}
	return false
}

func isImageData(v string) bool { return strings.HasPrefix(strings.ToLower(v), "data:image/") }

// picture returns what takes an <img>'s place: itself with an embedded
// picture, an inline SVG, or its alternative text.
func (p *page) picture(img *html.Node, embed func(string) string) (*html.Node, error) {
	src, alt := attr(img, "src"), attr(img, "alt")
	if !isImageData(src) && embed != nil {
		src = embed(src)
	}
	if b64, ok := strings.CutPrefix(src, "data:image/svg+xml;base64,"); ok {
		b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(b64))
		if err != nil {
			return nil, fmt.Errorf("SVG picture: %w", err)
		}
		if svg := parseSVG(string(b)); svg != nil {
			if alt != "" && attr(svg, "aria-label") == "" {
				svg.Attr = append(svg.Attr, html.Attribute{Key: "role", Val: "img"},
					html.Attribute{Key: "aria-label", Val: alt})
			}
			return svg, nil
		}
	}
	if !isImageData(src) {
		if alt == "" {
			alt = "picture"
		}
		return &html.Node{Type: html.TextNode, Data: "[" + alt + "]"}, nil
	}
	setAttr(img, "src", src)
	if !has(img, "alt") {
		setAttr(img, "alt", "")
	}
	return img, nil
}

// parseSVG returns the <svg> element of a document, or nil.
func parseSVG(s string) *html.Node {
	i := strings.Index(s, "<svg")
	if i < 0 {
		return nil
	}
	nodes, err := html.ParseFragment(strings.NewReader(s[i:]),
		&html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil {
		return nil
	}
	for _, n := range nodes {
		if n.Type == html.ElementNode && n.Data == "svg" {
			if n.Parent != nil {
				n.Parent.RemoveChild(n)
			}
			return n
		}
	}
	return nil
}

// link keeps links within the site and to the web; a link to another notebook
// goes to its page; others, which would lead nowhere, lose their address.
func (p *page) link(a *html.Node) {
	if !has(a, "href") {
		return
	}
	u, err := url.Parse(strings.TrimSpace(attr(a, "href")))
	if err == nil {
		switch {
		case u.Scheme == "https" || u.Scheme == "http" || u.Scheme == "mailto":
			return
		case u.Scheme == "" && u.Host == "" && u.Path == "" && u.Fragment != "":
			return
		case u.Scheme == "" && u.Host == "":
			base := u.Path[strings.LastIndex(u.Path, "/")+1:]
			for _, nb := range p.site.notebooks {
				if base == nb.name+".ipynb" {
					to := nb.file
					if u.Fragment != "" {
						to += "#" + u.Fragment
					}
					setAttr(a, "href", to)
					return
				}
			}
		}
	}
	a.Attr = slices.DeleteFunc(a.Attr, func(x html.Attribute) bool { return x.Key == "href" })
}

// references are the attributes that name ids.
var references = map[string]bool{"for": true, "aria-labelledby": true, "aria-describedby": true, "aria-controls": true,
	"headers": true, "list": true}

// uniqueIDs renames ids that the page has already, and what refers to them inside
// the fragment.
func (p *page) uniqueIDs(root *html.Node) {
	renamed := map[string]string{}
	each(root, func(n *html.Node) {
		for i, a := range n.Attr {
			if a.Key != "id" {
				continue
			}
			id := strings.Join(strings.Fields(a.Val), "-")
			if id == "" {
				id = "id"
			}
			id = p.takeID(id)
			if _, twice := renamed[a.Val]; !twice {
				renamed[a.Val] = id
			}
			n.Attr[i].Val = id
		}
	})
	each(root, func(n *html.Node) {
		for i, a := range n.Attr {
			switch {
			case a.Key == "id":
			case a.Key == "href" && strings.HasPrefix(a.Val, "#"):
				if id, ok := renamed[a.Val[1:]]; ok {
					n.Attr[i].Val = "#" + id
				}
			case references[a.Key]:
				ids := strings.Fields(a.Val)
				for j, id := range ids {
					if to, ok := renamed[id]; ok {
						ids[j] = to
					}
				}
				n.Attr[i].Val = strings.Join(ids, " ")
			case strings.Contains(a.Val, "url("):
				n.Attr[i].Val = localURL.ReplaceAllStringFunc(a.Val, func(s string) string {
					if to, ok := renamed[localURL.FindStringSubmatch(s)[1]]; ok {
						return "url(#" + to + ")"
					}
					return s
				})
			}
		}
	})
}

// takeID returns id, or id with a number where the page has it already.
func (p *page) takeID(id string) string {
	free := id
	for i := 2; p.ids[free]; i++ {
		free = fmt.Sprintf("%s-%d", id, i)
	}
	p.ids[free] = true
	return free
}

func each(n *html.Node, f func(*html.Node)) {
	if n.Type == html.ElementNode {
		f(n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		each(c, f)
	}
}

// visible tells whether a tree shows anything: text, or an element that is a
// picture or a line by itself.
func visible(n *html.Node) bool {
	switch {
	case n.Type == html.TextNode && strings.TrimSpace(n.Data) != "":
		return true
	case n.Type == html.ElementNode && n.Data == "style", n.Type == html.ElementNode && has(n, "hidden"):
		return false
	case n.Type == html.ElementNode && slices.Contains([]string{"img", "svg", "math", "hr",
		"progress", "meter", "input"}, n.Data):
		return true
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if visible(c) {
			return true
		}
	}
	return false
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

func setAttr(n *html.Node, key, val string) {
	for i := range n.Attr {
		if n.Attr[i].Key == key {
			n.Attr[i].Val = val
			return
		}
	}
	n.Attr = append(n.Attr, html.Attribute{Key: key, Val: val})
}
