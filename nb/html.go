package nb

import (
	"encoding/base64"
	"fmt"
	"html"
	"strings"

	"github.com/gocollapse/collapse/figures"
)

// FigureHTML returns f as an HTML <figure>: its SVG (its PNG where it has none) in
// an <img>, which an untrusted notebook shows as well, and its caption below.
func FigureHTML(f *figures.Figure) string {
	img := SVGImage(f.SVG, f.Alt)
	if len(f.SVG) == 0 {
		img = image("image/png", f.PNG, f.Alt)
	}
	head := strings.TrimSuffix(heading(f), ".")
	if head != "" {
		head = "<b>" + html.EscapeString(head) + ".</b> "
	}
	return `<figure style="margin:0">` + img + "<figcaption>" + head +
		html.EscapeString(f.Caption) + "</figcaption></figure>"
}

// SVGImage returns an <img> that holds svg; alt says in words what it shows.
func SVGImage(svg []byte, alt string) string { return image("image/svg+xml", svg, alt) }

func image(mime string, data []byte, alt string) string {
	return fmt.Sprintf(`<img src="data:%s;base64,%s" alt="%s" style="max-width:100%%;height:auto">`,
		mime, base64.StdEncoding.EncodeToString(data), html.EscapeString(alt))
}

// heading returns number and title of a figure: "Figure 1. Title."
func heading(f *figures.Figure) string {
	s := strings.TrimSuffix(f.Title, ".")
	if f.Number != "" {
		s = strings.TrimSuffix("Figure "+f.Number+". "+s, ". ")
	}
	if s != "" {
		s += "."
	}
	return s
}

// figureText says in words what a figure is, what it shows and how it came about.
func figureText(f *figures.Figure) string {
	var parts []string
	for _, s := range []string{heading(f), f.Alt, f.Caption} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, "\n")
}
