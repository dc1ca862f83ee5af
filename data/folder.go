package data

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/internal/bounded"
	"github.com/gocollapse/collapse/internal/natural"
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

// OpenFolder reads PNG and JPEG images of one size from one folder per class: PATH/train/CLASS/FILE
// and PATH/test/CLASS/FILE (or val), or PATH/CLASS/FILE without test images. Labels follow the order
// of the classes' names; images come class by class in the order of their names, where a number in a
// name counts as a number. The set has one channel if every image is grey, else three. Names that
// begin with a dot are left out. A file that is not an image is an error, and so is a class without
// training images.
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
	name := folderPrefix + path // as a specification gives it
	if path, err = filepath.Abs(path); err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	s, err := cached(ctx, o, origin{"folder", path, stampTree}, func() (*Set, error) {
		s, err := readFolder(ctx, os.DirFS(path))
		if err != nil {
			return nil, fmt.Errorf("data: %s: %w", path, err)
		}
		s.Info.Source, s.Info.Bytes = "folder", record.Unofficial
		s.complete("folder", "pixels as in the files; "+ownStatistics)
		return s, nil
	})
	if err != nil {
		return nil, err
	}
	s.Info.Name = name
	return s, nil
}

func readFolder(ctx context.Context, fsys fs.FS) (*Set, error) {
	trainDir, testDir := ".", ""
	if isDir(fsys, "train") {
		trainDir = "train"
		for _, d := range []string{"test", "val"} {
			if isDir(fsys, d) {
				testDir = d
				break
			}
		}
	}
	classes, err := subfolders(fsys, trainDir)
	if err != nil {
		return nil, err
	}
	if len(classes) == 0 {
		return nil, fmt.Errorf("%s holds no folders; want one per class", trainDir)
	}
	train, err := listPictures(fsys, trainDir, classes)
	if err != nil {
		return nil, err
	}
	has := make([]bool, len(classes))
	for _, p := range train {
		has[p.label] = true
	}
	if k := slices.Index(has, false); k >= 0 {
		return nil, fmt.Errorf("class %q has no training images", classes[k])
	}
	var test []picture
	if testDir != "" {
		others, err := subfolders(fsys, testDir)
		if err != nil {
			return nil, err
		}
		for _, c := range others {
			if !slices.Contains(classes, c) {
				return nil, fmt.Errorf("%s/%s: no class of that name in %s", testDir, c, trainDir)
			}
		}
		if test, err = listPictures(fsys, testDir, classes); err != nil {
			return nil, err
		}
	}
	height, width, channels, err := pictureSize(ctx, fsys, slices.Concat(train, test))
	if err != nil {
		return nil, err
	}
	return readPictures(ctx, fsys, train, test, classes, [3]int{height, width, channels})
}

// pictureSize returns the size that all images have. It looks at their headers before memory for
// the pixels is taken, and that must be in proportion to the files.
func pictureSize(ctx context.Context, fsys fs.FS, all []picture) (height, width, channels int, err error) {
	channels = 1
	var bytes, pixels int64
	for i, p := range all {
		if err := ctx.Err(); err != nil {
			return 0, 0, 0, err
		}
		b, err := readPicture(fsys, p.path)
		if err != nil {
			return 0, 0, 0, err
		}
		c, grey, err := imageConfig(b)
		if err != nil {
			return 0, 0, 0, fmt.Errorf("%s: %w", p.path, err)
		}
		if i == 0 {
			height, width = c.Height, c.Width
		}
		if c.Height != height || c.Width != width {
			return 0, 0, 0, fmt.Errorf("%s: %d×%d pixels, want %d×%d as %s; bring the images to one size first",
				p.path, c.Height, c.Width, height, width, all[0].path)
		}
		if !grey {
			channels = 3
		}
		bytes += int64(len(b))
		pixels += int64(c.Height) * int64(c.Width) * int64(channels)
	}
	if pixels > maxGain*bytes+1<<20 {
		return 0, 0, 0, fmt.Errorf("%d bytes of files would become %d bytes of pixels: "+
			"more than real images do", bytes, pixels)
	}
	return height, width, channels, nil
}

// readPictures decodes images of size height×width×channels on all cores. Its Info has one file,
// whose hash is that of the list of all files' hashes.
func readPictures(ctx context.Context, fsys fs.FS, train, test []picture, classes []string,
	size [3]int) (*Set, error) {
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
	err := parallel(ctx, len(all), func(i int) error {
		b, err := readPicture(fsys, all[i].path)
		if err != nil {
			return err
		}
		images, at := s.Train.Images, i
		if i >= len(train) {
			images, at = s.Test.Images, i-len(train)
		}
		if err := decodeImage(images[at*one:(at+1)*one], b, size[0], size[1], size[2]); err != nil {
			return fmt.Errorf("%s: %w", all[i].path, err)
		}
		files[i] = record.File{Name: all[i].path, Size: int64(len(b)), SHA256: fmt.Sprintf("%x", sha256.Sum256(b))}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.Info.Classes = classes
	s.Info.Files = []record.File{listOf(files)}
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

func isDir(fsys fs.FS, name string) bool {
	st, err := fs.Stat(fsys, name)
	return err == nil && st.IsDir()
}

// subfolders returns the names of the folders in dir, in the order of names.
func subfolders(fsys fs.FS, dir string) ([]string, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case isDir(fsys, path.Join(dir, e.Name())):
			names = append(names, e.Name())
		default:
			return nil, fmt.Errorf("%s is not a folder; want one per class", path.Join(dir, e.Name()))
		}
	}
	return names, nil
}

// listPictures returns the images in dir/CLASS for each class. A class without a folder has none.
func listPictures(fsys fs.FS, dir string, classes []string) ([]picture, error) {
	var l []picture
	for k, c := range classes {
		entries, err := fs.ReadDir(fsys, path.Join(dir, c))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		slices.SortFunc(entries, func(a, b fs.DirEntry) int { return natural.Compare(a.Name(), b.Name()) })
		for _, e := range entries {
			name := path.Join(dir, c, e.Name())
			switch {
			case strings.HasPrefix(e.Name(), "."):
				continue
			case e.IsDir() || !imageExtension(e.Name()):
				return nil, fmt.Errorf("%s is not a PNG or JPEG file; move it away", name)
			}
			if len(l) == maxImages {
				return nil, fmt.Errorf("more than %d images", maxImages)
			}
			l = append(l, picture{name, int32(k)})
		}
	}
	return l, nil
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
