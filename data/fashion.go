package data

import (
	"crypto/sha256"
	"fmt"

	"github.com/gocollapse/collapse/data/fashion"
	"github.com/gocollapse/collapse/record"
)

// Images of 28×28 grey pixels are brought to the shape of CIFAR-10, which the paper's networks take.
const (
	padded         = 32
	paddedChannels = 3
)

// readFashion reads the part of Fashion-MNIST that is in the program.
func readFashion() (*Set, []record.File, error) {
	images, labels, err := fashion.Train()
	if err != nil {
		return nil, nil, fmt.Errorf("data: %w", err)
	}
	testImages, testLabels, err := fashion.Test()
	if err != nil {
		return nil, nil, fmt.Errorf("data: %w", err)
	}
	s := &Set{
		Train:  Split{padAndRepeat(images), widen(labels)},
		Test:   Split{padAndRepeat(testImages), widen(testLabels)},
		Height: padded, Width: padded, Channels: paddedChannels,
	}
	s.Info.Classes = fashion.Classes()
	// The statistics are those of the images proper: the padding is background, and counting it
	// would only shift them by its share.
	mean, std := channelStats(images, 1)
	s.Info.Mean, s.Info.Std = repeat3(mean[0]), repeat3(std[0])
	var files []record.File
	for _, name := range fashion.Names() {
		b, err := fashion.Files.ReadFile(name)
		if err != nil {
			return nil, nil, fmt.Errorf("data: %w", err)
		}
		files = append(files, record.File{Name: name, Size: int64(len(b)), SHA256: fmt.Sprintf("%x", sha256.Sum256(b))})
	}
	return s, files, nil
}

// padAndRepeat turns N×28×28 into N×32×32×3: two rows and columns of zeros on each side, and each
// pixel three times.
func padAndRepeat(images []byte) []byte {
	const (
		side   = fashion.Side
		border = (padded - side) / 2
		size   = padded * padded * paddedChannels
	)
	n := len(images) / (side * side)
	out := make([]byte, n*size)
	for i := range n {
		for y := range side {
			row := images[(i*side+y)*side:][:side]
			dst := out[i*size+((y+border)*padded+border)*paddedChannels:]
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
