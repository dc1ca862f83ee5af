package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/gocollapse/collapse/figures"
)

// TestPagesStandAlone walks every element of every page: nothing runs but the filter of the table
// of runs, nothing is loaded, ids are unique and links lead to pages and ids that exist.
func TestPagesStandAlone(t *testing.T) {
	o, pages := built(t)
	want := []string{"index.html", "runs.html", "lesson.html", "other.html", "run-fashion-ce.html",
		"run-fashion-ls.html", "run-cifar10-ce.html", "run-cifar10-ls.html"}
	for _, e := range figures.All() {
		want = append(want, e.ID+".html")
	}
	for _, name := range want {
		if pages[name] == "" {
			t.Errorf("there is no page %s", name)
		}
	}
	ids := map[string]map[string]bool{}
	var links [][2]string
	for name, src := range pages {
		if strings.Contains(src, o.Root) {
			t.Errorf("%s names a folder of this machine", name)
		}
		if !strings.HasSuffix(name, ".html") {
			continue
		}
		if !strings.Contains(src, "Written on 1 December 2026 by Collapse") || !strings.Contains(src, "commit ") {
			t.Errorf("%s has no date or no commit", name)
		}
		doc, err := html.Parse(strings.NewReader(src))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		ids[name] = map[string]bool{}
		h1 := 0
		each(doc, func(n *html.Node) {
			if n.Data == "h1" {
				h1++
			}
			links = append(links, checkElement(t, name, n, ids[name])...)
		})
		if h1 != 1 {
			t.Errorf("%s has %d main headings", name, h1)
		}
	}
	for _, l := range links {
		file, id, _ := strings.Cut(l[1], "#")
		if file == "" {
			file = l[0]
		}
		if _, ok := pages[file]; !ok {
			t.Errorf("%s links to %s, which is no page", l[0], l[1])
		} else if id != "" && !ids[file][id] && !strings.Contains(l[1], "other") {
			t.Errorf("%s links to %s, which is no place", l[0], l[1])
		}
	}
}

// checkElement checks that an element neither runs nor loads anything, and returns its links as pairs
// of the page and the address.
func checkElement(t *testing.T, page string, n *html.Node, ids map[string]bool) (links [][2]string) {
	t.Helper()
	switch n.Data {
	case "script":
		if page != "runs.html" || n.FirstChild == nil || n.FirstChild.Data != "\n"+filterScript {
			t.Errorf("%s: <script>", page)
		}
	case "iframe", "link", "object", "embed", "form", "base":
		t.Errorf("%s: <%s>", page, n.Data)
	case "style":
		for _, m := range cssURL.FindAllString(n.FirstChild.Data, -1) {
			t.Errorf("%s: style sheet loads %s", page, m)
		}
	}
	for _, a := range n.Attr {
		switch {
		case strings.HasPrefix(a.Key, "on"):
			t.Errorf("%s: <%s %s>", page, n.Data, a.Key)
		case a.Key == "id":
			if ids[a.Val] {
				t.Errorf("%s: id %q twice", page, a.Val)
			}
			ids[a.Val] = true
		case a.Key == "href" && n.Data == "a":
			if !strings.HasPrefix(a.Val, "https://") {
				links = append(links, [2]string{page, a.Val})
			}
		case a.Key == "src" || a.Key == "srcset" || a.Key == "poster" || a.Key == "href":
			if !strings.HasPrefix(a.Val, "data:image/") && !strings.HasPrefix(a.Val, "#") {
				t.Errorf("%s: <%s> loads %s", page, n.Data, a.Val)
			}
		case a.Key == "style" && external(a.Val):
			t.Errorf("%s: style loads %s", page, a.Val)
		}
	}
	return links
}

