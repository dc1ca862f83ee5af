package report

import (
	"bytes"
	"encoding/base64"
	"html"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/alecthomas/chroma/v2"
	chromahtml "github.com/alecthomas/chroma/v2/formatters/html"
	"github.com/alecthomas/chroma/v2/lexers"
	"github.com/alecthomas/chroma/v2/styles"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	goldhtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/gocollapse/collapse/report/mathml"
)

// converter reads Markdown as GitHub does, with $…$ and $$…$$ for formulas. Raw
// HTML passes, since every result goes through page.clean.
var converter = sync.OnceValue(func() goldmark.Markdown {
	return goldmark.New(
		goldmark.WithExtensions(extension.GFM, extension.Footnote, formulas{}),
		goldmark.WithParserOptions(parser.WithAutoHeadingID()),
		goldmark.WithRendererOptions(goldhtml.WithUnsafe(),
			renderer.WithNodeRenderers(util.Prioritized(codeBlocks{}, 10))),
	)
})

// markdown renders Markdown to clean HTML. embed returns a data: address for a
// picture's reference, or "".
func (p *page) markdown(src string, embed func(ref string) string) (string, error) {
	var b bytes.Buffer
	if err := converter().Convert([]byte(strings.ReplaceAll(src, "\r\n", "\n")), &b); err != nil {
		return "", err
	}
	return p.clean(b.String(), embed)
}

// embed returns a picture that a text cell refers to as a data: address: an
// attachment of the cell, or a file next to the notebook or in the project's
// notebooks folder; "" where there is none.
func (nb *notebook) embed(c cell, ref, root string) string {
	if name, ok := strings.CutPrefix(ref, "attachment:"); ok {
		for kind, data := range c.Attachments[name] {
			if strings.HasPrefix(kind, "image/") {
				return "data:" + kind + ";base64," + strings.ReplaceAll(string(data), "\n", "")
			}
		}
		return ""
	}
	kind, ok := map[string]string{".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif",
		".svg": "image/svg+xml", ".webp": "image/webp"}[strings.ToLower(filepath.Ext(ref))]
	if !ok || !filepath.IsLocal(filepath.FromSlash(ref)) {
		return ""
	}
	for _, dir := range []string{nb.dir, filepath.Join(root, "notebooks")} {
		if b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(ref))); err == nil {
			return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(b)
		}
	}
	return ""
}

// formula renders LaTeX, or its source, marked, where it is not understood.
func formula(tex string, display bool) string {
	m, err := mathml.Convert(tex, display)
	if err != nil {
		return `<code class="tex" title="` + html.EscapeString(err.Error()) + `">` + html.EscapeString(tex) + "</code>"
	}
	return m
}

// formulas is the goldmark extension for $…$ and $$…$$.
type formulas struct{}

// Extend implements goldmark.Extender.
func (formulas) Extend(m goldmark.Markdown) {
	m.Parser().AddOptions(
		parser.WithBlockParsers(util.Prioritized(blockFormulas{}, 50)), // before headings, lists and rules
		parser.WithInlineParsers(util.Prioritized(inlineFormulas{}, 50)),
	)
	m.Renderer().AddOptions(renderer.WithNodeRenderers(util.Prioritized(formulaRenderer{}, 50)))
}

var (
	kindInline = ast.NewNodeKind("InlineFormula")
	kindBlock  = ast.NewNodeKind("BlockFormula")
)

type inlineFormula struct {
	ast.BaseInline
	tex     string
	display bool
}

func (*inlineFormula) Kind() ast.NodeKind         { return kindInline }
func (n *inlineFormula) Dump(src []byte, lvl int) { ast.DumpHelper(n, src, lvl, nil, nil) }

type blockFormula struct {
	ast.BaseBlock
	closed bool // the closing $$ stood on the first line
}

func (*blockFormula) Kind() ast.NodeKind         { return kindBlock }
func (*blockFormula) IsRaw() bool                { return true }
func (n *blockFormula) Dump(src []byte, lvl int) { ast.DumpHelper(n, src, lvl, nil, nil) }

type inlineFormulas struct{}

func (inlineFormulas) Trigger() []byte { return []byte{'$'} }

// Parse takes $…$ or $$…$$, over lines of one paragraph. As in Jupyter and on
// GitHub no space separates the dollar signs from the formula, and a digit after the
// last one makes it money.
func (inlineFormulas) Parse(_ ast.Node, block text.Reader, _ parser.Context) ast.Node {
	line, _ := block.PeekLine()
	savedLine, savedPos := block.Position()
	fence := 1
	if len(line) > 1 && line[1] == '$' {
		fence = 2
	}
	if len(line) <= fence || fence == 1 && util.IsSpace(line[fence]) {
		return nil
	}
	block.Advance(fence)
	var tex []byte
	for {
		line, _ := block.PeekLine()
		if line == nil {
			block.SetPosition(savedLine, savedPos)
			return nil
		}
		for i := 0; i < len(line); i++ {
			switch {
			case line[i] == '\\' && i+1 < len(line):
				tex = append(tex, line[i], line[i+1])
				i++
				continue
			case line[i] == '`':
				// Code begins before the formula would end: the sign was money.
				block.SetPosition(savedLine, savedPos)
				return nil
			case line[i] != '$':
				tex = append(tex, line[i])
				continue
			}
			closes := i+fence <= len(line) && (fence == 1 || i+1 < len(line) && line[i+1] == '$')
			digit := i+1 < len(line) && line[i+1] >= '0' && line[i+1] <= '9'
			money := fence == 1 && (len(tex) == 0 || util.IsSpace(tex[len(tex)-1]) || digit)
			if !closes || money {
				block.SetPosition(savedLine, savedPos)
				return nil
			}
			block.Advance(i + fence)
			return &inlineFormula{tex: string(tex), display: fence == 2}
		}
		block.AdvanceLine()
	}
}

