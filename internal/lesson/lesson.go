// Package lesson puts the outputs of an executed lesson into the committed one, so that a reader
// sees its pictures before anything is run, and tells when they are out of date.
package lesson

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/claims"
	"github.com/gocollapse/collapse/experiments"
	"github.com/gocollapse/collapse/record"
)

// Unsaved is the tag of a cell whose outputs tell of one machine and are not saved.
const Unsaved = "unsaved"

// Book is a notebook of format 4.5; its keys are in the order in which Jupyter writes them.
type Book struct {
	Cells    []Cell                     `json:"cells"`
	Metadata map[string]json.RawMessage `json:"metadata"`
	Format   int                        `json:"nbformat"`
	Minor    int                        `json:"nbformat_minor"`
}

// Cell is a cell of a Book. A text cell has neither count nor outputs.
type Cell struct {
	Type     string          `json:"cell_type"`
	Count    *int            `json:"-"`
	ID       string          `json:"id"`
	Metadata json.RawMessage `json:"metadata"`
	Outputs  []Output        `json:"-"`
	Source   []string        `json:"source"`
}

// Output is what a cell showed.
type Output struct {
	Type string                     // stream, display_data, execute_result, error
	Name string                     // stdout, stderr
	Text string                     // of a stream
	Data map[string]json.RawMessage // by MIME type
	Meta map[string]json.RawMessage // about a form of Data, by MIME type: a picture's alternative text
}

// codeCell is a code cell as Jupyter writes it.
type codeCell struct {
	Type     string          `json:"cell_type"`
	Count    *int            `json:"execution_count"`
	ID       string          `json:"id"`
	Metadata json.RawMessage `json:"metadata"`
	Outputs  []Output        `json:"outputs"`
	Source   []string        `json:"source"`
}

type stream struct {
	Name string   `json:"name"`
	Type string   `json:"output_type"`
	Text []string `json:"text"`
}

type display struct {
	Data     map[string]json.RawMessage `json:"data"`
	Metadata map[string]json.RawMessage `json:"metadata"`
	Type     string                     `json:"output_type"`
}

// UnmarshalJSON reads a cell of either kind.
func (c *Cell) UnmarshalJSON(b []byte) error {
	var all codeCell
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	*c = Cell{all.Type, all.Count, all.ID, all.Metadata, all.Outputs, all.Source}
	return nil
}

// MarshalJSON writes a code cell with its outputs, another without.
func (c Cell) MarshalJSON() ([]byte, error) {
	if c.Type == "code" {
		if c.Outputs == nil {
			c.Outputs = []Output{}
		}
		return compact(codeCell{c.Type, c.Count, c.ID, c.Metadata, c.Outputs, c.Source})
	}
	type plain Cell
	return compact(plain(c))
}

// UnmarshalJSON reads an output; a text may be a string or a list.
func (o *Output) UnmarshalJSON(b []byte) error {
	var raw struct {
		Type string                     `json:"output_type"`
		Name string                     `json:"name"`
		Text json.RawMessage            `json:"text"`
		Data map[string]json.RawMessage `json:"data"`
		Meta map[string]json.RawMessage `json:"metadata"`
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	*o = Output{Type: raw.Type, Name: raw.Name, Data: raw.Data, Meta: raw.Meta}
	if raw.Text != nil {
		o.Text = joined(raw.Text)
	}
	return nil
}

// MarshalJSON writes an output as Jupyter does.
func (o Output) MarshalJSON() ([]byte, error) {
	if o.Type == "stream" {
		return compact(stream{o.Name, o.Type, linesOf(o.Text)})
	}
	if o.Meta == nil {
		o.Meta = map[string]json.RawMessage{}
	}
	return compact(display{o.Data, o.Meta, o.Type})
}

// joined returns a text of the format, which may be a list of lines.
func joined(raw json.RawMessage) string {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return one
	}
	var many []string
	if json.Unmarshal(raw, &many) == nil {
		return strings.Join(many, "")
	}
	return ""
}

// linesOf splits a text after each end of a line.
func linesOf(text string) []string {
	ls := strings.SplitAfter(text, "\n")
	if ls[len(ls)-1] == "" {
		ls = ls[:len(ls)-1]
	}
	return ls
}

func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

// Parse reads a notebook.
func Parse(b []byte) (*Book, error) {
	book := &Book{}
	if err := json.Unmarshal(b, book); err != nil {
		return nil, fmt.Errorf("notebook: %w", err)
	}
	if book.Format != 4 {
		return nil, fmt.Errorf("notebook: format %d, want 4", book.Format)
	}
	return book, nil
}

