package data

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/internal/natural"
)

// trainNames and testNames are what a folder of the training and of the test images may be called,
// in any case. Of several with test images the first name is read.
var (
	trainNames = []string{"train", "training"}
	testNames  = []string{"test", "testing", "val", "valid", "validation"}
)

// passedOver reports whether a name is that of a file or folder which systems and archive programs
// leave between a user's own: it is never read.
func passedOver(name string) bool {
	left := []string{"__MACOSX", "Thumbs.db", "ehthumbs.db", "desktop.ini", "@eaDir", "$RECYCLE.BIN",
		"System Volume Information", "lost+found"}
	return strings.HasPrefix(name, ".") || // .DS_Store, ._x
		slices.ContainsFunc(left, func(s string) bool { return strings.EqualFold(s, name) })
}

// describes reports whether a name is that of a file about images, such as a list or a licence,
// which may lie among them.
func describes(name string) bool {
	return slices.Contains([]string{".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".html",
		".pdf"}, strings.ToLower(path.Ext(name))) ||
		slices.ContainsFunc([]string{"readme", "license", "licence"}, func(s string) bool {
			return strings.EqualFold(s, name)
		})
}

// layout is where the images of a set are in its folder.
type layout struct {
	train, test string   // folders; test is empty where there are no test images
	classes     []string // folders in train, in the order of their names
	unread      []string // other folders of test images
	unsorted    []string // folders of test images that are in no class
}

const wantLayout = "want train/CLASS/FILE.png and test/CLASS/FILE.png, or CLASS/FILE.png alone"

// findLayout looks for the splits and classes of a folder.
func findLayout(fsys fs.FS) (layout, error) {
	top, files, err := inside(fsys, ".")
	if err != nil {
		return layout{}, err
	}
	train, err := splitFolders(fsys, top, trainNames)
	if err != nil {
		return layout{}, err
	}
	test, err := splitFolders(fsys, top, testNames)
	if err != nil {
		return layout{}, err
	}
	l := layout{train: "."}
	switch {
	case len(train) > 1:
		return l, fmt.Errorf("both %s and %s hold folders: rename one, or give one of them", train[0], train[1])
	case len(train) == 1:
		l.train = train[0]
		if len(test) > 0 {
			l.test, l.unread = test[0], test[1:]
		}
		if l.unsorted, err = unsorted(fsys, top, slices.Concat(train, test)); err != nil {
			return l, err
		}
	case len(test) > 0:
		return l, fmt.Errorf("there is a folder %s and none of training images (%s); %s", test[0],
			strings.Join(trainNames, ", "), wantLayout)
	case len(top) > 0 && !slices.ContainsFunc(top, func(s string) bool { return !isSplit(s) }):
		return l, fmt.Errorf("%s: no class folders inside; %s", strings.Join(top, ", "), wantLayout)
	}
	if l.train != "." {
		if top, files, err = inside(fsys, l.train); err != nil {
			return l, err
		}
	}
	for _, f := range files {
		if imageExtension(f) {
			return l, fmt.Errorf("%s is not in a class folder; %s", path.Join(l.train, f), wantLayout)
		}
	}
	if l.classes = top; len(top) == 0 {
		return l, fmt.Errorf("%s holds no folders; %s", l.train, wantLayout)
	}
	return l, l.checkDepth(fsys)
}

// checkDepth reports a folder whose folders hold folders alone: the classes are further below.
func (l layout) checkDepth(fsys fs.FS) error {
	if l.train != "." {
		return nil
	}
	var below string
	for _, c := range l.classes {
		folders, files, err := inside(fsys, c)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(files, imageExtension) {
			return nil
		}
		if len(folders) > 0 {
			below = c
		}
	}
	if below == "" {
		return nil // no images at all, which another error says
	}
	return fmt.Errorf("its folders hold folders and no images; %s. If the folders in %s are the classes, "+
		"give that folder", wantLayout, below)
}

func isSplit(name string) bool {
	return slices.ContainsFunc(slices.Concat(trainNames, testNames), func(s string) bool {
		return strings.EqualFold(s, name)
	})
}

