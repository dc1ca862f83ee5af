package data

import (
	"context"
	"fmt"
	"io"

	"github.com/gocollapse/collapse/data/archive"
)

// Sizes of SVHN, cropped digits.
const (
	svhnSide  = 32
	svhnImage = 3 * svhnSide * svhnSide
	svhnTrain = 73257
	svhnTest  = 26032
)

// svhnReader returns a reader of two MAT files with the given numbers of images.
func svhnReader(train, test int) reader {
	return func(ctx context.Context, a *archive.Archive, folder string) (*Set, []archive.Sum, error) {
		s := &Set{Height: svhnSide, Width: svhnSide, Channels: 3}
		s.Info.Classes = digits
		sums, err := readFiles(ctx, a.Files, folder, func(i int, r io.Reader) (err error) {
			*[]*Split{&s.Train, &s.Test}[i], err = decodeSVHN(r, []int{train, test}[i])
			return err
		})
		return s, sums, err
	}
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
		if l < 1 || int(l) > len(digits) {
			return Split{}, fmt.Errorf("label %d is %d, want 1 to %d: not a file of SVHN", i, l, len(digits))
		}
		s.Labels[i] = int32(int(l) % len(digits))
		image := s.Images[i*svhnImage:][:svhnImage]
		copy(buf, image)
		transpose(image, buf, svhnSide, svhnSide)
	}
	return s, nil
}
