package data

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/gocollapse/collapse/data/archive"
)

// readFiles reads the files in folder, all at once: decode gets the content of file i and must read
// it to its end or fail.
func readFiles(ctx context.Context, files []archive.Member, folder string,
	decode func(i int, r io.Reader) error) ([]archive.Sum, error) {
	sums, errs := make([]archive.Sum, len(files)), make([]error, len(files))
	var wg sync.WaitGroup
	for i, f := range files {
		wg.Go(func() {
			sums[i], errs[i] = f.Read(ctx, folder, func(r io.Reader, _ int64) error { return decode(i, r) })
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return sums, nil
}

// checkSizes reports a file that is missing or has a wrong size.
func checkSizes(files []archive.Member, folder string) error {
	for _, f := range files {
		if _, err := f.CheckSize(folder); err != nil {
			return err
		}
	}
	return nil
}

// readExactly reads n bytes. It takes memory as they come, so that a file that declares more bytes
// than it has costs no more memory than it has bytes.
func readExactly(r io.Reader, n int64) ([]byte, error) {
	var buf bytes.Buffer
	got, err := io.Copy(&buf, io.LimitReader(r, n))
	if err == nil && got < n {
		err = fmt.Errorf("%d bytes, want %d: the file is cut", got, n)
	}
	return buf.Bytes(), err
}

// wantEnd is an error if r goes on.
func wantEnd(r io.Reader, after string) error {
	n, err := io.ReadFull(r, make([]byte, 1))
	if n > 0 {
		return fmt.Errorf("bytes follow %s: another file, or a damaged one; take it from the archive again", after)
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// parallel calls do for 0 to n−1 on all cores and returns the error of the least index that failed.
func parallel(ctx context.Context, n int, do func(i int) error) error {
	var next atomic.Int64
	var mu sync.Mutex
	first, at := error(nil), n
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				err := ctx.Err()
				if err == nil {
					err = do(i)
				}
				if err != nil {
					mu.Lock()
					if i < at {
						first, at = err, i
					}
					mu.Unlock()
					next.Store(int64(n)) // what is begun is finished, nothing more begun
					return
				}
			}
		})
	}
	wg.Wait()
	return first
}

// interleave turns the planes of an image into pixels of len(src)/pixels channels.
func interleave(dst, src []byte, pixels int) {
	if len(src) == 3*pixels {
		r, g, b := src[:pixels], src[pixels:2*pixels], src[2*pixels:3*pixels]
		dst = dst[:3*pixels]
		for i := range r {
			dst[3*i], dst[3*i+1], dst[3*i+2] = r[i], g[i], b[i]
		}
		return
	}
	channels := len(src) / pixels
	for i := range pixels {
		for c := range channels {
			dst[channels*i+c] = src[c*pixels+i]
		}
	}
}

// transpose turns an image as MATLAB writes it, plane by plane and column by column, into rows of
// pixels: dst[y][x][c] = src[c][x][y].
func transpose(dst, src []byte, height, width int) {
	pixels := height * width
	channels := len(src) / pixels
	for c := range channels {
		plane := src[c*pixels:][:pixels]
		for x := range width {
			column := plane[x*height:][:height]
			for y, v := range column {
				dst[(y*width+x)*channels+c] = v
			}
		}
	}
}

// channelStats returns mean and standard deviation (with N) of each channel of pixels in [0, 1]. It
// sums whole numbers, so that the result is the same everywhere.
func channelStats(images []byte, channels int) (mean, std []float64) {
	counts := make([][256]uint64, channels)
	switch channels {
	case 3:
		a, b, c := &counts[0], &counts[1], &counts[2]
		for i := 0; i+2 < len(images); i += 3 {
			a[images[i]]++
			b[images[i+1]]++
			c[images[i+2]]++
		}
	default:
		for i, v := range images {
			counts[i%channels][v]++
		}
	}
	mean, std = make([]float64, channels), make([]float64, channels)
	for c := range counts {
		var n, sum, squares uint64
		for v, k := range counts[c] {
			n += k
			sum += k * uint64(v)
			squares += k * uint64(v) * uint64(v)
		}
		m := float64(sum) / float64(n) / 255
		mean[c], std[c] = m, math.Sqrt(max(0, float64(squares)/float64(n)/(255*255)-m*m))
	}
	return mean, std
}
