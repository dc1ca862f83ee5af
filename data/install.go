package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/gocollapse/collapse/record"
)

// Fetch makes sure that a set is installed and returns the folder of its files.
// What is there already is not fetched again, and a broken download goes on where
// it stopped. The archive must have its published size and hash before anything
// is unpacked, and the folder appears whole or not at all. A second Fetch at the
// same time waits for the first. For an embedded set there is nothing to do and
// dir is empty.
func Fetch(ctx context.Context, name string, o Options) (dir string, err error) {
	d, err := find(name)
	if err != nil || d.archive == nil {
		return "", err
	}
	return d.archive.fetch(ctx, o, newFetcher(o))
}

// FetchFrom installs a set from path, for machines without network: the archive,
// which must have its published size and hash, or a folder of the unpacked files,
// which is read through and accepted on its structure; a record then says that
// its bytes are not known to be the official ones, unless the folder was installed
// from the archive by this package. It returns the folder of the installed files.
// Other files of the same set that are already there are an error.
func FetchFrom(ctx context.Context, name, path string, o Options) (dir string, err error) {
	d, err := find(name)
	if err != nil {
		return "", err
	}
	if d.archive == nil {
		return "", fmt.Errorf("data: %s is embedded in the program: there is nothing to install", name)
	}
	return d.archive.fetchFrom(ctx, path, o, newFetcher(o))
}

func (a *archive) fetch(ctx context.Context, o Options, f *fetcher) (string, error) {
	// A set that is there needs no lock, and its folder may not be ours to write.
	if folder, found, err := a.installed(ctx, o); found || err != nil {
		return folder, err
	}
	return a.locked(ctx, o, func(dir string) (string, error) {
		if folder, found, err := a.installed(ctx, o); found || err != nil {
			return folder, err // another process was faster
		}
		if o.Offline {
			return "", a.offline(dir)
		}
		o.logf("fetching %s (%.0f MB) from %s to %s", a.Set, float64(a.Size)/1e6, a.URL, dir)
		part := filepath.Join(dir, "."+filepath.Base(a.URL)+".part")
		if err := f.download(ctx, a, part); err != nil {
			return "", err
		}
		folder, err := a.unpack(ctx, dir, part, f)
		if err != nil {
			return "", err
		}
		// The folder is in place: an archive that cannot be removed is no failure.
		if err := os.Remove(part); err != nil {
			o.logf("data: %v", err)
		}
		o.logf("%s is in %s", a.Set, folder)
		return folder, nil
	})
}

// installed looks for the set and, where it is there, reads it through.
func (a *archive) installed(ctx context.Context, o Options) (folder string, found bool, err error) {
	dir, _, err := o.folder()
	if err != nil {
		return "", false, err
	}
	folder, found = a.locate(dir)
	if !found {
		return folder, false, nil
	}
	files, err := a.Check(ctx, folder, a.Files)
	if err == nil {
		_, _, err = a.origin(folder, files)
	}
	return folder, true, err
}

func (a *archive) fetchFrom(ctx context.Context, path string, o Options, f *fetcher) (string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("data: %w; want %s or the folder %s unpacked from it", err, filepath.Base(a.URL), a.Folder)
	}
	return a.locked(ctx, o, func(dir string) (string, error) {
		if st.IsDir() {
			return a.copyFolder(ctx, dir, path, f)
		}
		if err := a.verify(ctx, path); err != nil {
			return "", err
		}
		return a.unpack(ctx, dir, path, f)
	})
}

// locked calls do with the folder of the data sets, which it creates, while no
// other process installs the same set there.
func (a *archive) locked(ctx context.Context, o Options, do func(dir string) (string, error)) (string, error) {
	dir, origin, err := o.folder()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("data: folder of the data sets (%s): %w; set %s=FOLDER to one that can be written", origin, err, EnvDir)
	}
	unlock, err := lock(ctx, filepath.Join(dir, "."+a.Set+".lock"), func() {
		o.logf("another process is installing %s in %s: waiting for it", a.Set, dir)
	})
	if err != nil {
		return "", fmt.Errorf("data: lock in %s (%s): %w", dir, origin, err)
	}
	defer unlock()
	folder, err := do(dir)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		err = fmt.Errorf("%w; make room in %s (%s needs about %.0f MB) or set %s=FOLDER on another disk, and run the same again: what was loaded is kept",
			err, dir, a.Set, float64(a.Size+a.unpacked())/1e6, EnvDir)
	}
	return folder, err
}

// unpacked returns the size of the files.
func (a *archive) unpacked() int64 {
	var n int64
	for _, m := range a.Files {
		n += m.Size
	}
	return n
}

