package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/gocollapse/collapse/internal/bounded"
	"github.com/gocollapse/collapse/record"
)

// ManifestName is the file that an installation leaves next to a set's files.
const ManifestName = "collapse-manifest.json"

const manifestFormat = "collapse-manifest"

// manifest says what an installed folder was made from. A folder whose files have the hashes of a
// manifest with the official archives' hashes holds the official bytes.
type manifest struct {
	Format   string        `json:"format"` // manifestFormat
	Version  int           `json:"version"`
	Set      string        `json:"set"`
	Archive  *origin       `json:"archive,omitempty"`  // of version 1, which knew one
	Archives []origin      `json:"archives,omitempty"` // none: installed from a folder
	Files    []record.File `json:"files"`
}

// origin is a downloaded file with the published hash that it had.
type origin struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"`
	MD5    string `json:"md5,omitempty"`
}

func (a *Archive) origins() []origin {
	var l []origin
	for _, s := range a.Sources {
		o := origin{Name: s.Name(), Size: s.Size, SHA256: s.SHA256}
		if s.SHA256 == "" {
			o.MD5 = s.MD5
		}
		l = append(l, o)
	}
	return l
}

// Origin returns the two words of a record that say where the files of a folder come from (archive
// or folder) and whether they are the official bytes, given their sums. Files that changed since
// they were installed are an error.
func (a *Archive) Origin(folder string, sums []Sum) (source, bytes string, err error) {
	m, err := readManifest(folder)
	if err != nil {
		return "", "", err
	}
	source, bytes = "folder", record.Unofficial
	if a.allOfficial(sums) {
		bytes = record.Official
	}
	if m == nil {
		return source, bytes, nil
	}
	for _, f := range Records(sums) {
		if !slices.Contains(m.Files, f) {
			return "", "", fmt.Errorf("data: %s has SHA-256 %s, which is not what %s says: it changed since it was "+
				"installed; move the folder %s away and run collapse fetch %s",
				filepath.Join(folder, f.Name), f.SHA256, ManifestName, folder, a.Set)
		}
	}
	if len(m.Archives) > 0 && slices.Equal(m.Archives, a.origins()) {
		return "archive", record.Official, nil
	}
	return source, bytes, nil
}

// allOfficial reports whether every needed file has a hash that the publisher's has.
func (a *Archive) allOfficial(sums []Sum) bool {
	if len(sums) != len(a.Files) {
		return false
	}
	for i, m := range a.Files {
		if !m.official(sums[i]) {
			return false
		}
	}
	return true
}

// readManifest returns nil where the folder has no manifest.
func readManifest(folder string) (*manifest, error) {
	path := filepath.Join(folder, ManifestName)
	b, err := bounded.ReadFile(path, optionalBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	var m manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("data: %s: %w; move it away to use the folder as it is", path, err)
	}
	if m.Format != manifestFormat || m.Version < 1 || m.Version > 2 {
		return nil, fmt.Errorf("data: %s: want format %q version 1 or 2, found %q version %d; "+
			"move it away to use the folder as it is", path, manifestFormat, m.Format, m.Version)
	}
	if m.Archive != nil {
		m.Archives = []origin{*m.Archive}
	}
	return &m, nil
}

func (a *Archive) manifest(files []record.File, fromArchive bool) ([]byte, error) {
	m := manifest{Format: manifestFormat, Version: 2, Set: a.Set, Files: files}
	if fromArchive {
		m.Archives = a.origins()
	}
	b, err := json.MarshalIndent(m, "", " ")
	return append(b, '\n'), err
}
