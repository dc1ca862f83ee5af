package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// The binary format of STL-10: images are 3 planes of 96 columns of 96 pixels,
// labels bytes from 1 to 10.
const (
	stlSide    = 96
	stlImage   = 3 * stlSide * stlSide
	stlClasses = 10
	stlTrain   = 5000
	stlTest    = 8000
)

func stl10Set() dataset {
	return dataset{
		about: About{
			Name: "stl10", Title: "STL-10, the labelled part", Train: stlTrain, Test: stlTest, Classes: stlClasses,
			Height: stlSide, Width: stlSide, Channels: 3,
			Licence:  "none stated by the publisher; the images are from ImageNet, for research",
			Citation: "A. Coates, H. Lee, A. Y. Ng. An Analysis of Single Layer Networks in Unsupervised Feature Learning. AISTATS, 2011",
		},
		archive:     stl10Archive,
		preparation: "the 5,000 labelled training and 8,000 test images, pixels as in the files, labels from 0; " + ownStatistics,
	}
}

// stl10Archive: size and hashes of the archive, and the MD5 sums of its files, are as several
// public projects pin them. The unlabelled images stay in the archive.
var stl10Archive = &archive{
	Set: "stl10",
	Sources: []source{{
		URLs:   []string{"http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz"},
		Size:   2_640_397_119,
		SHA256: "f31fd99273a1acb8609c8db427cebb1de3f71de77758cdc0e22956e1289b9866",
		MD5:    "91f7769df0f17e558f3565bffb0c7dfb",
		Packed: true,
	}},
	Folder: "stl10_binary",
	Files: []member{
		{Name: "train_X.bin", Size: stlTrain * stlImage, MD5: "918c2871b30a85fa023e0c44e0bee87f"},
		{Name: "train_y.bin", Size: stlTrain, MD5: "5a34089d4802c674881badbb80307741"},
		{Name: "test_X.bin", Size: stlTest * stlImage, MD5: "7f263ba9f9e0b06b93213547f721ac82"},
		{Name: "test_y.bin", Size: stlTest, MD5: "36f9794fa4beb8a2c72628de14fa638e"},
	},
	Optional: []string{"class_names.txt", "fold_indices.txt"},
	Skip:     []string{"unlabeled_X.bin"},
	Read:     readSTL10,
}

func readSTL10(ctx context.Context, a *archive, folder string) (*Set, []sum, error) {
	for _, f := range a.Files { // before memory for them is taken
		if _, err := f.checkSize(folder); err != nil {
			return nil, nil, err
		}
	}
	s := &Set{Height: stlSide, Width: stlSide, Channels: 3}
	s.Info.Classes = []string{"airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"}
	splits := [2]*Split{&s.Train, &s.Test}
	for i, p := range splits {
		n := a.Files[2*i+1].Size
		*p = Split{make([]byte, n*stlImage), make([]int32, n)}
	}
	sums, errs := make([]sum, 4), make([]error, 4)
	var wg sync.WaitGroup
	for i, f := range a.Files {
		decode := func(r io.Reader, _ int64) error { return decodeSTLImages(r, splits[i/2].Images) }
		if i%2 == 1 {
			decode = func(r io.Reader, _ int64) error { return decodeSTLLabels(r, splits[i/2].Labels) }
		}
		wg.Go(func() { sums[i], errs[i] = f.read(ctx, folder, decode) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, nil, err
	}
	return s, sums, nil
}

// decodeSTLImages reads the len(images)/stlImage images of r, and nothing may
// follow them.
func decodeSTLImages(r io.Reader, images []byte) error {
	buf := make([]byte, stlImage)
	for at := 0; at < len(images); at += stlImage {
		if m, err := io.ReadFull(r, buf); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%d bytes, want %d (%d images of %d bytes): the file is cut; take it from the archive again",
				at+m, len(images), len(images)/stlImage, stlImage)
		} else if err != nil {
			return err
		}
		transpose(images[at:at+stlImage], buf, stlSide, stlSide)
	}
	return wantEnd(r, fmt.Sprintf("the %d images of %d bytes", len(images)/stlImage, stlImage))
}

// decodeSTLLabels reads the len(labels) labels of r, and nothing may follow them.
func decodeSTLLabels(r io.Reader, labels []int32) error {
	b, err := readExactly(r, int64(len(labels)))
	if err != nil {
		return err
	}
	for i, l := range b {
		if l < 1 || l > stlClasses {
			return fmt.Errorf("label %d is %d, want 1 to %d: not a file of labels of STL-10, or a damaged one; take it from the archive again", i, l, stlClasses)
		}
		labels[i] = int32(l) - 1
	}
	return wantEnd(r, fmt.Sprintf("the %d labels", len(labels)))
}