func TestNotebookPage(t *testing.T) {
	_, pages := built(t)
	p := pages["lesson.html"]
	for what, want := range map[string]string{
		"display formula over lines":    `<div class="formula" tabindex="0"><math display="block"`,
		"operator name":                 `<mi mathvariant="normal">tr</mi>`,
		"inline formula in a heading":   `<mi>δ</mi>`,
		"formula with stars":            `<mo>∗</mo>`,
		"money stays money":             `costs $5 and $6`,
		"code stays code":               `<code>$code$</code>`,
		"table":                         `<td style="text-align:right">2</td>`,
		"unknown command as its source": `<code class="tex"`,
		"second heading, id unique":     `id="formulas-1"`,
		"link to another notebook":      `href="other.html#end"`,
		"link to the web":               `href="https://example.org"`,
		"far picture as its words":      `[far]`,
		"keyword marked up":             `class="c-kn">import</span>`,
		"operator escaped":              `&lt;`,
		"last state of a progress line": "a red word\n100%",
		"standard error apart":          `<pre class="output stderr" tabindex="0">a warning`,
		"SVG before PNG":                `>drawn</text>`,
		"SVG from an img, named":        `aria-label="a drawing"`,
		"references follow ids":         `url(#g-2)`,
		"text when HTML had scripts":    `only words are left`,
		"PNG":                           `src="data:image/png;base64,iVBORw0KGgo="`,
		"Markdown output":               `<mfrac><mrow><mn>1</mn></mrow>`,
		"error":                         `role="alert">E: it broke &lt;here&gt;</pre>`,
		"result":                        `plain result`,
		"raw":                           `raw &lt;text&gt;`,
		"kept HTML":                     `kept`,
	} {
		if !strings.Contains(p, want) {
			t.Errorf("%s: no %q", what, want)
		}
	}
	for _, never := range []string{"alert(1)", "example.org/t.png", "display:none", "type=\"range\"", "10%\r", "\x1b"} {
		if strings.Contains(p, never) {
			t.Errorf("%q is on the page", never)
		}
	}
	if strings.Count(p, "data:image/png") != 1 {
		t.Error("a PNG is next to the SVG of the same output")
	}
}

func TestRecordPage(t *testing.T) {
	_, pages := built(t)
	p := pages["run-cifar10-ce.html"]
	for _, want := range []string{"records/cifar10-ce.json", "f.bin", strings.Repeat("ab", 32), "1\u202f234\u202f567",
		"a reason &lt;why&gt;", "Every epoch", "the plugin of the project was found", "701\u202f466 parameters"} {
		if !strings.Contains(p, want) {
			t.Errorf("no %q on the record's page", want)
		}
	}
	// What one run without calibration holds: Figures 1, 2 and 5.
	for _, want := range []string{"Error and neural collapse along training", "NC1 against NC2 along training",
		"Training loss, as it is and log-scaled"} {
		if !strings.Contains(p, "<strong>"+want+".</strong>") {
			t.Errorf("no figure %q on the record's page", want)
		}
	}
	if n := len(regexp.MustCompile(`<svg `).FindAllString(p, -1)); n != 3 {
		t.Errorf("%d figures, want 3", n)
	}
}

func TestBuildReplacesOnlyReports(t *testing.T) {
	o := project(t)
	o.Records = o.Records[2:] // figures take most of the time
	first := build(t, o)
	again := build(t, o)
	for name, src := range first {
		if again[name] != src {
			t.Errorf("%s differs from build to build", name)
		}
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(o.Out), ".report-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	o.Out = o.Root // not a report
	if _, err := Build(o); err == nil || !strings.Contains(err.Error(), "holds no earlier report") {
		t.Errorf("a folder with other files: %v", err)
	}
	if _, err := os.Stat(o.Notebooks[0]); err != nil {
		t.Error(err)
	}
}

func TestBuildErrors(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*Options)
		want  string
	}{
		"no out":           {func(o *Options) { o.Out = "" }, "Options.Out"},
		"missing notebook": {func(o *Options) { o.Notebooks[0] += "x" }, "does not exist; execute it first"},
		"missing record":   {func(o *Options) { o.Records[1] += "x" }, "train it first"},
		"not JSON": {func(o *Options) { os.WriteFile(o.Notebooks[0], []byte("<html>"), 0o644) },
			"lesson.ipynb: not a notebook's JSON"},
		"old format": {func(o *Options) { os.WriteFile(o.Notebooks[0], []byte(`{"nbformat":3}`), 0o644) },
			"want notebook format 4, found 3"},
		"odd cell": {func(o *Options) {
			os.WriteFile(o.Notebooks[0], []byte(`{"nbformat":4,"cells":[{"cell_type":"x"}]}`), 0o644)
		}, `unknown type "x"`},
		"broken picture": {func(o *Options) {
			os.WriteFile(o.Notebooks[0], []byte(`{"nbformat":4,"cells":[{"cell_type":"code","outputs":[`+
				`{"output_type":"display_data","data":{"image/png":"*"}}]}]}`), 0o644)
		}, "lesson, cell 1: output image/png"},
		"broken record": {func(o *Options) { os.WriteFile(o.Records[2], []byte(`{"format":"x"}`), 0o644) },
			"cifar10-ce.json"},
	} {
		t.Run(name, func(t *testing.T) {
			o := project(t)
			out, keep := o.Out, "<head>"+mark+"</head>an earlier report"
			if err := os.MkdirAll(out, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(out, "index.html"), []byte(keep), 0o644); err != nil {
				t.Fatal(err)
			}
			c.spoil(&o)
			if _, err := Build(o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want an error with %q", err, c.want)
			}
			b, err := os.ReadFile(filepath.Join(out, "index.html"))
			if err != nil || string(b) != keep {
				t.Errorf("the earlier report was touched: %v", err)
			}
		})
	}
}

