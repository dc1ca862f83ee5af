package archive

import (
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gocollapse/collapse/record"
)

// Member is a file of a set. A name that ends in .gz may also be there without it.
type Member struct {
	Name string
	Size int64 // exact; 0 where it may vary, up to Max
	Max  int64
	// Hashes of the official file, each empty if not known: of the file, and SHA-256 of the content
	// of a gzipped file. One that fits makes the file official.
	SHA256, MD5, Content string
}

// Path returns where the member is in folder, or would be.
func (m Member) Path(folder string) string {
	p := filepath.Join(folder, m.Name)
	if plain, ok := strings.CutSuffix(p, ".gz"); ok && !exists(p) && exists(plain) {
		return plain
	}
	return p
}

// CheckSize returns the size of the member in folder. A missing file and one of a wrong size are
// errors.
func (m Member) CheckSize(folder string) (int64, error) {
	const again = "take it from the archive again, or move the folder away and run collapse fetch"
	path := m.Path(folder)
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, fmt.Errorf("data: %s is missing; put it there, or move the folder away and run collapse fetch", path)
	case err != nil:
		return 0, fmt.Errorf("data: %w", err)
	case !st.Mode().IsRegular():
		return 0, fmt.Errorf("data: %s is not a file", path)
	case m.Size != 0 && st.Size() != m.Size:
		return 0, fmt.Errorf("data: %s has %d bytes, want %d: the file is cut, damaged or another; %s",
			path, st.Size(), m.Size, again)
	case m.Size == 0 && st.Size() > m.Max:
		return 0, fmt.Errorf("data: %s has %d bytes, want at most %d: another file; %s", path, st.Size(), m.Max, again)
	}
	return st.Size(), nil
}

// Sum is a file as it was read.
type Sum struct {
	record.File
	MD5     string // empty where it was not computed
	Content string // SHA-256 of the content of a gzipped file, or of the file itself
}

// Records returns what a record says of the files.
func Records(sums []Sum) []record.File {
	files := make([]record.File, len(sums))
	for i, s := range sums {
		files[i] = s.File
	}
	return files
}

// official reports whether the file is known to be the publisher's.
func (m Member) official(s Sum) bool {
	return m.SHA256 != "" && s.SHA256 == m.SHA256 || m.MD5 != "" && s.MD5 == m.MD5 ||
		m.Content != "" && s.Content == m.Content
}

// Read gives the content of the member in folder to decode, decompressed if it is gzipped, and
// hashes it on the way. decode must read the content to its end or fail. Its size is that of the
// file, compressed if it is.
func (m Member) Read(ctx context.Context, folder string, decode func(r io.Reader, size int64) error) (Sum, error) {
	size, err := m.CheckSize(folder)
	if err != nil {
		return Sum{}, err
	}
	path := m.Path(folder)
	f, err := os.Open(path)
	if err != nil {
		return Sum{}, fmt.Errorf("data: %w", err)
	}
	defer f.Close()
	h := newHashes(m.MD5 != "")
	raw := io.TeeReader(contextReader{ctx, f}, h)
	content := ""
	if strings.HasSuffix(path, ".gz") {
		content, err = decompress(raw, size, decode)
	} else {
		err = decode(raw, size)
	}
	if err == nil {
		// gzip reads ahead to the file's end, so this finds nothing, unless bytes were left that no
		// hash has seen.
		_, err = io.Copy(io.Discard, raw)
	}
	if err != nil {
		return Sum{}, fmt.Errorf("data: %s: %w", path, err)
	}
	file := record.File{Name: filepath.Base(path), Size: size, SHA256: h.sha256()}
	if content == "" {
		content = file.SHA256
	}
	return Sum{File: file, MD5: h.md5(), Content: content}, nil
}

// Discard is a decode for Member.Read that takes no interest in the content.
func Discard(r io.Reader, _ int64) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// decompress gives the content of a gzipped file to decode and returns its SHA-256.
func decompress(r io.Reader, size int64, decode func(r io.Reader, size int64) error) (string, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return "", fmt.Errorf("not a gzip file: %w", err)
	}
	h := newHashes(false)
	if err := decode(io.TeeReader(z, h), size); err != nil {
		return "", err
	}
	return h.sha256(), nil
}

// hashes computes SHA-256 and, where asked, MD5.
type hashes struct{ sha, md hash.Hash }

func newHashes(withMD5 bool) hashes {
	h := hashes{sha: sha256.New()}
	if withMD5 {
		h.md = md5.New()
	}
	return h
}

func (h hashes) Write(p []byte) (int, error) {
	h.sha.Write(p)
	if h.md != nil {
		h.md.Write(p)
	}
	return len(p), nil
}

func (h hashes) sha256() string { return fmt.Sprintf("%x", h.sha.Sum(nil)) }

func (h hashes) md5() string {
	if h.md == nil {
		return ""
	}
	return fmt.Sprintf("%x", h.md.Sum(nil))
}

// contextReader ends with the context's error once it is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
