package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// OutFile is a file that is being written.
type OutFile interface {
	io.WriteCloser
	Sync() error
}

// Disk is what an installation does to the file system. Tests replace parts of it.
type Disk struct {
	Create    func(path string, flag int) (OutFile, error) // flag is that of os.OpenFile
	MkdirAll  func(path string) error
	MkdirTemp func(dir, pattern string) (string, error)
	Rename    func(from, to string) error
	Lock      func(path string, flag int) (*os.File, error) // opens a lock's file
}

// OS is the Disk of the operating system.
var OS = Disk{
	Create:    func(path string, flag int) (OutFile, error) { return os.OpenFile(path, flag, 0o644) },
	MkdirAll:  func(path string) error { return os.MkdirAll(path, 0o755) },
	MkdirTemp: os.MkdirTemp,
	Rename:    os.Rename,
	Lock:      func(path string, flag int) (*os.File, error) { return os.OpenFile(path, flag, 0o644) },
}

// RemoveLeft removes what a killed process left in dir, by the beginning of its name. The caller
// holds the lock.
func RemoveLeft(dir, prefix string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return fmt.Errorf("data: %w", err)
			}
		}
	}
	return nil
}

// save copies exactly size bytes of r to a new file and syncs it.
func (d Disk) save(path string, r io.Reader, size int64) error {
	w, err := d.Create(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	n, err := io.Copy(w, io.LimitReader(r, size))
	if err == nil && n < size {
		err = fmt.Errorf("%s: %d bytes, want %d", filepath.Base(path), n, size)
	}
	if err == nil {
		err = w.Sync()
	}
	return errors.Join(err, w.Close())
}

func (d Disk) copyFile(ctx context.Context, to, from string, size int64) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	return d.save(to, contextReader{ctx, r}, size)
}

// syncFolder makes the names in a folder survive a crash.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
