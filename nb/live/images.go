package live

import (
	"context"
	"fmt"
	"slices"

	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/figures"
)

// Images draws the first training images of every class of a data set, as the network sees them.
// The caption counts images and classes. What is not embedded must be on the disk, see collapse
// data.
func Images(dataset string, perClass int) (*figures.Figure, error) {
	set, err := data.Open(context.Background(), dataset, data.Options{})
	if err != nil {
		return nil, err
	}
	counts := make([]int, len(set.Info.Classes))
	for _, label := range set.Train.Labels {
		counts[label]++
	}
	each := fmt.Sprintf("%d to %d", slices.Min(counts), slices.Max(counts))
	if slices.Min(counts) == slices.Max(counts) {
		each = fmt.Sprint(counts[0])
	}
	return figures.Images(figures.Samples{
		Title: fmt.Sprintf("The first training images of %d classes", len(counts)),
		Caption: fmt.Sprintf("%d training images, %s of each class, and %d test images; %d×%d pixels in %d channels. "+
			"Preparation: %s. Licence: %s.", set.Info.Train, each, set.Info.Test, set.Height, set.Width, set.Channels,
			set.Info.Preparation, set.Info.Licence),
		Pixels: set.Train.Images, Labels: set.Train.Labels, Classes: set.Info.Classes,
		Height: set.Height, Width: set.Width, Channels: set.Channels, PerClass: perClass,
	})
}
