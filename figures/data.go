package figures

import (
	"fmt"
	"strings"

	"github.com/gocollapse/collapse/record"
)

// mostRows is how many classes DataSet shows with several pictures each.
const mostRows = 20

// DataSet draws pictures of a data set. Up to 20 classes are drawn as Images does, one class per
// row. More classes have one picture each, 20 per row, and a row is named by its first and its last
// class. It is an error if sizes do not fit together, or if one of more than 20 classes has no
// picture.
func DataSet(s Samples) (*Figure, error) {
	k := len(s.Classes)
	if k <= mostRows {
		return Images(s)
	}
	one := s.Height * s.Width * s.Channels
	if one < 1 || len(s.Pixels) != one*len(s.Labels) {
		return nil, fmt.Errorf("figures: %d bytes of pixels for %d pictures of %d×%d×%d",
			len(s.Pixels), len(s.Labels), s.Height, s.Width, s.Channels)
	}
	first := make([]int, k)
	for i := range first {
		first[i] = -1
	}
	for i, l := range s.Labels {
		if l < 0 || int(l) >= k {
			return nil, fmt.Errorf("figures: picture %d has label %d; want 0 to %d", i, l, k-1)
		}
		if first[l] < 0 {
			first[l] = i
		}
	}
	// The rows are the classes of a smaller picture.
	t := s
	t.Pixels, t.Labels, t.Classes, t.PerClass = nil, nil, nil, mostRows
	for c, i := range first {
		if i < 0 {
			return nil, fmt.Errorf("figures: class %d (%s) has no picture", c, s.Classes[c])
		}
		t.Pixels = append(t.Pixels, s.Pixels[i*one:(i+1)*one]...)
		t.Labels = append(t.Labels, int32(c/mostRows))
		if c%mostRows == 0 {
			t.Classes = append(t.Classes, fmt.Sprintf("%s … %s", s.Classes[c], s.Classes[min(c+mostRows, k)-1]))
		}
	}
	f, err := Images(t)
	if err != nil {
		return nil, err
	}
	f.Alt = fmt.Sprintf("One picture of each of %d classes: %s.", k, strings.Join(s.Classes, ", "))
	return f, nil
}

// SamplesCaption is the caption of DataSet for the pictures of a data set: what they are, how they
// were prepared and where they come from.
func SamplesCaption(d record.Data) string {
	s := fmt.Sprintf("The first training pictures of each class; %s of %d×%d pixels, %s. Preparation: %s.",
		d.Counts(), d.Height, d.Width, d.Bytes, d.Preparation)
	if d.Licence != "" {
		s += " Licence: " + d.Licence + "."
	}
	if d.Citation != "" {
		s += " " + d.Citation + "."
	}
	return s
}
