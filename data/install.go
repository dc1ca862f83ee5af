package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/gocollapse/collapse/internal/atomic"
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
// which must have its published size and hash, a folder that holds the archives, or
// a folder of the unpacked files, which is read through and accepted on its
// structure; a record then says that its bytes are not known to be the official
// ones, unless the folder was installed from the archive by this package or each of
// its files has a published hash. It returns the folder of the installed files.
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
	if len(a.Sources) == 0 {
		return "", fmt.Errorf("data: %s has no published hash to check a download against; %s", a.Set, a.waysOut())
	}
	return a.locked(ctx, o, f, func(dir string) (string, error) {
		if folder, found, err := a.installed(ctx, o); found || err != nil {
			return folder, err // another process was faster
		}
		if o.Offline {
			return "", a.offline(dir)
		}
		parts := make([]string, len(a.Sources))
		var before int64
		f.total = a.size()
		for i := range a.Sources {
			s := &a.Sources[i]
			parts[i] = filepath.Join(dir, "."+s.name()+".part")
			o.logf("fetching %s (%.1f MB) of %s from %s to %s", s.name(), float64(s.Size)/1e6, a.Set, s.URLs[0], dir)
			if err := f.download(ctx, a, s, parts[i], before); err != nil {
				return "", err
			}
			before += s.Size
		}
		folder, err := a.unpack(ctx, dir, parts, f, true)
		if err != nil {
			return "", err
		}
		// The folder is in place: a part that cannot be removed is no failure.
		for _, part := range parts {
			if err := os.Remove(part); err != nil {
				o.logf("data: %v", err)
			}
		}
		o.logf("%s is in %s", a.Set, folder)
		return folder, nil
	})
}

// installed looks for the set and, where it is there, reads it through, unless that
// was done before.
func (a *archive) installed(ctx context.Context, o Options) (folder string, found bool, err error) {
	dir, _, err := o.folder()
	if err != nil {
		return "", false, err
	}
	folder, found = a.locate(dir)
	if !found {
		return folder, false, nil
	}
	if !o.NoCache {
		// A decoded copy of these very files says that they were read through.
		if paths, key, err := cachePaths(o, a.Set, folder, a.stamp); err == nil {
			for _, path := range paths {
				if _, err := openCache(path, key); err == nil {
					return folder, true, nil
				}
			}
		}
	}
	_, sums, err := a.Read(ctx, a, folder)
	if err == nil {
		_, _, err = a.origin(folder, sums)
	}
	return folder, true, err
}

func (a *archive) fetchFrom(ctx context.Context, path string, o Options, f *fetcher) (string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("data: %w; %s", err, a.waysOut())
	}
	return a.locked(ctx, o, f, func(dir string) (string, error) {
		if !st.IsDir() && len(a.Sources) != 1 {
			return "", fmt.Errorf("data: %s is a file, want a folder: %s", path, a.waysOut())
		}
		files := []string{path}
		if st.IsDir() {
			if _, found := a.locate(path); found {
				return a.copyFolder(ctx, dir, path, f)
			}
			// A folder that holds the archives as they were downloaded.
			files = nil
			for _, s := range a.Sources {
				files = append(files, filepath.Join(path, s.name()))
			}
			if len(files) == 0 || slices.ContainsFunc(files, absent) {
				return "", fmt.Errorf("data: no files of %s in %s; want %s … %s, there or in its folder %s",
					a.Set, path, a.Files[0].Name, a.Files[len(a.Files)-1].Name, a.Folder)
			}
		}
		for i, file := range files {
			if err := a.verify(ctx, &a.Sources[i], file); err != nil {
				return "", err
			}
		}
		return a.unpack(ctx, dir, files, f, false)
	})
}

func absent(path string) bool {
	_, err := os.Stat(path)
	return err != nil
}

// locked calls do with the folder of the data sets, which it creates, while no
// other process installs the same set there.
func (a *archive) locked(ctx context.Context, o Options, f *fetcher, do func(dir string) (string, error)) (string, error) {
	dir, origin, err := o.folder()
	if err != nil {
		return "", err
	}
	if err := f.disk.mkdirAll(dir); err != nil {
		return "", fmt.Errorf("data: folder of the data sets (%s): %w; set %s=FOLDER to one that can be written", origin, err, EnvDir)
	}
	unlock, err := lock(ctx, filepath.Join(dir, "."+a.Set+".lock"), f.disk.lock, func() {
		o.logf("another process is installing %s in %s: waiting for it", a.Set, dir)
	})
	if err != nil {
		return "", fmt.Errorf("data: lock in %s (%s): %w; set %s=FOLDER to one that can be written", dir, origin, err, EnvDir)
	}
	defer unlock()
	folder, err := do(dir)
	switch {
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		err = fmt.Errorf("%w; make room in %s (%s needs about %.0f MB) or set %s=FOLDER on another disk, and run the same again: what was loaded is kept",
			err, dir, a.Set, float64(a.size()+a.unpacked())/1e6, EnvDir)
	case errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission):
		err = fmt.Errorf("%w; set %s=FOLDER to one that can be written", err, EnvDir)
	}
	return folder, err
}

