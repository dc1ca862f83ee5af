package report

import (
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gocollapse/collapse/record"
)

// synthetic returns a made-up record; its numbers were not measured and are for
// tests only.
func synthetic(dataset, loss string, epochs int) *record.Record {
	s := record.DefaultSpec()
	s.Name, s.Dataset, s.Loss.Name, s.Epochs, s.Width, s.Milestones = "x", dataset, loss, epochs, 16, nil
	if loss == "ls" {
		s.Delta = 0.05
	}
	r := &record.Record{Format: record.Format, Version: record.Version, Spec: s,
		Scale: s.Scale(), Status: record.Finished,
		Environment: record.Environment{Go: "go1.26.5", GoMLX: "v0.28.2", Backend: "xla:cpu", CPU: "Test CPU <1>",
			Cores: 2, OS: "linux", Arch: "amd64", BackendReason: "the plugin of the project was found"},
		Data: record.Data{Name: dataset, Source: "embedded", Bytes: record.Official, Train: 5000, Test: 1000,
			Height: 32, Width: 32, Channels: 3,
			Classes: []string{"a", "b"}, Files: []record.File{{Name: "f.bin", Size: 1234567,
				SHA256: strings.Repeat("ab", 32)}}, Preparation: "padded to 32×32"},
		Model:   record.Model{Parameters: 701466, Features: 128, Classes: 10},
		Started: time.Date(2026, 11, 24, 5, 0, 0, 0, time.UTC), Seconds: 245}
	for e := 1; e <= epochs; e++ {
		x := float64(e)
		row := record.Epoch{Epoch: e, TrainError: record.Number(0.6 * math.Exp(-x/6)),
			TestError: record.Number(0.3 + 0.3*math.Exp(-x/5)),
			NC1:       record.Number(27 * math.Pow(x, -1.4)), NC2: record.Number(math.Pow(x, -0.28)),
			NC3:   record.Number(0.9 * math.Pow(x, -0.35)),
			WNorm: 1, HNorm: 3, NCCError: record.Number(0.6 * math.Exp(-x/6)), NCCTestError: 0.4}
		r.Epochs = append(r.Epochs, row)
	}
	r.Epochs[0].NC3 = record.Number(math.NaN())
	r.Epochs[0].Notes = map[string]string{"nc3": "a reason <why>"}
	return r
}

// svg has an id and a reference to it, as pictures of cells may.
const svg = `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="40" height="40">` +
	`<defs><linearGradient id="g"><stop offset="0"/></linearGradient></defs>` +
	`<rect id="r" width="40" height="40" fill="url(#g)"/><text x="1" y="9">drawn</text></svg>`

type object = map[string]any

func display(data object) object {
	return object{"output_type": "display_data", "data": data, "metadata": object{}}
}

func codeCell(source string, outputs ...object) object {
	return object{"cell_type": "code", "execution_count": 3, "metadata": object{}, "source": source, "outputs": outputs}
}

func textCell(lines ...string) object {
	return object{"cell_type": "markdown", "metadata": object{}, "source": lines}
}

// textCells hold formulas, tables, links and code.
func textCells() []object {
	return []object{
		textCell("# A lesson with $\\delta$ & <more>\n", "\n",
			"The first paragraph, with **words** and $\\bar h_k$.\n"),
		textCell("## Formulas\n\n$$\n",
			"\\mathrm{NC1} = \\frac1K \\operatorname{tr}(\\Sigma_W\n- \\Sigma_B^\\dagger)\n$$\n",
			"\n",
			"Inline $$x^2$$ and $a_1 * b * c_2$; it costs $5 and $6. `$code$`\n\n",
			"| a | b |\n|---|--:|\n| $x\\|y$ | 2 |\n\n$\\nosuch{x}$\n\n## Formulas\n\n",
			"[next](other.ipynb#end) [web](https://example.org) [gone](../x.md) ![far](https://example.org/p.png)\n\n",
			"```go\nfunc f() {}\n```\n"),
	}
}

