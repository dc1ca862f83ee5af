package data

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gocollapse/collapse/data/archive"
)

// The binary formats of CIFAR: a file is a row of records, each one or two bytes
// of labels and 32×32 pixels of red, then of green, then of blue.
const (
	cifarSide     = 32
	cifarPixels   = cifarSide * cifarSide
	cifarChannels = 3
	cifarImage    = cifarChannels * cifarPixels
	cifarRecord   = 1 + cifarImage

	cifar100Record = 2 + cifarImage
)

// cifarFormat says which labels come before the pixels of a record.
type cifarFormat struct {
	classes []int // of each label byte
	take    int   // the label byte that is wanted
}

func (f cifarFormat) record() int { return len(f.classes) + cifarImage }

var (
	cifar10Format        = cifarFormat{[]int{10}, 0}
	cifar100Format       = cifarFormat{[]int{20, 100}, 1}
	cifar100CoarseFormat = cifarFormat{[]int{20, 100}, 0}
)

// cifar10Files lists the five training files and the test file, each with the
// given number of records.
func cifar10Files(records int64) []archive.Member {
	var files []archive.Member
	for i := range 5 {
		files = append(files, archive.Member{Name: fmt.Sprintf("data_batch_%d.bin", i+1), Size: records * cifarRecord})
	}
	return append(files, archive.Member{Name: "test_batch.bin", Size: records * cifarRecord})
}

// cifarReader returns a reader of files of one format: the last is the test split, the others the
// training split.
func cifarReader(format cifarFormat, classes []string) reader {
	return func(ctx context.Context, a *archive.Archive, folder string) (*Set, []archive.Sum, error) {
		// Sizes are checked before memory for them is taken.
		if err := checkSizes(a.Files, folder); err != nil {
			return nil, nil, err
		}
		images := func(f archive.Member) int64 { return f.Size / int64(format.record()) }
		files := a.Files
		s := &Set{Height: cifarSide, Width: cifarSide, Channels: cifarChannels}
		s.Info.Classes = classes
		last := len(files) - 1
		var total int64
		for _, f := range files[:last] {
			total += images(f)
		}
		s.Train, s.Test = newSplit(total, cifarImage), newSplit(images(files[last]), cifarImage)
		parts := make([]Split, len(files))
		var at int64
		for i, f := range files[:last] {
			end := at + images(f)
			parts[i] = Split{s.Train.Images[at*cifarImage : end*cifarImage], s.Train.Labels[at:end]}
			at = end
		}
		parts[last] = s.Test
		sums, err := readFiles(ctx, a.Files, folder, func(i int, r io.Reader) error {
			return decodeCIFAR(r, format, parts[i].Images, parts[i].Labels)
		})
		return s, sums, err
	}
}

// decodeCIFAR reads exactly len(labels) records and turns each image from channels×rows×columns into
// rows×columns×channels. The length of images is len(labels)·3072.
func decodeCIFAR(r io.Reader, f cifarFormat, images []byte, labels []int32) error {
	const block = 128 // records read at once
	size, marks := f.record(), len(f.classes)
	buf := make([]byte, min(block, len(labels))*size)
	for at := 0; at < len(labels); {
		n := min(block, len(labels)-at)
		m, err := io.ReadFull(r, buf[:n*size])
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%d bytes, want %d (%d records of %d bytes): the file is cut; "+
				"take it from the archive again", at*size+m, len(labels)*size, len(labels), size)
		}
		if err != nil {
			return err
		}
		for i := range n {
			rec := buf[i*size:][:size]
			for j, k := range f.classes {
				if int(rec[j]) >= k {
					return fmt.Errorf("record %d has label %d, want 0 to %d: not a CIFAR file of records of %d bytes, "+
						"or a damaged one; take it from the archive again", at+i, rec[j], k-1, size)
				}
			}
			labels[at+i] = int32(rec[f.take])
			interleave(images[(at+i)*cifarImage:][:cifarImage], rec[marks:], cifarPixels)
		}
		at += n
	}
	return wantEnd(r, fmt.Sprintf("the %d records of %d bytes", len(labels), size))
}
