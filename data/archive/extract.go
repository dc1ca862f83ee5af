package archive

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
)

const (
	// maxEntries bounds the entries of a packed source. CIFAR-10's has nine.
	maxEntries = 64
	// optionalBytes bounds each file that is not needed.
	optionalBytes = 1 << 20
)

// extract writes the files of a gzipped tar archive into the folder dir. It takes the files that it
// knows, with their sizes, each once, and nothing else: any other entry (another name, a link, a
// device, a path that leads elsewhere) is an error. The names that it writes come from a's own list.
func (a *Archive) extract(r io.Reader, dir string, d Disk) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		return fmt.Errorf("not a gzip file: %w", err)
	}
	seen := make(map[string]bool)
	t := tar.NewReader(z)
	for entries := 1; ; entries++ {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("tar: %w", err)
		}
		if entries > maxEntries {
			return fmt.Errorf("tar: more than %d entries", maxEntries)
		}
		if h.Typeflag == tar.TypeDir && path.Clean(h.Name) == a.Folder {
			continue
		}
		if h.Typeflag == tar.TypeReg && a.skipped(h.Name) {
			continue // Next reads on past it
		}
		name, ok := a.known(h.Name)
		if !ok || h.Typeflag != tar.TypeReg {
			return fmt.Errorf("tar: entry %q of type %q does not belong to %s", h.Name, h.Typeflag, a.Set)
		}
		if seen[name] {
			return fmt.Errorf("tar: %q comes twice", h.Name)
		}
		seen[name] = true
		i := slices.IndexFunc(a.Files, func(m Member) bool { return m.Name == name })
		switch {
		case i >= 0 && a.Files[i].Size == 0 && h.Size > a.Files[i].Max:
			return fmt.Errorf("tar: %q has %d bytes, want at most %d", h.Name, h.Size, a.Files[i].Max)
		case i >= 0 && a.Files[i].Size != 0 && h.Size != a.Files[i].Size:
			return fmt.Errorf("tar: %q has %d bytes, want %d", h.Name, h.Size, a.Files[i].Size)
		case h.Size > optionalBytes && i < 0:
			return fmt.Errorf("tar: %q has %d bytes, want at most %d", h.Name, h.Size, optionalBytes)
		}
		if err := d.save(filepath.Join(dir, name), t, h.Size); err != nil {
			return err
		}
	}
	for _, m := range a.Files {
		if !seen[m.Name] {
			return fmt.Errorf("tar: %s/%s is missing", a.Folder, m.Name)
		}
	}
	return nil
}

// known returns the base name of an entry that is one of the set's files.
func (a *Archive) known(entry string) (string, bool) {
	for _, m := range a.Files {
		if entry == a.Folder+"/"+m.Name {
			return m.Name, true
		}
	}
	for _, name := range a.Optional {
		if entry == a.Folder+"/"+name {
			return name, true
		}
	}
	return "", false
}

// skipped reports whether an entry belongs to the set but is not wanted.
func (a *Archive) skipped(entry string) bool {
	for _, name := range a.Skip {
		if entry == a.Folder+"/"+name {
			return true
		}
	}
	return false
}
