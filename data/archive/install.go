package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/gocollapse/collapse/internal/atomic"
	"github.com/gocollapse/collapse/record"
)

// unpack installs sources whose hashes were checked, in their order. Files that are ours and stay
// as they are are linked in place of copied.
func (in *installation) unpack(ctx context.Context, dir string, paths []string, ours bool) (string, error) {
	return in.place(ctx, dir, func(tmp string) (bool, error) {
		for i, path := range paths {
			var err error
			s := &in.Sources[i]
			to := filepath.Join(tmp, s.Name())
			switch {
			case s.Packed:
				err = in.extractFile(ctx, path, tmp)
			case ours && os.Link(path, to) == nil:
			default:
				err = in.disk.copyFile(ctx, to, path, s.Size)
			}
			if err != nil {
				return false, fmt.Errorf("data: %s: %w", path, err)
			}
		}
		return true, nil
	})
}

func (in *installation) extractFile(ctx context.Context, path, dir string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	return in.extract(contextReader{ctx, file}, dir, in.disk)
}

// copyFolder installs a copy of the files in or at path.
func (in *installation) copyFolder(ctx context.Context, dir, path string) (string, error) {
	from, _ := in.Locate(path)
	sums, err := in.Check(ctx, from)
	if err != nil {
		return "", err
	}
	source, _, err := in.Origin(from, sums)
	if err != nil {
		return "", err
	}
	return in.place(ctx, dir, func(tmp string) (bool, error) {
		if in.IsUnpacked(from) {
			return false, in.Pack(ctx, tmp, from, in.disk)
		}
		for i, m := range in.Files {
			path := m.Path(from)
			err := in.disk.copyFile(ctx, filepath.Join(tmp, filepath.Base(path)), path, sums[i].Size)
			if err != nil {
				return false, fmt.Errorf("data: %w", err)
			}
		}
		return source == "archive", nil
	})
}

// place lets fill write the files into a new folder in dir, checks them, and renames the folder: it
// is there whole or not at all. fill reports whether the files came from the official archive.
func (in *installation) place(ctx context.Context, dir string,
	fill func(tmp string) (official bool, err error)) (folder string, err error) {
	prefix := "." + in.Folder + ".new-"
	if err := RemoveLeft(dir, prefix); err != nil {
		return "", err
	}
	tmp, err := in.disk.MkdirTemp(dir, prefix)
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
	sums, err := in.Check(ctx, tmp)
	if err != nil {
		return "", err
	}
	files := Records(sums)
	manifest, err := in.manifest(files, official)
	if err != nil {
		return "", fmt.Errorf("data: %w", err)
	}
	folder, found := in.Locate(dir)
	if found {
		return folder, in.agree(ctx, folder, tmp, files, manifest, official)
	}
	if err := in.finish(tmp, folder, manifest); err != nil {
		return "", fmt.Errorf("data: %w", err)
	}
	return folder, nil
}

// finish writes the manifest into tmp and gives tmp its final name.
func (in *installation) finish(tmp, folder string, manifest []byte) error {
	err := in.disk.save(filepath.Join(tmp, ManifestName), bytes.NewReader(manifest), int64(len(manifest)))
	if err == nil {
		err = os.Chmod(tmp, 0o755)
	}
	if err == nil {
		err = syncFolder(tmp)
	}
	if err == nil {
		err = in.disk.Rename(tmp, folder)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(folder))
	}
	return err
}

// agree ends an installation that found the set in its place. The same files are as good as
// installed, and known to be official once the archive has said so. Other files are left alone and
// reported.
func (in *installation) agree(ctx context.Context, folder, tmp string, files []record.File, manifest []byte,
	official bool) error {
	there, err := in.Check(ctx, folder)
	if err != nil {
		return err
	}
	if !slices.Equal(Records(there), files) {
		return fmt.Errorf("data: %s already holds other files of %s; move that folder away to install these",
			folder, in.Set)
	}
	if err := os.RemoveAll(tmp); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	if !official {
		return nil
	}
	if err := atomic.WriteFile(filepath.Join(folder, ManifestName), manifest); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	return nil
}
