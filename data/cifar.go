package data

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/gocollapse/collapse/record"
)

// The binary format of CIFAR-10: a file is a row of records, each one byte of
// label and 32×32 pixels of red, then of green, then of blue.
const (
	cifarSide     = 32
	cifarPixels   = cifarSide * cifarSide
	cifarChannels = 3
	cifarImage    = cifarChannels * cifarPixels
	cifarRecord   = 1 + cifarImage
	cifarClasses  = 10
	cifarPerFile  = 10000
)

func cifar10Set() dataset {
	return dataset{
		about: About{
			Name:     "cifar10",
			Title:    "CIFAR-10",
			Train:    5 * cifarPerFile,
			Test:     cifarPerFile,
			Download: cifar10Archive.Size,
			URL:      cifar10Archive.URL,
			Licence:  "none stated by the publisher; the page asks users to cite the technical report",
			Citation: "A. Krizhevsky. Learning Multiple Layers of Features from Tiny Images. Technical report, University of Toronto, 2009",
		},
		open:    openCIFAR10,
		archive: cifar10Archive,
	}
}

// cifar10Archive is the official archive. Size and SHA-256 are as several public
// projects pin them.
var cifar10Archive = &archive{
	Set:      "cifar10",
	URL:      "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
	Size:     170_052_171,
	SHA256:   "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
	Folder:   "cifar-10-batches-bin",
	Files:    cifar10Files(cifarPerFile),
	Optional: []string{"batches.meta.txt", "readme.html"},
	Check:    checkCIFAR10,
}

// cifar10Files lists the five training files and the test file, each with the
// given number of records.
func cifar10Files(records int64) []member {
	var files []member
	for i := range 5 {
		files = append(files, member{fmt.Sprintf("data_batch_%d.bin", i+1), records * cifarRecord})
	}
	return append(files, member{"test_batch.bin", records * cifarRecord})
}

func openCIFAR10(ctx context.Context, o Options) (*Set, error) {
	return cifar10Archive.openCIFAR10(ctx, o)
}

func (a *archive) openCIFAR10(ctx context.Context, o Options) (*Set, error) {
	folder, err := a.ensure(ctx, o)
	if err != nil {
		return nil, err
	}
	about := cifar10Set().about
	trainFiles, testFile := a.Files[:len(a.Files)-1], a.Files[len(a.Files)-1:]
	s := &Set{Height: cifarSide, Width: cifarSide, Channels: cifarChannels}
	var files, testFiles []record.File
	if s.Train, files, err = readCIFAR10(ctx, folder, trainFiles); err != nil {
		return nil, err
	}
	if s.Test, testFiles, err = readCIFAR10(ctx, folder, testFile); err != nil {
		return nil, err
	}
	files = append(files, testFiles...)
	source, bytes, err := a.origin(folder, files)
	if err != nil {
		return nil, err
	}
	s.Info = record.Data{
		Name:   about.Name,
		Source: source, Bytes: bytes, Files: files,
		Classes: []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
		Train:   s.Train.Len(), Test: s.Test.Len(),
		Height: s.Height, Width: s.Width, Channels: s.Channels,
		Mean:        []float64{0.4914, 0.4822, 0.4465},
		Std:         []float64{0.247, 0.243, 0.261},
		Preparation: "pixels as in the files; mean and standard deviation are the customary rounded ones of the 50,000 training images",
		Licence:     about.Licence,
		Citation:    about.Citation,
	}
	return s, nil
}

// readCIFAR10 reads files into one split, side by side, and hashes them on the way.
func readCIFAR10(ctx context.Context, folder string, files []member) (Split, []record.File, error) {
	var total int64
	for _, f := range files {
		total += f.Size / cifarRecord
	}
	// Sizes are checked before memory for them is taken.
	for _, f := range files {
		if err := f.checkSize(folder); err != nil {
			return Split{}, nil, err
		}
	}
	s := Split{Images: make([]byte, total*cifarImage), Labels: make([]int32, total)}
	done := make([]record.File, len(files))
	errs := make([]error, len(files))
	var wg sync.WaitGroup
	var at int64
	for i, f := range files {
		n := f.Size / cifarRecord
		images, labels := s.Images[at*cifarImage:(at+n)*cifarImage], s.Labels[at:at+n]
		at += n
		wg.Go(func() {
			done[i], errs[i] = readCIFAR10File(ctx, filepath.Join(folder, f.Name), images, labels)
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return Split{}, nil, err
	}
	return s, done, nil
}

func readCIFAR10File(ctx context.Context, path string, images []byte, labels []int32) (record.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return record.File{}, fmt.Errorf("data: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if err := decodeCIFAR10(io.TeeReader(contextReader{ctx, f}, h), images, labels); err != nil {
		return record.File{}, fmt.Errorf("data: %s: %w", path, err)
	}
	return record.File{
		Name: filepath.Base(path), Size: int64(len(labels)) * cifarRecord, SHA256: fmt.Sprintf("%x", h.Sum(nil)),
	}, nil
}

// decodeCIFAR10 reads exactly len(labels) records and turns each image from
// channels×rows×columns into rows×columns×channels. The length of images is
// len(labels)·3072.
func decodeCIFAR10(r io.Reader, images []byte, labels []int32) error {
	const block = 128 // records read at once
	buf := make([]byte, min(block, len(labels))*cifarRecord)
	for at := 0; at < len(labels); {
		n := min(block, len(labels)-at)
		m, err := io.ReadFull(r, buf[:n*cifarRecord])
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%d bytes, want %d (%d records of %d bytes): the file is cut; take it from the archive again",
				at*cifarRecord+m, len(labels)*cifarRecord, len(labels), cifarRecord)
		}
		if err != nil {
			return err
		}
		for i := range n {
			rec := buf[i*cifarRecord:][:cifarRecord]
			if rec[0] >= cifarClasses {
				return fmt.Errorf("record %d has label %d, want 0 to %d: not a CIFAR-10 file, or a damaged one; take it from the archive again",
					at+i, rec[0], cifarClasses-1)
			}
			labels[at+i] = int32(rec[0])
			interleave(images[(at+i)*cifarImage:][:cifarImage], rec[1:])
		}
		at += n
	}
	if m, err := io.ReadFull(r, make([]byte, 1)); m > 0 {
		return fmt.Errorf("bytes follow the %d records of %d bytes: not a CIFAR-10 file, or a damaged one; take it from the archive again",
			len(labels), cifarRecord)
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// interleave turns three planes of pixels into pixels of three channels.
func interleave(dst, src []byte) {
	r, g, b := src[:cifarPixels], src[cifarPixels:2*cifarPixels], src[2*cifarPixels:3*cifarPixels]
	dst = dst[:cifarImage]
	for i := range r {
		dst[3*i], dst[3*i+1], dst[3*i+2] = r[i], g[i], b[i]
	}
}

// checkCIFAR10 reads a folder's files through and returns their hashes.
func checkCIFAR10(ctx context.Context, folder string, files []member) ([]record.File, error) {
	_, done, err := readCIFAR10(ctx, folder, files)
	return done, err
}

// contextReader ends with the context's error once it is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
