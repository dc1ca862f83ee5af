package report

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
)

// maxNotebook bounds what is read of one notebook.
const maxNotebook = 256 << 20

// notebook is an executed Jupyter notebook of format 4.
type notebook struct {
	Cells    []cell `json:"cells"`
	Metadata struct {
		Language struct {
			Name string `json:"name"`
		} `json:"language_info"`
	} `json:"metadata"`
	Format int `json:"nbformat"`

	name, dir, file string
}

type cell struct {
	Type        string                      `json:"cell_type"` // markdown, code, raw
	Source      lines                       `json:"source"`
	Count       *int                        `json:"execution_count"`
	Outputs     []output                    `json:"outputs"`
	Attachments map[string]map[string]lines `json:"attachments"`
	Metadata    struct {
		Jupyter struct {
			SourceHidden bool `json:"source_hidden"`
		} `json:"jupyter"`
	} `json:"metadata"`
}

type output struct {
	Type      string                     `json:"output_type"` // stream, display_data, execute_result, error
	Name      string                     `json:"name"`        // stdout, stderr
	Text      lines                      `json:"text"`
	Data      map[string]json.RawMessage `json:"data"`
	Metadata  map[string]json.RawMessage `json:"metadata"`
	Name2     string                     `json:"ename"`
	Value     string                     `json:"evalue"`
	Traceback []string                   `json:"traceback"`
}

// lines is text that the format writes as a string or as a list of strings.
type lines string

// UnmarshalJSON joins a list; null is empty.
func (l *lines) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*l = lines(one)
		return nil
	}
	var many []string
	if err := json.Unmarshal(b, &many); err != nil {
		return fmt.Errorf("want a text or a list of texts, found %.40s", b)
	}
	*l = lines(strings.Join(many, ""))
	return nil
}

func readNotebookFile(path string) (*notebook, error) {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("report: notebook %s does not exist; execute it first, as make report does", path)
		}
		return nil, fmt.Errorf("report: %w", err)
	}
	defer f.Close()
	nb, err := readNotebook(f)
	if err != nil {
		return nil, fmt.Errorf("report: notebook %s: %w", path, err)
	}
	return nb, nil
}

func readNotebook(r io.Reader) (*notebook, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxNotebook+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxNotebook {
		return nil, fmt.Errorf("larger than %d bytes", maxNotebook)
	}
	nb := &notebook{}
	if err := json.Unmarshal(b, nb); err != nil {
		return nil, fmt.Errorf("not a notebook's JSON: %w", err)
	}
	if nb.Format != 4 {
		return nil, fmt.Errorf("want notebook format 4, found %d; open and save it in JupyterLab", nb.Format)
	}
	for i, c := range nb.Cells {
		switch c.Type {
		case "markdown", "code", "raw":
		default:
			return nil, fmt.Errorf("cell %d has the unknown type %q", i+1, c.Type)
		}
	}
	return nb, nil
}

// marks are Markdown's signs that a plain title does without.
var marks = strings.NewReplacer("$", "", "`", "", "*", "", "\\", "")

// title is the text of the first heading, or the file's name.
func (nb *notebook) title() string {
	for _, c := range nb.Cells {
		if c.Type != "markdown" {
			continue
		}
		for _, l := range strings.Split(string(c.Source), "\n") {
			if t, ok := strings.CutPrefix(l, "# "); ok && strings.TrimSpace(t) != "" {
				return marks.Replace(strings.TrimSpace(t))
			}
		}
	}
	return nb.name
}

// summary is the first paragraph under the first heading, as Markdown.
func (nb *notebook) summary() string {
	for _, c := range nb.Cells {
		if c.Type != "markdown" {
			continue
		}
		for _, p := range strings.Split(strings.ReplaceAll(string(c.Source), "\r\n", "\n"), "\n\n") {
			p = strings.TrimSpace(p)
			if p != "" && !strings.HasPrefix(p, "#") {
				return p
			}
		}
	}
	return ""
}

// body renders the cells.
func (nb *notebook) body(p *page) (string, error) {
	var b strings.Builder
	lang := nb.Metadata.Language.Name
	for i, c := range nb.Cells {
		where := fmt.Sprintf("notebook %s, cell %d", nb.name, i+1)
		if strings.TrimSpace(string(c.Source)) == "" && len(c.Outputs) == 0 {
			continue
		}
		switch c.Type {
		case "markdown":
			h, err := p.markdown(string(c.Source), func(ref string) string { return nb.embed(c, ref, p.site.root) })
			if err != nil {
				return "", fmt.Errorf("report: %s: %w", where, err)
			}
			b.WriteString("<section class=\"cell text\">\n" + h + "</section>\n")
		case "raw":
			b.WriteString("<section class=\"cell\"><pre class=\"output\" tabindex=\"0\">" +
				html.EscapeString(string(c.Source)) + "</pre></section>\n")
		case "code":
			label := fmt.Sprintf("Cell at place %d", i+1)
			if c.Count != nil {
				label = fmt.Sprintf("Cell %d", *c.Count)
			}
			b.WriteString("<section class=\"cell code\" aria-label=\"" + label + "\">\n")
			// A hidden source holds the answer to the question that the cell shows.
			if strings.TrimSpace(string(c.Source)) != "" && !c.Metadata.Jupyter.SourceHidden {
				b.WriteString("<pre class=\"source\" tabindex=\"0\"><code class=\"c-chroma\">" +
					highlight(string(c.Source), lang) + "</code></pre>\n")
			}
			for _, o := range joined(c.Outputs) {
				h, err := p.output(o)
				if err != nil {
					return "", fmt.Errorf("report: %s: %w", where, err)
				}
				b.WriteString(h)
			}
			b.WriteString("</section>\n")
		}
	}
	return b.String(), nil
}

