package report

import (
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/gocollapse/collapse/record"
)

// TestPagesStandAlone walks every element of every page: nothing runs, nothing is
// loaded, ids are unique and links lead to pages and ids that exist.
func TestPagesStandAlone(t *testing.T) {
	o, pages := built(t)
	if len(pages) != 7 {
		t.Fatalf("%d pages, want an index, 2 notebooks and 4 records", len(pages))
	}
	ids := map[string]map[string]bool{}
	var links [][2]string
	for name, src := range pages {
		if strings.Contains(src, o.Root) {
			t.Errorf("%s names a folder of this machine", name)
		}
		doc, err := html.Parse(strings.NewReader(src))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		ids[name] = map[string]bool{}
		h1 := 0
		each(doc, func(n *html.Node) {
			switch n.Data {
			case "script", "iframe", "link", "object", "embed", "form", "base":
				t.Errorf("%s: <%s>", name, n.Data)
			case "h1":
				h1++
			case "style":
				for _, m := range cssURL.FindAllString(n.FirstChild.Data, -1) {
					t.Errorf("%s: style sheet loads %s", name, m)
				}
			}
			for _, a := range n.Attr {
				switch {
				case strings.HasPrefix(a.Key, "on"):
					t.Errorf("%s: <%s %s>", name, n.Data, a.Key)
				case a.Key == "id":
					if ids[name][a.Val] {
						t.Errorf("%s: id %q twice", name, a.Val)
					}
					ids[name][a.Val] = true
				case a.Key == "href" && n.Data == "a":
					if !strings.HasPrefix(a.Val, "https://") {
						links = append(links, [2]string{name, a.Val})
					}
				case a.Key == "src" || a.Key == "srcset" || a.Key == "poster" || a.Key == "href":
					if !strings.HasPrefix(a.Val, "data:image/") && !strings.HasPrefix(a.Val, "#") {
						t.Errorf("%s: <%s> loads %s", name, n.Data, a.Val)
					}
				case a.Key == "style" && external(a.Val):
					t.Errorf("%s: style loads %s", name, a.Val)
				}
			}
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

func TestNotebookPage(t *testing.T) {
	_, pages := built(t)
	p := pages["lesson.html"]
	for what, want := range map[string]string{
		"display formula over lines":    `<div class="formula"><math display="block"`,
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
		"standard error apart":          `<pre class="output stderr">a warning`,
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

func TestIndex(t *testing.T) {
	_, pages := built(t)
	p := pages["index.html"]
	for _, want := range []string{"A lesson with", "The first paragraph", "Fashion-MNIST", "CIFAR-10", "reduced scale",
		"official bytes (embedded)",
		"5000 training", "ResNet-18 of width 16", "ResNet-18 with 16 channels", "cross entropy",
		"label smoothing, δ = 0.05", "xla:cpu", "Test CPU &lt;1&gt; (2 cores)", "4 min 5 s",
		"Figure 1", "Table 1", "GoMLX v0.28.2", "There is no Table 1 for these runs: it needs a row at epoch 10",
		"Theorem 4.1: Norms", "Theorem 4.2: Condition number"} {
		if !strings.Contains(p, want) {
			t.Errorf("no %q on the index", want)
		}
	}
	// The paper's numbers are shown with its own data set only.
	at := strings.Index(p, `id="cifar-10`)
	if at < 0 {
		t.Fatal("no section for CIFAR-10")
	}
	if !strings.Contains(p[at:], ">21.23<") || strings.Contains(p[:at], ">21.23<") {
		t.Error("the paper's cell 21.23 must be in the CIFAR-10 section and nowhere else")
	}
	if strings.Contains(p, "paper scale</span>") {
		t.Error("a reduced run is called paper scale")
	}
}

// Every page names loss, optimiser and schedule of a run as its specification has them.
func TestRunIsDescribed(t *testing.T) {
	o := project(t)
	r := synthetic("cifar10", "focal", 40)
	r.Spec.FocalGamma, r.Spec.Optimizer, r.Spec.Schedule, r.Spec.ScheduleEpochs = 3, "adamw", "cosine", 40
	o.Notebooks, o.Records = nil, []string{filepath.Join(o.Root, "focal.json")}
	if err := r.WriteFile(o.Records[0]); err != nil {
		t.Fatal(err)
	}
	pages := build(t, o)
	for name, want := range map[string]string{"index.html": "focal (γ = 3)", "run-focal.html": "focal loss, γ = 3"} {
		p := pages[name]
		for _, w := range []string{want, "<td>AdamW with β₁ = 0.9", "along a cosine of 40 epochs"} {
			if !strings.Contains(p, w) {
				t.Errorf("%s does not say %q (pages %v)", name, w, slices.Sorted(maps.Keys(pages)))
			}
		}
		for _, never := range []string{">cross entropy", "δ = 0<", "SGD", "rate ×"} {
			if strings.Contains(p, never) {
				t.Errorf("%s says %q", name, never)
			}
		}
	}
}

// Figure 4 is on the page of a run, and of its setting, where its record holds what it needs.
func TestFigure4WhereMeasured(t *testing.T) {
	for _, calibrated := range []bool{true, false} {
		r := &run{Record: synthetic("cifar10", "ce", 12), name: "r", file: "r.html"}
		for i := range r.Epochs {
			if calibrated {
				r.Epochs[i].Test = &record.Calibration{NLL: 1, ECE: 0.1, Correct: record.Outcome{N: 1, NLL: 1}}
			}
		}
		p := &page{site: &site{runs: []*run{r}}, ids: map[string]bool{}}
		body, err := r.body(p)
		if err != nil {
			t.Fatal(err)
		}
		group, err := p.group([]*run{r})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(body, "Calibration along training"); got != calibrated {
			t.Errorf("calibrated %v: Figure 4 on the run's page %v", calibrated, got)
		}
		shown, absent := strings.Contains(group, "Figure 4. Calibration"),
			strings.Contains(group, "no Figure 4 for these runs: it needs calibration")
		if shown != calibrated || absent == calibrated {
			t.Errorf("calibrated %v: Figure 4 in the group %v, called absent %v", calibrated, shown, absent)
		}
	}
}

// TestTable2AtPaperScale: Table 2 is below Table 1 for runs at the paper's scale,
// and for no other.
func TestTable2AtPaperScale(t *testing.T) {
	group := func(train int) string {
		var g []*run
		for _, loss := range []string{"ce", "ls"} {
			r := synthetic("cifar10", loss, 100)
			r.Spec.Width, r.Spec.Milestones, r.Data.Train = 64, []int{150, 350}, train
			r.Scale = r.Spec.Scale()
			for i := range r.Epochs {
				r.Epochs[i].TrainLoss = record.Number(0.4 + math.Exp(-float64(i)/8))
			}
			g = append(g, &run{Record: r, name: loss, file: loss + ".html"})
		}
		p := &page{site: &site{runs: g}, ids: map[string]bool{}}
		h, err := p.group(g)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	for train, want := range map[int]bool{50000: true, 5000: false} {
		h := group(train)
		if !strings.Contains(h, "Table 1") || strings.Contains(h, "Table 2") != want ||
			strings.Contains(h, "paper scale</span>") != want {
			t.Errorf("%d training images: Table 2 %v, the badge of paper scale %v, want %v", train,
				strings.Contains(h, "Table 2"), strings.Contains(h, "paper scale</span>"), want)
		}
	}
	_, pages := built(t)
	if strings.Contains(pages["index.html"], "Table 2") {
		t.Error("Table 2 is on a page of reduced runs")
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
	if n := len(regexp.MustCompile(`<svg `).FindAllString(p, -1)); n != 1 {
		t.Errorf("%d figures, want 1", n)
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
		"nothing":          {func(o *Options) { o.Notebooks, o.Records = nil, nil }, "nothing to report"},
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
