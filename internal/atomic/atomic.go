// Package atomic writes a file whole or not at all.
package atomic

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
)

// File is a new file in the folder of the one that it is to replace. Commit puts it in place,
// Abort gives it up.
type File struct {
	*os.File
	path string
	done bool
}

// Create opens a File that Commit will put at path.
func Create(path string) (*File, error) {
	open.Lock()
	defer open.Unlock()
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, err
	}
	if open.names == nil {
		open.names = map[string]bool{}
	}
	open.names[f.Name()] = true
	return &File{File: f, path: path}, nil
}

// open are the files that are neither in place nor given up.
var open struct {
	sync.Mutex
	names map[string]bool
}

// ended forgets a file.
func ended(name string) {
	open.Lock()
	defer open.Unlock()
	delete(open.names, name)
}

// Discard removes every file that is neither in place nor given up. It is for a program that ends
// while others still write; no file can be created after it.
func Discard() {
	open.Lock() // for good
	for name := range open.names {
		os.Remove(name)
	}
}

// Commit syncs the file and renames it, so that a reader never sees half a file and a full disk
// leaves the old one. On an error the file is given up.
func (f *File) Commit() error {
	err := f.Chmod(0o644)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(err, f.Abort())
	}
	f.done = true
	defer ended(f.Name())
	if err = f.Close(); err == nil {
		err = os.Rename(f.Name(), f.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// Abort closes and removes the file. After Commit or another Abort it does nothing.
func (f *File) Abort() error {
	if f.done {
		return nil
	}
	f.done = true
	defer ended(f.Name())
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// WriteFile writes b to the file at path, whole or not at all. It leaves nothing else in the folder.
func WriteFile(path string, b []byte) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	if _, err := f.Write(b); err != nil {
		return errors.Join(err, f.Abort())
	}
	return f.Commit()
}
