//go:build !amd64

package nc

var hasKernel = false

func dots4x3(x0, x1, x2, x3, y0, y1, y2 *float64, n int, sums *[12]float64) {
	panic("nc: no kernel on this architecture")
}

func dots4x3single(x0, x1, x2, x3, y0, y1, y2 *float32, n int, sums *[12]float32) {
	panic("nc: no kernel on this architecture")
}
