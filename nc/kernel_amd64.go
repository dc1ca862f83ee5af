package nc

// dots4x3 sets sums[3i+j] to the product of the first n numbers at xi and yj. n is
// a multiple of 4. It needs AVX and FMA.
//
//go:noescape
func dots4x3(x0, x1, x2, x3, y0, y1, y2 *float64, n int, sums *[12]float64)

// dots4x3single is dots4x3 in float32, with n a multiple of 8.
//
//go:noescape
func dots4x3single(x0, x1, x2, x3, y0, y1, y2 *float32, n int, sums *[12]float32)

func cpuid(leaf uint32) (ecx uint32)

func xgetbv() (eax uint32)

// hasKernel says whether the processor has AVX and FMA, and the system keeps the
// registers. gonum's products use SSE2 and take about four times as long.
var hasKernel = func() bool {
	const fma, osxsave, avx = 1 << 12, 1 << 27, 1 << 28
	const need = fma | osxsave | avx
	return cpuid(1)&need == need && xgetbv()&6 == 6
}()
