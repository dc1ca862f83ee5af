package data

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/gocollapse/collapse/data/archive"
	"github.com/gocollapse/collapse/internal/bounded"
	"github.com/gocollapse/collapse/internal/lock"
	"github.com/gocollapse/collapse/record"
)

// A decoded set is kept in one file, which is mapped into memory when the set is opened again. That
// takes milliseconds, and processes share the images. The file holds
//
//	magic, version (4 bytes), length of the header (4 bytes),
//	checksum of all that follows but for the images (4 bytes)
//	header, JSON
//	labels of training and of testing, 4 bytes each, little-endian
//	zeros up to a multiple of 4096
//	images of training and of testing
//
// It is valid only for source files of the same names, sizes and times of change.
const (
	cacheMagic   = "COLLAPSE"
	cacheVersion = 1
	cacheAlign   = 4096
	// cacheHead bounds the header.
	cacheHead = 16 << 20
	// cacheFolder is in the folder of the data sets.
	cacheFolder = ".decoded"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// cacheHeader is the JSON part of a file.
type cacheHeader struct {
	Key                     string      `json:"key"` // of the source files
	Height, Width, Channels int         //
	Train, Test             int         // images
	Checksum                uint32      `json:"checksum"` // of the images
	Info                    record.Data `json:"info"`
}

// origin is where the files of a set are.
type origin struct {
	name   string                                     // of the set
	folder string                                     // of the files, or a file
	stamp  func(folder string) ([]stampedFile, error) // lists the files
}

// cached opens a set from its decoded copy if there is one of the files as they are. Otherwise it
// calls decode and leaves a copy. A copy that cannot be read or written is no failure.
func cached(ctx context.Context, o Options, from origin, decode func() (*Set, error)) (*Set, error) {
	if o.NoCache {
		return decode()
	}
	paths, key, err := from.copies(o)
	if err != nil {
		return decode() // whose error, if any, says more
	}
	for _, path := range paths {
		if s, err := openCache(path, key); err == nil {
			return s, nil
		} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errStale) {
			o.logf("data: %s: %v: decoding %s again", path, err, from.name)
		}
	}
	s, err := decode()
	if err != nil {
		return nil, err
	}
	// Files that changed while they were read have another key now.
	if _, again, err := from.copies(o); err != nil || again != key {
		return s, ctx.Err()
	}
	for _, path := range paths {
		if err = writeCache(ctx, path, key, s, archive.OS); err == nil {
			// From here on the images are those of the file: the system may take back its memory.
			if m, err := openCache(path, key); err == nil {
				return m, nil
			}
			return s, nil
		}
	}
	o.logf("data: no decoded copy of %s was kept: %v", from.name, err)
	return s, nil
}

// hasCopy reports whether there is a decoded copy of the files as they are: it was made when they
// were read through.
func (f origin) hasCopy(o Options) bool {
	paths, key, err := f.copies(o)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(paths, func(path string) bool {
		_, err := openCache(path, key)
		return err == nil
	})
}

// copies returns the paths at which the decoded copy may be, the preferred one first, and the key
// of the files as they are. The copy is in the folder of the data sets or, where that is not ours
// to write, in the user's cache folder.
func (f origin) copies(o Options) (paths []string, key string, err error) {
	dir, _, err := archive.Folder(o.Dir)
	if err != nil {
		return nil, "", err
	}
	files, err := f.stamp(f.folder)
	if err != nil {
		return nil, "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%d %s %s\n", cacheVersion, f.name, f.folder)
	for _, file := range files {
		fmt.Fprintf(h, "%q %d %d\n", file.name, file.size, file.changed)
	}
	where := sha256.Sum256([]byte(f.folder))
	base := fmt.Sprintf("%s-%x.bin", f.name, where[:6])
	paths = []string{filepath.Join(dir, cacheFolder, base)}
	if own, err := archive.UserFolder(); err == nil && own != dir {
		paths = append(paths, filepath.Join(own, cacheFolder, base))
	}
	return paths, fmt.Sprintf("%x", h.Sum(nil)), nil
}

// stampedFile is what is known of a source file without reading it.
type stampedFile struct {
	name    string
	size    int64
	changed int64 // nanoseconds
}

