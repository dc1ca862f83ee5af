// Package data opens the image data sets that networks are trained on: it finds
// or fetches the files, checks them, reads them exactly, and says in a
// record.Data what the images are and where they come from.
//
// List names the sets; docs/data.md shows them. Besides them, Open takes
// "folder:PATH", a folder of PNG and JPEG files in one folder a class, and
// "npz:PATH", arrays as NumPy writes them.
//
// A set is opened with Open, cut to a number of images a class with PerClass or to
// a long tail with LongTail, given wrong labels with CorruptLabels, and walked
// through in the order of Permutation; Augmentation shifts and flips. These depend
// on their arguments only: the same images come in the same order on every
// platform and backend.
//
// Decoded sets are kept in one file each, which a second Open maps into memory.
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

// Set is a data set in memory. Nobody writes to its images and labels: sets share
// them, and the images may be a file that is mapped for reading only.
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
	// NoCache reads the files anew and leaves no decoded copy of them.
	NoCache bool
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
		if dir, err = userFolder(); err != nil {
			return "", "", fmt.Errorf("data: no cache folder for data sets (%w); set %s=FOLDER", err, EnvDir)
		}
		origin = "the cache folder"
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

// userFolder is the folder of the data sets where nobody names one.
func userFolder() (string, error) {
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "collapse", "data"), err
}

func (o Options) logf(format string, args ...any) {
	if o.Log != nil {
		fmt.Fprintf(o.Log, format+"\n", args...)
	}
}

// About describes a data set without opening it.
type About struct {
	Name     string   `json:"name"` // as Open takes it
	Title    string   `json:"title"`
	Train    int      `json:"train"`   // images
	Test     int      `json:"test"`    // images
	Classes  int      `json:"classes"` // K
	Height   int      `json:"height"`  // pixels, as opened
	Width    int      `json:"width"`
	Channels int      `json:"channels"`
	Download int64    `json:"download"`        // bytes that Fetch loads, 0 for an embedded set
	Files    []Remote `json:"files,omitempty"` // what Fetch loads
	URL      string   `json:"url,omitempty"`   // official address of the first of Files
	Licence  string   `json:"licence"`
	Citation string   `json:"citation"`
}

// Remote is a file that Fetch loads.
type Remote struct {
	URLs   []string `json:"urls"` // official address, then mirrors
	Size   int64    `json:"size"` // bytes
	SHA256 string   `json:"sha256,omitempty"`
	MD5    string   `json:"md5,omitempty"`
}

// dataset is a set that the package knows.
type dataset struct {
	about About
	// archive says how the files are had; nil for an embedded set.
	archive *archive
	open    func(context.Context, Options) (*Set, error) // of an embedded set
	// read, if not nil, stands for the archive's Read.
	read func(ctx context.Context, a *archive, folder string) (*Set, []sum, error)
	// mean and std are those that users of the set agree on; nil takes the
	// training images' own.
	mean, std   []float64
	preparation string
}

// ownStatistics is the end of a preparation.
const ownStatistics = "mean and standard deviation are those of the training images"

// sets returns every known set in the order that lists show them.
func sets() []dataset {
	return []dataset{cifar10Set(), cifar100Set(), cifar100CoarseSet(), stl10Set(), tinySet(),
		mnistSet(), fashionFullSet(), fashionSet(), svhnSet()}
}

// List describes every known set.
func List() []About {
	var l []About
	for _, s := range sets() {
		about := s.about
		if a := s.archive; a != nil {
			about.Download = a.size()
			for _, r := range a.Sources {
				about.Files = append(about.Files, Remote{r.URLs, r.Size, r.SHA256, r.MD5})
			}
			if len(a.Sources) > 0 {
				about.URL = a.Sources[0].URLs[0]
			}
		}
		l = append(l, about)
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
		return dataset{}, fmt.Errorf("data: unknown set %q; known are %s, and %sPATH and %sPATH for images of your own",
			name, strings.Join(known, ", "), folderPrefix, npzPrefix)
	}
	return all[i], nil
}

// Open reads a set into memory. A set that is not embedded is looked for in the
// folder that o names, and fetched from its official address where it is not
// there and o allows it. A file that is not exactly as its format says is an
// error that names the file, what was expected, what was found and what to do.
//
// "folder:PATH" and "npz:PATH" open images of one's own: see OpenFolder and
// OpenNPZ.
func Open(ctx context.Context, name string, o Options) (*Set, error) {
	if path, ok := strings.CutPrefix(name, folderPrefix); ok {
		return OpenFolder(ctx, path, o)
	}
	if path, ok := strings.CutPrefix(name, npzPrefix); ok {
		return OpenNPZ(ctx, path, o)
	}
	d, err := find(name)
	if err != nil {
		return nil, err
	}
	return d.openSet(ctx, o)
}

// openSet is Open for a set that is known.
func (d dataset) openSet(ctx context.Context, o Options) (*Set, error) {
	if d.archive == nil {
		return d.open(ctx, o)
	}
	folder, err := d.archive.ensure(ctx, o)
	if err != nil {
		return nil, err
	}
	return cached(ctx, o, d.about.Name, folder, d.archive.stamp, func() (*Set, error) { return d.readSet(ctx, folder) })
}

// readSet reads the files of a folder and completes the set's Info.
func (d dataset) readSet(ctx context.Context, folder string) (*Set, error) {
	read := d.archive.Read
	if d.read != nil {
		read = d.read
	}
	s, sums, err := read(ctx, d.archive, folder)
	if err != nil {
		return nil, err
	}
	in := &s.Info
	if in.Source, in.Bytes, err = d.archive.origin(folder, sums); err != nil {
		return nil, err
	}
	in.Files = records(sums)
	in.Licence, in.Citation = d.about.Licence, d.about.Citation
	if in.Mean == nil {
		in.Mean, in.Std = d.mean, d.std
	}
	s.complete(d.about.Name, d.preparation)
	return s, nil
}

// complete fills what Info says of the images themselves.
func (s *Set) complete(name, preparation string) {
	in := &s.Info
	in.Name, in.Preparation = name, preparation+in.Preparation
	in.Train, in.Test = s.Train.Len(), s.Test.Len()
	in.Height, in.Width, in.Channels = s.Height, s.Width, s.Channels
	if in.Mean == nil {
		in.Mean, in.Std = channelStats(s.Train.Images, s.Channels)
	}
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
