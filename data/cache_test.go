package data

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gocollapse/collapse/data/archive"
	"github.com/gocollapse/collapse/data/archive/archivetest"
	"github.com/gocollapse/collapse/internal/atomic"
	"github.com/gocollapse/collapse/record"
)

// countedSet opens the small CIFAR-10 in a folder and counts how often its files are
// read.
func countedSet(t *testing.T) (open func(o Options) *Set, reads *int, folder string) {
	t.Helper()
	folder = miniFolder(t)
	d := miniSet(t, nil, "")
	reads = count(&d)
	return func(o Options) *Set {
		t.Helper()
		s, err := d.openSet(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		wantMini(t, s)
		return s
	}, reads, folder
}

// decoded returns the path of the one decoded file in dir.
func decoded(t *testing.T, dir string) string {
	t.Helper()
	l, err := filepath.Glob(filepath.Join(dir, cacheFolder, "*.bin"))
	if err != nil || len(l) != 1 {
		t.Fatalf("decoded files %v, %v; want one", l, err)
	}
	return l[0]
}

func TestCache(t *testing.T) {
	open, reads, folder := countedSet(t)
	dir := filepath.Dir(folder)
	first, second := open(Options{Dir: dir}), open(Options{Dir: dir})
	if *reads != 1 {
		t.Errorf("%d reads for two openings, want 1", *reads)
	}
	a, b := first.Info, second.Info
	if string(mustJSON(t, a)) != string(mustJSON(t, b)) {
		t.Errorf("the copy says %s, the set %s", mustJSON(t, b), mustJSON(t, a))
	}
	if err := checkCache(decoded(t, dir)); err != nil {
		t.Error(err)
	}
	if open(Options{Dir: dir, NoCache: true}); *reads != 2 {
		t.Errorf("%d reads, want 2: NoCache reads anew", *reads)
	}
	// A file of another time is read again, and the copy replaced.
	stamp := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(folder, "test_batch.bin"), stamp, stamp); err != nil {
		t.Fatal(err)
	}
	if open(Options{Dir: dir}); *reads != 3 {
		t.Errorf("%d reads, want 3: a file changed", *reads)
	}
	if open(Options{Dir: dir}); *reads != 3 {
		t.Errorf("%d reads, want 3", *reads)
	}
	decoded(t, dir)
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A copy that is damaged, cut, of another version or no copy at all is not used but
// replaced; damage of the images, which opening does not look at, is found by
// Verify's check.
func TestCacheDamaged(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(b []byte) []byte
	}{
		{"empty", func(b []byte) []byte { return nil }},
		{"cut in the head", func(b []byte) []byte { return b[:10] }},
		{"cut in the header", func(b []byte) []byte { return b[:100] }},
		{"cut in the images", func(b []byte) []byte { return b[:len(b)-1] }},
		{"extended", func(b []byte) []byte { return append(b, 0) }},
		{"another version", func(b []byte) []byte { b[len(cacheMagic)]++; return b }},
		{"a long header", func(b []byte) []byte { b[len(cacheMagic)+7] = 0xFF; return b }},
		{"a label", func(b []byte) []byte { b[20+binary.LittleEndian.Uint32(b[12:])] ^= 4; return b }},
		{"a page", func(b []byte) []byte { return []byte("<html>") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			open, reads, folder := countedSet(t)
			dir := filepath.Dir(folder)
			open(Options{Dir: dir})
			path := decoded(t, dir)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			// This process has mapped the file; another would not have.
			mappings.Lock()
			clear(mappings.m)
			mappings.Unlock()
			if err := atomic.WriteFile(path, c.damage(b)); err != nil {
				t.Fatal(err)
			}
			if open(Options{Dir: dir}); *reads != 2 {
				t.Errorf("%d reads, want 2", *reads)
			}
			if err := checkCache(path); err != nil {
				t.Errorf("the copy was not made anew: %v", err)
			}
		})
	}
	open, _, folder := countedSet(t)
	dir := filepath.Dir(folder)
	open(Options{Dir: dir})
	path := decoded(t, dir)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-5] ^= 1
	if err := atomic.WriteFile(path, b); err != nil {
		t.Fatal(err)
	}
	if err := checkCache(path); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("error %v, want one of the checksum", err)
	}
}