// unpack places the files of an archive whose hash was checked.
func (a *archive) unpack(ctx context.Context, dir, path string, f *fetcher) (string, error) {
	return a.place(ctx, dir, f, func(tmp string) (bool, error) {
		file, err := os.Open(path)
		if err != nil {
			return false, fmt.Errorf("data: %w", err)
		}
		defer file.Close()
		if err := a.extract(contextReader{ctx, file}, tmp, f.create); err != nil {
			return false, fmt.Errorf("data: %s: %w", path, err)
		}
		return true, nil
	})
}

// copyFolder places a copy of the files in or at path.
func (a *archive) copyFolder(ctx context.Context, dir, path string, f *fetcher) (string, error) {
	from, found := a.locate(path)
	if !found {
		return "", fmt.Errorf("data: no files of %s in %s; want %s … %s, there or in its folder %s",
			a.Set, path, a.Files[0].Name, a.Files[len(a.Files)-1].Name, a.Folder)
	}
	files, err := a.Check(ctx, from, a.Files)
	if err != nil {
		return "", err
	}
	_, bytes, err := a.origin(from, files)
	if err != nil {
		return "", err
	}
	return a.place(ctx, dir, f, func(tmp string) (bool, error) {
		for _, m := range a.Files {
			if err := copyFile(ctx, filepath.Join(tmp, m.Name), filepath.Join(from, m.Name), m.Size, f.create); err != nil {
				return false, fmt.Errorf("data: %w", err)
			}
		}
		return bytes == record.Official, nil
	})
}

// place lets fill write the files into a new folder beside their place, reads them
// through, and renames the folder: it is there whole or not at all. fill reports
// whether the files came from the official archive.
func (a *archive) place(ctx context.Context, dir string, f *fetcher, fill func(tmp string) (official bool, err error)) (folder string, err error) {
	prefix := "." + a.Folder + ".new-"
	if err := removeLeft(dir, prefix); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(dir, prefix)
	if err != nil {
		return "", fmt.Errorf("data: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(tmp))
		}
	}()
	official, err := fill(tmp)
	if err != nil {
		return "", err
	}
	files, err := a.Check(ctx, tmp, a.Files)
	if err != nil {
		return "", err
	}
	b, err := a.manifest(files, official)
	if err != nil {
		return "", fmt.Errorf("data: %w", err)
	}
	folder, found := a.locate(dir)
	if found {
		return folder, a.agree(ctx, folder, tmp, files, b, official)
	}
	if err := writeFile(filepath.Join(tmp, manifestName), b, f.create); err != nil {
		return "", fmt.Errorf("data: %w", err)
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return "", fmt.Errorf("data: %w", err)
	}
	if err := syncFolder(tmp); err != nil {
		return "", fmt.Errorf("data: %w", err)
	}
	if err := os.Rename(tmp, folder); err != nil {
		return "", fmt.Errorf("data: %w", err)
	}
	if err := syncFolder(dir); err != nil {
		return "", fmt.Errorf("data: %w", err)
	}
	return folder, nil
}

// agree ends an installation that found the set there: the same files are as good
// as installed, and known to be official once the archive has said so. Others are
// left alone and reported.
func (a *archive) agree(ctx context.Context, folder, tmp string, files []record.File, manifest []byte, official bool) error {
	there, err := a.Check(ctx, folder, a.Files)
	if err != nil {
		return err
	}
	if !slices.Equal(there, files) {
		return fmt.Errorf("data: %s already holds other files of %s; move that folder away to install these", folder, a.Set)
	}
	if err := os.RemoveAll(tmp); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	if !official {
		return nil
	}
	if err := record.WriteFileAtomic(filepath.Join(folder, manifestName), manifest); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	return nil
}

// removeLeft removes what a killed installation left. The lock is held.
func removeLeft(dir, prefix string) error {
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

// outFile is a file being written. Tests give one that runs out of space.
type outFile interface {
	io.WriteCloser
	Sync() error
}

// createFunc opens a file for writing: flag is that of os.OpenFile.
type createFunc func(path string, flag int) (outFile, error)

func createFile(path string, flag int) (outFile, error) {
	return os.OpenFile(path, flag, 0o644)
}

// save copies exactly size bytes of r to a new file and syncs it.
func save(path string, r io.Reader, size int64, create createFunc) error {
	w, err := create(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
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

func writeFile(path string, b []byte, create createFunc) error {
	return save(path, strings.NewReader(string(b)), int64(len(b)), create)
}

func copyFile(ctx context.Context, to, from string, size int64, create createFunc) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	return save(to, contextReader{ctx, r}, size, create)
}

// syncFolder makes the names in a folder last through a crash.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
