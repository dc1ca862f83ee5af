package data

import (
	"bytes"
	"encoding/binary"
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
	f, err := npz.Open(filepath.Join("testdata", "pillow.npz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a, err := f.Array("images")
	if err != nil {
		t.Fatal(err)
	}
	all, err := a.Int32s()
	if err != nil {
		t.Fatal(err)
	}
	const one = 32 * 32 * 3
	for i, c := range []struct {
		name       string
		mean, most float64 // difference allowed
	}{
		{"rgb.png", 0, 0}, {"grey.png", 0, 0}, {"palette.png", 0, 0}, {"alpha.png", 0, 0},
		{"rgb.jpg", .2, 3}, {"chroma.jpg", .2, 3}, {"half.jpg", .2, 3}, {"progressive.jpg", .2, 3},
		{"grey.jpg", .05, 2}, {"cmyk.jpg", .05, 2},
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
	for _, name := range []string{"rgb.png", "grey16.png", "palette.png", "chroma.jpg", "progressive.jpg", "cmyk.jpg"} {
		f.Add(testdata(f, name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		dst := make([]byte, 32*32*3)
		_ = decodeImage(dst, b, 32, 32, 3)
	})
}

// crcOf is the checksum of a PNG chunk.
func crcOf(b []byte) (sum [4]byte) {
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE(b))
	return sum
}
