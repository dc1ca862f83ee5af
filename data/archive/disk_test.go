//go:build unix

package archive

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gocollapse/collapse/data/archive/archivetest"
)

// limit puts the files that an installation writes under a limit.
func limit(inst *installation, l *archivetest.Limit) {
	inst.disk.Create = func(path string, flag int) (OutFile, error) {
		f, err := OS.Create(path, flag)
		if err != nil {
			return nil, err
		}
		return l.File(f), nil
	}
}

// A disk that fills up at any point of the work leaves nothing that looks like the set, and what
// was downloaded is not downloaded again.
func TestFetchDiskFull(t *testing.T) {
	body := pack(t, entries())
	all := int64(len(body)) + 6*fileSize
	for _, room := range []int64{0, int64(len(body)) / 2, int64(len(body)) + 1000, all / 2, all - 1000, all} {
		t.Run(fmt.Sprint(room), func(t *testing.T) {
			s := serve(t, body)
			a := mini(body, s.URL)
			dir := t.TempDir()
			inst := newInstallation(a, in(a, dir))
			limit(inst, archivetest.FullDisk(room))
			_, err := inst.fetch(t.Context())
			wantError(t, err, "no space left", "make room in "+dir, EnvDir)
			if !errors.Is(err, syscall.ENOSPC) {
				t.Error("the error is not ENOSPC")
			}
			left, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range left {
				if e.IsDir() {
					t.Errorf("%s was left", e.Name())
				}
			}
			if _, err := a.Fetch(t.Context(), in(a, dir)); err != nil {
				t.Fatal(err)
			}
			wantInstalled(t, a, dir)
			if room > int64(len(body)) && len(s.Ranges) != 1 {
				t.Errorf("%d downloads, want 1: the archive was whole", len(s.Ranges))
			}
		})
	}
}

func TestFetchFromFolderDiskFull(t *testing.T) {
	a := mini(pack(t, entries()), "")
	from, dir := unpacked(t), t.TempDir()
	inst := newInstallation(a, in(a, dir))
	limit(inst, archivetest.FullDisk(3*fileSize))
	_, err := inst.fetchFrom(t.Context(), from)
	wantError(t, err, "no space left")
	if _, found := a.Locate(dir); found {
		t.Error("a folder was left that looks like the set")
	}
	if _, err := a.FetchFrom(t.Context(), from, in(a, dir)); err != nil {
		t.Fatal(err)
	}
}

// A file system that can only be read is said to be one, wherever the first write to it is, and the
// remedy with it.
func TestReadOnly(t *testing.T) {
	body := pack(t, entries())
	s := serve(t, body)
	a := mini(body, s.URL)
	fault := func(op, path string) error { return &os.PathError{Op: op, Path: path, Err: syscall.EROFS} }
	for _, c := range []struct {
		name string
		set  func(d *Disk)
	}{
		{"folder", func(d *Disk) { d.MkdirAll = func(p string) error { return fault("mkdir", p) } }},
		{"lock", func(d *Disk) { d.Lock = func(p string, _ int) (*os.File, error) { return nil, fault("open", p) } }},
		{"part", func(d *Disk) { d.Create = func(p string, _ int) (OutFile, error) { return nil, fault("open", p) } }},
		{"new folder", func(d *Disk) {
			d.MkdirTemp = func(p, _ string) (string, error) { return "", fault("mkdir", p) }
		}},
		{"rename", func(d *Disk) { d.Rename = func(p, _ string) error { return fault("rename", p) } }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			inst := newInstallation(a, in(a, dir))
			c.set(&inst.disk)
			_, err := inst.fetch(t.Context())
			wantError(t, err, "read-only file system", EnvDir+"=FOLDER")
			if !errors.Is(err, syscall.EROFS) {
				t.Error("the error is not EROFS")
			}
			if _, found := a.Locate(dir); found {
				t.Error("a folder was left that looks like the set")
			}
			if _, err := a.Fetch(t.Context(), in(a, dir)); err != nil {
				t.Fatal(err)
			}
			wantInstalled(t, a, dir)
		})
	}
}

// A process killed while it unpacked leaves a folder that the next one removes.
func TestFetchAfterKill(t *testing.T) {
	body := pack(t, entries())
	a := mini(body, serve(t, body).URL)
	dir := t.TempDir()
	left := filepath.Join(dir, "."+a.Folder+".new-123")
	if err := os.Mkdir(left, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(left, "data_batch_1.bin"), body[:100], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Fetch(t.Context(), in(a, dir)); err != nil {
		t.Fatal(err)
	}
	wantInstalled(t, a, dir)
}
