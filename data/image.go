package data

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"path"
	"strings"
)

const (
	// maxImageFile bounds an image file.
	maxImageFile = 64 << 20
	// maxSide bounds height and width of an image.
	maxSide = 4096
	// maxGain bounds how many bytes of pixels a byte of an image file may become, on average over a
	// set: deflate cannot give more than 1032.
	maxGain = 1100
)

// imageExtension reports whether the name is that of an image that is read.
func imageExtension(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".png", ".jpg", ".jpeg":
		return true
	}
	return false
}

// imageConfig returns the size of a PNG or JPEG image and whether it is grey.
func imageConfig(b []byte) (c image.Config, grey bool, err error) {
	if isPNG(b) {
		c, err = png.DecodeConfig(bytes.NewReader(b))
	} else if c, err = jpeg.DecodeConfig(bytes.NewReader(b)); err != nil {
		err = fmt.Errorf("neither a PNG image (its first bytes are % x) nor a JPEG image: %w", b[:min(len(b), 8)], err)
	}
	if err == nil && (c.Height < 1 || c.Width < 1 || c.Height > maxSide || c.Width > maxSide) {
		err = fmt.Errorf("%d×%d pixels, want 1 to %d on each side", c.Height, c.Width, maxSide)
	}
	return c, err == nil && (c.ColorModel == color.GrayModel || c.ColorModel == color.Gray16Model), err
}

func isPNG(b []byte) bool { return bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")) }

// decodeImage decodes a PNG or JPEG image of exactly height×width pixels into dst,
// height·width·channels bytes. With 3 channels it repeats a grey image; with 1 the image must be
// grey. It takes the high 8 of 16 bits, leaves out an alpha channel, and converts other colour
// spaces to RGB.
func decodeImage(dst, b []byte, height, width, channels int) error {
	c, grey, err := imageConfig(b)
	if err != nil {
		return err
	}
	if c.Height != height || c.Width != width {
		return fmt.Errorf("%d×%d pixels, want %d×%d like the other images", c.Height, c.Width, height, width)
	}
	if channels == 1 && !grey {
		return fmt.Errorf("has colours, want a grey image like the others")
	}
	var m image.Image
	if isPNG(b) {
		m, err = png.Decode(bytes.NewReader(b))
	} else {
		m, err = jpeg.Decode(bytes.NewReader(b))
	}
	if err != nil {
		return err
	}
	if m.Bounds().Dy() != height || m.Bounds().Dx() != width {
		return fmt.Errorf("decodes to %v, its header says %d×%d", m.Bounds(), height, width)
	}
	x0, y0 := m.Bounds().Min.X, m.Bounds().Min.Y
	put := func(f func(x, y int) (r, g, b byte)) {
		for y := range height {
			for x := range width {
				at := (y*width + x) * channels
				r, g, b := f(x0+x, y0+y)
				if dst[at] = r; channels == 3 {
					dst[at+1], dst[at+2] = g, b
				}
			}
		}
	}
	switch m := m.(type) {
	case *image.YCbCr:
		cb, cr := smoothChroma(m, m.Cb), smoothChroma(m, m.Cr)
		put(func(x, y int) (r, g, b byte) {
			i, j := m.YOffset(x, y), (y-y0)*width+x-x0
			return color.YCbCrToRGB(m.Y[i], cb[j], cr[j])
		})
	case *image.Gray:
		put(func(x, y int) (r, g, b byte) { v := m.Pix[m.PixOffset(x, y)]; return v, v, v })
	case *image.RGBA: // PNG without alpha
		put(func(x, y int) (r, g, b byte) { p := m.Pix[m.PixOffset(x, y):]; return p[0], p[1], p[2] })
	case *image.NRGBA:
		put(func(x, y int) (r, g, b byte) { p := m.Pix[m.PixOffset(x, y):]; return p[0], p[1], p[2] })
	default:
		put(func(x, y int) (r, g, b byte) {
			v := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
			return v.R, v.G, v.B
		})
	}
	return nil
}

// smoothChroma returns a colour plane of m at the size of the image. A plane of half the width, or
// of half of both, is interpolated by the triangle filter of libjpeg (h2v1_fancy_upsample,
// h2v2_fancy_upsample) with its rounding, as Pillow and PyTorch read it. Go's own conversion would
// repeat the values.
func smoothChroma(m *image.YCbCr, plane []byte) []byte {
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	out := make([]byte, w*h)
	half := m.SubsampleRatio == image.YCbCrSubsampleRatio420
	if !half && m.SubsampleRatio != image.YCbCrSubsampleRatio422 || m.Bounds().Min != (image.Point{}) || w < 2 {
		for y := range h {
			for x := range w {
				out[y*w+x] = plane[m.COffset(m.Bounds().Min.X+x, m.Bounds().Min.Y+y)]
			}
		}
		return out
	}
	cw, ch := (w+1)/2, h
	// sum is a row of the plane, weighted 3 to 1 with its nearer neighbour if rows
	// are halved too; total is the weights' sum.
	sum := make([]int, cw)
	total := 1
	if half {
		ch, total = (h+1)/2, 4
	}
	for y := range h {
		row := func(i int) []byte { return plane[min(max(i, 0), ch-1)*m.CStride:][:cw] }
		if half {
			near, far := row(y/2), row(y/2-1+y%2*2)
			for x := range sum {
				sum[x] = 3*int(near[x]) + int(far[x])
			}
		} else {
			for x, v := range row(y) {
				sum[x] = int(v)
			}
		}
		// libjpeg rounds halves down and up alternately, so that errors do not add up.
		down, up := total*2, total*2-1
		if !half {
			down, up = 1, 2
		}
		dst := out[y*w:][:w]
		for x := range dst {
			i := x / 2
			other, round := i-1, down
			if x%2 == 1 {
				other, round = i+1, up
			}
			// At both ends there is no other, and the value counts fully.
			other = min(max(other, 0), cw-1)
			dst[x] = byte((3*sum[i] + sum[other] + round) / (4 * total))
		}
	}
	return out
}
