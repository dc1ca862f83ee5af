package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gocollapse/collapse/internal/atomic"
	"github.com/gocollapse/collapse/internal/bounded"
)

// maxBytes bounds what Read takes in: a record of a million epochs is smaller.
const maxBytes = 1 << 30

// Read reads a record of any version up to Version and checks what its users
// rely on: format, version, specification and rising epochs.
func Read(r io.Reader) (*Record, error) {
	b, err := bounded.ReadAll(r, "the file", maxBytes)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, fmt.Errorf("record: not JSON: %w", err)
	}
	if head.Format != Format {
		return nil, fmt.Errorf("record: want format %q, found %q", Format, head.Format)
	}
	if head.Version < 1 {
		return nil, fmt.Errorf("record: want a version from 1 to %d, found %d", Version, head.Version)
	}
	if head.Version > Version {
		return nil, fmt.Errorf("record: version %d; this Collapse reads 1 to %d, a newer one may read it",
			head.Version, Version)
	}
	var rec Record
	if err := json.Unmarshal(b, &rec); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	if err := rec.Spec.Validate(); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	for i, e := range rec.Epochs {
		if e.Epoch < 1 || (i > 0 && e.Epoch <= rec.Epochs[i-1].Epoch) {
			return nil, fmt.Errorf("record: row %d is epoch %d; epochs must be positive and rise", i+1, e.Epoch)
		}
	}
	return &rec, nil
}

// ReadFile reads the record in a file, or in record.json of a run's folder.
func ReadFile(path string) (*Record, error) {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		path = filepath.Join(path, "record.json")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	defer f.Close()
	rec, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rec, nil
}

// WriteFile writes the record whole or not at all. A record that Read would
// refuse is not written.
func (r *Record) WriteFile(path string) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	b = laidOut(b)
	if _, err := Read(bytes.NewReader(b)); err != nil {
		return fmt.Errorf("not written to %s: %w", path, err)
	}
	return atomic.WriteFile(path, append(b, '\n'))
}

// deepest is the level below which JSON stays on one line: an epoch's row, a file's sum. Indenting
// all of it adds a fifth to a record's size and shows no more.
const deepest = 2

// laidOut breaks JSON without spaces into lines: each member of an object and each element of a list
// has its own, down to the deepest level. A list of numbers is one line.
func laidOut(b []byte) []byte {
	var out []byte
	depth, inString := 0, false
	newline := func() { out = append(append(out, '\n'), bytes.Repeat([]byte{' '}, depth)...) }
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case inString && c == '\\':
			out = append(out, c)
			i++
			c = b[i]
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			if end := bytes.IndexAny(b[i+1:], "[]{}\""); c == '[' && b[i+1+end] == ']' || b[i+1] == '}' {
				out = append(out, b[i:i+end+2]...)
				i += end + 1
				continue
			}
			out = append(out, c)
			if depth++; depth <= deepest {
				newline()
			}
			continue
		case c == ']' || c == '}':
			if depth--; depth < deepest {
				newline()
			}
		case c == ',' && depth <= deepest:
			out = append(out, c)
			newline()
			continue
		case c == ':' && depth <= deepest:
			out = append(out, c, ' ')
			continue
		}
		out = append(out, c)
	}
	return out
}

// Row returns the row of an epoch, or nil where the run has none.
func (r *Record) Row(epoch int) *Epoch {
	for i := range r.Epochs {
		if r.Epochs[i].Epoch == epoch {
			return &r.Epochs[i]
		}
	}
	return nil
}

// Last returns the last row, or nil for a run without rows.
func (r *Record) Last() *Epoch {
	if len(r.Epochs) == 0 {
		return nil
	}
	return &r.Epochs[len(r.Epochs)-1]
}

// ReadAll reads records given as files, as run folders, and as folders of either: of a
// folder without a record.json the *.json files in it and every record.json below. It is
// an error, which names the path, if one holds no record.
func ReadAll(paths ...string) ([]*Record, error) {
	var runs []*Record
	for _, path := range paths {
		files, err := find(path)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			r, err := ReadFile(file)
			if err != nil {
				return nil, err
			}
			runs = append(runs, r)
		}
	}
	return runs, nil
}

func find(path string) ([]string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	if !st.IsDir() {
		return []string{path}, nil
	}
	own := filepath.Join(path, "record.json")
	if _, err := os.Stat(own); err == nil {
		return []string{own}, nil
	}
	files, err := filepath.Glob(filepath.Join(escape(path), "*.json"))
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() == "record.json" {
			files = append(files, p)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("record: %s holds no record; want a run's folder, a folder of runs, or a .json file",
			path)
	}
	return files, nil
}

// escape keeps filepath.Glob from reading a path as a pattern.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}
