// Package data opens the image data sets that networks are trained on: it finds
// or fetches the files, checks them, reads them exactly, and says in a
// record.Data what the images are and where they come from.
//
// Sets so far:
//
//   - "cifar10", in the official binary format: 50,000 + 10,000 images, 32×32×3;
//   - "fashion-mnist-small", embedded in the program (package fashion): 5,000 +
//     1,000 images of Fashion-MNIST, padded to 32×32 and repeated to 3 channels.
//
// A set is opened with Open, cut to a number of images a class with PerClass, and
// walked through in the order of Permutation. These depend on their arguments
// only: the same images come in the same order on every platform and backend.
package data

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/record"
)

// EnvDir is the environment variable that names the folder of the data sets.
const EnvDir = "COLLAPSE_DATA"

// Split is one part of a set: N images of H×W pixels in C channels.
type Split struct {
	Images []byte  // N×H×W×C, row-major, 0 to 255
	Labels []int32 // N, from 0 to K−1
}

// Len returns N.
func (s Split) Len() int { return len(s.Labels) }

// Set is a data set in memory. Nobody writes to its images and labels: sets may
// share them.
type Set struct {
	Train, Test             Split
	Height, Width, Channels int
	Info                    record.Data // complete; goes to the record of a run as it is
}

// Image returns the pixels of image i of a split of s, H×W×C bytes, without
// copying them.
func (s *Set) Image(p Split, i int) []byte {
	n := s.Height * s.Width * s.Channels
	return p.Images[i*n : (i+1)*n : (i+1)*n]
}

// Options say where data sets lie and how fetching them is told. The zero value
// is ready for use.
type Options struct {
	// Dir is the folder that holds a set's folder, as
	// Dir/cifar-10-batches-bin, or is that folder itself. It is created where it
	// does not exist. Empty means the folder in the environment variable
	// COLLAPSE_DATA, else collapse/data in the user's cache folder.
	Dir string
	// Progress, if not nil, is told of the bytes of a download.
	Progress func(done, total int64)
	// Offline forbids any download.
	Offline bool
	// Log, if not nil, gets a line for each step a user would want to know of.
	Log io.Writer
}

// folder returns the folder of the data sets and where its name came from.
func (o Options) folder() (dir, origin string, err error) {
	switch env := os.Getenv(EnvDir); {
	case o.Dir != "":
		dir, origin = o.Dir, "the folder asked for"
	case env != "":
		dir, origin = env, EnvDir
	default:
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", "", fmt.Errorf("data: no cache folder for data sets (%w); set %s=FOLDER", err, EnvDir)
		}
		dir, origin = filepath.Join(cache, "collapse", "data"), "the cache folder"
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return "", "", fmt.Errorf("data: %w", err)
	}
	if st, err := os.Stat(dir); err == nil && !st.IsDir() {
		return "", "", fmt.Errorf("data: %s (%s) is a file, want a folder of data sets", dir, origin)
	}
	return dir, origin, nil
}

func (o Options) logf(format string, args ...any) {
	if o.Log != nil {
		fmt.Fprintf(o.Log, format+"\n", args...)
	}
}

// About describes a data set without opening it.
type About struct {
	Name     string // as Open takes it
	Title    string
	Train    int    // images
	Test     int    // images
	Download int64  // bytes of the archive that Fetch loads, 0 for an embedded set
	URL      string // of the archive, empty for an embedded set
	Licence  string
	Citation string
}

// dataset is a set that the package knows.
type dataset struct {
	about About
	open  func(context.Context, Options) (*Set, error)
	// archive says how the files are had; nil for an embedded set.
	archive *archive
}

// sets returns every known set in the order that lists show them.
func sets() []dataset { return []dataset{cifar10Set(), fashionSet()} }

// List describes every known set.
func List() []About {
	var l []About
	for _, s := range sets() {
		l = append(l, s.about)
	}
	return l
}

func find(name string) (dataset, error) {
	all := sets()
	i := slices.IndexFunc(all, func(s dataset) bool { return s.about.Name == name })
	if i < 0 {
		var known []string
		for _, s := range all {
			known = append(known, s.about.Name)
		}
		return dataset{}, fmt.Errorf("data: unknown set %q; known are %s", name, strings.Join(known, ", "))
	}
	return all[i], nil
}

// Open reads a set into memory. A set that is not embedded is looked for in the
// folder that o names, and fetched from its official address where it is not
// there and o allows it. A file that is not exactly as its format says is an
// error that names the file, what was expected, what was found and what to do.
func Open(ctx context.Context, name string, o Options) (*Set, error) {
	d, err := find(name)
	if err != nil {
		return nil, err
	}
	return d.open(ctx, o)
}

// Locate returns the folder in which Open would find a set's files, and whether
// they are there; it does not check them. For a set that is not there, dir is the
// folder that Fetch would make; for an embedded set dir is empty.
func Locate(name string, o Options) (dir string, found bool, err error) {
	d, err := find(name)
	if err != nil {
		return "", false, err
	}
	if d.archive == nil {
		return "", true, nil
	}
	parent, _, err := o.folder()
	if err != nil {
		return "", false, err
	}
	dir, found = d.archive.locate(parent)
	return dir, found, nil
}
