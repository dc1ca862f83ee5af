package data

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/data/archive"
	"github.com/gocollapse/collapse/record"
)

func TestFolderIsAcceptedOnItsStructure(t *testing.T) {
	d := miniSet(t, nil, "")
	folder := miniFolder(t)
	for _, dir := range []string{folder, filepath.Dir(folder)} {
		s, err := d.openSet(t.Context(), Options{Dir: dir, Offline: true})
		if err != nil {
			t.Fatal(err)
		}
		wantMini(t, s)
		if s.Info.Source != "folder" || s.Info.Bytes != record.Unofficial {
			t.Errorf("source %q, bytes %q; want folder, %s", s.Info.Source, s.Info.Bytes, record.Unofficial)
		}
	}
	t.Setenv(EnvDir, filepath.Dir(folder))
	if _, err := d.openSet(t.Context(), Options{Offline: true}); err != nil {
		t.Errorf("%s: %v", EnvDir, err)
	}
}

func TestFolderFaults(t *testing.T) {
	d := miniSet(t, nil, "")
	for _, c := range []struct {
		name   string
		damage func(path string, b []byte) error
		words  []string
	}{
		{"cut", func(p string, b []byte) error { return os.WriteFile(p, b[:len(b)-1], 0o644) },
			[]string{"data_batch_3.bin", "61459 bytes, want 61460"}},
		{"extended", func(p string, b []byte) error { return os.WriteFile(p, append(b, 0), 0o644) },
			[]string{"data_batch_3.bin", "61461 bytes, want 61460"}},
		{"empty", func(p string, b []byte) error { return os.WriteFile(p, nil, 0o644) },
			[]string{"data_batch_3.bin", "0 bytes"}},
		{"label", func(p string, b []byte) error { b[7*cifarRecord] = 10; return os.WriteFile(p, b, 0o644) },
			[]string{"data_batch_3.bin", "record 7 has label 10, want 0 to 9"}},
		{"missing", func(p string, b []byte) error { return os.Remove(p) },
			[]string{"data_batch_3.bin", "missing", "collapse fetch"}},
		{"a folder", func(p string, b []byte) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o755)) },
			[]string{"data_batch_3.bin", "not a file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := miniFolder(t)
			path := filepath.Join(folder, "data_batch_3.bin")
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.damage(path, b); err != nil {
				t.Fatal(err)
			}
			_, err = d.openSet(t.Context(), Options{Dir: folder, Offline: true})
			wantError(t, err, c.words...)
			_, err = d.archive.FetchFrom(t.Context(), folder, d.options(Options{Dir: t.TempDir()}))
			wantError(t, err, c.words...)
		})
	}
}

// The folder of the data sets must not be a file.
func TestFolderIsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Open(context.Background(), "cifar10", Options{Dir: path})
	wantError(t, err, path, "is a file, want a folder")
}

// Open fetches what is not there, unless it may not.
func TestOpenFetches(t *testing.T) {
	body := pack(t, official())
	s := serve(t, body)
	d := miniSet(t, body, s.URL)
	dir := t.TempDir()
	_, err := d.openSet(t.Context(), Options{Dir: dir, Offline: true})
	wantError(t, err, "not allowed", "--from FILE|FOLDER")
	if len(s.Ranges) != 0 {
		t.Error("Offline asked the server")
	}
	set, err := d.openSet(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	wantMini(t, set)
	if set.Info.Source != "archive" || set.Info.Bytes != record.Official {
		t.Errorf("source %q, bytes %q; want archive, official", set.Info.Source, set.Info.Bytes)
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		if n := e.Name(); n != d.archive.Folder && n != ".cifar10.lock" && n != cacheFolder {
			t.Errorf("%s was left in the folder", n)
		}
	}
}

// What is installed and read through once is not read again by another fetch.
func TestFetchAgainUsesWhatWasRead(t *testing.T) {
	body := pack(t, official())
	d := miniSet(t, body, serve(t, body).URL)
	reads := count(&d)
	o := Options{Dir: t.TempDir()}
	if _, err := d.openSet(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	before := *reads
	for range 3 {
		if _, err := d.archive.Fetch(t.Context(), d.options(o)); err != nil {
			t.Fatal(err)
		}
		if _, err := d.openSet(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	if *reads != before {
		t.Errorf("the files were read %d times more", *reads-before)
	}
}

// count makes d count how often its files are read.
func count(d *dataset) (reads *int) {
	read, reads := d.read, new(int)
	d.read = func(ctx context.Context, a *archive.Archive, folder string) (*Set, []archive.Sum, error) {
		*reads++
		return read(ctx, a, folder)
	}
	return reads
}

// Every set's sources have a size and a hash of the right form.
func TestSourcesArePublished(t *testing.T) {
	for _, about := range List() {
		for _, f := range about.Files {
			if f.Size < 1 || len(f.SHA256) != 64 && len(f.MD5) != 32 || len(f.URLs) == 0 {
				t.Errorf("%s: %+v", about.Name, f)
			}
			for _, u := range f.URLs {
				if filepath.Base(u) != filepath.Base(f.URLs[0]) || !strings.HasPrefix(u, "http") {
					t.Errorf("%s: address %s", about.Name, u)
				}
			}
		}
		if about.Train < 1 || about.Test < 1 || about.Classes < 2 || about.Height < 1 || about.Width < 1 ||
			about.Channels < 1 {
			t.Errorf("%+v", about)
		}
	}
}
