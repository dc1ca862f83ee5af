package data

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gocollapse/collapse/record"
)

// contextReader ends with the context's error once it is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// read hands the content of the member in folder to decode, unpacked if it is
// gzipped, and hashes it on the way. decode must take the content to its end or
// fail; it is told the member's size, which is that of the packed file if gzipped.
func (m member) read(ctx context.Context, folder string, decode func(r io.Reader, size int64) error) (sum, error) {
	size, err := m.checkSize(folder)
	if err != nil {
		return sum{}, err
	}
	path := m.path(folder)
	f, err := os.Open(path)
	if err != nil {
		return sum{}, fmt.Errorf("data: %w", err)
	}
	defer f.Close()
	h := newHashes(m.MD5 != "")
	raw := io.TeeReader(contextReader{ctx, f}, h)
	s, content := sum{}, ""
	if strings.HasSuffix(path, ".gz") {
		content, err = unzip(raw, size, decode)
	} else {
		err = decode(raw, size)
	}
	if err == nil {
		// gzip reads ahead to the file's end, so this finds nothing, unless bytes
		// were left that no hash has seen.
		_, err = io.Copy(io.Discard, raw)
	}
	if err != nil {
		return sum{}, fmt.Errorf("data: %s: %w", path, err)
	}
	s.File = record.File{Name: filepath.Base(path), Size: size, SHA256: h.sha256()}
	s.MD5, s.Content = h.md5sum(), content
	if content == "" {
		s.Content = s.SHA256
	}
	return s, nil
}

// unzip hands what is in a gzipped file to decode and returns its SHA-256.
func unzip(r io.Reader, size int64, decode func(r io.Reader, size int64) error) (string, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return "", fmt.Errorf("not a gzip file: %w", err)
	}
	h := sha256.New()
	if err := decode(io.TeeReader(z, h), size); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

// hashes computes SHA-256, and MD5 where asked, side by side.
type hashes struct{ sha, md hash.Hash }

func newHashes(withMD5 bool) hashes {
	h := hashes{sha: sha256.New()}
	if withMD5 {
		h.md = md5.New()
	}
	return h
}

func (h hashes) Write(p []byte) (int, error) {
	h.sha.Write(p)
	if h.md != nil {
		h.md.Write(p)
	}
	return len(p), nil
}

func (h hashes) sha256() string { return fmt.Sprintf("%x", h.sha.Sum(nil)) }

func (h hashes) md5sum() string {
	if h.md == nil {
		return ""
	}
	return fmt.Sprintf("%x", h.md.Sum(nil))
}

// readSmall reads a file of at most limit bytes.
func readSmall(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAtMost(f, path, limit)
}

// readAtMost reads r to its end, which must come within limit bytes.
func readAtMost(r io.Reader, name string, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return b, err
}

// readExactly reads n bytes. It takes memory as they come, so that a file that
// declares more than it has costs no more than it has.
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

// parallel calls do for 0 to n−1 on all cores and returns the error of the least
// index that failed.
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

// transpose turns an image of planes whose columns run first, as MATLAB writes
// them, into rows of pixels: dst[y][x][c] = src[c][x][y].
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

// channelStats returns mean and standard deviation (with N) of each channel of
// pixels in [0, 1], from whole sums so that they are the same everywhere.
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