// unpacked returns the size of the files, as far as it is known.
func (a *archive) unpacked() int64 {
	var n int64
	for _, m := range a.Files {
		n += m.Size
	}
	if n == 0 {
		n = a.size() // the files are those that are loaded
	}
	return n
}

// unpack places the files of sources whose hashes were checked, in their order. Those
// that are ours and stay as they are need no copy.
func (a *archive) unpack(ctx context.Context, dir string, paths []string, f *fetcher, ours bool) (string, error) {
	return a.place(ctx, dir, f, func(tmp string) (bool, error) {
		for i, path := range paths {
			var err error
			s := &a.Sources[i]
			to := filepath.Join(tmp, s.name())
			switch {
			case s.Packed:
				err = a.extractFile(ctx, path, tmp, f.disk)
			case ours && os.Link(path, to) == nil:
			default:
				err = copyFile(ctx, to, path, s.Size, f.disk)
			}
			if err != nil {
				return false, fmt.Errorf("data: %s: %w", path, err)
			}
		}
		return true, nil
	})
}

func (a *archive) extractFile(ctx context.Context, path, dir string, d disk) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	return a.extract(contextReader{ctx, file}, dir, d)
}

// copyFolder places a copy of the files in or at path.
func (a *archive) copyFolder(ctx context.Context, dir, path string, f *fetcher) (string, error) {
	from, _ := a.locate(path)
	_, sums, err := a.Read(ctx, a, from)
	if err != nil {
		return "", err
	}
	source, _, err := a.origin(from, sums)
	if err != nil {
		return "", err
	}
	return a.place(ctx, dir, f, func(tmp string) (bool, error) {
		if a.Unpacked != "" && !absent(filepath.Join(from, a.Unpacked)) {
			return false, a.Copy(ctx, tmp, from, f.disk)
		}
		for i, m := range a.Files {
			path := m.path(from)
			if err := copyFile(ctx, filepath.Join(tmp, filepath.Base(path)), path, sums[i].Size, f.disk); err != nil {
				return false, fmt.Errorf("data: %w", err)
			}
		}
		return source == "archive", nil
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
	tmp, err := f.disk.mkdirTemp(dir, prefix)
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
	_, sums, err := a.Read(ctx, a, tmp)
	if err != nil {
		return "", err
	}
	files := records(sums)
	b, err := a.manifest(files, official)
	if err != nil {
		return "", fmt.Errorf("data: %w", err)
	}
	folder, found := a.locate(dir)
	if found {
		return folder, a.agree(ctx, folder, tmp, files, b, official)
	}
	if err := writeFile(filepath.Join(tmp, manifestName), b, f.disk); err != nil {
		return "", fmt.Errorf("data: %w", err)
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return "", fmt.Errorf("data: %w", err)
	}
	if err := syncFolder(tmp); err != nil {
		return "", fmt.Errorf("data: %w", err)
	}
	if err := f.disk.rename(tmp, folder); err != nil {
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
	_, there, err := a.Read(ctx, a, folder)
	if err != nil {
		return err
	}
	if !slices.Equal(records(there), files) {
		return fmt.Errorf("data: %s already holds other files of %s; move that folder away to install these", folder, a.Set)
	}
	if err := os.RemoveAll(tmp); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	if !official {
		return nil
	}
	if err := atomic.WriteFile(filepath.Join(folder, manifestName), manifest); err != nil {
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

// disk is what an installation does to the file system. Tests replace parts of it.
type disk struct {
	create    func(path string, flag int) (outFile, error) // flag is that of os.OpenFile
	mkdirAll  func(path string) error
	mkdirTemp func(dir, pattern string) (string, error)
	rename    func(from, to string) error
	lock      func(path string, flag int) (*os.File, error)
}

var osDisk = disk{
	create:    func(path string, flag int) (outFile, error) { return os.OpenFile(path, flag, 0o644) },
	mkdirAll:  func(path string) error { return os.MkdirAll(path, 0o755) },
	mkdirTemp: os.MkdirTemp,
	rename:    os.Rename,
	lock:      func(path string, flag int) (*os.File, error) { return os.OpenFile(path, flag, 0o644) },
}

// save copies exactly size bytes of r to a new file and syncs it.
func save(path string, r io.Reader, size int64, d disk) error {
	w, err := d.create(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
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

func writeFile(path string, b []byte, d disk) error {
	return save(path, strings.NewReader(string(b)), int64(len(b)), d)
}

func copyFile(ctx context.Context, to, from string, size int64, d disk) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	return save(to, contextReader{ctx, r}, size, d)
}

// syncFolder makes the names in a folder last through a crash.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
