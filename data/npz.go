package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"

	"github.com/gocollapse/collapse/data/archive"
	"github.com/gocollapse/collapse/npz"
	"github.com/gocollapse/collapse/record"
)

// npzPrefix is what Open takes before the path of a .npz file.
const npzPrefix = "npz:"

// maxNPZClasses bounds the classes of a .npz file.
const maxNPZClasses = 1 << 16

// OpenNPZ reads images from a .npz file as NumPy writes it: images, uint8 of shape N×H×W×C or N×H×W
// with C = 1 or 3, and labels, N whole numbers from 0. test_images and test_labels have the same
// form and may be absent. K is the largest label + 1, and each class must have a training image.
// The classes are named by their number.
func OpenNPZ(ctx context.Context, path string, o Options) (*Set, error) {
	name := npzPrefix + path // as a specification gives it
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	s, err := cached(ctx, o, origin{"npz", path, stampFile}, func() (*Set, error) {
		s, err := readNPZ(ctx, path)
		if err != nil {
			return nil, fmt.Errorf("data: %s: %w", path, err)
		}
		s.Info.Source, s.Info.Bytes = "folder", record.Unofficial
		s.complete("npz", "pixels as in the file; "+ownStatistics)
		return s, nil
	})
	if err != nil {
		return nil, err
	}
	s.Info.Name = name
	return s, nil
}

func readNPZ(ctx context.Context, path string) (*Set, error) {
	f, err := npz.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := &Set{}
	if err := s.readArrays(ctx, f, &s.Train, "images", "labels"); err != nil {
		return nil, err
	}
	if f.Has("test_images") || f.Has("test_labels") {
		if err := s.readArrays(ctx, f, &s.Test, "test_images", "test_labels"); err != nil {
			return nil, err
		}
	}
	k := int32(0)
	for _, l := range s.Train.Labels {
		k = max(k, l+1)
	}
	for i, l := range s.Test.Labels {
		if l >= k {
			return nil, fmt.Errorf("test_labels: label %d is %d; the training labels are 0 to %d", i, l, k-1)
		}
	}
	has := make([]bool, k)
	for _, l := range s.Train.Labels {
		has[l] = true
	}
	for i, ok := range has {
		if !ok {
			return nil, fmt.Errorf("labels: class %d has no training image, and class %d has; "+
				"number the classes from 0 without gaps", i, k-1)
		}
		s.Info.Classes = append(s.Info.Classes, strconv.Itoa(i))
	}
	file := archive.Member{Name: filepath.Base(path), Max: math.MaxInt64}
	sum, err := file.Read(ctx, filepath.Dir(path), archive.Discard)
	if err != nil {
		return nil, err
	}
	s.Info.Files = []record.File{sum.File}
	return s, nil
}

// readArrays reads one split. The first sets the size of the set's images.
func (s *Set) readArrays(ctx context.Context, f *npz.File, split *Split, images, labels string) error {
	a, err := f.Array(images)
	if err != nil {
		return err
	}
	l, err := f.Array(labels)
	if err != nil {
		return err
	}
	shape := a.Shape
	if len(shape) == 3 {
		shape = append(shape[:3:3], 1)
	}
	within := func(n, most int) bool { return n >= 1 && n <= most }
	if len(shape) != 4 || shape[0] < 1 || !within(shape[1], maxSide) || !within(shape[2], maxSide) ||
		shape[3] != 1 && shape[3] != 3 {
		return fmt.Errorf("array %q has shape %v; want N×H×W×C or N×H×W with N ≥ 1, H and W from 1 to %d "+
			"and C = 1 or 3; from N×C×H×W take numpy.transpose(x, (0, 2, 3, 1))", images, a.Shape, maxSide)
	}
	if a.DType != "|u1" {
		return fmt.Errorf("array %q is of type %q; want uint8, 0 to 255", images, a.DType)
	}
	if len(l.Shape) != 1 || l.Shape[0] != shape[0] {
		return fmt.Errorf("array %q has shape %v; want %d labels, one for each of %q",
			labels, l.Shape, shape[0], images)
	}
	if s.Height == 0 {
		s.Height, s.Width, s.Channels = shape[1], shape[2], shape[3]
	} else if s.Height != shape[1] || s.Width != shape[2] || s.Channels != shape[3] {
		return fmt.Errorf("array %q has images of %v, the training images are %d×%d×%d",
			images, shape[1:], s.Height, s.Width, s.Channels)
	}
	if split.Labels, err = l.Int32s(); err != nil {
		return err
	}
	for i, v := range split.Labels {
		if v < 0 || v >= maxNPZClasses {
			return fmt.Errorf("array %q: label %d is %d, want 0 to %d", labels, i, v, maxNPZClasses-1)
		}
	}
	r, err := a.Reader()
	if err != nil {
		return err
	}
	defer r.Close()
	buf := make([]int32, 1<<16)
	for {
		n, err := r.Int32(buf)
		for _, v := range buf[:n] {
			if v < 0 || v > math.MaxUint8 {
				return fmt.Errorf("array %q: %d is no byte", images, v)
			}
			split.Images = append(split.Images, byte(v))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}
