package data

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/gocollapse/collapse/record"
)

// archive says how a set that is not embedded is had: the address, size and hash
// of its archive, and the files it must hold.
type archive struct {
	Set      string   // name of the set
	URL      string   // official address of the archive
	Size     int64    // of the archive in bytes
	SHA256   string   // of the archive
	Folder   string   // the one folder in the archive
	Files    []member // that must be there, each of its exact size
	Optional []string // that may be there, of at most optionalBytes
	// Check reads the files of a folder through, as Open will, and returns
	// their hashes in the order of files.
	Check func(ctx context.Context, folder string, files []member) ([]record.File, error)
}

// optionalBytes bounds each file that is not needed.
const optionalBytes = 1 << 20

// member is a file of a set.
type member struct {
	Name string
	Size int64
}

func (m member) checkSize(folder string) error {
	path := filepath.Join(folder, m.Name)
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("data: %s is missing; put it there, or move the folder away and run collapse fetch", path)
	case err != nil:
		return fmt.Errorf("data: %w", err)
	case !st.Mode().IsRegular():
		return fmt.Errorf("data: %s is not a file", path)
	case st.Size() != m.Size:
		return fmt.Errorf("data: %s has %d bytes, want %d: the file is cut, damaged or another; take it from the archive again, or move the folder away and run collapse fetch",
			path, st.Size(), m.Size)
	}
	return nil
}

// locate returns the folder of the set in or at dir, and whether any of its files
// is there. Where none is, it is the folder that a fetch makes.
func (a *archive) locate(dir string) (folder string, found bool) {
	for _, f := range []string{filepath.Join(dir, a.Folder), dir} {
		for _, m := range a.Files {
			if _, err := os.Stat(filepath.Join(f, m.Name)); err == nil {
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
	return fmt.Sprintf("without network, run collapse fetch %s --from FILE|FOLDER with %s or its unpacked folder, or set %s=FOLDER to the folder that holds %s",
		a.Set, filepath.Base(a.URL), EnvDir, a.Folder)
}

// manifestName is the file that an installation leaves beside a set's files.
const manifestName = "collapse-manifest.json"

const manifestFormat = "collapse-manifest"

// manifest says what an installed folder was made from. A folder whose files have
// the hashes of a manifest with the official archive's hash holds the official
// bytes.
type manifest struct {
	Format  string        `json:"format"` // manifestFormat
	Version int           `json:"version"`
	Set     string        `json:"set"`
	Archive *record.File  `json:"archive,omitempty"` // nil: installed from a folder
	Files   []record.File `json:"files"`
}

// origin returns the two words of the record that say where the files come from,
// for the files of a folder and their hashes. Files that changed since they were
// installed are an error.
func (a *archive) origin(folder string, files []record.File) (source, bytes string, err error) {
	m, err := readManifest(folder)
	if err != nil {
		return "", "", err
	}
	if m == nil {
		return "folder", record.Unofficial, nil
	}
	for _, f := range files {
		if !slices.Contains(m.Files, f) {
			return "", "", fmt.Errorf("data: %s has SHA-256 %s, which is not what %s says: it changed since it was installed; move the folder %s away and run collapse fetch %s",
				filepath.Join(folder, f.Name), f.SHA256, manifestName, folder, a.Set)
		}
	}
	if m.Archive != nil && m.Archive.SHA256 == a.SHA256 {
		return "archive", record.Official, nil
	}
	return "folder", record.Unofficial, nil
}

// readManifest returns nil where the folder has none.
func readManifest(folder string) (*manifest, error) {
	path := filepath.Join(folder, manifestName)
	b, err := os.ReadFile(path)
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
	if m.Format != manifestFormat || m.Version != 1 {
		return nil, fmt.Errorf("data: %s: want format %q version 1, found %q version %d; move it away to use the folder as it is",
			path, manifestFormat, m.Format, m.Version)
	}
	return &m, nil
}

func (a *archive) manifest(files []record.File, fromArchive bool) ([]byte, error) {
	m := manifest{Format: manifestFormat, Version: 1, Set: a.Set, Files: files}
	if fromArchive {
		m.Archive = &record.File{Name: filepath.Base(a.URL), Size: a.Size, SHA256: a.SHA256}
	}
	b, err := json.MarshalIndent(m, "", " ")
	return append(b, '\n'), err
}
