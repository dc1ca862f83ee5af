package data

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/gocollapse/collapse/data/archive"
)

// form is another form in which the publisher gives a set: the same images in other files.
type form struct {
	archive *archive.Archive
	read    reader
}

// in returns the set in the form whose files are in the folder of the data sets, and in its first
// form where none or both are.
func (d dataset) in(o Options) dataset {
	dir, _, err := archive.Folder(o.Dir)
	if d.other == nil || err != nil { // whoever needs the folder finds the error
		return d
	}
	return d.inFolder(dir)
}

func (d dataset) inFolder(dir string) dataset {
	if _, found := d.archive.Locate(dir); !found && d.other.isIn(dir) {
		return d.as(*d.other)
	}
	return d
}

// isIn reports whether files of the form are in or at dir. Their names, such as train, say little:
// in a folder of another name all must be there.
func (f *form) isIn(dir string) bool {
	folder, found := f.archive.Locate(dir)
	missing := func(m archive.Member) bool {
		_, err := m.CheckSize(folder)
		return err != nil
	}
	return found && (filepath.Base(folder) == f.archive.Folder || !slices.ContainsFunc(f.archive.Files, missing))
}

// formOf returns the set in the form that a user gives: an archive, a folder that holds it, or a
// folder of its files. It is the first form where path is of neither.
func (d dataset) formOf(path string) dataset {
	st, err := os.Stat(path)
	if d.other == nil || err != nil {
		return d
	}
	source := d.other.archive.Sources[0]
	if !st.IsDir() {
		if filepath.Base(path) == source.Name() || st.Size() == source.Size {
			return d.as(*d.other)
		}
		return d
	}
	holds := func(name string) bool {
		_, err := os.Stat(filepath.Join(path, name))
		return err == nil
	}
	if _, found := d.archive.Locate(path); !found && !holds(d.archive.Sources[0].Name()) &&
		(holds(source.Name()) || d.other.isIn(path)) {
		return d.as(*d.other)
	}
	return d
}

func (d dataset) as(f form) dataset {
	d.archive, d.read = f.archive, f.read
	return d
}