// splitFolders returns the folders of a split in the order of its names. A folder that holds no
// folders is none: it may be the class "train".
func splitFolders(fsys fs.FS, top, names []string) (found []string, err error) {
	for _, name := range names {
		before := len(found)
		for _, f := range top {
			if !strings.EqualFold(f, name) {
				continue
			}
			folders, _, err := inside(fsys, f)
			if err != nil {
				return nil, err
			}
			if len(folders) > 0 {
				found = append(found, f)
			}
		}
		if same := found[before:]; len(same) > 1 {
			return nil, fmt.Errorf("both %s and %s hold folders; rename one", same[0], same[1])
		}
	}
	return found, nil
}

// unsorted returns the folders with a split's name that hold images without classes, as of a
// competition's test images, whose labels are not published.
func unsorted(fsys fs.FS, top, sorted []string) (found []string, err error) {
	for _, f := range top {
		if !isSplit(f) || slices.Contains(sorted, f) {
			continue
		}
		_, files, err := inside(fsys, f)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(files, imageExtension) {
			found = append(found, f)
		}
	}
	return found, nil
}

// notes says which images are not read.
func (l layout) notes() (notes []string) {
	if len(l.unread) > 0 {
		notes = append(notes, fmt.Sprintf("the test images are those in %s; %s is not read", l.test,
			strings.Join(l.unread, ", ")))
	}
	if len(l.unsorted) > 0 {
		notes = append(notes, fmt.Sprintf("the images in %s are in no class folder and are not read",
			strings.Join(l.unsorted, ", ")))
	}
	return notes
}

// inside returns the names of the folders and of the files in dir, in the order of names, without
// those that are passed over. A link counts as what it leads to.
func inside(fsys fs.FS, dir string) (folders, files []string, err error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		switch {
		case passedOver(e.Name()):
		case e.IsDir(), e.Type()&fs.ModeSymlink != 0 && isDir(fsys, path.Join(dir, e.Name())):
			folders = append(folders, e.Name())
		default:
			files = append(files, e.Name())
		}
	}
	return folders, files, nil
}

func isDir(fsys fs.FS, name string) bool {
	st, err := fs.Stat(fsys, name)
	return err == nil && st.IsDir()
}

// pictures lists the images of both splits. A class must have training images, and a class of the
// test images must be one of the training images.
func (l layout) pictures(fsys fs.FS) (train, test []picture, err error) {
	if train, err = listPictures(fsys, l.train, l.classes); err != nil {
		return nil, nil, err
	}
	has := make([]bool, len(l.classes))
	for _, p := range train {
		has[p.label] = true
	}
	if k := slices.Index(has, false); k >= 0 {
		return nil, nil, fmt.Errorf("class %q has no training images", l.classes[k])
	}
	if l.test == "" {
		return train, nil, nil
	}
	others, _, err := inside(fsys, l.test)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range others {
		if !slices.Contains(l.classes, c) {
			return nil, nil, fmt.Errorf("%s/%s: no class of that name in %s", l.test, c, l.train)
		}
	}
	test, err = listPictures(fsys, l.test, l.classes)
	return train, test, err
}

// listPictures returns the images in dir/CLASS for each class. A class without a folder has none.
func listPictures(fsys fs.FS, dir string, classes []string) ([]picture, error) {
	var all []picture
	for k, c := range classes {
		err := walkClass(fsys, path.Join(dir, c), 0, func(name string) error {
			if len(all) == maxImages {
				return fmt.Errorf("more than %d images", maxImages)
			}
			all = append(all, picture{name, int32(k)})
			return nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return all, nil
}

// maxDepth bounds the folders within folders of a class, which links may make endless.
const maxDepth = 16

// walkClass visits the images in a class's folder, then those in the folders below it.
func walkClass(fsys fs.FS, dir string, depth int, visit func(name string) error) error {
	if depth > maxDepth {
		return fmt.Errorf("%s: more than %d folders below its class; does a link lead upwards?", dir, maxDepth)
	}
	folders, files, err := inside(fsys, dir)
	if err != nil {
		return err
	}
	slices.SortFunc(folders, natural.Compare)
	slices.SortFunc(files, natural.Compare)
	for _, f := range files {
		name := path.Join(dir, f)
		switch {
		case imageExtension(f):
			if err := visit(name); err != nil {
				return err
			}
		case !describes(f):
			return fmt.Errorf("%s is not a %s file by its name; convert it if it is an image, else keep it outside "+
				"the class folders or let its name begin with a dot", name, formatNames)
		}
	}
	for _, f := range folders {
		if err := walkClass(fsys, path.Join(dir, f), depth+1, visit); err != nil {
			return err
		}
	}
	return nil
}
