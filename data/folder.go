package data

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"

	"github.com/gocollapse/collapse/internal/bounded"
	"github.com/gocollapse/collapse/record"
)

// folderPrefix is what Open takes before the path of a folder of images.
const folderPrefix = "folder:"

// maxImages bounds the images of a folder.
const maxImages = 10_000_000

// picture is an image file in a set.
type picture struct {
	path  string // in the set's file system
	label int32
}

// OpenFolder reads images of one size from one folder per class: PATH/train/CLASS/FILE and
// PATH/test/CLASS/FILE, or PATH/CLASS/FILE without test images. The names of the two folders are
// train or training, and test, testing, val, valid or validation, in any case. Images are PNG, JPEG,
// BMP or WebP. Labels follow the order of the classes' names; images come class by class in the
// order of their names, where a number in a name counts as a number, and after them those in folders
// below the class's. The set has one channel if every image is grey, else three.
//
// Names that begin with a dot, what systems leave in folders (Thumbs.db, __MACOSX), and files such as
// lists in .txt are passed over. Any other file among the images is an error, and so is a class
// without training images. Images of several sizes are an error unless Options.Resize is given.
// Pixels are as stored, also where EXIF data say that an image is to be shown turned, as in
// torchvision's ImageFolder; Info.Notes then counts such images.
//
// Go's library decodes JPEG; other decoders differ from it by a few levels.
func OpenFolder(ctx context.Context, path string, o Options) (*Set, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("data: %w; want a folder of images, PATH/train/CLASS/FILE.png", err)
	}
	if !st.IsDir() {
		return nil, fmt.Errorf("data: %s is a file, want a folder of images, PATH/train/CLASS/FILE.png", path)
	}
	if o.Resize < 0 || o.Resize > maxSide {
		return nil, fmt.Errorf("data: images are to be scaled to %d×%[1]d; want 1 to %d, or 0", o.Resize, maxSide)
	}
	name := folderPrefix + path // as a specification gives it
	if path, err = filepath.Abs(path); err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	from := origin{"folder", path, stampPictures}
	if o.Resize > 0 {
		from.name = fmt.Sprintf("folder-%d", o.Resize)
	}
	s, err := cached(ctx, o, from, func() (*Set, error) {
		s, err := readFolder(ctx, os.DirFS(path), o.Resize)
		if err != nil {
			return nil, fmt.Errorf("data: %s: %w", path, err)
		}
		s.Info.Source, s.Info.Bytes = "folder", record.Unofficial
		preparation := "pixels as in the files"
		if o.Resize > 0 {
			preparation = fmt.Sprintf(resizePreparation, o.Resize, o.Resize)
		}
		s.complete("folder", preparation+"; "+ownStatistics)
		return s, nil
	})
	if err != nil {
		return nil, err
	}
	s.Info.Name = name
	for _, n := range s.Info.Notes {
		o.logf("data: %s: %s", path, n)
	}
	return s, nil
}

// stampPictures lists the images in a folder, those that readFolder reads.
func stampPictures(folder string) ([]stampedFile, error) {
	fsys := os.DirFS(folder)
	l, err := findLayout(fsys)
	if err != nil {
		return nil, err
	}
	train, test, err := l.pictures(fsys)
	if err != nil {
		return nil, err
	}
	var all []stampedFile
	for _, p := range slices.Concat(train, test) {
		st, err := fs.Stat(fsys, p.path)
		if err != nil {
			return nil, err
		}
		all = append(all, stampedFile{p.path, st.Size(), st.ModTime().UnixNano()})
	}
	return all, nil
}

// readFolder reads the images in fsys, and scales them to side×side where side is not 0.
func readFolder(ctx context.Context, fsys fs.FS, side int) (*Set, error) {
	l, err := findLayout(fsys)
	if err != nil {
		return nil, err
	}
	train, test, err := l.pictures(fsys)
	if err != nil {
		return nil, err
	}
	size, err := pictureSize(ctx, fsys, slices.Concat(train, test), side)
	if err != nil {
		return nil, err
	}
	s, err := readPictures(ctx, fsys, train, test, l.classes, size, side > 0)
	if err == nil {
		s.Info.Notes = append(s.Info.Notes, l.notes()...)
	}
	return s, err
}

