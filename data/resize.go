package data

import (
	"image"

	"golang.org/x/image/draw"
)

// resizePreparation says in a record what resize does.
const resizePreparation = "images of other sizes scaled to %d×%d by a triangle filter as wide as the reduction"

// decodeScaled decodes an image into dst of side×side×channels bytes.
func decodeScaled(dst, b []byte, side, channels int) error {
	c, _, err := imageConfig(b)
	if err != nil {
		return err
	}
	if c.Height == side && c.Width == side {
		return decodeImage(dst, b, side, side, channels)
	}
	pixels := make([]byte, c.Height*c.Width*channels)
	if err := decodeImage(pixels, b, c.Height, c.Width, channels); err != nil {
		return err
	}
	resize(dst, pixels, c.Height, c.Width, channels, side)
	return nil
}

// resize scales an image of height×width×channels bytes to side×side, into dst. The filter is a
// triangle (bilinear), as many times wider as the image becomes smaller, separately in height and
// width; so the sides' ratio changes. Pillow's resize and torchvision's Resize((side, side)) with
// antialias use the same weights, but round to 8 bits between the two directions: values differ by
// at most 1 of 255 levels.
func resize(dst, src []byte, height, width, channels, side int) {
	var from image.Image
	rect := image.Rect(0, 0, width, height)
	if channels == 1 {
		from = &image.Gray{Pix: src, Stride: width, Rect: rect}
	} else {
		m := image.NewRGBA(rect)
		for i := range height * width {
			copy(m.Pix[4*i:], src[3*i:3*i+3])
			m.Pix[4*i+3] = 255
		}
		from = m
	}
	// 16 bits, since a result of 8 bits would be rounded down.
	to := image.NewRGBA64(image.Rect(0, 0, side, side))
	draw.BiLinear.Scale(to, to.Rect, from, rect, draw.Src, nil)
	for i := range side * side {
		for c := range channels {
			v := int(to.Pix[8*i+2*c])<<8 | int(to.Pix[8*i+2*c+1])
			dst[i*channels+c] = byte((v + 128) / 257)
		}
	}
}