// joined puts neighbouring pieces of one stream together.
func joined(outs []output) (js []output) {
	for _, o := range outs {
		if n := len(js); n > 0 && o.Type == "stream" && js[n-1].Type == "stream" && js[n-1].Name == o.Name {
			js[n-1].Text += o.Text
			continue
		}
		js = append(js, o)
	}
	return js
}

// forms are the kinds of output in the order of preference: vector pictures
// before pixels, what can be read before plain text.
var forms = []string{
	"text/html", "image/svg+xml", "image/png", "image/jpeg", "text/markdown", "text/latex", "text/plain",
}

// output renders one output of a cell.
func (p *page) output(o output) (string, error) {
	switch o.Type {
	case "stream":
		text := terminal(string(o.Text))
		if strings.TrimSpace(text) == "" {
			return "", nil
		}
		class := "output"
		if o.Name == "stderr" {
			class += " stderr"
		}
		return "<pre class=\"" + class + "\" tabindex=\"0\">" + html.EscapeString(text) + "</pre>\n", nil
	case "error":
		text := terminal(strings.Join(o.Traceback, "\n"))
		if strings.TrimSpace(text) == "" {
			text = o.Name2 + ": " + o.Value
		}
		return "<pre class=\"output error\" tabindex=\"0\" role=\"alert\">" + html.EscapeString(text) + "</pre>\n", nil
	case "display_data", "execute_result":
		for _, form := range forms {
			raw, ok := o.Data[form]
			if !ok {
				continue
			}
			var text lines
			if err := json.Unmarshal(raw, &text); err != nil {
				return "", fmt.Errorf("output %s: %w", form, err)
			}
			h, err := p.form(form, string(text), o.alt(form))
			if err != nil {
				return "", err
			}
			if h != "" {
				return "<div class=\"shown\">" + h + "</div>\n", nil
			}
		}
		return "", nil
	}
	return "", fmt.Errorf("unknown output type %q", o.Type)
}

// alt is the alternative text of a picture: that of its metadata, as package nb gives it, else the plain
// text of the output.
func (o output) alt(kind string) string {
	var of struct {
		Alt string `json:"alt"`
	}
	if json.Unmarshal(o.Metadata[kind], &of) == nil && of.Alt != "" {
		return of.Alt
	}
	var text lines
	if json.Unmarshal(o.Data["text/plain"], &text) == nil && strings.TrimSpace(string(text)) != "" {
		return strings.TrimSpace(terminal(string(text)))
	}
	return "Output of the cell"
}

// form renders one kind of output, a picture with an alternative text; "" where nothing is left to see.
func (p *page) form(kind, text, alt string) (string, error) {
	switch kind {
	case "text/html", "image/svg+xml":
		return p.clean(text, nil)
	case "image/png", "image/jpeg":
		b64 := strings.Map(func(r rune) rune {
			if r == '\n' || r == '\r' || r == ' ' {
				return -1
			}
			return r
		}, text)
		if _, err := base64.StdEncoding.DecodeString(b64); err != nil {
			return "", fmt.Errorf("output %s: %w", kind, err)
		}
		return "<img alt=\"" + html.EscapeString(alt) + "\" src=\"data:" + kind + ";base64," + b64 + "\">", nil
	case "text/markdown":
		return p.markdown(text, nil)
	case "text/latex":
		return p.markdown(text, nil)
	}
	if text = terminal(text); strings.TrimSpace(text) == "" {
		return "", nil
	}
	return "<pre class=\"output\" tabindex=\"0\">" + html.EscapeString(text) + "</pre>", nil
}

var escapes = regexp.MustCompile(`\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\-_])`)

// terminal returns what a terminal would show in the end: no colours, and of a
// line that was written over with \r the last state.
func terminal(s string) string {
	s = strings.ReplaceAll(escapes.ReplaceAllString(s, ""), "\r\n", "\n")
	if strings.ContainsRune(s, '\r') {
		ls := strings.Split(s, "\n")
		for i, l := range ls {
			parts := strings.Split(l, "\r")
			for j := len(parts) - 1; j >= 0; j-- {
				if ls[i] = parts[j]; ls[i] != "" {
					break
				}
			}
		}
		s = strings.Join(ls, "\n")
	}
	return strings.TrimRight(s, "\n")
}
