// Package nb is what a notebook cell calls: to show figures, tables and text, to
// move a slider, to find the project's files and to stop with a readable error.
//
// A cell of the kernel "Collapse (Go)" is a program of its own. It imports this
// package and its siblings with no set-up cell:
//
//	import "github.com/gocollapse/collapse/nb"
//
//	%%
//	run := nb.Must(nb.LoadRun("fashion-resnet18-ce"))
//	nb.Draw("fig1", run)
//
// # What a notebook keeps
//
// JupyterLab strips scripts, inline SVG and SVG outputs from a saved notebook
// that it does not trust. So a figure is sent as HTML that holds its SVG in an
// <img>, which survives, together with a PNG and its caption as plain text.
//
// # Nothing is lost
//
// The output of a cell's program travels to the kernel through a pipe; what is
// still in it when the program ends is lost. Every function here that shows
// something returns only after the kernel has acknowledged it.
//
// # Errors fail the build
//
// A cell that meets an error must end with a non-zero exit status, so that
// "make report" and nbconvert stop there: use Must and Try, or panic. A cell that
// prints an error and returns counts as passed.
//
// # Outside a notebook
//
// Programs and tests may call everything here: what has no notebook to go to is
// printed to standard output as text.
//
// The package imports neither GoMLX nor the embedded images, so that a cell
// compiles in about a second. Package live, below this folder, holds what needs
// them: training with a live curve, and the check of the machine.
package nb

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/record"
)

// A Bundle is one output in several forms; the front-end shows the richest form
// that it trusts. Text is required: it is what a terminal and a search see.
// Empty forms are left out.
type Bundle struct {
	HTML     string
	Markdown string
	PNG      []byte
	Alt      string // what the PNG shows, for readers who do not see it
	Text     string
}

// Display sends b to the notebook and waits until it has arrived. A non-empty id
// names a place in the cell's output: the first use creates it, later uses with
// the same id replace what it shows. Outside a notebook b.Text is printed.
func Display(id string, b Bundle) { display(os.Stdout, id, b) }

func display(terminal io.Writer, id string, b Bundle) {
	if !gonbui.IsNotebook {
		fmt.Fprintln(terminal, strings.TrimRight(b.Text, "\n"))
		return
	}
	gonbui.SendData(&protocol.DisplayData{Data: b.forms(), Metadata: b.metadata(), DisplayID: id})
	gonbui.Sync()
}

// forms returns b as Jupyter's MIME bundle.
func (b Bundle) forms() map[protocol.MIMEType]any {
	m := map[protocol.MIMEType]any{protocol.MIMETextPlain: b.Text}
	if b.HTML != "" {
		m[protocol.MIMETextHTML] = b.HTML
	}
	if b.Markdown != "" {
		m[protocol.MIMETextMarkdown] = b.Markdown
	}
	if len(b.PNG) > 0 {
		m[protocol.MIMEImagePNG] = b.PNG
	}
	return m
}

// metadata gives the PNG its alternative text, as nbconvert reads it.
func (b Bundle) metadata() map[string]any {
	if len(b.PNG) == 0 || b.Alt == "" {
		return nil
	}
	return map[string]any{string(protocol.MIMEImagePNG): map[string]string{"alt": b.Alt}}
}

// InNotebook tells whether the program was started by a notebook's kernel.
func InNotebook() bool { return gonbui.IsNotebook }

// Show shows a figure with its caption, or stops the cell as Try does. It takes the two results of a
// function that draws:
//
//	nb.Show(figures.Figure1(figures.Of(ce, ls)...))
//
// Outside a notebook it prints title, alternative text and caption.
func Show(f *figures.Figure, err error) {
	Try(err)
	Display("", FigureBundle(f))
}

// Draw shows a figure or table of the paper that is made from runs, by its id in figures.All:
// nb.Draw("fig4", ce, ls). A run that does not hold what it needs is an error that says so.
func Draw(id string, runs ...*record.Record) {
	e, err := figures.ByID(id)
	Try(err)
	Try(lacking(e, runs))
	if e.Table != nil {
		Table(e.Table(figures.Of(runs...)...))
		return
	}
	Show(e.Figure(figures.Of(runs...)...))
}

// lacking reports the runs that do not hold what an entry needs.
func lacking(e figures.Entry, runs []*record.Record) error {
	if !e.FromRecords() {
		return fmt.Errorf("%s is a closed form, which is not made from runs: call figures.UFM", e.Name())
	}
	for _, r := range runs {
		if !e.Takes(r) {
			return fmt.Errorf("%s needs %s; run %q does not have it", e.Name(), e.Needs, r.Spec.Name)
		}
	}
	if len(runs) > 0 && len(e.From(figures.Of(runs...)...)) == 0 {
		return fmt.Errorf("%s needs %s; the %d runs together do not have it. nb.Reproduce(%q) draws it from all "+
			"committed records and names the runs that are missing", e.Name(), e.Needs, len(runs), e.ID)
	}
	return nil
}

// FigureBundle returns the forms in which Show sends a figure: HTML with the SVG
// in an <img>, the PNG with its alternative text, and number, title, alternative text and caption as text.
func FigureBundle(f *figures.Figure) Bundle {
	return Bundle{HTML: FigureHTML(f), PNG: f.PNG, Alt: f.Alt, Text: figureText(f)}
}

// Table shows a table with its caption, or stops the cell as Try does. It takes the two results of a
// function that makes one: nb.Table(figures.Curves(figures.Of(run))).
func Table(t *figures.Table, err error) {
	Try(err)
	Display("", Bundle{HTML: t.HTML(), Text: t.Text()})
}

// Markdown shows text as a notebook's text cell would, formulas in $…$ included.
// Operands are formatted as by fmt.Sprintf; without operands text is taken as it
// is, so that a % needs no doubling.
func Markdown(text string, operands ...any) {
	s := fill(text, operands)
	Display("", Bundle{Markdown: s, Text: s})
}

// HTML shows html, and text where HTML cannot be shown.
func HTML(html, text string) {
	Display("", Bundle{HTML: html, Text: text})
}

func fill(text string, operands []any) string {
	if len(operands) == 0 {
		return text
	}
	return fmt.Sprintf(text, operands...)
}

// Must returns v, or stops the cell as Try does when err is not nil. It takes the
// two results of a call directly: nb.Must(nb.LoadRun("fashion-resnet18-ce")).
func Must[T any](v T, err error) T {
	Try(err)
	return v
}

// Try does nothing when err is nil. Otherwise it prints the error to standard
// error and ends the program with status 1, which marks the cell as failed.
func Try(err error) {
	if err == nil {
		return
	}
	gonbui.Sync()
	fmt.Fprintf(os.Stderr, "error: %v\n", err)
	os.Exit(1)
}
