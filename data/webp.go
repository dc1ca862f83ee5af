package data

import "image"

// putWebP gives put the colours of a lossy WebP image as libwebp computes them, and with it Pillow
// and PyTorch: luma from 16 to 235 (BT.601), with libwebp's rounding. The conversion of Go's
// library takes luma from 0 to 255, as JPEG has it, which makes such an image pale.
func putWebP(m *image.YCbCr, put func(func(x, y int) (r, g, b byte))) {
	width := m.Bounds().Dx()
	x0, y0 := m.Bounds().Min.X, m.Bounds().Min.Y
	us, vs := webpChroma(m, m.Cb), webpChroma(m, m.Cr)
	// Products of a byte and a factor of 16 bits, without the low 8, in units of 1/64 level.
	by := func(v byte, factor int) int { return int(v) * factor >> 8 }
	clip := func(v int) byte { return byte(min(max(v>>6, 0), 255)) }
	put(func(x, y int) (r, g, b byte) {
		at := (y-y0)*width + x - x0
		luma, u, v := by(m.Y[m.YOffset(x, y)], 19077), us[at], vs[at]
		return clip(luma + by(v, 26149) - 14234),
			clip(luma - by(u, 6419) - by(v, 13320) + 8708),
			clip(luma + by(u, 33050) - 17685)
	})
}

// webpChroma returns a colour plane of m, which has half the width and height, at the size of the
// image: each value is 9/16 of the nearest one, 3/16 of the next in the row and in the column, and
// 1/16 of the one across, in the order of operations of libwebp.
func webpChroma(m *image.YCbCr, plane []byte) []byte {
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	cw, ch := (w+1)/2, (h+1)/2
	out := make([]byte, w*h)
	row := func(y int) []byte { return plane[min(max(y, 0), ch-1)*m.CStride:][:cw] }
	for y := range h {
		near, far := row(y/2), row(y/2-1+y%2*2)
		dst := out[y*w:][:w]
		for x := range dst {
			i := x / 2
			j := i - 1 + x%2*2
			if j < 0 || j >= cw { // the ends of a row have no next one
				dst[x] = byte((3*int(near[i]) + int(far[i]) + 2) >> 2)
				continue
			}
			a, b, c, d := int(near[i]), int(near[j]), int(far[i]), int(far[j])
			dst[x] = byte((((a + b + c + d + 8 + 2*(b+c)) >> 3) + a) >> 1)
		}
	}
	return out
}
