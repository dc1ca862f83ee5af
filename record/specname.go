package record

import (
	"path/filepath"
	"strconv"
	"strings"
)

// DefaultName names a run after its settings and its seed: cifar10-resnet18-w64-ce-s2021.
func (s Spec) DefaultName() string { return s.SettingsName() + "-s" + strconv.FormatInt(s.Seed, 10) }

// SettingsName is DefaultName without the seed: data set, network, width, images per class unless
// all are taken, and loss.
func (s Spec) SettingsName() string {
	dataset := s.Dataset
	for _, p := range Prefixes {
		if path, ok := strings.CutPrefix(dataset, p); ok {
			dataset = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		}
	}
	parts := []string{dataset, s.Model, "w" + strconv.Itoa(s.Width)}
	if s.TrainPerClass > 0 {
		parts = append(parts, strconv.Itoa(s.TrainPerClass))
	}
	return strings.Join(append(parts, s.Loss.Slug()), "-")
}