// A disk that is full or cannot be written to costs the copy, nothing else.
func TestCacheCannotBeWritten(t *testing.T) {
	open, _, folder := countedSet(t)
	s := open(Options{Dir: folder, NoCache: true})
	path := filepath.Join(t.TempDir(), "d", "x.bin")
	for _, room := range []int64{0, 5000, 10000, 300000} {
		disk := archivetest.FullDisk(room)
		d := archive.OS
		d.Create = func(path string, flag int) (archive.OutFile, error) {
			f, err := archive.OS.Create(path, flag)
			if err != nil {
				return nil, err
			}
			return disk.File(f), nil
		}
		if err := writeCache(t.Context(), path, "k", s, d); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("room for %d bytes: error %v, want ENOSPC", room, err)
		}
		entries, err := os.ReadDir(filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != ".x.bin.lock" {
				t.Errorf("room for %d bytes: %s was left", room, e.Name())
			}
		}
	}
	d := archive.OS
	d.MkdirTemp = func(string, string) (string, error) { return "", syscall.EROFS }
	if err := writeCache(t.Context(), path, "k", s, d); !errors.Is(err, syscall.EROFS) {
		t.Errorf("error %v, want EROFS", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file was placed: %v", err)
	}
	// Where the folder for copies is a file, the copy goes to the user's cache
	// folder; where that cannot be had either, the set opens all the same.
	open, reads, folder := countedSet(t)
	dir := filepath.Dir(folder)
	if err := os.WriteFile(filepath.Join(dir, cacheFolder), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	open(Options{Dir: dir})
	if open(Options{Dir: dir}); *reads != 1 {
		t.Errorf("%d reads, want 1", *reads)
	}
	decoded(t, filepath.Join(dir, "collapse", "data"))
	t.Setenv("HOME", filepath.Join(folder, "test_batch.bin"))
	t.Setenv("XDG_CACHE_HOME", filepath.Join(folder, "test_batch.bin"))
	var log bytes.Buffer
	open(Options{Dir: dir, Log: &log})
	if open(Options{Dir: dir}); *reads != 3 || !strings.Contains(log.String(), "no decoded copy") {
		t.Errorf("%d reads, log %q", *reads, log.String())
	}
	// What a killed writer left is removed by the next.
	left := filepath.Join(filepath.Dir(path), ".new-x.bin-1")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := writeCache(t.Context(), path, "k", s, archive.OS); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there", left)
	}
}

func FuzzDecodeCache(f *testing.F) {
	s := &Set{Height: 2, Width: 2, Channels: 1,
		Train: Split{[]byte{1, 2, 3, 4, 5, 6, 7, 8}, []int32{0, 1}}, Test: Split{[]byte{9, 9, 9, 9}, []int32{1}},
		Info: record.Data{Name: "x", Classes: []string{"a", "b"}}}
	path := filepath.Join(f.TempDir(), "x.bin")
	if err := writeCache(f.Context(), path, "k", s, archive.OS); err != nil {
		f.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:200])
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeCache(b, "k")
		if err != nil {
			return
		}
		n := s.Train.Len() + s.Test.Len()
		if len(s.Train.Images)+len(s.Test.Images) != n*s.Height*s.Width*s.Channels || n > len(b) {
			t.Errorf("%d images of %d×%d×%d in %d bytes", n, s.Height, s.Width, s.Channels, len(b))
		}
	})
}

// BenchmarkOpen says how long a set takes that was opened before.
func BenchmarkOpen(b *testing.B) {
	dir := os.Getenv(EnvDir)
	for _, name := range []string{"cifar10", "cifar100", "tiny-imagenet"} {
		b.Run(name, func(b *testing.B) {
			if _, found, err := Locate(name, Options{Dir: dir}); err != nil || !found {
				b.Skipf("set %s to the folder that holds %s", EnvDir, name)
			}
			// The first opening decodes.
			if _, err := Open(b.Context(), name, Options{Dir: dir, Offline: true}); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				mappings.Lock()
				clear(mappings.m) // as another process would find it
				mappings.Unlock()
				if _, err := Open(b.Context(), name, Options{Dir: dir, Offline: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
