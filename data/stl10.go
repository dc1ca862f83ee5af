package data

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gocollapse/collapse/data/archive"
)

// The binary format of STL-10: images are 3 planes of 96 columns of 96 pixels,
// labels bytes from 1 to 10.
const (
	stlSide  = 96
	stlImage = 3 * stlSide * stlSide
)

func readSTL10(ctx context.Context, a *archive.Archive, folder string) (*Set, []archive.Sum, error) {
	if err := checkSizes(a.Files, folder); err != nil { // before memory for them is taken
		return nil, nil, err
	}
	s := &Set{Height: stlSide, Width: stlSide, Channels: 3}
	s.Info.Classes = stl10Classes
	s.Train, s.Test = newSplit(a.Files[1].Size, stlImage), newSplit(a.Files[3].Size, stlImage)
	sums, err := readFiles(ctx, a.Files, folder, func(i int, r io.Reader) error {
		split := []Split{s.Train, s.Test}[i/2]
		if i%2 == 0 {
			return decodeSTLImages(r, split.Images)
		}
		return decodeSTLLabels(r, split.Labels)
	})
	return s, sums, err
}

// decodeSTLImages reads the len(images)/stlImage images of r. Nothing may follow them.
func decodeSTLImages(r io.Reader, images []byte) error {
	buf := make([]byte, stlImage)
	for at := 0; at < len(images); at += stlImage {
		if m, err := io.ReadFull(r, buf); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%d bytes, want %d (%d images of %d bytes): the file is cut; "+
				"take it from the archive again", at+m, len(images), len(images)/stlImage, stlImage)
		} else if err != nil {
			return err
		}
		transpose(images[at:at+stlImage], buf, stlSide, stlSide)
	}
	return wantEnd(r, fmt.Sprintf("the %d images of %d bytes", len(images)/stlImage, stlImage))
}

// decodeSTLLabels reads the len(labels) labels of r. Nothing may follow them.
func decodeSTLLabels(r io.Reader, labels []int32) error {
	b, err := readExactly(r, int64(len(labels)))
	if err != nil {
		return err
	}
	for i, l := range b {
		if l < 1 || int(l) > len(stl10Classes) {
			return fmt.Errorf("label %d is %d, want 1 to %d: not a file of labels of STL-10, or a damaged one; "+
				"take it from the archive again", i, l, len(stl10Classes))
		}
		labels[i] = int32(l) - 1
	}
	return wantEnd(r, fmt.Sprintf("the %d labels", len(labels)))
}
