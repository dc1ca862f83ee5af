package data

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/gocollapse/collapse/data/fashion"
	"github.com/gocollapse/collapse/record"
)

// The embedded images are brought to the shape of CIFAR-10, the one that the
// paper's networks take.
const (
	fashionSide     = 32
	fashionChannels = 3
)

func fashionSet() dataset {
	return dataset{
		about: About{
			Name:    "fashion-mnist-small",
			Title:   "Fashion-MNIST, the first 500 + 100 images of each class",
			Train:   10 * fashion.PerClassTrain,
			Test:    10 * fashion.PerClassTest,
			Classes: 10, Height: fashionSide, Width: fashionSide, Channels: fashionChannels,
			Licence:  fashion.Licence,
			Citation: fashion.Citation,
		},
		open: openFashion,
	}
}

func openFashion(context.Context, Options) (*Set, error) {
	d := fashionSet()
	images, labels, err := fashion.Train()
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	testImages, testLabels, err := fashion.Test()
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	s := &Set{
		Train:  Split{padAndRepeat(images), widen(labels)},
		Test:   Split{padAndRepeat(testImages), widen(testLabels)},
		Height: fashionSide, Width: fashionSide, Channels: fashionChannels,
	}
	// The statistics are those of the images proper: the padding is ground that
	// tells nothing, and counting it would only move them by the share of it.
	mean, std := channelStats(images, 1)
	s.Info = record.Data{
		Name:   d.about.Name,
		Source: "embedded", Bytes: record.Official,
		Classes: fashion.Classes(),
		Train:   s.Train.Len(), Test: s.Test.Len(),
		Height: s.Height, Width: s.Width, Channels: s.Channels,
		Mean: repeat3(mean[0]),
		Std:  repeat3(std[0]),
		Preparation: "the first 500 training and 100 test images of each class of Fashion-MNIST, pixels as published; " +
			"padded from 28×28 to 32×32 with zeros, two on each side, and the grey channel repeated to 3; " +
			"mean and standard deviation are those of the training pixels before padding",
		Licence:  d.about.Licence,
		Citation: d.about.Citation,
	}
	for _, name := range fashion.Names() {
		b, err := fashion.Files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("data: %w", err)
		}
		s.Info.Files = append(s.Info.Files, record.File{
			Name: name, Size: int64(len(b)), SHA256: fmt.Sprintf("%x", sha256.Sum256(b)),
		})
	}
	return s, nil
}

// padAndRepeat turns N×28×28 into N×32×32×3: two rows and columns of zeros on
// each side, and each pixel three times.
func padAndRepeat(images []byte) []byte {
	const (
		side   = fashion.Side
		border = (fashionSide - side) / 2
		size   = fashionSide * fashionSide * fashionChannels
	)
	n := len(images) / (side * side)
	out := make([]byte, n*size)
	for i := range n {
		for y := range side {
			row := images[(i*side+y)*side:][:side]
			dst := out[i*size+((y+border)*fashionSide+border)*fashionChannels:]
			for x, v := range row {
				dst[3*x], dst[3*x+1], dst[3*x+2] = v, v, v
			}
		}
	}
	return out
}

func widen(labels []byte) []int32 {
	out := make([]int32, len(labels))
	for i, l := range labels {
		out[i] = int32(l)
	}
	return out
}

// repeat3 is the statistic of a grey channel that was repeated.
func repeat3(v float64) []float64 { return []float64{v, v, v} }