// pictureSize returns height, width and channels that all images have, or get. It looks at their
// headers before memory for the pixels is taken, and that must be in proportion to the files.
func pictureSize(ctx context.Context, fsys fs.FS, all []picture, side int) (size [3]int, err error) {
	size[2] = 1
	var bytes, pixels int64
	for i, p := range all {
		if err := ctx.Err(); err != nil {
			return size, err
		}
		b, err := readPicture(fsys, p.path)
		if err != nil {
			return size, err
		}
		c, grey, err := imageConfig(b)
		if err != nil {
			return size, fmt.Errorf("%s: %w", p.path, err)
		}
		if i == 0 {
			size[0], size[1] = c.Height, c.Width
		}
		if side == 0 && (c.Height != size[0] || c.Width != size[1]) {
			return size, fmt.Errorf("%s: %d×%d pixels, want %d×%d as %s; to scale all images to %d×%[7]d "+
				"give resize %[7]d", p.path, c.Height, c.Width, size[0], size[1], all[0].path, min(size[0], size[1]))
		}
		if !grey {
			size[2] = 3
		}
		bytes += int64(len(b))
		pixels += int64(c.Height) * int64(c.Width) * int64(size[2])
	}
	if side > 0 {
		size[0], size[1] = side, side
	}
	if pixels > maxGain*bytes+1<<20 {
		return size, fmt.Errorf("%d bytes of files would become %d bytes of pixels: more than real images do",
			bytes, pixels)
	}
	return size, nil
}

// readPictures decodes images of height×width×channels on all cores; scaled makes those of another
// size fit. The set's Info has one file, whose hash is that of the list of all files' hashes, and a
// note where images are to be shown turned.
func readPictures(ctx context.Context, fsys fs.FS, train, test []picture, classes []string,
	size [3]int, scaled bool) (*Set, error) {
	s := &Set{Height: size[0], Width: size[1], Channels: size[2]}
	one := size[0] * size[1] * size[2]
	for _, p := range []struct {
		split *Split
		files []picture
	}{{&s.Train, train}, {&s.Test, test}} {
		*p.split = Split{make([]byte, len(p.files)*one), make([]int32, len(p.files))}
		for i, f := range p.files {
			p.split.Labels[i] = f.label
		}
	}
	all := slices.Concat(train, test)
	files := make([]record.File, len(all))
	var rotated atomic.Int64
	err := parallel(ctx, len(all), func(i int) error {
		b, err := readPicture(fsys, all[i].path)
		if err != nil {
			return err
		}
		images, at := s.Train.Images, i
		if i >= len(train) {
			images, at = s.Test.Images, i-len(train)
		}
		dst := images[at*one : (at+1)*one]
		if scaled {
			err = decodeScaled(dst, b, size[0], size[2])
		} else {
			err = decodeImage(dst, b, size[0], size[1], size[2])
		}
		if err != nil {
			return fmt.Errorf("%s: %w", all[i].path, err)
		}
		if turned(b) {
			rotated.Add(1)
		}
		files[i] = record.File{Name: all[i].path, Size: int64(len(b)), SHA256: fmt.Sprintf("%x", sha256.Sum256(b))}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.Info.Classes = classes
	s.Info.Files = []record.File{listOf(files)}
	if n := rotated.Load(); n > 0 {
		s.Info.Notes = append(s.Info.Notes, fmt.Sprintf("%d of %d images have an EXIF orientation other than 1: "+
			"programs show them turned, but pixels are used as stored, as torchvision's ImageFolder does", n, len(all)))
	}
	return s, nil
}

// listOf describes many files as one: its hash is the SHA-256 of the lines that sha256sum prints for
// them, in their order.
func listOf(files []record.File) record.File {
	h := sha256.New()
	sum := record.File{Name: fmt.Sprintf("sha256sum of %d files", len(files))}
	for _, f := range files {
		fmt.Fprintf(h, "%s  %s\n", f.SHA256, f.Name)
		sum.Size += f.Size
	}
	sum.SHA256 = fmt.Sprintf("%x", h.Sum(nil))
	return sum
}

// readPicture reads an image file, which must be a plain one of bounded size.
func readPicture(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", name)
	}
	if st.Size() > maxImageFile {
		return nil, fmt.Errorf("%s has %d bytes, want at most %d", name, st.Size(), maxImageFile)
	}
	return bounded.ReadAll(f, name, maxImageFile)
}
