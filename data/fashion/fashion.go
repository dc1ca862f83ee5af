// Package fashion embeds a subset of Fashion-MNIST: the first 500 training and
// the first 100 test images of each of the ten classes, in the order of the
// published files, as gzipped IDX files of 28×28 grey pixels. It lets a fresh
// clone train on real images with no download.
//
// The pixels and labels are those that were published: package make builds the
// files here from the published ones, whose hashes it checks. The images are
// under the MIT licence, Copyright © 2017 Zalando SE; License holds its text.
//
// Reference: H. Xiao, K. Rasul, R. Vollgraf. Fashion-MNIST: a Novel Image
// Dataset for Benchmarking Machine Learning Algorithms. arXiv:1708.07747, 2017.
package fashion

import (
	"compress/gzip"
	"embed"
	"fmt"

	"github.com/gocollapse/collapse/data/idx"
)

//go:generate go run ./make -from /usr/share/datasets/fashion-mnist -out .

// Size of the set.
const (
	PerClassTrain = 500 // training images of each class
	PerClassTest  = 100 // test images of each class
	Side          = 28  // height and width of an image in pixels
)

// Names of the embedded files, those of the published ones.
const (
	TrainImages = "train-images-idx3-ubyte.gz"
	TrainLabels = "train-labels-idx1-ubyte.gz"
	TestImages  = "t10k-images-idx3-ubyte.gz"
	TestLabels  = "t10k-labels-idx1-ubyte.gz"
)

// Citation names the source of the images.
const Citation = "H. Xiao, K. Rasul, R. Vollgraf. " +
	"Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms. arXiv:1708.07747, 2017"

// Licence is the licence of the images in one line.
const Licence = "MIT, Copyright © 2017 Zalando SE"

// License is the text of the licence of the images.
//
//go:embed LICENSE
var License string

// Files holds the four IDX files and LICENSE.
//
//go:embed *-ubyte.gz LICENSE
var Files embed.FS

// Classes returns the names of the classes in the order of the labels.
func Classes() []string {
	return []string{"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
		"Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"}
}

// Names returns the names of the four IDX files.
func Names() []string { return []string{TrainImages, TrainLabels, TestImages, TestLabels} }

// Train returns the training split: images as N×28×28 bytes, row-major, 0 black
// to 255 white on a black background, and N labels from 0 to 9, with N = 5,000.
func Train() (images, labels []byte, err error) {
	return read(TrainImages, TrainLabels, 10*PerClassTrain)
}

// Test returns the test split in the form of Train, with N = 1,000.
func Test() (images, labels []byte, err error) {
	return read(TestImages, TestLabels, 10*PerClassTest)
}

func read(images, labels string, n int) ([]byte, []byte, error) {
	img, err := readFile(images, 3, n*Side*Side)
	if err != nil {
		return nil, nil, err
	}
	lab, err := readFile(labels, 1, n)
	if err != nil {
		return nil, nil, err
	}
	if img.Dims[0] != n || img.Dims[1] != Side || img.Dims[2] != Side || lab.Dims[0] != n {
		return nil, nil, fmt.Errorf("fashion: images %v and labels %v, want [%d %d %d] and [%d]; "+
			"run go generate in data/fashion", img.Dims, lab.Dims, n, Side, Side, n)
	}
	for i, l := range lab.Data {
		if l > 9 {
			return nil, nil, fmt.Errorf("fashion: %s: label %d of image %d, want 0 to 9", labels, l, i)
		}
	}
	return img.Data, lab.Data, nil
}

func readFile(name string, rank, limit int) (idx.Array, error) {
	f, err := Files.Open(name)
	if err != nil {
		return idx.Array{}, fmt.Errorf("fashion: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return idx.Array{}, fmt.Errorf("fashion: %s: %w", name, err)
	}
	a, err := idx.Read(z, rank, limit)
	if err != nil {
		return idx.Array{}, fmt.Errorf("fashion: %s: %w", name, err)
	}
	return a, nil
}
