package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/gocollapse/collapse/internal/lock"
)

// Fetch makes sure that the set is installed and returns the folder of its files. What is there is
// not fetched again, and a broken download goes on where it stopped. A source must have its
// published size and hash before anything is unpacked, and the folder appears whole or not at all.
// A second Fetch at the same time waits for the first.
func (a *Archive) Fetch(ctx context.Context, o Options) (folder string, err error) {
	return newInstallation(a, o).fetch(ctx)
}

// Ensure returns the folder of the set's files and fetches them where none is there.
func (a *Archive) Ensure(ctx context.Context, o Options) (folder string, err error) {
	dir, _, err := Folder(o.Dir)
	if err != nil {
		return "", err
	}
	if folder, found := a.Locate(dir); found {
		return folder, nil
	}
	return a.Fetch(ctx, o)
}

// FetchFrom installs the set from path, without network: from the source, which must have its
// published size and hash, from a folder that holds the sources, or from a folder of the unpacked
// files, which Options.Check accepts.
func (a *Archive) FetchFrom(ctx context.Context, path string, o Options) (folder string, err error) {
	return newInstallation(a, o).fetchFrom(ctx, path)
}

// installation is one attempt to install a set. Tests replace its parts.
type installation struct {
	*Archive
	Options
	downloader
	disk Disk
}

func newInstallation(a *Archive, o Options) *installation {
	in := &installation{Archive: a, Options: o, disk: OS}
	in.downloader = newDownloader(o.Progress)
	return in
}

func (in *installation) fetch(ctx context.Context) (string, error) {
	// A set that is there needs no lock, and its folder may not be ours to write.
	folder, found, err := in.installed(ctx)
	if found || err != nil {
		return folder, err
	}
	if in.Offline {
		return "", fmt.Errorf("data: %s is not in %s, and fetching it is not allowed here; run collapse fetch %s; %s",
			in.Set, filepath.Dir(folder), in.Set, in.waysOut())
	}
	if len(in.Sources) == 0 {
		return "", fmt.Errorf("data: %s has no published hash to check a download against; %s", in.Set, in.waysOut())
	}
	return in.locked(ctx, func(dir string) (string, error) {
		if folder, found, err := in.installed(ctx); found || err != nil {
			return folder, err // another process was faster
		}
		return in.downloadAll(ctx, dir)
	})
}

// downloadAll downloads the sources into dir and installs them.
func (in *installation) downloadAll(ctx context.Context, dir string) (string, error) {
	parts := make([]string, len(in.Sources))
	var before int64
	in.total = in.Size()
	for i := range in.Sources {
		s := &in.Sources[i]
		parts[i] = filepath.Join(dir, "."+s.Name()+".part")
		in.logf("fetching %s (%.1f MB) of %s from %s to %s", s.Name(), float64(s.Size)/1e6, in.Set, s.URLs[0], dir)
		if err := in.download(ctx, &transfer{Source: s, part: parts[i], before: before}); err != nil {
			return "", err
		}
		before += s.Size
	}
	folder, err := in.unpack(ctx, dir, parts, true)
	if err != nil {
		return "", err
	}
	// The folder is in place: a part that cannot be removed is no failure.
	for _, part := range parts {
		if err := os.Remove(part); err != nil {
			in.logf("data: %v", err)
		}
	}
	in.logf("%s is in %s", in.Set, folder)
	return folder, nil
}

// installed looks for the set and checks it where it is there, unless it is Known.
func (in *installation) installed(ctx context.Context) (folder string, found bool, err error) {
	dir, _, err := Folder(in.Dir)
	if err != nil {
		return "", false, err
	}
	folder, found = in.Locate(dir)
	if !found || in.Known != nil && in.Known(folder) {
		return folder, found, nil
	}
	sums, err := in.Check(ctx, folder)
	if err == nil {
		_, _, err = in.Origin(folder, sums)
	}
	return folder, true, err
}

func (in *installation) fetchFrom(ctx context.Context, path string) (string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("data: %w; %s", err, in.waysOut())
	}
	return in.locked(ctx, func(dir string) (string, error) {
		files := []string{path}
		switch {
		case st.IsDir():
			if _, found := in.Locate(path); found {
				return in.copyFolder(ctx, dir, path)
			}
			// A folder that holds the sources as they were downloaded.
			files = nil
			for _, s := range in.Sources {
				files = append(files, filepath.Join(path, s.Name()))
			}
			absent := func(path string) bool { return !exists(path) }
			if len(files) == 0 || slices.ContainsFunc(files, absent) {
				return "", fmt.Errorf("data: no files of %s in %s; want %s … %s, there or in its folder %s",
					in.Set, path, in.Files[0].Name, in.Files[len(in.Files)-1].Name, in.Folder)
			}
		case len(in.Sources) != 1:
			return "", fmt.Errorf("data: %s is a file, want a folder: %s", path, in.waysOut())
		}
		for i, file := range files {
			if err := in.verify(ctx, &in.Sources[i], file); err != nil {
				return "", err
			}
		}
		return in.unpack(ctx, dir, files, false)
	})
}

// waysOut tells a user how to get the set without the network.
func (a *Archive) waysOut() string {
	what := "its unpacked folder"
	var names []string
	for _, s := range a.Sources {
		names = append(names, s.Name())
	}
	switch {
	case len(names) == 1 && a.Also != "":
		what = names[0] + ", " + a.Also + " or the unpacked folder of one"
	case len(names) == 1:
		what = names[0] + " or its unpacked folder"
	case len(names) > 1:
		what = "the folder that holds " + strings.Join(names, ", ")
	}
	return fmt.Sprintf("without network, run collapse fetch %s --from FILE|FOLDER with %s, "+
		"or set %s=FOLDER to the folder that holds %s", a.Set, what, EnvDir, a.Folder)
}

// locked calls do with the folder of the data sets, which it creates, while no other process
// installs the same set there.
func (in *installation) locked(ctx context.Context, do func(dir string) (string, error)) (string, error) {
	const another = "set " + EnvDir + "=FOLDER to one that can be written"
	dir, namedBy, err := Folder(in.Dir)
	if err != nil {
		return "", err
	}
	if err := in.disk.MkdirAll(dir); err != nil {
		return "", fmt.Errorf("data: folder of the data sets (%s): %w; %s", namedBy, err, another)
	}
	unlock, err := lock.Wait(ctx, filepath.Join(dir, "."+in.Set+".lock"), in.disk.Lock, func() {
		in.logf("another process is installing %s in %s: waiting for it", in.Set, dir)
	})
	if err != nil {
		return "", fmt.Errorf("data: lock in %s (%s): %w; %s", dir, namedBy, err, another)
	}
	defer unlock()
	folder, err := do(dir)
	switch {
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		err = fmt.Errorf("%w; make room in %s (%s needs about %.0f MB) or set %s=FOLDER on another disk, "+
			"and run the same again: what was loaded is kept",
			err, dir, in.Set, float64(in.Size()+in.unpackedSize())/1e6, EnvDir)
	case errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission):
		err = fmt.Errorf("%w; %s", err, another)
	}
	return folder, err
}