// TestProjectNotebooks: every formula of the project's lessons is understood.
func TestProjectNotebooks(t *testing.T) {
	paths, err := filepath.Glob("../notebooks/*.ipynb")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no lessons found: %v", err)
	}
	s, err := load(Options{Root: "..", Notebooks: paths})
	if err != nil {
		t.Fatal(err)
	}
	for _, nb := range s.notebooks {
		body, err := nb.body(&page{site: s, ids: map[string]bool{}})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`class="tex" title="([^"]*)"`).FindAllStringSubmatch(body, -1) {
			t.Errorf("%s: %s", nb.name, html.UnescapeString(m[1]))
		}
	}
}

// FuzzNotebook: whatever is in a notebook's file, reading and rendering it
// gives a page or an error, and no page runs a script.
func FuzzNotebook(f *testing.F) {
	f.Add([]byte(`{"nbformat":4,"cells":[{"cell_type":"markdown","source":["# T\n","$$x$$ $a$ <b onclick=x>"]}]}`))
	f.Add([]byte(`{"nbformat":4,"cells":[{"cell_type":"code","source":"x","outputs":[` +
		`{"output_type":"display_data",` +
		`"data":{"text/html":["<svg><script>1</script></svg>"],"image/png":"eA=="}}]}]}`))
	f.Add([]byte(`{"nbformat":4,"cells":[{"cell_type":"code","outputs":[` +
		`{"output_type":"stream","text":"\u001b[0m\r\n"},{"output_type":"error","traceback":null}]}]}`))
	f.Add([]byte(`{"nbformat":4,"cells":[null]}`))
	f.Add([]byte(`{"nbformat":4,"cells":[{"cell_type":"markdown","source":"$$\n\\frac{\n"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		nb, err := readNotebook(strings.NewReader(string(b)))
		if err != nil {
			return
		}
		p := &page{site: &site{root: "."}, ids: map[string]bool{}}
		body, err := nb.body(p)
		if err != nil {
			return
		}
		doc, err := html.Parse(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		each(doc, func(n *html.Node) {
			if n.Data == "script" || n.Data == "iframe" {
				t.Errorf("<%s> in %q", n.Data, body)
			}
		})
	})
}

// A picture of a notebook has the words of its metadata, else those of the output's text form.
func TestAlternativeTextOfOutput(t *testing.T) {
	for _, c := range []struct{ metadata, text, want string }{
		{`{"alt": "CE < LS"}`, `"Figure 1."`, `alt="CE &lt; LS"`},
		{`{}`, `["a plot of ","mine"]`, `alt="a plot of mine"`}, {`3`, `""`, `alt="Output of the cell"`},
	} {
		o := output{Type: "display_data", Data: map[string]json.RawMessage{"image/png": json.RawMessage(`"eA=="`),
			"text/plain": json.RawMessage(c.text)},
			Metadata: map[string]json.RawMessage{"image/png": json.RawMessage(c.metadata)}}
		h, err := new(page).output(o)
		if err != nil || !strings.Contains(h, c.want) {
			t.Errorf("%+v gives %s, %v", c, h, err)
		}
	}
}