// Bytes writes a notebook as Jupyter does: one space of indent, letters as they are.
func (b *Book) Bytes() ([]byte, error) {
	raw, err := compact(b)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, bytes.TrimSpace(raw), "", " "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// Save puts the outputs of an executed copy into a lesson: of each cell pictures as PNG with a
// palette, texts and what was printed. HTML is left out, and so are times, since they differ from
// run to run. root is the project's folder, whose records the outputs were made from.
func (b *Book) Save(executed *Book, root fs.FS) error {
	count := 0
	for i := range b.Cells {
		c := &b.Cells[i]
		if c.Type != "code" {
			continue
		}
		j := slices.IndexFunc(executed.Cells, func(e Cell) bool { return e.ID == c.ID })
		if j < 0 {
			return fmt.Errorf("cell %s is not in the executed copy; execute it again", c.ID)
		}
		if e := executed.Cells[j]; strings.Join(e.Source, "") != strings.Join(c.Source, "") {
			return fmt.Errorf("cell %s is another in the executed copy; execute it again", c.ID)
		}
		count++
		n := count
		c.Count, c.Outputs = &n, nil
		if c.tagged(Unsaved) {
			continue
		}
		var err error
		if c.Outputs, err = saved(executed.Cells[j].Outputs); err != nil {
			return fmt.Errorf("cell %s: %w", c.ID, err)
		}
	}
	sum, err := b.MadeFrom(root)
	if err != nil {
		return err
	}
	if b.Metadata == nil {
		b.Metadata = map[string]json.RawMessage{}
	}
	b.Metadata["collapse"] = json.RawMessage(`{"outputs_made_from":"` + sum + `"}`)
	return nil
}

// Saved returns the sum that Save wrote, "" where there is none.
func (b *Book) Saved() string {
	var m struct {
		Sum string `json:"outputs_made_from"`
	}
	if json.Unmarshal(b.Metadata["collapse"], &m) != nil {
		return ""
	}
	return m.Sum
}

func (c *Cell) tagged(tag string) bool {
	var m struct {
		Tags []string `json:"tags"`
	}
	return json.Unmarshal(c.Metadata, &m) == nil && slices.Contains(m.Tags, tag)
}

// kept are the forms of an output that are saved.
var kept = []string{"image/png", "text/markdown", "text/plain"}

// saved returns what is kept of outputs; pieces of what was printed become one.
func saved(outputs []Output) (out []Output, err error) {
	for _, o := range outputs {
		switch {
		case o.Type == "stream" && o.Name == "stdout":
			text := strings.ReplaceAll(o.Text, "\r", "")
			if n := len(out); n > 0 && out[n-1].Type == "stream" {
				out[n-1].Text += text
			} else if strings.TrimSpace(text) != "" {
				out = append(out, Output{Type: "stream", Name: "stdout", Text: text})
			}
		case o.Type == "display_data" || o.Type == "execute_result":
			data, meta := map[string]json.RawMessage{}, map[string]json.RawMessage{}
			for _, form := range kept {
				raw, has := o.Data[form]
				if !has {
					continue
				}
				if data[form], err = savedForm(form, joined(raw)); err != nil {
					return nil, err
				}
				if about, has := o.Meta[form]; has {
					meta[form] = about
				}
			}
			if len(data) > 0 {
				out = append(out, Output{Type: "display_data", Data: data, Meta: meta})
			}
		}
	}
	return out, nil
}

// savedForm returns one form of an output as Jupyter writes it.
func savedForm(form, text string) (json.RawMessage, error) {
	if form != "image/png" {
		return compact(linesOf(strings.TrimRight(text, "\n")))
	}
	picture, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, fmt.Errorf("a PNG: %w", err)
	}
	if picture, err = shrink(picture); err != nil {
		return nil, err
	}
	return compact(base64.StdEncoding.EncodeToString(picture))
}

var (
	named      = regexp.MustCompile(`"(?:records/)?([\w.*?-]+?)(?:\.json)?"`)
	compared   = regexp.MustCompile(`nb\.Compare\("([^"]+)"`)
	reproduced = regexp.MustCompile(`nb\.Reproduce\("([^"]+)"`)
)

// MadeFrom returns a sum over what the outputs of a lesson are made from: its code cells, the
// committed records that they name, by patterns as well, those from which the figures are drawn that
// they reproduce, and the results of the claims that they compare with.
func (b *Book) MadeFrom(root fs.FS) (string, error) {
	sum := sha256.New()
	var records []*record.Record
	for _, c := range b.Cells {
		if c.Type != "code" {
			continue
		}
		source := strings.Join(c.Source, "")
		fmt.Fprintf(sum, "%s\n%s\n", c.ID, source)
		for _, m := range named.FindAllStringSubmatch(source, -1) { // nb.Runs takes patterns
			if err := addRecords(sum, root, m[1]); err != nil {
				return "", err
			}
		}
		if strings.Contains(source, "nb.Runs()") { // all of them
			if err := addRecords(sum, root, "*"); err != nil {
				return "", err
			}
		}
		for _, m := range reproduced.FindAllStringSubmatch(source, -1) {
			for _, run := range experiments.For(m[1]) {
				if err := addRecords(sum, root, run.Name); err != nil {
					return "", err
				}
			}
		}
		for _, m := range compared.FindAllStringSubmatch(source, -1) {
			if records == nil {
				var err error
				if records, err = committed(root); err != nil {
					return "", err
				}
			}
			r, err := claims.DecideOne(m[1], records, claims.Options{})
			if err != nil {
				return "", err
			}
			text, err := json.Marshal(r)
			if err != nil {
				return "", err
			}
			sum.Write(text)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))[:32], nil
}

// addRecords adds the committed records whose names match a pattern to a sum.
func addRecords(sum io.Writer, root fs.FS, pattern string) error {
	files, err := fs.Glob(root, "records/"+pattern+".json")
	if err != nil {
		return err
	}
	for _, f := range files {
		text, err := fs.ReadFile(root, f)
		if err != nil {
			return err
		}
		if _, err := sum.Write(text); err != nil {
			return err
		}
	}
	return nil
}

// committed reads every record of the folder records.
func committed(root fs.FS) (records []*record.Record, err error) {
	files, err := fs.Glob(root, "records/*.json")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		text, err := fs.ReadFile(root, f)
		if err != nil {
			return nil, err
		}
		r, err := record.Read(bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		records = append(records, r)
	}
	return records, nil
}