type blockFormulas struct{}

func (blockFormulas) Trigger() []byte { return []byte{'$'} }

// Open takes a line that starts with $$ and is not followed by text after the
// closing $$.
func (blockFormulas) Open(_ ast.Node, r text.Reader, pc parser.Context) (ast.Node, parser.State) {
	line, seg := r.PeekLine()
	seg.Start -= seg.Padding
	at := pc.BlockOffset()
	if at < 0 || !bytes.HasPrefix(line[at:], []byte("$$")) {
		return nil, parser.NoChildren
	}
	rest := line[at+2:]
	n := &blockFormula{}
	if i := bytes.Index(rest, []byte("$$")); i >= 0 {
		if len(bytes.TrimSpace(rest[i+2:])) > 0 {
			return nil, parser.NoChildren // text follows: a formula inside a paragraph
		}
		n.Lines().Append(text.NewSegment(seg.Start+at+2, seg.Start+at+2+i))
		n.closed = true
		return n, parser.NoChildren
	}
	n.Lines().Append(text.NewSegment(seg.Start+at+2, seg.Stop))
	return n, parser.NoChildren
}

func (blockFormulas) Continue(node ast.Node, r text.Reader, _ parser.Context) parser.State {
	if node.(*blockFormula).closed {
		return parser.Close
	}
	line, seg := r.PeekLine()
	if i := bytes.Index(line, []byte("$$")); i >= 0 {
		node.Lines().Append(text.NewSegment(seg.Start, seg.Start+i))
		r.AdvanceToEOL()
		return parser.Close
	}
	node.Lines().Append(seg)
	r.AdvanceToEOL()
	return parser.Continue | parser.NoChildren
}

func (blockFormulas) Close(ast.Node, text.Reader, parser.Context) {}
func (blockFormulas) CanInterruptParagraph() bool                 { return true }
func (blockFormulas) CanAcceptIndentedLine() bool                 { return false }

type formulaRenderer struct{}

func (formulaRenderer) RegisterFuncs(reg renderer.NodeRendererFuncRegisterer) {
	reg.Register(kindInline, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if f := n.(*inlineFormula); entering {
			_, err := w.WriteString(formula(f.tex, f.display))
			return ast.WalkSkipChildren, err
		}
		return ast.WalkContinue, nil
	})
	reg.Register(kindBlock, func(w util.BufWriter, src []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			_, err := w.WriteString(displayed(string(n.Lines().Value(src))))
			return ast.WalkSkipChildren, err
		}
		return ast.WalkContinue, nil
	})
}

// displayed returns a formula on a line of its own.
func displayed(tex string) string { return "<div class=\"formula\">" + formula(tex, true) + "</div>\n" }

// codeBlocks highlights fenced code in text cells.
type codeBlocks struct{}

func (codeBlocks) RegisterFuncs(reg renderer.NodeRendererFuncRegisterer) {
	render := func(w util.BufWriter, src []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		lang := string(n.(*ast.FencedCodeBlock).Language(src))
		code := string(n.Lines().Value(src))
		if lang == "math" {
			_, err := w.WriteString(displayed(code))
			return ast.WalkSkipChildren, err
		}
		body := html.EscapeString(code)
		if lang != "" {
			body = highlight(code, lang)
		}
		_, err := w.WriteString("<pre class=\"source\"><code class=\"c-chroma\">" + body + "</code></pre>\n")
		return ast.WalkSkipChildren, err
	}
	reg.Register(ast.KindFencedCodeBlock, render)
}

var code = chromahtml.New(
	chromahtml.WithClasses(true), chromahtml.ClassPrefix("c-"), chromahtml.PreventSurroundingPre(true))

// highlight marks up source code; a language that is not known stays plain, and
// "" is Go, the language of the project's notebooks.
func highlight(src, lang string) string {
	if lang == "" || lang == "gonb" {
		lang = "go"
	}
	plain := html.EscapeString(src)
	lexer := lexers.Get(lang)
	if lexer == nil {
		return plain
	}
	it, err := chroma.Coalesce(lexer).Tokenise(nil, src)
	if err != nil {
		return plain
	}
	var b strings.Builder
	if err := code.Format(&b, styles.Fallback, it); err != nil {
		return plain
	}
	return b.String()
}

// codeCSS is the style sheet of highlight for one of chroma's styles.
func codeCSS(style string) (string, error) {
	var b strings.Builder
	err := code.WriteCSS(&b, styles.Get(style))
	return b.String(), err
}
