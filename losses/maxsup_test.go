package losses_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gocollapse/collapse/record"
)

// Where the label has the largest logit MaxSup is label smoothing; elsewhere it is larger by
// δ(z_max − z_y).
func TestMaxSupAndLabelSmoothing(t *testing.T) {
	const n, classes, delta = 40, 4, 0.1
	logits, labels := samples(n, classes, 2)
	maxSup, gradMaxSup := loss64(t, record.Loss{Name: "maxsup", Delta: delta})(logits, labels)
	smoothing, gradSmoothing := loss64(t, record.Loss{Name: "ls", Delta: delta})(logits, labels)
	right := 0
	for i, z := range logits {
		top := slices.Max(z)
		if want := smoothing[i] + delta*(top-z[labels[i]]); math.Abs(maxSup[i]-want) > 1e-12 {
			t.Errorf("sample %d: %v, want %v", i, maxSup[i], want)
		}
		for k := range classes {
			want := gradSmoothing[i*classes+k]
			if z[k] == top {
				want += delta
			}
			if int32(k) == labels[i] {
				want -= delta
			}
			if got := gradMaxSup[i*classes+k]; math.Abs(got-want) > 1e-12 {
				t.Errorf("sample %d: gradient %d is %v, want %v", i, k, got, want)
			}
		}
		if z[labels[i]] == top {
			right++
		}
	}
	if right == 0 || right == n {
		t.Errorf("the label has the largest logit in %d of %d samples, want some", right, n)
	}
}