// stamp lists the files of the set, and the manifest, which says where they are from.
func (d dataset) stamp(folder string) ([]stampedFile, error) {
	if d.archive.IsUnpacked(folder) {
		return stampTree(folder)
	}
	var l []stampedFile
	for _, m := range d.archive.Files {
		f, err := stampFile(m.Path(folder))
		if err != nil {
			return nil, err
		}
		l = append(l, f...)
	}
	if f, err := stampFile(filepath.Join(folder, archive.ManifestName)); err == nil {
		l = append(l, f...)
	}
	return l, nil
}

func stampFile(path string) ([]stampedFile, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	return []stampedFile{{filepath.Base(path), st.Size(), st.ModTime().UnixNano()}}, nil
}

// stampTree lists all files below folder that a reader would look at.
func stampTree(folder string) ([]stampedFile, error) {
	var l []stampedFile
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != folder && strings.HasPrefix(e.Name(), "."):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir():
			return nil
		}
		st, err := os.Stat(path) // of what a link leads to
		if err == nil {
			l = append(l, stampedFile{path[len(folder):], st.Size(), st.ModTime().UnixNano()})
		}
		return err
	})
	return l, err
}

// errStale says that a decoded file is of other source files.
var errStale = errors.New("decoded from other files")

// mappings are the decoded files that this process has mapped, by path and key. They stay mapped,
// since nobody knows how long images are in use.
var mappings = struct {
	sync.Mutex
	m map[[2]string][]byte
}{m: map[[2]string][]byte{}}

// openCache returns the set in the decoded file at path. Its images are mapped.
func openCache(path, key string) (*Set, error) {
	mappings.Lock()
	defer mappings.Unlock()
	at := [2]string{path, key}
	b := mappings.m[at]
	if b == nil {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		// The key first: a stale file is not worth mapping.
		h, _, err := readCacheHead(io.NewSectionReader(f, 0, 1<<62))
		if err != nil {
			return nil, err
		}
		if h.Key != key {
			return nil, errStale
		}
		if b, err = mapFile(f); err != nil {
			return nil, err
		}
	}
	s, err := decodeCache(b, key)
	if err == nil {
		mappings.m[at] = b
	}
	return s, err
}

// readCacheHead reads the header, and returns it with the offset of what follows.
func readCacheHead(r io.Reader) (cacheHeader, int64, error) {
	var h cacheHeader
	fixed := make([]byte, len(cacheMagic)+12)
	if _, err := io.ReadFull(r, fixed); err != nil {
		return h, 0, fmt.Errorf("not a decoded set: %w", bounded.Unexpected(err))
	}
	n := binary.LittleEndian.Uint32(fixed[len(cacheMagic)+4:])
	version := binary.LittleEndian.Uint32(fixed[len(cacheMagic):])
	if string(fixed[:len(cacheMagic)]) != cacheMagic || version != cacheVersion || n > cacheHead {
		return h, 0, errors.New("not a decoded set of this version")
	}
	text, err := readExactly(r, int64(n))
	if err != nil {
		return h, 0, err
	}
	err = json.Unmarshal(text, &h)
	return h, int64(len(fixed)) + int64(n), err
}

