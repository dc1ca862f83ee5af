package data

import "fmt"

// Augmentation is the usual augmentation of small images (He et al., Deep Residual Learning for
// Image Recognition, CVPR 2016): pad an image with zeros, cut out a window of its size at random,
// and mirror that with probability ½. The zero value changes nothing, as in the paper. CIFAR's is
// {Pad: 4, Flip: true}.
//
// What happens to an image depends on seed, epoch and the image's index only, so it is the same on
// every platform and backend, in any order and batch. A training step takes the moves of a batch as
// input; Apply defines what it must do with them.
type Augmentation struct {
	Pad  int  `json:"pad"`  // pixels on each side, 0 or more
	Flip bool `json:"flip"` // left and right
}

// Move is what an augmentation does to one image: pixel (y, x) becomes the one at (y + DY, x + DX),
// or 0 outside the image. With Flip, x counts from the right.
type Move struct {
	DY, DX int // from −Pad to Pad
	Flip   bool
}

// Validate returns an error if a does not fit images of the given size: Pad must be from 0 to the
// smaller side.
func (a Augmentation) Validate(height, width int) error {
	if a.Pad < 0 || a.Pad > min(height, width) {
		return fmt.Errorf("data: augmentation: pad %d; want 0 to %d, the smaller side of an image",
			a.Pad, min(height, width))
	}
	return nil
}

// Draw returns the move of an image in an epoch (1, 2, …). image is its index in the training split,
// 0 or more. A negative Pad counts as 0.
func (a Augmentation) Draw(seed int64, epoch, image int) Move {
	var m Move
	if a.Pad <= 0 && !a.Flip {
		return m
	}
	src := newSource(seed, streamAugment, uint64(epoch)<<32|uint64(uint32(image)))
	if a.Pad > 0 {
		side := uint64(2*a.Pad + 1)
		m.DY = int(below(src, side)) - a.Pad
		m.DX = int(below(src, side)) - a.Pad
	}
	m.Flip = a.Flip && below(src, 2) == 1
	return m
}

// Apply writes the moved image src to dst. Both are height×width×channels bytes and must not
// overlap; it panics if their lengths differ from that. Apply is the reference for a compiled step:
// padding is the byte 0, before the mean is subtracted.
func (m Move) Apply(dst, src []byte, height, width, channels int) {
	if n := height * width * channels; len(dst) != n || len(src) != n {
		panic(fmt.Sprintf("data: Apply: %d and %d bytes for an image of %d×%d×%d",
			len(dst), len(src), height, width, channels))
	}
	for y := range height {
		row := dst[y*width*channels:][:width*channels]
		fromY := y + m.DY
		if fromY < 0 || fromY >= height {
			clear(row)
			continue
		}
		for x := range width {
			fromX := x
			if m.Flip {
				fromX = width - 1 - x
			}
			pixel := row[x*channels:][:channels]
			if fromX += m.DX; fromX < 0 || fromX >= width {
				clear(pixel)
				continue
			}
			copy(pixel, src[(fromY*width+fromX)*channels:])
		}
	}
}
