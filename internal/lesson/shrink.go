package lesson

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"slices"
)

// shrink returns a PNG of at most 256 colours: the palette of a figure's lines, texts and their
// soft edges. Colours of a picture that has more are gathered, see medianCut.
func shrink(picture []byte) ([]byte, error) {
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, fmt.Errorf("a PNG: %w", err)
	}
	full := image.NewNRGBA(img.Bounds())
	draw.Draw(full, full.Bounds(), image.White, image.Point{}, draw.Src)
	draw.Draw(full, full.Bounds(), img, img.Bounds().Min, draw.Over)
	count := map[color.NRGBA]int{}
	each(full, func(_, _ int, c color.NRGBA) { count[c]++ })
	colours := medianCut(count, 256)
	// The palette in order of lightness compresses better than by chance.
	slices.SortFunc(colours, func(a, b color.NRGBA) int { return cmp.Compare(number(a), number(b)) })
	palette := make(color.Palette, len(colours))
	for i, c := range colours {
		palette[i] = c
	}
	out := image.NewPaletted(full.Bounds(), palette)
	known := map[color.NRGBA]uint8{}
	each(full, func(x, y int, c color.NRGBA) {
		i, ok := known[c]
		if !ok {
			i = uint8(palette.Index(c))
			known[c] = i
		}
		out.SetColorIndex(x, y, i)
	})
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, out); err != nil {
		return nil, fmt.Errorf("a PNG: %w", err)
	}
	return b.Bytes(), nil
}

func each(img *image.NRGBA, visit func(x, y int, c color.NRGBA)) {
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			visit(x, y, img.NRGBAAt(x, y))
		}
	}
}

// medianCut returns at most n colours for a picture's pixels: the box of all colours is cut at its
// median along its widest channel, then that of the widest box, and so on; each box gives its mean.
// Source: P. Heckbert, Color image quantization for frame buffer display, 1982.
func medianCut(count map[color.NRGBA]int, n int) []color.NRGBA {
	all := make([]color.NRGBA, 0, len(count))
	for c := range count {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b color.NRGBA) int { return cmp.Compare(number(a), number(b)) })
	boxes := [][]color.NRGBA{all}
	for len(boxes) < n {
		widest, channel, width := 0, 0, 0
		for i, b := range boxes {
			if c, w := widestChannel(b); w > width {
				widest, channel, width = i, c, w
			}
		}
		if width == 0 {
			break
		}
		b := boxes[widest]
		slices.SortStableFunc(b, func(x, y color.NRGBA) int { return cmp.Compare(part(x, channel), part(y, channel)) })
		boxes[widest] = b[:len(b)/2]
		boxes = append(boxes, b[len(b)/2:])
	}
	colours := make([]color.NRGBA, len(boxes))
	for i, b := range boxes {
		colours[i] = meanColour(b, count)
	}
	return colours
}

// widestChannel returns the channel in which a box's colours differ most, and by how much.
func widestChannel(box []color.NRGBA) (channel, width int) {
	for c := range 3 {
		low, high := 255, 0
		for _, x := range box {
			low, high = min(low, part(x, c)), max(high, part(x, c))
		}
		if high-low > width {
			channel, width = c, high-low
		}
	}
	return channel, width
}

// meanColour is the mean of a box over the picture's pixels.
func meanColour(box []color.NRGBA, count map[color.NRGBA]int) color.NRGBA {
	var sum [3]int
	total := 0
	for _, x := range box {
		for c := range 3 {
			sum[c] += part(x, c) * count[x]
		}
		total += count[x]
	}
	mean := func(c int) uint8 { return uint8((sum[c] + total/2) / total) }
	return color.NRGBA{mean(0), mean(1), mean(2), 0xFF}
}

func part(c color.NRGBA, channel int) int { return int([3]uint8{c.R, c.G, c.B}[channel]) }

func number(c color.NRGBA) int { return int(c.R)<<16 | int(c.G)<<8 | int(c.B) }