// decodeCache makes a set from the content of a decoded file and shares its images. It checks
// everything but the images against the file's checksum.
func decodeCache(b []byte, key string) (*Set, error) {
	h, at, err := readCacheHead(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	if h.Key != key {
		return nil, errStale
	}
	if h.Height < 1 || h.Width < 1 || h.Height > maxSide || h.Width > maxSide || h.Channels < 1 || h.Channels > 4 ||
		h.Train < 0 || h.Test < 0 || h.Train > maxImages || h.Test > maxImages {
		return nil, fmt.Errorf("%d + %d images of %d×%d×%d", h.Train, h.Test, h.Height, h.Width, h.Channels)
	}
	labels := 4 * int64(h.Train+h.Test)
	one := int64(h.Height) * int64(h.Width) * int64(h.Channels)
	images := (at + labels + cacheAlign - 1) / cacheAlign * cacheAlign
	if want := images + one*int64(h.Train+h.Test); want != int64(len(b)) {
		return nil, fmt.Errorf("%d bytes, want %d: the file is cut", len(b), want)
	}
	sum := len(cacheMagic) + 8
	if crc32.Checksum(b[sum+4:images], castagnoli) != binary.LittleEndian.Uint32(b[sum:]) {
		return nil, errors.New("the checksum is wrong")
	}
	s := &Set{Height: h.Height, Width: h.Width, Channels: h.Channels, Info: h.Info}
	for i, p := range []*Split{&s.Train, &s.Test} {
		n := [2]int{h.Train, h.Test}[i]
		p.Labels = make([]int32, n)
		for j := range p.Labels {
			p.Labels[j] = int32(binary.LittleEndian.Uint32(b[at+4*int64(j):]))
			if p.Labels[j] < 0 || int(p.Labels[j]) >= len(h.Info.Classes) {
				return nil, fmt.Errorf("label %d is %d, want 0 to %d", j, p.Labels[j], len(h.Info.Classes)-1)
			}
		}
		at += 4 * int64(n)
		p.Images = b[images : images+one*int64(n) : images+one*int64(n)]
		images += one * int64(n)
	}
	return s, nil
}

// checkCache compares the images of a decoded file with their checksum.
func checkCache(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h, at, err := readCacheHead(f)
	if err != nil {
		return err
	}
	at = (at + 4*int64(h.Train+h.Test) + cacheAlign - 1) / cacheAlign * cacheAlign
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return err
	}
	c := crc32.New(castagnoli)
	if _, err := io.Copy(c, f); err != nil {
		return err
	}
	if c.Sum32() != h.Checksum {
		return errors.New("the images' checksum is wrong")
	}
	return nil
}

// cacheHeadOf returns all of the decoded file of s that comes before the images.
func cacheHeadOf(s *Set, key string) ([]byte, error) {
	h := cacheHeader{Key: key, Height: s.Height, Width: s.Width, Channels: s.Channels,
		Train: s.Train.Len(), Test: s.Test.Len(), Info: s.Info}
	h.Checksum = crc32.Update(crc32.Checksum(s.Train.Images, castagnoli), castagnoli, s.Test.Images)
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	head := append([]byte(cacheMagic), make([]byte, 12)...)
	binary.LittleEndian.PutUint32(head[len(cacheMagic):], cacheVersion)
	binary.LittleEndian.PutUint32(head[len(cacheMagic)+4:], uint32(len(text)))
	sum := len(cacheMagic) + 8
	head = append(head, text...)
	for _, l := range [2][]int32{s.Train.Labels, s.Test.Labels} {
		for _, v := range l {
			head = binary.LittleEndian.AppendUint32(head, uint32(v))
		}
	}
	head = append(head, make([]byte, (cacheAlign-len(head)%cacheAlign)%cacheAlign)...)
	binary.LittleEndian.PutUint32(head[sum:], crc32.Checksum(head[sum+4:], castagnoli))
	return head, nil
}

// writeCache places the decoded file of s at path, whole or not at all. It uses a folder of its own
// and not package atomic, since what a killed writer leaves may have gigabytes: the next one
// removes it.
func writeCache(ctx context.Context, path, key string, s *Set, d archive.Disk) (err error) {
	head, err := cacheHeadOf(s, key)
	if err != nil {
		return err
	}
	dir, base := filepath.Split(path)
	if err := d.MkdirAll(dir); err != nil {
		return err
	}
	unlock, err := lock.Wait(ctx, filepath.Join(dir, "."+base+".lock"), d.Lock, func() {})
	if err != nil {
		return err
	}
	defer unlock()
	prefix := ".new-" + base + "-"
	if err := archive.RemoveLeft(dir, prefix); err != nil {
		return err
	}
	tmp, err := d.MkdirTemp(dir, prefix)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	part := filepath.Join(tmp, base)
	w, err := d.Create(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	for _, b := range [][]byte{head, s.Train.Images, s.Test.Images} {
		if err == nil {
			_, err = w.Write(b)
		}
	}
	if err == nil {
		err = w.Sync()
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	return d.Rename(part, path)
}
