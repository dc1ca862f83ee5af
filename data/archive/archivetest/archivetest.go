// Package archivetest makes archives, serves them with faults, and fills up disks, for tests.
package archivetest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Entry is an entry of a tar archive.
type Entry struct {
	Name string
	Body []byte
	Kind byte // tar.TypeReg where 0
	Link string
}

// Pack makes a gzipped tar archive.
func Pack(t testing.TB, entries []Entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, e := range entries {
		h := &tar.Header{Name: e.Name, Mode: 0o644, Size: int64(len(e.Body)), Typeflag: tar.TypeReg, Linkname: e.Link}
		if e.Kind != 0 {
			h.Typeflag, h.Size = e.Kind, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if e.Kind == 0 {
			if _, err := w.Write(e.Body); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Write puts files into a new folder and returns it.
func Write(t testing.TB, files map[string][]byte) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, b := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// WantError checks that err is an error that says each of words.
func WantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error does not say %q: %v", w, err)
		}
	}
}

// Server serves a body, but answers the first requests with its faults.
type Server struct {
	*httptest.Server
	mu     sync.Mutex
	Faults []http.HandlerFunc
	Ranges []string // the Range header of each request
}

// Serve starts a server that ends with the test.
func Serve(t *testing.T, body []byte, faults ...http.HandlerFunc) *Server {
	t.Helper()
	s := &Server{Faults: faults}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.Ranges = append(s.Ranges, r.Header.Get("Range"))
		var fault http.HandlerFunc
		if len(s.Faults) > 0 {
			fault, s.Faults = s.Faults[0], s.Faults[1:]
		}
		s.mu.Unlock()
		if fault != nil {
			fault(w, r)
			return
		}
		http.ServeContent(w, r, "a.tar.gz", time.Time{}, bytes.NewReader(body))
	}))
	t.Cleanup(s.Close)
	return s
}

// HangUp sends n bytes of b after the headers and closes the connection.
func HangUp(status int, header map[string]string, b []byte, n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for k, v := range header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		w.Write(b[:n])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

// Answer sends a status and a text.
func Answer(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Error(w, text, status) }
}

// Whole sends b with status 200, whatever was asked for.
func Whole(b []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		w.Write(b)
	}
}

// Chunked is Whole without a length.
func Chunked(b []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		w.Write(b)
	}
}

// File is a file that is being written.
type File interface {
	io.WriteCloser
	Sync() error
}

// Limit lets all files of a disk write so many bytes together. At the first write beyond them it
// calls Full with what may still be written.
type Limit struct {
	room atomic.Int64
	full func(w io.Writer, p []byte, left int64) (int, error)
}

// FullDisk is a Limit beyond which writes fail with ENOSPC, after half of their bytes, as on a full
// disk.
func FullDisk(room int64) *Limit {
	return NewLimit(room, func(w io.Writer, p []byte, _ int64) (int, error) {
		n, err := w.Write(p[:len(p)/2])
		return n, errors.Join(err, syscall.ENOSPC)
	})
}

// NewLimit returns a Limit. full writes p, of which left bytes have room.
func NewLimit(room int64, full func(w io.Writer, p []byte, left int64) (int, error)) *Limit {
	l := &Limit{full: full}
	l.room.Store(room)
	return l
}

// File returns f under the limit.
func (l *Limit) File(f File) File { return limited{f, l} }

type limited struct {
	File
	limit *Limit
}

func (f limited) Write(p []byte) (int, error) {
	if left := f.limit.room.Add(-int64(len(p))); left < 0 {
		return f.limit.full(f.File, p, int64(len(p))+left)
	}
	return f.File.Write(p)
}
