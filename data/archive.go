package data

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/record"
)

// archive says how a set that is not embedded is had: what is downloaded, with
// sizes and hashes, and the files that its folder must hold.
type archive struct {
	Set      string   // name of the set, of its lock and in messages
	Sources  []source // what Fetch loads; empty: the set installs only from a folder
	Folder   string   // of the set's files, the one folder in a packed source
	Files    []member // that must be there
	Optional []string // that may be in a packed source, of at most optionalBytes, and are kept
	Skip     []string // that may be in a packed source, of any size, and are left out
	// Unpacked, if not empty, is a file that marks another form of the folder,
	// which Read takes as well.
	Unpacked string
	// Copy, if not nil, copies the folder from in the form Unpacked into to.
	Copy func(ctx context.Context, to, from string, d disk) error
	// Read reads the files of a folder through, into a set without Info but with
	// the names of its classes, and returns the hashes of the files.
	Read func(ctx context.Context, a *archive, folder string) (*Set, []sum, error)
}

// source is a file that is downloaded.
type source struct {
	URLs   []string // official address first, then mirrors; all end in the file's name
	Size   int64    // in bytes
	SHA256 string   // published, or pinned by several public projects; empty if only MD5 is
	MD5    string   // likewise; checked where there is no SHA256
	Packed bool     // a gzipped tar archive of Folder; otherwise the file is one of Files
}

// name returns the name of the file.
func (s *source) name() string { return path.Base(s.URLs[0]) }

// hash names the hash that decides.
func (s *source) hash() (kind, want string) {
	if s.SHA256 != "" {
		return "SHA-256", s.SHA256
	}
	return "MD5", s.MD5
}

// size returns the bytes that a fetch loads.
func (a *archive) size() int64 {
	var n int64
	for _, s := range a.Sources {
		n += s.Size
	}
	return n
}

// optionalBytes bounds each file that is not needed.
const optionalBytes = 1 << 20

// member is a file of a set. A name that ends in .gz may also be there without it.
type member struct {
	Name string
	Size int64 // exact; 0 where it may vary, up to Max
	Max  int64
	// Hashes of the official file, each empty if not known: of the file, and of
	// the content of a gzipped file. One that fits makes the file official.
	SHA256, MD5, Content string
}

// path returns where the member is in folder, or would be.
func (m member) path(folder string) string {
	p := filepath.Join(folder, m.Name)
	if plain, ok := strings.CutSuffix(p, ".gz"); ok {
		if _, err := os.Stat(p); err != nil {
			if _, err := os.Stat(plain); err == nil {
				return plain
			}
		}
	}
	return p
}

// checkSize returns the size of the member in folder.
func (m member) checkSize(folder string) (int64, error) {
	path := m.path(folder)
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, fmt.Errorf("data: %s is missing; put it there, or move the folder away and run collapse fetch", path)
	case err != nil:
		return 0, fmt.Errorf("data: %w", err)
	case !st.Mode().IsRegular():
		return 0, fmt.Errorf("data: %s is not a file", path)
	case m.Size != 0 && st.Size() != m.Size:
		return 0, fmt.Errorf("data: %s has %d bytes, want %d: the file is cut, damaged or another; take it from the archive again, or move the folder away and run collapse fetch",
			path, st.Size(), m.Size)
	case m.Size == 0 && st.Size() > m.Max:
		return 0, fmt.Errorf("data: %s has %d bytes, want at most %d: another file; take it from the archive again, or move the folder away and run collapse fetch",
			path, st.Size(), m.Max)
	}
	return st.Size(), nil
}

// sum is a file as it was read.
type sum struct {
	record.File
	MD5     string // empty where it was not computed
	Content string // SHA-256 of what was in a gzipped file, or of the file itself
}

// official reports whether the file is known to be the publisher's.
func (m member) official(s sum) bool {
	return m.SHA256 != "" && s.SHA256 == m.SHA256 || m.MD5 != "" && s.MD5 == m.MD5 || m.Content != "" && s.Content == m.Content
}

// records returns the part of sums that goes to a record.
func records(sums []sum) []record.File {
	files := make([]record.File, len(sums))
	for i, s := range sums {
		files[i] = s.File
	}
	return files
}

