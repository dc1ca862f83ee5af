package models_test

import (
	"testing"

	"github.com/gocollapse/collapse/models"
)

// Kept is what counting by hand gives: of ResNet-18 at width 1 on 8×8 pixels and of
// the two small networks.
func TestKept(t *testing.T) {
	const head = 8 + 5 // features and classes
	for _, c := range []struct {
		name string
		o    models.Options
		want int
	}{
		// The stem and four convolutions of the first stage at 8×8, before and after ReLU; then
		// four at 4×4, 2×2 and 1×1 with a projection each.
		{"resnet18", models.Options{}, 192 + 2*64*5 + (8+1)*16*2 + (8+1)*4*4 + (8+1)*1*8 + head},
		// Half of it in the stem, a quarter after pooling.
		{"resnet18", models.Options{Stem: models.StemOriginal}, 192 + 2*16 + 4 + 2*4*4 + (8+1)*1*(2+4+8) + head},
		{"cnn", models.Options{}, 192 + 2*64 + 16*(1+2*2) + 4*(2+2*4) + 1*(4+2*8) + head},
		{"mlp", models.Options{Size: 8, Depth: 3}, 192 + 2*3 + 1 + 5},
	} {
		c.o.Width, c.o.Channels, c.o.Classes = 1, 3, 5
		net, err := models.Build(c.name, c.o)
		if err != nil {
			t.Fatal(err)
		}
		if got := net.Kept(8, 8); got != c.want {
			t.Errorf("%s %+v: %d, want %d", c.name, c.o, got, c.want)
		}
	}
}
