package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/internal/atomic"
	"github.com/gocollapse/collapse/internal/object"
	"github.com/gocollapse/collapse/report"
)

// answer holds the flags that say where the answer of measure, calibrate or ufm goes: tables or
// JSON to standard output, and a page and a picture to files.
type answer struct {
	json    bool
	page    string
	picture pictureFile
}

// addFlags adds the flags. picture says what --plot draws.
func (a *answer) addFlags(f *pflag.FlagSet, picture string) {
	f.BoolVar(&a.json, "json", false, "every metric, as JSON")
	f.StringVar(&a.page, "html", "", "write one page with all tables and figures to this `file`")
	f.Var(&a.picture, "plot", "write "+picture+" to this .svg or .png `file`")
}

// result is what a command answers. picture and page are called only if they are asked for.
type result struct {
	value   any // for JSON
	tables  []*figures.Table
	text    string // in place of tables
	picture func() (*figures.Figure, error)
	page    func() (*report.Sheet, error)
}

// write writes the picture and the page, then prints tables or JSON.
func (a *answer) write(c *cobra.Command, r result) error {
	if a.picture != "" {
		f, err := r.picture()
		if err != nil {
			return err
		}
		if err := writePicture(c, string(a.picture), f); err != nil {
			return err
		}
	}
	if a.page != "" {
		sheet, err := r.page()
		if err != nil {
			return err
		}
		page, err := sheet.HTML()
		if err != nil {
			return err
		}
		if err := atomic.WriteFile(a.page, page); err != nil {
			return err
		}
	}
	if a.json {
		return printJSON(c.OutOrStdout(), r.value)
	}
	if r.text != "" {
		_, err := io.WriteString(c.OutOrStdout(), r.text)
		return err
	}
	return printTables(c.OutOrStdout(), r.tables...)
}

// writePicture writes a figure in the format that the path ends in, and its caption to standard
// error.
func writePicture(c *cobra.Command, path string, f *figures.Figure) error {
	b := f.SVG
	if strings.EqualFold(filepath.Ext(path), ".png") {
		b = f.PNG
	}
	if err := atomic.WriteFile(path, b); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.ErrOrStderr(), "%s: %s\n", path, f.Caption)
	return err
}

// printTables prints tables with an empty line between them.
func printTables(w io.Writer, tables ...*figures.Table) error {
	for i, t := range tables {
		text := t.Text()
		if i > 0 {
			text = "\n" + text
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	return nil
}

// printJSON writes the answer of a command for other programs. A number that JSON does not have is
// null, with a note.
func printJSON(w io.Writer, v any) error {
	text, err := object.MarshalIndent(v, " ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}
