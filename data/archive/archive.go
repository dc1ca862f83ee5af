// Package archive brings the files of a data set to this machine: it downloads, checks, unpacks and
// installs them, and says afterwards whether they are the publisher's. What is in the files is the
// business of its caller, package data.
package archive

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
)

// EnvDir is the environment variable that names the folder of the data sets.
const EnvDir = "COLLAPSE_DATA"

// Archive says how the files of a data set are obtained: what is downloaded, with sizes and hashes,
// and which files the set's folder must hold.
type Archive struct {
	Set      string   // name of the set, for its lock and messages
	Sources  []Source // what is downloaded; empty: the set installs from a folder only
	Folder   string   // of the set's files, the one folder in a packed source
	Files    []Member // that must be there
	Optional []string // files of a packed source that are kept, each of at most 1 MiB
	Skip     []string // files of a packed source that are left out, of any size
	Also     string   // another archive that a user may give in place of the source, for messages
	// Unpacked, if not empty, is a file that marks another form of the folder, which the reader of
	// the set takes as well.
	Unpacked string
	// Pack, if not nil, copies a folder of the form Unpacked into to, as Files.
	Pack func(ctx context.Context, to, from string, d Disk) error
}

// Source is a file that is downloaded.
type Source struct {
	URLs   []string // official address first, then mirrors; all end in the file's name
	Size   int64    // in bytes
	SHA256 string   // published, or pinned by several public projects; empty if only MD5 is
	MD5    string   // likewise; checked where there is no SHA256
	Packed bool     // a gzipped tar archive of Folder; otherwise the file is one of Files
}

// Name returns the name of the file.
func (s *Source) Name() string { return path.Base(s.URLs[0]) }

// hash returns the hash that decides, and its kind.
func (s *Source) hash() (kind, want string) {
	if s.SHA256 != "" {
		return "SHA-256", s.SHA256
	}
	return "MD5", s.MD5
}

// Size returns the bytes that a fetch downloads.
func (a *Archive) Size() int64 {
	var n int64
	for _, s := range a.Sources {
		n += s.Size
	}
	return n
}

// unpackedSize returns the bytes of the files, as far as they are known.
func (a *Archive) unpackedSize() int64 {
	var n int64
	for _, m := range a.Files {
		n += m.Size
	}
	if n == 0 {
		n = a.Size() // the files are those that are downloaded
	}
	return n
}

// Options say where a set is and how its installation is reported.
type Options struct {
	// Dir is the folder that holds a set's folder, or is that folder itself. Empty means the folder
	// in EnvDir, else collapse/data in the user's cache folder.
	Dir string
	// Progress, if not nil, is called with the bytes of a download.
	Progress func(done, total int64)
	// Offline forbids any download.
	Offline bool
	// Log, if not nil, gets a line for each step that a user would want to know of.
	Log io.Writer
	// Check reads the files of a folder through and returns their sums, in the order of
	// Archive.Files. A file that is not as its format says is an error.
	Check func(ctx context.Context, folder string) ([]Sum, error)
	// Known, if not nil, reports whether the files in a folder were checked before and have not
	// changed since.
	Known func(folder string) bool
}

func (o Options) logf(format string, args ...any) {
	if o.Log != nil {
		fmt.Fprintf(o.Log, format+"\n", args...)
	}
}

// Folder returns the folder of the data sets for Options.Dir, and in words who named it.
func Folder(dir string) (folder, namedBy string, err error) {
	switch env := os.Getenv(EnvDir); {
	case dir != "":
		folder, namedBy = dir, "the folder asked for"
	case env != "":
		folder, namedBy = env, EnvDir
	default:
		if folder, err = UserFolder(); err != nil {
			return "", "", fmt.Errorf("data: no cache folder for data sets (%w); set %s=FOLDER", err, EnvDir)
		}
		namedBy = "the cache folder"
	}
	folder, err = filepath.Abs(folder)
	if err != nil {
		return "", "", fmt.Errorf("data: %w", err)
	}
	if st, err := os.Stat(folder); err == nil && !st.IsDir() {
		return "", "", fmt.Errorf("data: %s (%s) is a file, want a folder of data sets", folder, namedBy)
	}
	return folder, namedBy, nil
}

// UserFolder returns the folder of the data sets where nobody names one.
func UserFolder() (string, error) {
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "collapse", "data"), err
}

// Locate returns the folder of the set in or at dir, and whether any of its files is there; a folder
// of a file's name, as CIFAR-100's train, is none. Where
// none is, it is the folder that a fetch makes.
func (a *Archive) Locate(dir string) (folder string, found bool) {
	for _, f := range []string{filepath.Join(dir, a.Folder), dir} {
		for _, m := range a.Files {
			if st, err := os.Stat(m.Path(f)); err == nil && !st.IsDir() {
				return f, true
			}
		}
		if a.IsUnpacked(f) {
			return f, true
		}
	}
	return filepath.Join(dir, a.Folder), false
}

// IsUnpacked reports whether folder has the form that Unpacked marks.
func (a *Archive) IsUnpacked(folder string) bool {
	return a.Unpacked != "" && exists(filepath.Join(folder, a.Unpacked)) && !exists(a.Files[0].Path(folder))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
