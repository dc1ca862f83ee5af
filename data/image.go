package data

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/bep/imagemeta"
	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"
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

// imageFormat is a form of image files.
type imageFormat struct {
	name       string
	extensions []string
	begins     func(b []byte) bool // whether a file's bytes are of this format
	config     func(io.Reader) (image.Config, error)
	decode     func(io.Reader) (image.Image, error)
	metadata   imagemeta.ImageFormat // how to look for EXIF; 0 where there is none
}

var imageFormats = []imageFormat{
	{"PNG", []string{".png"}, beginning("\x89PNG\r\n\x1a\n"), png.DecodeConfig, png.Decode, imagemeta.PNG},
	{"JPEG", []string{".jpg", ".jpeg", ".jpe", ".jfif"}, beginning("\xff\xd8"),
		jpeg.DecodeConfig, jpeg.Decode, imagemeta.JPEG},
	{"BMP", []string{".bmp"}, beginning("BM"), bmp.DecodeConfig, bmp.Decode, 0},
	{"WebP", []string{".webp"}, func(b []byte) bool {
		return len(b) >= 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP"
	}, webp.DecodeConfig, webp.Decode, imagemeta.WebP},
}

// formatNames is "PNG, JPEG, BMP or WebP".
var formatNames = func() string {
	var names []string
	for _, f := range imageFormats {
		names = append(names, f.name)
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}()

func beginning(magic string) func([]byte) bool {
	return func(b []byte) bool { return bytes.HasPrefix(b, []byte(magic)) }
}

// imageExtension reports whether the name is that of an image that is read.
func imageExtension(name string) bool {
	return slices.ContainsFunc(imageFormats, func(f imageFormat) bool {
		return slices.Contains(f.extensions, strings.ToLower(path.Ext(name)))
	})
}

// formatOf returns the format of a file by its first bytes, whatever its name.
func formatOf(b []byte) (imageFormat, error) {
	for _, f := range imageFormats {
		if f.begins(b) {
			return f, nil
		}
	}
	return imageFormat{}, fmt.Errorf("no %s image: its first bytes are % x", formatNames, b[:min(len(b), 8)])
}

// imageConfig returns the size of an image and whether it is grey.
func imageConfig(b []byte) (c image.Config, grey bool, err error) {
	f, err := formatOf(b)
	if err != nil {
		return c, false, err
	}
	if c, err = f.config(bytes.NewReader(b)); err != nil {
		return c, false, fmt.Errorf("%s: %w", f.name, err)
	}
	if c.Height < 1 || c.Width < 1 || c.Height > maxSide || c.Width > maxSide {
		return c, false, fmt.Errorf("%d×%d pixels, want 1 to %d on each side", c.Height, c.Width, maxSide)
	}
	grey = c.ColorModel == color.GrayModel || c.ColorModel == color.Gray16Model
	if p, ok := c.ColorModel.(color.Palette); ok && f.name == "BMP" { // which has no other form of grey
		grey = !slices.ContainsFunc(p, func(c color.Color) bool {
			r, g, b, _ := c.RGBA()
			return r != g || g != b
		})
	}
	return c, grey, nil
}

// turned reports whether an image's EXIF data say that it is to be shown rotated or mirrored.
// EXIF data that cannot be read say nothing.
func turned(b []byte) bool {
	f, err := formatOf(b)
	if err != nil || f.metadata == 0 {
		return false
	}
	found := false
	_, _ = imagemeta.Decode(imagemeta.Options{
		R: bytes.NewReader(b), ImageFormat: f.metadata, Sources: imagemeta.EXIF,
		ShouldHandleTag: func(t imagemeta.TagInfo) bool { return t.Tag == "Orientation" },
		HandleTag: func(t imagemeta.TagInfo) error {
			if v, ok := t.Value.(uint16); ok && v > 1 && v <= 8 {
				found = true
			}
			return imagemeta.ErrStopWalking
		},
	})
	return found
}

// decodeImage decodes an image of exactly height×width pixels into dst, height·width·channels
// bytes. With 3 channels it repeats a grey image; with 1 the image must be grey. It takes the high
// 8 of 16 bits, leaves out an alpha channel, and converts other colour spaces to RGB.
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
	f, err := formatOf(b)
	if err != nil {
		return err
	}
	m, err := f.decode(bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	if m.Bounds().Dy() != height || m.Bounds().Dx() != width {
		return fmt.Errorf("decodes to %v, its header says %d×%d", m.Bounds(), height, width)
	}
	putPixels(dst, m, f.name == "WebP", channels)
	return nil
}

// putPixels writes the pixels of m into dst, row by row.
func putPixels(dst []byte, m image.Image, isWebP bool, channels int) {
	height, width := m.Bounds().Dy(), m.Bounds().Dx()
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
	if a, ok := m.(*image.NYCbCrA); ok { // a lossy WebP image with alpha
		m = &a.YCbCr
	}
	switch m := m.(type) {
	case *image.YCbCr:
		if isWebP {
			putWebP(m, put)
			return
		}
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
