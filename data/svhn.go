package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Sizes of SVHN, cropped digits.
const (
	svhnSide    = 32
	svhnImage   = 3 * svhnSide * svhnSide
	svhnClasses = 10
	svhnTrain   = 73257
	svhnTest    = 26032
)

func svhnSet() dataset {
	return dataset{
		about: About{
			Name: "svhn", Title: "SVHN, cropped digits", Train: svhnTrain, Test: svhnTest, Classes: svhnClasses,
			Height: svhnSide, Width: svhnSide, Channels: 3,
			Licence:  "for non-commercial use only, as the publisher's page says",
			Citation: "Y. Netzer, T. Wang, A. Coates, A. Bissacco, B. Wu, A. Y. Ng. Reading Digits in Natural Images with Unsupervised Feature Learning. NIPS Workshop on Deep Learning, 2011",
		},
		archive:     svhnArchive,
		preparation: "pixels as in the files, the label 10 of the digit 0 made 0; " + ownStatistics,
	}
}

// svhnArchive: sizes and hashes are as several public projects pin them.
var svhnArchive = &archive{
	Set: "svhn",
	Sources: []source{
		{URLs: []string{"http://ufldl.stanford.edu/housenumbers/train_32x32.mat"}, Size: 182_040_794,
			SHA256: "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8", MD5: "e26dedcc434d2e4c54c9b2d4a06d8373"},
		{URLs: []string{"http://ufldl.stanford.edu/housenumbers/test_32x32.mat"}, Size: 64_275_384,
			SHA256: "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b", MD5: "eb5a983be6a315427106f1b164d9cef3"},
	},
	Folder: "svhn",
	Files: []member{
		{Name: "train_32x32.mat", Max: 1 << 29, SHA256: "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8"},
		{Name: "test_32x32.mat", Max: 1 << 29, SHA256: "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b"},
	},
	Read: func(ctx context.Context, a *archive, folder string) (*Set, []sum, error) {
		return readSVHN(ctx, a.Files, folder, [2]int{svhnTrain, svhnTest})
	},
}

func readSVHN(ctx context.Context, files []member, folder string, counts [2]int) (*Set, []sum, error) {
	s := &Set{Height: svhnSide, Width: svhnSide, Channels: 3}
	s.Info.Classes = []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}
	splits := [2]*Split{&s.Train, &s.Test}
	sums, errs := make([]sum, 2), make([]error, 2)
	var wg sync.WaitGroup
	for i, f := range files {
		wg.Go(func() {
			sums[i], errs[i] = f.read(ctx, folder, func(r io.Reader, _ int64) (err error) {
				*splits[i], err = decodeSVHN(r, counts[i])
				return err
			})
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, nil, err
	}
	return s, sums, nil
}

// decodeSVHN reads a MAT file of n images: X, 32×32×3×n bytes, and y, n labels
// from 1 to 10, where 10 stands for the digit 0.
func decodeSVHN(r io.Reader, n int) (Split, error) {
	m, err := readMAT(r, map[string][]int{"X": {svhnSide, svhnSide, 3, n}, "y": {n, 1}})
	if err != nil {
		return Split{}, err
	}
	s := Split{Images: m["X"], Labels: make([]int32, n)}
	buf := make([]byte, svhnImage)
	for i, l := range m["y"] {
		if l < 1 || l > svhnClasses {
			return Split{}, fmt.Errorf("label %d is %d, want 1 to %d: not a file of SVHN", i, l, svhnClasses)
		}
		s.Labels[i] = int32(l) % svhnClasses
		image := s.Images[i*svhnImage:][:svhnImage]
		copy(buf, image)
		transpose(image, buf, svhnSide, svhnSide)
	}
	return s, nil
}