// codeCells have every kind of output.
func codeCells() []object {
	img := "<figure><img src=\"data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(svg)) +
		"\" alt=\"a drawing\"><figcaption>Words.</figcaption></figure>"
	unsafe := `<div onclick="x()" id="r">kept<iframe src="https://example.org"></iframe>` +
		`<img src="https://example.org/t.png"><input type="range"><style>body{display:none}</style>` +
		`<b style="background:url(https://example.org/a)">bold</b></div>`
	return []object{
		codeCell("import \"fmt\"\n\n%%\nfmt.Println(1 < 2)",
			object{"output_type": "stream", "name": "stdout",
				"text": []string{"a \x1b[31mred\x1b[0m word\n", "10%\r50%\r100%\n"}},
			object{"output_type": "stream", "name": "stderr", "text": "a warning\n"}),
		codeCell("two()",
			display(object{"image/svg+xml": svg, "image/png": "iVBORw0KGgo=", "text/plain": "<fig>"}),
			display(object{"text/html": img, "text/plain": "p"})),
		codeCell("three()",
			display(object{"text/html": "<script>alert(1)</script>", "text/plain": "only words are left"}),
			display(object{"text/html": unsafe}),
			display(object{"image/png": "iVBORw0KGgo=\n"}),
			display(object{"text/markdown": "it is $\\frac{1}{2}$"})),
		codeCell("four()", object{"output_type": "error", "ename": "E", "evalue": "v",
			"traceback": []string{"\x1b[31mE: it broke <here>\x1b[0m"}}),
		codeCell("", object{"output_type": "execute_result", "execution_count": 4,
			"data": object{"text/plain": []string{"plain ", "result"}}}),
	}
}

// notebookJSON is a notebook with every kind of cell and output.
func notebookJSON(t *testing.T) []byte {
	t.Helper()
	raw := object{"cell_type": "raw", "metadata": object{}, "source": "raw <text>"}
	b, err := json.Marshal(object{"nbformat": 4, "nbformat_minor": 5,
		"metadata": object{"language_info": object{"name": "go"}},
		"cells":    slices.Concat(textCells(), codeCells(), []object{raw})})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// project writes a notebook and records and returns options for them.
func project(t *testing.T) Options {
	t.Helper()
	root := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	o := Options{Root: root, Out: filepath.Join(root, "build", "report"),
		Date: time.Date(2026, 12, 1, 6, 0, 0, 0, time.UTC)}
	o.Notebooks = []string{write("build/nb/lesson.ipynb", notebookJSON(t)),
		write("build/nb/other.ipynb",
			[]byte(`{"nbformat":4,"cells":[{"cell_type":"markdown","source":"# Other\n\nText."}]}`))}
	for _, r := range []struct {
		path string
		rec  *record.Record
	}{
		{"build/runs/fashion-ce/record.json", synthetic("fashion-mnist-small", "ce", 8)},
		{"build/runs/fashion-ls/record.json", synthetic("fashion-mnist-small", "ls", 8)},
		{"records/cifar10-ce.json", synthetic("cifar10", "ce", 40)},
		{"records/cifar10-ls.json", synthetic("cifar10", "ls", 40)},
	} {
		path := write(r.path, nil)
		r.rec.Spec.Name = strings.NewReplacer("build/runs/", "", "records/", "", "/record", "",
			".json", "").Replace(r.path)
		if err := r.rec.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		o.Records = append(o.Records, path)
	}
	o.Records[0] = filepath.Dir(o.Records[0]) // a run's folder will do
	return o
}

// built is the site of project, made once for the tests that only read it.
func built(t *testing.T) (o Options, pages map[string]string) {
	t.Helper()
	once.Do(func() {
		once.o = project(t)
		once.pages = build(t, once.o)
	})
	if once.pages == nil {
		t.Fatal("the site could not be built")
	}
	return once.o, once.pages
}

var once struct {
	sync.Once
	o     Options
	pages map[string]string
}

func build(t *testing.T, o Options) map[string]string {
	t.Helper()
	index, err := Build(o)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Base(index) != "index.html" {
		t.Errorf("index is %s", index)
	}
	pages := map[string]string{} // and the files to keep
	dir := os.DirFS(filepath.Dir(index))
	err = fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(dir, name)
		pages[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}
