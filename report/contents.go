package report

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// withContents puts a list of a body's headings after its main heading and lead. A body with fewer
// than two headings stays as it is. Headings inside outputs of cells and pictures do not count.
func withContents(body string) (string, error) {
	nodes, err := html.ParseFragment(strings.NewReader(body),
		&html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil {
		return "", err
	}
	var list strings.Builder
	n, depth := 0, 1 // depth is the level of the open item
	for _, root := range nodes {
		headings(root, func(h *html.Node, level int) {
			level = min(level, depth+1) // a part without a heading of its own
			for ; depth > level; depth-- {
				list.WriteString("</li></ul>\n")
			}
			if depth == level {
				list.WriteString("</li>\n")
			} else {
				list.WriteString("<ul>\n")
			}
			depth = level
			n++
			list.WriteString("<li><a href=\"#" + html.EscapeString(attr(h, "id")) + "\">" + headingText(h) + "</a>")
		})
	}
	if n < 2 {
		return body, nil
	}
	list.WriteString(strings.Repeat("</li></ul>\n", depth-1))
	at := strings.Index(body, "</h1>")
	if at < 0 {
		at = 0
	} else {
		at += len("</h1>")
	}
	if rest := strings.TrimLeft(body[at:], "\n"); strings.HasPrefix(rest, `<p class="lead">`) {
		at += strings.Index(body[at:], "</p>") + len("</p>")
	}
	return body[:at] + "\n<nav class=\"contents\" aria-label=\"Contents of this page\">\n" + list.String() +
		"</nav>\n" + strings.TrimLeft(body[at:], "\n"), nil
}

// headings calls f for each h2 and h3 with an id, in order.
func headings(n *html.Node, f func(h *html.Node, level int)) {
	if n.Type != html.ElementNode || n.Data == "svg" || strings.Contains(attr(n, "class"), "shown") {
		return
	}
	if (n.Data == "h2" || n.Data == "h3") && attr(n, "id") != "" {
		f(n, int(n.Data[1]-'0'))
		return
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		headings(c, f)
	}
}

// headingText is a heading's inside without badges, links and ids.
func headingText(h *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		switch {
		case n.Type == html.TextNode:
			b.WriteString(html.EscapeString(n.Data))
		case n.Data == "math":
			// A node in memory takes everything.
			_ = html.Render(&b, n)
		case !strings.Contains(attr(n, "class"), "badge"):
			for c := n.FirstChild; c != nil; c = c.NextSibling {
				walk(c)
			}
		}
	}
	for c := h.FirstChild; c != nil; c = c.NextSibling {
		walk(c)
	}
	return strings.TrimSpace(b.String())
}
