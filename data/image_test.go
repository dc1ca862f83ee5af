package data

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"math"
	"path/filepath"
	"testing"

	"github.com/gocollapse/collapse/npz"
)

// Pillow's reading of the same files (testdata/make.py): of PNG it is the same; of JPEG the decoders
// differ by a few levels.
func TestImagesLikePillow(t *testing.T) {
	all := arrayOf(t, "pillow.npz", "images")
	const one = 32 * 32 * 3
	for i, c := range []struct {
		name       string
		mean, most float64 // difference allowed
	}{
		{"rgb.png", 0, 0}, {"grey.png", 0, 0}, {"palette.png", 0, 0}, {"alpha.png", 0, 0},
		{"rgb.jpg", .2, 3}, {"chroma.jpg", .2, 3}, {"half.jpg", .2, 3}, {"progressive.jpg", .2, 3},
		{"grey.jpg", .05, 2}, {"cmyk.jpg", .05, 2},
		{"rgb.bmp", 0, 0}, {"grey.bmp", 0, 0}, {"lossless.webp", 0, 0}, {"rgb.webp", 0, 0}, {"alpha.webp", 0, 0},
	} {
		got := make([]byte, one)
		if err := decodeImage(got, testdata(t, c.name), 32, 32, 3); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var sum, most float64
		for j, v := range got {
			d := math.Abs(float64(v) - float64(all[i*one+j]))
			sum, most = sum+d, max(most, d)
		}
		t.Logf("%s: mean difference %.3f, largest %.0f", c.name, sum/one, most)
		if sum/one > c.mean || most > c.most {
			t.Errorf("%s: mean difference from Pillow %.3f, largest %.0f; want at most %v, %v",
				c.name, sum/one, most, c.mean, c.most)
		}
	}
	// 16 bits: the high ones.
	got := make([]byte, 32*32)
	if err := decodeImage(got, testdata(t, "grey16.png"), 32, 32, 1); err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		red := 4*(i/32) + 60
		if y, x := i/32, i%32; y >= 8 && y < 20 && x >= 9 && x < 23 {
			red = 200
		}
		if want := (257*red - 3) >> 8; int(v) != want {
			t.Fatalf("pixel %d is %d, want %d", i, v, want)
		}
	}
	wantError(t, decodeImage(got, testdata(t, "rgb.png"), 32, 32, 1), "colours")
}

// arrayOf reads an array of a file in testdata.
func arrayOf(t testing.TB, file, name string) []int32 {
	t.Helper()
	f, err := npz.Open(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a, err := f.Array(name)
	if err != nil {
		t.Fatal(err)
	}
	all, err := a.Int32s()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func asBytes(v []int32) []byte {
	b := make([]byte, len(v))
	for i, x := range v {
		b[i] = byte(x)
	}
	return b
}

// A lossy WebP image whose sides are odd, as Pillow reads it.
func TestOddWebP(t *testing.T) {
	got := make([]byte, 29*31*3)
	if err := decodeImage(got, testdata(t, "odd.webp"), 29, 31, 3); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, asBytes(arrayOf(t, "odd.npz", "images"))) {
		t.Error("differs from Pillow's reading")
	}
}

// Images scaled down and up differ by at most one level from Pillow's, which torchvision's Resize
// with antialias follows.
func TestResizeLikePillow(t *testing.T) {
	for _, c := range []struct {
		name     string
		channels int
		sides    []int
	}{{"rgb", 3, []int{8, 20, 31, 50}}, {"grey", 1, []int{8, 50}}} {
		src := asBytes(arrayOf(t, "odd_source.npz", c.name))
		for _, side := range c.sides {
			key := fmt.Sprintf("side_%d", side)
			if c.channels == 1 {
				key = fmt.Sprintf("grey_%d", side)
			}
			want := arrayOf(t, "resized.npz", key)
			got := make([]byte, side*side*c.channels)
			resize(got, src, 29, 31, c.channels, side)
			different := 0
			for i, v := range got {
				switch d := int32(v) - want[i]; d {
				case 0:
				case -1, 1:
					different++
				default:
					t.Fatalf("%s: value %d is %d, want %d", key, i, v, want[i])
				}
			}
			t.Logf("%s: %d of %d values differ by one", key, different, len(got))
			if different > len(got)/6 {
				t.Errorf("%s: %d of %d values differ from Pillow's", key, different, len(got))
			}
		}
	}
}

// An image is turned if its EXIF orientation is another than 1, in each format that has EXIF data.
func TestTurned(t *testing.T) {
	for name, want := range map[string]bool{"turned.jpg": true, "turned.png": true, "turned.webp": true,
		"upright.jpg": false, "rgb.jpg": false, "rgb.png": false, "rgb.bmp": false, "rgb.webp": false} {
		if got := turned(testdata(t, name)); got != want {
			t.Errorf("%s: turned is %t, want %t", name, got, want)
		}
	}
}

func pngOf(t testing.TB, v byte, height, width int, grey bool) []byte {
	t.Helper()
	var m image.Image
	if grey {
		g := image.NewGray(image.Rect(0, 0, width, height))
		for i := range g.Pix {
			g.Pix[i] = v
		}
		m = g
	} else {
		c := image.NewNRGBA(image.Rect(0, 0, width, height))
		for y := range height {
			for x := range width {
				c.SetNRGBA(x, y, color.NRGBA{v, byte(y), byte(x), 255})
			}
		}
		m = c
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func FuzzDecodeImage(f *testing.F) {
	for _, name := range []string{"rgb.png", "grey16.png", "palette.png", "chroma.jpg", "progressive.jpg", "cmyk.jpg",
		"rgb.bmp", "grey.bmp", "lossless.webp", "rgb.webp", "alpha.webp", "turned.jpg", "turned.png", "turned.webp"} {
		f.Add(testdata(f, name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		dst := make([]byte, 32*32*3)
		_ = decodeImage(dst, b, 32, 32, 3)
		_ = turned(b)
	})
}

// crcOf is the checksum of a PNG chunk.
func crcOf(b []byte) (sum [4]byte) {
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE(b))
	return sum
}