// locate returns the folder of the set in or at dir, and whether any of its files
// is there. Where none is, it is the folder that a fetch makes.
func (a *archive) locate(dir string) (folder string, found bool) {
	for _, f := range []string{filepath.Join(dir, a.Folder), dir} {
		for _, m := range a.Files {
			if _, err := os.Stat(m.path(f)); err == nil {
				return f, true
			}
		}
		if a.Unpacked != "" {
			if _, err := os.Stat(filepath.Join(f, a.Unpacked)); err == nil {
				return f, true
			}
		}
	}
	return filepath.Join(dir, a.Folder), false
}

// ensure returns the folder of the set's files, fetched where they are not there.
func (a *archive) ensure(ctx context.Context, o Options) (string, error) {
	dir, _, err := o.folder()
	if err != nil {
		return "", err
	}
	folder, found := a.locate(dir)
	if found {
		return folder, nil
	}
	if o.Offline {
		return "", a.offline(dir)
	}
	return a.fetch(ctx, o, newFetcher(o))
}

func (a *archive) offline(dir string) error {
	return fmt.Errorf("data: %s is not in %s, and fetching it is not allowed here; run collapse fetch %s; %s", a.Set, dir, a.Set, a.waysOut())
}

// waysOut tells a user how to get the set without the network.
func (a *archive) waysOut() string {
	what := "its unpacked folder"
	var names []string
	for _, s := range a.Sources {
		names = append(names, s.name())
	}
	switch {
	case len(names) == 1:
		what = names[0] + " or its unpacked folder"
	case len(names) > 1:
		what = "the folder that holds " + strings.Join(names, ", ")
	}
	return fmt.Sprintf("without network, run collapse fetch %s --from FILE|FOLDER with %s, or set %s=FOLDER to the folder that holds %s",
		a.Set, what, EnvDir, a.Folder)
}

// manifestName is the file that an installation leaves beside a set's files.
const manifestName = "collapse-manifest.json"

const manifestFormat = "collapse-manifest"

// manifest says what an installed folder was made from. A folder whose files have
// the hashes of a manifest with the official archives' hashes holds the official
// bytes.
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

func (a *archive) origins() []origin {
	var l []origin
	for _, s := range a.Sources {
		o := origin{Name: s.name(), Size: s.Size, SHA256: s.SHA256}
		if s.SHA256 == "" {
			o.MD5 = s.MD5
		}
		l = append(l, o)
	}
	return l
}

// origin returns the two words of the record that say where the files come from,
// for the files of a folder and their hashes. Files that changed since they were
// installed are an error.
func (a *archive) origin(folder string, sums []sum) (source, bytes string, err error) {
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
	for _, f := range records(sums) {
		if !slices.Contains(m.Files, f) {
			return "", "", fmt.Errorf("data: %s has SHA-256 %s, which is not what %s says: it changed since it was installed; move the folder %s away and run collapse fetch %s",
				filepath.Join(folder, f.Name), f.SHA256, manifestName, folder, a.Set)
		}
	}
	if len(m.Archives) > 0 && slices.Equal(m.Archives, a.origins()) {
		return "archive", record.Official, nil
	}
	return source, bytes, nil
}

// allOfficial reports whether the hash of every needed file is that of the
// publisher's.
func (a *archive) allOfficial(sums []sum) bool {
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

// readManifest returns nil where the folder has none.
func readManifest(folder string) (*manifest, error) {
	path := filepath.Join(folder, manifestName)
	b, err := readSmall(path, optionalBytes)
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
		return nil, fmt.Errorf("data: %s: want format %q version 1 or 2, found %q version %d; move it away to use the folder as it is",
			path, manifestFormat, m.Format, m.Version)
	}
	if m.Archive != nil {
		m.Archives = []origin{*m.Archive}
	}
	return &m, nil
}

func (a *archive) manifest(files []record.File, fromArchive bool) ([]byte, error) {
	m := manifest{Format: manifestFormat, Version: 2, Set: a.Set, Files: files}
	if fromArchive {
		m.Archives = a.origins()
	}
	b, err := json.MarshalIndent(m, "", " ")
	return append(b, '\n'), err
}
